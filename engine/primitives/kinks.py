"""Operations with kinks and jumps: absolute values, selections by size, rounding."""

from __future__ import annotations

from typing import Any

import numpy as np

from engine.graph.primitive import Kink
from engine.graph.types import Array
from engine.graph.values import Value
from engine.primitives.function import Points
from engine.primitives.record import Elementwise, elementwise


def at_zero(x: Any) -> Array:
    """True where x is 0."""
    return np.asarray(x == 0)


def at_tie(x: Any, y: Any) -> Array:
    """True where x equals y."""
    return np.asarray(x == y)


def _integral(x: Any) -> Array:
    return np.asarray(x == np.floor(x))


def _step_value(x: Any, y: Any) -> Any:
    return np.heaviside(np.where(x == y, 0.0, np.subtract(x, y)), 0.5)[()]


# Shares out a cotangent between the two sides of a choice: 1 where x wins, 0 where y wins, 1/2 at a tie.  As a gate,
# its zeros count as branches that were not taken.
step: Elementwise = elementwise(
    "step",
    _step_value,
    (0.0, 0.0),
    gate=True,
    public=False,
    nanoseconds=5.0,
    precise=lambda mp, x, y: mp.mpf(1) if x > y else mp.mpf(0) if x < y else mp.mpf(1) / 2,
)
abs_: Elementwise = elementwise(
    "abs",
    np.abs,
    lambda x, out: sign(x),
    numbers="number",
    group="kinks",
    summary="Absolute value.",
    aliases=("fabs", "absolute"),
    kink=Kink(at_zero, "derivative 0 at 0", -1.0, 1.0),
    precise=lambda mp, x: abs(x),
    symbolic=lambda sp, x: sp.Abs(x),
    points=Points(((0.3, 4.0),), ((-2.0,), (1e-300,), (-1e300,))),
    nanoseconds=0.6,
)
sign: Elementwise = elementwise(
    "sign",
    np.sign,
    (0.0,),
    numbers="number",
    group="kinks",
    summary="-1, 0 or 1 by the sign of x.",
    aliases=("sgn", "signum"),
    kink=Kink(at_zero, "derivative 0 at the jump at 0", jump=True),
    precise=lambda mp, x: mp.sign(x),
    symbolic=lambda sp, x: sp.sign(x),
    points=Points(((0.3, 4.0),), ((-2.0,),)),
)
minimum: Elementwise = elementwise(
    "minimum",
    np.minimum,
    (lambda x, y, out: step(y, x), lambda x, y, out: step(x, y)),
    numbers="number",
    group="kinks",
    summary="The smaller of x and y; NaN if either is.",
    aliases=("fmin",),
    kink=Kink(at_tie, "a tie is shared equally: derivative 1/2 in each", 1.0, 0.0),
    precise=lambda mp, x, y: mp.nan if mp.isnan(x) or mp.isnan(y) else min(x, y),
    symbolic=lambda sp, x, y: sp.Min(x, y),
    points=Points(((0.0, 1.0), (1.5, 3.0)), ((2.0, -1.0), (1e300, 1.0))),
    nanoseconds=1.0,
)
maximum: Elementwise = elementwise(
    "maximum",
    np.maximum,
    (lambda x, y, out: step(x, y), lambda x, y, out: step(y, x)),
    numbers="number",
    group="kinks",
    summary="The larger of x and y; NaN if either is.",
    aliases=("fmax",),
    kink=Kink(at_tie, "a tie is shared equally: derivative 1/2 in each", 0.0, 1.0),
    precise=lambda mp, x, y: mp.nan if mp.isnan(x) or mp.isnan(y) else max(x, y),
    symbolic=lambda sp, x, y: sp.Max(x, y),
    points=Points(((0.0, 1.0), (1.5, 3.0)), ((2.0, -1.0), (1e300, 1.0))),
    nanoseconds=1.0,
)


# No symbolic twins: sympy does not differentiate floor.
def _rounding(name: str, value: Any, summary: str, at: Any, convention: str, precise: Any) -> Any:
    return elementwise(
        name,
        value,
        (0.0,),
        numbers="number",
        group="rounding",
        summary=summary,
        kink=Kink(at, convention, jump=True),
        precise=precise,
        points=Points(((0.1, 0.4),), ((-2.3,), (1e6 + 0.25,))),
    )


floor: Elementwise = _rounding(
    "floor",
    np.floor,
    "The largest integer not above x.",
    _integral,
    "derivative 0, also at the jumps at the integers",
    lambda mp, x: mp.floor(x),
)
ceil: Elementwise = _rounding(
    "ceil",
    np.ceil,
    "The smallest integer not below x.",
    _integral,
    "derivative 0, also at the jumps at the integers",
    lambda mp, x: mp.ceil(x),
)
trunc: Elementwise = _rounding(
    "trunc",
    np.trunc,
    "x without its fractional part.",
    lambda x: _integral(x) & np.asarray(x != 0),
    "derivative 0, also at the jumps at the integers other than 0",
    lambda mp, x: mp.floor(x) if x >= 0 else mp.ceil(x),
)
round_: Elementwise = _rounding(
    "round",
    np.rint,
    "The nearest integer; halves go to the even one.",
    lambda x: _integral(np.asarray(x) - 0.5),
    "derivative 0, also at the jumps at the halves",
    lambda mp, x: mp.nint(x),
)


def _quotient(x: Value, y: Value) -> Value:
    # Not floor(x / y): the rounded quotient may reach an integer that the exact one does not (1.0 and 0.1).
    return floor_divide(x, y)


mod: Elementwise = elementwise(
    "mod",
    np.mod,
    (1.0, lambda x, y, out: -_quotient(x, y)),
    numbers="number",
    group="rounding",
    summary="x - y floor(x / y), as in Python: the result has the sign of y. Also written x % y.",
    aliases=("remainder",),
    domain="y != 0",
    inside=lambda x, y: y != 0,
    kink=Kink(lambda x, y: np.asarray(np.mod(x, y) == 0), "derivative as on the right of the jump", jump=True),
    precise=lambda mp, x, y: x - y * mp.floor(x / y),
    points=Points(((0.2, 0.9), (1.0, 3.0)), ((-7.5, 2.0), (7.5, -2.0))),
    nanoseconds=10.0,
)
floor_divide: Elementwise = elementwise(
    "floor_divide",
    np.floor_divide,
    (0.0, 0.0),
    numbers="number",
    group="rounding",
    summary="floor(x / y). Also written x // y.",
    domain="y != 0",
    inside=lambda x, y: y != 0,
    kink=Kink(lambda x, y: np.asarray(np.mod(x, y) == 0), "derivative 0, also at the jumps", jump=True),
    precise=lambda mp, x, y: mp.floor(x / y),
    points=Points(((0.2, 0.9), (1.0, 3.0)), ((-7.5, 2.0),)),
    nanoseconds=10.0,
)
