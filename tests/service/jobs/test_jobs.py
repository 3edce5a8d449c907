"""Jobs on a shelf: what is taken in, who may write, what is lost, cancelled, forgotten and read."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from engine.engine import Engine
from engine.errors import LimitExceeded
from engine.limits import Budget, Limits
from service.errors import Conflict, Gone, NotFound, Overloaded
from service.jobs.history import History
from service.jobs.job import Job, Progress
from service.jobs.jobs import DROPPED, Claim, Jobs, LostClaim
from service.jobs.machine import Advanced, Alive, Effect, Event, Failed, IllegalEvent, Released, Stopped, Succeeded
from service.jobs.memory import MemoryShelf
from service.jobs.results import with_points
from service.jobs.shelf import Shelf
from service.jobs.undertakings import settling
from service.settings import Settings
from tests.service.jobs.making import bytes_of, progress_of, rows_of, task_of, told_of

TASK = bytes_of(task_of())
FAR = 2**60
RESULT = {"value": 1.0, "stop_reason": "converged"}
PROBLEM = {"type": "/errors/internal", "detail": "it broke"}


def _jobs(shelf: Shelf, **settings: Any) -> Jobs:
    return Jobs(shelf, Settings(job_workers=0, **settings), settling(Limits()))


@pytest.fixture
def jobs(shelf: Shelf) -> Jobs:
    """Jobs with the defaults, on every shelf."""
    return _jobs(shelf)


def _add(jobs: Jobs, key: str | None = None, digest: str = "", task: bytes = TASK) -> Job:
    return jobs.add(task, told_of(), 20, key, digest)[0]


def _claimed(jobs: Jobs, owner: str = "me") -> Claim:
    claim = jobs.claim(owner)
    assert claim is not None
    return claim


def _ended(jobs: Jobs) -> Job:
    _add(jobs)
    return jobs.finish(_claimed(jobs).job, Succeeded(progress_of(1), RESULT), rows_of(0, 1), b"{}")


def _expire(shelf: Shelf, job: Job) -> None:
    """Have the lease of a job be over."""
    with shelf.write() as t:
        found = t.find(job.id)
        assert found is not None
        t.save(replace(found, lease=0))


def _state(steps: int) -> bytes:
    """The state of the run of `TASK` after so many steps."""
    run, _ = task_of().run(Engine(), Budget.starting_now(FAR))
    stream = run.steps()
    for _ in range(steps + 1):
        next(stream)
    return json.dumps(run.to_json()).encode()


def test_a_new_job_waits_with_all_that_was_told(jobs: Jobs) -> None:
    job, new = jobs.add(TASK, told_of(3, False, x=[2]), 77)
    assert new
    assert (job.state, job.max_steps, job.attempts, job.progress) == ("queued", 77, 0, Progress())
    assert job.told == told_of(3, False, x=[2])
    assert [entry.event for entry in job.story] == ["Posted"]
    assert abs(jobs.now() - job.created) < 60_000
    assert jobs.get(job.id) == job
    assert jobs.told(job.id) == (job, None, 0)
    assert jobs.counts() == {"queued": 1, "running": 0}


def test_ids_are_long_and_never_the_same(jobs: Jobs) -> None:
    ids = {_add(jobs).id for _ in range(20)}
    assert len(ids) == 20
    assert all(id.startswith("job_") and len(id) == 28 for id in ids)


def test_the_same_key_and_request_are_the_same_job(jobs: Jobs) -> None:
    first, new = jobs.add(TASK, told_of(), 20, "key", "digest")
    assert new
    assert jobs.add(TASK, told_of(), 20, "key", "digest") == (first, False)
    claim = _claimed(jobs)
    again, new = jobs.add(TASK, told_of(), 20, "key", "digest")
    assert (again.id, again.state, new) == (first.id, "running", False)
    jobs.finish(claim.job, Succeeded(Progress(), RESULT), rows_of(0, 0), b"{}")
    assert jobs.add(TASK, told_of(), 20, "key", "digest")[0].state == "succeeded"
    assert len(jobs.page(None, None, 9)) == 1


def test_the_same_key_with_another_request_is_refused(jobs: Jobs) -> None:
    _add(jobs, "key", "digest")
    with pytest.raises(Conflict, match="Idempotency-Key"):
        _add(jobs, "key", "other")
    assert len(jobs.page(None, None, 9)) == 1


def test_a_key_is_free_again_when_its_job_is_forgotten(jobs: Jobs) -> None:
    first = _add(jobs, "key", "digest")
    jobs.cancel(first.id)
    jobs.delete(first.id)
    assert _add(jobs, "key", "other").id != first.id


@pytest.mark.parametrize(("queue", "seconds"), [(0, "1"), (3, "1"), (25, "2")])
def test_a_full_queue_is_told_with_a_time(shelf: Shelf, queue: int, seconds: str) -> None:
    jobs = _jobs(shelf, job_queue=queue)
    for _ in range(queue):
        _add(jobs, "key" if not jobs.page(None, None, 1) else None, "digest")
    with pytest.raises(Overloaded) as refused:
        _add(jobs)
    assert refused.value.headers == {"Retry-After": seconds}
    if queue:
        # A job that is there already takes no room.
        assert jobs.add(TASK, told_of(), 20, "key", "digest")[1] is False
        _claimed(jobs)
        _add(jobs)


def test_the_oldest_finished_jobs_make_room(shelf: Shelf) -> None:
    jobs = _jobs(shelf, jobs=3)
    first, second = _ended(jobs), _ended(jobs)
    waiting = _add(jobs)
    assert [job.id for job in jobs.page(None, None, 9)] == [waiting.id, second.id, first.id]
    newest = _add(jobs)
    assert [job.id for job in jobs.page(None, None, 9)] == [newest.id, waiting.id, second.id]
    with pytest.raises(Gone):
        jobs.get(first.id)


def test_where_nothing_has_ended_no_room_is_made(shelf: Shelf) -> None:
    jobs = _jobs(shelf, jobs=2)
    _add(jobs)
    _add(jobs)
    _claimed(jobs)
    with pytest.raises(Overloaded, match="none of them has ended") as refused:
        _add(jobs)
    assert refused.value.headers == {"Retry-After": "60"}
    assert jobs.counts() == {"queued": 1, "running": 1}


def test_room_is_made_by_bytes_also(shelf: Shelf) -> None:
    size = len(TASK)
    jobs = _jobs(shelf, job_store_bytes=3 * size + 150)
    first, second = _ended(jobs), _ended(jobs)
    third = _add(jobs)
    assert {job.id for job in jobs.page(None, None, 9)} == {third.id, second.id, first.id}
    _add(jobs)
    with pytest.raises(Gone):
        jobs.get(first.id)
    assert jobs.get(second.id) == second


def test_nothing_is_forgotten_for_a_job_that_gets_no_room(shelf: Shelf) -> None:
    jobs = _jobs(shelf, job_store_bytes=3 * len(TASK) + 150)
    ended = _ended(jobs)
    _add(jobs)
    with pytest.raises(Overloaded):
        _add(jobs, task=TASK + bytes(2 * len(TASK)))
    assert jobs.get(ended.id) == ended


def test_a_task_has_a_largest_size(shelf: Shelf) -> None:
    jobs = _jobs(shelf, job_task_bytes=100)
    with pytest.raises(LimitExceeded) as refused:
        _add(jobs, task=bytes(101))
    assert refused.value.limit is not None
    assert (refused.value.limit.name, refused.value.limit.value, refused.value.limit.given) == (
        "job_task_bytes",
        100,
        101,
    )
    _add(jobs, task=bytes(100))


@pytest.mark.parametrize("id", ["job_x", "x", "", "job_" + "a" * 1000, "job_é", "job_\x00", "%", "job_\ud800"])
def test_what_never_was_is_not_found(jobs: Jobs, id: str) -> None:
    asked: list[Callable[[str], Any]] = [jobs.get, jobs.told, jobs.cancel, jobs.delete]
    for ask in asked:
        with pytest.raises(NotFound):
            ask(id)
    with pytest.raises(NotFound):
        jobs.history(id, -1, 10)
    assert jobs.pulses([id]) == {}


def test_a_forgotten_job_is_gone(jobs: Jobs) -> None:
    job = _ended(jobs)
    jobs.delete(job.id)
    asked: list[Callable[[str], Any]] = [jobs.get, jobs.told, jobs.cancel, jobs.delete]
    for ask in asked:
        with pytest.raises(Gone, match=job.id):
            ask(job.id)
    with pytest.raises(Gone):
        jobs.history(job.id, -1, 10)


def test_only_what_has_ended_can_be_forgotten(jobs: Jobs) -> None:
    job = _add(jobs)
    for state in ("queued", "running"):
        with pytest.raises(Conflict, match=state) as refused:
            jobs.delete(job.id)
        assert job.id in (refused.value.hint or "")
        jobs.claim("me")
    jobs.cancel(job.id)
    with pytest.raises(Conflict):
        jobs.delete(job.id)


def test_a_claim_has_what_it_takes_to_begin_and_to_go_on(jobs: Jobs) -> None:
    assert jobs.claim("me") is None
    first, second = _add(jobs), _add(jobs)
    claim = _claimed(jobs)
    assert (claim.job.id, claim.task, claim.state) == (first.id, TASK, None)
    assert (claim.job.state, claim.job.owner, claim.job.attempts) == ("running", "me", 1)
    assert jobs.now() < claim.job.lease <= jobs.now() + jobs.lease
    assert _claimed(jobs, "other").job.id == second.id
    assert jobs.claim("me") is None
    jobs.work(claim.job, Advanced(progress_of(2), jobs.deadline()), rows_of(0, 2), b"the state")
    jobs.work(claim.job, Released("the server was stopped"))
    again = _claimed(jobs, "third")
    assert (again.job.id, again.job.attempts, again.state) == (first.id, 2, b"the state")
    assert again.job.progress == progress_of(2)


def test_rows_state_and_progress_are_written_together(jobs: Jobs) -> None:
    job = _add(jobs)
    claim = _claimed(jobs)
    with pytest.raises(IllegalEvent):
        jobs.work(claim.job, Stopped(Progress(), RESULT), rows_of(0, 2), b"state")
    assert len(jobs.history(job.id, -1, 10)[1]) == 0
    jobs.work(claim.job, Alive(FAR))
    assert jobs.get(job.id).lease == FAR
    jobs.work(claim.job, Advanced(progress_of(2), FAR), rows_of(0, 2), b"state")
    assert len(jobs.history(job.id, -1, 10)[1]) == 2


def test_a_lost_job_is_claimed_again_and_its_old_worker_cannot_write(jobs: Jobs, shelf: Shelf) -> None:
    job = _add(jobs)
    old = _claimed(jobs, "old").job
    jobs.work(old, Advanced(progress_of(1), jobs.deadline()), rows_of(0, 1), b"first")
    assert jobs.claim("new") is None
    _expire(shelf, job)
    new = _claimed(jobs, "new")
    assert (new.job.id, new.job.attempts, new.job.losses, new.state) == (job.id, 2, 1, b"first")
    for event in (Advanced(progress_of(9), FAR), Alive(FAR), Released("late"), Failed(PROBLEM)):
        with pytest.raises(LostClaim):
            jobs.work(old, event, rows_of(1, 8), b"second")
    with pytest.raises(LostClaim):
        jobs.finish(old, Succeeded(progress_of(9), RESULT), rows_of(1, 8), b"{}")
    with pytest.raises(LostClaim):
        jobs.look(old)
    jobs.give_up(old, jobs.lost("late"))
    found = jobs.get(job.id)
    assert (found.state, found.owner, found.attempts, found.progress) == ("running", "new", 2, progress_of(1))
    jobs.work(new.job, Advanced(progress_of(2), FAR), rows_of(1, 1), b"second")
    assert jobs.history(job.id, -1, 10)[1].step.tolist() == [0]
    assert jobs.history(job.id, 0, 10)[1].step.tolist() == [1]


@pytest.mark.parametrize("event", [Succeeded(Progress(), RESULT), Failed(PROBLEM)])
def test_nobody_writes_to_a_job_that_has_ended(jobs: Jobs, event: Event) -> None:
    job = _add(jobs)
    claim = _claimed(jobs).job
    jobs.finish(claim, event, rows_of(0, 0), b"{}")
    ended = jobs.get(job.id)
    for late in (Alive(FAR), Succeeded(progress_of(3), RESULT)):
        with pytest.raises(LostClaim):
            jobs.work(claim, late, rows_of(0, 3))
    assert jobs.get(job.id) == ended
    jobs.delete(job.id)
    with pytest.raises(LostClaim):
        jobs.work(claim, Alive(FAR))
    jobs.give_up(claim, jobs.lost("late"))


def test_a_job_that_is_lost_again_and_again_has_failed(shelf: Shelf) -> None:
    jobs = _jobs(shelf, job_attempts=3)
    job = _add(jobs)
    for attempt in (1, 2, 3):
        claim = _claimed(jobs)
        assert claim.job.attempts == attempt
        if attempt == 2:
            jobs.give_up(claim.job, jobs.lost("its process ended unexpectedly"))
        else:
            _expire(shelf, job)
    assert jobs.claim("me") is None
    failed = jobs.get(job.id)
    assert (failed.state, failed.losses, failed.attempts) == ("failed", 3, 3)
    assert failed.error is not None
    assert failed.error["type"].endswith("/limit-exceeded")
    assert failed.error["limit"]["name"] == "job_attempts"
    assert "3 times" in failed.error["detail"]
    assert failed.result is not None
    assert failed.result["stop_reason"] is None
    assert [entry.event for entry in failed.story][-2:] == ["Lost", "Failed"]


def test_a_job_that_gets_on_may_be_lost_more_often(shelf: Shelf) -> None:
    jobs = _jobs(shelf, job_attempts=2)
    job = _add(jobs)
    for attempt in range(5):
        claim = _claimed(jobs).job
        jobs.work(claim, Advanced(progress_of(attempt + 1), FAR), rows_of(attempt, 1), b"state")
        jobs.give_up(claim, jobs.lost("gone"))
    assert jobs.get(job.id).state == "queued"


def test_several_are_lost_at_once(jobs: Jobs, shelf: Shelf) -> None:
    ids = [_add(jobs).id for _ in range(3)]
    claims = [_claimed(jobs) for _ in ids]
    for claim in claims:
        _expire(shelf, claim.job)
    assert _claimed(jobs).job.id == ids[0]
    assert jobs.counts() == {"queued": 2, "running": 1}


def test_a_job_that_waits_is_cancelled_at_once(jobs: Jobs) -> None:
    job = _add(jobs)
    cancelled, effects = jobs.cancel(job.id)
    assert effects == {Effect.KEEP_RESULT, Effect.FORGET_STATE}
    found, points, waiting = jobs.told(job.id)
    assert (found.state, found.result) == ("cancelled", cancelled.result)
    assert waiting is None
    assert points is not None
    result = with_points(found.result or {}, points, "json")
    assert (result["steps"], result["value"], result["stop_reason"]) == (0, None, "cancelled")
    assert result["variables"] == {"x": 3}
    assert jobs.claim("me") is None
    # As often as one likes.
    assert jobs.cancel(job.id) == (found, frozenset())


def test_a_job_that_was_interrupted_is_cancelled_with_its_last_point(jobs: Jobs) -> None:
    job = _add(jobs)
    claim = _claimed(jobs).job
    jobs.work(claim, Advanced(progress_of(6), FAR), rows_of(0, 6), _state(5))
    jobs.work(claim, Released("the server was stopped"))
    jobs.cancel(job.id)
    found, points, _ = jobs.told(job.id)
    assert points is not None
    result = with_points(found.result or {}, points, "json")
    x = 3.0
    for _ in range(5):
        x -= 0.1 * (2 * x)
    assert (result["steps"], result["variables"], result["value"]) == (5, {"x": x}, x**2)
    assert found.progress.rows == 6


def test_a_running_job_is_asked_to_stop(jobs: Jobs) -> None:
    job = _add(jobs)
    claim = _claimed(jobs).job
    assert jobs.look(claim) is False
    asked, effects = jobs.cancel(job.id)
    assert asked.state == "running"
    assert effects == {Effect.INTERRUPT}
    assert jobs.look(claim) is True
    assert jobs.cancel(job.id) == (asked, frozenset())
    # Rows that it has still made are taken.
    jobs.work(claim, Advanced(progress_of(1), FAR), rows_of(0, 1), b"state")
    ended = jobs.finish(claim, Stopped(progress_of(2), RESULT), rows_of(1, 1), b"points")
    assert (ended.state, ended.result, ended.progress.rows) == ("cancelled", RESULT, 2)
    assert jobs.told(job.id)[1] == b"points"


@pytest.mark.parametrize("way", ["lease", "process"])
def test_a_cancelled_job_that_is_lost_is_cancelled(jobs: Jobs, shelf: Shelf, way: str) -> None:
    job = _add(jobs)
    claim = _claimed(jobs).job
    jobs.work(claim, Advanced(progress_of(3), FAR), rows_of(0, 3), _state(2))
    jobs.cancel(job.id)
    if way == "lease":
        _expire(shelf, job)
        assert jobs.claim("me") is None
    else:
        jobs.give_up(claim, jobs.lost("its process was killed"))
    found, points, _ = jobs.told(job.id)
    assert found.state == "cancelled"
    assert found.result is not None
    assert (found.result["steps"], found.result["stop_reason"]) == (2, "cancelled")
    assert points is not None


def test_a_finished_job_stays_as_it_is(jobs: Jobs) -> None:
    job = _ended(jobs)
    assert jobs.cancel(job.id) == (job, frozenset())
    assert jobs.get(job.id) == job


def test_the_state_is_forgotten_when_nobody_goes_on(jobs: Jobs, shelf: Shelf) -> None:
    _add(jobs)
    claim = _claimed(jobs).job
    jobs.work(claim, Advanced(progress_of(1), FAR), rows_of(0, 1), bytes(100_000))
    jobs.finish(claim, Succeeded(progress_of(1), RESULT), rows_of(1, 0), b"{}")
    with shelf.read() as t:
        assert t.content(claim.number, "state") is None
        assert t.content(claim.number, "task") == TASK
        assert t.bytes() < 50_000


@pytest.mark.parametrize("damage", [b"", b"{}", b"\xff", b'{"question": 1}'])
def test_a_task_that_cannot_be_read_does_not_stop_the_others(shelf: Shelf, damage: bytes) -> None:
    # As one that another version of the program has written.
    jobs = _jobs(shelf, job_attempts=1)
    logged: list[str] = []
    jobs.report = lambda event, **fields: logged.append(fields["job"])
    damaged = [_add(jobs, task=damage) for _ in range(3)]
    good = _add(jobs)
    _expire(shelf, _claimed(jobs).job)
    jobs.give_up(_claimed(jobs).job, jobs.lost("its process failed"))
    jobs.cancel(damaged[2].id)
    assert _claimed(jobs).job.id == good.id
    assert [jobs.get(job.id).state for job in damaged] == ["failed", "failed", "cancelled"]
    assert sorted(logged) == sorted(job.id for job in damaged)
    for job in damaged:
        found, points, _ = jobs.told(job.id)
        assert (found.result, points) == (None, None)


def test_old_jobs_are_forgotten(shelf: Shelf) -> None:
    jobs = _jobs(shelf, job_keep_seconds=3600)
    old, new, waiting = _ended(jobs), _ended(jobs), _add(jobs)
    with shelf.write() as t:
        t.save(replace(old, finished=t.now() - 3_601_000))
        t.save(replace(new, finished=t.now() - 3_590_000))
        t.save(replace(waiting, created=0))
    assert jobs.sweep() == 1
    assert jobs.sweep() == 0
    with pytest.raises(Gone):
        jobs.get(old.id)
    assert [job.id for job in jobs.page(None, None, 9)] == [waiting.id, new.id]


def test_old_jobs_are_forgotten_some_at_a_time() -> None:
    shelf = MemoryShelf()
    jobs = _jobs(shelf, job_keep_seconds=3600)
    for _ in range(DROPPED + 1):
        job = _ended(jobs)
        with shelf.write() as t:
            t.save(replace(job, finished=1))
    assert [jobs.sweep() for _ in range(3)] == [DROPPED, 1, 0]


def test_a_history_is_read_in_parts(jobs: Jobs) -> None:
    job = _add(jobs)
    claim = _claimed(jobs).job
    first = 0
    for count in (3, 1, 5):
        rows = rows_of(first, count, 2, keep=True)
        jobs.work(claim, Advanced(progress_of(first + count), FAR), rows, b"state")
        first += count
    for limit in (1, 2, 4, 100):
        after, steps = -1, list[int]()
        while len(part := jobs.history(job.id, after, limit)[1]):
            assert part.first == after + 1
            assert len(part) <= limit
            assert part.variables is not None
            assert part.variables.tolist() == [[step, step] for step in part.step.tolist()]
            steps += part.step.tolist()
            after += len(part)
        assert steps == list(range(9))
    assert len(jobs.history(job.id, 8, 10)[1]) == len(jobs.history(job.id, 10**15, 10)[1]) == 0
    found, part = jobs.history(job.id, 3, 3)
    assert (found.progress.rows, part.first, part.step.tolist()) == (9, 4, [4, 5, 6])


def test_pages_of_jobs(jobs: Jobs) -> None:
    made = [_add(jobs) for _ in range(5)]
    _claimed(jobs)
    assert [job.id for job in jobs.page(None, None, 2)] == [made[4].id, made[3].id]
    assert [job.id for job in jobs.page("queued", made[3].number, 9)] == [made[2].id, made[1].id]
    assert [job.id for job in jobs.page("running", None, 9)] == [made[0].id]


def test_how_many_wait_before(jobs: Jobs) -> None:
    first, second = _add(jobs), _add(jobs)
    assert [jobs.told(job.id)[2] for job in (first, second)] == [0, 1]
    _claimed(jobs)
    assert [jobs.told(job.id)[2] for job in (first, second)] == [None, 0]


def test_pulses_change_with_everything(jobs: Jobs) -> None:
    job = _add(jobs)
    seen = [jobs.pulses([job.id])[job.id]]
    claim = _claimed(jobs).job
    seen.append(jobs.pulses([job.id])[job.id])
    jobs.work(claim, Advanced(progress_of(2), FAR), rows_of(0, 2), b"state")
    seen.append(jobs.pulses([job.id])[job.id])
    jobs.cancel(job.id)
    seen.append(jobs.pulses([job.id])[job.id])
    jobs.finish(claim, Stopped(progress_of(2), RESULT), rows_of(2, 0), b"{}")
    seen.append(jobs.pulses([job.id])[job.id])
    assert len(set(seen)) == 5
    assert [pulse.rows for pulse in seen] == [0, 0, 2, 2, 2]


def test_empty_rows_are_not_written(jobs: Jobs, shelf: Shelf) -> None:
    _add(jobs)
    claim = _claimed(jobs).job
    jobs.work(claim, Advanced(progress_of(1), FAR), History.of(0, [], True), b"state")
    with shelf.read() as t:
        assert t.chunk(claim.number, 0) is None
    assert np.array_equal(jobs.history(claim.id, -1, 3)[1].value, [])
