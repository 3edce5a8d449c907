"""Predictions for any number of examples, in parts that fit into memory; and what they say about classes."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from engine.engine import Engine
from engine.graph.types import Array
from engine.limits import Budget
from engine.models.classes import chosen_class
from engine.models.model import INPUT, Model
from engine.question import Question, Warning

PART_BYTES = 64 * 2**20
"""What the computation of one part may hold, beside the parameters, about."""
MOST_ROWS = 4096


@dataclass(frozen=True, slots=True)
class Prediction:
    """Predictions (examples, …), and what the engine has to say about them, each thing once."""

    values: Array
    warnings: tuple[Warning, ...]


def rows_at_once(example_bytes: float) -> int:
    """How many examples a part has, for so many bytes that one example takes in memory: a power of two."""
    fits = max(1.0, PART_BYTES / max(1.0, example_bytes))
    return min(MOST_ROWS, 1 << int(fits).bit_length() - 1)


def predict(
    engine: Engine, model: Model, text: str, parameters: Mapping[str, Array], x: Array, rows: int, budget: Budget
) -> Prediction:
    """What a model predicts for the examples `x`, `rows` at a time; `text` is its program for that.

    Every part is computed in float64.  Raises the `EngineError` of a question that cannot be answered, and
    `BudgetExceeded`.
    """
    values = np.empty((len(x), *model.prediction.shape))
    warnings: list[Warning] = []
    for first in range(0, len(x), rows):
        part = x[first : first + rows]
        question = Question(text, {INPUT: part, **parameters}, "program", precision="float64")
        answer = engine.prepare(question, "value", budget).run(question, budget)
        values[first : first + rows] = answer.value
        warnings += [found for found in answer.warnings if not any(_same(found, other) for other in warnings)]
    return Prediction(values, tuple(warnings))


def _same(first: Warning, second: Warning) -> bool:
    return (first.code, first.span) == (second.code, second.span)


def _softmax(logits: Array) -> Array:
    powers = np.exp(logits - np.max(logits, axis=-1, keepdims=True))
    return np.asarray(powers / np.sum(powers, axis=-1, keepdims=True))


def _sigmoid(logits: Array) -> Array:
    # Of two forms the one whose exponential does not overflow.
    small = np.exp(-np.abs(logits))
    return np.asarray(np.where(logits >= 0, 1.0, small) / (1.0 + small))


_PROBABILITIES: Mapping[str, Mapping[str, Callable[[Array], Array]]] = {
    "cross_entropy": {
        "logits": _softmax,
        "probabilities": lambda p: p,
        "log_probabilities": np.exp,
    },
    "bce": {
        "logits": _sigmoid,
        "probabilities": lambda p: p,
        "log_probabilities": np.exp,
    },
}
CLASSIFYING: Sequence[str] = tuple(_PROBABILITIES)
"""The losses by which a prediction tells of classes."""


def told_classes(model: Model, values: Array) -> tuple[Array, Array] | None:
    """Probabilities and classes that predictions stand for; None where the loss tells of none.

    For `cross_entropy` the probabilities are those of the classes along the last axis, for `bce` each is that of the
    class 1.  The classes are those that `accuracy` counts.
    """
    record, options = model.objective.record, model.objective.options
    if record is None or record.name not in _PROBABILITIES:
        return None
    with np.errstate(all="ignore"):
        found = _PROBABILITIES[record.name][options["from"]](values)
    return found, chosen_class(model, values)
