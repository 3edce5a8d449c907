"""Functions of matrices in the language: determinants, inverses, systems, factorisations."""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.linalg

from engine.errors import ShapeMismatch
from engine.graph.build import constant
from engine.graph.values import Value
from engine.primitives import decompositions, determinants, inverses
from engine.primitives.arithmetic import cast, select
from engine.primitives.function import Example, function
from engine.primitives.matrices import square_type
from engine.primitives.products import matmul
from engine.primitives.reductions import max_, sum_
from engine.primitives.shape import broadcast_to, reshape

GROUP = "linear algebra"
_SQUARE = [[2.0, -1.0, 0.5], [0.25, 3.0, 1.0], [-0.75, 0.5, 1.5]]
_SINGULAR = [[1.0, 2.0, 3.0], [4.0, 5.0, 6.0], [7.0, 8.0, 9.0]]
_FOUR = [[2.0, 1.0, 0.5, 1.0], [0.5, 3.0, 0.25, 2.0], [1.0, 1.5, 4.0, 1.0], [1.0, 0.5, 2.0, 5.0]]
_POSITIVE = [[4.0, 1.0, 0.5], [1.0, 3.0, -0.25], [0.5, -0.25, 2.0]]
_TALL = [[1.0, 2.0], [-0.5, 3.0], [2.5, 0.75]]
_SINGULAR_NOTE = "A matrix that is singular to LAPACK (a pivot is exactly 0) gives NaN."
_STACKS = "Of a stack, of each matrix."


def _real(x: Value) -> Value:
    return cast(x, dtype="real")


@function(
    GROUP,
    note=f"The derivative is right for singular matrices too. {_STACKS}",
    examples=(
        Example("det(A)", {"A": _SQUARE}),
        Example("det(A)", {"A": _SINGULAR}),
        Example("det(A)", {"A": [[0.0, 0.0], [0.0, 0.0]]}),
        Example("det(A)", {"A": _FOUR}),
    ),
    reference=np.linalg.det,
)
def det(A: Value) -> Value:
    """Determinant."""
    return determinants.det(_real(A))


@function(
    GROUP,
    domain="A is not singular",
    note=f"Of a singular matrix 0 and -inf. {_STACKS}",
    examples=(Example("slogdet(A)[1]", {"A": _SQUARE}),),
    reference=np.linalg.slogdet,
)
def slogdet(A: Value) -> tuple[Value, Value]:
    """Sign of the determinant, and the logarithm of its absolute value."""
    sign, logabs = determinants.slogdet.all(_real(A))
    return sign, logabs


@function(
    GROUP,
    domain="det(A) > 0",
    note=f"-inf for a singular matrix, NaN where the determinant is negative. {_STACKS}",
    examples=(Example("logdet(A)", {"A": _POSITIVE}),),
    reference=lambda A: np.log(np.linalg.det(A)),
)
def logdet(A: Value) -> Value:
    """Logarithm of the determinant, without its overflow."""
    return determinants.logdet(_real(A))


@function(
    GROUP,
    aliases=("inverse",),
    domain="A is not singular",
    note=f"{_SINGULAR_NOTE} {_STACKS}",
    examples=(Example("inv(A)", {"A": _SQUARE}), Example("inv(A)", {"A": [[1e8, 1.0], [2.0, 1e-6]]})),
    reference=np.linalg.inv,
)
def inv(A: Value) -> Value:
    """Inverse matrix."""
    return inverses.inv(_real(A))


@function(
    GROUP,
    domain="A is not singular",
    note=f"{_SINGULAR_NOTE} b is a vector, a matrix of columns, or a stack of these.",
    examples=(
        Example("solve(A, b)", {"A": _SQUARE, "b": [1.0, -2.0, 0.5]}),
        Example("solve(A, b)", {"A": _SQUARE, "b": _TALL}),
    ),
    reference=np.linalg.solve,
)
def solve(A: Value, b: Value) -> Value:
    """The x with A @ x = b."""
    square_type(A.type, "solve", hint=inverses.LEAST_SQUARES)
    return _columns(inverses.solve, _real(A), _real(b))


def _columns(primitive: Any, A: Value, b: Value, **params: Any) -> Value:
    """A system whose right-hand side may be a vector."""
    if b.rank != 1:
        solution: Value = primitive(A, b, **params)
        return solution
    if b.shape[0] != A.shape[-1]:
        raise ShapeMismatch(
            f"A is {A.shape} and the right-hand side is {b.shape}; the sizes {A.shape[-1]} and {b.shape[0]} differ."
        )
    solution = primitive(A, reshape(b, shape=(b.shape[0], 1)), **params)
    return reshape(solution, shape=solution.shape[:-1])


def _triangular_reference(L: Any, b: Any, lower: bool = True, transpose: bool = False) -> Any:
    return scipy.linalg.solve_triangular(L, b, lower=lower, trans=1 if transpose else 0)


@function(
    GROUP,
    aliases=("solve_triangular",),
    domain="no 0 on the diagonal of L",
    note="The other triangle of L is not read. transpose=True solves transpose(L) @ x = b.",
    examples=(
        Example("triangular_solve(L, b)", {"L": _POSITIVE, "b": [1.0, -2.0, 0.5]}),
        Example("triangular_solve(L, b, lower=False)", {"L": _POSITIVE, "b": _TALL}),
        Example("triangular_solve(L, b, transpose=True)", {"L": _POSITIVE, "b": [1.0, -2.0, 0.5]}),
    ),
    reference=_triangular_reference,
)
def triangular_solve(L: Value, b: Value, lower: bool = True, transpose: bool = False) -> Value:
    """The x with L @ x = b, for a triangular L."""
    square_type(L.type, "triangular_solve")
    return _columns(inverses.triangular_solve, _real(L), _real(b), lower=lower, transposed=transpose)


