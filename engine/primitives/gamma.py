"""The gamma and beta functions, their logarithms, and the polygamma functions."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy import special

from engine.errors import InvalidRequest
from engine.graph.values import Value
from engine.primitives import gamma_values as values
from engine.primitives.function import Example, Points, function
from engine.primitives.record import Elementwise, elementwise

G = "special"
POLYGAMMA_ORDERS = 100
_NO_POLE = "x not 0, -1, -2, ..."


def _no_pole(x: Any) -> Any:
    return (x > 0) | (x != np.floor(x))


gamma: Elementwise = elementwise(
    "gamma",
    special.gamma,
    lambda x, out: out * digamma(x),
    group=G,
    summary="Gamma function: (x - 1)! for integers.",
    domain=_NO_POLE,
    inside=_no_pole,
    precise=lambda mp, x: mp.gamma(x),
    symbolic=lambda sp, x: sp.gamma(x),
    points=Points(((0.3, 6.0),), ((-1.5,), (1e-100,), (150.0,), (-20.5,))),
    nanoseconds=17.0,
)
lgamma: Elementwise = elementwise(
    "lgamma",
    values.lgamma,
    lambda x, out: digamma(x),
    group=G,
    summary="log(|gamma(x)|) without overflow.",
    aliases=("gammaln", "loggamma"),
    domain=_NO_POLE,
    inside=_no_pole,
    precise=lambda mp, x: mp.re(mp.loggamma(x)),
    symbolic=lambda sp, x: sp.loggamma(x),
    points=Points(((0.3, 6.0),), ((1.0,), (2.0,), (1e-100,), (1e10,), (1e100,))),
    nanoseconds=100.0,
)
digamma: Elementwise = elementwise(
    "digamma",
    lambda x: values.polygamma(x, order=0),
    lambda x, out: _polygamma(x, order=1),
    group=G,
    summary="Derivative of lgamma.",
    aliases=("psi",),
    domain=_NO_POLE,
    inside=_no_pole,
    precise=lambda mp, x: mp.digamma(x),
    symbolic=lambda sp, x: sp.polygamma(0, x),
    points=Points(((0.3, 6.0),), ((-1.25,), (-6.998,), (1e-100,), (1e100,))),
    nanoseconds=110.0,
)
_polygamma: Elementwise = elementwise(
    "polygamma",
    values.polygamma,
    lambda x, out, *, order: _polygamma(x, order=order + 1),
    domain=_NO_POLE,
    inside=_no_pole,
    precise=lambda mp, x, *, order: mp.polygamma(order, x),
    symbolic=lambda sp, x, *, order: sp.polygamma(order, x),
    nanoseconds=400.0,
    public=False,
)


@function(
    G,
    domain=_NO_POLE,
    examples=(
        Example("polygamma(1, x)", {"x": 2.5}),
        Example("polygamma(0, x)", {"x": 0.5}),
        Example("polygamma(2, x)", {"x": -1.25}),
    ),
    reference=special.polygamma,
)
def polygamma(n: int, x: Value) -> Value:
    """The n-th derivative of digamma."""
    if not 0 <= n <= POLYGAMMA_ORDERS:
        raise InvalidRequest(f"polygamma takes orders from 0 to {POLYGAMMA_ORDERS}, not {n}.")
    return _polygamma(x, order=n) if n else digamma(x)


def _positive(a: Any, b: Any) -> Any:
    return (a > 0) & (b > 0)


# digamma(a + b) - digamma(a), whose terms would cancel where b is much smaller than a; order: the same of polygamma.
digamma_difference: Elementwise = elementwise(
    "digamma_difference",
    values.digamma_difference,
    (
        lambda a, b, out, *, order=0: digamma_difference(a, b, order=order + 1),
        lambda a, b, out, *, order=0: _polygamma(a + b, order=order + 1),
    ),
    arguments=("a", "b"),
    domain="a > 0, b > 0",
    inside=_positive,
    precise=lambda mp, a, b, *, order=0: mp.polygamma(order, a + b) - mp.polygamma(order, a),
    symbolic=lambda sp, a, b, *, order=0: sp.polygamma(order, a + b) - sp.polygamma(order, a),
    nanoseconds=450.0,
    public=False,
)
betaln: Elementwise = elementwise(
    "betaln",
    values.betaln,
    (lambda a, b, out: -digamma_difference(a, b), lambda a, b, out: -digamma_difference(b, a)),
    group=G,
    summary="log(beta(a, b)) without cancellation.",
    aliases=("lbeta",),
    arguments=("a", "b"),
    domain="a > 0, b > 0",
    inside=_positive,
    precise=lambda mp, a, b: mp.loggamma(a) + mp.loggamma(b) - mp.loggamma(a + b),
    symbolic=lambda sp, a, b: sp.loggamma(a) + sp.loggamma(b) - sp.loggamma(a + b),
    points=Points(
        ((0.3, 6.0), (0.3, 6.0)), ((1e-10, 2.0), (1e5, 1.0), (1e10, 1e-3), (1e8, 1e8), (0.5, 0.5), (40.0, 12.0))
    ),
    nanoseconds=600.0,
)
beta: Elementwise = elementwise(
    "beta",
    values.beta,
    (lambda a, b, out: -(out * digamma_difference(a, b)), lambda a, b, out: -(out * digamma_difference(b, a))),
    group=G,
    summary="Beta function: gamma(a) gamma(b) / gamma(a + b).",
    arguments=("a", "b"),
    domain="a > 0, b > 0",
    inside=_positive,
    precise=lambda mp, a, b: mp.beta(a, b),
    symbolic=lambda sp, a, b: sp.gamma(a) * sp.gamma(b) / sp.gamma(a + b),
    points=Points(((0.3, 6.0), (0.3, 6.0)), ((1e5, 1.0), (40.0, 30.0), (0.5, 0.5))),
    nanoseconds=1000.0,
)
