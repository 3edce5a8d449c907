"""What every shelf does alike: in memory, in a file, and on a PostgreSQL server."""

from __future__ import annotations

import math
import threading
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from multiprocessing import get_context
from multiprocessing.synchronize import Barrier
from pathlib import Path
from typing import Any

import pytest

from engine.limits import Limits
from service.jobs.job import Entry, Job, Progress
from service.jobs.jobs import Jobs
from service.jobs.machine import Claimed, happened
from service.jobs.memory import MemoryShelf
from service.jobs.rows import REMEMBERED, DatabaseShelf
from service.jobs.shelf import Chunk, Pulse, Shelf, Transaction
from service.jobs.undertakings import settling
from service.settings import Settings
from service.store.database import Database
from tests.service.jobs.making import job_of, settings_of
from tests.service.live import PATIENCE

FULL = Job(
    id="job_full",
    created=1_700_000_000_123,
    told={"objective": {"expr": "β\x00\ud800"}, "why": None},
    max_steps=2**53,
    state="failed",
    attempts=3,
    losses=2,
    owner="host:1",
    lease=1_700_000_000_456,
    cancelling=5,
    started=6,
    finished=7,
    progress=Progress(4, math.inf, -0.0, 2**40),
    result={"value": 1e-320, "starts": [{"step": 1}]},
    error={"detail": "é"},
    story=(Entry(1, "Posted"), Entry(2, "Claimed", "attempt 1 by me")),
    revision=77,
)
"""A job with something in every field."""


def _insert(shelf: Shelf, *names: str, **fields: Any) -> list[Job]:
    with shelf.write() as t:
        return [t.insert(job_of(name, **fields), None, "") for name in names]


def _ids(jobs: Any) -> list[str]:
    return [job.id.removeprefix("job_") for job in jobs]


def test_a_job_comes_back_as_it_was(shelf: Shelf) -> None:
    with shelf.write() as t:
        inserted = t.insert(FULL, None, "")
    assert inserted == replace(FULL, number=inserted.number)
    assert inserted.number > 0
    with shelf.read() as t:
        found = t.find("job_full")
        assert found == inserted
        assert found is not None
        assert str(found.progress.best) == "-0.0"
        assert t.find("job_other") is None


def test_what_is_saved_takes_the_place_of_what_was(shelf: Shelf) -> None:
    first, other = _insert(shelf, "a", "b")
    changed = replace(FULL, id=first.id, number=first.number)
    with shelf.write() as t:
        t.save(changed)
    with shelf.read() as t:
        assert t.find("job_a") == changed
        assert t.find("job_b") == other
        assert t.count() == 2


def test_not_a_number_is_kept(shelf: Shelf) -> None:
    (job,) = _insert(shelf, "a", progress=Progress(1, math.nan, None, 1))
    with shelf.read() as t:
        found = t.find("job_a")
        assert found is not None
        assert math.isnan(found.progress.value or 0)
        assert found.number == job.number


def test_numbers_follow_the_order_and_are_given_once(shelf: Shelf) -> None:
    a, b = _insert(shelf, "a", "b")
    with shelf.write() as t:
        t.delete(b)
    (c,) = _insert(shelf, "c")
    assert a.number < b.number < c.number


def test_keys(shelf: Shelf) -> None:
    with shelf.write() as t:
        job = t.insert(job_of("a"), "key", "digest")
        t.insert(job_of("b"), None, "")
        t.insert(job_of("c"), None, "")
    with shelf.read() as t:
        assert t.by_key("key") == ("job_a", "digest")
        assert t.by_key("Key") is None
    with shelf.write() as t:
        # A key stays with its job, whatever becomes of that.
        t.save(replace(job, state="failed", finished=1))
        assert t.by_key("key") == ("job_a", "digest")
        t.delete(job)
        assert t.by_key("key") is None


def test_the_queue_is_in_order(shelf: Shelf) -> None:
    a, b, c = _insert(shelf, "a", "b", "c")
    with shelf.write() as t:
        assert t.next_queued() == a
        assert [t.waiting_before(job) for job in (a, b, c)] == [0, 1, 2]
        t.save(replace(a, state="running"))
        assert t.next_queued() == b
        assert [t.waiting_before(job) for job in (b, c)] == [0, 1]
        t.save(replace(b, state="cancelled", finished=1))
        # One that comes back to the queue is the first again.
        t.save(a)
        assert t.next_queued() == a
        t.save(replace(a, state="succeeded", finished=2))
        assert t.next_queued() == c
        t.delete(replace(c, state="failed"))
        assert t.next_queued() is None


