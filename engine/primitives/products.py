"""Matrix products and contractions: linear in each operand."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from engine.errors import ShapeMismatch
from engine.graph.build import emit
from engine.graph.primitive import Cotangents, Primitive
from engine.graph.registry import register
from engine.graph.types import Type, broadcast
from engine.graph.values import Node, Value
from engine.primitives.record import align, sum_to
from engine.primitives.shape import transpose

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
matmul = register(
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


def _terms(spec: str) -> tuple[list[str], str]:
    left, right = spec.split("->")
    return left.split(","), right


def _sizes(terms: Sequence[str], shapes: Sequence[tuple[int, ...]]) -> dict[str, int]:
    sizes: dict[str, int] = {}
    for term, shape in zip(terms, shapes, strict=True):
        for letter, size in zip(term, shape, strict=True):
            if sizes.setdefault(letter, size) != size:
                raise ShapeMismatch(f"index {letter!r} of einsum has sizes {sizes[letter]} and {size}.")
    return sizes


def _einsum_types(*types: Type, spec: str) -> tuple[Type]:
    terms, out = _terms(spec)
    sizes = _sizes(terms, [t.shape for t in types])
    return (Type(types[0].dtype, tuple(sizes[letter] for letter in out)),)


def _einsum_value(*arrays: Any, spec: str) -> Any:
    if arrays[0].dtype == object or len(arrays) < 2:
        return np.einsum(spec, *arrays)
    return np.einsum(spec, *arrays, optimize=True)


def _einsum_vjp(node: Node, cotangents: Cotangents, wanted: Sequence[bool]) -> Cotangents:
    (cotangent,) = cotangents
    assert cotangent is not None
    terms, out = _terms(node.params["spec"])
    result: list[Value | None] = []
    for i, want in enumerate(wanted):
        others = [j for j in range(len(terms)) if j != i]
        spec = ",".join([out, *[terms[j] for j in others]]) + "->" + terms[i]
        result.append(einsum(cotangent, *[node.inputs[j] for j in others], spec=spec) if want else None)
    return result


def _einsum_batch(node: Node, inputs: Sequence[Value], batched: Sequence[bool], size: int) -> Sequence[Value]:
    terms, out = _terms(node.params["spec"])
    used = set(node.params["spec"])
    letter = next(c for c in LETTERS if c not in used)
    spec = ",".join(letter + t if flag else t for t, flag in zip(terms, batched, strict=True))
    return emit(einsum, inputs, {"spec": f"{spec}->{letter}{out}"})


LETTERS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"


def _einsum_cost(node: Node) -> float:
    terms, _ = _terms(node.params["spec"])
    total = 1.0
    for size in _sizes(terms, [v.shape for v in node.inputs]).values():
        total *= size
    return total * 0.5


# No letter is repeated within a term, and each letter of a term is in the output or in another term: what einsum in the
# language allows beyond that is made of diagonals and sums first (functions.einsum), so that this is its own transpose.
einsum = register(
    Primitive(
        name="einsum",
        infer=_einsum_types,
        value=_einsum_value,
        vjp=_einsum_vjp,
        batch=_einsum_batch,
        whole_arrays=True,
        kind="multilinear",
        cost=_einsum_cost,
    )
)
