"""The matrix product, linear in each operand; contractions are made of it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from engine.errors import ShapeMismatch
from engine.graph.primitive import Cotangents, Primitive
from engine.graph.registry import register
from engine.graph.types import Type, broadcast
from engine.graph.values import Node, Value
from engine.primitives.record import align, sum_to
from engine.primitives.shape import transpose

LETTERS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
"""Names of indices."""
MATMUL_NANOSECONDS = 0.1
"""Per multiply-add, one thread; measured 0.04 to 0.1."""


def _matmul_types(a: Type, b: Type) -> tuple[Type]:
    if a.shape[-1] != b.shape[-2]:
        raise ShapeMismatch(
            f"the left is {a.shape} and the right is {b.shape}; the inner sizes {a.shape[-1]} and {b.shape[-2]} differ."
        )
    return (Type(a.dtype, (*broadcast(a.shape[:-2], b.shape[:-2]), a.shape[-2], b.shape[-1])),)


def swap_last(x: Value) -> Value:
    """The matrix transpose of the last two axes."""
    axes = (*range(x.rank - 2), x.rank - 1, x.rank - 2)
    return transpose(x, axes=axes)


def _matmul_vjp(node: Node, cotangents: Cotangents, wanted: Sequence[bool]) -> Cotangents:
    (cotangent,), (a, b) = cotangents, node.inputs
    assert cotangent is not None
    to_a = sum_to(matmul(cotangent, swap_last(b)), a.shape) if wanted[0] else None
    to_b = sum_to(matmul(swap_last(a), cotangent), b.shape) if wanted[1] else None
    return [to_a, to_b]


def _matmul_batch(node: Node, inputs: Sequence[Value], batched: Sequence[bool], size: int) -> Sequence[Value]:
    rank = node.outputs[0].rank
    return [matmul(*[align(v, flag, rank) for v, flag in zip(inputs, batched, strict=True)])]


# Both operands have at least two axes; leading axes broadcast.
matmul: Primitive = register(
    Primitive(
        name="matmul",
        infer=_matmul_types,
        value=np.matmul,
        vjp=_matmul_vjp,
        batch=_matmul_batch,
        whole_arrays=True,
        kind="multilinear",
        cost=lambda node: node.outputs[0].type.size * node.inputs[0].shape[-1] * MATMUL_NANOSECONDS,
    )
)
