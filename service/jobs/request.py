"""The body of `POST /jobs` becomes a task; every fault in it is found before anything is refused."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np

from engine.errors import EngineError, Fault, InvalidRequest, Limit, LimitExceeded
from engine.limits import Limits
from engine.objective import Variables
from engine.optimise.choose import AUTO
from engine.optimise.clipping import clipping
from engine.optimise.plan import read_method, read_schedule
from engine.optimise.stopping import read_stop
from engine.question import Array
from engine.task import Task, drawn
from service.functions.binding import Binding
from service.pointers import pointer
from service.questions import read_question
from service.reader import Path, Reader, is_packed, short
from service.schemas.question import SOURCES
from service.settings import Settings

DIRECTIONS = {"minimize": 1.0, "maximize": -1.0}
FIELDS = (
    *SOURCES,
    *("start", "data", "direction", "method", "schedule", "clip", "bounds", "stop", "record", "starts", "seed"),
    "precision",
)
_DRAWN = ("count", "low", "high", "seed")
_RECORD = ("every", "grad_norm", "variables")
_LARGEST_SEED = 2**53 - 1
_NO_START = 'This has to be an object: the variables by name, as {"x": 1}.'
DEFAULT_STEPS = 1000
"""Steps of a job that names no largest number of them."""


@dataclass(frozen=True, slots=True)
class Posted:
    """A task as it was posted, perhaps without a method.

    `places` says where in the body the inputs stand: `("start", "x")`.  `norms`: whether the history tells the norms of
    the gradients.
    """

    task: Task
    places: Mapping[str, Path]
    norms: bool


def read_job(content: Any, settings: Settings, limits: Limits, function: Binding | None) -> Posted:
    """The task of a decoded request body; `function` is the stored one that it names, if it names one.

    Raises `InvalidRequest` with all faults, `LimitExceeded`, and what `read_question` raises.
    """
    reader = Reader(limits)
    fields = reader.fields(content, FIELDS)
    start = _start(fields, reader)
    data = _data(fields, start, reader)
    points = _points(fields, start, settings, reader)
    method = _method(fields, reader)
    schedule = _named(fields, "schedule", reader)
    clip = fields.get("clip")
    if clip is not None:
        reader.made(clip, ("clip",), clipping)
    stop = _stop(fields, settings, reader)
    bounds = _bounds(fields, start, reader)
    every, kept, norms = _record(fields, reader)
    direction = fields.get("direction", "minimize")
    if type(direction) is not str or direction not in DIRECTIONS:
        reader.fault(("direction",), "This has to be `minimize` or `maximize`.")
    places: dict[str, Path] = {name: ("data", short(name)) for name in data}
    places |= {name: (*start.path, short(name)) for name in start.raw}
    asked = {name: fields[name] for name in (*SOURCES, "precision") if name in fields}
    question = None
    with placed(places):
        try:
            question = read_question({**asked, "at": {**data, **start.raw}}, limits, function).question
        except InvalidRequest as error:
            known = {fault.pointer for fault in reader.faults}
            faults = [_moved(fault, places) for fault in error.faults]
            reader.faults += [fault for fault in faults if fault.pointer not in known]
    reader.refuse()
    assert question is not None
    every = _check_size(points, stop, every, kept, settings)
    task = Task(
        question,
        tuple(start.arrays),
        points,
        method,
        DIRECTIONS[direction],
        schedule,
        clip,
        bounds,
        stop,
        every,
        kept,
    )
    return Posted(task, places, norms)


@contextmanager
def placed(places: Mapping[str, Path]) -> Iterator[None]:
    """Have the faults of inputs point to where they stand in the body."""
    try:
        yield
    except EngineError as error:
        error.faults = [_moved(fault, places) for fault in error.faults]
        if error.hint is not None:
            error.hint = error.hint.replace('give it in "at"', 'give it in "data", or in "start" to have it moved')
        raise


def _moved(fault: Fault, places: Mapping[str, Path]) -> Fault:
    """What is wrong at an input, where that stands in the body; what is missing would stand among the data."""
    if fault.pointer != "/at" and not fault.pointer.startswith("/at/"):
        return fault
    for name, path in places.items():
        place = pointer(("at", short(name)))
        if fault.pointer == place or fault.pointer.startswith(place + "/"):
            return Fault(pointer(path) + fault.pointer.removeprefix(place), fault.detail)
    return Fault("/data" + fault.pointer.removeprefix("/at"), fault.detail)


@dataclass(frozen=True, slots=True)
class _Start:
    """A point for each variable: as it was sent, as arrays, and where in the body."""

    path: Path
    raw: Mapping[str, Any]
    arrays: Mapping[str, Array]

    @property
    def variables(self) -> Variables:
        return Variables({name: array.shape for name, array in self.arrays.items()})


def _start(fields: dict[str, Any], reader: Reader) -> _Start:
    """The first start, or what has the shapes of all."""
    path: Path = ("start",)
    raw = fields.get("start")
    starts = fields.get("starts")
    if raw is None and type(starts) is list and starts:
        path, raw = ("starts", 0), starts[0]
    elif raw is None and type(starts) is dict and type(starts.get("low")) is dict:
        path, raw = ("starts", "low"), starts["low"]
    elif raw is None:
        reader.fault(("start",), "The variables and where they start are missing: an object, arrays by name.")
        return _Start(path, {}, {})
    if type(raw) is not dict or is_packed(raw):
        reader.fault(path, _NO_START)
        return _Start(path, {}, {})
    arrays = reader.arrays(raw, path) or {}
    _check_finite(arrays, path, reader)
    if not sum(array.size for array in arrays.values()) and not reader.faults:
        reader.fault(path, "There are no variables.")
    return _Start(path, raw, arrays)


def _row(given: Any, start: _Start, path: Path, reader: Reader) -> dict[str, Array] | None:
    """One of several starts, in the shapes of the first."""
    if type(given) is not dict or is_packed(given):
        reader.fault(path, _NO_START)
        return None
    found = reader.like(given, dict(start.arrays), path)
    if path != start.path:
        _check_finite(found or {}, path, reader)
    return found


def _check_finite(arrays: Mapping[str, Array], path: Path, reader: Reader) -> None:
    for name, array in arrays.items():
        if not np.all(np.isfinite(array)):
            reader.fault((*path, short(name)), "A start has to be finite.")


def _data(fields: dict[str, Any], start: _Start, reader: Reader) -> dict[str, Any]:
    data = fields.get("data", {})
    if type(data) is not dict:
        reader.fault(("data",), "This has to be an object: inputs by name.")
        return {}
    for name in data:
        if name in start.raw:
            reader.fault(("data", short(name)), "This is a variable; its value is that of the start.")
    return data


def _points(fields: dict[str, Any], start: _Start, settings: Settings, reader: Reader) -> Array:
    """All starts (s, n)."""
    starts, variables = fields.get("starts"), start.variables
    seed = reader.integer(fields.get("seed", 0), 0, _LARGEST_SEED, ("seed",))
    nothing = np.zeros((1, variables.size))
    if not start.arrays:
        return nothing
    if starts is None:
        return variables.join(start.arrays)[None]
    if type(starts) is dict:
        return _drawn(starts, fields, start, seed, settings, reader)
    if type(starts) is not list or not starts:
        reader.fault(("starts",), 'This has to be a list of starts, or {"count", "low", "high", "seed"}.')
        return nothing
    if "start" in fields:
        reader.fault(("start",), "Send either `start` or a list of `starts`.")
    _check_count(len(starts), settings)
    rows = [_row(given, start, ("starts", i), reader) for i, given in enumerate(starts)]
    return np.stack([variables.join(row) for row in rows if row is not None] or [nothing[0]])


def _drawn(
    starts: dict[str, Any], fields: dict[str, Any], start: _Start, seed: int, settings: Settings, reader: Reader
) -> Array:
    """Random starts; `start` itself is the first, where it was sent."""
    path: Path = ("starts",)
    known, variables = reader.fields(starts, _DRAWN, path), start.variables
    nothing = np.zeros((1, variables.size))
    count = reader.integer(known.get("count", 0), 1, 10**9, (*path, "count"))
    seed = reader.integer(known["seed"], 0, _LARGEST_SEED, (*path, "seed")) if "seed" in known else seed
    _check_count(count, settings)
    ends: list[dict[str, Any]] = []
    for side in ("low", "high"):
        if side not in known:
            reader.fault((*path, side), "This is missing: a number for all variables, or arrays by name.")
        elif type(known[side]) is dict:
            ends.append(reader.like(known[side], dict(start.arrays), (*path, side)) or {})
        elif (number := reader.number(known[side], (*path, side))) is not None:
            ends.append(dict.fromkeys(start.arrays, number))
    if reader.faults or len(ends) < 2:
        return nothing
    low, high = (np.concatenate([np.ravel(end[name]) for name in start.arrays]) for end in ends)
    with np.errstate(all="ignore"):
        finite = np.all(np.isfinite(low)) and np.all(np.isfinite(high - low))
    if not (finite and np.all(low <= high)):
        reader.fault(path, "The ends and what is between them have to be finite, and `low` nowhere above `high`.")
        return nothing
    _check_numbers(count * variables.size, settings)
    given = "start" in fields
    found = drawn(variables, ends[0], ends[1], count - given, seed)
    return np.concatenate([variables.join(start.arrays)[None], found]) if given else found


def _check_count(count: int, settings: Settings) -> None:
    if count > settings.job_starts:
        raise LimitExceeded(
            f"{count:,} starts are more than the {settings.job_starts:,} that one job may have.",
            faults=[Fault("/starts", "These are too many.")],
            limit=Limit("job_starts", settings.job_starts, count),
        )


def _check_numbers(count: int, settings: Settings) -> None:
    if count > settings.job_variables:
        raise LimitExceeded(
            f"{count:,} numbers are more than the {settings.job_variables:,} that one job may move.",
            limit=Limit("job_variables", settings.job_variables, count),
        )


def _method(fields: dict[str, Any], reader: Reader) -> dict[str, Any]:
    method = fields.get("method", AUTO)
    found = {"name": method} if type(method) is str else method
    if not (type(found) is dict and found == {"name": AUTO}):
        reader.named(method, ("method",), read_method)
    return found if type(found) is dict else {"name": AUTO}


def _named(fields: dict[str, Any], name: str, reader: Reader) -> dict[str, Any] | None:
    value = fields.get(name)
    if value is None:
        return None
    reader.named(value, (name,), read_schedule)
    return {"name": value} if type(value) is str else value if type(value) is dict else None


def _stop(fields: dict[str, Any], settings: Settings, reader: Reader) -> dict[str, Any]:
    stop = fields.get("stop", {})
    reader.made(stop, ("stop",), lambda given: read_stop(given, 1.0, 0.0))
    if type(stop) is not dict:
        return {}
    steps = stop.get("max_steps")
    if isinstance(steps, int | float) and steps > settings.job_steps:
        raise LimitExceeded(
            f"{steps:,} steps are more than the {settings.job_steps:,} that one job may make.",
            faults=[Fault("/stop/max_steps", "These are too many.")],
            limit=Limit("job_steps", settings.job_steps, steps),
        )
    given = {name: value for name, value in stop.items() if value is not None}
    return given if steps is not None else {**given, "max_steps": min(DEFAULT_STEPS, settings.job_steps)}


def _bounds(fields: dict[str, Any], start: _Start, reader: Reader) -> dict[str, tuple[Array, Array]]:
    bounds = fields.get("bounds", {})
    if type(bounds) is not dict:
        reader.fault(("bounds",), "This has to be an object: [low, high] by variable.")
        return {}
    found = {}
    for name, pair in bounds.items():
        path: Path = ("bounds", short(name))
        if name not in start.raw:
            reader.fault(path, "There is no variable of this name.")
        elif type(pair) is not list or len(pair) != 2:
            reader.fault(path, "This has to be [low, high], with null where there is no bound.")
        elif name in start.arrays:
            shape = start.arrays[name].shape
            low, high = (_end(value, shape, side, (*path, side), reader) for side, value in enumerate(pair))
            if low is not None and high is not None:
                if not np.all(low <= high):
                    reader.fault(path, "`low` is above `high`.")
                found[name] = (low, high)
    return found


def _end(value: Any, shape: tuple[int, ...], side: int, path: Path, reader: Reader) -> Array | None:
    """One end of the bounds of a variable: a number or array, or null for none."""
    if value is None:
        return np.full(shape, np.inf if side else -np.inf)
    array = reader.array(value, path)
    if array is None:
        return None
    if array.shape not in ((), shape):
        reader.fault(path, f"The shape is {list(array.shape)}; one number, or the shape {list(shape)}, is needed.")
        return None
    if np.any(np.isnan(array)):
        reader.fault(path, "A bound cannot be NaN.")
        return None
    return np.array(np.broadcast_to(array, shape))


def _record(fields: dict[str, Any], reader: Reader) -> tuple[int, bool, bool]:
    """Of how many steps one is kept (0: as the limit allows), whether the variables are, and the norms."""
    record = fields.get("record", {})
    known = reader.fields(record, _RECORD, ("record",))
    every = reader.integer(known["every"], 1, 2**53, ("record", "every")) if "every" in known else 0
    for name in ("grad_norm", "variables"):
        if type(known.get(name, False)) is not bool:
            reader.fault(("record", name), "This has to be true or false.")
    return every, known.get("variables", False) is True, known.get("grad_norm", True) is not False


def _check_size(points: Array, stop: dict[str, Any], every: int, kept: bool, settings: Settings) -> int:
    """Of how many steps one is kept.  Raises `LimitExceeded` for too many rows or variables."""
    starts, size = points.shape
    _check_numbers(points.size, settings)
    steps = int(stop["max_steps"])
    most = max(1, settings.job_rows // starts - 2)
    if kept:
        most = max(1, min(most, settings.job_variables // prod((starts, size)) - 2))
    needed: int = -(-steps // most)
    if not every:
        return max(1, needed)
    if every < needed:
        rows = (steps // every + 1) * starts
        raise LimitExceeded(
            f"The history would have up to {rows:,} rows, more than one job may have.",
            faults=[Fault("/record/every", f"This has to be at least {needed:,}.")],
            limit=Limit("job_rows", settings.job_rows, rows),
        )
    return every
