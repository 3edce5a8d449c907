"""Factorisations of matrices: Cholesky, eigenvalues of symmetric matrices, singular values."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from engine.graph.primitive import Cotangents, Kink, Primitive
from engine.graph.registry import PRIMITIVES, register
from engine.graph.types import Array, Type
from engine.graph.values import Node, Value
from engine.primitives.inverses import svd_cost, triangular_solve
from engine.primitives.matrices import (
    each_matrix,
    from_mp,
    matrix_type,
    measured,
    nans,
    or_nan,
    square_type,
    symmetric_part,
    symmetrised,
    to_floats,
    triangle,
)
from engine.primitives.products import swap_last
from engine.primitives.record import leading_axes
from engine.primitives.reductions import sum_
from engine.primitives.shape import reshape, strided


def diagonal(x: Value) -> Value:
    """The diagonal of the last two axes."""
    *lead, m, n = x.shape
    flat = reshape(x, shape=(*lead, m * n))
    return strided(flat, slices=(*[(0, size, 1) for size in lead], (0, min(m, n), n + 1)))


def as_row(x: Value) -> Value:
    """A vector as one row, so that it multiplies the columns of a matrix."""
    return reshape(x, shape=(*x.shape[:-1], 1, x.shape[-1]))


def _cholesky_types(A: Type) -> tuple[Type]:
    square_type(A, "cholesky")
    return (A,)


def _cholesky_vjp(node: Node, cotangents: Cotangents, wanted: Sequence[bool]) -> Cotangents:
    """Murray (2016), equation 10: L⁻ᵀ Φ(Lᵀ L̄) L⁻¹, symmetrised; Φ keeps the lower triangle and half the diagonal."""
    (cotangent,), (L,) = cotangents, node.outputs
    assert cotangent is not None
    inner = symmetrised(triangle(swap_last(L) @ cotangent, lower=True, diagonal=0.5))
    half = triangular_solve(L, inner, lower=True, transposed=True)
    return [triangular_solve(L, swap_last(half), lower=True, transposed=True)]


@each_matrix
def _cholesky_precise(mp: Any, A: Any) -> Any:
    try:
        return from_mp(mp.cholesky(mp.matrix(symmetric_part(A).tolist())))
    except (ValueError, ZeroDivisionError):
        return nans(mp, A.shape)


def _positive(A: Any) -> Array:
    return np.asarray(~np.any(np.isnan(_cholesky_value(A)), axis=(-2, -1)))


def _cholesky_value(A: Any) -> Any:
    return or_nan(np.linalg.cholesky, symmetric_part(A))


cholesky: Primitive = register(
    Primitive(
        name="cholesky",
        infer=_cholesky_types,
        value=_cholesky_value,
        vjp=_cholesky_vjp,
        batch=leading_axes,
        precise=_cholesky_precise,
        whole_arrays=True,
        domain="A is positive definite",
        inside=_positive,
        cost=measured(10000.0, 100.0, 4.0, 0.012),
    )
)

RESOLUTION = 4
"""Eigen- and singular values closer than this many n·eps times the largest are one repeated value."""


def _resolved(values: Any) -> Any:
    """The least difference of eigen- or singular values that rounding leaves a meaning, shaped like a matrix."""
    top = np.max(np.abs(values), axis=-1, initial=0.0)[..., None, None]
    return RESOLUTION * values.shape[-1] * np.finfo(float).eps * top


def _differences(values: Any, plus: bool) -> Any:
    across, down = values[..., None, :], values[..., :, None]
    return across + down if plus else across - down


def _inverse_gaps_value(values: Any, *, plus: bool) -> Any:
    with np.errstate(all="ignore"):
        gaps = _differences(values, plus)
        zero = np.abs(gaps) <= _resolved(values)
        return np.where(zero, 0.0, 1.0 / np.where(zero, 1.0, gaps))


def _inverse_gaps_precise(mp: Any, values: Any, *, plus: bool) -> Any:
    gaps = _differences(values, plus)
    top = np.max(np.abs(values), axis=-1)[..., None, None] if values.size else 0
    zero = np.abs(gaps) <= RESOLUTION * values.shape[-1] * mp.eps * top
    return np.where(zero, mp.mpf(0), 1 / np.where(zero, mp.mpf(1), gaps))


def _inverse_gaps_vjp(node: Node, cotangents: Cotangents, wanted: Sequence[bool]) -> Cotangents:
    (cotangent,), (out,) = cotangents, node.outputs
    assert cotangent is not None
    share = cotangent * out * out
    last = out.rank - 1
    down, across = sum_(share, axes=(last,)), sum_(share, axes=(last - 1,))
    return [-(down + across) if node.params["plus"] else down - across]


# 1 / (w_j - w_i), or 1 / (w_j + w_i) with `plus`, at place (i, j); 0 where the denominator cannot be told from 0.
inverse_gaps: Primitive = register(
    Primitive(
        name="inverse_gaps",
        infer=lambda values, *, plus: (Type("real", (*values.shape, values.shape[-1])),),
        value=_inverse_gaps_value,
        vjp=_inverse_gaps_vjp,
        batch=leading_axes,
        precise=_inverse_gaps_precise,
        whole_arrays=True,
        cost=lambda node: 12000.0 + node.outputs[0].type.size * 5.0,
    )
)


def _finite(x: Any) -> Any:
    """LAPACK may not return from matrices that hold NaN or infinity."""
    if not np.all(np.isfinite(x)):
        raise np.linalg.LinAlgError("not finite")
    return x


def _eigh_types(A: Type) -> tuple[Type, Type]:
    square_type(A, "eigh")
    return (Type(A.dtype, A.shape[:-1]), A)


def _eigh_value(A: Any) -> Any:
    return or_nan(lambda a: tuple(np.linalg.eigh(_finite(a))), symmetric_part(A))


def _eigh_vjp(node: Node, cotangents: Cotangents, wanted: Sequence[bool]) -> Cotangents:
    """Giles (2008), section 3.1, for the symmetrised argument: V (diag(w̄) + ½ D∘(VᵀV̄ - V̄ᵀV)) Vᵀ."""
    (to_w, to_v), (w, V) = cotangents, node.outputs
    left = None if to_w is None else V * as_row(to_w)
    if to_v is not None:
        turning = swap_last(V) @ to_v
        inner = PRIMITIVES["chain"](turning - swap_last(turning), inverse_gaps(w, plus=False)) * 0.5
        turned = V @ inner
        left = turned if left is None else left + turned
    assert left is not None
    return [left @ swap_last(V)]


def _aligned(mine: Any, theirs: Any) -> Any:
    """Columns with the signs of numpy's, which are as good as any and what the engine gives."""
    return np.array([-1 if np.dot(to_floats(a), b) < 0 else 1 for a, b in zip(mine.T, theirs.T, strict=True)])


