"""A job and its history as they are told on the wire."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from engine.objective import Variables
from service.arrays import from_array
from service.jobs.history import History
from service.jobs.job import Job
from service.jobs.results import with_points
from service.serialise import json_bytes
from service.times import written


def told(job: Job, points: bytes | None = None, waiting: int | None = None, encoding: str = "json") -> dict[str, Any]:
    """The content of an answer about a job; with the variables of its result where they were read."""
    progress = job.progress
    result = job.result
    if result is not None and points is not None:
        result = with_points(result, points, encoding)
    return {
        "id": job.id,
        "state": job.state,
        "created": written(job.created),
        "started": None if job.started is None else written(job.started),
        "finished": None if job.finished is None else written(job.finished),
        "attempts": job.attempts,
        "cancelling": job.cancelling is not None and not job.ended,
        "queue_position": waiting,
        "progress": {
            "step": progress.step,
            "max_steps": job.max_steps,
            "value": progress.value,
            "best": progress.best,
            "rows": progress.rows,
            "remarks": list(progress.remarks),
        },
        "result": result,
        "error": job.error,
        **job.told,
        "story": [{"at": written(entry.at), "event": entry.event, "detail": entry.detail} for entry in job.story],
        "links": links(job.id),
    }


def links(id: str) -> dict[str, str]:
    """The addresses that belong to a job."""
    own = address(id)
    return {"self": own, "history": f"{own}/history", "events": f"{own}/events", "cancel": f"{own}/cancel"}


def address(id: str) -> str:
    """Where a job is found."""
    return f"/jobs/{id}"


def row_bytes(job: Job) -> int:
    """What a row of the history takes when it is written out, about."""
    size = Variables({name: tuple(shape) for name, shape in job.told["variables"].items()}).size
    record = job.told["record"]
    return 150 + 40 * len(record.get("columns", ())) + (25 * size if record["variables"] else 0)


class Told:
    """What the rows of a job's history tell."""

    def __init__(self, job: Job) -> None:
        self._several = job.told["starts"] > 1
        self._norms = job.told["record"]["grad_norm"]
        self._layout = Variables({name: tuple(shape) for name, shape in job.told["variables"].items()})
        self._more: list[str] = job.told["record"].get("columns", [])

    def columns(self, history: History) -> dict[str, Any]:
        """The rows by column; what there is none of is null."""
        rates = [None if rate != rate else rate for rate in history.rate.tolist()]
        found: dict[str, Any] = {"index": list(range(history.first, history.first + len(history)))}
        if self._several:
            found["start"] = history.start.tolist()
        found |= {"step": history.step.tolist(), "value": history.value.tolist()}
        if self._norms:
            found["grad_norm"] = history.grad_norm.tolist()
        found["learning_rate"] = rates
        if history.more is None:
            found |= {name: [] for name in self._more}
        else:
            columns = zip(self._more, history.more.T.tolist(), strict=True)
            found |= {name: [None if n != n else n for n in column] for name, column in columns}
        if history.variables is not None:
            split = self._layout.split(history.variables)
            found["variables"] = {name: from_array(array) for name, array in split.items()}
        return found

    def rows(self, history: History) -> Iterator[dict[str, Any]]:
        """One object for each row."""
        columns = self.columns(history)
        variables: Mapping[str, Any] = columns.pop("variables", {})
        for i in range(len(history)):
            row = {name: column[i] for name, column in columns.items()}
            if history.variables is not None:
                row["variables"] = {name: arrays[i] for name, arrays in variables.items()}
            yield row

    def lines(self, history: History) -> bytes:
        """The rows as NDJSON."""
        return b"".join([json_bytes(row) + b"\n" for row in self.rows(history)])

    def head(self) -> bytes:
        """The first line of a CSV file."""
        names = ["index", *(["start"] if self._several else []), "step", "value"]
        names += [*(["grad_norm"] if self._norms else []), "learning_rate", *self._more]
        return (",".join(names)).encode() + b"\r\n"

    def csv(self, history: History) -> bytes:
        """The rows as lines of a CSV file, numbers as in JSON; without the variables."""
        columns = self.columns(history)
        columns.pop("variables", None)
        lines = [",".join(map(_number, row)) for row in zip(*columns.values(), strict=True)]
        return "".join([line + "\r\n" for line in lines]).encode()

    def events(self, history: History) -> list[bytes]:
        """The rows as server-sent events, whose ids are their indices."""
        return [b"event: step\nid: %d\ndata: %b\n\n" % (row["index"], json_bytes(row)) for row in self.rows(history)]


def state_event(job: Job) -> bytes:
    """How a job is, as a server-sent event.  It has no id: where to resume is a matter of the rows."""
    return b"event: state\ndata: %b\n\n" % json_bytes(told(job))


def _number(value: float | int | None) -> str:
    if value is None:
        return ""
    if isinstance(value, float) and not np.isfinite(value):
        return "NaN" if value != value else "Infinity" if value > 0 else "-Infinity"
    return repr(value)
