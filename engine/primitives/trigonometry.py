"""Trigonometric and hyperbolic functions and their inverses."""

from __future__ import annotations

from math import pi
from typing import Any

import numpy as np

from engine.graph.primitive import Kink
from engine.graph.types import Array
from engine.graph.values import Value
from engine.primitives.arithmetic import divide, equal, reciprocal, select, square
from engine.primitives.function import Points
from engine.primitives.powers import sqrt
from engine.primitives.record import Elementwise, Partial, elementwise

G = "trigonometry"


def _unary(
    name: str,
    value: Any,
    partial: Partial,
    summary: str,
    points: Points,
    *,
    aliases: tuple[str, ...] = (),
    twin: str | None = None,
    domain: str = "",
    inside: Any = None,
    nanoseconds: float = 8.0,
) -> Any:
    """A function that mpmath and sympy know under one name."""
    other = twin or name
    return elementwise(
        name,
        value,
        partial,
        group=G,
        summary=summary,
        aliases=aliases,
        domain=domain,
        inside=inside,
        precise=lambda mp, x: _real(mp, getattr(mp, other)(x)),
        symbolic=lambda sp, x: getattr(sp, other)(x),
        points=points,
        nanoseconds=nanoseconds,
    )


def _real(mp: Any, x: Any) -> Any:
    """NaN for a value outside the real domain."""
    return x if not isinstance(x, mp.mpc) else mp.nan


sin: Elementwise = _unary(
    "sin", np.sin, lambda x, out: cos(x), "Sine of x in radians.", Points(((-3.0, 3.0),), ((0.0,), (1e-300,), (1e6,)))
)
cos: Elementwise = _unary(
    "cos", np.cos, lambda x, out: -sin(x), "Cosine of x in radians.", Points(((-3.0, 3.0),), ((0.0,), (1e6,)))
)
tan: Elementwise = _unary(
    "tan",
    np.tan,
    lambda x, out: square(reciprocal(cos(x))),
    "Tangent of x in radians.",
    Points(((-1.4, 1.4),), ((0.0,), (1e-300,), (1.5707,))),
    domain="x not an odd multiple of pi/2",
)
asin: Elementwise = _unary(
    "asin",
    np.arcsin,
    lambda x, out: reciprocal(_root_one_minus_square(x)),
    "Inverse sine, in radians.",
    Points(((-0.9, 0.9),), ((0.0,), (1e-10,), (1 - 2.0**-40,))),
    aliases=("arcsin",),
    domain="-1 <= x <= 1",
    inside=lambda x: np.abs(x) <= 1,
)
acos: Elementwise = _unary(
    "acos",
    np.arccos,
    lambda x, out: -reciprocal(_root_one_minus_square(x)),
    "Inverse cosine, in radians.",
    Points(((-0.9, 0.9),), ((0.0,), (1e-10,), (1 - 2.0**-40,))),
    aliases=("arccos",),
    domain="-1 <= x <= 1",
    inside=lambda x: np.abs(x) <= 1,
)
atan: Elementwise = _unary(
    "atan",
    np.arctan,
    lambda x, out: square(reciprocal(_hypotenuse(x))),
    "Inverse tangent, in radians.",
    Points(((-3.0, 3.0),), ((0.0,), (1e200,), (-1e10,))),
    aliases=("arctan",),
)
sinh: Elementwise = _unary(
    "sinh", np.sinh, lambda x, out: cosh(x), "Hyperbolic sine.", Points(((-3.0, 3.0),), ((0.0,), (700.0,), (1e-300,)))
)
cosh: Elementwise = _unary(
    "cosh", np.cosh, lambda x, out: sinh(x), "Hyperbolic cosine.", Points(((-3.0, 3.0),), ((0.0,), (-700.0,)))
)
tanh: Elementwise = _unary(
    "tanh",
    np.tanh,
    lambda x, out: square(reciprocal(cosh(x))),
    "Hyperbolic tangent.",
    Points(((-3.0, 3.0),), ((0.0,), (30.0,), (1e-300,))),
)
asinh: Elementwise = _unary(
    "asinh",
    np.arcsinh,
    lambda x, out: reciprocal(_hypotenuse(x)),
    "Inverse hyperbolic sine.",
    Points(((-3.0, 3.0),), ((0.0,), (1e200,), (-1e10,))),
    aliases=("arcsinh",),
)
acosh: Elementwise = _unary(
    "acosh",
    np.arccosh,
    lambda x, out: reciprocal(sqrt(x - 1.0) * sqrt(x + 1.0)),
    "Inverse hyperbolic cosine.",
    Points(((1.2, 9.0),), ((1 + 2.0**-40,), (1e200,))),
    aliases=("arccosh",),
    domain="x >= 1",
    inside=lambda x: x >= 1,
)
atanh: Elementwise = _unary(
    "atanh",
    np.arctanh,
    lambda x, out: reciprocal(_one_minus_square(x)),
    "Inverse hyperbolic tangent.",
    Points(((-0.9, 0.9),), ((0.0,), (1e-10,), (1 - 2.0**-40,))),
    aliases=("arctanh",),
    domain="-1 < x < 1",
    inside=lambda x: np.abs(x) < 1,
)


