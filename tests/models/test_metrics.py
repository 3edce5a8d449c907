"""Metrics against their definitions, and gathered batch by batch."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest
from sklearn import metrics as oracle

from engine.graph.types import Array
from engine.models.fields import read_fields
from engine.models.metrics import METRICS
from engine.models.model import Model
from engine.models.predict import told_classes
from tests.models.lessons import DENSE, classifier, regressor
from tests.models.running import model

THREE, TWO = classifier(), classifier(kinds=2)
HOT = model([2], DENSE | {"units": 3}, loss={"name": "cross_entropy", "sparse": False})
LOGIT, SURE = regressor(loss="bce"), model([2], DENSE | {"activation": "sigmoid"}, loss="bce")
LOG = model([2], DENSE | {"activation": "log_sigmoid"}, loss="bce")
HINGE = regressor(loss="hinge")
PAIR = model([2], DENSE | {"units": 2})


def _of(name: str, model: Model, prediction: Array, y: Array, cuts: tuple[int, ...] = (), **options: Any) -> Any:
    """A metric, gathered in the parts between the cuts."""
    metric = METRICS[name]
    metric.require(model)
    read, faults = read_fields(name, metric.fields, options)
    assert not faults
    ends = [0, *cuts, len(y)]
    parts = [metric.part(model, read, prediction[a:b], y[a:b]) for a, b in itertools.pairwise(ends)]
    joined = parts[0]
    for part in parts[1:]:
        joined = metric.join(joined, part)
    return metric.whole(joined)


def _classes(seed: int, count: int, kinds: int, ties: bool) -> tuple[Array, Array]:
    rng = np.random.default_rng(seed)
    prediction = rng.integers(0, 3, (count, kinds)).astype(float) if ties else rng.normal(size=(count, kinds))
    return prediction, rng.integers(0, kinds, count)


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("ties", [False, True])
def test_classes(seed: int, ties: bool) -> None:
    prediction, y = _classes(seed, 40, 3, ties)
    chosen = [max(range(3), key=lambda k: (row[k], -k)) for row in prediction]
    assert _of("accuracy", THREE, prediction, y) == oracle.accuracy_score(y, chosen)
    assert _of("accuracy", HOT, prediction, np.eye(3)[y]) == oracle.accuracy_score(y, chosen)
    expected = oracle.confusion_matrix(y, chosen, labels=[0, 1, 2]).tolist()
    assert _of("confusion", THREE, prediction, y) == expected
    for k in (1, 2, 3, 9):
        # The first of equal ones stands first.
        ranked = [sorted(range(3), key=lambda c, row=row: (-row[c], c))[:k] for row in prediction]  # type: ignore[misc]
        hits = [true in best for true, best in zip(y.tolist(), ranked, strict=True)]
        assert _of("top_k", THREE, prediction, y, k=k) == np.mean(hits)
    assert _of("top_k", THREE, prediction, y, k=1) == _of("accuracy", THREE, prediction, y)


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("ties", [False, True])
def test_the_area_under_the_curve_counts_pairs(seed: int, ties: bool) -> None:
    rng = np.random.default_rng(seed)
    score = rng.integers(-2, 3, 30).astype(float) if ties else rng.normal(size=30)
    y = rng.integers(0, 2, 30)
    pairs = [(a > b) + 0.5 * (a == b) for a in score[y == 1] for b in score[y == 0]]
    expected = pytest.approx(float(np.mean(pairs)), rel=1e-14)
    assert _of("auc", LOGIT, score[:, None], y[:, None].astype(float)) == expected
    assert _of("auc", HINGE, score[:, None], 2.0 * y[:, None] - 1.0) == expected
    # A difference of two logits is a score, and one is as good as the other.
    assert _of("auc", TWO, np.stack([-score, score], axis=1), y) == expected
    assert oracle.roc_auc_score(y, score) == expected


@pytest.mark.parametrize("y", [np.zeros(4), np.ones(4)])
def test_there_is_no_area_without_pairs(y: Array) -> None:
    assert math.isnan(_of("auc", LOGIT, np.arange(4.0)[:, None], y[:, None]))


@pytest.mark.parametrize(
    ("net", "middle"), [(LOGIT, 0.0), (SURE, 0.5), (LOG, math.log(0.5)), (HINGE, 0.0)], ids=["0", "1/2", "log", "hinge"]
)
def test_two_classes_by_one_number(net: Model, middle: float) -> None:
    low = -1.0 if net is HINGE else 0.0
    prediction = np.array([[middle - 0.1], [middle], [math.nextafter(middle, 9.0)], [middle + 0.1]])
    y = np.array([[low], [low], [1.0], [1.0]])
    assert _of("accuracy", net, prediction, y) == 1.0
    assert _of("confusion", net, prediction, y) == [[2, 0], [0, 2]]
    assert _of("accuracy", net, prediction, y[::-1]) == 0.0


@pytest.mark.parametrize("offset", [0.0, 1e6, -1e12])
@pytest.mark.parametrize("cuts", [(), (1,), (7, 8, 20)])
def test_numbers(offset: float, cuts: tuple[int, ...]) -> None:
    rng = np.random.default_rng(0)
    y = offset + rng.normal(size=(30, 2)) * np.array([1.0, 1000.0])
    y[:, 1] += 5e5
    prediction = y + 0.1 * rng.normal(size=y.shape) * np.array([1.0, 1000.0])
    error = prediction - y
    assert _of("mae", PAIR, prediction, y, cuts) == pytest.approx(np.mean(np.abs(error)), rel=1e-13)
    assert _of("mse", PAIR, prediction, y, cuts) == pytest.approx(np.mean(error**2), rel=1e-13)
    exact = y - offset
    spread = np.sum((exact - exact.mean(axis=0)) ** 2, axis=0)
    expected = float(np.mean(1 - np.sum(error**2, axis=0) / spread))
    assert _of("r2", PAIR, prediction, y, cuts) == pytest.approx(expected, rel=1e-11)
    assert oracle.r2_score(y, prediction) == pytest.approx(expected, rel=1e-6)


def test_a_number_that_never_varies_has_no_part_in_the_coefficient() -> None:
    y = np.stack([np.full(9, 0.1), np.arange(9.0)], axis=1)
    prediction = y + np.array([0.5, 0.0])
    assert _of("r2", PAIR, prediction, y, (2, 4)) == 1.0
    assert math.isnan(_of("r2", PAIR, y, np.full((9, 2), 0.1), (4,)))
    assert _of("r2", PAIR, np.full((9, 2), 4.0), np.stack([np.arange(9.0)] * 2, axis=1), (5,)) == pytest.approx(0.0)


CASES: Mapping[str, tuple[Model, int]] = {
    "accuracy": (THREE, 3),
    "top_k": (THREE, 3),
    "confusion": (THREE, 3),
    "auc": (TWO, 2),
}


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("cuts", [(1,), (5, 6), (39,), (10, 20, 30)])
def test_parts_make_the_whole(name: str, cuts: tuple[int, ...]) -> None:
    net, kinds = CASES[name]
    prediction, y = _classes(3, 40, kinds, ties=True)
    assert _of(name, net, prediction, y, cuts) == _of(name, net, prediction, y)


def test_what_is_not_a_number_is_no_hit() -> None:
    prediction, y = np.full((4, 3), math.nan), np.zeros(4, dtype=np.int64)
    assert _of("accuracy", THREE, prediction, y) == 0.0
    assert _of("top_k", THREE, prediction, y, k=3) == 0.0
    assert _of("confusion", THREE, prediction, y) == [[0, 0, 0]] * 3
    assert _of("accuracy", LOGIT, prediction[:, :1], np.zeros((4, 1))) == 0.0
    assert math.isnan(_of("auc", LOGIT, prediction[:, :1], np.array([[0.0], [1.0], [0.0], [1.0]])))


def test_numbers_that_are_no_classes_are_in_no_confusion() -> None:
    net = model(
        [2],
        DENSE | {"units": 3},
        loss={"expr": "-sum(eye(3)[y]*log_softmax(prediction, axis=-1), axis=-1)"},
        target={"shape": []},
    )
    assert net.target.dtype == "int"
    prediction = np.eye(3)[[0, 1, 2, 2]]
    assert _of("confusion", net, prediction, np.array([0, -1, 2, 7])) == [[1, 0, 0], [0, 0, 0], [0, 0, 1]]


@pytest.mark.parametrize("net", [LOGIT, TWO])
def test_the_class_that_is_told_is_the_one_that_counts(net: Model) -> None:
    # So near to each other that the probabilities are the same number.
    logits = np.array([[1e-20], [0.0], [-1e-20]])
    prediction = logits if net is LOGIT else np.concatenate([np.zeros((3, 1)), logits], axis=1)
    told = told_classes(net, prediction)
    assert told is not None
    assert told[1].ravel().tolist() == [1, 0, 0]
    y = np.array([[1.0], [0.0], [0.0]]) if net is LOGIT else np.array([1, 0, 0])
    assert _of("accuracy", net, prediction, y) == 1.0
