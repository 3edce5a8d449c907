"""Recurrent layers and attention: what parity with torch does not show."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from engine.engine import Engine
from engine.errors import InvalidRequest
from engine.limits import Budget, Limits
from engine.models.lower import program
from engine.models.model import Model
from engine.models.read import read_model
from engine.question import Question

ENGINE = Engine(verify=True)


def model(shape: list[int], *layers: dict[str, Any]) -> Model:
    return read_model({"input": {"shape": shape}, "layers": list(layers), "loss": "mse"}, Limits())


def predicted(model: Model, x: Any) -> Any:
    question = Question(program(model, "prediction"), {"x": x, **model.initial()}, "program", precision="float64")
    return ENGINE.answer(question, "value", Budget.starting_now(60.0)).value


@pytest.mark.parametrize("kind", ["rnn", "gru", "lstm"])
@pytest.mark.parametrize("steps", [1, 2, 5])
def test_the_last_step_of_all_is_the_last(kind: str, steps: int) -> None:
    x = np.random.default_rng(0).normal(size=(3, steps, 2))
    last, every = (predicted(model([steps, 2], {"type": kind, "units": 4, "sequences": s}), x) for s in (False, True))
    assert last.shape == (3, 4)
    assert every.shape == (3, steps, 4)
    assert np.array_equal(last, every[:, -1])


def test_the_gate_that_forgets_begins_with_a_bias_of_1() -> None:
    bias = model([3, 2], {"type": "lstm", "units": 2}).initial()["lstm_1_bias"]
    assert bias.tolist() == [0, 0, 1, 1, 0, 0, 0, 0]
    bias = model([3, 2], {"type": "lstm", "units": 2, "unit_forget_bias": False}).initial()["lstm_1_bias"]
    assert bias.tolist() == [0] * 8


def test_the_recurrent_kernel_of_all_gates_has_orthonormal_rows() -> None:
    kernel = model([3, 2], {"type": "lstm", "units": 5}).initial()["lstm_1_recurrent_kernel"]
    assert np.max(np.abs(kernel @ kernel.T - np.eye(5))) < 1e-14


def test_a_causal_position_does_not_see_what_comes_later() -> None:
    x = np.random.default_rng(0).normal(size=(2, 4, 6))
    later = x.copy()
    later[:, 2:] += 1
    causal = model([4, 6], {"type": "attention", "heads": 3, "causal": True})
    before, after = predicted(causal, x), predicted(causal, later)
    assert np.array_equal(before[:, :2], after[:, :2])
    assert np.all(before[:, 2:] != after[:, 2:])
    free = model([4, 6], {"type": "attention", "heads": 3})
    assert np.all(predicted(free, x) != predicted(free, later))


def test_a_causal_position_sees_nothing_of_huge_scores_it_must_not_see() -> None:
    x = np.array([[[1.0, 2.0], [1e150, -1e150]]])
    found = predicted(model([2, 2], {"type": "attention", "causal": True}), x)
    alone = predicted(model([1, 2], {"type": "attention", "causal": True}), x[:, :1])
    assert np.array_equal(found[:, :1], alone)


@pytest.mark.parametrize(
    ("shape", "layer", "words"),
    [
        ([4], {"type": "lstm", "units": 2}, r"expects 2-dimensional input \(sequence, features\), gets \(4,\)"),
        ([4, 3, 1], {"type": "attention"}, r"expects 2-dimensional input \(sequence, features\), gets \(4, 3, 1\)"),
        ([4, 3], {"type": "attention", "heads": 2}, "cannot share 3 units among 2 heads"),
        ([4, 3], {"type": "gru"}, "`gru` needs `units`"),
        ([4, 3], {"type": "rnn", "units": 2, "activation": "sigmoid"}, "none of its values"),
        ([4, 3], {"type": "attention", "inputs": ["x", "x", "x", "x"]}, "takes 1 to 3 inputs, and 4 are named"),
    ],
)
def test_what_does_not_fit_is_refused(shape: list[int], layer: dict[str, Any], words: str) -> None:
    with pytest.raises(InvalidRequest, match=words):
        model(shape, layer)


def test_as_many_keys_as_values_are_needed() -> None:
    shorter = {"type": "conv1d", "filters": 3, "size": 2}
    layer = {"type": "attention", "inputs": ["x", "x", "conv1d_1"]}
    with pytest.raises(InvalidRequest, match=r"as many keys as values, gets \(3, 3\) and \(4, 3\)"):
        model([4, 3], shorter, layer)
    assert model([4, 3], shorter, {**layer, "inputs": ["x", "conv1d_1"]}).prediction.shape == (4, 3)
