"""The runner with executors of ours: slots are filled, broken ones replaced, stuck ones killed, and all given back."""

from __future__ import annotations

import subprocess
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import BrokenExecutor, Executor, Future
from pathlib import Path
from typing import Any

import pytest

from engine.limits import Limits
from service.jobs import work
from service.jobs.job import Job, Progress
from service.jobs.jobs import Claim, Jobs, LostClaim
from service.jobs.machine import Released, Succeeded
from service.jobs.memory import MemoryShelf
from service.jobs.runner import Runner
from service.jobs.undertakings import settling
from service.settings import Settings
from tests.service.jobs.making import bytes_of, progress_of, rows_of, settings_of, task_of, told_of, until
from tests.service.live import PATIENCE

TASK = bytes_of(task_of())
RESULT = {"value": 1.0, "stop_reason": "converged"}


class Hands(Executor):
    """An executor whose work is done by the test.  It has a process, so that there is something to kill."""

    def __init__(self, floor: Floor, stop: Any) -> None:
        self.floor, self.stop = floor, stop
        self.broken = self.closed = False
        self.process = subprocess.Popen(["cat"], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL)
        self.claim: Claim | None = None
        self.future: Future[Any] = Future()
        threading.Thread(target=self._watch, daemon=True).start()

    def _watch(self) -> None:
        self.process.wait()
        self.broken = True
        if not self.closed and self.claim is not None and not self.future.done():
            self.future.set_exception(BrokenExecutor("the process is gone"))

    def submit(self, fn: Callable[..., Any], /, *args: Any, **_: Any) -> Future[Any]:
        """The number of the process, or work for the test."""
        if self.broken:
            raise BrokenExecutor("the process is gone")
        if fn is work.ready:
            ready: Future[Any] = Future()
            ready.set_result(self.process.pid)
            return ready
        assert fn is work.work
        assert self.claim is None or self.future.done()
        (self.claim,), self.future = args, Future()
        self.future.set_running_or_notify_cancel()
        return self.future

    def done(self, result: Any = None) -> None:
        """Leave the job."""
        self.future.set_result(result)

    def end(self) -> None:
        """End the process."""
        if self.process.stdin is not None and not self.process.stdin.closed:
            self.process.stdin.close()
        self.process.wait(PATIENCE)

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """End for good."""
        self.closed = True
        self.end()


class Floor:
    """A runner, the executors that it has made, and what it has told."""

    def __init__(self, folder: Path, **settings: Any) -> None:
        given = {"job_workers": 2, "job_ready": 0, "job_poll_seconds": 0.02, "job_grace_seconds": 0.05, **settings}
        self.settings = settings_of(folder, **given)
        self.shelf = MemoryShelf()
        self.jobs = Jobs(self.shelf, self.settings, settling(Limits()))
        self.hands: list[Hands] = []
        self.told: list[tuple[str, dict[str, Any]]] = []
        self.ended = self.faults = 0
        self.exists = True
        self.runner = Runner(self.jobs, self.settings, lambda: self.exists, self._end, self._report, self._make)

    def _end(self) -> None:
        self.ended += 1

    def _report(self, event: str, **fields: Any) -> None:
        self.told.append((event, fields))

    def _make(self, settings: Settings, stop: Any) -> Executor:
        assert settings is self.settings
        if self.faults:
            self.faults -= 1
            raise OSError("no process can be started")
        self.hands.append(Hands(self, stop))
        return self.hands[-1]

    def post(self, count: int = 1) -> list[Job]:
        """New jobs."""
        made = [self.jobs.add(TASK, told_of(), 20)[0] for _ in range(count)]
        self.runner.wake()
        return made

    def busy(self) -> list[Hands]:
        """The executors that have a job."""
        return [hands for hands in self.hands if hands.claim is not None and not hands.future.done()]

    def succeed(self, hands: Hands) -> None:
        """Do a job to its end."""
        assert hands.claim is not None
        self.jobs.finish(hands.claim.job, Succeeded(Progress(), RESULT), rows_of(0, 0), b"{}")
        hands.done()

    def state(self, job: Job) -> str:
        """How a job is."""
        return self.jobs.get(job.id).state

    def events(self) -> list[str]:
        """The names of what was told."""
        return [event for event, _ in self.told]


@pytest.fixture
def floor(tmp_path: Path) -> Iterator[Floor]:
    """A runner with two slots that has begun."""
    made = Floor(tmp_path)
    made.runner.open()
    yield made
    for hands in made.busy():
        hands.done()
    made.runner.close()
    assert all(hands.closed and hands.process.returncode is not None for hands in made.hands)


def test_slots_are_filled_and_not_more(floor: Floor) -> None:
    jobs = floor.post(3)
    until(lambda: len(floor.busy()) == 2, "both slots are busy")
    assert floor.runner.running == 2
    assert [floor.state(job) for job in jobs] == ["running", "running", "queued"]
    first = floor.busy()[0]
    floor.succeed(first)
    until(lambda: floor.state(jobs[2]) == "running", "the third is begun")
    # By the process that is warm.
    assert first.claim is not None
    assert first.claim.job.id == jobs[2].id
    assert len(floor.hands) == 2
    for hands in floor.busy():
        floor.succeed(hands)
    until(lambda: floor.runner.running == 0, "all slots are idle")
    assert floor.ended == 3
    assert floor.events() == []


