"""Whole answers in one write."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from service.exchange import LONGEST
from service.whole import send_whole
from tests.service.live import Live, read_answer, request_bytes


def cycle_of(**changes: Any) -> Any:
    """What uvicorn keeps of a request, as far as it matters here, and what was written."""
    written: list[bytes] = []
    fields: dict[str, Any] = {
        "flow": SimpleNamespace(write_paused=False),
        "disconnected": False,
        "response_started": False,
        "response_complete": False,
        "keep_alive": True,
        "waiting_for_100_continue": True,
        "default_headers": [(b"date", b"today")],
        "transport": SimpleNamespace(write=written.append),
        "message_event": SimpleNamespace(set=lambda: written.append(b"SET")),
        "on_response": lambda: written.append(b"DONE"),
        "written": written,
    }
    return SimpleNamespace(**{**fields, **changes})


def test_head_and_body_are_one_write() -> None:
    cycle = cycle_of()
    assert send_whole(cycle, 200, b"content-length: 2\r\n\r\n", b"{}")
    assert cycle.written == [b"HTTP/1.1 200 OK\r\ndate: today\r\ncontent-length: 2\r\n\r\n{}", b"SET", b"DONE"]
    assert (cycle.response_started, cycle.response_complete, cycle.waiting_for_100_continue) == (True, True, False)


@pytest.mark.parametrize(
    "changes",
    [
        {"flow": SimpleNamespace(write_paused=True)},
        {"disconnected": True},
        {"response_started": True},
        {"keep_alive": False},
    ],
)
def test_where_it_cannot_be_done_nothing_is_sent(changes: dict[str, Any]) -> None:
    cycle = cycle_of(**changes)
    assert not send_whole(cycle, 200, b"\r\n", b"{}")
    assert cycle.written == []


def test_a_connection_that_is_to_be_closed_is_answered_the_ordinary_way(live: Live) -> None:
    with live.connect() as connection:
        connection.sendall(request_bytes("/value", {"expr": "1+1"}, connection="close"))
        status, data = read_answer(connection)
        assert status == 200
        assert b"connection: close" in data
        assert connection.recv(1) == b""


def test_both_ways_answer_alike(live: Live) -> None:
    heads = []
    # The second one is longer than what is copied into one write.
    for size in (10, LONGEST // 4):
        with live.connect() as connection:
            connection.sendall(request_bytes("/value", {"expr": f"zeros({size})"}))
            status, data = read_answer(connection)
        assert status == 200
        head, _, body = data.partition(b"\r\n\r\n")
        assert len(body) == int(head.lower().partition(b"content-length: ")[2].split(b"\r")[0])
        heads.append([line.partition(b":")[0].lower() for line in head.split(b"\r\n")])
    assert heads[0] == heads[1]
