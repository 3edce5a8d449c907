"""Plain mathematics on nested lists of mpmath numbers: what the hand-written truths are made of.

Determinants by expansion and inverses by cofactors, so that singular and degenerate matrices are ordinary points.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from mpmath import mp, mpf

Vector = list[Any]
Matrix = list[list[Any]]


def entries(x: Any) -> Iterable[Any]:
    """All numbers of an array of any shape, in row-major order."""
    if isinstance(x, list | tuple):
        for part in x:
            yield from entries(part)
    else:
        yield x


def total(x: Any) -> Any:
    return sum(entries(x), mpf(0))


def squares(x: Any) -> Any:
    return sum((e * e for e in entries(x)), mpf(0))


def product(x: Any) -> Any:
    out = mpf(1)
    for e in entries(x):
        out *= e
    return out


def mean(x: Any) -> Any:
    values = list(entries(x))
    return sum(values, mpf(0)) / len(values)


def variance(x: Any) -> Any:
    middle = mean(x)
    return mean([(e - middle) ** 2 for e in entries(x)])


def length(x: Any) -> Any:
    """Euclidean norm."""
    return mp.sqrt(squares(x))


def dot(x: Any, y: Any) -> Any:
    """Sum of products of corresponding entries."""
    return sum((a * b for a, b in zip(entries(x), entries(y), strict=True)), mpf(0))


def transpose(A: Matrix) -> Matrix:
    return [list(row) for row in zip(*A, strict=True)]


def matmul(A: Matrix, B: Matrix) -> Matrix:
    return [[dot(row, column) for column in transpose(B)] for row in A]


def matvec(A: Matrix, x: Vector) -> Vector:
    return [dot(row, x) for row in A]


def minor(A: Matrix, i: int, j: int) -> Matrix:
    return [row[:j] + row[j + 1 :] for k, row in enumerate(A) if k != i]


def det(A: Matrix) -> Any:
    if not A:
        return mpf(1)
    return sum(((-1) ** j * A[0][j] * det(minor(A, 0, j)) for j in range(len(A))), mpf(0))


def inverse(A: Matrix) -> Matrix:
    n, whole = len(A), det(A)
    return [[(-1) ** (i + j) * det(minor(A, j, i)) / whole for j in range(n)] for i in range(n)]


def symmetric(A: Matrix) -> Matrix:
    return [
        [(a + b) / 2 for a, b in zip(row, column, strict=True)] for row, column in zip(A, transpose(A), strict=True)
    ]


def logsumexp(x: Vector) -> Any:
    return mp.log(sum((mp.exp(e) for e in x), mpf(0)))


def softmax(x: Vector) -> Vector:
    whole = sum((mp.exp(e) for e in x), mpf(0))
    return [mp.exp(e) / whole for e in x]


def sigmoid(x: Any) -> Any:
    return 1 / (1 + mp.exp(-x))


def softplus(x: Any) -> Any:
    return mp.log1p(mp.exp(x))


def upper_tail(x: Any) -> Any:
    """Probability of more than x under the standard normal distribution."""
    return mp.erfc(x / mp.sqrt(2)) / 2


def filled(g: Callable[[Any], Any], value: Any, x: Any) -> Any:
    """g(x), or `value` at x = 0."""
    return mpf(value) if x == 0 else g(x)


def xlogy(x: Any, y: Any) -> Any:
    """x log y, 0 at x = 0 whatever y is."""
    if x == 0:
        return mpf(0)
    if y == 0:
        return -mp.sign(x) * mp.inf
    return x * mp.log(y) if y > 0 else mp.nan


def floor(x: Any) -> Any:
    return mp.floor(x)


def median(x: Vector) -> Any:
    ordered = sorted(x)
    half = len(ordered) // 2
    return ordered[half] if len(ordered) % 2 else (ordered[half - 1] + ordered[half]) / 2
