"""What is remarked of gradients: where they vanish, explode or are none, and nothing where all is well."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from sklearn.datasets import load_digits, load_iris

from engine.models.health import Health, Remark
from engine.models.trainer import Trainer
from tests.models.lessons import DENSE, begun, classifier, ended, line, regressor, rows_of


def _seen(trainer: Trainer) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for remark in trainer.standing.remarks:
        found.setdefault(remark.kind, set()).add(remark.layer)
    return found


def _deep(count: int, **options: Any) -> list[dict[str, Any]]:
    return [{"type": "dense", "units": 8, **options} for _ in range(count)]


def test_a_deep_network_of_sigmoids_vanishes_at_its_beginning() -> None:
    run = ended(regressor(*_deep(20, activation="sigmoid")), line(16), epochs=1, batch_size=8)
    seen = _seen(run)
    assert "dense_1" in seen["vanishing"]
    assert "dense_21" not in seen["vanishing"]
    assert seen.keys() == {"vanishing"}
    remark = next(r for r in run.standing.remarks if r.layer == "dense_1")
    assert "dense_21" in remark.detail
    assert (remark.epoch, remark.step) == (1, 2)


def test_gradients_that_are_small_beyond_squares_are_told_by_their_size() -> None:
    layers = _deep(100, activation="sigmoid", kernel={"init": {"name": "normal", "std": 0.01}})
    run = begun(regressor(*layers), line(16), epochs=1, batch_size=8)
    (row, *_) = rows_of(run)
    norms = [n for name, n in zip(run.columns, row.more, strict=True) if name.startswith("grad_norm.")]
    assert 0 < min(norms) < 1e-200
    assert "dense_1" in _seen(run)["vanishing"]
    assert "dead" not in _seen(run)


def test_a_deep_network_with_large_weights_explodes() -> None:
    layers = _deep(10, kernel={"init": {"name": "normal", "std": 1.0}})
    run = ended(regressor(*layers), line(16), epochs=30, batch_size=8, method={"name": "sgd", "lr": 1e-6})
    assert "exploding" in _seen(run)
    assert run.standing.lines[0].reason == "diverged"


def test_a_gradient_is_exploding_that_grows_a_thousandfold() -> None:
    health = Health(["a", "b"], np.array([4.0, 4.0]))
    ratios = np.array([0.01, 0.01])
    for _ in range(20):
        assert health.step(np.array([1.0, 2.0]), ratios) == []
    ((kind, layer, detail),) = health.step(np.array([1.0, 2.1e3]), ratios)
    assert (kind, layer) == ("exploding", "b")
    assert "1.05e+03 times" in detail
    # Each thing once.
    assert health.step(np.array([1.0, 2.1e6]), ratios) == []
    assert [news[0] for news in health.step(np.array([np.inf, 1.0]), ratios)] == ["exploding"]


def test_a_layer_of_units_that_are_never_active_is_dead() -> None:
    dead = {"type": "dense", "units": 4, "activation": "relu", "bias": {"init": {"name": "constant", "value": -100}}}
    run = ended(regressor({"type": "dense", "units": 4}, dead), line(16), epochs=2)
    seen = _seen(run)
    # What comes before it gets no gradient through it either.
    assert seen["dead"] == {"dense_1"}
    assert next(r for r in run.standing.remarks if r.kind == "dead").detail.endswith("The same holds for `dense_2`.")
    assert "dense_3" not in seen.get("vanishing", set())


def test_steps_that_are_longer_than_the_weights_are_told() -> None:
    run = ended(regressor(), line(16), epochs=30, batch_size="all", method={"name": "sgd", "lr": 1.5})
    assert "large-step" in _seen(run)


@pytest.mark.parametrize(
    "method", [{"name": "adam", "lr": 0.01}, {"name": "momentum", "lr": 0.05}, {"name": "sgd", "lr": 0.1}]
)
@pytest.mark.parametrize("name", ["digits", "iris"])
def test_nothing_is_remarked_where_all_is_well(name: str, method: Any) -> None:
    data = load_digits() if name == "digits" else load_iris()
    x = data.data[:600] / (16.0 if name == "digits" else 1.0)
    net = classifier(
        {"type": "standardise"} if name == "iris" else {"type": "dense", "units": 32, "activation": "tanh"},
        {"type": "dense", "units": 16, "activation": "relu"},
        features=x.shape[1],
        kinds=len(data.target_names),
    )
    run = ended(net, {"x": x, "y": data.target[:600]}, 0.2, epochs=8, method=method, seeds=2)
    assert run.standing.remarks == []
    best = run.standing.lines[0].best
    assert best is not None
    assert best.scores["validation_accuracy"] > 0.7


def test_remarks_are_json() -> None:
    remark = Remark(3, 1, 0, "dead", DENSE["type"], "why")
    assert Remark(**remark.to_json()) == remark
