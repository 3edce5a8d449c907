"""Files of ONNX as models: those written here, those of PyTorch's exporter, and what is refused."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import TensorProto, helper, numpy_helper

from engine.errors import EngineError, InvalidRequest, LimitExceeded, Unsupported
from engine.limits import Limits
from engine.models.exchange.export import exported
from engine.models.exchange.imports import OPERATORS, imported
from engine.models.model import Model
from tests.models.onnx.running import NAMES, TRIALS, Trial, back, far, parameters_of, run, session_of, taken
from tests.models.running import model, predicted, some

HERE = Path(__file__).parent
TORCH: dict[str, Any] = json.loads((HERE / "torch.json").read_text("utf-8"))["cases"]


def types(made: Model) -> list[str]:
    return [placed.record.name for placed in made.layers]


@pytest.mark.parametrize("trial", TRIALS, ids=NAMES)
def test_what_was_written_predicts_the_same_when_it_is_read(trial: Trial) -> None:
    _, made, at = trial
    for precision, most in (("float64", 1e-13), ("float32", 2e-6)):
        read, arrays = back(made, parameters_of(made, at), precision)  # type: ignore[arg-type]
        assert read.input == made.input
        assert far(predicted(read, {"x": at["x"], **arrays}), predicted(made, at)) < most


WHOLE = [
    [{"type": "dense", "units": 4, "activation": "gelu", "name": "first"}, {"type": "dropout", "rate": 0.3}],
    [{"type": "standardise"}, {"type": "dense", "units": 1, "activation": "silu"}, {"type": "dense", "units": 1}],
    [{"type": "dense", "units": 4, "bias": False, "activation": {"name": "leaky_relu", "slope": 0.1}}],
    [{"type": "batch_norm", "momentum": 0.8}, {"type": "layer_norm"}, {"type": "activation", "function": "softmax"}],
]


@pytest.mark.parametrize("layers", WHOLE)
def test_layers_keep_their_types_names_and_parameters(layers: list[dict[str, Any]]) -> None:
    made = model([3], *layers)
    at = some(made)
    read, arrays = back(made, parameters_of(made, at), "float32")
    assert [(p.name, p.record.name) for p in read.layers] == [(p.name, p.record.name) for p in made.layers]
    assert [(p.name, p.shape, p.state) for p in read.parameters] == [
        (p.name, p.shape, p.state) for p in made.parameters
    ]
    for name, array in parameters_of(made, at).items():
        assert np.array_equal(arrays[name], array.astype(np.float32))
    for mine, its in zip(made.layers, read.layers, strict=True):
        for option in ("activation", "rate", "momentum", "epsilon", "units", "size", "stride"):
            assert its.options.get(option) == mine.options.get(option)


IMAGES = [
    {"type": "conv2d", "filters": 4, "size": 3, "padding": "same", "activation": "relu"},
    {"type": "max_pool2d"},
    {"type": "batch_norm"},
    {"type": "mean_pool2d", "size": 2, "stride": 1, "padding": "same"},
    {"type": "global_max_pool"},
]
WORDS = [
    {"type": "embedding", "size": 5, "units": 3},
    {"type": "conv1d", "filters": 2, "size": 2, "activation": "tanh"},
    {"type": "gru", "units": 2, "sequences": True},
    {"type": "rnn", "units": 2, "activation": "relu", "sequences": True},
    {"type": "lstm", "units": 2},
]


@pytest.mark.parametrize(("shape", "layers"), [([6, 6, 2], IMAGES), ([5], WORDS)])
def test_layers_with_the_channels_second_in_onnx_need_no_transposes(shape: list[int], layers: Any) -> None:
    made = model(shape, *layers)
    at = some(made)
    read, arrays = back(made, parameters_of(made, at), "float32")
    assert types(read) == types(made)
    assert far(predicted(read, {"x": at["x"], **arrays}), predicted(made, at)) < 1e-5


@pytest.mark.parametrize("name", TORCH)
def test_what_pytorch_wrote_predicts_what_pytorch_does(name: str) -> None:
    read, arrays = taken((HERE / f"{name}.onnx").read_bytes())
    found = predicted(read, {"x": np.array(TORCH[name]["x"]), **arrays})
    assert far(found, np.array(TORCH[name]["prediction"])) < 1e-6


@pytest.mark.parametrize(
    ("name", "layers"),
    [
        ("plain", ["dense", "dense"]),
        ("words", ["embedding", "flatten", "dense"]),
        ("lstm", ["lstm", "dense"]),
        ("gru", ["gru", "dense"]),
        ("rnn", ["rnn", "dense"]),
        ("pooled", ["expr", "conv2d", "global_mean_pool", "dense"]),
    ],
)
def test_what_pytorch_wrote_becomes_the_layers_that_it_was(name: str, layers: list[str]) -> None:
    assert types(taken((HERE / f"{name}.onnx").read_bytes())[0]) == layers


def file(
    *nodes: Any,
    shape: tuple[Any, ...] = ("n", 3),
    kind: int = TensorProto.FLOAT,
    arrays: dict[str, Any] | None = None,
    opset: int = 17,
    change: Callable[[Any], object] | None = None,
) -> bytes:
    """A file with these nodes from x to y."""
    x = helper.make_tensor_value_info("x", kind, list(shape))
    y = helper.make_tensor_value_info("y", TensorProto.FLOAT, None)
    held = [numpy_helper.from_array(np.asarray(array), name) for name, array in (arrays or {}).items()]
    graph = helper.make_graph(list(nodes), "g", [x], [y], held)
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=8)
    if change is not None:
        change(made)
    return bytes(made.SerializeToString())


def node(op: str, *inputs: str, **attributes: Any) -> Any:
    return helper.make_node(op, list(inputs), ["y"], name="it", **attributes)


F, LONG = np.float32, np.int64
KERNEL, IMAGE = {"w": np.ones((3, 2), F)}, {"w": np.ones((2, 3, 2, 2), F)}
STEPS = {"w": np.ones((1, 6, 3), F), "r": np.ones((1, 6, 2), F)}
REFUSED: list[tuple[str, bytes, str, str]] = [
    ("operator", file(node("Einsum", "x")), "/graph/node/0/op_type", "`it` (Einsum)"),
    ("near", file(node("Relo", "x")), "/graph/node/0/op_type", "did you mean"),
    ("domain", file(node("Relu", "x", domain="com.microsoft")), "/graph/node/0/op_type", "com.microsoft"),
    ("attribute", file(node("Relu", "x", speed=3)), "/graph/node/0", "`speed`"),
    ("many inputs", file(node("Relu", "x", "x")), "/graph/node/0", "2 inputs"),
    ("transA", file(node("Gemm", "x", "w", transA=1), arrays=KERNEL), "/graph/node/0", "no matrix of examples"),
    ("sizes", file(node("MatMul", "x", "w"), arrays={"w": np.ones((4, 2), F)}), "/graph/node/0", "kernel"),
    ("infinite", file(node("MatMul", "x", "w"), arrays={"w": np.full((3, 2), np.inf, F)}), "/graph/node/0", "finite"),
    ("integers", file(node("MatMul", "x", "w"), arrays={"w": np.ones((3, 2), LONG)}), "/graph/node/0", "real numbers"),
    ("softmax", file(node("Softmax", "x", axis=0)), "/graph/node/0", "axis over examples"),
    ("axis", file(node("Softmax", "x", axis=5)), "/graph/node/0", "axis 5"),
    ("mean", file(node("ReduceMean", "x", axes=[0])), "/graph/node/0", "over the examples"),
    ("transpose", file(node("Transpose", "x", perm=[1, 0])), "/graph/output/0", "first axis"),
    ("perm", file(node("Transpose", "x", perm=[1, 1])), "/graph/node/0", "no order"),
    ("reshape", file(node("Reshape", "x", "s"), arrays={"s": np.array([-1, 4], LONG)}), "/graph/node/0", "examples"),
    ("flatten", file(node("Flatten", "x", axis=0)), "/graph/node/0", "`axis` 0"),
    ("gather", file(node("Gather", "x", "i", axis=1), arrays={"i": np.array(7, LONG)}), "/graph/node/0", "not there"),
    ("training",
     file(node("Dropout", "x", "r", "t"), arrays={"r": F(0.5), "t": np.True_}), "/graph/node/0", "training"),
    ("pool",
     file(node("MaxPool", "x", kernel_shape=[2, 2], ceil_mode=1), shape=("n", 1, 4, 4)), "/graph/node/0", "ceil"),
    (
        "counting",
        file(node("AveragePool", "x", kernel_shape=[2], pads=[1, 1], count_include_pad=1), shape=("n", 1, 4)),
        "/graph/node/0",
        "count_include_pad",
    ),
    ("conv3d", file(node("Conv", "x", "w"), shape=("n", 1, 4, 4, 4), arrays={"w": np.ones((1, 1, 2, 2, 2), F)}),
     "/graph/node/0", "3 axes"),
    ("same lower", file(node("Conv", "x", "w", auto_pad="SAME_LOWER"), shape=("n", 3, 4, 4), arrays=IMAGE),
     "/graph/node/0", "SAME_LOWER"),
    ("reset", file(node("GRU", "x", "w", "r", hidden_size=2), shape=(3, "n", 3), arrays=STEPS), "/graph/input/0", "0"),
    ("gates", file(node("GRU", "x", "w", "r", hidden_size=2, layout=1), shape=("n", 4, 3), arrays=STEPS),
     "/graph/node/0", "linear_before_reset"),
    ("both ways",
     file(node("RNN", "x", "w", "r", direction="bidirectional", layout=1), shape=("n", 4, 3), arrays=STEPS),
     "/graph/node/0", "direction"),
    ("open axis", file(node("Relu", "x"), shape=("n", "m")), "/graph/input/0", "axis 1"),
    ("huge", file(node("Relu", "x"), shape=("n", 2**40, 2**40)), "/graph/input/0", "too many"),
    ("negative", file(node("Relu", "x"), shape=("n", -3)), "/graph/input/0", "axis 1"),
    ("no axes", file(node("Relu", "x"), shape=()), "/graph/input/0", "0 axes"),
    ("strings", file(node("Relu", "x"), kind=TensorProto.STRING), "/graph/input/0", "STRING"),
    ("opset", file(node("Relu", "x"), opset=9), "/opset_import", "9"),
    ("nothing", file(node("Relu", "z")), "/graph/node/0/input/0", "`z`"),
    ("constant", file(node("Identity", "w"), arrays=KERNEL), "/graph/output/0", "does not depend"),
    ("circle", file(helper.make_node("Relu", ["b"], ["a"]), helper.make_node("Relu", ["a"], ["b"]), node("Relu", "a")),
     "/graph/node/0/input/0", "`b`"),
    ("twice", file(node("Relu", "x"), node("Tanh", "x")), "/graph/node/1", "there already"),
    ("no output", file(helper.make_node("Relu", ["x"], ["z"])), "/graph/output/0", "no node"),
    ("two inputs", file(node("Relu", "x"), change=lambda m: m.graph.input.add(name="x2")), "/graph", "2 inputs"),
    ("functions", file(node("Relu", "x"), change=lambda m: m.functions.add(name="f")), "/graph", "functions"),
    ("raw", file(node("Add", "x", "w"), arrays={"w": F(1)},
                 change=lambda m: setattr(m.graph.initializer[0], "raw_data", b"123")),
     "/graph/initializer/0", "3 bytes"),
    ("dims", file(node("Add", "x", "w"), arrays={"w": F(1)},
                  change=lambda m: m.graph.initializer[0].dims.extend([2**62, 2**62])),
     "/graph/initializer/0", "more than"),
    ("below", file(node("Add", "x", "w"), arrays={"w": F(1)},
                   change=lambda m: m.graph.initializer[0].dims.extend([-1])),
     "/graph/initializer/0", "no array has"),
    ("external", file(node("Add", "x", "w"), arrays={"w": F(1)},
                      change=lambda m: setattr(m.graph.initializer[0], "data_location", TensorProto.EXTERNAL)),
     "/graph/initializer/0", "another file"),
    ("complex",
     file(node("Add", "x", "w"), arrays={"w": np.ones(3, np.complex64)}), "/graph/initializer/0", "COMPLEX64"),
]  # fmt: skip


@pytest.mark.parametrize(("content", "pointer", "said"), [each[1:] for each in REFUSED], ids=[e[0] for e in REFUSED])
def test_what_is_not_taken_is_refused_by_name(content: bytes, pointer: str, said: str) -> None:
    with pytest.raises((Unsupported, InvalidRequest)) as refusal:
        imported(content, Limits())
    assert pointer in [fault.pointer for fault in refusal.value.faults]
    assert any(said in fault.detail for fault in refusal.value.faults), refusal.value.faults


def test_all_that_stands_against_a_file_is_told_at_once() -> None:
    first = helper.make_node("Einsum", ["x"], ["a"], name="first")
    second = helper.make_node("Softmax", ["x"], ["b"], name="second", axis=0)
    content = file(first, second, node("Add", "a", "b"))
    with pytest.raises(Unsupported) as refusal:
        imported(content, Limits())
    # The last node only lacks what was refused before it.
    assert [fault.pointer for fault in refusal.value.faults] == ["/graph/node/0/op_type", "/graph/node/1"]


def same(content: bytes, x: Any) -> None:
    """Assert that a file means here what it means to onnxruntime."""
    read, arrays = taken(content)
    kind = np.int64 if read.input.dtype == "int" else F
    (expected,) = session_of(content).run(None, {"x": np.asarray(x).astype(kind)})
    assert far(predicted(read, {"x": np.asarray(x), **arrays}), np.asarray(expected)) < 1e-5


CHANCE = np.random.default_rng(5)
ROW, SQUARE = CHANCE.normal(size=(2, 3)), CHANCE.normal(size=(2, 3, 4))
W = {"w": CHANCE.normal(size=(3,)).astype(F)}
MEANT: list[tuple[str, bytes, Any]] = [
    *((op, file(node(op, "x")), ROW) for op in ("Neg", "Abs", "Erf", "Cos", "Sinh", "Softsign", "HardSwish")),
    ("gelu", file(node("Gelu", "x", approximate="tanh"), opset=20), ROW),
    *((f"{op} left", file(node(op, "w", "x"), arrays=W), ROW) for op in ("Add", "Sub", "Mul", "Div", "Max")),
    *((f"{op} right", file(node(op, "x", "w"), arrays=W), ROW) for op in ("Add", "Sub", "Mul", "Div", "Min")),
    ("pow", file(node("Pow", "x", "w"), arrays={"w": F(2)}), ROW),
    ("sum", file(node("Sum", "x", "x", "w"), arrays=W), ROW),
    ("clip", file(node("Clip", "x", "l", "h"), arrays={"l": F(-0.5), "h": F(0.25)}), ROW),
    ("softmax elsewhere", file(node("Softmax", "x", axis=1), shape=("n", 3, 4)), SQUARE),
    ("matmul of constants",
     file(node("MatMul", "w", "x"), shape=("n", 3, 4), arrays={"w": np.ones((2, 3), F)}), SQUARE),
    ("reduce",
     file(node("ReduceSum", "x", "a", keepdims=1), shape=("n", 3, 4), arrays={"a": np.array([1], LONG)}), SQUARE),
    ("reduce two", file(node("ReduceL2", "x", axes=[1, 2], keepdims=0), shape=("n", 3, 4)), SQUARE),
    ("squeeze", file(node("Squeeze", "x", "a"), shape=("n", 1, 3), arrays={"a": np.array([1], LONG)}), ROW[:, None]),
    ("unsqueeze", file(node("Unsqueeze", "x", "a"), arrays={"a": np.array([1, -1], LONG)}), ROW),
    ("transposed", file(node("Transpose", "x", perm=[0, 2, 1]), shape=("n", 3, 4)), SQUARE),
    ("slice", file(node("Slice", "x", "s", "e", "a"), shape=("n", 3, 4), arrays={
        "s": np.array([1, -3], LONG), "e": np.array([3, 2**31 - 1], LONG), "a": np.array([1, 2], LONG)}), SQUARE),
    ("conv, strided", file(node("Conv", "x", "w", strides=[2, 1], pads=[1, 0, 0, 1]), shape=("n", 3, 4, 4), arrays={
        "w": CHANCE.normal(size=(2, 3, 2, 2)).astype(F)}), CHANCE.normal(size=(2, 3, 4, 4))),
    ("max pool", file(node("MaxPool", "x", kernel_shape=[2, 2], pads=[1, 1, 0, 0]), shape=("n", 1, 4, 4)),
     CHANCE.normal(size=(2, 1, 4, 4))),
    ("overall", file(node("GlobalAveragePool", "x"), shape=("n", 3, 4)), SQUARE),
    ("batch norm", file(node("BatchNormalization", "x", "w", "w", "w", "v"), shape=("n", 3, 4),
                        arrays={**W, "v": np.array([1, 2, 3], F)}), SQUARE),
    ("gather rows",
     file(node("Gather", "x", "i", axis=2), shape=("n", 3, 4), arrays={"i": np.array(-2, LONG)}), SQUARE),
    ("gemm", file(node("Gemm", "x", "w", "c", alpha=0.5, beta=2.0, transB=1), arrays={
        "w": np.arange(6, dtype=F).reshape(2, 3), "c": np.array([1, -1], F)}), ROW),
    ("identity", file(node("Identity", "x")), ROW),
]  # fmt: skip


@pytest.mark.parametrize(("content", "x"), [each[1:] for each in MEANT], ids=[each[0] for each in MEANT])
def test_an_operator_means_what_it_means_to_onnxruntime(content: bytes, x: Any) -> None:
    same(content, x)


def test_the_table_has_no_operator_that_onnx_has_not() -> None:
    assert all(onnx.defs.has(op) for op in OPERATORS)


UNITS = st.integers(1, 4)
STACK = st.lists(
    st.one_of(
        st.builds(
            lambda units, activation, bias: {"type": "dense", "units": units, "activation": activation, "bias": bias},
            UNITS,
            st.sampled_from(["linear", "tanh", "relu", "gelu", "silu", "softmax", "log_sigmoid", "elu"]),
            st.booleans(),
        ),
        st.builds(lambda units: {"type": "lstm", "units": units, "sequences": True}, UNITS),
        st.builds(lambda units: {"type": "gru", "units": units, "sequences": True}, UNITS),
        st.builds(lambda f, s: {"type": "conv1d", "filters": f, "size": s, "padding": "same"}, UNITS, UNITS),
        st.sampled_from(
            [
                {"type": "batch_norm"},
                {"type": "layer_norm"},
                {"type": "dropout"},
                {"type": "attention"},
                {"type": "max_pool1d", "size": 2, "stride": 1, "padding": "same"},
                {"type": "expr", "expr": "x - mean(x, axis=1, keepdims=True)"},
                {"type": "activation", "function": "silu"},
            ]
        ),
    ),
    min_size=1,
    max_size=5,
)


@settings(max_examples=40, deadline=None)
@given(layers=STACK, last=st.sampled_from([None, "flatten", "global_mean_pool"]), seed=st.integers(0, 99))
def test_any_stack_is_the_same_in_onnxruntime_and_when_it_is_read(
    layers: list[dict[str, Any]], last: str | None, seed: int
) -> None:
    made = model([3, 2], *layers, *([] if last is None else [{"type": last}]))
    at = some(made, seed)
    parameters = parameters_of(made, at)
    own = predicted(made, at)
    assert far(run(exported(made, parameters), made, at["x"], "float32"), own) < 2e-4
    read, arrays = back(made, parameters, "float64")
    assert far(predicted(read, {"x": at["x"], **arrays}), own) < 1e-11


def test_a_file_that_is_read_in_double_precision_keeps_every_digit() -> None:
    made = model([3], {"type": "dense", "units": 2})
    at = some(made)
    _, arrays = back(made, parameters_of(made, at), "float64")
    assert all(np.array_equal(arrays[name], array) for name, array in parameters_of(made, at).items())


def test_more_layers_than_a_model_may_have_are_refused() -> None:
    nodes = [helper.make_node("Cos", [f"v{k}" if k else "x"], [f"v{k + 1}"]) for k in range(201)]
    with pytest.raises(LimitExceeded, match="layers"):
        imported(file(*nodes, node("Sin", "v201")), Limits())


def test_errors_are_those_of_the_engine() -> None:
    for content in (b"", b"PK\x03\x04", b"{}", b"\x00" * 100, b"\x08" * 50):
        with pytest.raises(EngineError):
            imported(content, Limits())
