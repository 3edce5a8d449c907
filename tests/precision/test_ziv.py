"""Ziv's strategy: results are rounded once and rightly, a 0 is one, and what cannot settle ends early."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from fractions import Fraction
from typing import Any

import mpmath
import numpy as np
import pytest

from engine.errors import BudgetExceeded
from engine.limits import Budget
from engine.verify.ziv import LADDER, ZERO_DIGITS, Settled, agree, nearest, settle
from tests.asking import budget, graph_of_text

MP = mpmath.MPContext()
MP.dps = 1000


def settled(text: str, at: Mapping[str, Any], **given: Any) -> Settled:
    """The value of an expression, settled."""
    graph, arguments = graph_of_text(text, at)
    return settle(graph, arguments, budget(), **given)


def rounded(x: Any) -> float:
    """The float64 nearest to an mpf, by way of whole numbers alone."""
    sign, mantissa, exponent, _ = MP.mpf(x)._mpf_
    size = Fraction(int(mantissa)) * Fraction(2) ** int(exponent)
    try:
        found = size.numerator / size.denominator
    except OverflowError:
        found = math.inf
    return -found if sign else found


SMOOTH: list[tuple[str, Callable[[Any], Any], tuple[float, ...]]] = [
    ("exp(x)", MP.exp, (1e-300, 0.3, 1.0, -37.5, 709.7, 709.9, -700.0, -720.25, -735.5, -744.3, -745.0, -746.0)),
    ("log(x)", MP.log, (5e-324, 1e-310, 0.5, 1 + 2**-52, 1 - 2**-53, 3.0, 1e308)),
    ("x*x", lambda x: x * x, (1.5e-162, 1.6e-162, 3.3e-160, 1e-155, 1.3, 1.3e154, 1.4e154, -1e200)),
    ("x*x*x", lambda x: x * x * x, (1.8e-108, 2.1e-107, 7.7e-106, 0.1, 5.5e102, 6e102)),
    ("1/x", lambda x: 1 / x, (3.0, 7e307, 1.7e308, 1e-308, 6e-309, 5.6e-309, 49.0)),
    ("sin(x)", MP.sin, (1e-320, 3.0, 3.141592653589793, 1e22, 1e15, -0.7)),
    ("cos(x)", MP.cos, (1e-9, 1.5707963267948966, 1e22, 11.0)),
    ("1 - cos(x)", lambda x: 1 - MP.cos(x), (1e-9, 1e-160, 3e-162, 1.0)),
    ("(1 + x) - 1", lambda x: (1 + x) - 1, (1e-200, 1e-16, 5e-324, 0.1, -1e-300)),
    ("exp(x) - 1 - x", lambda x: MP.exp(x) - 1 - x, (1e-9, 1e-100, -3e-155, 2.2e-162, 1.0)),
    ("tanh(x)", MP.tanh, (1e-8, 20.0, 5e-324, 0.3)),
    ("1 - tanh(x)", lambda x: 1 - MP.tanh(x), (20.0, 200.0, 370.5, 372.0, 372.8)),
    ("erfc(x)", MP.erfc, (0.1, 5.0, 26.5, 27.0, 27.2, 27.22)),
    ("gamma(x)", MP.gamma, (0.5, 1e-300, 20.5, 171.6, 171.7, -150.5, -170.3, -176.5)),
    ("x^0.3", lambda x: x ** MP.mpf(0.3), (5e-324, 1e-300, 2.0, 1e308)),
    ("sqrt(x)", MP.sqrt, (5e-324, 2.0, 1e308, 1.0000000000000002)),
    ("log(1 + exp(-x))", lambda x: MP.log(1 + MP.exp(-x)), (-5.0, 40.0, 700.0, 740.3, 745.0)),
    ("sqrt(x + 1) - sqrt(x)", lambda x: MP.sqrt(x + 1) - MP.sqrt(x), (1e16, 1e100, 1e300, 0.3)),
    ("sin(x)/x", lambda x: MP.sin(x) / x, (1e-300, 1e-8, 2.0, 3.141592653589793)),
    ("1 + ((1 + x) - 1)/x", lambda x: MP.mpf(2), (1e-200, 1e-30, 1e-50, 1e-16, 1e-300)),
    ("1 + (exp(x) - 1)/x", lambda x: 1 + (MP.exp(x) - 1) / x, (1e-200, 1e-45, 0.5)),
    ("3 + (1 - cos(x))/x^2", lambda x: 3 + (1 - MP.cos(x)) / x**2, (1e-120, 1e-60, 1e-25, 1.0)),
    ("2 + log(1 + exp(-x))*exp(x)", lambda x: 2 + MP.log(1 + MP.exp(-x)) * MP.exp(x), (500.0, 120.0, 3.0)),
]  # fmt: skip
POINTS = [(text, truth, x) for text, truth, points in SMOOTH for x in points]


def test_there_are_points_enough() -> None:
    truths = [abs(rounded(truth(MP.mpf(x)))) for _, truth, x in POINTS]
    assert len(POINTS) >= 110
    assert sum(0 < size < 2.0**-1022 for size in truths) >= 15
    assert sum(size == math.inf for size in truths) >= 5
    assert sum(size == 0 for size in truths) >= 3


@pytest.mark.parametrize(("text", "truth", "x"), POINTS, ids=[f"{text} at {x}" for text, _, x in POINTS])
def test_a_result_is_the_nearest_number(text: str, truth: Callable[[Any], Any], x: float) -> None:
    found = settled(text, {"x": x})
    assert found.all
    assert found.outputs[0].dtype == np.float64
    assert found.outputs[0][()] == rounded(truth(MP.mpf(x)))


def test_numbers_far_below_the_least_one_are_0_at_once() -> None:
    tiny = mpmath.mpf(2) ** -(10**40)
    assert (nearest(tiny), math.copysign(1.0, nearest(-tiny))) == (0.0, -1.0)
    assert math.copysign(1.0, nearest(tiny)) == 1.0
    for exponent in (-1074, -1075, -1076, -1077):
        for parts in (1, 1 + 2**-60, 1.5, 2 - 2**-50):
            x = mpmath.mpf(parts) * mpmath.mpf(2) ** exponent
            units = x * mpmath.mpf(2) ** 1074
            assert nearest(x) == math.ldexp(int(mpmath.nint(units)), -1074), (exponent, parts)


@pytest.mark.parametrize(
    ("units", "nearest_units"),
    [(0.5, 0), (0.5000001, 1), (0.25, 0), (1.5, 2), (2.5, 2), (2.4999, 2), (2**51 + 0.5, 2**51),
     (2**51 + 1.5, 2**51 + 2),
     (2**52 - 0.5, 2**52), (2**52 - 1.5, 2**52 - 2), (2**53 - 0.5, 2**53), (-1.5, -2), (-0.5, 0)],
)  # fmt: skip
def test_halves_of_subnormal_numbers_go_to_the_even_one(units: float, nearest_units: int) -> None:
    found = nearest(MP.mpf(units) * MP.mpf(2) ** -1074)
    assert found == nearest_units * 5e-324
    assert math.copysign(1.0, found) == math.copysign(1.0, units)


def test_a_number_is_not_rounded_twice() -> None:
    # To 53 bits first, it would become a half of the least unit, and then the even number above.
    below = MP.mpf(2) ** -1074 * (MP.mpf(2.5) - MP.mpf(2) ** -60)
    above = MP.mpf(2) ** -1074 * (MP.mpf(2.5) + MP.mpf(2) ** -60)
    assert nearest(below) == 2 * 5e-324
    assert nearest(above) == 3 * 5e-324
    assert nearest(MP.inf) == math.inf
    assert math.isnan(nearest(MP.nan))


def test_zero_is_believed_with_many_digits_only() -> None:
    ordinary = settled("x*x - x*x", {"x": 0.3})
    assert ordinary.all
    assert ordinary.outputs[0] == 0
    cancelled = settled("sin(x)^2 + cos(x)^2 - 1", {"x": 0.3})
    assert cancelled.outputs[0] == 0
    assert cancelled.digits >= ZERO_DIGITS
    tiny = settled("(1 + x) - 1", {"x": 1e-300})
    assert tiny.outputs[0] == 1e-300


def test_a_pole_behind_a_cancellation_is_no_number() -> None:
    found = settled("1/((1 + x) - 1 - x)", {"x": 1e-200})
    assert not found.all


MP40, MP80 = mpmath.MPContext(), mpmath.MPContext()
MP40.dps, MP80.dps = 40, 80
AGREEMENT: list[tuple[Any, Any, bool, bool]] = [
    (MP40.mpf(1), MP80.mpf(1), False, True),
    (MP40.mpf(0), MP80.mpf(0), False, False),
    (MP40.mpf(0), MP80.mpf(0), True, True),
    (MP40.mpf("1e-700"), MP80.mpf("-1e-800"), True, True),
    (MP40.mpf("1e-700"), MP80.mpf("-1e-800"), False, False),
    (MP40.nan, MP80.nan, True, False),
    (MP40.mpf(1), MP80.nan, True, False),
    (MP40.inf, MP80.inf, False, True),
    (MP40.inf, MP80.mpf(3), False, False),
    (MP40.inf, -MP80.inf, False, False),
    (MP40.mpf(1) / 3, MP80.mpf(1) / 3, False, True),
    (MP40.mpf("1.000000000000000001"), MP80.mpf(1), False, False),
    # The same to 25 digits, and on two sides of the middle between two numbers.
    (1 + MP40.mpf(2) ** -53 - MP40.mpf(10) ** -25, 1 + MP80.mpf(2) ** -53 + MP80.mpf(10) ** -25, False, False),
]


@pytest.mark.parametrize(("a", "b", "zero", "expected"), AGREEMENT)
def test_agreement(a: Any, b: Any, zero: bool, expected: bool) -> None:
    assert agree(a, b, zero) is expected


def test_what_is_no_number_ends_early() -> None:
    found = settled("log(x)", {"x": -1.0})
    assert math.isnan(found.outputs[0][()])
    assert not found.sure[0]
    assert found.digits == LADDER[1]


def test_what_is_no_number_does_not_keep_others_from_settling() -> None:
    found = settled("[log(x), sin(x), 1 - cos(x*1e-9)]", {"x": -1.0})
    np.testing.assert_array_equal(found.sure[0], [False, True, True])
    assert found.outputs[0][2] == rounded(1 - MP.cos(MP.mpf(-1e-9)))


@pytest.mark.parametrize(
    ("text", "expected"), [("x > 1", [False, True]), ("argsort(-x)", [1, 0]), ("floor(x)", [1.0, 2.0])]
)
def test_integers_and_truth_values_stay_what_they_are(text: str, expected: list[Any]) -> None:
    found = settled(text, {"x": [1.0, 2.0]})
    assert found.all
    np.testing.assert_array_equal(found.outputs[0], expected)
    assert found.outputs[0].dtype.kind == np.asarray(expected).dtype.kind
    assert found.digits == LADDER[1]


def test_arrays_settle_element_by_element() -> None:
    x = np.array([[1e-9, 0.5], [0.0, 3.0]])
    found = settled("1 - cos(x)", {"x": x})
    assert found.all
    np.testing.assert_array_equal(found.outputs[0], [[rounded(1 - MP.cos(MP.mpf(float(v)))) for v in row] for row in x])
    assert settled("x", {"x": np.zeros((0, 3))}).outputs[0].shape == (0, 3)


def test_only_what_is_needed_is_sure() -> None:
    needed = np.array([False, True, True])
    found = settled("exp(x)", {"x": [1.0, 2.0, 1e-300]}, needed=[needed])
    np.testing.assert_array_equal(found.sure[0], needed)
    np.testing.assert_array_equal(found.outputs[0][1:], [rounded(MP.exp(2)), 1.0])


def test_the_budget_is_respected() -> None:
    graph, arguments = graph_of_text("sum(exp(x)*sin(x))", {"x": np.linspace(0, 1, 2000)})
    with pytest.raises(BudgetExceeded):
        settle(graph, arguments, Budget.starting_now(0.0))
    with pytest.raises(BudgetExceeded):
        settle(graph, arguments, Budget.starting_now(0.01))
    withdrawn = budget()
    withdrawn.cancelled = True
    with pytest.raises(BudgetExceeded):
        settle(graph, arguments, withdrawn)
