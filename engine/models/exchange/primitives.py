"""The primitives of the language that ONNX has an equivalent of."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from engine.graph.types import DType, promote
from engine.graph.values import Node
from engine.models.exchange.activations import gelu, log_sigmoid, silu, sloped
from engine.models.exchange.sheet import Emission


class Untranslatable(Exception):
    """What about a node has no equivalent: reads on after `its expression`."""


@dataclass(frozen=True, slots=True)
class Pair:
    """A node on its way into a sheet, with its twin in the graph for another number of examples.

    `inputs` are the names of its inputs there, `part` that of its output within the layer.
    """

    e: Emission
    node: Node
    twin: Node
    inputs: list[str]
    part: str

    def write(self, op: str, *inputs: str, part: str | None = None, **attributes: Any) -> str:
        """Write a node; its output is that of the primitive, or some part of it."""
        return self.e.node(op, *inputs, part=self.part if part is None else self.local(part), **attributes)

    def local(self, part: str) -> str:
        """A name for some part of this node."""
        return f"{self.part}.{part}" if self.part else part

    def integers(self, part: str, values: Sequence[int]) -> str:
        """Write a list of integers."""
        return self.e.number(self.local(part), np.array(values, dtype=np.int64))

    def fixed(self, name: str) -> object:
        """A parameter that has nothing to do with the number of examples.  Raises `Untranslatable`."""
        value = self.node.params[name]
        if value != self.twin.params[name]:
            raise Untranslatable(f"applies `{self.node.primitive.name}` along the axis over examples")
        return value

    def axes(self) -> list[int]:
        """The axes of a reduction."""
        found = self.fixed("axes")
        assert isinstance(found, tuple)
        return list(found)

    def one_axis(self) -> int:
        """The only axis of what has one in ONNX."""
        axes = self.axes()
        if len(axes) != 1:
            raise Untranslatable(f"applies `{self.node.primitive.name}` along several axes at once")
        return axes[0]

    def examples(self) -> str:
        """The number of examples, as an array of one."""
        size = self.write("Shape", self.e.x, part="sizes")
        return self.write("Slice", size, self.integers("from", [0]), self.integers("to", [1]), part="examples")


Write = Callable[[Pair], str]


def _promoted(pair: Pair) -> list[str]:
    """The inputs in one dtype, which ONNX does not find by itself."""
    dtypes = [value.type.dtype for value in pair.node.inputs]
    wanted: DType = promote(*dtypes, pair.node.outputs[0].type.dtype)
    return [
        name if dtype == wanted else _cast(pair, name, wanted, f"cast{k}")
        for k, (name, dtype) in enumerate(zip(pair.inputs, dtypes, strict=True))
    ]


def _cast(pair: Pair, name: str, wanted: DType, part: str | None = None) -> str:
    kinds = pair.e.sheet.onnx.TensorProto
    to = {"real": pair.e.sheet.real, "int": kinds.INT64, "bool": kinds.BOOL}[wanted]
    return pair.write("Cast", name, part=part, to=to)


def _plain(op: str) -> Write:
    """The operator of the same meaning, on numbers of one kind."""
    return lambda pair: pair.write(op, *_promoted(pair))


def _comparison(op: str, invert: bool = False) -> Write:
    def write(pair: Pair) -> str:
        dtypes = [value.type.dtype for value in pair.node.inputs]
        wanted = promote(*dtypes)
        names = [
            name if dtype == wanted else _cast(pair, name, wanted, f"cast{k}")
            for k, (name, dtype) in enumerate(zip(pair.inputs, dtypes, strict=True))
        ]
        if not invert:
            return pair.write(op, *names)
        return pair.write("Not", pair.write(op, *names, part="same"))

    return write


def _select(pair: Pair) -> str:
    condition, *branches = pair.inputs
    wanted = pair.node.outputs[0].type.dtype
    dtypes = [value.type.dtype for value in pair.node.inputs[1:]]
    ready = [
        name if dtype == wanted else _cast(pair, name, wanted, f"cast{k}")
        for k, (name, dtype) in enumerate(zip(branches, dtypes, strict=True))
    ]
    return pair.write("Where", condition, *ready)


def _sized(pair: Pair) -> list[int | None]:
    """The sizes of the output; None for the number of examples."""
    found: list[int | None] = []
    for size, other in zip(pair.node.outputs[0].shape, pair.twin.outputs[0].shape, strict=True):
        found.append(size if size == other else None)
    return found


def _reshape(pair: Pair) -> str:
    sizes = _sized(pair)
    if sizes.count(None) > 1:
        raise Untranslatable("gives an array that has several axes over examples")
    shape = pair.integers("shape", [-1 if size is None else size for size in sizes])
    return pair.write("Reshape", pair.inputs[0], shape)


def _broadcast(pair: Pair) -> str:
    sizes = _sized(pair)
    parts: list[str] = []
    for k, size in enumerate(sizes):
        if size is None and (pair.node.outputs[0].shape[k], pair.twin.outputs[0].shape[k]) != _numbers(pair):
            raise Untranslatable("makes copies whose number depends on that of the examples")
        parts.append(pair.examples() if size is None else pair.integers(f"size{k}", [size]))
    if sizes.count(None) > 1:
        raise Untranslatable("gives an array that has several axes over examples")
    shape = pair.write("Concat", *parts, part="shape", axis=0) if parts else pair.integers("shape", [])
    return pair.write("Expand", pair.inputs[0], shape)


def _numbers(pair: Pair) -> tuple[int, int]:
    """The two numbers of examples."""
    from engine.models.exchange.emit_expr import EXAMPLES

    first, second = EXAMPLES
    return first, second


def _strided(pair: Pair) -> str:
    starts, ends, axes, steps = [], [], [], []
    slices, others = pair.node.params["slices"], pair.twin.params["slices"]
    given = zip(pair.node.inputs[0].shape, pair.twin.inputs[0].shape, strict=True)
    for axis, ((size, twin), (start, count, step), other) in enumerate(zip(given, slices, others, strict=True)):
        whole = start == 0 and step == 1 and count == size
        if whole and other == (0, twin, 1):
            continue
        if other != (start, count, step):
            raise Untranslatable("takes a part of the axis over examples")
        end = start + count * step
        starts.append(start)
        # Below 0 would count from the end.
        ends.append(-(2**62) if end < 0 else end)
        axes.append(axis)
        steps.append(step)
    if not axes:
        return pair.write("Identity", pair.inputs[0])
    lists = {"starts": starts, "ends": ends, "axes": axes, "steps": steps}
    return pair.write("Slice", pair.inputs[0], *(pair.integers(name, values) for name, values in lists.items()))


def _reduction(op: str, listed: bool = False) -> Write:
    """Over axes, which are an input where the operator was changed to that already."""

    def write(pair: Pair) -> str:
        axes = pair.axes()
        if not axes:
            return pair.write("Identity", pair.inputs[0])
        if listed:
            return pair.write(op, pair.inputs[0], pair.integers("axes", axes), keepdims=0)
        return pair.write(op, pair.inputs[0], axes=axes, keepdims=0)

    return write


def _centred(pair: Pair) -> str:
    mean = pair.write("ReduceMean", pair.inputs[0], part="mean", axes=pair.axes(), keepdims=1)
    return pair.write("Sub", pair.inputs[0], mean)


def _logarithm(base: float) -> Write:
    def write(pair: Pair) -> str:
        scale = pair.e.number(pair.local("scale"), 1.0 / math.log(base))
        return pair.write("Mul", pair.write("Log", *_promoted(pair), part="natural"), scale)

    return write


def _sloped(op: str, option: str) -> Write:
    return lambda pair: sloped(pair.e, op, pair.inputs[0], float(str(pair.fixed(option))), pair.part)


def _stack(pair: Pair) -> str:
    axis = pair.integers("axis", [0])
    parts = [pair.write("Unsqueeze", name, axis, part=f"row{k}") for k, name in enumerate(pair.inputs)]
    return pair.write("Concat", *parts, axis=0)


def _transpose(pair: Pair) -> str:
    return pair.write("Transpose", pair.inputs[0], perm=pair.axes())


def _concatenate(pair: Pair) -> str:
    axis = pair.fixed("axis")
    return pair.write("Concat", *_promoted(pair), axis=axis)


_BINARY = {
    "add": "Add",
    "subtract": "Sub",
    "multiply": "Mul",
    "divide": "Div",
    "power": "Pow",
    "minimum": "Min",
    "maximum": "Max",
    "logical_and": "And",
    "logical_or": "Or",
    "logical_xor": "Xor",
    "matmul": "MatMul",
}
_UNARY = {
    "negative": "Neg",
    "reciprocal": "Reciprocal",
    "abs": "Abs",
    "sign": "Sign",
    "floor": "Floor",
    "ceil": "Ceil",
    "round": "Round",
    "exp": "Exp",
    "log": "Log",
    "sqrt": "Sqrt",
    "sin": "Sin",
    "cos": "Cos",
    "tan": "Tan",
    "asin": "Asin",
    "acos": "Acos",
    "atan": "Atan",
    "sinh": "Sinh",
    "cosh": "Cosh",
    "tanh": "Tanh",
    "asinh": "Asinh",
    "acosh": "Acosh",
    "atanh": "Atanh",
    "erf": "Erf",
    "relu": "Relu",
    "sigmoid": "Sigmoid",
    "softplus": "Softplus",
    "softsign": "Softsign",
    "logical_not": "Not",
    "stop_gradient": "Identity",
}
PRIMITIVES: Mapping[str, Write] = {
    **{name: _plain(op) for name, op in (_BINARY | _UNARY).items()},
    "less": _comparison("Less"),
    "less_equal": _comparison("LessOrEqual"),
    "greater": _comparison("Greater"),
    "greater_equal": _comparison("GreaterOrEqual"),
    "equal": _comparison("Equal"),
    "not_equal": _comparison("Equal", invert=True),
    "square": lambda pair: pair.write("Mul", pair.inputs[0], pair.inputs[0]),
    "log2": _logarithm(2.0),
    "log10": _logarithm(10.0),
    "leaky_relu": _sloped("LeakyRelu", "slope"),
    "elu": _sloped("Elu", "alpha"),
    "gelu": lambda pair: gelu(pair.e, pair.inputs[0], pair.part),
    "silu": lambda pair: silu(pair.e, pair.inputs[0], pair.part),
    "log_sigmoid": lambda pair: log_sigmoid(pair.e, pair.inputs[0], pair.part),
    "select": _select,
    "cast": lambda pair: _cast(pair, pair.inputs[0], pair.node.outputs[0].type.dtype),
    "reshape": _reshape,
    "broadcast_to": _broadcast,
    "transpose": _transpose,
    "strided": _strided,
    "concatenate": _concatenate,
    "stack": _stack,
    "element": lambda pair: pair.write(
        "Gather", pair.inputs[0], pair.e.number(pair.local("place"), np.array(pair.fixed("index"))), axis=0
    ),
    "sum": _reduction("ReduceSum", listed=True),
    "prod": _reduction("ReduceProd"),
    "max": _reduction("ReduceMax"),
    "min": _reduction("ReduceMin"),
    "norm": _reduction("ReduceL2"),
    "logsumexp": _reduction("ReduceLogSumExp"),
    "softmax": lambda pair: pair.write("Softmax", pair.inputs[0], axis=pair.one_axis()),
    "log_softmax": lambda pair: pair.write("LogSoftmax", pair.inputs[0], axis=pair.one_axis()),
    "cumsum": lambda pair: pair.write(
        "CumSum", pair.inputs[0], pair.e.number(pair.local("axis"), np.array(pair.one_axis(), dtype=np.int64))
    ),
    "centre": _centred,
}
"""How each is written, by name; one that is missing has no equivalent, or none of the same accuracy."""