def test_overdue_are_those_whose_lease_is_over(shelf: Shelf) -> None:
    early, late = _insert(shelf, "early", "late", state="running", lease=100)
    _insert(shelf, "queued", lease=0)
    _insert(shelf, "ended", lease=0, state="failed", finished=1)
    with shelf.write() as t:
        t.save(replace(late, lease=200))
        assert [_ids(t.overdue(now)) for now in (100, 101, 200, 201)] == [[], ["early"], ["early"], ["early", "late"]]
        t.save(replace(early, lease=300))
        assert _ids(t.overdue(201)) == ["late"]


def test_counts(shelf: Shelf) -> None:
    _insert(shelf, "a", "b")
    _insert(shelf, "c", state="running")
    _insert(shelf, "d", state="failed", finished=1)
    with shelf.read() as t:
        assert (t.count(), t.count("queued"), t.count("running"), t.count("succeeded")) == (4, 2, 1, 0)
        assert t.count("queued", "failed") == 3


def test_pages_have_the_newest_first_and_nothing_twice(shelf: Shelf) -> None:
    for name in "abcdefg":
        _insert(shelf, name, state="running" if name in "bdf" else "queued")
    with shelf.read() as t:
        assert _ids(t.page(None, None, 3)) == ["g", "f", "e"]
        assert _ids(t.page("running", None, 2)) == ["f", "d"]
        assert _ids(t.page("failed", None, 2)) == []
        first = t.page(None, None, 3)[-1].number
    _insert(shelf, "h")
    with shelf.read() as t:
        assert _ids(t.page(None, first, 3)) == ["d", "c", "b"]
        assert _ids(t.page("running", first, 9)) == ["d", "b"]
        assert _ids(t.page(None, 1, 3)) == []


def test_finished_jobs_have_the_oldest_first(shelf: Shelf) -> None:
    for name, at in (("c", 30), ("a", 10), ("b", 20), ("d", 30)):
        _insert(shelf, name, state="cancelled", finished=at)
    _insert(shelf, "running", state="running")
    with shelf.read() as t:
        assert _ids(t.finished(None, 9)) == ["a", "b", "c", "d"]
        assert _ids(t.finished(None, 2)) == ["a", "b"]
        assert _ids(t.finished(30, 9)) == ["a", "b"]
        assert _ids(t.finished(10, 9)) == []


def test_pulses(shelf: Shelf) -> None:
    _insert(shelf, "a", progress=Progress(3, 1.0, 1.0, 4), revision=5)
    _insert(shelf, "b", state="running")
    _insert(shelf, "c")
    with shelf.read() as t:
        assert t.pulses(["job_a", "job_b", "job_x"]) == {
            "job_a": Pulse("queued", 4, 5),
            "job_b": Pulse("running", 0, 0),
        }
        assert t.pulses([]) == {}


def test_contents(shelf: Shelf) -> None:
    a, b = _insert(shelf, "a", "b")
    with shelf.write() as t:
        assert t.content(a.number, "task") is None
        t.put(a.number, "task", b"\x00task\xff")
        t.put(a.number, "state", b"")
        t.put(b.number, "state", b"other")
        assert t.content(a.number, "task") == b"\x00task\xff"
        assert t.content(a.number, "state") == b""
        t.put(a.number, "state", b"next")
        assert t.content(a.number, "state") == b"next"
        t.put(a.number, "state", None)
        t.put(a.number, "points", None)
        assert t.content(a.number, "state") is None
        assert t.content(b.number, "state") == b"other"


def test_chunks_are_found_by_every_row_in_them(shelf: Shelf) -> None:
    a, b = _insert(shelf, "a", "b")
    chunks = [Chunk(0, 3, b"abc"), Chunk(3, 1, b"d"), Chunk(4, 5, b"efghi")]
    with shelf.write() as t:
        for chunk in chunks:
            t.append(a.number, chunk)
        t.append(b.number, Chunk(0, 1, b"x"))
    with shelf.read() as t:
        assert [t.chunk(a.number, i) for i in range(9)] == [chunks[0]] * 3 + [chunks[1]] + [chunks[2]] * 5
        assert [t.chunk(a.number, i) for i in (-1, 9, 100)] == [None] * 3
        assert t.chunk(b.number, 0) == Chunk(0, 1, b"x")
        assert t.chunk(b.number, 1) is None


