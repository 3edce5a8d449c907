"""How good predictions are: measures that are gathered batch by batch."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from engine.graph.types import Array
from engine.models.classes import chosen_class, classes, true_class, unknown
from engine.models.fields import Field, Options, count
from engine.models.model import Model
from engine.models.signal import Misfit

Part = Callable[[Model, Options, Array, Array], Array]
"""From predictions and targets (examples first) to what is gathered of them, an array of float64."""


def _sum(a: Array, b: Array) -> Array:
    return a + b


@dataclass(frozen=True, slots=True)
class Metric:
    """One metric.

    `part` is what is gathered of a batch, `join` puts two parts together, `whole` makes the metric of them: a number,
    or a matrix.  `require` raises `Misfit` for a model that it is not for.
    """

    name: str
    part: Part
    whole: Callable[[Array], Any]
    require: Callable[[Model], None]
    join: Callable[[Array, Array], Array] = _sum
    fields: tuple[Field, ...] = ()
    matrix: bool = False
    doc: str = ""


@dataclass(frozen=True, slots=True)
class Measured:
    """A metric with its options."""

    metric: Metric
    options: Options

    @property
    def name(self) -> str:
        """What its column is called."""
        return f"top_{self.options['k']}" if self.metric.name == "top_k" else self.metric.name


def _for_classes(model: Model) -> None:
    classes(model)


def _for_ranks(model: Model) -> None:
    if model.objective.classes != "last":
        raise Misfit("ranks classes along the last axis, and the loss is neither cross_entropy nor kl")


def _for_two(model: Model) -> None:
    if classes(model) != 2:
        raise Misfit(f"is for two classes, and the model has {classes(model)}")


def _for_numbers(model: Model) -> None:
    if model.prediction.shape != model.target.shape or model.target.dtype != "real":
        raise Misfit("compares numbers, and the prediction has not the shape of y")


def _right(model: Model, options: Options, prediction: Array, y: Array) -> Array:
    hits = chosen_class(model, prediction) == true_class(model, y)
    hits &= ~unknown(model, prediction)
    return np.array([float(np.count_nonzero(hits)), float(hits.size)])


def _ranked(model: Model, options: Options, prediction: Array, y: Array) -> Array:
    true = true_class(model, y)[..., None]
    own = np.take_along_axis(prediction, true, axis=-1)
    # Classes with the same number as the true one stand after it where they come later.
    earlier = (prediction == own) & (np.arange(prediction.shape[-1]) < true)
    # What is not a number is nowhere in an order.
    hits = (np.count_nonzero((prediction > own) | earlier, axis=-1) < options["k"]) & ~np.isnan(own[..., 0])
    return np.array([float(np.count_nonzero(hits)), float(hits.size)])


def _share(part: Array) -> float:
    return float(part[0] / part[1]) if part[1] else float("nan")


def _confusion(model: Model, options: Options, prediction: Array, y: Array) -> Array:
    size = classes(model)
    true, found = true_class(model, y).ravel(), chosen_class(model, prediction).ravel()
    # With an expression as the loss, y may have numbers that are no classes.
    known = (true >= 0) & (true < size) & ~unknown(model, prediction).ravel()
    places = true[known] * size + found[known]
    return np.bincount(places, minlength=size * size).reshape(size, size).astype(np.float64)


def _errors(power: int) -> Part:
    def part(model: Model, options: Options, prediction: Array, y: Array) -> Array:
        errors = np.abs(prediction - y) ** power
        return np.array([float(np.sum(errors)), float(errors.size)])

    return part


def _spread(model: Model, options: Options, prediction: Array, y: Array) -> Array:
    """For every number of an example (columns): how many, the first y, the mean of y beyond that, the sum of squares
    about the mean, and that of the errors.
    """
    rows, found = y.reshape(len(y), -1), prediction.reshape(len(y), -1)
    count, first = np.full(rows.shape[1], float(len(rows))), rows[0]
    mean = np.mean(rows - first, axis=0)
    squares = np.sum((rows - first - mean) ** 2, axis=0), np.sum((found - rows) ** 2, axis=0)
    return np.stack([count, first, mean, *squares])


def _joined_spread(a: Array, b: Array) -> Array:
    """Chan, Golub & LeVeque 1983: the sums of squares about a common mean, without cancellation.

    Means are told beyond a first number, so that a large offset takes no digits from them.
    """
    count = a[0] + b[0]
    apart = (b[1] - a[1]) + (b[2] - a[2])
    mean = a[2] + apart * b[0] / count
    return np.stack([count, a[1], mean, a[3] + b[3] + apart * apart * a[0] * b[0] / count, a[4] + b[4]])


def _r2(part: Array) -> float:
    varies = part[3] > 0
    return float(np.mean(1.0 - part[4][varies] / part[3][varies])) if np.any(varies) else float("nan")


def _scores(model: Model, options: Options, prediction: Array, y: Array) -> Array:
    """The score of the second class and whether it is the true one, one row for each example."""
    score = prediction if model.objective.classes == "one" else prediction[..., 1] - prediction[..., 0]
    return np.stack([score.ravel(), true_class(model, y).ravel().astype(np.float64)], axis=1)


def _auc(part: Array) -> float:
    """The area under the ROC curve: the part of pairs in the right order, equal ones counted half (Mann & Whitney)."""
    score, positive = part[:, 0], part[:, 1] > 0.5
    above, below = int(np.count_nonzero(positive)), int(np.count_nonzero(~positive))
    if not (above and below) or not np.all(np.isfinite(score)):
        return float("nan")
    _, place, sizes = np.unique(score, return_inverse=True, return_counts=True)
    ends = np.cumsum(sizes)
    ranks = (ends - (sizes - 1) / 2.0)[place]
    return float((np.sum(ranks[positive]) - above * (above + 1) / 2.0) / (above * below))


METRICS: Mapping[str, Metric] = {
    record.name: record
    for record in (
        Metric("accuracy", _right, _share, _for_classes, doc="the part of examples whose class is predicted"),
        Metric(
            "top_k",
            _ranked,
            _share,
            _for_ranks,
            fields=(Field("k", count(1, 10_000), 5, "among how many the true class has to be."),),
            doc="the part of examples whose class is among the k that are predicted first",
        ),
        Metric(
            "r2",
            _spread,
            _r2,
            _for_numbers,
            _joined_spread,
            doc="1 − Σ(prediction − y)²/Σ(y − mean(y))², the mean over all numbers of y that vary",
        ),
        Metric("mae", _errors(1), _share, _for_numbers, doc="mean(|prediction − y|)"),
        Metric("mse", _errors(2), _share, _for_numbers, doc="mean((prediction − y)²)"),
        Metric(
            "auc",
            _scores,
            _auc,
            _for_two,
            lambda a, b: np.concatenate([a, b]),
            doc="the area under the ROC curve, equal scores counted half",
        ),
        Metric(
            "confusion",
            _confusion,
            lambda part: part.astype(np.int64).tolist(),
            _for_classes,
            matrix=True,
            doc="how many examples of each class (rows) were taken for each (columns)",
        ),
    )
}
"""All metrics by name."""