def test_jobs_that_others_posted_are_found(floor: Floor) -> None:
    # Without a word to the runner.
    job, _ = floor.jobs.add(TASK, told_of(), 20)
    until(lambda: len(floor.busy()) == 1, "the job is found")
    assert floor.state(job) == "running"


def test_nothing_is_looked_for_where_there_is_no_store(tmp_path: Path) -> None:
    floor = Floor(tmp_path)
    floor.exists = False
    floor.jobs.add(TASK, told_of(), 20)
    floor.runner.open()
    floor.runner.wake()
    floor.runner.close()
    assert floor.hands == []
    assert floor.jobs.counts()["queued"] == 1


def test_without_slots_nothing_runs(tmp_path: Path) -> None:
    floor = Floor(tmp_path, job_workers=0)
    floor.runner.open()
    floor.post()
    floor.runner.close()
    assert floor.jobs.counts() == {"queued": 1, "running": 0}


@pytest.mark.parametrize(("ready", "started"), [(0, 0), (1, 1), (5, 2)])
def test_processes_are_started_ahead(tmp_path: Path, ready: int, started: int) -> None:
    floor = Floor(tmp_path, job_ready=ready)
    floor.runner.open()
    until(lambda: len(floor.hands) == started, "the processes are started")
    floor.runner.close()
    assert len(floor.hands) == started


def test_a_job_whose_process_dies_is_begun_again_elsewhere(floor: Floor) -> None:
    (job,) = floor.post()
    until(lambda: len(floor.busy()) == 1, "it is begun")
    first = floor.busy()[0]
    first.end()
    until(lambda: len(floor.busy()) == 1 and floor.busy()[0] is not first, "it is begun again")
    found = floor.jobs.get(job.id)
    assert (found.state, found.attempts, found.losses) == ("running", 2, 1)
    assert floor.events() == ["worker-lost"]
    assert floor.runner.lost == 1
    assert "ended unexpectedly" in found.story[-2].detail


def test_a_job_whose_processes_die_again_and_again_has_failed(floor: Floor) -> None:
    (job,) = floor.post()
    for attempt in range(1, 4):
        until(lambda n=attempt: len(floor.busy()) == 1 and floor.jobs.get(job.id).attempts == n, "begun")  # type: ignore[misc]
        floor.busy()[0].end()
    until(lambda: floor.state(job) == "failed", "it has failed")
    until(lambda: floor.runner.running == 0, "the slot is free")
    (other,) = floor.post()
    until(lambda: floor.state(other) == "running", "the next one runs")


def test_a_process_that_died_idle_is_no_loss(floor: Floor) -> None:
    (first,) = floor.post()
    until(lambda: len(floor.busy()) == 1, "it is begun")
    hands = floor.busy()[0]
    floor.succeed(hands)
    until(lambda: floor.runner.running == 0, "it has ended")
    hands.end()
    until(lambda: hands.broken, "the process is gone")
    (second,) = floor.post()
    until(lambda: len(floor.busy()) == 1, "the next is begun")
    found = floor.jobs.get(second.id)
    assert (found.attempts, found.losses) == (1, 0)
    assert floor.state(first) == "succeeded"


def test_a_process_that_cannot_be_started_ahead_is_started_later(tmp_path: Path) -> None:
    floor = Floor(tmp_path, job_ready=1)
    floor.faults = 1
    floor.runner.open()
    (job,) = floor.post()
    until(lambda: len(floor.busy()) == 1, "it is begun in the end")
    assert floor.events() == ["jobs-failed"]
    assert floor.state(job) == "running"
    floor.succeed(floor.busy()[0])
    floor.runner.close()


def test_a_process_that_cannot_be_started_costs_no_slot(floor: Floor) -> None:
    floor.faults = 3
    jobs = floor.post(2)
    until(lambda: len(floor.busy()) == 2, "both are begun in the end")
    assert "jobs-failed" in floor.events()
    assert {floor.state(job) for job in jobs} == {"running"}
    # It was no fault of theirs.
    assert [floor.jobs.get(job.id).losses for job in jobs] == [0, 0]


def test_an_error_that_escapes_is_told_and_the_job_begun_again(floor: Floor) -> None:
    (job,) = floor.post()
    until(lambda: len(floor.busy()) == 1, "it is begun")
    floor.busy()[0].future.set_exception(ValueError("not expected"))
    until(lambda: floor.jobs.get(job.id).attempts == 2, "it is begun again")
    assert floor.told[0][0] == "job-failed"
    assert floor.told[0][1] == {"job": job.id, "reason": "ValueError('not expected')"}
    # The process is as good as before.
    until(lambda: len(floor.busy()) == 1, "it runs")
    assert len(floor.hands) == 1