@pytest.mark.parametrize("first", [0, 1, 3, 100])
def test_a_history_has_no_gap_and_no_overlap(shelf: Shelf, first: int) -> None:
    (a,) = _insert(shelf, "a")
    with shelf.write() as t:
        t.append(a.number, Chunk(0, 2, b"ab"))

    def append() -> None:
        with shelf.write() as t:
            t.append(a.number, Chunk(first, 2, b"cd"))

    with pytest.raises(AssertionError, match="the history has 2 rows"):
        append()
    with shelf.read() as t:
        assert t.chunk(a.number, 0) == Chunk(0, 2, b"ab")


def test_everything_that_is_kept_is_counted(shelf: Shelf) -> None:
    a, b = _insert(shelf, "a", "b")
    with shelf.write() as t:
        assert t.bytes() == 0
        t.put(a.number, "task", bytes(1000))
        t.put(a.number, "state", bytes(500))
        t.append(a.number, Chunk(0, 3, bytes(70)))
        t.append(a.number, Chunk(3, 3, bytes(7)))
        t.put(b.number, "points", bytes(20_000))
        assert t.bytes() == 1000 + 500 + 77 + 20_000
        t.put(a.number, "state", bytes(300))
        assert t.bytes() == 1000 + 300 + 77 + 20_000
        # Saving the row is not the same as what belongs to it.
        t.save(replace(a, attempts=1))
        t.put(a.number, "state", None)
        t.put(a.number, "state", None)
        assert t.bytes() == 1000 + 77 + 20_000
        t.delete(b)
        assert t.bytes() == 1077


def test_deleting_takes_all_that_belongs_to_a_job(shelf: Shelf) -> None:
    a, b = _insert(shelf, "a", "b")
    with shelf.write() as t:
        for job in (a, b):
            t.put(job.number, "task", b"task")
            t.append(job.number, Chunk(0, 1, b"x"))
        t.delete(a)
    with shelf.read() as t:
        assert t.find("job_a") is None
        assert t.content(a.number, "task") is None
        assert t.chunk(a.number, 0) is None
        assert (t.was_deleted("job_a"), t.was_deleted("job_b"), t.was_deleted("job_x")) == (True, False, False)
        assert t.find("job_b") == b
        assert t.content(b.number, "task") == b"task"


def test_a_block_that_raises_is_undone(shelf: Shelf) -> None:
    a, b = _insert(shelf, "a", "b")
    with shelf.write() as t:
        t.put(a.number, "task", b"task")
        t.append(a.number, Chunk(0, 1, b"x"))

    def fail() -> None:
        with shelf.write() as t:
            t.insert(job_of("c"), "key", "")
            t.save(replace(a, state="running"))
            t.put(a.number, "task", b"other")
            t.put(a.number, "state", b"state")
            t.append(a.number, Chunk(1, 1, b"y"))
            t.delete(b)
            raise RuntimeError("half way")

    with pytest.raises(RuntimeError, match="half way"):
        fail()
    with shelf.read() as t:
        assert (t.count(), t.find("job_a"), t.find("job_b")) == (2, a, b)
        assert (t.by_key("key"), t.was_deleted("job_b")) == (None, False)
        assert (t.content(a.number, "task"), t.content(a.number, "state")) == (b"task", None)
        assert (t.chunk(a.number, 0), t.chunk(a.number, 1)) == (Chunk(0, 1, b"x"), None)
        assert t.bytes() == 5


def test_the_time_goes_on(shelf: Shelf) -> None:
    with shelf.read() as t:
        first, second = t.now(), t.now()
    assert 1_600_000_000_000 < first <= second


def test_the_clock_of_the_shelf_in_memory_can_be_set() -> None:
    with MemoryShelf(lambda: 42).read() as t:
        assert t.now() == 42


