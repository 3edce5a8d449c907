"""Attempts at jobs: undisturbed, interrupted after any step, cancelled, late, out of memory, and without a store."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from engine.errors import BudgetExceeded, EngineError, LimitExceeded, Unsupported
from engine.limits import Limits
from engine.objective import Objective
from engine.optimise.run import Run
from engine.optimise.table import RULES
from engine.optimise.track import Row
from engine.question import Question
from engine.task import Task, drawn
from service.errors import Unavailable
from service.jobs import work
from service.jobs.flag import Flag
from service.jobs.history import History
from service.jobs.job import Job
from service.jobs.jobs import Claim, Jobs
from service.jobs.memory import MemoryShelf
from service.jobs.results import with_points
from service.jobs.rows import DatabaseShelf
from service.jobs.shelf import Shelf
from service.jobs.undertakings import settling
from service.jobs.work import Attempt, Worker
from service.store.database import Database
from tests.service.jobs.making import DATA, ENDLESS, bytes_of, settings_of, task_of, told_of, until
from tests.service.live import PATIENCE


class Bench:
    """A worker in this process, and the jobs that it works on."""

    def __init__(self, folder: Path, shelf: Shelf | None = None, **settings: Any) -> None:
        self.settings = settings_of(folder, **settings)
        self.worker = Worker(self.settings, Flag())
        self.shelf = shelf or MemoryShelf()
        self.jobs = self.worker.jobs = Jobs(self.shelf, self.settings, settling(Limits()))

    def post(self, task: Task) -> Job:
        """A new job for a task."""
        stop = {"max_steps": 1000, **task.stop}
        shapes = {name: list(shape) for name, shape in task.layout.shapes.items()}
        told = told_of(len(task.points), True, **shapes)
        return self.jobs.add(bytes_of(task), told, stop["max_steps"])[0]

    def claim(self) -> Claim:
        """The next job."""
        claim = self.jobs.claim("me")
        assert claim is not None
        return claim

    def run(self, task: Task) -> Job:
        """The job of a task, worked on until its worker leaves it."""
        job = self.post(task)
        assert self.worker.work(self.claim()) is None
        return self.jobs.get(job.id)

    def history(self, id: str) -> History:
        """All rows, joined."""
        rows: list[Row] = []
        kept = False
        while len(part := self.jobs.history(id, len(rows) - 1, 10_000)[1]):
            assert part.first == len(rows)
            kept = part.variables is not None
            for i in range(len(part)):
                x = part.variables[i] if part.variables is not None else np.zeros(0)
                value, norm, rate = (float(column[i]) for column in (part.value, part.grad_norm, part.rate))
                rows.append(Row(int(part.start[i]), int(part.step[i]), value, norm, rate, x))
        return History.of(0, rows, kept)

    def outcome(self, id: str) -> tuple[Any, ...]:
        """All that a client sees of the computation, bit for bit."""
        job, points, _ = self.jobs.told(id)
        history = self.history(id)
        assert job.progress.rows == len(history)
        columns = [history.start, history.step, history.value, history.grad_norm, history.rate, history.variables]
        bits = [None if column is None else (column.shape, column.tobytes()) for column in columns]
        progress = (job.progress.step, job.progress.value, job.progress.best)
        return job.state, json.dumps(job.result), points, progress, job.error, bits

    def result(self, id: str) -> dict[str, Any]:
        """The result as a client gets it."""
        job, points, _ = self.jobs.told(id)
        assert job.result is not None
        assert points is not None
        return with_points(job.result, points, "json")


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    """A worker with jobs in memory."""
    return Bench(tmp_path)


def _squares(rule: str = "sgd", **fields: Any) -> Task:
    """Least squares with two variables of different shapes."""
    at = {**DATA, "w": np.array([0.5, -0.5]), "b": np.array(0.25)}
    question = Question("sum((X @ w + b - y)^2) / 2", at)
    given: dict[str, Any] = {
        "points": np.array([[0.5, -0.5, 0.25]]),
        "method": {"name": rule, "lr": 0.01},
        "stop": {"max_steps": 7, "grad_norm": 0},
        "keep": True,
    }
    return Task(question, ("w", "b"), **{**given, **fields})


def test_an_undisturbed_run(bench: Bench) -> None:
    job = bench.run(task_of())
    history, result = bench.history(job.id), bench.result(job.id)
    x = [3.0]
    for _ in range(20):
        x.append(x[-1] - 0.1 * (2 * x[-1]))
    assert job.state == "succeeded"
    assert history.step.tolist() == list(range(21))
    assert history.value.tolist() == [v**2 for v in x]
    assert history.grad_norm.tolist() == [2 * v for v in x]
    assert np.isnan(history.rate[0])
    assert history.rate[1:].tolist() == [0.1] * 20
    assert (result["value"], result["variables"], result["stop_reason"]) == (x[-1] ** 2, {"x": x[-1]}, "max-steps")
    assert (result["steps"], result["step"], result["warnings"]) == (20, 20, [])
    assert (job.progress.step, job.progress.value, job.progress.best) == (20, x[-1] ** 2, x[-1] ** 2)
    assert [entry.event for entry in job.story] == ["Posted", "Claimed", "Succeeded"]


@pytest.mark.parametrize(("every", "steps"), [(1, range(21)), (3, [0, 3, 6, 9, 12, 15, 18, 20]), (50, [0, 20])])
def test_the_last_step_is_always_recorded(bench: Bench, every: int, steps: Any) -> None:
    job = bench.run(task_of(every=every))
    assert bench.history(job.id).step.tolist() == list(steps)


def test_what_is_maximised_is_told_as_the_client_sees_it(bench: Bench) -> None:
    job = bench.run(task_of("-x^2", sign=-1.0))
    history = bench.history(job.id)
    assert history.value[0] == -9
    assert job.progress.best == bench.result(job.id)["value"] == history.value.max()


def _interrupted(bench: Bench, task: Task, after: Callable[[int], bool], patch: pytest.MonkeyPatch) -> Job:
    """The job of a task that gives it back after some of its steps, and goes on, until it has ended."""
    job, count = bench.post(task), 0
    original = Run.steps

    def steps(run: Run) -> Iterator[list[Row]]:
        nonlocal count
        for rows in original(run):
            count += 1
            if after(count):
                attempts[-1]._interrupt("released")
            yield rows

    attempts: list[Attempt] = []
    with patch.context() as patched:
        patched.setattr(Run, "steps", steps)
        while (claim := bench.jobs.claim("me")) is not None:
            attempts.append(Attempt(bench.worker, claim))
            assert attempts[-1].run() is None
            assert len(attempts) < 100
    found = bench.jobs.get(job.id)
    assert found.attempts == len(attempts)
    return found


STARTS = drawn(_squares("sgd").layout, {"w": -1, "b": -1}, {"w": 1, "b": 1}, 3, 5)
VARIANTS: dict[str, dict[str, Any]] = {
    **{name: {"method": {"name": name, "lr": 0.01}} for name in RULES},
    "rmsprop, centred": {"method": {"name": "rmsprop", "momentum": 0.9, "centered": True}},
    "several starts": {"method": {"name": "nadam", "lr": 0.05}, "points": STARTS},
    # One of the starts is at its end before the others.
    "a start that ends": {
        "method": {"name": "momentum", "lr": 0.01},
        "points": np.array([[0.0, 0.5, 0.0], [5.0, 5.0, 5.0], [1e200, 0.0, 0.0]]),
        "stop": {"max_steps": 7, "grad_norm": 1e-12},
    },
    "plateau": {
        "method": {"name": "sgd", "lr": 0.2},
        "schedule": {"name": "reduce-on-plateau", "patience": 1, "factor": 0.5},
        "points": STARTS,
    },
    "cosine": {"method": {"name": "adam", "lr": 0.1}, "schedule": {"name": "cosine", "steps": 7}},
    "every third": {"method": {"name": "adam", "lr": 0.1}, "every": 3, "points": STARTS},
    "clipped, bounded": {
        "method": {"name": "momentum", "lr": 0.1},
        "clip": {"norm": 0.5},
        "bounds": {"w": (np.array([0.0, 0.0]), np.array([np.inf, 0.6]))},
    },
    "without variables": {"method": {"name": "sgd", "lr": 0.01}, "keep": False},
    "maximised": {"method": {"name": "sgd", "lr": 0.001}, "sign": -1.0},
}


@pytest.mark.parametrize("variant", VARIANTS)
def test_interruptions_change_no_bit(bench: Bench, variant: str, monkeypatch: pytest.MonkeyPatch) -> None:
    task = _squares(**VARIANTS[variant])
    expected = bench.outcome(bench.run(task).id)
    assert expected[0] == "succeeded"
    for k in range(1, 9):
        job = _interrupted(bench, task, lambda count, k=k: count == k, monkeypatch)  # type: ignore[misc]
        assert job.attempts == 2
        assert bench.outcome(job.id) == expected, f"interrupted after step {k - 1}"
    # And after each of them.
    assert bench.outcome(_interrupted(bench, task, lambda _: True, monkeypatch).id) == expected


class Killed(BaseException):
    """The process of a worker ends here and now."""


def _evaluating(monkeypatch: pytest.MonkeyPatch, after: int, do: Callable[[], None]) -> None:
    """Have something done at the beginning of the evaluation that comes after so many."""
    count, original = 0, Objective.evaluate_many

    def evaluate(objective: Objective, points: Any) -> Any:
        nonlocal count
        count += 1
        if count == after + 1:
            do()
        return original(objective, points)

    monkeypatch.setattr(Objective, "evaluate_many", evaluate)


def _raising(error: BaseException) -> Callable[[], None]:
    def do() -> None:
        raise error

    return do


@contextmanager
def _storing_always() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(work, "FLUSH_SECONDS", 0.0)
        patch.setattr(work, "FLUSH_PART", 0)
        yield


@contextmanager
def _storing_at_the_end() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(work, "FLUSH_SECONDS", 1e9)
        yield


STORING: dict[str, Callable[[], AbstractContextManager[None]]] = {
    "always": _storing_always,
    "at the end": _storing_at_the_end,
}


@pytest.mark.parametrize("storing", STORING)
def test_a_worker_that_is_lost_changes_no_bit(bench: Bench, storing: str, monkeypatch: pytest.MonkeyPatch) -> None:
    task = _squares("adam", points=STARTS)
    expected = bench.outcome(bench.run(task).id)
    job = bench.post(task)
    with STORING[storing]():
        for after in (0, 2, 3):
            claim = bench.claim()
            with monkeypatch.context() as patch:
                _evaluating(patch, after, _raising(Killed()))
                with pytest.raises(Killed):
                    bench.worker.work(claim)
            bench.jobs.give_up(claim.job, replace(bench.jobs.lost("gone"), most=9))
        assert bench.jobs.get(job.id).progress.rows == (12 if storing == "always" else 0)
        assert bench.worker.work(bench.claim()) is None
    assert bench.jobs.get(job.id).attempts == 4
    assert bench.outcome(job.id) == expected


def test_flushes_change_no_bit(bench: Bench) -> None:
    task, found = _squares("adam", points=STARTS), []
    for storing in STORING.values():
        with storing():
            found.append(bench.outcome(bench.run(task).id))
    assert found[0] == found[1]


@contextmanager
def _working(bench: Bench, task: Task, monkeypatch: pytest.MonkeyPatch) -> Iterator[Job]:
    """The job of a task that takes long, from its first evaluation on; afterwards the worker has left it."""
    begun = threading.Event()
    job = bench.post(task)
    _evaluating(monkeypatch, 0, begun.set)
    stories: list[str | None] = []
    thread = threading.Thread(target=lambda: stories.append(bench.worker.work(bench.claim())), daemon=True)
    thread.start()
    assert begun.wait(PATIENCE)
    yield job
    thread.join(PATIENCE)
    assert stories == [None], "the worker has not come back"


LONG = task_of(ENDLESS, stop={"max_steps": 5})


def test_a_cancel_ends_an_evaluation(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    with _working(bench, LONG, monkeypatch) as job:
        bench.jobs.cancel(job.id)
        begun = time.monotonic()
    assert time.monotonic() - begun < 5
    found = bench.jobs.get(job.id)
    assert (found.state, found.progress.rows) == ("cancelled", 0)
    result = bench.result(job.id)
    assert (result["value"], result["steps"], result["stop_reason"]) == (None, 0, "cancelled")
    assert result["variables"] == {"x": 3}


def test_a_cancel_between_two_steps_keeps_all_rows(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    job = bench.post(task_of(stop={"max_steps": 10**6, "grad_norm": 0}, method={"name": "sgd", "lr": 1e-9}, every=10))
    _evaluating(monkeypatch, 57, lambda: bench.jobs.cancel(job.id) and None)
    assert bench.worker.work(bench.claim()) is None
    found = bench.jobs.get(job.id)
    result, history = bench.result(job.id), bench.history(job.id)
    assert found.state == "cancelled"
    assert [entry.event for entry in found.story][-3:] == ["CancelAsked", "Stopped", "Cancelled"]
    assert (result["stop_reason"], result["steps"]) == ("cancelled", found.progress.step)
    assert result["steps"] >= 57
    # The last point is in the history, whether or not it was its turn.
    assert history.step.tolist() == sorted({*range(0, result["steps"], 10), result["steps"]})
    assert history.value[-1] == result["last"]["value"]
    assert found.progress.rows == len(history)


def test_a_job_is_given_back_in_the_middle_of_an_evaluation(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bench = Bench(tmp_path)
    with _working(bench, LONG, monkeypatch) as job:
        bench.worker.leave()
        assert bench.jobs.get(job.id).state == "queued"
    found = bench.jobs.get(job.id)
    assert (found.attempts, found.losses, found.owner) == (1, 0, None)
    assert [entry.event for entry in found.story] == ["Posted", "Claimed", "Released"]


def test_a_worker_that_lost_its_job_stops_and_writes_nothing(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    with _working(bench, LONG, monkeypatch) as job:
        bench.jobs.give_up(bench.jobs.get(job.id), bench.jobs.lost("nothing was heard"))
        bench.jobs.claim("another")
        before = bench.jobs.get(job.id)
    assert bench.jobs.get(job.id) == before


def test_a_long_evaluation_gives_signs_of_life(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bench = Bench(tmp_path, job_lease_seconds=0.5)
    with _working(bench, LONG, monkeypatch) as job:
        first = bench.jobs.get(job.id).lease
        until(lambda: bench.jobs.get(job.id).lease > first, "the lease is made longer")
        assert bench.jobs.get(job.id).attempts == 1
        bench.jobs.cancel(job.id)


@pytest.mark.parametrize("limit", ["max_seconds", "job_seconds"])
@pytest.mark.parametrize("expr", ["x^2", ENDLESS])
def test_a_run_has_its_time(tmp_path: Path, limit: str, expr: str) -> None:
    own = {"max_seconds": 0.1} if limit == "max_seconds" else {}
    bench = Bench(tmp_path, job_seconds=3600 if own else 0.1)
    task = task_of(
        expr, stop={"max_steps": 10**7, "grad_norm": 0, **own}, method={"name": "sgd", "lr": 1e-12}, every=1000
    )
    job = bench.run(task)
    result, history = bench.result(job.id), bench.history(job.id)
    assert (job.state, result["stop_reason"]) == ("succeeded", "max-seconds")
    if expr == ENDLESS:
        assert (result["steps"], result["value"], result["variables"], len(history)) == (0, None, {"x": 3}, 0)
    else:
        assert result["steps"] > 0
        assert history.step[-1] == result["steps"]
    assert job.progress.rows == len(history)


def test_all_attempts_share_the_time(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    job = bench.post(task_of(stop={"max_steps": 50, "max_seconds": 3600, "grad_norm": 0}))
    claim = bench.claim()
    attempt = Attempt(bench.worker, claim)
    _evaluating(monkeypatch, 3, lambda: attempt._interrupt("released"))
    attempt.run()
    with bench.shelf.write() as t:
        state = json.loads(t.content(claim.job.number, "state") or b"")
        t.put(claim.job.number, "state", json.dumps({**state, "seconds": 3601.0}).encode())
    bench.worker.work(bench.claim())
    found, result = bench.jobs.get(job.id), bench.result(job.id)
    assert (found.state, result["stop_reason"]) == ("succeeded", "max-seconds")
    assert result["steps"] >= 2
    assert found.progress.rows == len(bench.history(job.id))


@pytest.mark.parametrize("every", [1, 10])
def test_a_job_without_memory_has_failed_with_what_it_had(
    bench: Bench, every: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    _evaluating(monkeypatch, 4, _raising(MemoryError()))
    job = bench.run(task_of(every=every))
    assert job.state == "failed"
    assert job.error is not None
    assert job.error["type"].endswith("/limit-exceeded")
    assert job.error["limit"] == {"name": "job_bytes", "value": bench.settings.job_bytes, "given": None}
    _failed_after_four(bench, job, every)


def _failed_after_four(bench: Bench, job: Job, every: int = 1) -> None:
    history, result = bench.history(job.id), bench.result(job.id)
    assert history.step.tolist() == list(range(4)) if every == 1 else [0, 3]
    assert job.progress.rows == len(history)
    assert job.progress.step == result["steps"] == 3
    assert job.progress.value == history.value[-1]
    assert result["value"] == history.value[-1]
    assert result["stop_reason"] is None


def test_a_defect_of_ours_is_told_to_the_log_only(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    _evaluating(monkeypatch, 4, _raising(ZeroDivisionError("the secret story")))
    job = bench.post(task_of())
    story = bench.worker.work(bench.claim())
    assert "the secret story" in (story or "")
    job = bench.jobs.get(job.id)
    assert job.state == "failed"
    assert job.error is not None
    assert job.error["type"].endswith("/internal")
    assert "secret" not in json.dumps(job.error)
    _failed_after_four(bench, job)


@pytest.mark.parametrize(
    ("error", "name"),
    [
        (Unsupported("not here"), "unsupported"),
        (LimitExceeded("too large"), "limit-exceeded"),
        # The time of the job is not over.
        (BudgetExceeded("this alone takes too long"), "budget-exceeded"),
    ],
)
def test_what_the_engine_refuses_later_ends_the_job(
    bench: Bench, error: EngineError, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    _evaluating(monkeypatch, 4, _raising(error))
    job = bench.run(task_of())
    assert job.state == "failed"
    assert job.error is not None
    assert (job.error["type"].rpartition("/")[2], job.error["detail"]) == (name, error.detail)
    _failed_after_four(bench, job)


class Away(MemoryShelf):
    """A shelf that cannot be reached now and then."""

    away = False

    @contextmanager
    def read(self) -> Iterator[Any]:
        if self.away:
            raise Unavailable("away")
        with super().read() as t:
            yield t

    @contextmanager
    def write(self) -> Iterator[Any]:
        if self.away:
            raise Unavailable("away")
        with super().write() as t:
            yield t


@pytest.mark.parametrize("after", [0, 3, 7])
def test_a_store_that_is_away_costs_time_and_nothing_else(
    tmp_path: Path, after: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    shelf = Away()
    bench, task = Bench(tmp_path, shelf), _squares("adam", points=STARTS)
    expected = bench.outcome(bench.run(task).id)
    job = bench.post(task)
    with _storing_always(), monkeypatch.context() as patch:
        _evaluating(patch, after, lambda: setattr(shelf, "away", True))
        assert "Unavailable" in (bench.worker.work(bench.claim()) or "")
    shelf.away = False
    found = bench.jobs.get(job.id)
    assert (found.state, found.progress.rows) == ("running", 3 * after)
    with shelf.write() as t:
        t.save(replace(found, lease=0))
    assert bench.worker.work(bench.claim()) is None
    assert bench.jobs.get(job.id).attempts == 2
    assert bench.outcome(job.id) == expected


def test_the_same_on_a_database(tmp_path: Path, bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    database = Database(settings_of(tmp_path))
    stored = Bench(tmp_path, DatabaseShelf(database))
    task = _squares("nadam", points=STARTS, every=2)
    expected = bench.outcome(bench.run(task).id)
    assert stored.outcome(stored.run(task).id) == expected
    job = _interrupted(stored, task, lambda count: count in (2, 5), monkeypatch)
    assert stored.outcome(job.id) == expected
    database.close()


@pytest.mark.parametrize("start", [0.0, 1e200])
def test_a_run_that_ends_where_it_begins(bench: Bench, start: float) -> None:
    job = bench.run(task_of(x=start, stop={"max_steps": 20}))
    result, history = bench.result(job.id), bench.history(job.id)
    assert result["stop_reason"] == ("converged" if start == 0 else "diverged")
    assert (result["steps"], history.step.tolist(), job.progress.rows) == (0, [0], 1)


def test_the_best_start_is_the_result(bench: Bench) -> None:
    job = bench.run(
        task_of("(x^2 - 1)^2 + x/4", points=np.array([[2.0], [-2.0], [1e200]]), method={"name": "sgd", "lr": 0.01})
    )
    result = bench.result(job.id)
    assert (result["start"], len(result["starts"])) == (1, 3)
    assert result["value"] == result["starts"][1]["value"]
    assert result["starts"][2]["stop_reason"] == "diverged"
    assert result["variables"] == result["starts"][1]["variables"]


def test_what_is_to_be_said_of_the_best_point_is_said(bench: Bench) -> None:
    job = bench.run(task_of("abs(x)", x=0.0, stop={"max_steps": 0}))
    assert [warning["code"] for warning in bench.result(job.id)["warnings"]] == ["kink"]


def test_a_task_comes_back_from_its_bytes(bench: Bench) -> None:
    for fields in VARIANTS.values():
        task = _squares(**fields)
        content = json.dumps(task.to_json())
        assert json.dumps(Task.from_json(json.loads(content)).to_json()) == content
