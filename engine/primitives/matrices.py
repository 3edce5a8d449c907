"""What all matrix primitives share: demands on shapes, stacks in which some matrices fail, and twins in mpmath."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

import numpy as np

from engine.errors import ShapeMismatch
from engine.graph.primitive import Primitive
from engine.graph.types import Array, Type, describe
from engine.graph.values import Node, Value
from engine.primitives.products import swap_last
from engine.primitives.record import linear


def matrix_type(x: Type, name: str) -> tuple[int, int]:
    """Rows and columns of the last two axes; `ShapeMismatch` where there are fewer axes."""
    if len(x.shape) < 2:
        raise ShapeMismatch(f"{name} needs a matrix and got {describe(x.shape)}.")
    return x.shape[-2], x.shape[-1]


def square_type(x: Type, name: str, hint: str | None = None) -> int:
    """The size of a square matrix; `ShapeMismatch` for any other shape."""
    rows, columns = matrix_type(x, name)
    if rows != columns:
        raise ShapeMismatch(
            f"{name} needs a square matrix and got {x.shape}: {rows} rows, {columns} columns.", hint=hint
        )
    return rows


def symmetrised(x: Value) -> Value:
    """The mean of a matrix and its transpose."""
    return (x + swap_last(x)) * 0.5


def symmetric_part(x: Any) -> Any:
    """The mean of a matrix and its transpose, on arrays; halved first, so that it does not overflow."""
    half = x / 2
    return half + np.swapaxes(half, -1, -2)


def count(type: Type) -> int:
    """The number of matrices in a stack."""
    return int(np.prod(type.shape[:-2], dtype=np.int64))


def measured(call: float, each: float, square: float, cube: float) -> Callable[[Node], float]:
    """Nanoseconds by the number and size n of the matrices in the first input: a call, and for each one n² and n³."""

    def cost(node: Node) -> float:
        type = node.inputs[0].type
        n = type.shape[-1]
        return call + count(type) * (each + square * n**2 + cube * n**3)

    return cost


def or_nan(compute: Callable[..., Any], *stacks: Any) -> Any:
    """`compute` on stacks of matrices, with NaN for each matrix on which numpy raises `LinAlgError`.

    The NaN keeps its place in the stack and in the graph, where an error would take the whole request down without
    saying which operation failed.
    """
    with np.errstate(all="ignore"):
        try:
            return compute(*stacks)
        except np.linalg.LinAlgError:
            lead = np.broadcast_shapes(*[s.shape[:-2] for s in stacks])
            full = [np.broadcast_to(s, lead + s.shape[-2:]) for s in stacks]
            return _restacked([_one_or_nan(compute, [f[i] for f in full]) for i in np.ndindex(lead)], lead)


def _one_or_nan(compute: Callable[..., Any], matrices: list[Array]) -> Any:
    try:
        return compute(*matrices)
    except np.linalg.LinAlgError:
        result = compute(*[np.eye(*m.shape) for m in matrices])
        return tuple(r * np.nan for r in result) if isinstance(result, tuple) else result * np.nan


def _restacked(results: list[Any], lead: tuple[int, ...]) -> Any:
    if isinstance(results[0], tuple):
        return tuple(_restacked(list(part), lead) for part in zip(*results, strict=True))
    if not lead:
        return results[0]
    first = np.asarray(results[0])
    stack = np.empty((len(results), *first.shape), dtype=first.dtype)
    for i, result in enumerate(results):
        stack[i] = result
    return stack.reshape(lead + first.shape)


def each_matrix(twin: Callable[..., Any]) -> Callable[..., Any]:
    """A twin for one matrix of each argument as a twin for stacks of them; its library comes first."""

    @wraps(twin)
    def stacked(library: Any, *stacks: Any, **params: Any) -> Any:
        lead = np.broadcast_shapes(*[s.shape[:-2] for s in stacks])
        full = [np.broadcast_to(s, lead + s.shape[-2:]) for s in stacks]
        return _restacked([twin(library, *[f[i] for f in full], **params) for i in np.ndindex(lead)], lead)

    return stacked


def from_mp(matrix: Any) -> Any:
    """A matrix of mpmath as an object array."""
    result = np.empty((matrix.rows, matrix.cols), dtype=object)
    for i, j in np.ndindex(result.shape):
        result[i, j] = matrix[i, j]
    return result


def to_floats(matrix: Any) -> Array:
    """An object array rounded to float64."""
    return np.array([float(x) for x in matrix.ravel()]).reshape(matrix.shape)


def nans(mp: Any, shape: tuple[int, ...]) -> Any:
    """An object array of mpmath's NaN."""
    return np.full(shape, mp.nan, dtype=object)


def eliminate(matrix: Any, right: Any) -> tuple[Any, Any]:
    """The solution of `matrix @ x = right` and the determinant, on object arrays; None and 0 for a singular matrix."""
    n = len(matrix)
    work = np.concatenate([matrix, right], axis=1)
    det: Any = 1
    for k in range(n):
        pivot = max(range(k, n), key=lambda i: abs(work[i, k]))
        if work[pivot, k] == 0:
            return None, 0 * work[pivot, k]
        if pivot != k:
            work[[k, pivot]] = work[[pivot, k]]
            det = -det
        det = det * work[k, k]
        work[k + 1 :] -= np.multiply.outer(work[k + 1 :, k] / work[k, k], work[k])
    for k in reversed(range(n)):
        work[k, n:] = work[k, n:] / work[k, k]
        work[:k, n:] -= np.multiply.outer(work[:k, k], work[k, n:])
    return work[:, n:], det


def _triangle_value(x: Any, *, lower: bool, diagonal: float) -> Any:
    result = np.array(np.tril(x) if lower else np.triu(x))
    if diagonal != 1:
        step = np.arange(min(x.shape[-2:]))
        result[..., step, step] = result[..., step, step] * diagonal
    return result


def _triangle_cotangent(cotangent: Value, node: Node) -> Value:
    return triangle(cotangent, **node.params)


# One triangle of a matrix, with its diagonal multiplied by a number.
triangle: Primitive = linear(
    "triangle",
    lambda x, *, lower, diagonal: (x,),
    _triangle_value,
    _triangle_cotangent,
    lambda node, inputs, batched, size: [triangle(inputs[0], **node.params)],
    nanoseconds=2.0,
)
