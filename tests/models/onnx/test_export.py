"""Models as files of ONNX: onnxruntime predicts from them what is predicted here."""

from __future__ import annotations

import sys
from typing import Any

import numpy as np
import onnx
import pytest

from engine.errors import LimitExceeded, Unsupported
from engine.models.exchange import export
from engine.models.exchange.emitters import EMITTERS
from engine.models.exchange.export import exported
from engine.models.exchange.library import OPSET
from engine.models.layers.table import LAYERS
from engine.models.model import Model
from tests.models.onnx.running import NAMES, TRIALS, Trial, far, parameters_of, run
from tests.models.running import model, predicted, some

SINGLE, DOUBLE = 2e-6, 1e-12
NO_DOUBLE = {"Conv", "AveragePool", "RNN", "GRU", "LSTM", "Erf", "Selu", "Softplus", "Softsign", "Elu"}
NO_DOUBLE |= {"Tan", "Asin", "Acos", "Atan", "Sinh", "Cosh", "Asinh", "Acosh", "Atanh", "LeakyRelu"}
"""Operators that onnxruntime has for float32 alone."""


def test_every_layer_has_an_emitter_and_is_tried() -> None:
    assert set(EMITTERS) == set(LAYERS)
    assert {placed.record.name for _, made, _ in TRIALS for placed in made.layers} == set(LAYERS)


@pytest.mark.parametrize("trial", TRIALS, ids=NAMES)
def test_it_predicts_the_same_in_single_precision(trial: Trial) -> None:
    _, made, at = trial
    content = exported(made, parameters_of(made, at), "float32")
    for examples in (1, 3):
        few = {**at, "x": at["x"][:examples]}
        assert far(run(content, made, few["x"], "float32"), predicted(made, few)) < SINGLE


@pytest.mark.parametrize("trial", TRIALS, ids=NAMES)
def test_it_predicts_the_same_in_double_precision(trial: Trial) -> None:
    _, made, at = trial
    content = exported(made, parameters_of(made, at), "float64")
    if {node.op_type for node in onnx.load_from_string(content).graph.node} & NO_DOUBLE:
        with pytest.raises(Exception, match=r"NOT_IMPLEMENTED|does not support double"):
            run(content, made, at["x"], "float64")
        return
    for examples in (1, 3):
        few = {**at, "x": at["x"][:examples]}
        assert far(run(content, made, few["x"], "float64"), predicted(made, few)) < DOUBLE


EXPRESSIONS = [
    "abs(x) - sign(x) + floor(x) + ceil(x) + round(2.3*x)",
    "exp(x)/x + log(abs(x)) + sqrt(abs(x))^1.5",
    "sin(x) + cos(x) + tan(x/4) + sinh(x) + cosh(x) + asinh(x) + atan(x) + tanh(x)",
    "asin(tanh(x)) + acos(tanh(x)) + atanh(tanh(x)/2) + acosh(1 + x^2)",
    "where(x > 0.5 and x < 2 or x == 0 or not (x <= -1 and x >= -2), x, -2*x)",
    "where(x != x[:, 0:1], maximum(x, 0.3), minimum(x, 0.1))",
    "relu(x) + sigmoid(x) + silu(x) + leaky_relu(x, 0.2) + elu(x, 0.5)",
    "log2(x^2 + 1) + log10(x^2 + 2) + stop_gradient(x)",
    "max(x, axis=1) + min(x, axis=1) + prod(x, axis=1) + mean(x, axis=1) + norm(x, axis=1)",
    "logsumexp(x, axis=-1) - std(x, axis=1)",
    "softmax(x, axis=1)*log_softmax(x, axis=1) + cumsum(x, axis=1)",
    "concatenate([x[:, 1:], x[:, ::-1]], axis=1)",
    "transpose(reshape(x, (len(x), 2, 2)), (0, 2, 1)) @ m",
    "stack([x[:, 0], 2*x[:, 1]], axis=1)",
    "broadcast_to(x[:, 0:1], (len(x), 3)) + x[:, 1:]",
    "x @ m4 - x/3 + a",
    "where(x > 0, 1, 0)*x + (x > 1)*2.0",
]


