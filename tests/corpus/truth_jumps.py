"""Functions with jumps, at their jumps and beside them.

Rounding has derivative 0 everywhere, also where it jumps; mod has 1 and -floor(x/y), also at its multiples.
"""

from typing import Any

from mpmath import mp, mpf

from tests.corpus.case import Case


def mod(x: Any, y: Any) -> Any:
    return x - y * mp.floor(x / y)


CASES = (
    Case(
        "floor-at-an-integer",
        "floor(x)*x",
        {"x": 2.0},
        lambda x: mp.floor(x) * x,
        "At the jump the selected step is 2: slope 2, with 1 on the left. No derivative exists.",
        kind="jump",
        convention={"x": 2.0},
    ),
    Case(
        "floor-between-integers",
        "floor(x)*x",
        {"x": 2.5},
        lambda x: mp.floor(x) * x,
        "Between the jumps floor is a constant factor.",
    ),
    Case(
        "floor-of-nan-free-path",
        "x - floor(x)",
        {"x": 3.0},
        lambda x: x - mp.floor(x),
        "A saw-tooth at its jump: slope 1 on both sides.",
        kind="jump",
        convention={"x": 1.0},
    ),
    Case(
        "all-roundings-are-flat",
        "floor(x) + ceil(x) + round(x) + trunc(x) + x",
        {"x": -1.7},
        lambda x: mp.floor(x) + mp.ceil(x) + mp.nint(x) + mp.ceil(x) + x,
        "Four functions with derivative 0 and different values at a negative number; no straight-through estimate.",
    ),
    Case(
        "round-half-to-even",
        "round(x) + 3*x",
        {"x": 2.5},
        lambda x: mp.nint(x) + 3 * x,
        "Halves go to the even neighbour, 2; at the jump the slope of the rounding is 0.",
        kind="jump",
        convention={"x": 3.0},
    ),
    Case(
        "sign-at-zero",
        "sign(x) + 2*x",
        {"x": 0.0},
        lambda x: mp.sign(x) + 2 * x,
        "sign jumps at 0, with the value 0 there; its slope is 0 by convention.",
        kind="jump",
        convention={"x": 2.0},
    ),
    Case(
        "heaviside-by-where",
        "where(x >= 0, 1, 0) + x^2",
        {"x": 0.0},
        lambda x: (1 if x >= 0 else 0) + x * x,
        "A step by a comparison: nothing flows through the condition.",
        kind="jump",
        convention={"x": 0.0},
    ),
    Case(
        "mod-in-both-arguments",
        "mod(x, y)",
        {"x": 7.0, "y": 3.0},
        mod,
        "1 in x and -floor(x/y) = -2 in y; the second is usually forgotten.",
        "chainer pull 1617",
    ),
    Case(
        "mod-of-negative",
        "mod(x, y)",
        {"x": -7.0, "y": 3.0},
        mod,
        "Python's remainder has the sign of the divisor: 2 with slope 3 in y; C's fmod gives -1 and 2.",
    ),
    Case(
        "mod-at-its-jump",
        "mod(x, y)",
        {"x": 6.0, "y": 3.0},
        mod,
        "A multiple: the value jumps from 3 to 0 in x; the slopes are 1 and -floor(x/y) = -2.",
        "chainer pull 1617",
        kind="jump",
        convention={"x": 1.0, "y": -2.0},
    ),
    Case(
        "mod-of-a-decimal",
        "mod(x, y)",
        {"x": 1.0, "y": 0.1},
        mod,
        "The float64 0.1 is a little more than a tenth, so it goes into 1 only nine times.",
        "tt-metal issue 56384",
    ),
    Case(
        "remainder-of-broadcast",
        "sum(remainder(x, y))",
        {"x": [5.0], "y": [[2.0], [3.0]]},
        lambda x, y: mod(x[0], y[0][0]) + mod(x[0], y[1][0]),
        "One dividend, two divisors: its slope is 2, summed over the broadcast.",
        "oneflow issue 8769",
    ),
    Case(
        "atan2-branch-cut",
        "atan2(y, x)",
        {"y": 0.0, "x": -1.0},
        lambda y, x: mp.atan2(y, x),
        "The value jumps from -pi to pi across the negative axis, but the slope -1 is the same on both sides.",
        kind="jump",
        convention={"y": -1.0, "x": 0.0},
    ),
    Case(
        "atan2-at-the-origin",
        "atan2(y, x)",
        {"y": 0.0, "x": 0.0},
        lambda y, x: mpf(0),
        "The value is 0 by definition of the function library; there is no gradient, and 0 would be a lie.",
        "PyTorch issue 98276; e3nn issue 112",
        kind="undefined",
        closed=lambda y, x: {"y": "NaN", "x": "NaN"},
        differences=False,
    ),
    Case(
        "atan-of-quotient-at-the-pole",
        "atan(1/x)",
        {"x": 0.0},
        lambda x: mp.nan,
        "The value jumps from -pi/2 to pi/2, so it has no value at 0; the slope tends to -1 on both sides.",
        kind="undefined",
        closed=lambda x: {"x": "NaN"},
        differences=False,
    ),
    Case(
        "direction-of-the-zero-vector",
        "x[0]/norm(x)",
        {"x": [0.0, 0.0]},
        lambda x: mp.nan,
        "0/0 that no limit resolves: the direction depends on the path.",
        kind="undefined",
        closed=lambda x: {"x": ["NaN", "NaN"]},
        differences=False,
    ),
    Case(
        "sign-of-x-over-abs",
        "x/abs(x)",
        {"x": 0.0},
        lambda x: mp.nan,
        "0/0 between -1 and 1: neither value nor slope. A limit from one side would be made up.",
        kind="undefined",
        closed=lambda x: {"x": "NaN"},
        differences=False,
    ),
    Case(
        "log-of-negative",
        "log(x)",
        {"x": -1.0},
        lambda x: mp.nan,
        "Outside the domain 1/x is -1, a perfectly finite slope of a value that does not exist.",
        "JAX, PyTorch (grad of log at -1 is -1)",
        kind="undefined",
        closed=lambda x: {"x": "NaN"},
        differences=False,
    ),
    Case(
        "quantised-step-of-training",
        "sum((round(x*4)/4 - y)^2)",
        {"x": [0.3, 0.9], "y": [1.0, 1.0]},
        lambda x, y: sum((mp.nint(4 * a) / 4 - b) ** 2 for a, b in zip(x, y, strict=True)),
        "Quantisation stops the gradient to x, and not the one to y.",
    ),
)
