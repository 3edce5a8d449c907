"""How a model is trained: the options of a client, read with all their faults."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from engine.errors import Fault, InvalidRequest
from engine.models.classes import classes
from engine.models.fields import (
    Field,
    Named,
    Read,
    Wrong,
    below,
    choice,
    count,
    flag,
    items,
    maybe,
    named,
    number,
    read_fields,
)
from engine.models.initialisers import LARGEST_SEED, SEED
from engine.models.metrics import METRICS, Measured
from engine.models.model import Model
from engine.models.signal import Misfit
from engine.optimise.clipping import clipping
from engine.optimise.methods import PathMethod
from engine.optimise.options import Options as Numbers
from engine.optimise.options import escaped
from engine.optimise.plan import read_method, read_schedule
from engine.optimise.rule import Method
from engine.optimise.schedules import Scheduled

MOST_SEEDS = 100


@dataclass(frozen=True, slots=True)
class Patience:
    """Training ends when so many epochs have not made the monitored value smaller by more than `min_change`."""

    patience: int
    min_change: float = 0.0


@dataclass(frozen=True, slots=True)
class Finder:
    """A search for a learning rate: from `low` to `high` in so many steps, each greater by the same factor."""

    low: float
    high: float
    steps: int

    def rate(self, step: int) -> float:
        """The rate of the step after `step` others."""
        part = step / (self.steps - 1)
        low, high = math.log(self.low), math.log(self.high)
        return math.exp(low + part * (high - low))


@dataclass(frozen=True, slots=True)
class Regime:
    """How a model is trained.

    `batch_size` None stands for all examples at once; `fraction` of them is set apart for validation.  `seeds` are
    those of the runs that go on side by side, each with parameters of its own if they are `redrawn`; they begin as the
    definition says otherwise.  `class_weight` is None, `balanced`, or a weight by class.  `every` step of so many goes
    into the history; 0 leaves it to the limits.
    """

    method: Method
    schedule: Scheduled | None
    plateau: Numbers | None
    clip: Numbers | None
    epochs: int
    batch_size: int | None
    shuffle: bool
    seed: int
    seeds: tuple[int, ...]
    redrawn: bool
    fraction: float
    metrics: tuple[Measured, ...]
    class_weight: Mapping[int, float] | str | None
    early: Patience | None
    keep: str
    every: int
    max_steps: int
    max_seconds: float
    target: float
    finder: Finder | None


def _object(name: str, what: str, fields: Sequence[Field]) -> Read:
    def read(value: Any) -> dict[str, Any]:
        if not isinstance(value, dict):
            raise Wrong(f"This has to be an object{what}.")
        found, faults = read_fields(name, fields, value)
        if faults:
            raise Wrong.all_of(faults)
        return found

    return read


def _batch_size(value: Any) -> int | None:
    if value == "all":
        return None
    try:
        found: int = _count(value)
    except Wrong:
        raise Wrong('This has to be an integer from 1 on, or "all".') from None
    return found


_count = count(1, 2**31)
_patience = _object(
    "early_stopping",
    ' with `patience`: {"patience": 10, "min_change": 0.001}',
    (
        Field("patience", count(), 10, "epochs without improvement."),
        Field("min_change", number(0.0), 0.0, "what counts as improvement."),
    ),
)
_finder = _object(
    "find_learning_rate",
    ': {"low": 1e-7, "high": 10, "steps": 100}',
    (
        Field("low", number(0.0, above=True), 1e-7, "the first learning rate."),
        Field("high", number(0.0, above=True), 10.0, "the last learning rate."),
        Field("steps", count(10, 10_000), 100, "how many steps."),
    ),
)
_stop = _object(
    "stop",
    ": max_steps, max_seconds, target",
    (
        Field("max_steps", maybe(count(1, 2**53)), None, "no more steps than this."),
        Field("max_seconds", maybe(number(0.0, above=True)), None, "no more time than this."),
        Field("target", maybe(number()), None, "what the monitored value has to reach."),
    ),
)
_record = _object("record", ": every", (Field("every", maybe(count(1, 2**53)), None, "of so many steps one is kept."),))


def _early(value: Any) -> Patience | None:
    if value is None or value is False:
        return None
    if isinstance(value, int | float) and not isinstance(value, bool):
        return Patience(_count(value))
    return Patience(**_patience({} if value is True else value))


def _find(value: Any) -> Finder | None:
    if value is None or value is False:
        return None
    found = Finder(**_finder({} if value is True else value))
    if not found.low < found.high:
        raise Wrong("`low` has to be below `high`.", "low")
    return found


def _seeds(value: Any) -> tuple[int, ...] | int | None:
    if value is None:
        return None
    if not isinstance(value, list):
        return int(count(1, MOST_SEEDS)(value))
    if not 1 <= len(value) <= MOST_SEEDS:
        raise Wrong(f"This has to be a list of 1 to {MOST_SEEDS} seeds, or how many.")
    found = items(value, SEED)
    if len(set(found)) < len(found):
        raise Wrong("A seed stands here twice.")
    return tuple(found)


_metric = named("a metric", {name: record.fields for name, record in METRICS.items()})


def _metrics(value: Any) -> tuple[Named, ...] | None:
    if value is None:
        return None
    if not isinstance(value, list) or len(value) > 20:
        raise Wrong('This has to be a list of metrics: ["accuracy"].')
    return tuple(items(value, _metric))


def _class_weight(value: Any) -> Mapping[int, float] | str | None:
    if value is None:
        return None
    if value == "balanced":
        return "balanced"
    if not isinstance(value, dict) or not value:
        raise Wrong('This has to be "balanced", or weights by class: {"0": 1, "1": 5}.')
    found: dict[int, float] = {}
    faults: list[Fault] = []
    for name, weight in value.items():
        place = f"/{escaped(name)}"
        if not name.isdecimal() or not name.isascii() or len(name) > 9:
            faults.append(Fault(place, "A class is the number that y has."))
            continue
        try:
            found[int(name)] = number(0.0)(weight)
        except Wrong as wrong:
            faults += below(place, wrong.faults)
    if faults:
        raise Wrong.all_of(faults)
    return found


_FIELDS = (
    Field("epochs", _count, 10, "how often all examples are gone through."),
    Field("batch_size", _batch_size, 32, 'examples in one step, or "all".'),
    Field("shuffle", flag, True, "whether every epoch has an order of its own."),
    Field("seed", maybe(SEED), None, "what order, division and dropout are drawn from; that of the model without."),
    Field("seeds", _seeds, None, "several runs at once, each with parameters of its own: seeds, or how many."),
    Field("validation", maybe(number(0.0, 1.0, above=True, below=True)), None, "the part that is set apart."),
    Field("metrics", _metrics, None, "what is measured beside the loss."),
    Field("class_weight", _class_weight, None, '"balanced", or weights by class.'),
    Field("early_stopping", _early, None, "patience in epochs, or an object."),
    Field("keep", choice("best", "last"), "best", "which parameters are kept in the end."),
    Field("stop", _stop, {}, "limits."),
    Field("record", _record, {}, "what the history keeps."),
    Field("find_learning_rate", _find, None, "a search for a learning rate instead of a training."),
)
FIELDS = (*(field.name for field in _FIELDS), "method", "schedule", "clip")
"""The options of a training, by name."""


def read_regime(given: Mapping[str, Any], model: Model) -> Regime:
    """The options of a training of `model`.  Raises `InvalidRequest` with all faults; pointers begin at the options."""
    own = {name: value for name, value in given.items() if name not in ("method", "schedule", "clip")}
    read, faults = read_fields("training", _FIELDS, own)
    method, schedule = _method(given.get("method"), faults), _schedule(given.get("schedule"), faults)
    clip = None
    if given.get("clip") is not None:
        clip = _made("/clip", faults, lambda: clipping(_mapping(given["clip"])))
    measured = _measured(read.get("metrics"), model, faults)
    _check_weights(read.get("class_weight"), model, faults)
    if not model.trainable:
        faults.append(Fault("/model", "No parameter of this model is trainable."))
    if read.get("find_learning_rate") is not None and schedule is not None:
        faults.append(Fault("/schedule", "A search for a learning rate has its own schedule; leave this out."))
    if read.get("find_learning_rate") is not None and read.get("seeds") not in (None, 1):
        faults.append(Fault("/seeds", "A search for a learning rate is one run; leave this out."))
    if read.get("find_learning_rate") is not None and (read.get("stop") or {}).get("max_steps") is not None:
        faults.append(
            Fault("/stop/max_steps", "A search for a learning rate says itself how many `steps`; leave this out.")
        )
    seed = model.seed if read.get("seed") is None else read["seed"]
    seeds = read.get("seeds")
    several = tuple(range(seed, seed + seeds)) if isinstance(seeds, int) else seeds
    if several and several[-1] > LARGEST_SEED:
        faults.append(Fault("/seeds", f"These go on from {seed} and beyond the largest seed, {LARGEST_SEED}."))
    if faults:
        raise InvalidRequest(faults[0].detail, faults=faults)
    assert method is not None
    stop, infinite = read["stop"], math.inf
    return Regime(
        method,
        schedule if isinstance(schedule, Scheduled) else None,
        None if isinstance(schedule, Scheduled) else schedule,
        clip,
        read["epochs"],
        read["batch_size"],
        read["shuffle"],
        seed,
        (seed,) if several is None else several,
        several is not None,
        read["validation"] or 0.0,
        measured,
        read["class_weight"],
        read["early_stopping"],
        read["keep"],
        read["record"]["every"] or 0,
        stop["max_steps"] or 2**53,
        stop["max_seconds"] or infinite,
        -infinite if stop["target"] is None else stop["target"],
        read["find_learning_rate"],
    )


def sized(regime: Regime, every: int) -> Regime:
    """The same, with every so-manieth step in the history."""
    return replace(regime, every=every)


def _mapping(value: Any) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise InvalidRequest("", faults=[Fault("", "This has to be a JSON object.")])
    return value


def _made(place: str, faults: list[Fault], make: Any) -> Any:
    try:
        return make()
    except InvalidRequest as error:
        faults += [Fault(place + fault.pointer, fault.detail) for fault in error.faults]
        return None


def _named(value: Any) -> tuple[str, dict[str, Any]]:
    content = {"name": value} if isinstance(value, str) else value
    if not isinstance(content, dict) or not isinstance(content.get("name"), str):
        raise InvalidRequest("", faults=[Fault("", 'This has to be a name, or {"name": …} with options.')])
    return content["name"], {key: option for key, option in content.items() if key != "name"}


def left_open(method: Any) -> bool:
    """Whether the method is left to us."""
    return method in (None, "auto", {"name": "auto"})


def _method(given: Any, faults: list[Fault]) -> Method | None:
    found = _made("/method", faults, lambda: read_method(*_named("adam" if left_open(given) else given)))
    if isinstance(found, PathMethod):
        detail = f"`{found.record.name}` is not for mini-batches: models are trained by update rules, such as adam."
        faults.append(Fault("/method", f"{detail} It can be sent the program of the model instead."))
        return None
    return found if isinstance(found, Method) else None


def _schedule(given: Any, faults: list[Fault]) -> Any:
    if given is None:
        return None
    return _made("/schedule", faults, lambda: read_schedule(*_named(given)))


def _measured(chosen: Sequence[Named] | None, model: Model, faults: list[Fault]) -> tuple[Measured, ...]:
    """The metrics; without a choice accuracy, for a model of classes."""
    if chosen is None:
        try:
            classes(model)
        except Misfit:
            return ()
        return (Measured(METRICS["accuracy"], {}),)
    found: list[Measured] = []
    for i, one in enumerate(chosen):
        record = METRICS[one.name]
        try:
            record.require(model)
        except Misfit as misfit:
            faults.append(Fault(f"/metrics/{i}", f"`{one.name}` {misfit.detail}."))
        measured = Measured(record, one.options)
        if measured.name in [other.name for other in found]:
            faults.append(Fault(f"/metrics/{i}", f"`{measured.name}` stands here twice."))
        found.append(measured)
    return tuple(found)


def _check_weights(weights: Any, model: Model, faults: list[Fault]) -> None:
    if weights is None:
        return
    try:
        many = classes(model)
    except Misfit as misfit:
        faults.append(Fault("/class_weight", f"This {misfit.detail}."))
        return
    one_hot = model.objective.classes == "last" and model.target.dtype == "real"
    per_example = model.target.shape[:-1] if one_hot else model.target.shape
    if model.objective.record is None or per_example not in ((), (1,)):
        faults.append(Fault("/class_weight", "This is for one class per example, and a loss by its name."))
    elif isinstance(weights, Mapping):
        for k in weights:
            if k >= many:
                faults.append(Fault(f"/class_weight/{escaped(str(k))}", f"There are {many} classes, from 0."))
