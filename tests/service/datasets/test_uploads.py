"""Uploads: their types and sizes, clients that stop, leave or are slow, and what they leave behind: nothing."""

from __future__ import annotations

import asyncio
import json
import os
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from service.protocol import LEAST_RATE
from tests.service.asgi import Wire, scope_of
from tests.service.datasets.uploading import BINARY, CSV, Depot
from tests.service.live import Live, read_answer, serving

PAIRS = b"a,b\n1,2.5\n3,4.5\n"
JSON = {"content-type": "application/json"}


@pytest.mark.parametrize(
    "declared",
    ["text/csv", "Text/CSV; charset=UTF-8", 'text/csv;charset="utf-8"', "text/csv; header=present"],
)
def test_csv_by_any_of_its_names(depot: Depot, declared: str) -> None:
    assert depot.upload(PAIRS, {"content-type": declared}).status == 201


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"content-type": ""},
        {"content-type": "text/plain"},
        {"content-type": "application/x-www-form-urlencoded"},
        {"content-type": "multipart/form-data; boundary=x"},
        {"content-type": "text/csv; charset=latin-1"},
        {"content-type": "ü" * 3000},
        CSV | {"content-encoding": "gzip"},
        BINARY,
    ],
)
def test_other_types_are_refused(depot: Depot, headers: dict[str, str]) -> None:
    answered = depot.upload(PAIRS, headers)
    assert (answered.status, answered.name) == (415, "unsupported-media-type")
    assert "content-encoding" in headers or "text/csv" in answered.problem["hint"]
    assert len(answered.body) < 1000
    assert depot.files() == []


@pytest.mark.parametrize(
    ("content", "pointers"),
    [
        ({"x": [1, [2]]}, ["/x/1"]),
        ({"x": [1, "a"], "y": [None]}, ["/x/1", "/y/0"]),
        ({"columns": {"x": [True, 1]}}, ["/columns/x/0"]),
        ({"x": 3}, ["/x"]),
        ({"x": []}, ["/x"]),
        ({"a b": [1]}, ["/a b"]),
        ({"../x": [1]}, ["/..~1x"]),
        ({"x" * 101: [1]}, None),
        ({"x": {"dtype": "float64", "shape": [2], "base64": "AA"}}, ["/x/base64"]),
        ({"x": {"base64": 3}}, None),
        ({"x": ["a" * 201]}, ["/x"]),
        ({}, [""]),
        ([1], [""]),
        ("x", [""]),
        (None, [""]),
    ],
)
def test_faults_of_json_have_pointers(depot: Depot, content: object, pointers: list[str] | None) -> None:
    answered = depot.upload(json.dumps(content), JSON)
    assert (answered.status, answered.name) == (422, "invalid-request")
    assert pointers is None or answered.pointers == pointers


def test_json_that_is_none(depot: Depot) -> None:
    assert depot.upload(b'{"x": [1,', JSON).name == "invalid-json"
    assert depot.upload(b'{"x": ["\\ud800"]}', JSON).status in (400, 422)


def test_json_is_arrays_by_name(depot: Depot) -> None:
    plain = depot.kept(json.dumps({"x": [[1, 2]], "t": ["b"], "ok": [True]}), JSON)
    assert [c["dtype"] for c in plain["columns"]] == ["float64", "int64", "bool"]
    assert plain["columns"][1]["labels"] == ["b"]
    wrapped = depot.kept(json.dumps({"columns": {"x": [[1, 2]], "t": ["b"], "ok": [True]}}), JSON)
    assert wrapped["id"] == plain["id"]
    named = depot.kept(json.dumps({"columns": [1, "NaN"]}), JSON)
    assert [(c["name"], c["missing"]) for c in named["columns"]] == [("columns", 1)]


@pytest.mark.parametrize(("headers", "name"), [(CSV, "dataset_bytes"), (BINARY, "dataset_bytes"), (JSON, "body_bytes")])
def test_a_body_that_is_too_large(tmp_path: Path, headers: dict[str, str], name: str) -> None:
    depot = Depot(tmp_path, dataset_bytes=4096, body_bytes=2048)
    size = 4096 if name == "dataset_bytes" else 2048
    declared = depot.request("POST", "/datasets", [b"x"], headers | {"content-length": str(size + 1)})
    assert (declared.status, declared.problem["limit"]) == (413, {"name": name, "value": size, "given": size + 1})
    streamed = depot.request("POST", "/datasets", [b"1\n" * 300] * 20, headers)
    assert (streamed.status, streamed.problem["limit"]["name"]) == (413, name)
    assert depot.files() == []


def test_an_upload_in_pieces(depot: Depot) -> None:
    whole = b"a,b\n" + b"1.5,x\n" * 500_000
    pieces = [whole[begin : begin + 65_536] for begin in range(0, len(whole), 65_536)]
    answered = depot.request("POST", "/datasets", [*pieces, b""], CSV)
    assert (answered.status, answered.json()["rows"]) == (201, 500_000)