@pytest.mark.parametrize("text", EXPRESSIONS)
def test_an_expression_predicts_the_same(text: str) -> None:
    own = {"m": {"shape": [2, 2]}, "m4": {"shape": [4, 4]}, "a": {}}
    used = {name: value for name, value in own.items() if name in text.replace("m4", "#") or f"{name} " in f"{text} "}
    layer = {"type": "expr", "expr": text, "parameters": used}
    made = model([4], layer)
    at = some(made, 3)
    content = exported(made, parameters_of(made, at), "float32")
    assert far(run(content, made, at["x"], "float32"), predicted(made, at)) < 1e-5
    content = exported(made, parameters_of(made, at), "float64")
    if not {node.op_type for node in onnx.load_from_string(content).graph.node} & NO_DOUBLE:
        assert far(run(content, made, at["x"], "float64"), predicted(made, at)) < DOUBLE


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("lgamma(x^2 + 1)", "`lgamma`"),
        ("expm1(x)", "`expm1`"),
        ("x - mean(x, axis=0)", "number of examples"),
        ("x[::-1]", "examples"),
        ("sort(x, axis=-1)", "`sort`"),
    ],
)
def test_what_has_no_equivalent_is_refused_by_name(text: str, said: str) -> None:
    made = model([3], {"type": "dense", "units": 3}, {"type": "expr", "expr": text})
    with pytest.raises(Unsupported) as refusal:
        exported(made, made.initial())
    assert said in refusal.value.detail
    assert [fault.pointer for fault in refusal.value.faults] == ["/layers/1/expr"]


def test_all_layers_that_cannot_be_written_are_told_at_once() -> None:
    layers = [{"type": "expr", "expr": text} for text in ("expm1(x)", "x", "lgamma(x^2 + 1)")]
    made = model([3], *layers)
    with pytest.raises(Unsupported) as refusal:
        exported(made, made.initial())
    assert [fault.pointer for fault in refusal.value.faults] == ["/layers/0/expr", "/layers/2/expr"]


def test_values_are_held_by_their_constraint_and_in_the_units_of_the_target() -> None:
    held = {"init": "ones", "constraint": "positive"}
    made = model([2], {"type": "dense", "units": 2, "kernel": held}, target={"standardise": True})
    at = some(made)
    content = exported(made, parameters_of(made, at), "float64")
    assert far(run(content, made, at["x"], "float64"), predicted(made, at)) < DOUBLE
    arrays = {each.name: onnx.numpy_helper.to_array(each) for each in onnx.load_from_string(content).graph.initializer}
    assert np.allclose(arrays["dense_1_kernel"], np.log1p(np.exp(at["dense_1_kernel_free"])), rtol=1e-15)


def test_it_says_what_it_is() -> None:
    made = model([3], {"type": "dense", "units": 2, "name": "d"})
    content = exported(made, made.initial(), "float32", name="md_one", version=4)
    read: Any = onnx.load_from_string(content)
    assert (read.producer_name, read.model_version, read.graph.name) == ("adjoint", 4, "md_one")
    assert {each.key: each.value for each in read.metadata_props} == {"model": "md_one", "version": "4"}
    assert read.opset_import[0].version == OPSET
    assert "md_one" in read.doc_string
    (x,), (prediction,) = read.graph.input, read.graph.output
    dims = [[dim.dim_param or dim.dim_value for dim in each.type.tensor_type.shape.dim] for each in (x, prediction)]
    assert (x.name, prediction.name, dims) == ("x", "prediction", [["examples", 3], ["examples", 2]])
    assert content == exported(made, made.initial(), "float32", name="md_one", version=4)


def test_a_layer_without_an_emitter_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    made = model([3], {"type": "dense", "units": 2})
    monkeypatch.setattr(export, "EMITTERS", {})
    with pytest.raises(Unsupported, match="`dense_1` cannot be exported") as refusal:
        exported(made, made.initial())
    assert refusal.value.faults[0].pointer == "/layers/0"


def test_without_the_package_it_is_said_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    made: Model = model([3], {"type": "dense", "units": 2})
    monkeypatch.setitem(sys.modules, "onnx", None)
    with pytest.raises(Unsupported) as refusal:
        exported(made, made.initial())
    assert refusal.value.hint is not None
    assert "adjoint[onnx]" in refusal.value.hint


def test_a_file_that_would_be_too_large_is_not_begun(monkeypatch: pytest.MonkeyPatch) -> None:
    made = model([300], {"type": "dense", "units": 300})
    monkeypatch.setattr(export, "MOST_BYTES", 2**20 + 1000)
    with pytest.raises(LimitExceeded):
        exported(made, made.initial())
