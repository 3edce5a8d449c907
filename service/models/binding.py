"""A stored model put into a question: which of its programs is asked about, and with which parameters."""

from __future__ import annotations

from typing import Any

import numpy as np

from engine.errors import Fault, InvalidRequest
from engine.models.initialisers import LARGEST_SEED
from engine.models.model import INPUT, TARGET, Model
from engine.models.signal import Signal
from engine.question import Array
from service.functions.binding import Binding
from service.functions.signature import DTYPE_NAMES
from service.functions.stored import Input, Signature, Stored
from service.models.catalogue import Models

FIELDS = ("version", "training", "seed")
"""What a question about a model has beside the fields of every question."""
SEED = "seed"
"""What a program in training calls its seed."""
LARGEST_VERSION = 2**31 - 1


def named_in(content: Any) -> str | None:
    """What a decoded request body names as its model, if that is all that it names."""
    if type(content) is not dict:
        return None
    reference = content.get("model")
    if type(reference) is not str or any(content.get(name) is not None for name in ("expr", "program", "function")):
        return None
    return reference


def bound(models: Models, reference: str, content: dict[str, Any]) -> Binding:
    """The program of a model that a question is about, with its parameters.

    It is that of the loss where the point has a target, and else that of the prediction.  The parameters are those of a
    version, but for what the point names.  Raises `InvalidRequest` for the fields of its own, and what reading the
    database raises.
    """
    faults: list[Fault] = []
    version = whole(content.get("version"), "/version", LARGEST_VERSION, faults)
    training = content.get("training")
    if training is not None and type(training) is not bool:
        faults.append(Fault("/training", "This has to be true or false."))
    seed = whole(content.get("seed"), "/seed", LARGEST_SEED, faults)
    if seed is not None and training is not True:
        faults.append(Fault("/seed", 'A seed is for what is drawn in training: send "training": true as well.'))
    if faults:
        raise InvalidRequest(faults[0].detail, faults=faults)
    stored, _, parameters = models.opened(reference, version)
    model, at = stored.model, content.get("at")
    losing = type(at) is dict and TARGET in at
    text = models.text(stored, "loss" if losing else "prediction", training is True)
    data: dict[str, Array] = dict(parameters)
    if training is True and model.random:
        data[SEED] = np.asarray(seed or 0)
    free = _inputs(model, losing)
    asked = Stored(stored.number, stored.id, stored.name, "program", text, Signature((), None, False), stored.created)
    real = tuple(parameter.name for parameter in model.trainable)
    return Binding(asked, data, free, real, frozenset(), frozenset(parameters), False, "model")


def _inputs(model: Model, losing: bool) -> dict[str, Input]:
    found = [data_input(INPUT, model.input), *([data_input(TARGET, model.target)] if losing else [])]
    found += [Input(parameter.name, "float64", parameter.shape, "declared") for parameter in model.parameters]
    return {each.name: each for each in found}


def data_input(name: str, signal: Signal) -> Input:
    """An input that has an axis over examples."""
    return Input(name, DTYPE_NAMES[signal.dtype], signal.shape, "declared", examples=True)


def whole(value: Any, where: str, most: int, faults: list[Fault]) -> int | None:
    """A number from 0 to `most`, which may be written as 3.0; None with a fault for anything else but null."""
    if type(value) is float and value.is_integer():
        value = int(value)
    if value is None or (type(value) is int and 0 <= value <= most):
        return value
    faults.append(Fault(where, f"This has to be an integer from 0 to {most}."))
    return None