def test_a_client_that_stops_half_way_leaves_nothing(depot: Depot) -> None:
    async def story() -> Wire:
        wire = Wire([PAIRS * 200_000, PAIRS])
        wire.messages.pop()
        wire.gone.set()
        await depot.app(scope_of("POST", "/datasets", CSV), wire.receive, wire.send)
        return wire

    assert asyncio.run(story()).sent == []
    assert depot.files() == []
    assert depot.upload(PAIRS).status == 201


def test_more_uploads_at_a_time_than_are_allowed_are_refused(tmp_path: Path) -> None:
    depot = Depot(tmp_path, dataset_uploads=1)

    async def upload(wire: Wire) -> None:
        await depot.app(scope_of("POST", "/datasets", CSV), wire.receive, wire.send)

    async def story() -> tuple[int, int]:
        first, second = Wire([PAIRS, PAIRS]), Wire([PAIRS])
        rest = first.messages.pop()
        running = asyncio.create_task(upload(first))
        while first.messages:
            await asyncio.sleep(0.01)
        await upload(second)
        assert second.answered.name == "overloaded"
        assert "retry-after" in second.answered.headers
        first.gone.set()
        await running
        third = Wire([rest["body"]])
        await upload(third)
        return second.answered.status, third.answered.status

    assert asyncio.run(story()) == (503, 201)


def test_light_questions_are_answered_while_a_file_is_read(depot: Depot) -> None:
    upload, asking = Wire([b"a,b\n" + b"1.25,x\n" * 200_000]), Wire([b'{"expr":"x^2","at":{"x":3}}'])

    async def read() -> None:
        await depot.app(scope_of("POST", "/datasets", CSV), upload.receive, upload.send)

    async def story() -> tuple[int, int]:
        running = asyncio.create_task(read())
        while upload.messages:
            await asyncio.sleep(0.01)
        await depot.app(scope_of("POST", "/grad", JSON), asking.receive, asking.send)
        assert not running.done()
        await running
        return upload.answered.status, asking.answered.status

    assert asyncio.run(story()) == (201, 200)


@pytest.fixture(scope="module")
def slow(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Live, Path]]:
    """A server that waits for a second, and its folder."""
    folder = tmp_path_factory.mktemp("slow")
    with serving(ADJOINT_DATA_DIR=str(folder), ADJOINT_RECEIVE_SECONDS="1") as live:
        yield live, folder


def _begin(live: Live, length: int, path: str = "/datasets") -> socket.socket:
    connection = live.connect()
    head = f"POST {path} HTTP/1.1\r\nhost: test\r\ncontent-type: text/csv\r\ncontent-length: {length}\r\n\r\n"
    connection.sendall(head.encode())
    return connection


def _left(folder: Path) -> list[Path]:
    return [file for file in (folder / "datasets").rglob("*") if file.is_file()]


def test_an_upload_that_keeps_coming_is_not_dropped(slow: tuple[Live, Path]) -> None:
    live, _ = slow
    part = b"1\n" * (LEAST_RATE // 4)
    with _begin(live, 6 * len(part)) as connection:
        for _ in range(6):
            connection.sendall(part)
            time.sleep(0.4)
        assert read_answer(connection)[0] == 201


def test_a_slow_upload_is_dropped_and_leaves_nothing(slow: tuple[Live, Path]) -> None:
    live, folder = slow
    before = _left(folder)
    with _begin(live, 1000) as connection:
        connection.sendall(b"a,b\n")
        assert read_answer(connection)[0] == 0
    # A byte now and then does not keep it open.
    with _begin(live, 1000) as connection:
        begun = time.monotonic()
        try:
            while time.monotonic() < begun + 20:
                connection.sendall(b"1")
                time.sleep(0.1)
        except OSError:
            pass
        assert time.monotonic() < begun + 10
    live.until(lambda: live.metric("adjoint_in_flight") == 1, "the upload has ended")
    assert _left(folder) == before


def test_other_requests_end_in_time_however_much_comes(slow: tuple[Live, Path]) -> None:
    live, _ = slow
    with _begin(live, 10 * LEAST_RATE, "/grad") as connection:
        begun = time.monotonic()
        try:
            while time.monotonic() < begun + 20:
                connection.sendall(b" " * (LEAST_RATE // 8))
                time.sleep(0.1)
        except OSError:
            pass
        assert time.monotonic() < begun + 10


def test_a_server_that_is_killed_leaves_no_upload(tmp_path: Path) -> None:
    with serving(ADJOINT_DATA_DIR=str(tmp_path)) as live:
        with _begin(live, 4_000_000) as connection:
            connection.sendall(b"1\n" * 1_500_000)
            live.until(lambda: _open_files(live.process.pid, tmp_path) > 0, "the upload is being written")
            live.process.kill()
            live.process.wait()
        assert _left(tmp_path) == []


def _open_files(process: int, folder: Path) -> int:
    found = 0
    for entry in Path(f"/proc/{process}/fd").iterdir():
        try:
            found += os.readlink(entry).startswith(str(folder / "datasets"))
        except FileNotFoundError:
            continue
    return found
