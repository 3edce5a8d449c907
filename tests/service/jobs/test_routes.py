"""What the routes of jobs do that cannot be seen from outside: full queues, histories in chunks, and a store away."""

from __future__ import annotations

import csv
import io
import json
import sqlite3
from itertools import product
from pathlib import Path
from typing import Any

import pytest

from service.app import build, edged
from service.context import Context
from service.jobs.machine import Advanced, Succeeded
from service.store.database import FILE
from tests.service.asgi import JSON_TYPE, Answered, Client
from tests.service.jobs.making import progress_of, rows_of, settings_of

BODY: dict[str, Any] = {"expr": "x^2", "start": {"x": 1}, "method": {"name": "sgd", "lr": 0.1}}
FAR = 2**60


class House(Client):
    """A client of an application without workers, and its jobs, which the test works on."""

    def __init__(self, folder: Path, **settings: Any) -> None:
        self.log = io.StringIO()
        self.context = Context.build(settings_of(folder, **settings))
        super().__init__(edged(build(self.context), self.context, self.log))

    def posted(self, **fields: Any) -> str:
        """The id of a new job."""
        answered = self.post("/jobs", {**BODY, **fields})
        assert answered.status == 202, answered.body
        return str(answered.json()["id"])

    def worked(self, *counts: int, end: bool = True, **fields: Any) -> str:
        """The id of a job whose history came in chunks of so many rows."""
        id, jobs, first = self.posted(**fields), self.context.jobs, 0
        claim = jobs.claim("me")
        assert claim is not None
        keep = "record" in fields
        for count in counts:
            rows = rows_of(first, count, keep=keep)
            jobs.work(claim.job, Advanced(progress_of(first + count), FAR), rows, b"{}")
            first += count
        if end:
            done = Succeeded(progress_of(first), {"value": 1.0, "stop_reason": "converged", "last": None})
            jobs.finish(claim.job, done, rows_of(first, 0), b'{"variables": {}}')
        return id


@pytest.fixture
def house(tmp_path: Path) -> House:
    """An application."""
    return House(tmp_path)


def test_a_full_queue_is_refused_with_a_time(tmp_path: Path) -> None:
    house = House(tmp_path, job_queue=1)
    house.posted()
    refused = house.post("/jobs", BODY)
    assert (refused.status, refused.name, refused.headers["retry-after"]) == (503, "overloaded", "1")


def test_the_place_in_the_queue_is_told(house: House) -> None:
    ids = [house.posted() for _ in range(3)]
    assert [house.get(f"/jobs/{id}").json()["queue_position"] for id in ids] == [0, 1, 2]
    cancelled = house.request("POST", f"/jobs/{ids[0]}/cancel")
    assert (cancelled.status, cancelled.json()["state"], cancelled.json()["queue_position"]) == (200, "cancelled", None)
    assert [house.get(f"/jobs/{id}").json()["queue_position"] for id in ids] == [None, 0, 1]


def test_pages_of_a_history_in_chunks(house: House) -> None:
    id = house.worked(3, 1, 5, record={"variables": True})
    for after, limit in product((-1, 0, 2, 3, 8, 9, 50), (1, 3, 4, 5, 9, 1000)):
        page = house.get(f"/jobs/{id}/history?after={after}&limit={limit}").json()
        expected = list(range(9))[after + 1 :][:limit]
        assert page["index"] == page["step"] == expected
        assert page.get("variables", {"x": []}) == {"x": expected}
        last = expected[-1] if expected else after
        assert page["next"] == (None if last >= 8 else last)


def test_a_job_that_runs_has_a_next_page_always(house: House) -> None:
    id = house.worked(3, end=False)
    assert house.get(f"/jobs/{id}/history").json()["next"] == 2
    assert house.get(f"/jobs/{id}/history?after=2").json()["next"] == 2
    assert house.get(f"/jobs/{house.posted()}/history").json()["next"] == -1


def test_all_chunks_are_in_the_streams(house: House) -> None:
    id = house.worked(3, 1, 5)
    lines = house.get(f"/jobs/{id}/history?after=1&limit=1", accept="application/x-ndjson")
    assert [json.loads(line)["index"] for line in lines.body.splitlines()] == list(range(2, 9))
    table = house.get(f"/jobs/{id}/history", accept="text/csv, */*;q=0.1")
    rows = list(csv.DictReader(io.StringIO(table.body.decode(), newline="")))
    assert [row["index"] for row in rows] == [str(i) for i in range(9)]
    nothing = house.get(f"/jobs/{house.posted()}/history", accept="text/csv")
    assert nothing.body == b"index,step,value,grad_norm,learning_rate\r\n"
    assert house.get(f"/jobs/{id}/history?after=8", accept="application/x-ndjson").body == b""


@pytest.mark.parametrize("direction", [["minimize"], {}, 1, True])
def test_no_type_of_a_field_is_our_fault(house: House, direction: Any) -> None:
    assert house.post("/jobs", {**BODY, "direction": direction}).pointers == ["/direction"]


def test_a_key_again_is_answered_with_the_job_as_it_is(house: House) -> None:
    headers = {**JSON_TYPE, "idempotency-key": "k"}
    first = house.post("/jobs", BODY, headers)
    house.request("POST", f"/jobs/{first.json()['id']}/cancel")
    again = house.post("/jobs", BODY, {**headers, "prefer": "wait=1"})
    assert (again.status, again.json()["id"], again.json()["state"]) == (200, first.json()["id"], "cancelled")
    assert again.headers["preference-applied"] == "wait=1"
    assert again.headers["location"] == first.headers["location"]
    assert house.post("/jobs", {**BODY, "seed": 1}, headers).name == "conflict"


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/jobs"),
        ("GET", "/jobs/job_a"),
        ("POST", "/jobs/job_a/cancel"),
        ("DELETE", "/jobs/job_a"),
        ("POST", "/jobs"),
    ],
)
def test_a_store_that_is_away_is_told(tmp_path: Path, method: str, path: str) -> None:
    (tmp_path / FILE).write_bytes(b"this is not a database, whatever it is called" * 100)
    house = House(tmp_path)
    body = json.dumps(BODY).encode() if path == "/jobs" and method == "POST" else b""
    answered: Answered = house.request(method, path, [body], JSON_TYPE)
    assert (answered.status, answered.name) == (503, "unavailable")
    assert int(answered.headers["retry-after"]) >= 1
    assert "Traceback" not in house.log.getvalue()


def test_a_store_that_is_busy_does_not_hold_up_readers(tmp_path: Path) -> None:
    house = House(tmp_path, database_seconds=0.1)
    id = house.posted()
    other = sqlite3.connect(tmp_path / FILE, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    assert (
        house.get(f"/jobs/{id}").status == house.get("/jobs").status == house.get(f"/jobs/{id}/history").status == 200
    )
    assert house.request("POST", f"/jobs/{id}/cancel").name == "unavailable"
    other.execute("ROLLBACK")
    other.close()
    assert house.request("POST", f"/jobs/{id}/cancel").status == 200
