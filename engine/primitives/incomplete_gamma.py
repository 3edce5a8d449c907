"""The regularised incomplete gamma functions, differentiable in both arguments."""

from __future__ import annotations

from typing import Any

from engine.graph.values import Value
from engine.primitives import incomplete_gamma_values as values
from engine.primitives.function import Points
from engine.primitives.record import Elementwise, elementwise

G = "special"
_DOMAIN = "a > 0, x >= 0"
_POINTS = Points(
    ((0.4, 6.0), (0.3, 8.0)), ((1.0, 1.0), (0.5, 1e-10), (30.0, 10.0), (50.0, 47.0), (50.0, 90.0), (1e-3, 2.0))
)


def _inside(a: Any, x: Any) -> Any:
    return (a > 0) & (x >= 0)


def _density_in_x(a: Value, x: Value, out: Value, *, shift: int = 0, order: int = 0) -> Value:
    # The derivative of (a - 1 - shift - x) times the density with one more shift, by Leibniz in a.
    slope = (a - (1.0 + shift) - x) * gamma_density(a, x, shift=shift + 1, order=order)
    return slope + gamma_density(a, x, shift=shift + 1, order=order - 1) * float(order) if order else slope


def _precise_density(mp: Any, a: Any, x: Any, *, shift: int = 0, order: int = 0) -> Any:
    def value(t: Any) -> Any:
        return mp.exp((t - 1 - shift) * mp.log(x) - x) * mp.rgamma(t)

    return mp.diff(value, a, order) if order else value(a)


# x^(a - 1 - shift) exp(-x) / gamma(a), and its derivatives in a.
gamma_density: Elementwise = elementwise(
    "gamma_density",
    values.density,
    (
        lambda a, x, out, *, shift=0, order=0: gamma_density(a, x, shift=shift, order=order + 1),
        _density_in_x,
    ),
    arguments=("a", "x"),
    domain=_DOMAIN,
    inside=_inside,
    precise=_precise_density,
    symbolic=lambda sp, a, x, *, shift=0, order=0: _symbolic_derivative(
        sp, lambda t: x ** (t - 1 - shift) * sp.exp(-x) / sp.gamma(t), a, order
    ),
    nanoseconds=150.0,
    public=False,
)


def _symbolic_derivative(sp: Any, function: Any, a: Any, order: int) -> Any:
    if not order:
        return function(a)
    t = sp.Dummy(positive=True)
    return sp.diff(function(t), t, order).subs(t, a)


def _precise_lower(mp: Any, a: Any, x: Any) -> Any:
    """P(a, x) by Kummer's series, whose terms are positive."""
    if x == 0:
        return mp.mpf(0)
    return mp.exp(a * mp.log(x) - x - mp.loggamma(a + 1)) * mp.hyp1f1(1, a + 1, x)


def _precise_upper(mp: Any, a: Any, x: Any) -> Any:
    if x < a + 1:
        return 1 - _precise_lower(mp, a, x)
    return mp.exp(a * mp.log(x) - x - mp.loggamma(a)) * mp.hyperu(1, a + 1, x)


# No symbolic twins: sympy's derivative in a is a Meijer G function that it cannot evaluate in a minute.
gammainc: Elementwise = elementwise(
    "gammainc",
    values.lower,
    (
        lambda a, x, out, *, order=0: gammainc(a, x, order=order + 1),
        lambda a, x, out, *, order=0: gamma_density(a, x, order=order),
    ),
    group=G,
    summary="Regularised lower incomplete gamma function P(a, x).",
    aliases=("gammainc_lower",),
    arguments=("a", "x"),
    domain=_DOMAIN,
    inside=_inside,
    precise=lambda mp, a, x, *, order=0: (
        mp.diff(lambda t: _precise_lower(mp, t, x), a, order) if order else _precise_lower(mp, a, x)
    ),
    points=_POINTS,
    nanoseconds=3500.0,
)
gammaincc: Elementwise = elementwise(
    "gammaincc",
    values.upper,
    (lambda a, x, out: -gammainc(a, x, order=1), lambda a, x, out: -gamma_density(a, x)),
    group=G,
    summary="Regularised upper incomplete gamma function Q(a, x) = 1 - P(a, x), without cancellation.",
    aliases=("gammainc_upper",),
    arguments=("a", "x"),
    domain=_DOMAIN,
    inside=_inside,
    precise=_precise_upper,
    points=_POINTS,
    nanoseconds=2800.0,
)
