"""What a model costs, estimated from the compiled graphs of its programs before anything is run."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from engine.compiled import Prepared
from engine.engine import Engine
from engine.graph.types import NUMPY, Array
from engine.limits import Budget
from engine.models.lower import program
from engine.models.model import INPUT, TARGET, Model
from engine.models.signal import Signal
from engine.question import Ask, Question

EXAMPLES = 32
"""The size of the batch that estimates are made for."""


@dataclass(frozen=True, slots=True)
class Estimate:
    """Bytes and seconds for a batch of `examples`, in float64.

    `parameter_bytes` are those of all parameters; `prediction_bytes` and `gradient_bytes` the most that is in memory at
    once while a prediction, or the loss with its gradient in training, is computed, parameters and data included.  The
    seconds are a model of this engine on one core of an ordinary machine, calls and elements counted: good to a factor
    of two or three, and better for comparing two models than for planning an hour.  A loop whose number of steps only
    the data tell is counted with a guess.
    """

    examples: int
    parameter_bytes: int
    prediction_bytes: int
    gradient_bytes: int
    prediction_seconds: float
    gradient_seconds: float


def estimate(model: Model, engine: Engine, budget: Budget) -> Estimate:
    """What a model costs.  Its programs are compiled for that; raises the `EngineError` of one that is refused."""
    prediction = _compiled(model, "value", engine, budget)
    gradient = _compiled(model, "grad", engine, budget)
    return Estimate(
        EXAMPLES,
        sum(8 * parameter.size for parameter in model.parameters),
        prediction.executable.peak_bytes,
        gradient.executable.peak_bytes,
        prediction.seconds,
        gradient.seconds,
    )


def _compiled(model: Model, ask: Ask, engine: Engine, budget: Budget) -> Prepared:
    losing = ask == "grad"
    at = {INPUT: _zeros(model.input)} | ({TARGET: _zeros(model.target)} if losing else {})
    for parameter in model.parameters:
        at[parameter.name] = np.broadcast_to(np.float64(0), parameter.shape)
    text = program(model, "loss" if losing else "prediction", training=losing)
    wrt = tuple(parameter.name for parameter in model.trainable)
    return engine.prepare(Question(text, at, "program", wrt=wrt if losing else None), ask, budget)


def _zeros(signal: Signal) -> Array:
    # One zero, seen as many: the point is never computed.
    return np.broadcast_to(NUMPY[signal.dtype](0), (EXAMPLES, *signal.shape))