@function(
    GROUP,
    aliases=("chol",),
    domain="A is positive definite",
    note="Of (A + transpose(A))/2, so that the gradient is symmetric. Where A is not positive definite, NaN.",
    examples=(Example("cholesky(A)", {"A": _POSITIVE}),),
    reference=np.linalg.cholesky,
)
def cholesky(A: Value) -> Value:
    """The lower triangular L with L @ transpose(L) = A."""
    return decompositions.cholesky(_real(A))


_EIGEN_KINK = (
    "repeated eigenvalues: the gradient is right for functions symmetric in them; second derivatives and functions of "
    "their eigenvectors lack what couples them"
)


@function(
    GROUP,
    kink=_EIGEN_KINK,
    note="Of (A + transpose(A))/2. The signs of eigenvectors are LAPACK's; what depends on them has no meaning.",
    examples=(
        Example("eigh(A)[0]", {"A": _POSITIVE}),
        Example("eigh(A)[1]^2", {"A": _POSITIVE}),
    ),
    reference=np.linalg.eigh,
)
def eigh(A: Value) -> tuple[Value, Value]:
    """Eigenvalues of a symmetric matrix, ascending, and its eigenvectors as columns."""
    values, vectors = decompositions.eigh.all(_real(A))
    return values, vectors


@function(
    GROUP,
    kink=_EIGEN_KINK,
    note="Of (A + transpose(A))/2.",
    examples=(
        Example("eigvalsh(A)", {"A": _POSITIVE}),
        Example(
            "sum(eigvalsh(A)^3)", {"A": [[2.0, 0.0], [0.0, 2.0]]}, smooth=False, grad={"A": [[12.0, 0.0], [0.0, 12.0]]}
        ),
    ),
    reference=np.linalg.eigvalsh,
)
def eigvalsh(A: Value) -> Value:
    """Eigenvalues of a symmetric matrix, ascending."""
    return eigh(A)[0]


_SINGULAR_KINK = (
    "repeated and zero singular values: the gradient is right for functions symmetric in them and smooth in A; second "
    "derivatives and functions of their singular vectors lack what couples them"
)


@function(
    GROUP,
    kink=_SINGULAR_KINK,
    note="Reduced: of an (m, n) matrix (m, k), (k,) and (k, n) with k the smaller of m and n. "
    "The signs of singular vectors are LAPACK's: only what does not depend on them has a meaning.",
    examples=(
        Example("svd(A)[1]", {"A": _TALL}),
        Example("svd(A)[0]^2", {"A": [[3.0, 0.5], [-0.5, 1.5], [0.25, 0.75]]}),
        Example("svd(A)[2]^2", {"A": [[1.0, -0.5, 2.5], [2.0, 3.0, 0.75]]}),
    ),
    reference=lambda A: np.linalg.svd(A, full_matrices=False),
)
def svd(A: Value) -> tuple[Value, Value, Value]:
    """Singular value decomposition A = U @ diag(s) @ Vt, with s descending."""
    U, s, Vt = decompositions.svd.all(_real(A))
    return U, s, Vt


@function(
    GROUP,
    kink=_SINGULAR_KINK,
    examples=(Example("svdvals(A)", {"A": _TALL}),),
    reference=np.linalg.svdvals,
)
def svdvals(A: Value) -> Value:
    """Singular values, descending."""
    return svd(A)[1]


@function(
    GROUP,
    domain="the rank of A does not change nearby",
    note="Singular values up to max(m, n)·2.2e-16 times the largest count as 0. The derivative holds along matrices of "
    "the same rank.",
    examples=(Example("pinv(A)", {"A": _TALL}), Example("pinv(A)", {"A": _SQUARE})),
    reference=np.linalg.pinv,
)
def pinv(A: Value) -> Value:
    """Pseudo-inverse of Moore and Penrose."""
    return inverses.pinv(_real(A))


@function(
    GROUP,
    note="Negative powers are powers of the inverse. Of integers, integers.",
    examples=(
        Example("matrix_power(A, 5)", {"A": _SQUARE}),
        Example("matrix_power(A, -2)", {"A": _SQUARE}),
    ),
    reference=np.linalg.matrix_power,
)
def matrix_power(A: Value, n: int) -> Value:
    """The product of n factors A, by squaring."""
    size = square_type(A.type, "matrix_power")
    if n == 0:
        return broadcast_to(constant(np.eye(size)), shape=A.shape)
    base = inv(A) if n < 0 else cast(A, dtype="int") if A.type.dtype == "bool" else A
    result: Value | None = None
    for bit in bin(abs(n))[:1:-1]:
        if bit == "1":
            result = base if result is None else matmul(result, base)
        base = matmul(base, base)
    assert result is not None
    return result


def spectral_norm(x: Value) -> Value:
    """The largest singular value; tied ones share the derivative."""
    s = svdvals(x)
    return max_(s, axes=(s.rank - 1,))


def nuclear_norm(x: Value) -> Value:
    """The sum of the singular values; one that cannot be told from 0 has the derivative 0, as abs(0) has."""
    s = svdvals(x)
    last = s.rank - 1
    top = reshape(max_(s, axes=(last,)), shape=(*s.shape[:-1], 1))
    kept = s > top * (max(x.shape[-2:]) * np.finfo(float).eps)
    return sum_(select(kept, s, 0.0), axes=(last,))
