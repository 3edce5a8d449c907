"""Powers, roots, exponentials and logarithms."""

from __future__ import annotations

import numpy as np

from engine.graph.build import constant
from engine.graph.simplify import number
from engine.graph.values import Value
from engine.primitives.arithmetic import divide, equal, logical_and, multiply, reciprocal, select, square
from engine.primitives.function import Points
from engine.primitives.record import Elementwise, elementwise


def _power_base(x: Value, y: Value, out: Value) -> Value:
    # y x^(y-1), which is right for a negative base; y = 0 is a constant function even where x^(y-1) is infinite.
    if number(y) == 0.0:
        return constant(0.0)
    if y.constant is not None and not y.shape and y.constant != 0.0:
        return multiply(to_power(x, y - 1.0), y)
    return select(equal(y, 0.0), 0.0, multiply(y, power(x, y - 1.0)))


def _power_exponent(x: Value, y: Value, out: Value) -> Value:
    # x^y log x; at base 0 the function of y is 0 for every y > 0, so its derivative is 0 and not 0 * -inf.
    zero_base = logical_and(equal(x, 0.0), y > 0.0)
    return select(zero_base, 0.0, multiply(out, ln(select(zero_base, 1.0, x))))


def to_power(x: Value, y: Value) -> Value:
    """x to the power y, in the best way where that is a number known when the graph is built."""
    n = number(y)
    if n == 1.0:
        return x
    if n == 2.0:
        return square(x)
    if n == -1.0:
        return reciprocal(x)
    if n == 0.5:
        return sqrt(x)
    return power(x, y if n is None else n)


def _power_precise(mp, x, y):  # type: ignore[no-untyped-def]
    if x == 0:
        return mp.mpf(1) if y == 0 else mp.mpf(0) if y > 0 else mp.inf
    return mp.power(x, int(y)) if y == int(y) else mp.power(x, y) if x > 0 else mp.nan


power: Elementwise = elementwise(
    "power",
    np.power,
    (_power_base, _power_exponent),
    group="powers",
    summary="x to the power y; a negative base takes integer exponents.",
    domain="x > 0, or y an integer; x != 0 where y < 0",
    inside=lambda x, y: (x > 0) | ((x == 0) & (y >= 0)) | ((x < 0) & (y == np.round(y))),
    precise=_power_precise,
    symbolic=lambda sp, x, y: x**y,
    points=Points(
        ((0.3, 3.0), (-2.0, 3.0)), ((-2.0, 3.0), (2.0, 0.0), (1.0, 7.5), (0.0, 2.0), (1e100, 2.5), (1e-100, 3.0))
    ),
    note="x^0 is 1 for every x. The derivative in y at a negative base does not exist and is NaN.",
    nanoseconds=15.0,
    public=False,
)
exp: Elementwise = elementwise(
    "exp",
    np.exp,
    lambda x, out: out,
    group="powers",
    summary="e to the power x.",
    precise=lambda mp, x: mp.exp(x),
    symbolic=lambda sp, x: sp.exp(x),
    points=Points(((-3.0, 3.0),), ((0.0,), (700.0,), (-700.0,), (1e-300,))),
    nanoseconds=3.0,
)
expm1: Elementwise = elementwise(
    "expm1",
    np.expm1,
    lambda x, out: exp(x),
    group="powers",
    summary="exp(x) - 1 without cancellation near 0.",
    precise=lambda mp, x: mp.expm1(x),
    symbolic=lambda sp, x: sp.exp(x) - 1,
    points=Points(((-3.0, 3.0),), ((0.0,), (1e-20,), (-50.0,), (700.0,))),
    nanoseconds=10.0,
)
exp2: Elementwise = elementwise(
    "exp2",
    np.exp2,
    lambda x, out: out * ln(constant(2.0)),
    group="powers",
    summary="2 to the power x.",
    precise=lambda mp, x: mp.power(2, x),
    symbolic=lambda sp, x: sp.Integer(2) ** x,
    points=Points(((-3.0, 3.0),), ((0.0,), (1000.0,), (-1000.0,))),
    nanoseconds=4.0,
)
ln: Elementwise = elementwise(
    "log",
    np.log,
    lambda x, out: reciprocal(x),
    group="powers",
    summary="Natural logarithm.",
    aliases=("ln",),
    domain="x > 0",
    inside=lambda x: x > 0,
    precise=lambda mp, x: mp.log(x) if x > 0 else (-mp.inf if x == 0 else mp.nan),
    symbolic=lambda sp, x: sp.log(x),
    points=Points(((0.1, 9.0),), ((1.0,), (1e-300,), (1e300,), (1 + 2.0**-40,))),
    nanoseconds=4.0,
)
log1p: Elementwise = elementwise(
    "log1p",
    np.log1p,
    lambda x, out: reciprocal(x + 1.0),
    group="powers",
    summary="log(1 + x) without cancellation near 0.",
    domain="x > -1",
    inside=lambda x: x > -1,
    precise=lambda mp, x: mp.log1p(x) if x > -1 else (-mp.inf if x == -1 else mp.nan),
    symbolic=lambda sp, x: sp.log(1 + x),
    points=Points(((-0.9, 5.0),), ((0.0,), (-1 + 2.0**-40,), (1e-300,), (1e300,))),
    nanoseconds=8.0,
)
log2: Elementwise = elementwise(
    "log2",
    np.log2,
    lambda x, out: divide(reciprocal(ln(constant(2.0))), x),
    group="powers",
    summary="Logarithm to base 2.",
    domain="x > 0",
    inside=lambda x: x > 0,
    precise=lambda mp, x: mp.log(x, 2) if x > 0 else (-mp.inf if x == 0 else mp.nan),
    symbolic=lambda sp, x: sp.log(x) / sp.log(2),
    points=Points(((0.1, 9.0),), ((1.0,), (1e-300,), (1e300,))),
    nanoseconds=6.0,
)
log10: Elementwise = elementwise(
    "log10",
    np.log10,
    lambda x, out: divide(reciprocal(ln(constant(10.0))), x),
    group="powers",
    summary="Logarithm to base 10.",
    domain="x > 0",
    inside=lambda x: x > 0,
    precise=lambda mp, x: mp.log10(x) if x > 0 else (-mp.inf if x == 0 else mp.nan),
    symbolic=lambda sp, x: sp.log(x) / sp.log(10),
    points=Points(((0.1, 9.0),), ((1.0,), (1e-300,), (1e300,))),
    nanoseconds=8.0,
)
sqrt: Elementwise = elementwise(
    "sqrt",
    np.sqrt,
    lambda x, out: divide(0.5, out),
    group="powers",
    summary="Square root.",
    domain="x >= 0",
    inside=lambda x: x >= 0,
    precise=lambda mp, x: mp.sqrt(x) if x >= 0 else mp.nan,
    symbolic=lambda sp, x: sp.sqrt(x),
    points=Points(((0.1, 9.0),), ((1e-300,), (1e300,), (1.0,))),
    nanoseconds=1.5,
)
cbrt: Elementwise = elementwise(
    "cbrt",
    np.cbrt,
    lambda x, out: divide(divide(1.0, 3.0), square(out)),
    group="powers",
    summary="Cube root, real for negative x.",
    precise=lambda mp, x: mp.cbrt(x) if x >= 0 else -mp.cbrt(-x),
    symbolic=lambda sp, x: sp.sign(x) * sp.Abs(x) ** sp.Rational(1, 3),
    points=Points(((0.1, 9.0),), ((-8.0,), (1e-200,), (1e300,))),
    nanoseconds=15.0,
)