@each_matrix
def _eigh_precise(mp: Any, A: Any) -> Any:
    values, vectors = mp.eigsy(mp.matrix(symmetric_part(A).tolist()))
    V = from_mp(vectors)
    return from_mp(values)[:, 0], V * _aligned(V, _eigh_value(to_floats(A))[1])


def _repeated(values: Any) -> Array:
    """True for each value that another one equals."""
    near = np.abs(_differences(values, plus=False)) <= _resolved(values)
    return np.asarray(np.sum(near, axis=-1) > 1)


eigh: Primitive = register(
    Primitive(
        name="eigh",
        infer=_eigh_types,
        value=_eigh_value,
        vjp=_eigh_vjp,
        batch=leading_axes,
        precise=_eigh_precise,
        whole_arrays=True,
        kink=Kink(
            lambda A: _repeated(_eigh_value(A)[0]),
            "repeated eigenvalues are not coupled to each other: right for the gradient of a function of the "
            "eigenvalues that is symmetric in them",
        ),
        cost=measured(14000.0, 600.0, 90.0, 0.15),
    )
)


def _svd_types(A: Type) -> tuple[Type, Type, Type]:
    m, n = matrix_type(A, "svd")
    lead, k = A.shape[:-2], min(m, n)
    return (Type(A.dtype, (*lead, m, k)), Type(A.dtype, (*lead, k)), Type(A.dtype, (*lead, k, n)))


def _svd_value(A: Any) -> Any:
    return or_nan(lambda a: tuple(np.linalg.svd(_finite(a), full_matrices=False)), A)


def _svd_vjp(node: Node, cotangents: Cotangents, wanted: Sequence[bool]) -> Cotangents:
    """Townsend (2016), with 1/(s_j² - s_i²) split into 1/(s_j - s_i) and 1/(s_j + s_i), which keeps small values apart.

    In p = UᵀŪ - ŪᵀU and q = VᵀV̄ - V̄ᵀV the inner matrix is diag(s̄) + ½ ((p + q)∘D + (p - q)∘E); where U or V is not
    square, what of its cotangent lies outside its columns is divided by s.
    """
    (to_u, to_s, to_vt), (U, s, Vt) = cotangents, node.outputs
    (m, n), V, Ut = node.inputs[0].shape[-2:], swap_last(Vt), swap_last(U)
    chain = PRIMITIVES["chain"]
    left = None if to_s is None else U * as_row(to_s)
    outside = None
    if to_u is not None or to_vt is not None:
        sums = inverse_gaps(s, plus=True)
        inverses = as_row(diagonal(sums)) * 2.0
        p = q = None
        if to_u is not None:
            inside = Ut @ to_u
            p = inside - swap_last(inside)
            if m > n:
                left = _plus(left, chain(to_u - U @ inside, inverses))
        if to_vt is not None:
            to_v = swap_last(to_vt)
            inside = Vt @ to_v
            q = inside - swap_last(inside)
            if n > m:
                outside = U @ swap_last(chain(to_v - V @ inside, inverses))
        gaps = inverse_gaps(s, plus=False)
        if p is None or q is None:
            inner = chain(p, gaps + sums) if p is not None else chain(q, gaps - sums)  # type: ignore[arg-type]
        else:
            inner = chain(p + q, gaps) + chain(p - q, sums)
        left = _plus(left, U @ (inner * 0.5))
    assert left is not None
    return [_plus(outside, left @ Vt)]


def _plus(x: Value | None, y: Value) -> Value:
    return y if x is None else x + y


@each_matrix
def _svd_precise(mp: Any, A: Any) -> Any:
    U, s, Vt = mp.svd_r(mp.matrix(A.tolist()), full_matrices=False)
    U, Vt = from_mp(U), from_mp(Vt)
    flip = _aligned(U, _svd_value(to_floats(A))[0])
    return U * flip, from_mp(s)[:, 0], Vt * flip[:, None]


def _svd_kink(A: Any) -> Array:
    s = _svd_value(A)[1]
    zero = 2 * s <= _resolved(s)[..., 0]
    return np.asarray(_repeated(s) | zero)


svd: Primitive = register(
    Primitive(
        name="svd",
        infer=_svd_types,
        value=_svd_value,
        vjp=_svd_vjp,
        batch=leading_axes,
        precise=_svd_precise,
        whole_arrays=True,
        kink=Kink(
            _svd_kink,
            "repeated singular values are not coupled to each other, and zero ones not to the rest: right for the "
            "gradient of a smooth function of the singular values that is symmetric and even in them",
        ),
        cost=lambda node: svd_cost(node.inputs[0].type),
    )
)
