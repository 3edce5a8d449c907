"""The loss of a definition, and what it says of y."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from engine.errors import EngineError
from engine.models import losses
from engine.models.expressions import checked
from engine.models.fields import Field, Wrong, flag, maybe, named, read_fields, shape
from engine.models.losses import LOSSES
from engine.models.model import Objective, Placed
from engine.models.reading import Reading
from engine.models.signal import Misfit, Signal
from engine.optimise.options import near


@dataclass(frozen=True, slots=True)
class Target:
    """What a definition says of y: the shape for one example, where it says so, and whether y is scaled."""

    shape: tuple[int, ...] | None = None
    standardise: bool = False


def read_target(given: Any, reading: Reading) -> Target:
    """What is said of y; faults are noted."""
    if given is None:
        return Target()
    if not isinstance(given, dict):
        reading.fault("/target", 'This has to be an object: {"shape": [3], "standardise": true}.')
        return Target()
    fields = (
        Field("shape", maybe(shape), None, "the shape of y."),
        Field("standardise", flag, False, "whether y is scaled by mean and standard deviation."),
    )
    read, faults = read_fields("target", fields, given)
    reading.add("/target", faults)
    return Target() if faults else Target(read["shape"], read["standardise"])


_read_loss = named("a loss", {name: losses.fields_of(name) for name in (*LOSSES, *losses.ALIASES)})


def read_objective(given: Any, layers: Sequence[Placed] | None, target: Target, reading: Reading) -> Objective | None:
    """The loss of a definition for the prediction of its last layer; None, and faults, for what is none.

    Without layers it is only looked at by itself.
    """
    if given is None:
        reading.fault("/loss", f"A model needs a loss{near('', LOSSES)}")
        return None
    if isinstance(given, dict) and "expr" in given:
        return _expression(given, layers, target, reading)
    try:
        chosen = _read_loss(given)
    except Wrong as wrong:
        reading.add("/loss", wrong.faults)
        return None
    if layers is None:
        return None
    record = LOSSES[losses.ALIASES.get(chosen.name, chosen.name)]
    options = dict(chosen.options)
    if options.get("from") == "auto":
        options["from"] = _kind(layers[-1])
    try:
        signal = record.target(options, layers[-1].output)
    except Misfit as misfit:
        reading.fault("/loss", f"`{record.name}` {misfit.detail} from {layers[-1].name}", misfit.hint)
        return None
    if target.shape is not None and target.shape != signal.shape:
        reading.fault("/target/shape", f"With this loss, y has the shape {list(signal.shape)} for one example.")
    if target.standardise and (signal.dtype != "real" or not record.scaled):
        reading.fault("/target/standardise", f"`{record.name}` is not for numbers that can be scaled.")
    axes = losses.rank_of(options, record, layers[-1].output)
    return Objective(record, options, None, signal, axes)


def _kind(last: Placed) -> str:
    """What a prediction is, told by the last activation."""
    chosen = last.options.get("activation") or last.options.get("function")
    kinds = {"softmax": "probabilities", "sigmoid": "probabilities"}
    kinds |= {"log_softmax": "log_probabilities", "log_sigmoid": "log_probabilities"}
    return kinds.get(getattr(chosen, "name", ""), "logits")


def _expression(
    given: Mapping[str, Any], layers: Sequence[Placed] | None, target: Target, reading: Reading
) -> Objective | None:
    """A loss that is an expression of `y` and `prediction`."""
    text = given["expr"]
    if not isinstance(text, str) or len(given) != 1:
        reading.fault("/loss/expr", 'This has to be a text, alone: {"expr": "(y - prediction)^2"}.')
        return None
    if layers is None:
        return None
    prediction = layers[-1].output
    signal = Signal(prediction.shape if target.shape is None else target.shape)
    if target.standardise:
        reading.fault("/target/standardise", "With an expression as the loss, scale y in the expression.")
    try:
        found = checked(text, {"y": signal, "prediction": prediction}, {}, reading.limits)
    except EngineError as error:
        reading.fault("/loss/expr", str(error.detail), error.hint or "")
        return None
    if found.dtype == "bool" or "prediction" not in found.depends:
        reading.fault("/loss/expr", "The loss has to be a real number that depends on `prediction`.")
    return Objective(None, {}, text, Signal(signal.shape, "int" if "y" in found.integer else "real"), found.axes)
