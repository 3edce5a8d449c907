"""The server as its users run it."""

from __future__ import annotations

import json
import re
import shlex
import signal
import socket
import subprocess
import sys
import threading

from tests.service.live import PATIENCE, Live, read_answer, request_bytes, serving

# About 0.4 s per inverse here, twenty of them, each with a check of the budget before it.
HEAVY = {"expr": "+".join(["trace(inv(eye(800)+x))"] * 20), "at": {"x": 0.1}}
LIGHT = {"expr": "x^2", "at": {"x": 3}}


def test_the_announced_line_works_as_pasted(live: Live) -> None:
    (line,) = [line for line in live.announcement.splitlines() if "curl" in line]
    words = shlex.split(line)
    assert words[0] == "curl"
    done = subprocess.run(words, capture_output=True, timeout=PATIENCE, check=True)
    assert json.loads(done.stdout)["grad"] == {"x": 2.876553231625218, "y": 7.898243057013355}


def test_answers_are_identified_and_name_no_server(live: Live) -> None:
    with live.connect() as connection:
        connection.sendall(request_bytes("/grad", LIGHT, **{"x-request-id": "mine"}))
        _, data = read_answer(connection)
    head = data.partition(b"\r\n\r\n")[0].lower()
    assert b"x-request-id: mine" in head
    assert b"server-timing: parse;dur=" in head
    assert b"server: " not in head


def test_light_questions_are_answered_through_a_flood_of_heavy_ones(live: Live) -> None:
    statuses: list[int] = []
    threads = [
        threading.Thread(target=lambda: statuses.append(live.post("/value", HEAVY | {"at": {"x": 0.1}})[0]))
        for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    live.until(lambda: live.metric("adjoint_heavy_running") == 1, "a heavy question runs")
    for _ in range(20):
        assert live.post("/grad", LIGHT)[0] == 200
    for thread in threads:
        thread.join()
    assert set(statuses) <= {200, 422, 503}
    assert 503 in statuses
    assert statuses.count(503) < 8
    live.until(lambda: live.metric("adjoint_in_flight") == 1, "only the request that asks is in flight")


def test_a_client_that_leaves_frees_the_thread(live: Live) -> None:
    with live.connect() as connection:
        connection.sendall(request_bytes("/value", HEAVY))
        live.until(lambda: live.metric("adjoint_heavy_running") == 1, "the heavy question runs")
    live.until(lambda: live.metric("adjoint_heavy_running") == 0, "its thread is free")
    status, text = live.get("/metrics")
    assert status == 200
    assert re.search(rb'adjoint_requests_total{route="/value",status="499"} [1-9]', text)


def test_a_deadline_ends_a_computation() -> None:
    with serving(ADJOINT_RUN_SECONDS="0.3") as live:
        # Small pieces: what is estimated to take longer than the deadline is refused without a try.
        status, problem = live.post("/value", {"expr": "+".join(["sum(sin(x+arange(10^5)))"] * 400), "at": {"x": 0.1}})
        assert (status, problem["type"]) == (422, "/errors/budget-exceeded")
        live.until(lambda: live.metric("adjoint_heavy_running") == 0, "its thread is free")


def test_several_workers_share_the_port() -> None:
    with serving("--workers", "2", ADJOINT_THREADS="1") as live:
        identities = set()
        for _ in range(40):
            with live.connect() as connection:
                connection.sendall(request_bytes("/grad", LIGHT))
                status, data = read_answer(connection)
                assert status == 200
                found = re.search(rb"x-request-id: ([0-9a-f]+)-", data)
                assert found is not None
                identities.add(found[1])
        assert 1 <= len(identities) <= 2
        live.process.send_signal(signal.SIGTERM)
        assert live.process.wait(PATIENCE) == 0


def test_a_request_under_way_is_finished_before_the_end() -> None:
    with serving() as live, live.connect() as connection:
        connection.sendall(request_bytes("/value", {"expr": "trace(inv(eye(700)+x))", "at": {"x": 0.1}}))
        live.until(lambda: live.metric("adjoint_in_flight") == 2, "the heavy question is in flight")
        live.process.send_signal(signal.SIGTERM)
        assert read_answer(connection)[0] == 200
        assert live.process.wait(PATIENCE) == 0


def test_a_port_that_is_taken_is_told() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = subprocess.run(
            [sys.executable, "-m", "service.cli", "serve", "--port", str(port)],
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            check=False,
        )
    assert done.returncode != 0
    assert str(port) in done.stderr
    assert "Traceback" not in done.stderr