def test_a_story_goes_to_the_log(floor: Floor) -> None:
    (job,) = floor.post()
    until(lambda: len(floor.busy()) == 1, "it is begun")
    hands = floor.busy()[0]
    assert hands.claim is not None
    floor.jobs.finish(hands.claim.job, Succeeded(Progress(), RESULT), rows_of(0, 0), b"{}")
    hands.done("the story")
    until(lambda: floor.told != [], "it is told")
    assert floor.told == [("job-failed", {"job": job.id, "reason": "the story"})]


def test_a_cancelled_job_that_does_not_stop_is_killed(floor: Floor) -> None:
    jobs = floor.post(2)
    until(lambda: len(floor.busy()) == 2, "both are begun")
    stuck, other = floor.busy()
    assert stuck.claim is not None
    claim = stuck.claim.job
    floor.jobs.cancel(claim.id)
    floor.runner.wake()
    until(lambda: floor.jobs.get(claim.id).state == "cancelled", "it is cancelled")
    until(lambda: floor.runner.running == 1, "its slot is free")
    assert stuck.process.returncode == -9
    assert floor.events() == ["worker-killed", "worker-lost"]
    found = floor.jobs.get(claim.id)
    assert "killed after the cancel" in "".join(entry.detail for entry in found.story)
    assert found.result is not None
    assert found.result["stop_reason"] == "cancelled"
    # The other job has not noticed.
    assert other.process.poll() is None
    assert {floor.state(job) for job in jobs} == {"cancelled", "running"}


def test_a_job_that_is_gone_does_not_stop_the_runner(floor: Floor) -> None:
    jobs = floor.post(2)
    until(lambda: len(floor.busy()) == 2, "both are begun")
    hands = floor.busy()[0]
    assert hands.claim is not None
    # Another server thought that it was lost, and has ended it; then it was deleted.
    gone = hands.claim.job
    floor.jobs.finish(gone, Succeeded(Progress(), RESULT), rows_of(0, 0), b"{}")
    floor.jobs.delete(gone.id)
    stuck = floor.busy()[1]
    assert stuck.claim is not None
    floor.jobs.cancel(stuck.claim.job.id)
    until(lambda: floor.state(next(job for job in jobs if job.id != gone.id)) == "cancelled", "the other is killed")
    assert "jobs-unavailable" not in floor.events()
    hands.done()
    until(lambda: floor.runner.running == 0, "all slots are free")


def test_closing_gives_all_jobs_back(tmp_path: Path) -> None:
    floor = Floor(tmp_path, job_grace_seconds=PATIENCE)
    floor.runner.open()
    jobs = floor.post(3)
    until(lambda: len(floor.busy()) == 2, "both slots are busy")

    def give_back(hands: Hands) -> None:
        assert hands.stop.wait(PATIENCE)
        assert hands.claim is not None
        floor.jobs.work(hands.claim.job, Released("the server was stopped"))
        hands.done()

    threads = [threading.Thread(target=give_back, args=(hands,)) for hands in floor.busy()]
    for thread in threads:
        thread.start()
    floor.runner.close()
    for thread in threads:
        thread.join(PATIENCE)
    assert [floor.state(job) for job in jobs] == ["queued"] * 3
    assert [floor.jobs.get(job.id).losses for job in jobs] == [0] * 3
    assert floor.runner.running == 0
    assert all(hands.closed for hands in floor.hands)
    # And it can begin again.
    floor.runner.open()
    until(lambda: len(floor.busy()) == 2, "both slots are busy again")
    for hands in floor.busy():
        floor.succeed(hands)
    until(lambda: len(floor.busy()) == 1, "the third is begun")
    floor.succeed(floor.busy()[0])
    floor.runner.close()
    assert {floor.state(job) for job in jobs} == {"succeeded"}


def test_closing_kills_what_does_not_come_back(floor: Floor) -> None:
    (job,) = floor.post()
    until(lambda: len(floor.busy()) == 1, "it is begun")
    hands = floor.busy()[0]
    floor.runner.close()
    assert hands.process.returncode == -9
    assert floor.state(job) == "queued"


def test_a_worker_that_was_replaced_cannot_write(floor: Floor) -> None:
    floor.post()
    until(lambda: len(floor.busy()) == 1, "it is begun")
    hands = floor.busy()[0]
    assert hands.claim is not None
    old = hands.claim.job
    hands.end()
    until(lambda: floor.jobs.get(old.id).attempts == 2, "it is begun again")
    with pytest.raises(LostClaim):
        floor.jobs.finish(old, Succeeded(progress_of(1), RESULT), rows_of(0, 1), b"{}")


def test_old_jobs_are_swept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("service.jobs.runner.SWEEP_SECONDS", 0.0)
    floor = Floor(tmp_path, job_keep_seconds=0.001)
    (job,) = floor.post()
    floor.jobs.cancel(job.id)
    floor.runner.open()
    until(lambda: floor.jobs.page(None, None, 9) == [], "it is forgotten")
    floor.runner.close()
