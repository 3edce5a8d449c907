"""Activation functions: rectifiers and the logistic family."""

from __future__ import annotations

from typing import Any

import numpy as np

from engine.graph.primitive import Kink
from engine.graph.values import Value
from engine.primitives.arithmetic import reciprocal, square
from engine.primitives.error_function import erfc_precise, ndtr, normal_density
from engine.primitives.error_function_values import ndtr as ndtr_value
from engine.primitives.function import Example, Points, function
from engine.primitives.kinks import abs_, at_zero, step
from engine.primitives.record import Elementwise, elementwise
from engine.primitives.trigonometry import tanh

G = "activations"
SELU_ALPHA, SELU_SCALE = 1.6732632423543772848, 1.0507009873554804934

relu: Elementwise = elementwise(
    "relu",
    lambda x: np.maximum(x, 0.0),
    lambda x, out: step(x, 0.0),
    group=G,
    summary="max(x, 0).",
    kink=Kink(at_zero, "derivative 1/2 at 0, as in max(x, 0)", 0.0, 1.0),
    precise=lambda mp, x: x if x > 0 or mp.isnan(x) else mp.mpf(0),
    symbolic=lambda sp, x: sp.Max(x, 0),
    points=Points(((0.2, 4.0),), ((-2.0,), (1e-300,), (-1e-300,), (1e308,), (-1e308,))),
    nanoseconds=1.0,
)

_leaky_relu: Elementwise = elementwise(
    "leaky_relu",
    lambda x, *, slope: np.where(x > 0.0, x, slope * x)[()],
    lambda x, out, *, slope: step(x, 0.0) + step(0.0, x) * slope,
    kink=Kink(lambda x, *, slope: at_zero(x) & (slope != 1.0), "derivative (1 + slope)/2 at 0"),
    precise=lambda mp, x, *, slope: x if x > 0 else slope * x,
    symbolic=lambda sp, x, *, slope: sp.Max(x, 0) + sp.Rational(slope) * sp.Min(x, 0),
    public=False,
)


@function(
    G,
    kink="derivative (1 + slope)/2 at 0",
    examples=(
        Example("leaky_relu(x)", {"x": 2.0}),
        Example("leaky_relu(x)", {"x": -2.0}),
        Example("leaky_relu(x, slope=0.5)", {"x": 0.0}, smooth=False, grad={"x": 0.75}),
    ),
    reference=lambda x, slope=0.01: np.where(x > 0, x, slope * x),
)
def leaky_relu(x: Value, slope: float = 0.01) -> Value:
    """x where x > 0, slope * x elsewhere."""
    return _leaky_relu(x, slope=float(slope))


def _elu_value(x: Any, *, alpha: float, order: int = 0) -> Any:
    if order == 0:
        return np.where(x > 0.0, x, alpha * np.expm1(np.minimum(x, 0.0)))[()]
    right = 1.0 if order == 1 else 0.0
    left = alpha * np.exp(np.minimum(x, 0.0))
    return np.where(x > 0.0, right, np.where(x == 0.0, (right + alpha) / 2.0, left))[()]


def _elu_precise(mp: Any, x: Any, *, alpha: float, order: int = 0) -> Any:
    if order == 0:
        return x if x > 0 else alpha * mp.expm1(x)
    right = mp.mpf(order == 1)
    return right if x > 0 else alpha * mp.exp(x) if x < 0 else (right + alpha) / 2


def _elu_symbolic(sp: Any, x: Any, *, alpha: float, order: int = 0) -> Any:
    exact = sp.Rational(alpha)
    if order == 0:
        return sp.Piecewise((x, x > 0), (exact * (sp.exp(x) - 1), True))
    right = sp.Integer(order == 1)
    return sp.Piecewise((right, x > 0), ((right + exact) / 2, sp.Eq(x, 0)), (exact * sp.exp(x), True))


_elu: Elementwise = elementwise(
    "elu",
    _elu_value,
    lambda x, out, *, alpha, order=0: _elu(x, alpha=alpha, order=order + 1),
    kink=Kink(
        lambda x, *, alpha, order=0: at_zero(x) & (alpha != (order < 2)),
        "the mean of both sides at 0: derivative (1 + alpha)/2",
    ),
    precise=_elu_precise,
    symbolic=_elu_symbolic,
    nanoseconds=12.0,
    public=False,
)


def _elu_reference(x: Any, alpha: float = 1.0) -> Any:
    return np.where(x > 0, x, alpha * np.expm1(np.minimum(x, 0)))


@function(
    G,
    kink="derivative (1 + alpha)/2 at 0, where alpha is not 1",
    examples=(
        Example("elu(x)", {"x": -1.5}),
        Example("elu(x)", {"x": 2.0}),
        Example("elu(x, alpha=2)", {"x": 0.0}, smooth=False, grad={"x": 1.5}),
    ),
    reference=_elu_reference,
)
def elu(x: Value, alpha: float = 1.0) -> Value:
    """x where x > 0, alpha * (exp(x) - 1) elsewhere."""
    return _elu(x, alpha=float(alpha))


