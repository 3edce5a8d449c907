"""Files that mean harm: refused in time, in little memory, and with nothing but errors of the engine."""

from __future__ import annotations

import contextlib
import random
import time
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from onnx import TensorProto, helper, numpy_helper

from engine.errors import EngineError, InvalidRequest, LimitExceeded
from engine.limits import Limits
from engine.models.exchange.imports import imported
from engine.models.exchange.scan import MOST_FIELDS
from tests.models.onnx.test_import import LONG, F, file, node

HERE = Path(__file__).parent
FILES = sorted(HERE.glob("*.onnx"))
SECONDS = 5.0


def refused(content: bytes, most: float = 300 * 2**20) -> EngineError:
    """The error for a file, which comes soon and takes little memory."""
    tracemalloc.start()
    begun = time.perf_counter()
    try:
        with pytest.raises(EngineError) as refusal:
            imported(content, Limits())
        assert time.perf_counter() - begun < SECONDS * 5  # tracemalloc makes everything slower
        assert tracemalloc.get_traced_memory()[1] < most
    finally:
        tracemalloc.stop()
    return refusal.value


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_bytes_that_were_changed_never_raise_anything_else(path: Path) -> None:
    chance, whole = random.Random(path.stem), path.read_bytes()
    for _ in range(150):
        content = bytearray(whole)
        for _ in range(chance.choice((1, 1, 2, 8))):
            kind, place = chance.randrange(3), chance.randrange(len(content))
            if kind == 0:
                content[place] = chance.randrange(256)
            elif kind == 1:
                del content[place : place + chance.randrange(1, 9)]
            else:
                content[place:place] = chance.randbytes(chance.randrange(1, 9))
        with contextlib.suppress(EngineError):
            imported(bytes(content), Limits())


@pytest.mark.parametrize("path", FILES[:3], ids=lambda path: path.stem)
def test_files_that_end_early_never_raise_anything_else(path: Path) -> None:
    whole = path.read_bytes()
    for end in range(0, len(whole), 7):
        with contextlib.suppress(EngineError):
            imported(whole[:end], Limits())


def field(number: int, content: bytes) -> bytes:
    """A field of bytes, as Protocol Buffers write it."""
    length, sizes = len(content), b""
    while length > 127:
        sizes += bytes([length & 127 | 128])
        length >>= 7
    return bytes([number << 3 | 2]) + sizes + bytes([length]) + content


def test_many_messages_of_nothing_are_counted_before_they_are_made() -> None:
    empty = field(1, b"")
    assert isinstance(refused(field(7, empty * (MOST_FIELDS + 10))), LimitExceeded)


def test_graphs_within_graphs_are_refused_before_they_are_read() -> None:
    inner = b""
    for _ in range(400):
        inner = field(1, field(5, field(6, inner)))
    assert isinstance(refused(field(7, inner)), InvalidRequest)


def test_groups_and_lengths_beyond_the_end_are_no_messages() -> None:
    for content in (b"\x0b" * 50, b"\x3a\xff\xff\xff\xff\x0f", b"\x3a\x05\x00", b"\xff" * 40, b"\x02\x00"):
        assert isinstance(refused(content), InvalidRequest)


def test_more_bytes_than_an_array_may_have_are_not_read() -> None:
    with pytest.raises(LimitExceeded):
        imported(bytes(2000), Limits(array_bytes=1000))


