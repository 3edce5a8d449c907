"""A run without a store, and the same run as a worker process makes it."""

from __future__ import annotations

import tempfile
import threading
import time
from pathlib import Path
from statistics import median
from typing import NamedTuple

import numpy as np

from benchmarks.descents import Descent, descents
from benchmarks.tables import table
from benchmarks.timing import duration
from engine.limits import Budget
from engine.question import Question
from engine.task import Task
from service.jobs.jobs import Jobs
from service.jobs.minimising import Minimising
from service.jobs.rows import DatabaseShelf
from service.jobs.undertakings import settling, stored
from service.jobs.work import Attempt, Worker
from service.settings import Settings
from service.store.database import Database

HEAD = ["run", "steps", "without", "as a job", "ratio", "least", "most", "ratio of processor time"]
SIZE = 1_000_000
SECONDS = 600.0


class Spent(NamedTuple):
    """Seconds: of the clock on the wall, and of the processor in all threads of this process."""

    wall: float
    processor: float

    @staticmethod
    def now() -> Spent:
        """Since some beginning."""
        return Spent(time.perf_counter(), time.process_time())

    def since(self, begun: Spent) -> Spent:
        """The difference."""
        return Spent(self.wall - begun.wall, self.processor - begun.processor)


def rows() -> list[list[str]]:
    """One for each run."""
    rosenbrock, logistic, _ = descents()
    numbers = np.random.default_rng(3).normal(size=SIZE)
    large = Descent("", "sum((x - m)^2)", lambda: None, np.zeros(SIZE), 1e-2, 0, 0, {"m": numbers})
    kinds = [
        ("Rosenbrock, 2 variables", rosenbrock, 100_000, 1e-6, 2),
        ("logistic regression, 20 variables", logistic, 10_000, 1e-9, 3),
        ("10^6 variables, short", large, 30, 1e-2, 3),
        ("10^6 variables, long", large, 2500, 1e-2, 1),
    ]
    with tempfile.TemporaryDirectory() as folder:
        settings = Settings(data_dir=Path(folder), job_bytes=0)
        database = Database(settings)
        jobs = Jobs(DatabaseShelf(database), settings, settling(settings.limits()))
        worker = Worker(settings, threading.Event())  # type: ignore[arg-type]
        try:
            found = []
            for title, descent, steps, rate, rounds in kinds:
                task = _task(descent, steps, rate)
                found.append([title, f"{steps:,}", *_cells(worker, jobs, task, rounds)])
            return found
        finally:
            database.close()


def _cells(worker: Worker, jobs: Jobs, task: Task, rounds: int) -> list[str]:
    pairs = [(_plain(worker, task), _job(worker, jobs, task)) for _ in range(rounds)]
    ratios = sorted(job.wall / plain.wall for plain, job in pairs)
    return [
        duration(median(plain.wall for plain, _ in pairs)),
        duration(median(job.wall for _, job in pairs)),
        *[f"{part:.3f}" for part in (median(ratios), ratios[0], ratios[-1])],
        f"{median(job.processor / plain.processor for plain, job in pairs):.3f}",
    ]


def _task(descent: Descent, steps: int, rate: float) -> Task:
    question = Question(descent.text, {"x": descent.start, **descent.data})
    stop = {"max_steps": steps, "grad_norm": 0.0}
    return Task(question, ("x",), descent.start[None], {"name": "adam", "lr": rate}, stop=stop)


def _plain(worker: Worker, task: Task) -> Spent:
    """What a run takes of which nothing is kept."""
    begun = Spent.now()
    run, _ = task.run(worker.engine, Budget.starting_now(SECONDS))
    for _ in run.steps():
        pass
    taken = Spent.now().since(begun)
    _check(run.best.last is not None and run.best.last.step == task.stop["max_steps"])
    return taken


def _job(worker: Worker, jobs: Jobs, task: Task) -> Spent:
    """What an attempt at a job takes, from its claim on."""
    jobs.add(stored(Minimising(task)), {"starts": 1}, task.stop["max_steps"])
    claim = jobs.claim("benchmark")
    assert claim is not None
    begun = Spent.now()
    story = Attempt(worker, claim).run()
    taken = Spent.now().since(begun)
    ended = jobs.get(claim.job.id)
    _check(story is None and ended.state == "succeeded" and ended.progress.rows == task.stop["max_steps"] + 1)
    jobs.delete(ended.id)
    return taken


def _check(held: bool) -> None:
    if not held:
        raise RuntimeError("a run did not come to its end")


if __name__ == "__main__":
    print(table(HEAD, rows()))
