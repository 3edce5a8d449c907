"""Jobs for tests: shelves of every kind, tasks, and waiting for something to become true."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from engine.optimise.track import Row
from engine.question import Question
from engine.task import Task
from service.jobs.history import History
from service.jobs.job import Job, Progress
from service.settings import Settings
from tests.service.live import PATIENCE

LEAST_SQUARES = "sum((X @ w - y)^2) / 2"
DATA = {"X": np.array([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]]), "y": np.array([1.0, 2.0, 3.0])}
ENDLESS = """
def f(x):
    s = x
    for i in range(100000000):
        s = s + sin(s) * 1e-9
    return s * s
"""
"""One evaluation of it takes minutes."""


def settings_of(folder: Path, **settings: Any) -> Settings:
    """Settings with a folder of their own, of which no process is started."""
    return Settings(**{"data_dir": folder, "job_workers": 0, **settings})


def task_of(expr: str = "x^2", x: Any = 3.0, **fields: Any) -> Task:
    """A task with one variable, by steepest descent unless told otherwise."""
    kind = "program" if "\n" in expr else "expr"
    start = {"x": np.asarray(x, dtype=np.float64)}
    fields.setdefault("points", np.ravel(start["x"])[None])
    fields.setdefault("method", {"name": "sgd", "lr": 0.1})
    fields.setdefault("stop", {"max_steps": 20, "grad_norm": 0})
    return Task(Question(expr, start, kind), ("x",), **fields)  # type: ignore[arg-type]


def bytes_of(task: Task) -> bytes:
    """The task as it is stored."""
    return json.dumps(task.to_json()).encode()


def told_of(starts: int = 1, norms: bool = True, **shapes: list[int]) -> dict[str, Any]:
    """What is told of a job, as far as the history needs it."""
    return {"starts": starts, "record": {"grad_norm": norms, "variables": True}, "variables": shapes or {"x": []}}


def job_of(name: str = "a", **fields: Any) -> Job:
    """A new job."""
    return Job(**{"id": f"job_{name}", "created": 1, "told": told_of(), "max_steps": 9, **fields})


def rows_of(first: int, count: int, size: int = 1, keep: bool = False) -> History:
    """Rows whose numbers tell their index."""
    rows = [Row(0, i, i + 0.5, i + 0.25, i + 0.125, np.full(size, float(i))) for i in range(first, first + count)]
    return History.of(first, rows, keep)


def progress_of(rows: int) -> Progress:
    """As far as so many rows go."""
    return Progress(rows - 1, rows - 0.5, 0.5, rows)


def until(condition: Callable[[], bool], what: str) -> None:
    """Look again and again until `condition` holds."""
    end = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < end, f"waited {PATIENCE} s in vain: {what}"
        time.sleep(0.002)