@pytest.mark.parametrize(
    "content",
    [
        file(node("ConstantOfShape", "s"), arrays={"s": np.array([2**40], LONG)}),
        file(node("Expand", "w", "s"), arrays={"w": F(1), "s": np.array([2**20, 2**20], LONG)}),
        file(node("Add", "a", "b"), arrays={"a": np.ones((2**11, 1), F), "b": np.ones((1, 2**11), F)}),
        file(node("Reshape", "x", "s"), arrays={"s": np.array([-1, 2**31, 2**31], LONG)}),
        file(node("Conv", "x", "w", pads=[2**62, 2**62]), shape=("n", 1, 4), arrays={"w": np.ones((1, 1, 2), F)}),
        file(node("MaxPool", "x", kernel_shape=[2**62]), shape=("n", 1, 4)),
        file(node("Conv", "x", "w", dilations=[-1]), shape=("n", 1, 4), arrays={"w": np.ones((1, 1, 2), F)}),
        file(node("Conv", "x", "w", group=0), shape=("n", 1, 4), arrays={"w": np.ones((1, 1, 2), F)}),
        file(node("Split", "x", "s", axis=1), arrays={"s": np.array([2**62], LONG)}),
        file(node("LeakyRelu", "x", alpha=float("nan"))),
        file(node("Transpose", "x", perm=[0, 2**40])),
        file(node("Unsqueeze", "x", "a"), arrays={"a": np.array([2**40], LONG)}),
        file(node("Slice", "x", "s", "s", "s"), arrays={"s": np.array([-(2**63)], LONG)}),
        file(node("MatMul", "x", "x"), shape=("n", 2**12, 2**12)),
        file(node("Gemm", "x", "w", hidden="x" * 100), arrays={"w": np.ones((3, 2), F)}),
        file(node("LSTM", "x", "w", "w"), shape=("n", 2, 3), arrays={"w": np.float32(1)}),
        file(node("LayerNormalization", "x", "w", axis=-9), arrays={"w": F(1)}),
        file(node("Cast", "x")),
        file(node("Constant")),
        file(helper.make_node("Relu", ["x"], [])),
    ],
)
def test_absurd_numbers_are_refused(content: bytes) -> None:
    refused(content)


def test_a_graph_that_doubles_what_it_holds_ends_at_a_limit() -> None:
    nodes, name = [], "x"
    for k in range(60):
        nodes.append(helper.make_node("Concat", [name, name], [f"v{k}"], axis=1))
        name = f"v{k}"
    assert refused(file(*nodes, node("Relu", name)))


def test_constants_that_double_end_at_a_limit() -> None:
    nodes, name = [], "w"
    for k in range(60):
        nodes.append(helper.make_node("Concat", [name, name], [f"v{k}"], axis=0))
        name = f"v{k}"
    assert refused(file(*nodes, node("Add", "x", name), arrays={"w": np.ones(1000, F)}), 700 * 2**20)


def test_many_large_constants_end_at_a_limit() -> None:
    nodes = [helper.make_node("ConstantOfShape", ["s"], [f"v{k}"]) for k in range(50)]
    content = file(*nodes, node("Relu", "x"), arrays={"s": np.array([2**23], LONG)})
    assert isinstance(refused(content, 700 * 2**20), LimitExceeded)


def test_a_chain_of_many_nodes_is_refused_in_time() -> None:
    nodes = [helper.make_node("Cos", [f"v{k}" if k else "x"], [f"v{k + 1}"]) for k in range(3900)]
    begun = time.perf_counter()
    with pytest.raises(EngineError):
        imported(file(*nodes, node("Sin", "v3900")), Limits())
    assert time.perf_counter() - begun < 2 * SECONDS


def test_numbers_that_signal_are_refused_without_a_warning() -> None:
    signal = np.array([0x7FA00000] * 6, np.uint32).view(F).reshape(3, 2)
    assert "not finite" in refused(file(node("MatMul", "x", "w"), arrays={"w": signal})).detail
    large = np.full((3, 2), 3e38, F)
    assert imported(file(node("Gemm", "x", "w", alpha=1e38), arrays={"w": large}), Limits())


def test_names_out_of_a_file_are_never_text_of_a_program() -> None:
    bad = ["x); import os", "__class__", "x\n    y", "a" * 500, "lambda", "prediction", "x", "é", "0"]
    for name in bad:
        made = helper.make_node("Gemm", ["x", "w"], ["y"], name=name)
        definition, _ = imported(file(made, arrays={"w": np.ones((3, 2), F)}), Limits())
        assert [layer["name"] for layer in definition["layers"]] == ["dense_1"]


def test_a_tensor_of_another_file_is_never_opened(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_bytes(np.ones(6, F).tobytes())
    array = numpy_helper.from_array(np.ones((3, 2), F), "w")
    array.ClearField("raw_data")
    array.data_location = TensorProto.EXTERNAL
    array.external_data.add(key="location", value=str(secret))
    content = file(node("MatMul", "x", "w"), change=lambda made: made.graph.initializer.append(array))
    assert "another file" in refused(content).detail
