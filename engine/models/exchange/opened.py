"""A file of ONNX, opened: its nodes, arrays, input and output, each of them checked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np

from engine.errors import InvalidRequest, Limit, LimitExceeded
from engine.graph.types import Array
from engine.limits import Limits
from engine.models.exchange.faults import Faults, Refused, shown
from engine.models.exchange.library import library
from engine.models.exchange.scan import check_bytes
from engine.models.nodes import MOST_AXES

MOST_NODES = 4000
OLDEST, NEWEST = 13, 25
"""The opsets whose operators mean what is known here."""
OWN = ("", "ai.onnx")
"""The domain of the operators of ONNX."""
_REAL, _INTEGERS = ("FLOAT", "DOUBLE", "FLOAT16", "BFLOAT16"), ("INT64", "INT32")
_RAW = {"FLOAT": "<f4", "DOUBLE": "<f8", "FLOAT16": "<f2", "INT64": "<i8", "INT32": "<i4", "BOOL": "?"}
_TYPED = {"FLOAT": "float_data", "DOUBLE": "double_data", "INT64": "int64_data"}
"""Where numbers stand that are not raw; of the other types, in `int32_data`."""


@dataclass(frozen=True, slots=True)
class OpenNode:
    """A node: its place in the file, and its attributes as values of Python, arrays and lists."""

    index: int
    name: str
    op: str
    domain: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    attributes: Mapping[str, Any]

    @property
    def told(self) -> str:
        """How it is called in a sentence."""
        own = f" `{shown(self.name)}`" if self.name else f" {self.index}"
        return f"The node{own} ({shown(self.op)})"


@dataclass(frozen=True, slots=True)
class Opened:
    """A graph: `sizes` are those of its input for one example."""

    opset: int
    nodes: tuple[OpenNode, ...]
    arrays: Mapping[str, Array]
    input: str
    sizes: tuple[int, ...]
    integer: bool
    output: str


def opened(content: bytes, limits: Limits, faults: Faults) -> Opened:
    """What is in a file.  Raises `InvalidRequest`, `LimitExceeded`, and what `faults` has where it cannot go on."""
    if len(content) > limits.array_bytes:
        raise LimitExceeded(
            f"This file has {len(content):,} bytes; {limits.array_bytes:,} are allowed.",
            limit=Limit("array_bytes", limits.array_bytes, len(content)),
        )
    onnx = library()
    check_bytes(content)
    try:
        model = onnx.ModelProto.FromString(content)
    except Exception:
        raise InvalidRequest("This cannot be read as a file of ONNX.") from None
    graph = model.graph
    if not graph.node:
        raise InvalidRequest("This file of ONNX has no graph with nodes.")
    if len(graph.node) > MOST_NODES:
        raise LimitExceeded(
            f"The graph has {len(graph.node):,} nodes; {MOST_NODES:,} are allowed.",
        )
    opset = _opset(model, faults)
    for what, given in (("functions", model.functions), ("sparse arrays", graph.sparse_initializer)):
        if given:
            faults.add("/graph", f"The file has {what} of its own, which are not taken.")
    arrays: dict[str, Array] = {}
    for k, tensor in enumerate(graph.initializer):
        try:
            if text_of(tensor.name) in arrays:
                raise Refused("is there twice.", True)
            arrays[text_of(tensor.name)] = array_of(onnx, tensor, limits)
        except Refused as refusal:
            detail = f"The array `{shown(text_of(tensor.name))}` {refusal.detail}"
            faults.add(f"/graph/initializer/{k}", detail, refusal.broken)
            arrays.setdefault(text_of(tensor.name), np.zeros(0))
    nodes = tuple(_node(onnx, k, node, limits, faults) for k, node in enumerate(graph.node))
    given = [value for value in graph.input if text_of(value.name) not in arrays]
    for what, values in (("inputs", given), ("outputs", graph.output)):
        if len(values) != 1:
            names = ", ".join(f"`{shown(text_of(value.name))}`" for value in values[:10])
            faults.add("/graph", f"The graph has {len(values)} {what}, {names or 'none'}; one is taken.")
    if len(given) != 1 or len(graph.output) != 1:
        faults.refuse()
    sizes, integer = _entry(onnx, given[0], limits, faults)
    return Opened(opset, nodes, arrays, text_of(given[0].name), sizes, integer, text_of(graph.output[0].name))


def text_of(value: Any) -> str:
    """A name of a message: the library gives bytes where they are no UTF-8."""
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)


def _opset(model: Any, faults: Faults) -> int:
    found = [each.version for each in model.opset_import if text_of(each.domain) in OWN]
    if len(found) != 1 or not OLDEST <= found[0] <= NEWEST:
        told = ", ".join(map(str, found[:5])) or "none"
        faults.add("/opset_import", f"The opset is {told}; those from {OLDEST} to {NEWEST} are taken.")
        return NEWEST
    return int(found[0])


def _entry(onnx: Any, value: Any, limits: Limits, faults: Faults) -> tuple[tuple[int, ...], bool]:
    """The sizes of the input for one example, and whether it is of integers."""
    kind = _kind(onnx, value.type.tensor_type.elem_type)
    pointer, told = "/graph/input/0", f"The input `{shown(text_of(value.name))}`"
    if kind not in (*_REAL, *_INTEGERS):
        faults.add(pointer, f"{told} is of {kind or 'an unknown type'}; real numbers and integers are taken.")
    dims = value.type.tensor_type.shape.dim
    if not 1 <= len(dims) <= MOST_AXES:
        faults.add(pointer, f"{told} has {len(dims)} axes; the first one has to be that over examples.")
        return (), kind in _INTEGERS
    sizes = [int(dim.dim_value) if dim.HasField("dim_value") else 0 for dim in dims[1:]]
    for k, size in enumerate(sizes, 1):
        if size < 1:
            faults.add(pointer, f"{told} has no fixed size along axis {k}; only that over examples, 0, may be open.")
    sizes = [max(size, 1) for size in sizes]
    if 8 * prod(sizes) > limits.array_bytes:
        faults.add(pointer, f"{told} has {prod(sizes):,} numbers for one example, too many for an array.")
        return (), kind in _INTEGERS
    return tuple(sizes), kind in _INTEGERS


def _node(onnx: Any, index: int, node: Any, limits: Limits, faults: Faults) -> OpenNode:
    attributes: dict[str, Any] = {}
    found = OpenNode(
        index,
        text_of(node.name),
        text_of(node.op_type),
        text_of(node.domain),
        tuple(text_of(name) for name in node.input),
        tuple(text_of(name) for name in node.output),
        attributes,
    )
    kinds = onnx.AttributeProto
    for attribute in node.attribute:
        where = f"/graph/node/{index}/attribute"
        name, kind = text_of(attribute.name), attribute.type
        value: Any
        if kind == kinds.INT:
            value = int(attribute.i)
        elif kind == kinds.FLOAT:
            value = float(attribute.f)
        elif kind == kinds.STRING:
            value = attribute.s.decode("utf-8", "replace")
        elif kind == kinds.INTS:
            value = [int(i) for i in attribute.ints]
        elif kind == kinds.FLOATS:
            value = [float(f) for f in attribute.floats]
        elif kind == kinds.STRINGS:
            value = [s.decode("utf-8", "replace") for s in attribute.strings]
        elif kind == kinds.TENSOR:
            try:
                value = array_of(onnx, attribute.t, limits)
            except Refused as refusal:
                faults.add(where, f"{found.told}: the array `{shown(name)}` {refusal.detail}", refusal.broken)
                continue
        else:
            faults.add(where, f"{found.told}: the attribute `{shown(name)}` is of a kind that is not taken.")
            continue
        attributes[name] = value
    return found


def _kind(onnx: Any, number: int) -> str:
    names = onnx.TensorProto.DataType
    return str(names.Name(number)) if number in names.values() else ""


def array_of(onnx: Any, tensor: Any, limits: Limits) -> Array:
    """The numbers of a tensor: real ones as float64, integers as int64.  Raises `Refused`."""
    kind = _kind(onnx, tensor.data_type)
    if tensor.data_location == onnx.TensorProto.EXTERNAL or tensor.external_data:
        raise Refused("is in another file; send it all in one.")
    if kind not in (*_REAL, *_INTEGERS, "BOOL"):
        raise Refused(f"is of {kind or 'an unknown type'}, which is not taken.")
    shape = tuple(int(size) for size in tensor.dims)
    if len(shape) > MOST_AXES or any(size < 0 for size in shape):
        raise Refused("has a shape that no array has.", True)
    size = prod(shape)
    if 8 * size > limits.array_bytes:
        raise Refused(f"has {size:,} numbers, more than the {limits.array_bytes // 8:,} that an array may have.")
    if tensor.HasField("raw_data"):
        flat = _raw(kind, tensor.raw_data, size)
    else:
        flat = _typed(kind, tensor, size)
    real = kind in _REAL
    wide = flat.astype(np.float64 if real else np.bool_ if kind == "BOOL" else np.int64)
    return np.asarray(wide.reshape(shape))


def _raw(kind: str, raw: bytes, size: int) -> Array:
    dtype = np.dtype(_RAW.get(kind, "<u2"))
    if len(raw) != size * dtype.itemsize:
        raise Refused(f"has {len(raw):,} bytes; {size:,} numbers of {kind} have {size * dtype.itemsize:,}.", True)
    if kind == "BOOL":
        return np.asarray(np.frombuffer(raw, np.uint8) != 0)
    flat: Array = np.frombuffer(raw, dtype)
    return _brain(flat) if kind == "BFLOAT16" else flat


def _typed(kind: str, tensor: Any, size: int) -> Array:
    values = getattr(tensor, _TYPED[kind]) if kind in _TYPED else tensor.int32_data
    if len(values) != size:
        raise Refused(f"has {len(values):,} numbers, and its shape {size:,}.", True)
    if kind in _TYPED:
        return np.asarray(np.array(values, dtype=_RAW[kind]))
    whole = np.array(values, dtype=np.int64)
    if kind in ("FLOAT16", "BFLOAT16"):
        halves = (whole & 0xFFFF).astype("<u2")
        return _brain(halves) if kind == "BFLOAT16" else np.asarray(halves.view("<f2"))
    return whole


def _brain(halves: Array) -> Array:
    """The upper halves of float32s."""
    return np.asarray((halves.astype("<u4") << 16).view("<f4"))
