"""Functions that make arrays.  None of them allocates more than the limit, nor anything large at compile time."""

from __future__ import annotations

from math import ceil, isfinite

import numpy as np

from engine.errors import Limit, LimitExceeded, ShapeMismatch, TypeMismatch
from engine.graph.build import constant, current
from engine.graph.types import DType, Type
from engine.graph.values import Value
from engine.primitives import shape as structural
from engine.primitives.arithmetic import less_equal, select
from engine.primitives.function import Example, Shape, function
from engine.primitives.functions_reduce import as_real
from engine.primitives.functions_shape import sizes

_SQUARE = {"x": [[1.0, 2.0, 3.0], [4.0, 5.0, 6.0], [7.0, 8.0, 9.0]]}
_ROW = {"x": [1.0, 2.0, 3.0]}


def reserve(type: Type) -> None:
    """Raise `LimitExceeded` if an array of this type is larger than the builder allows: asked before numpy makes it."""
    builder = current()
    if type.bytes > builder.limits.array_bytes:
        raise LimitExceeded(
            f"This would make an array of shape {type.shape}, {type.bytes:,} bytes; "
            f"{builder.limits.array_bytes:,} are allowed.",
            span=builder.span,
            limit=Limit("array_bytes", builder.limits.array_bytes, type.bytes),
        )


def _filled(value: float | int | bool, dtype: DType, shape: Shape) -> Value:
    return structural.broadcast_to(constant(value, dtype), shape=sizes(shape))


@function(
    "creation",
    differentiable=False,
    examples=(Example("zeros(3)"), Example("zeros((2, 3))")),
    reference=np.zeros,
)
def zeros(shape: Shape) -> Value:
    """Zeros in the given shape."""
    return _filled(0.0, "real", shape)


@function(
    "creation",
    differentiable=False,
    examples=(Example("ones(3)"), Example("ones((2, 3))")),
    reference=np.ones,
)
def ones(shape: Shape) -> Value:
    """Ones in the given shape."""
    return _filled(1.0, "real", shape)


@function(
    "creation", examples=(Example("full((2, 3), x)", {"x": 1.5}), Example("full((2, 3), x)", _ROW)), reference=np.full
)
def full(shape: Shape, value: Value) -> Value:
    """One value in the given shape."""
    return structural.broadcast_to(value, shape=sizes(shape))


@function("creation", differentiable=False, examples=(Example("zeros_like(x)", _ROW),), reference=np.zeros_like)
def zeros_like(x: Value) -> Value:
    """Zeros in the shape and dtype of x."""
    return _filled(0, x.type.dtype, x.shape)


@function("creation", differentiable=False, examples=(Example("ones_like(x)", _ROW),), reference=np.ones_like)
def ones_like(x: Value) -> Value:
    """Ones in the shape and dtype of x."""
    return _filled(1, x.type.dtype, x.shape)


@function(
    "creation",
    differentiable=False,
    aliases=("identity",),
    examples=(Example("eye(3)"), Example("eye(2, 4)"), Example("eye(4, 2)")),
    reference=np.eye,
)
def eye(n: int, m: int | None = None) -> Value:
    """The identity matrix, n by n, or n by m with ones on its diagonal."""
    rows, columns = sizes((n, n if m is None else m))
    return _on_diagonal(_filled(1.0, "real", min(rows, columns)), rows, columns, 0)


def _on_diagonal(x: Value, rows: int, columns: int, start: int) -> Value:
    """A matrix of zeros whose diagonal, from element number `start` in reading order, is x."""
    slices = ((start, x.shape[0], columns + 1),)
    return structural.reshape(structural.unstrided(x, shape=(rows * columns,), slices=slices), shape=(rows, columns))