def _one_minus_square(x: Value) -> Value:
    # (1-x)(1+x) does not cancel near the ends; its own derivative does near 0, where 1-x^2 is right.
    return select(square(x) < 0.5, 1.0 - square(x), (1.0 - x) * (1.0 + x))


def _root_one_minus_square(x: Value) -> Value:
    return sqrt(_one_minus_square(x))


def _hypotenuse(x: Value) -> Value:
    return hypot(1.0, x)


def _both_zero(x: Any, y: Any) -> Array:
    return np.asarray((x == 0) & (y == 0))


def _over_hypotenuse(x: Value, out: Value) -> Value:
    nothing = equal(out, 0.0)
    return select(nothing, 0.0, divide(x, select(nothing, 1.0, out)))


hypot: Elementwise = elementwise(
    "hypot",
    np.hypot,
    (lambda x, y, out: _over_hypotenuse(x, out), lambda x, y, out: _over_hypotenuse(y, out)),
    group=G,
    summary="sqrt(x^2 + y^2) without overflow.",
    kink=Kink(_both_zero, "derivative 0 at (0, 0)"),
    precise=lambda mp, x, y: mp.hypot(x, y),
    symbolic=lambda sp, x, y: sp.sqrt(x**2 + y**2),
    points=Points(((0.2, 3.0), (0.2, 3.0)), ((0.0, 2.0), (1e200, 1e200), (-1e-200, 1e-200), (3.0, 0.0))),
    nanoseconds=6.0,
)
atan2: Elementwise = elementwise(
    "atan2",
    np.arctan2,
    (
        lambda y, x, out: (x / hypot(y, x)) / hypot(y, x),
        lambda y, x, out: -((y / hypot(y, x)) / hypot(y, x)),
    ),
    group=G,
    summary="The angle of the point (x, y), in radians: atan2(y, x).",
    aliases=("arctan2",),
    arguments=("y", "x"),
    domain="(x, y) != (0, 0)",
    kink=Kink(
        lambda y, x: np.asarray((y == 0) & (x < 0)),
        "on the branch cut, the negative x axis, the derivative that both sides share",
        jump=True,
    ),
    inside=lambda y, x: ~_both_zero(x, y),
    precise=lambda mp, y, x: mp.atan2(y, x),
    symbolic=lambda sp, y, x: sp.atan2(y, x),
    points=Points(((0.2, 3.0), (0.2, 3.0)), ((0.0, 2.0), (1e150, 2e150), (-1e-150, 2e-150), (3.0, 0.0), (1.0, -2.0))),
    nanoseconds=15.0,
)
degrees: Elementwise = elementwise(
    "degrees",
    np.degrees,
    180.0 / pi,
    group=G,
    summary="x radians in degrees.",
    aliases=("rad2deg",),
    precise=lambda mp, x: mp.degrees(x),
    symbolic=lambda sp, x: x * 180 / sp.pi,
    points=Points(((-3.0, 3.0),), ((0.0,),)),
)
radians: Elementwise = elementwise(
    "radians",
    np.radians,
    pi / 180.0,
    group=G,
    summary="x degrees in radians.",
    aliases=("deg2rad",),
    precise=lambda mp, x: mp.radians(x),
    symbolic=lambda sp, x: x * sp.pi / 180,
    points=Points(((-3.0, 3.0),), ((0.0,),)),
)