def test_the_oldest_deleted_jobs_are_forgotten(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert REMEMBERED >= 1000
    monkeypatch.setattr("service.jobs.rows.REMEMBERED", 2)
    database = Database(settings_of(tmp_path))
    shelf = DatabaseShelf(database)
    for job in _insert(shelf, "a", "b", "c"):
        with shelf.write() as t:
            t.delete(job)
    with shelf.read() as t:
        assert [t.was_deleted(f"job_{name}") for name in "abc"] == [False, True, True]
    database.close()


def test_readers_do_not_wait_for_a_writer_and_see_one_state(stored: Settings) -> None:
    database = Database(stored)
    shelf = DatabaseShelf(database)
    (a,) = _insert(shelf, "a")
    seen: list[int] = []

    def read() -> None:
        with shelf.read() as t:
            seen.append(t.count())

    with shelf.read() as reader:
        assert reader.count() == 1
        with shelf.write() as t:
            t.insert(job_of("b"), None, "")
            thread = threading.Thread(target=read, daemon=True)
            thread.start()
            thread.join(PATIENCE)
            assert seen == [1]
        # What was committed since is not seen in the middle of a transaction.
        assert reader.count() == 1
        assert reader.find("job_b") is None
    with shelf.read() as t:
        assert t.count() == 2
        assert t.find("job_a") == a
    database.close()


def test_writers_take_turns(shelf: Shelf) -> None:
    (job,) = _insert(shelf, "a")

    def count_up() -> None:
        for _ in range(10):
            with shelf.write() as t:
                found = t.find("job_a")
                assert found is not None
                t.save(replace(found, revision=found.revision + 1))

    threads = [threading.Thread(target=count_up) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE)
    with shelf.read() as t:
        assert t.find("job_a") == replace(job, revision=40)


def _claims(shelf: Shelf, settings: Settings, owner: str) -> list[str]:
    jobs = Jobs(shelf, settings, settling(Limits()))
    found = []
    while (claim := jobs.claim(owner)) is not None:
        assert claim.job.owner == owner
        found.append(claim.job.id)
    return found


def test_threads_claim_each_job_once(shelf: Shelf) -> None:
    settings = Settings()
    names = [f"{i:02}" for i in range(24)]
    for job in _insert(shelf, *names):
        with shelf.write() as t:
            t.put(job.number, "task", b"task")
    found: dict[int, list[str]] = {}
    barrier = threading.Barrier(4)

    def claim(number: int) -> None:
        barrier.wait(PATIENCE)
        found[number] = _claims(shelf, settings, f"thread {number}")

    threads = [threading.Thread(target=claim, args=(i,)) for i in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE)
    claimed = Counter(id for ids in found.values() for id in ids)
    assert claimed == Counter(f"job_{name}" for name in names)
    # Each thread got its jobs in the order of the queue.
    assert all(ids == sorted(ids) for ids in found.values())


_together: Barrier | None = None


def _meet(barrier: Barrier) -> None:
    global _together
    _together = barrier


def _claim_all(content: dict[str, Any], number: int) -> list[str]:
    settings = Settings.model_validate(content)
    database = Database(settings, migrated=True)
    shelf = DatabaseShelf(database)
    assert _together is not None
    _together.wait(PATIENCE)
    found = _claims(shelf, settings, f"process {number}")
    database.close()
    return found


def test_processes_claim_each_job_once(stored: Settings) -> None:
    database = Database(stored)
    shelf = DatabaseShelf(database)
    names = [f"{i:02}" for i in range(30)]
    for job in _insert(shelf, *names):
        with shelf.write() as t:
            t.put(job.number, "task", b"task")
    context = get_context("spawn")
    with ProcessPoolExecutor(2, context, _meet, (context.Barrier(2),)) as pool:
        found = list(pool.map(_claim_all, [stored.model_dump()] * 2, range(2)))
    assert Counter(id for ids in found for id in ids) == Counter(f"job_{name}" for name in names)
    with shelf.read() as t:
        assert t.count("running") == 30
    database.close()


def test_what_the_machine_makes_is_what_the_shelf_keeps(shelf: Shelf) -> None:
    (job,) = _insert(shelf, "a")
    after, _ = happened(job, Claimed("me", 5), 4)
    with shelf.write() as t:
        t.save(after)
    with shelf.read() as t:
        assert t.find("job_a") == after


def _protocols(memory: MemoryShelf, rows: DatabaseShelf) -> tuple[Shelf, Shelf, type[Transaction]]:
    """For the type checker: both are shelves."""
    return memory, rows, Transaction