@function(
    "creation",
    note="k > 0 is above the main diagonal, k < 0 below it.",
    examples=(
        Example("diag(x)", _ROW),
        Example("diag(x, 1)", _ROW),
        Example("diag(x, k=-2)", _ROW),
        Example("diag(x)", _SQUARE),
        Example("diag(x, 1)", _SQUARE),
        Example("diag(x, k=-1)", _SQUARE),
    ),
    reference=np.diag,
)
def diag(x: Value, k: int = 0) -> Value:
    """The diagonal of a matrix; of a vector, the matrix that has it on its diagonal."""
    if x.rank == 1:
        n = x.shape[0] + abs(k)
        return _on_diagonal(x, n, n, k if k >= 0 else -k * n)
    if x.rank != 2:
        raise ShapeMismatch(f"diag takes a vector or a matrix, and got an array with {x.rank} axes.")
    rows, columns = x.shape
    count = max(0, min(rows, columns - k) if k >= 0 else min(rows + k, columns))
    start = (k if k >= 0 else -k * columns) if count else 0
    flat = structural.reshape(x, shape=(rows * columns,))
    return structural.strided(flat, slices=((start, count, columns + 1),))


def _below(x: Value, k: int, name: str) -> Value:
    """True at row i, column j where j - i <= k."""
    if x.rank < 2:
        raise ShapeMismatch(f"{name} needs a matrix, and got an array with {x.rank} axes.")
    rows, columns = x.shape[-2:]
    return less_equal(constant(np.arange(columns)), constant(np.arange(rows)[:, None] + k))


@function("creation", examples=(Example("tril(x)", _SQUARE), Example("tril(x, -1)", _SQUARE)), reference=np.tril)
def tril(x: Value, k: int = 0) -> Value:
    """The lower triangle: zeros above diagonal number k."""
    return select(_below(x, k, "tril"), x, constant(0, x.type.dtype))


@function("creation", examples=(Example("triu(x)", _SQUARE), Example("triu(x, k=1)", _SQUARE)), reference=np.triu)
def triu(x: Value, k: int = 0) -> Value:
    """The upper triangle: zeros below diagonal number k."""
    return select(_below(x, k - 1, "triu"), constant(0, x.type.dtype), x)


@function(
    "creation",
    differentiable=False,
    note="Integers if all arguments are integers. The end does not belong to it.",
    examples=(Example("arange(5)"), Example("arange(2, 7, 2)"), Example("arange(1.0, 0.0, -0.25)")),
    reference=np.arange,
)
def arange(start: float, stop: float | None = None, step: float = 1) -> Value:
    """Numbers from start (0 if only the end is given) up to stop, by step."""
    low, high = (0, start) if stop is None else (start, stop)
    if not step or not all(isfinite(n) for n in (low, high, step)):
        raise TypeMismatch("arange needs finite numbers and a step other than 0.")
    span = high - low
    count = max(0, -(-span // step) if isinstance(span, int) and isinstance(step, int) else _steps(span / step))
    dtype: DType = "int" if all(isinstance(n, int) for n in (low, high, step)) else "real"
    reserve(Type(dtype, (int(count),)))
    return constant(low + np.arange(count) * step, dtype)


def _steps(count: float) -> int:
    return ceil(min(max(count, 0.0), 1e300))


@function(
    "creation",
    note="start and stop may be arrays of one shape: the new axis comes first. Both ends are exact.",
    examples=(
        Example("linspace(a, b, 5)", {"a": 1.0, "b": 3.5}),
        Example("linspace(a, b, num=1)", {"a": 1.0, "b": 3.5}),
        Example("linspace(a, b, 3)", {"a": [1.0, 2.0], "b": [2.0, 0.5]}),
    ),
    reference=np.linspace,
)
def linspace(start: Value, stop: Value, num: int = 50) -> Value:
    """Evenly spaced numbers from start to stop, both included."""
    (count,) = sizes(num)
    start, stop = as_real(start), as_real(stop)
    whole = stop - start
    reserve(Type("real", (count, *whole.shape)))
    steps = max(count - 1, 1)
    # Counted from the nearer end, so that both are met exactly.
    left = constant((np.arange((count + 1) // 2) / steps).reshape((-1,) + (1,) * whole.rank))
    right = constant((np.arange(count // 2)[::-1] / steps).reshape((-1,) + (1,) * whole.rank))
    return structural.concatenate(start + whole * left, stop - whole * right, axis=0)
