"""Losses where they easily go wrong: huge logits, probabilities of 0 and 1, weights of 0, wrong classes."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from engine.engine import Engine
from engine.errors import EngineError
from engine.limits import Budget, Limits
from engine.models.lower import program
from engine.models.read import read_model
from engine.question import Question

ENGINE = Engine(verify=True)


def loss_of(loss: Any, prediction: Any, y: Any, last: str = "linear", weight: Any = None) -> tuple[float, list[Any]]:
    """The loss and its gradient, in the prediction itself or in what its last activation is applied to."""
    x = np.array(prediction, dtype=np.float64)
    layers = [{"type": "activation", "function": last}]
    model = read_model({"input": {"shape": list(x.shape[1:])}, "layers": layers, "loss": loss}, Limits())
    at = {"x": x, "y": np.array(y)} | ({} if weight is None else {"weight": np.array(weight, dtype=np.float64)})
    text = program(model, weighted=weight is not None)
    question = Question(text, at, "program", wrt=("x",), precision="float64")
    budget = Budget.starting_now(60.0)
    answer = ENGINE.prepare(question, "grad", budget).run(question, budget)
    assert answer.grad is not None
    return float(np.asarray(answer.value)), answer.grad["x"].tolist()


def given(name: str, kind: str = "probabilities", **more: Any) -> dict[str, Any]:
    """A loss of a prediction of this kind."""
    return {"name": name, "from": kind, **more}


@pytest.mark.parametrize(
    ("loss", "prediction", "y", "value", "gradient"),
    [
        ("cross_entropy", [[1e4, -1e4, 0.0]], [1], 2e4, [[1, -1, 0]]),
        ("cross_entropy", [[1e308, -1e308, 0.0]], [0], 0.0, [[0, 0, 0]]),
        ("cross_entropy", [[-math.inf, 0.0, 0.0]], [1], math.log(2), [[0, -0.5, 0.5]]),
        (given("cross_entropy", "logits", sparse=False), [[1e308, -1e308]], [[1.0, 0.0]], 0.0, [[0, 0]]),
        (given("cross_entropy"), [[1.0, 0.0, 0.0]], [0], 0.0, [[-1, 0, 0]]),
        (given("cross_entropy"), [[1.0, 0.0, 0.0]], [1], math.inf, [[0, -math.inf, 0]]),
        (given("cross_entropy", sparse=False), [[1.0, 0.0]], [[1.0, 0.0]], 0.0, [[-1, 0]]),
        (given("cross_entropy", "log_probabilities", sparse=False), [[0.0, -math.inf]], [[1.0, 0.0]], 0.0, [[-1, 0]]),
        ("bce", [[1e4, -1e4]], [[1.0, 0.0]], 0.0, [[0, 0]]),
        ("bce", [[1e4, -1e4]], [[0.0, 1.0]], 1e4, [[0.5, -0.5]]),
        (given("bce"), [[1.0, 0.0]], [[1.0, 0.0]], 0.0, [[-0.5, 0.5]]),
        (given("bce"), [[1.0, 0.0]], [[0.0, 1.0]], math.inf, [[math.inf, -math.inf]]),
        (given("bce", "log_probabilities"), [[0.0, -math.inf]], [[1.0, 0.0]], 0.0, [[-0.5, 0]]),
        # 1 - exp(-1e-20) would round to 0.
        (given("bce", "log_probabilities"), [[-1e-20]], [[0.0]], 20 * math.log(10), [[1e20]]),
        (given("kl"), [[0.0, 1.0]], [[0.0, 1.0]], 0.0, [[0, -1]]),
        ("kl", [[1e3, 0.0]], [[0.0, 1.0]], 1e3, [[1, -1]]),
        ("poisson_nll", [[-1e3, 0.0]], [[0.0, 1.0]], 0.5, [[0, 0]]),
        ({"name": "poisson_nll", "log_input": False}, [[0.0, 1.0]], [[0.0, 1.0]], 0.5, [[0.5, 0]]),
        ("gaussian_nll", [[0.0, -800.0]], [[0.0]], -400.0, [[0, 0.5]]),
        ("gaussian_nll", [[1e200, 0.0, 1e3, 1e3]], [[0.0, 0.0]], 0.25 * (2e3 + (1e200 * math.exp(-500.0)) ** 2), None),
        ("log_cosh", [[1e3, -1e5]], [[0.0, 0.0]], (1e3 + 1e5 - 2 * math.log(2)) / 2, [[0.5, -0.5]]),
        ("huber", [[1e200, -2.0]], [[0.0, 0.0]], 5e199, [[0.5, -0.5]]),
    ],
)
def test_it_is_finite_where_the_mathematics_is(
    loss: Any, prediction: Any, y: Any, value: float, gradient: list[Any] | None
) -> None:
    found, slopes = loss_of(loss, prediction, y)
    assert found == pytest.approx(value, rel=1e-14, abs=0)
    if gradient is not None:
        assert slopes == pytest.approx(np.array(gradient), rel=1e-14, abs=0)


@pytest.mark.parametrize(
    ("loss", "last", "z", "y", "value", "gradient"),
    [
        ("cross_entropy", "softmax", [[1e3, 0.0]], [1], 1e3, [[1, -1]]),
        (given("cross_entropy", "auto", sparse=False), "softmax", [[1e3, 0.0]], [[1.0, 0.0]], 0.0, [[0, 0]]),
        (given("cross_entropy", "auto", sparse=False), "softmax", [[1e3, 0.0]], [[0.0, 1.0]], 1e3, [[1, -1]]),
        ("cross_entropy", "log_softmax", [[1e3, 0.0]], [1], 1e3, [[1, -1]]),
        ("bce", "sigmoid", [[1e3, -1e3]], [[1.0, 0.0]], 0.0, [[0, 0]]),
        ("bce", "sigmoid", [[1e3, -1e3]], [[0.0, 1.0]], 1e3, [[0.5, -0.5]]),
        ("bce", "log_sigmoid", [[1e3, -1e3]], [[1.0, 0.0]], 0.0, [[0, 0]]),
        ("bce", "log_sigmoid", [[700.0, -1e3]], [[0.0, 1.0]], 850.0, [[0.5, -0.5]]),
        ("kl", "softmax", [[1e3, 0.0]], [[0.0, 1.0]], 1e3, [[1, -1]]),
    ],
)
def test_it_does_not_matter_that_probabilities_round_to_0_or_1(
    loss: Any, last: str, z: Any, y: Any, value: float, gradient: list[Any]
) -> None:
    found, slopes = loss_of(loss, z, y, last)
    assert found == pytest.approx(value, rel=1e-14, abs=0)
    assert slopes == pytest.approx(np.array(gradient), rel=1e-13, abs=1e-300)


@pytest.mark.parametrize("wrong", [3, -1, -3])
@pytest.mark.parametrize("shape", [(), (2,)])
def test_numbers_that_are_no_class_are_refused(wrong: int, shape: tuple[int, ...]) -> None:
    y = np.zeros((4, *shape), dtype=np.int64)
    y[-1] = wrong
    with pytest.raises(EngineError, match="y has to be numbers of classes, 0 to 2"):
        loss_of("cross_entropy", np.zeros((4, *shape, 3)), y)


def test_half_a_class_is_refused() -> None:
    with pytest.raises(EngineError, match=r"'y' is used as an integer .*, and is 1.5"):
        loss_of("cross_entropy", np.zeros((1, 3)), [1.5])


def test_one_class_is_refused() -> None:
    with pytest.raises(EngineError, match="at least two classes"):
        loss_of("cross_entropy", np.zeros((1, 1)), [0])


def test_examples_without_weight_count_for_nothing() -> None:
    value, gradient = loss_of("mse", [[1.0, 2.0], [math.inf, 3.0], [5.0, 5.0]], np.zeros((3, 2)), weight=[1, 0, 3])
    assert value == (1 * 2.5 + 3 * 25) / 4
    assert gradient == [[0.25, 0.5], [0, 0], [3.75, 3.75]]


def test_a_batch_without_weight_has_no_loss() -> None:
    assert loss_of("mse", [[1.0], [2.0]], np.zeros((2, 1)), weight=[0, 0]) == (0.0, [[0.0], [0.0]])


@pytest.mark.parametrize(
    ("keras", "loss"),
    [
        ("categorical_crossentropy", {"name": "cross_entropy", "sparse": False}),
        ("sparse_categorical_crossentropy", "cross_entropy"),
        ("poisson", {"name": "poisson_nll", "log_input": False}),
    ],
)
def test_names_of_keras_mean_what_they_mean_there(keras: str, loss: Any) -> None:
    definition = {"input": {"shape": [3]}, "layers": [{"type": "activation", "function": "softmax"}]}
    ours, theirs = (read_model({**definition, "loss": name}, Limits()) for name in (loss, keras))
    assert program(ours) == program(theirs)
    assert ours.definition == theirs.definition
    assert ours.target == theirs.target
