"""Runs of optimisers on the wire: what a request to `/check/steps` says, with every fault of it found first."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from engine.checking.steps.run import Run
from engine.errors import Fault, Limit, LimitExceeded
from engine.optimise.clipping import clipping
from engine.optimise.plan import PLATEAU
from engine.optimise.rule import Method
from engine.optimise.schedules import Scheduled, schedule
from engine.optimise.table import method
from engine.question import Array
from service.reader import ALONE, Path, Reader, is_packed

SOURCES = ("expr", "program", "function")
FIELDS = ("method", "start", "iterates", "gradients", *SOURCES, "at", "schedule", "clip", "tolerance")
MOST_TOLERANCE = 0.5
_PLATEAU = "A schedule that depends on the losses cannot be checked; send the learning rates, one for each step."


@dataclass(frozen=True, slots=True)
class Sent:
    """A run as it was sent; its gradients are zeros where the `objective`, fields of a question, is to give them."""

    run: Run
    arrays: Mapping[str, Array]
    objective: dict[str, Any] | None


def read_steps(content: Any, reader: Reader, most_steps: int) -> Sent:
    """The run of a request body.  Raises `InvalidRequest` with all faults, and `LimitExceeded`."""
    fields = reader.fields(content, FIELDS)
    for name in ("method", "start", "iterates"):
        if name not in fields:
            reader.fault((name,), "This is missing.")
    found: Method | None = reader.named(fields["method"], ("method",), method) if "method" in fields else None
    start = reader.arrays(fields["start"], ("start",)) if "start" in fields else None
    if start is not None and not sum(array.size for array in start.values()):
        reader.fault(("start",), "There are no parameters.")
        start = None
    iterates = _rows(fields.get("iterates"), start, ("iterates",), reader) if "iterates" in fields else None
    objective = {name: fields[name] for name in (*SOURCES, "at") if name in fields}
    gradients = _gradients(fields, start, iterates, objective, reader)
    count = 0 if iterates is None else len(iterates)
    rates = _rates(fields.get("schedule"), found, iterates, reader)
    clip = reader.made(fields["clip"], ("clip",), clipping) if "clip" in fields else None
    tolerance = reader.number(fields["tolerance"], ("tolerance",)) if "tolerance" in fields else None
    if tolerance is not None and not 0 <= tolerance <= MOST_TOLERANCE:
        reader.fault(("tolerance",), f"The relative tolerance has to be a number from 0 to {MOST_TOLERANCE}.")
    reader.refuse()
    if count > most_steps:
        raise LimitExceeded(
            f"{count:,} steps are more than the {most_steps:,} that are checked at once.",
            faults=[Fault("/iterates", "These are too many steps for one request.")],
            limit=Limit("check_steps", most_steps, count),
            hint="A wrong rule shows in the first steps: send those.",
        )
    assert found is not None
    assert start is not None
    assert iterates is not None
    assert rates is not None
    row = np.concatenate([array.ravel() for array in start.values()])
    zeros = np.zeros(iterates.shape)
    given = zeros if gradients is None else gradients
    shapes = {name: array.shape for name, array in start.items()}
    run = Run(found, row, iterates, given, zeros, rates, clip, shapes, tolerance)
    return Sent(run, start, objective if gradients is None else None)


def with_gradients(sent: Sent, gradients: Mapping[str, Array], errors: Mapping[str, Array]) -> Run:
    """The run with the gradients of its objective, (T, …) by input, and what they may be off by."""
    count = len(sent.run.rates)

    def row(arrays: Mapping[str, Array]) -> Array:
        return np.concatenate([np.asarray(arrays[name]).reshape(count, -1) for name in sent.arrays], axis=1)

    found, off = row(gradients), row(errors)
    return replace(sent.run, gradients=found, errors=np.where(np.isfinite(off), off, np.abs(np.nan_to_num(found))))


def _rates(value: Any, found: Method | None, iterates: Array | None, reader: Reader) -> Array | None:
    """The learning rate of every step: that of the method, of a schedule, or as they were sent."""
    scheduled: Scheduled | None = None
    named = type(value) is str or (type(value) is dict and not is_packed(value))
    if named:
        if (value if type(value) is str else value.get("name")) in PLATEAU:
            reader.fault(("schedule", "name"), _PLATEAU)
            return None
        scheduled = reader.named(value, ("schedule",), schedule)
        if scheduled is None:
            return None
    elif value is not None:
        rates = reader.array(value, ("schedule",))
        if rates is not None and iterates is not None and rates.shape != (len(iterates),):
            reader.fault(("schedule",), f"One learning rate for each of the {len(iterates):,} steps is needed.")
        elif rates is not None and not np.all(np.isfinite(rates)):
            reader.fault(("schedule",), "Learning rates have to be finite numbers.")
        return rates
    if found is None or iterates is None:
        return None
    lr = float(found.options["lr"])
    return np.array([lr if scheduled is None else scheduled.rate(k, lr) for k in range(len(iterates))])


def _gradients(
    fields: dict[str, Any], start: Any, iterates: Array | None, objective: dict[str, Any], reader: Reader
) -> Array | None:
    sources = [name for name in SOURCES if name in fields]
    if "gradients" in fields and objective:
        reader.fault(("gradients",), "Send either the gradients or the objective, not both.")
        return None
    if "gradients" not in fields:
        if len(sources) != 1:
            detail = "Send the gradients at the parameters before each step, or the objective as one of "
            reader.fault(("gradients",), detail + f"{', '.join(SOURCES)}.")
        if type(objective.get("at", {})) is dict:
            for name in objective.get("at", {}):
                if start is not None and name in start:
                    reader.fault(("at", name), "This is a parameter: its value is that of `start`.")
        return None
    found = _rows(fields["gradients"], start, ("gradients",), reader)
    if found is not None and iterates is not None and len(found) != len(iterates):
        counts = f"there are {len(iterates):,} iterates and {len(found):,} gradients"
        reader.fault(("gradients",), f"One gradient for each step is needed; {counts}.")
        return None
    return found


def _rows(value: Any, start: dict[str, Array] | None, path: Path, reader: Reader) -> Array | None:
    """One row for every step: a list of points in the form of `start`, or arrays with one more axis in front."""
    if start is None:
        return None
    if type(value) is list and value and type(value[0]) is dict and type(value[0].get("base64")) is not str:
        rows = []
        for k, part in enumerate(value):
            found = reader.like(part, start, (*path, k))
            if found is None:
                return None
            rows.append(np.concatenate([array.ravel() for array in found.values()]))
        return np.array(rows)
    arrays = reader.arrays(value, path)
    if arrays is None:
        return None
    named = type(value) is dict and type(value.get("base64")) is not str
    if not named and list(start) != [ALONE]:
        reader.fault(path, "This has to be a list of objects, arrays by name as in `start`.")
        return None
    before = len(reader.faults)
    counts = set()
    for name, array in start.items():
        where = (*path, name) if named else path
        if name not in arrays:
            reader.fault(path, f"There is nothing for `{name[:100]}`.")
        elif arrays[name].ndim == 0 or arrays[name].shape[1:] != array.shape:
            wanted = f"[steps{''.join(f', {size}' for size in array.shape)}]"
            reader.fault(where, f"The shape is {list(arrays[name].shape)}; {wanted} is needed.")
        elif not len(arrays[name]):
            reader.fault(where, "There are no steps.")
        else:
            counts.add(len(arrays[name]))
    for name in arrays:
        if name not in start:
            reader.fault((*path, name[:100]), "There is no parameter of this name in `start`.")
    if len(counts) > 1:
        reader.fault(path, "The numbers of steps differ.")
    if len(reader.faults) > before:
        return None
    count = counts.pop()
    return np.concatenate([arrays[name].reshape(count, -1) for name in start], axis=1)
