"""Inverses and linear systems."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from scipy.linalg.blas import dtrsm

from engine.errors import ShapeMismatch
from engine.graph.build import emit
from engine.graph.primitive import Cotangents, Primitive
from engine.graph.registry import register
from engine.graph.types import Array, Type, broadcast
from engine.graph.values import Node, Value
from engine.primitives.matrices import (
    count,
    each_matrix,
    eliminate,
    from_mp,
    matrix_type,
    measured,
    nans,
    or_nan,
    square_type,
    triangle,
)
from engine.primitives.products import swap_last
from engine.primitives.record import align, leading_axes, sum_to
from engine.primitives.shape import reshape, transpose

LEAST_SQUARES = "pinv(A) @ b is the least-squares solution"
SYMBOLIC_SIZE = 4
"""Larger matrices of symbols make expressions that nobody waits for."""


def regular(A: Any, *rest: Any) -> Array:
    """True for each matrix whose LU factors have no pivot 0."""
    with np.errstate(all="ignore"):
        return np.asarray(np.linalg.slogdet(A)[0] != 0)


def _inv_types(A: Type) -> tuple[Type]:
    square_type(A, "inv", hint="pinv(A) inverts rectangular matrices")
    return (A,)


def _inv_vjp(node: Node, cotangents: Cotangents, wanted: Sequence[bool]) -> Cotangents:
    (cotangent,), (out,) = cotangents, node.outputs
    assert cotangent is not None
    flipped = swap_last(out)
    return [-(flipped @ cotangent @ flipped)]


@each_matrix
def _inv_precise(mp: Any, A: Any) -> Any:
    solution, _ = eliminate(A, np.eye(len(A), dtype=np.int64).astype(object))
    return nans(mp, A.shape) if solution is None else solution


@each_matrix
def _inv_symbolic(sympy: Any, A: Any) -> Any:
    return np.array(sympy.Matrix(small(A)).inv(method="ADJ").tolist(), dtype=object).reshape(A.shape)


def small(A: Any) -> Any:
    """The rows of a matrix of symbols; `TypeError` where it is too large for them."""
    if len(A) > SYMBOLIC_SIZE:
        raise TypeError(f"symbolic matrices are not larger than {SYMBOLIC_SIZE}")
    return A.tolist()


inv: Primitive = register(
    Primitive(
        name="inv",
        infer=_inv_types,
        value=lambda A: or_nan(np.linalg.inv, A),
        vjp=_inv_vjp,
        batch=leading_axes,
        precise=_inv_precise,
        symbolic=_inv_symbolic,
        whole_arrays=True,
        domain="A is not singular",
        inside=regular,
        cost=measured(6000.0, 200.0, 12.0, 0.12),
    )
)


def _solve_types(A: Type, B: Type) -> tuple[Type]:
    n = square_type(A, "solve", hint=LEAST_SQUARES)
    rows, columns = matrix_type(B, "solve")
    if rows != n:
        raise ShapeMismatch(f"A is {A.shape} and the right-hand side is {B.shape}; the sizes {n} and {rows} differ.")
    return (Type(A.dtype, (*broadcast(A.shape[:-2], B.shape[:-2]), n, columns)),)


def _solve_vjp(node: Node, cotangents: Cotangents, wanted: Sequence[bool]) -> Cotangents:
    (cotangent,), (A, B), (out,) = cotangents, node.inputs, node.outputs
    assert cotangent is not None
    pulled = solve(swap_last(A), cotangent)
    to_a = sum_to(-(pulled @ swap_last(out)), A.shape) if wanted[0] else None
    return [to_a, sum_to(pulled, B.shape) if wanted[1] else None]


def _solve_batch(node: Node, inputs: Sequence[Value], batched: Sequence[bool], size: int) -> Sequence[Value]:
    A, B = inputs
    if not batched[0] and A.rank == 2 and B.rank == 3:
        # One matrix for all: the batch becomes columns, so that the matrix is factored once.
        n, m = B.shape[1:]
        columns = reshape(transpose(B, axes=(1, 0, 2)), shape=(n, size * m))
        solution = emit(node.primitive, [A, columns], node.params)[0]
        return [transpose(reshape(solution, shape=(n, size, m)), axes=(1, 0, 2))]
    rank = node.outputs[0].rank
    return emit(node.primitive, [align(v, flag, rank) for v, flag in zip(inputs, batched, strict=True)], node.params)


@each_matrix
def _solve_precise(mp: Any, A: Any, B: Any) -> Any:
    solution, _ = eliminate(A, B)
    return nans(mp, B.shape) if solution is None else solution


@each_matrix
def _solve_symbolic(sympy: Any, A: Any, B: Any) -> Any:
    solution = sympy.Matrix(small(A)).inv(method="ADJ") * sympy.Matrix(B.tolist())
    return np.array(solution.tolist(), dtype=object).reshape(B.shape)


def _solve_cost(node: Node) -> float:
    out = node.outputs[0]
    n, m = out.shape[-2:]
    return 7000.0 + count(out.type) * (200.0 + 12.0 * n**2 + 0.035 * n**3 + 0.08 * n**2 * m)


solve: Primitive = register(
    Primitive(
        name="solve",
        infer=_solve_types,
        value=lambda A, B: or_nan(np.linalg.solve, A, B),
        vjp=_solve_vjp,
        batch=_solve_batch,
        precise=_solve_precise,
        symbolic=_solve_symbolic,
        whole_arrays=True,
        domain="A is not singular",
        inside=regular,
        cost=_solve_cost,
    )
)


def _triangular_types(L: Type, B: Type, *, lower: bool, transposed: bool) -> tuple[Type]:
    n = square_type(L, "triangular_solve")
    rows, columns = matrix_type(B, "triangular_solve")
    if rows != n:
        raise ShapeMismatch(f"L is {L.shape} and the right-hand side is {B.shape}; the sizes {n} and {rows} differ.")
    return (Type(L.dtype, (*broadcast(L.shape[:-2], B.shape[:-2]), n, columns)),)


def _triangular_value(L: Any, B: Any, *, lower: bool, transposed: bool) -> Any:
    lead = np.broadcast_shapes(L.shape[:-2], B.shape[:-2])
    out = np.empty(lead + B.shape[-2:])
    L, B = (np.broadcast_to(x, lead + x.shape[-2:]) for x in (L, B))
    if not out.size:
        return out
    for i in np.ndindex(lead):
        # BLAS counts along columns: a row-major matrix is its own transpose there, and need not be copied.
        out[i] = dtrsm(1.0, L[i].T, B[i], lower=not lower, trans_a=not transposed)
    return out


def _triangular_vjp(node: Node, cotangents: Cotangents, wanted: Sequence[bool]) -> Cotangents:
    (cotangent,), (L, B), (out,) = cotangents, node.inputs, node.outputs
    assert cotangent is not None
    lower, transposed = node.params["lower"], node.params["transposed"]
    pulled = triangular_solve(L, cotangent, lower=lower, transposed=not transposed)
    to_l = None
    if wanted[0]:
        product = out @ swap_last(pulled) if transposed else pulled @ swap_last(out)
        to_l = sum_to(-triangle(product, lower=lower, diagonal=1.0), L.shape)
    return [to_l, sum_to(pulled, B.shape) if wanted[1] else None]


@each_matrix
def _triangular_precise(mp: Any, L: Any, B: Any, *, lower: bool, transposed: bool) -> Any:
    if any(x == 0 for x in np.diagonal(L)):
        return nans(mp, B.shape)
    L = np.tril(L) if lower else np.triu(L)
    return eliminate(L.T if transposed else L, B)[0]


def _triangular_cost(node: Node) -> float:
    out = node.outputs[0]
    n, m = out.shape[-2:]
    return 12000.0 + count(out.type) * (3000.0 + 2.0 * n**2 + 0.04 * n**2 * m)


# op(L) X = B with the triangle of L that `lower` names (the other is never read) and op the transpose if `transposed`.
triangular_solve: Primitive = register(
    Primitive(
        name="triangular_solve",
        infer=_triangular_types,
        value=_triangular_value,
        vjp=_triangular_vjp,
        batch=_solve_batch,
        precise=_triangular_precise,
        whole_arrays=True,
        domain="no 0 on the diagonal of L",
        inside=lambda L, B: np.asarray(np.all(np.diagonal(L, axis1=-2, axis2=-1) != 0, axis=-1)),
        cost=_triangular_cost,
    )
)


def _pinv_types(A: Type) -> tuple[Type]:
    rows, columns = matrix_type(A, "pinv")
    return (Type(A.dtype, (*A.shape[:-2], columns, rows)),)


def _pinv_value(A: Any) -> Any:
    return or_nan(lambda a: np.linalg.pinv(a, rcond=max(a.shape[-2:]) * np.finfo(float).eps), A)


def _pinv_vjp(node: Node, cotangents: Cotangents, wanted: Sequence[bool]) -> Cotangents:
    """Golub and Pereyra (1973), theorem 4.3, transposed; it holds where the rank is constant."""
    (cotangent,), (A,), (P,) = cotangents, node.inputs, node.outputs
    assert cotangent is not None
    flipped, back = swap_last(P), swap_last(cotangent)
    right = back @ P @ flipped
    left = flipped @ P @ back
    return [right - A @ (P @ right) + (left - (left @ P) @ A) - flipped @ cotangent @ flipped]


@each_matrix
def _pinv_precise(mp: Any, A: Any) -> Any:
    U, s, V = mp.svd_r(mp.matrix(A.tolist()), full_matrices=False)
    least = max(A.shape) * mp.eps * s[0]
    U, V = from_mp(U), from_mp(V)
    total = mp.mpf(0) * A.T
    for k in range(len(s)):
        if s[k] > least:
            total = total + np.multiply.outer(V[k], U[:, k]) / s[k]
    return total


pinv: Primitive = register(
    Primitive(
        name="pinv",
        infer=_pinv_types,
        value=_pinv_value,
        vjp=_pinv_vjp,
        batch=leading_axes,
        precise=_pinv_precise,
        whole_arrays=True,
        domain="the rank of A does not change nearby",
        cost=lambda node: 1.5 * svd_cost(node.inputs[0].type),
    )
)


def svd_cost(type: Type) -> float:
    """Measured nanoseconds of the reduced singular value decompositions of a stack."""
    m, n = type.shape[-2:]
    k = min(m, n)
    return 13000.0 + count(type) * (1000.0 + 100.0 * k**2 + 0.6 * m * n * k)
