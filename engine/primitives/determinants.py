"""The determinant and its derivatives of every order, without division: right for singular matrices too."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import permutations
from math import factorial
from typing import Any

import numpy as np
from scipy.linalg import det as lu_det
from scipy.linalg.lapack import dgetrf, dgetri

from engine.errors import Unsupported
from engine.graph.primitive import Cotangents, Primitive
from engine.graph.registry import PRIMITIVES, register
from engine.graph.types import Array, Type
from engine.graph.values import Node, Value
from engine.primitives.inverses import SYMBOLIC_SIZE, inv, regular, small
from engine.primitives.matrices import count, each_matrix, eliminate, measured, or_nan, square_type
from engine.primitives.products import LETTERS, swap_last
from engine.primitives.record import leading_axes
from engine.primitives.shape import reshape


def _det_types(A: Type) -> tuple[Type]:
    square_type(A, "det")
    return (Type(A.dtype, A.shape[:-2]),)


def _det_value(A: Any) -> Any:
    n = A.shape[-1]
    with np.errstate(all="ignore"):
        if n <= 3:
            value = _expanded(A)
            if np.all(np.isfinite(value)):
                return value
        value = lu_det(A, check_finite=False) if A.size else np.ones(A.shape[:-2])
        lost = (value == 0) | ~np.isfinite(value)
        if np.any(lost):
            # A partial product of the pivots may have overflowed or vanished where the whole does not.
            sign, logabs = np.linalg.slogdet(A)
            value = np.where(lost, sign * np.exp(logabs), value)
        return value[()]


def _expanded(A: Any) -> Any:
    """Integer matrices of sizes 1, 2, 3 have exact determinants this way; LU divides."""
    n = A.shape[-1]
    if n == 0:
        return np.ones(A.shape[:-2])[()]
    if n == 1:
        return A[..., 0, 0]
    if n == 2:
        return A[..., 0, 0] * A[..., 1, 1] - A[..., 0, 1] * A[..., 1, 0]
    return np.sum(A[..., 0, :] * _cross(A[..., 1, :], A[..., 2, :]), axis=-1)


def _cross(a: Any, b: Any) -> Any:
    (a0, a1, a2), (b0, b1, b2) = (np.moveaxis(x, -1, 0) for x in (a, b))
    return np.stack([a1 * b2 - a2 * b1, a2 * b0 - a0 * b2, a0 * b1 - a1 * b0], axis=-1)


@each_matrix
def _det_precise(mp: Any, A: Any) -> Any:
    return mp.mpf(eliminate(A, A[:, :0])[1] if len(A) > SYMBOLIC_SIZE else _laplace(A.tolist()))


@each_matrix
def _det_symbolic(sympy: Any, A: Any) -> Any:
    return _laplace(small(A))


def _laplace(rows: list[list[Any]]) -> Any:
    """Along the first row: a polynomial, which leaves sympy nothing to simplify and is exactly 0 where it should be."""
    if not rows:
        return 1
    total: Any = 0
    for j, entry in enumerate(rows[0]):
        if entry != 0:
            minor = [row[:j] + row[j + 1 :] for row in rows[1:]]
            total = total + (-1) ** j * entry * _laplace(minor)
    return total


def _det_cost(node: Node) -> float:
    type = node.inputs[0].type
    return 6000.0 + 3.0 * type.size if type.shape[-1] <= 3 else measured(8000.0, 1500.0, 5.0, 0.04)(node)


det: Primitive = register(
    Primitive(
        name="det",
        infer=_det_types,
        value=_det_value,
        vjp=lambda node, cotangents, wanted: [
            PRIMITIVES["chain"](_as_matrix(cotangents[0], node), cofactor(node.inputs[0]))
        ],
        batch=leading_axes,
        precise=_det_precise,
        symbolic=_det_symbolic,
        whole_arrays=True,
        cost=_det_cost,
    )
)


def _as_matrix(value: Value | None, node: Node) -> Value:
    """A number per matrix, shaped so that it multiplies the matrix."""
    assert value is not None
    return reshape(value, shape=(*node.inputs[0].shape[:-2], 1, 1))


TABLE_SIZE = 2**22
"""Derivatives of det of order m take a table of n^m products, which is only made up to this size."""


def _cofactor_types(A: Type, *directions: Type) -> tuple[Type]:
    n, order = A.shape[-1], len(directions) + 1
    if n > 3 and order <= n and n**order > TABLE_SIZE:
        raise Unsupported(f"The derivative of order {order} of det needs smaller matrices than {n} by {n}.")
    return (A,)


def _cofactor_value(A: Any, *directions: Any) -> Any:
    n, order = A.shape[-1], len(directions)
    with np.errstate(all="ignore"):
        if order >= n:
            return np.zeros(A.shape)
        if n == 1:
            return np.ones(A.shape)
        if n <= 3:
            return _expanded_cofactor((A,) * (n - 1 - order) + directions, order)
        rows, columns = _scales(A)
        shift = -rows - columns
        total = np.sum(rows, axis=(-2, -1), keepdims=True) + np.sum(columns, axis=(-2, -1), keepdims=True)
        scaled = [np.ldexp(x, shift) for x in (A, *directions)]
        result = _by_lu(scaled[0]) if order == 0 else or_nan(_by_svd, *scaled)
        return np.ldexp(result, total + shift)


def _scales(A: Any) -> tuple[Any, Any]:
    """Exponents of 2 that bring the largest element of each row and column near 1.

    The singular values then say something about each element, however different the units of rows and columns are.
    """
    _, rows = np.frexp(np.max(np.abs(A), axis=-1, keepdims=True))
    _, columns = np.frexp(np.max(np.abs(np.ldexp(A, -rows)), axis=-2, keepdims=True))
    return rows.astype(np.int64), columns.astype(np.int64)


def _expanded_cofactor(factors: tuple[Any, ...], order: int) -> Any:
    """The cofactors of sizes 2 and 3 are linear in each of n - 1 factors: A itself, and the directions in its place."""
    if len(factors) == 1:
        return factors[0][..., ::-1, ::-1] * np.array([[1, -1], [-1, 1]])
    x, y = factors
    rows = [_cross(x[..., i - 2, :], y[..., i - 1, :]) for i in range(3)]
    if order:
        rows = [row + _cross(y[..., i - 2, :], x[..., i - 1, :]) for i, row in enumerate(rows)]
    return np.stack(rows, axis=-2)


def _by_lu(A: Any) -> Any:
    """det(A) inv(A)ᵀ from one factorisation, whose error in a small last pivot cancels; the SVD where a pivot is 0."""
    result = np.empty(A.shape)
    for i in np.ndindex(A.shape[:-2]):
        factors, pivots, _ = dgetrf(A[i])
        inverse, failed = dgetri(factors, pivots)
        swaps = np.count_nonzero(pivots != np.arange(len(pivots)))
        result[i] = inverse.T * (np.prod(np.diagonal(factors)) * (-1.0) ** swaps)
        if failed or not np.all(np.isfinite(result[i])):
            result[i] = or_nan(_by_svd, A[i])
    return result


def _by_svd(A: Any, *directions: Any) -> Any:
    """With A = U Σ Vᵀ the derivatives of det are sums over distinct indices of products of the other singular values.

    The derivative of order m in directions E is det(U) det(V) Σ Π_{k not in x} σ_k Σ_τ sgn(τ) Π_l Ẽ_l[x_l, x_τ(l)],
    with Ẽ = Uᵀ E V, x over all m-tuples of distinct indices and τ over permutations; the last direction is left open.
    """
    if not np.all(np.isfinite(A)):
        raise np.linalg.LinAlgError("not finite")
    U, s, Vt = np.linalg.svd(A)
    turned = [np.swapaxes(U, -1, -2) @ E @ np.swapaxes(Vt, -1, -2) for E in directions]
    order = len(turned) + 1
    products = _products_without(s, order)
    letters = LETTERS[:order]
    last = order - 1
    inner = np.zeros(A.shape)
    step = np.arange(A.shape[-1])
    for tau in permutations(range(order)):
        terms, operands = ["..." + letters], [products]
        for k, E in enumerate(turned):
            fixed = tau[k] == k
            terms.append("..." + letters[k] + ("" if fixed else letters[tau[k]]))
            operands.append(np.diagonal(E, axis1=-2, axis2=-1) if fixed else E)
        fixed = tau[last] == last
        out = "..." + letters[last] + ("" if fixed else letters[tau[last]])
        share = _parity(tau) * np.einsum(",".join(terms) + "->" + out, *operands, optimize=order > 2)
        if fixed:
            inner[..., step, step] += share
        else:
            inner += share
    sign = np.round(np.linalg.det(U) * np.linalg.det(Vt))[..., None, None]
    return sign * (U @ inner @ Vt)


def _parity(tau: tuple[int, ...]) -> int:
    swaps = sum(tau[i] > tau[j] for i in range(len(tau)) for j in range(i + 1, len(tau)))
    return -1 if swaps % 2 else 1


def _products_without(s: Array, order: int) -> Array:
    """Π of all s but those at `order` distinct indices, one axis per index; 0 where two indices are equal."""
    n = s.shape[-1]
    runs = np.zeros((*s.shape[:-1], n + 1, n + 1))
    runs[..., np.arange(n + 1), np.arange(n + 1)] = 1.0
    for k in range(n):
        runs[..., k, k + 1 :] = np.cumprod(s[..., k:], axis=-1)
    result: Any = 1.0
    start: Any = 0
    for index in np.sort(np.indices((n,) * order), axis=0):
        result = result * runs[..., start, index]
        start = index + 1
    return np.asarray(result * runs[..., start, n])


def _cofactor_vjp(node: Node, cotangents: Cotangents, wanted: Sequence[bool]) -> Cotangents:
    """The cofactors are the gradient of det, so that every derivative is symmetric in its directions."""
    (cotangent,), (A, *directions) = cotangents, node.inputs
    assert cotangent is not None
    result: list[Value | None] = [cofactor(A, *directions, cotangent) if wanted[0] else None]
    for k in range(len(directions)):
        others = directions[:k] + directions[k + 1 :]
        result.append(cofactor(A, *others, cotangent) if wanted[k + 1] else None)
    return result


@each_matrix
def _cofactor_precise(mp: Any, A: Any, *directions: Any) -> Any:
    """By rows: each direction takes the place of one row of A, and the minors of the rest are determinants."""
    n = len(A)
    result = np.zeros((n, n), dtype=object)
    for i in range(n):
        for rows in permutations([r for r in range(n) if r != i], len(directions)):
            mixed = np.array(A, dtype=object)
            for row, E in zip(rows, directions, strict=True):
                mixed[row] = E[row]
            for j in range(n):
                minor = np.delete(np.delete(mixed, i, axis=0), j, axis=1)
                result[i, j] += (-1) ** (i + j) * eliminate(minor, minor[:, :0])[1]
    return result


def _cofactor_cost(node: Node) -> float:
    type, order = node.inputs[0].type, len(node.inputs)
    n = type.shape[-1]
    if n <= 3:
        return 5000.0 + 30.0 * type.size
    if order == 1:
        return measured(25000.0, 20000.0, 20.0, 0.8)(node)
    permuted = factorial(order)
    return measured(60000.0 * permuted, 10000.0, 250.0, 1.5)(node) + count(type) * 20.0 * permuted * float(n) ** order


# The gradient of det at A, or, with directions, that of its derivative along them: closed under differentiation.
cofactor: Primitive = register(
    Primitive(
        name="cofactor",
        infer=_cofactor_types,
        value=_cofactor_value,
        vjp=_cofactor_vjp,
        batch=leading_axes,
        precise=_cofactor_precise,
        whole_arrays=True,
        cost=_cofactor_cost,
    )
)


def _slogdet_types(A: Type) -> tuple[Type, Type]:
    square_type(A, "slogdet")
    return (Type("real", A.shape[:-2]), Type("real", A.shape[:-2]))


def _slogdet_value(A: Any) -> Any:
    with np.errstate(all="ignore"):
        return tuple(np.linalg.slogdet(A))


def _slogdet_vjp(node: Node, cotangents: Cotangents, wanted: Sequence[bool]) -> Cotangents:
    """The sign is constant wherever it is defined."""
    if cotangents[1] is None:
        return [None]
    return [PRIMITIVES["chain"](_as_matrix(cotangents[1], node), swap_last(inv(node.inputs[0])))]


@each_matrix
def _slogdet_precise(mp: Any, A: Any) -> Any:
    value = _det_precise(mp, A)
    size = mp.log(abs(value)) if value != 0 else -mp.inf
    return mp.sign(value), size


slogdet: Primitive = register(
    Primitive(
        name="slogdet",
        infer=_slogdet_types,
        value=_slogdet_value,
        vjp=_slogdet_vjp,
        batch=leading_axes,
        precise=_slogdet_precise,
        whole_arrays=True,
        domain="A is not singular",
        inside=regular,
        cost=measured(5000.0, 150.0, 5.0, 0.03),
    )
)


def _logdet_types(A: Type) -> tuple[Type]:
    square_type(A, "logdet")
    return (Type("real", A.shape[:-2]),)


def _logdet_value(A: Any) -> Any:
    with np.errstate(all="ignore"):
        sign, size = np.linalg.slogdet(A)
        return np.where(sign < 0, np.nan, size)[()]


def _logdet_vjp(node: Node, cotangents: Cotangents, wanted: Sequence[bool]) -> Cotangents:
    """Of a negative determinant NaN, as the value is: that is what the root of the sign is for."""
    (A,) = node.inputs
    root = PRIMITIVES["sqrt"](slogdet.all(A)[0])
    share = _as_matrix(cotangents[0], node) / _as_matrix(root, node)
    return [PRIMITIVES["chain"](share, swap_last(inv(A)))]


@each_matrix
def _logdet_precise(mp: Any, A: Any) -> Any:
    sign, size = _slogdet_precise(mp, A)
    return mp.nan if sign < 0 else size


logdet: Primitive = register(
    Primitive(
        name="logdet",
        infer=_logdet_types,
        value=_logdet_value,
        vjp=_logdet_vjp,
        batch=leading_axes,
        precise=_logdet_precise,
        symbolic=each_matrix(lambda sympy, A: sympy.log(_laplace(small(A)))),
        whole_arrays=True,
        domain="det(A) > 0",
        inside=lambda A: np.asarray(np.linalg.slogdet(A)[0] > 0),
        cost=measured(5000.0, 150.0, 5.0, 0.03),
    )
)
