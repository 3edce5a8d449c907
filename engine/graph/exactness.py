"""Whether the result of an operation on known numbers was rounded.

Only "exact" is a promise: what cannot be told cheaply counts as rounded.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from fractions import Fraction
from typing import Any

import numpy as np

from engine.graph.types import Array

CHOICES = frozenset(["minimum", "maximum", "max", "min", "relu", "select", "sort", "order_statistic"])
WHOLE = frozenset(["sign", "floor", "ceil", "trunc", "round", "step", "argmax", "argmin", "argsort", "tie_groups"])
COMPARISONS = frozenset(["less", "less_equal", "greater", "greater_equal", "equal", "not_equal", "isfinite", "isnan"])
LOGIC = frozenset(["any", "all", "logical_and", "logical_or", "logical_not", "logical_xor"])
ARRANGED = ["reshape", "transpose", "broadcast_to", "strided", "unstrided", "flip", "concatenate", "stack", "windows"]
MOVES = frozenset(ARRANGED)
ELEMENTS = frozenset(["element", "unelement", "gather", "triangle", "negative", "abs", "cast", "rounding"])
GIVEN = frozenset(["stop_gradient", "truncated", "random_uniform", "random_normal"])
PARTS = frozenset(["put", "read_region"])
EXACT = CHOICES | WHOLE | COMPARISONS | LOGIC | MOVES | ELEMENTS | GIVEN | PARTS
"""Their results are elements of their arguments, or have no rounding errors."""

LARGEST = 2.0**53
"""Whole numbers up to this are float64 numbers."""
GRID = 2.0**20
"""Sums of multiples of its reciprocal are exact as long as they are small enough."""
MOST_POWER = 64
_EXPONENTIALS = ["exp", "exp2", "expm1", "log1p", "sinh", "cosh", "tanh", "asinh", "atanh", "softsign"]
_OTHERS = ["sqrt", "cbrt", "sin", "cos", "tan", "asin", "atan", "erf", "erfc", "i0", "i1", "j0", "j1"]
SIMPLE_AT_ZERO = frozenset(_EXPONENTIALS + _OTHERS)
"""Their value at 0 is 0 or 1."""
SIMPLE_AT_ONE = frozenset(["log", "log2", "log10", "acosh"])


def is_exact(name: str, arguments: Sequence[Any], results: Sequence[Any]) -> bool:
    """Whether the `results` (numpy arrays or numbers) of a primitive are those of mathematics."""
    if name in EXACT:
        # A cast is not where an integer is too long.
        return name != "cast" or arguments[0].dtype.kind != "i" or _below(arguments[0], 2**53)
    if results[0].dtype.kind != "f" and all(result.dtype.kind != "f" for result in results):
        return True
    simple = 0.0 if name in SIMPLE_AT_ZERO else 1.0 if name in SIMPLE_AT_ONE else None
    if simple is not None and bool(np.all(arguments[0] == simple)):
        return True
    test = _TESTS.get(name)
    return test is not None and test(results[0], *arguments)


def _below(x: Any, bound: float) -> bool:
    return bool(np.all(np.abs(x) <= bound))


def _is_sum(total: Any, a: Any, b: Any) -> bool:
    # Knuth's error of a sum, TAOCP 4.2.2.
    if total.__class__ is np.float64:
        total, a, b = float(total), float(a), float(b)
    other = total - a
    error = (a - (total - other)) + (b - other)
    return bool(error == 0.0 if error.__class__ is float else not np.any(error))


def _is_difference(total: Any, a: Any, b: Any) -> bool:
    return _is_sum(total, a, -b)


def _is_product(product: Any, a: Any, b: Any) -> bool:
    if product.ndim == a.ndim == b.ndim == 0:
        if not (math.isfinite(product) and math.isfinite(a) and math.isfinite(b)):
            return False
        an, ad = a.as_integer_ratio()
        bn, bd = b.as_integer_ratio()
        n, d = product.as_integer_ratio()
        return bool(an * bn * d == n * ad * bd)
    (m, e), (am, ae), (bm, be) = np.frexp(product), np.frexp(a), np.frexp(b)
    short = am * bm
    # Dekker's error of a product, Numerische Mathematik 18 (1971); fractions neither overflow nor underflow.
    (ah, al), (bh, bl) = _halves(am), _halves(bm)
    error = al * bl - (((short - ah * bh) - al * bh) - ah * bl)
    # Of fractions from 1/2 to 1, the product has the exponent 0 or -1; that of a zero does not matter.
    shift = np.where(short == 0.0, 0, e - ae - be)
    same = (shift >= -1) & (shift <= 0) & (np.ldexp(m, np.clip(shift, -1, 0)) == short)
    return bool(np.all(same)) and not np.any(error)


def _halves(x: Array) -> tuple[Array, Array]:
    """Two numbers of 26 bits that add up to a fraction."""
    large = 134217729.0 * x
    high = large - (large - x)
    return high, x - high


def _is_quotient(quotient: Any, a: Any, b: Any) -> bool:
    return _is_product(a, quotient, b)


def _is_reciprocal(reciprocal: Any, x: Any) -> bool:
    return _is_product(np.float64(1.0), reciprocal, x)


def _is_square(square: Any, x: Any) -> bool:
    return _is_product(square, x, x)


def _is_root(root: Any, x: Any) -> bool:
    return _is_product(x, root, root)


def _is_cube_root(root: Any, x: Any) -> bool:
    return _is_power(x, root, np.float64(3.0))


def _is_power(power: Any, x: Any, n: Any) -> bool:
    if power.ndim or not (math.isfinite(power) and math.isfinite(x)):
        return False
    if n != np.floor(n) or abs(n) > MOST_POWER or (x == 0 and n < 0):
        return False
    return bool(Fraction(float(x)) ** int(n) == Fraction(float(power)))


def _on_grid(x: Any, grid: float) -> bool:
    scaled = x * grid
    return bool(np.all(scaled == np.floor(scaled)))


def _is_total(total: Any, x: Any) -> bool:
    return _on_grid(x, GRID) and float(np.sum(np.abs(x))) * GRID <= LARGEST


def _is_matrix_product(product: Any, a: Any, b: Any) -> bool:
    grid = GRID**0.5
    if not (_on_grid(a, grid) and _on_grid(b, grid)) or not a.size or not b.size:
        return False
    return bool(float(np.max(np.abs(a)) * np.max(np.abs(b))) * a.shape[-1] * GRID <= LARGEST)


def _is_whole(result: Any, *arguments: Any) -> bool:
    return all(_on_grid(x, 1.0) and _below(x, LARGEST) for x in (result, *arguments))


def _is_product_of_all(product: Any, x: Any) -> bool:
    return _on_grid(x, 1.0) and float(np.prod(np.maximum(np.abs(x), 1.0))) <= LARGEST


_TESTS: dict[str, Callable[..., bool]] = {
    "add": _is_sum,
    "subtract": _is_difference,
    "multiply": _is_product,
    "chain": _is_product,
    "divide": _is_quotient,
    "reciprocal": _is_reciprocal,
    "square": _is_square,
    "sqrt": _is_root,
    "cbrt": _is_cube_root,
    "power": _is_power,
    "sum": _is_total,
    "cumsum": _is_total,
    "overlap_add": _is_total,
    "matmul": _is_matrix_product,
    "prod": _is_product_of_all,
    "mod": _is_whole,
    "floor_divide": _is_whole,
}
