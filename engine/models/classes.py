"""The classes that a prediction tells of, and those that y does."""

from __future__ import annotations

import numpy as np

from engine.graph.types import Array
from engine.models.losses import LOSSES
from engine.models.model import Model
from engine.models.signal import Misfit

_EVEN = {"probabilities": 0.5, "log_probabilities": float(np.log(0.5))}
"""Above which one number means the second of two classes; 0 for what is none of these."""


def classes(model: Model) -> int:
    """How many classes a model tells apart: by its last axis, or 2 by one number.  Raises `Misfit`."""
    objective = model.objective
    if objective.classes == "last":
        return model.prediction.shape[-1]
    if objective.classes == "one":
        return 2
    one_each = model.target.dtype == "int" and model.target.shape == model.prediction.shape[:-1]
    if objective.record is None and one_each and model.prediction.shape:
        return model.prediction.shape[-1]
    names = ", ".join(record.name for record in LOSSES.values() if record.classes)
    raise Misfit(f"is for classes, and the loss is not one of classes ({names})")


def chosen_class(model: Model, prediction: Array) -> Array:
    """The number of the class that is predicted, int64 for every place that has one: the first of the largest."""
    if model.objective.classes == "one":
        even = _EVEN.get(model.objective.options.get("from", "logits"), 0.0)
        return np.asarray(prediction > even, dtype=np.int64)
    return np.asarray(np.argmax(prediction, axis=-1))


def true_class(model: Model, y: Array) -> Array:
    """The number of the class that y tells, int64: of two, by 0 and 1 or by −1 and 1, the second if it is above ½."""
    if model.objective.classes == "one":
        return np.asarray(y > 0.5, dtype=np.int64)
    return np.asarray(y if model.target.dtype == "int" else np.argmax(y, axis=-1), dtype=np.int64)


def unknown(model: Model, prediction: Array) -> Array:
    """Where no class is predicted, because there is no number."""
    missing = np.isnan(prediction)
    return missing if model.objective.classes == "one" else np.asarray(np.any(missing, axis=-1))
