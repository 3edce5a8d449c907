"""Products with logarithms, the sum of exponentials, and sinc."""

from __future__ import annotations

from math import factorial, pi
from typing import Any

import numpy as np
from scipy import special

from engine.graph.values import Value
from engine.primitives.activations import sigmoid
from engine.primitives.arithmetic import divide, equal, isfinite, logical_and, logical_not, select
from engine.primitives.function import Points
from engine.primitives.powers import ln, log1p
from engine.primitives.record import Elementwise, elementwise

G = "special"


def _share(x: Value, y: Value, pole: float) -> Value:
    # x / (y - pole), and 0 at (0, pole): along x = 0 the function is constant.
    both = logical_and(equal(x, 0.0), equal(y, pole))
    return select(both, 0.0, divide(x, select(both, 1.0, y if pole == 0.0 else y - pole)))


def _xlogy_precise(mp: Any, x: Any, y: Any) -> Any:
    if x == 0:
        return mp.mpf(0)
    return x * mp.log(y) if y > 0 else -x * mp.inf if y == 0 else mp.nan


xlogy: Elementwise = elementwise(
    "xlogy",
    special.xlogy,
    (lambda x, y, out: ln(y), lambda x, y, out: _share(x, y, 0.0)),
    group=G,
    summary="x log(y), and 0 where x = 0.",
    domain="y > 0, or x = y = 0",
    inside=lambda x, y: (y > 0) | ((x == 0) & (y == 0)),
    precise=_xlogy_precise,
    symbolic=lambda sp, x, y: x * sp.log(y),
    points=Points(((-3.0, 3.0), (0.2, 4.0)), ((0.0, 2.0), (0.0, 1e-300), (1e300, 1.0), (2.0, 1e-100))),
    nanoseconds=10.0,
)
xlog1py: Elementwise = elementwise(
    "xlog1py",
    special.xlog1py,
    (lambda x, y, out: log1p(y), lambda x, y, out: _share(x, y, -1.0)),
    group=G,
    summary="x log(1 + y), and 0 where x = 0.",
    domain="y > -1, or x = 0 and y = -1",
    inside=lambda x, y: (y > -1) | ((x == 0) & (y == -1)),
    precise=lambda mp, x, y: _xlogy_precise(mp, x, 1 + y) if y < -0.5 or x == 0 else x * mp.log1p(y),
    symbolic=lambda sp, x, y: x * sp.log(1 + y),
    points=Points(((-3.0, 3.0), (-0.8, 4.0)), ((0.0, 2.0), (2.0, 1e-300), (0.0, 0.0), (1.0, -1 + 2.0**-40))),
    nanoseconds=12.0,
)
entr: Elementwise = elementwise(
    "entr",
    special.entr,
    lambda x, out: -1.0 - ln(x),
    group=G,
    summary="-x log(x), 0 at 0: the entropy of one outcome.",
    domain="x >= 0",
    inside=lambda x: x >= 0,
    precise=lambda mp, x: -x * mp.log(x) if x > 0 else mp.mpf(0) if x == 0 else -mp.inf,
    symbolic=lambda sp, x: -x * sp.log(x),
    points=Points(((0.05, 3.0),), ((1.0,), (1e-300,), (1e300,))),
    nanoseconds=10.0,
)


def _difference(x: Value, y: Value) -> Value:
    # Equal infinities share equally, as equal finite numbers do.
    same = logical_and(equal(x, y), logical_not(isfinite(x)))
    return select(same, 0.0, x - y)


def _logaddexp_precise(mp: Any, x: Any, y: Any) -> Any:
    if mp.isinf(x) or mp.isinf(y):
        return max(x, y)
    return max(x, y) + mp.log1p(mp.exp(-abs(x - y)))


logaddexp: Elementwise = elementwise(
    "logaddexp",
    np.logaddexp,
    (lambda x, y, out: sigmoid(_difference(x, y)), lambda x, y, out: sigmoid(_difference(y, x))),
    group=G,
    summary="log(exp(x) + exp(y)) without overflow.",
    precise=_logaddexp_precise,
    symbolic=lambda sp, x, y: sp.log(sp.exp(x) + sp.exp(y)),
    points=Points(((-3.0, 3.0), (-3.0, 3.0)), ((1.0, 1.0), (700.0, -700.0), (-1e5, -1e5), (1e5, 1e5 + 1))),
    note="Equal infinite arguments share the derivative: 1/2 each.",
    nanoseconds=15.0,
)


def _sine_cosine(x: Any) -> tuple[Any, Any]:
    """sin(pi x) and cos(pi x), with exact zeros: x is reduced modulo 2 before it meets pi."""
    nearest = np.rint(x)
    rest = x - nearest
    flip = 1.0 - 2.0 * np.abs(np.fmod(nearest, 2.0))
    size = np.abs(rest)
    inner = size <= 0.25
    angle = np.where(inner, size, 0.5 - size) * pi
    sine, cosine = np.sin(angle), np.cos(angle)
    return flip * np.copysign(np.where(inner, sine, cosine), rest), flip * np.where(inner, cosine, sine)


def _sinc_value(x: Any, *, order: int = 0) -> Any:
    x = np.asarray(x, dtype=np.float64)
    size = np.abs(x)
    if order == 0:
        usual = np.where((size == 0.0) | np.isinf(size), 1.0, size)
        value = _sine_cosine(usual)[0] / (usual * pi)
        return np.where(size == 0.0, 1.0, np.where(np.isinf(size), 0.0, value))[()]
    # f(z) = sin(z)/z obeys z f^(k) + k f^(k-1) = sin^(k)(z), a recurrence upwards that is stable for z beyond k; below
    # that, the power series.
    near = size * pi < 3.0 + 0.5 * order
    far = np.where(near | np.isinf(size), 1.0, size)
    sines = _sine_cosine(far)
    z = far * pi
    result = sines[0] / z
    for k in range(1, order + 1):
        turned = sines[k % 2] * (-1.0 if k % 4 > 1 else 1.0)
        result = (turned - k * result) / z
    first = (order + 1) // 2
    coefficients = [
        (-1.0) ** m / ((2 * m + 1) * factorial(2 * m - order)) for m in range(first, first + 16 + order // 2)
    ]
    w = np.where(near, size * pi, 0.0)
    series = np.polynomial.polynomial.polyval(w * w, coefficients) * w ** (2 * first - order)
    sign = np.where(x < 0.0, -1.0, 1.0) if order % 2 else 1.0
    result = np.where(near, series, np.where(np.isinf(size), 0.0, result))
    return (result * (sign * pi**order))[()]


def _sinc_symbolic(sp: Any, x: Any, order: int) -> Any:
    if not order:
        return sp.sinc(sp.pi * x)
    t = sp.Dummy(real=True)
    return sp.diff(sp.sinc(sp.pi * t), t, order).subs(t, x)


sinc: Elementwise = elementwise(
    "sinc",
    _sinc_value,
    lambda x, out, *, order=0: sinc(x, order=order + 1),
    group=G,
    summary="sin(pi x) / (pi x), 1 at 0.",
    precise=lambda mp, x, *, order=0: mp.diff(mp.sincpi, x, order) if order else mp.sincpi(x),
    symbolic=lambda sp, x, *, order=0: _sinc_symbolic(sp, x, order),
    points=Points(((-3.0, 3.0),), ((0.0,), (1e-300,), (1e-5,), (1.0,), (1e6 + 0.25,))),
    nanoseconds=150.0,
)
