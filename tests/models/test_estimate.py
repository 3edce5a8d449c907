"""What a model is estimated to cost, against what its graphs need and how long they take."""

from __future__ import annotations

import time
from typing import Any

import numpy as np
import pytest

from engine.engine import Engine
from engine.errors import EngineError
from engine.limits import Budget, Limits
from engine.models.estimate import EXAMPLES, Estimate, estimate
from engine.models.lower import program
from engine.models.predict import predict
from engine.models.read import read_model
from engine.question import Question

LIMITS = Limits()


def dense(*units: int, inputs: int = 10) -> dict[str, Any]:
    """A definition with these layers."""
    layers = [{"type": "dense", "units": count, "activation": "tanh"} for count in units]
    return {"input": {"shape": [inputs]}, "layers": layers, "loss": "mse"}


def estimated(definition: dict[str, Any]) -> Estimate:
    """What it costs."""
    return estimate(read_model(definition, LIMITS), Engine(LIMITS, verify=True), Budget.starting_now(20))


def test_bytes_are_those_of_the_arrays() -> None:
    found = estimated(dense(1000))
    assert found.parameter_bytes == 8 * (10 * 1000 + 1000)
    data = 8 * EXAMPLES * 10
    # The product, and what the bias and the activation make of it, which is done in place or is not.
    assert 1 <= (found.prediction_bytes - found.parameter_bytes - data) / (8 * EXAMPLES * 1000) <= 3
    # The gradient by every parameter is held beside it.
    assert found.gradient_bytes >= 2 * found.parameter_bytes + 8 * EXAMPLES * 1000


def test_more_layers_cost_more() -> None:
    small, large = estimated(dense(50, 50)), estimated(dense(50, 50, 50, 50))
    assert large.prediction_seconds > 1.3 * small.prediction_seconds
    assert large.gradient_seconds > 1.3 * small.gradient_seconds
    assert large.gradient_seconds > large.prediction_seconds


def test_seconds_are_near_those_that_it_takes() -> None:
    definition = dense(400, 400, inputs=400)
    found, model = estimated(definition), read_model(definition, LIMITS)
    engine, rng = Engine(LIMITS), np.random.default_rng(0)
    x = rng.normal(size=(EXAMPLES, 400))
    question = Question(program(model, "prediction"), {"x": x, **model.initial()}, "program")
    prepared = engine.prepare(question, "value", Budget.starting_now(20))
    seconds = []
    for _ in range(20):
        begun = time.perf_counter()
        prepared.run(question, Budget.starting_now(20))
        seconds.append(time.perf_counter() - begun)
    # Machines differ, and this one may be busy; an estimate that is off by more is of no use.
    assert 0.02 < found.prediction_seconds / min(seconds) < 50


def test_a_model_that_is_too_large_to_run_is_refused() -> None:
    model = read_model(dense(3000, 3000), LIMITS)
    with pytest.raises(EngineError) as refused:
        estimate(model, Engine(Limits(run_bytes=10**7)), Budget.starting_now(20))
    assert refused.value.limit is not None
    assert refused.value.limit.name == "run_bytes"


def test_predictions_in_parts_warn_once() -> None:
    model = read_model({**dense(1, inputs=1), "layers": [{"type": "dense", "units": 1, "activation": "exp"}]}, LIMITS)
    parameters = {"dense_1_kernel": np.array([[1.0]]), "dense_1_bias": np.array([0.0])}
    x = np.array([[1000.0], [0.0], [2000.0]])
    found = predict(Engine(LIMITS), model, program(model, "prediction"), parameters, x, 1, Budget.starting_now(20))
    assert found.values.tolist() == [[np.inf], [1.0], [np.inf]]
    assert [warning.code for warning in found.warnings] == ["non-finite"]
