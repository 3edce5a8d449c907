"""What a run has found, as it is kept: the result in small, and the variables that belong to it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from engine.outcome import Ended, Found, best
from engine.precision.wire import arrays_from, arrays_to
from engine.question import Array
from engine.task import Task
from service.arrays import from_array

Points = Mapping[str, Any]


def result_of(
    task: Task, ended: Sequence[Ended], reason: str | None = None, warnings: Sequence[Mapping[str, Any]] = ()
) -> tuple[Mapping[str, Any], bytes]:
    """The result and its variables: those of the best start.  `reason` is for starts that have none of their own."""
    found = best(ended, task.sign)
    result = {**_told(found, reason), "warnings": list(warnings)}
    points: dict[str, Any] = {"variables": _variables(task, found.best, found.start)}
    if found.last is not None and found.best is not None and found.last.step != found.best.step:
        points["last"] = _variables(task, found.last, found.start)
    if len(ended) > 1:
        result |= {"start": found.start, "starts": [_told(each, reason) for each in ended]}
        points["starts"] = [_variables(task, each.best, each.start) for each in ended]
    return result, json.dumps(points).encode()


def with_points(result: Mapping[str, Any], points: bytes, encoding: str) -> dict[str, Any]:
    """The result as it goes to the client, with its variables."""
    kept = json.loads(points)

    def written(arrays: Any) -> dict[str, Any]:
        return {name: from_array(array, encoding) for name, array in arrays_from(arrays).items()}

    if "variables" not in kept:
        return dict(result)
    found = {**result, "variables": written(kept["variables"])}
    if found.get("last") is not None and "epoch" not in found["last"]:
        found["last"] = {**found["last"], "variables": written(kept.get("last", kept["variables"]))}
    if "starts" in kept:
        pairs = zip(found["starts"], kept["starts"], strict=True)
        found["starts"] = [{**start, "variables": written(arrays)} for start, arrays in pairs]
    return found


def _told(ended: Ended, reason: str | None) -> dict[str, Any]:
    best, last = ended.best, ended.last
    return {
        "value": None if best is None else best.value,
        "grad_norm": None if best is None else best.grad_norm,
        "step": 0 if best is None else best.step,
        "steps": ended.steps,
        "stop_reason": ended.reason or reason,
        "message": ended.message,
        "restarts": list(ended.restarts),
        "last": None if last is None else {"step": last.step, "value": last.value, "grad_norm": last.grad_norm},
    }


def _variables(task: Task, found: Found | None, start: int) -> dict[str, Any]:
    """The variables of a point; of the start itself, where nothing was evaluated."""
    arrays: Mapping[str, Array] = task.layout.split(task.points[start]) if found is None else found.variables
    return arrays_to(arrays)
