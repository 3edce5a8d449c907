"""Models are read, lowered and asked as a client's programs are."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest

from engine.engine import Engine
from engine.errors import InvalidRequest
from engine.graph.types import Array
from engine.limits import Budget, Limits
from engine.models.lower import program
from engine.models.model import Model
from engine.models.read import read_model
from engine.question import Question

ENGINE = Engine(verify=True)


def model(shape: list[int], *layers: Mapping[str, Any], dtype: str | None = None, **more: Any) -> Model:
    """A model of these layers, whose loss is the mean of squares."""
    entry: dict[str, Any] = {"shape": shape} | ({} if dtype is None else {"dtype": dtype})
    return read_model({"input": entry, "layers": list(layers), "loss": "mse", **more}, Limits())


def some(model: Model, seed: int = 0, examples: int = 4) -> dict[str, Array]:
    """An input x, a target y, and all parameters with other values than those they begin with."""
    rng = np.random.default_rng(seed)
    x: Array = rng.normal(size=(examples, *model.input.shape))
    if model.input.dtype == "int":
        x = np.asarray(rng.integers(0, 3, size=x.shape))
    found = {"x": x, "y": rng.normal(size=(examples, *model.target.shape))}
    for parameter in model.parameters:
        drawn = rng.normal(size=parameter.shape)
        positive = parameter.weight.role in ("variance", "scale")
        found[parameter.name] = np.exp(drawn) if positive else drawn
    return found


def answer(text: str, at: Mapping[str, Any], ask: Any = "value", wrt: tuple[str, ...] | None = None) -> Any:
    """The answer of the engine to a question about a program."""
    asked = Question(text, {name: np.asarray(value) for name, value in at.items()}, kind="program", wrt=wrt)
    return ENGINE.answer(asked, ask, Budget.starting_now(60.0))


def predicted(model: Model, at: Mapping[str, Array]) -> Array:
    """The prediction, in inference."""
    given = {name: value for name, value in at.items() if name not in ("y", "seed")}
    return np.asarray(answer(program(model, "prediction"), given).value)


def trained(model: Model, at: Mapping[str, Array], seed: int = 0) -> dict[str, Array]:
    """Loss, prediction and new states, in training."""
    given = {**at, "seed": np.asarray(seed)} if model.random else at
    found: dict[str, Array] = answer(program(model, "both", training=True), given).value
    return found


def slopes_agree(model: Model, training: bool = False, seed: int = 0, examples: int = 3) -> None:
    """The gradient of the loss, with respect to all parameters and x, is what central differences give."""
    text = program(model, "loss", training=training)
    at = some(model, seed, examples)
    if training and model.random:
        at["seed"] = np.asarray(3)
    wrt = tuple([parameter.name for parameter in model.trainable] + (["x"] if model.input.dtype == "real" else []))
    found = answer(text, at, "grad", wrt).parts["grad"]
    rng = np.random.default_rng(seed + 1)
    for name in wrt:
        direction = rng.normal(size=at[name].shape)
        values = [
            float(answer(text, {**at, name: at[name] + step * direction}).value) for step in (-2e-4, -1e-4, 1e-4, 2e-4)
        ]
        # Of the fourth order: what is left is a rounding error.
        slope = (values[0] - 8 * values[1] + 8 * values[2] - values[3]) / 12e-4
        assert np.sum(found[name] * direction) == pytest.approx(slope, rel=1e-8, abs=1e-9), name


def faults(definition: Any) -> list[tuple[str, str]]:
    """All that is wrong with a definition, as pointers and details."""
    with pytest.raises(InvalidRequest) as refusal:
        read_model(definition, Limits())
    return [(fault.pointer, fault.detail) for fault in refusal.value.faults]