@function(
    G,
    kink="the mean of both sides at 0: derivative scale * (1 + alpha)/2",
    examples=(
        Example("selu(x)", {"x": -1.5}),
        Example("selu(x)", {"x": 2.0}),
        Example("selu(x)", {"x": 0.0}, smooth=False, grad={"x": SELU_SCALE * (1 + SELU_ALPHA) / 2}),
    ),
    reference=lambda x: SELU_SCALE * _elu_reference(x, SELU_ALPHA),
)
def selu(x: Value) -> Value:
    """1.0507... * elu(x, alpha=1.6732...): the self-normalising choice (Klambauer et al. 2017)."""
    return _elu(x, alpha=SELU_ALPHA) * SELU_SCALE


gelu: Elementwise = elementwise(
    "gelu",
    lambda x: np.maximum(x, -1e3) * ndtr_value(x),
    lambda x, out: ndtr(x) + x * normal_density(x),
    group=G,
    summary="x ndtr(x), the exact form and not its tanh approximation.",
    precise=lambda mp, x: x * erfc_precise(mp, -x / mp.sqrt(2)) / 2,
    symbolic=lambda sp, x: x * sp.erfc(-x / sp.sqrt(2)) / 2,
    points=Points(((-3.0, 3.0),), ((0.0,), (-37.0,), (20.0,), (1e-300,), (1e10,))),
    nanoseconds=60.0,
)


def _sigmoid_value(x: Any) -> Any:
    small = np.exp(-np.abs(x))
    return np.where(x < 0.0, small, 1.0)[()] / (1.0 + small)


def _sigmoid_precise(mp: Any, x: Any) -> Any:
    return 1 / (1 + mp.exp(-x)) if x >= 0 else mp.exp(x) / (1 + mp.exp(x))


sigmoid: Elementwise = elementwise(
    "sigmoid",
    _sigmoid_value,
    lambda x, out: logistic_density(x),
    group=G,
    summary="1 / (1 + exp(-x)).",
    aliases=("expit", "logistic"),
    precise=_sigmoid_precise,
    symbolic=lambda sp, x: 1 / (1 + sp.exp(-x)),
    points=Points(((-4.0, 4.0),), ((0.0,), (1e-10,), (-700.0,), (700.0,), (40.0,))),
    nanoseconds=17.0,
)


def _logistic_density_value(x: Any) -> Any:
    small = np.exp(-np.abs(x))
    return small / np.square(1.0 + small)


# sigmoid(x) sigmoid(-x), with a derivative that does not cancel near 0, where the difference of the two factors would.
logistic_density: Elementwise = elementwise(
    "logistic_density",
    _logistic_density_value,
    lambda x, out: -(out * tanh(x * 0.5)),
    precise=lambda mp, x: mp.exp(-abs(x)) / (1 + mp.exp(-abs(x))) ** 2,
    symbolic=lambda sp, x: 1 / (2 + sp.exp(x) + sp.exp(-x)),
    nanoseconds=10.0,
    public=False,
)


def _silu_value(x: Any) -> Any:
    # exp(x) becomes subnormal before x exp(x) does.
    half = np.exp(0.5 * np.clip(x, -1e4, 0.0))
    return np.where(x < -700.0, np.maximum(x, -1e4) * half * half, x * _sigmoid_value(np.maximum(x, -700.0)))[()]


silu: Elementwise = elementwise(
    "silu",
    _silu_value,
    lambda x, out: sigmoid(x) + x * logistic_density(x),
    group=G,
    summary="x sigmoid(x).",
    aliases=("swish",),
    precise=lambda mp, x: x * _sigmoid_precise(mp, x),
    symbolic=lambda sp, x: x / (1 + sp.exp(-x)),
    points=Points(((-4.0, 4.0),), ((0.0,), (-700.0,), (700.0,), (1e300,))),
    nanoseconds=30.0,
)


def _softplus_precise(mp: Any, x: Any) -> Any:
    return max(x, mp.mpf(0)) + mp.log1p(mp.exp(-abs(x)))


softplus: Elementwise = elementwise(
    "softplus",
    lambda x: np.logaddexp(x, 0.0),
    lambda x, out: sigmoid(x),
    group=G,
    summary="log(1 + exp(x)).",
    precise=_softplus_precise,
    symbolic=lambda sp, x: sp.log(1 + sp.exp(x)),
    points=Points(((-4.0, 4.0),), ((0.0,), (-700.0,), (700.0,), (1e300,))),
    nanoseconds=15.0,
)
log_sigmoid: Elementwise = elementwise(
    "log_sigmoid",
    lambda x: -np.logaddexp(-x, 0.0),
    lambda x, out: sigmoid(-x),
    group=G,
    summary="log(sigmoid(x)).",
    aliases=("logsigmoid",),
    precise=lambda mp, x: -_softplus_precise(mp, -x),
    symbolic=lambda sp, x: -sp.log(1 + sp.exp(-x)),
    points=Points(((-4.0, 4.0),), ((0.0,), (-700.0,), (700.0,), (-1e300,))),
    nanoseconds=20.0,
)
softsign: Elementwise = elementwise(
    "softsign",
    lambda x: np.where(np.isinf(x), np.sign(x), x / (1.0 + np.abs(x)))[()],
    lambda x, out: square(reciprocal(1.0 + abs_(x))),
    group=G,
    summary="x / (1 + |x|).",
    precise=lambda mp, x: x / (1 + abs(x)),
    symbolic=lambda sp, x: x / (1 + sp.Abs(x)),
    points=Points(((0.1, 4.0),), ((-2.0,), (1e-300,), (-1e-300,), (1e100,))),
    nanoseconds=10.0,
)
