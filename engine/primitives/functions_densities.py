"""Logarithms of densities of continuous distributions, element by element, with numpy's broadcasting.

Outside of the support they are -Infinity, chosen by a condition, so that gradients there are 0 and not NaN.
"""

from __future__ import annotations

from math import inf, log, nan, pi
from typing import Any

import numpy as np
import scipy

from engine.graph.build import constant
from engine.graph.values import Value
from engine.primitives.arithmetic import divide, isnan, less, less_equal, logical_and, logical_or, select, square
from engine.primitives.densities import HALF_LOG_TAU, log1p_square, log_i0e, log_logistic
from engine.primitives.function import Example, function
from engine.primitives.functions_reduce import as_real
from engine.primitives.gamma import betaln, lgamma
from engine.primitives.kinks import abs_
from engine.primitives.powers import ln, log1p, power, sqrt
from engine.primitives.special import xlog1py, xlogy
from engine.primitives.trigonometry import sin

G = "distributions"


def real(x: Value | float) -> Value:
    """An operand as real numbers."""
    return as_real(x if isinstance(x, Value) else constant(x, "real"))


def _reals(*operands: Value | float) -> list[Value]:
    return [real(x) for x in operands]


def supported(outside: Value, value: Value) -> Value:
    """-Infinity outside of the support."""
    return select(outside, -inf, value)


def _kept(outside: Value, x: Value, inner: Value | float) -> Value:
    """x, or some point of the support where it lies outside: what is computed there is not used."""
    return select(outside, inner, x)


@function(
    G,
    domain="std > 0",
    examples=(
        Example("normal_logpdf(x, mean, std)", {"x": 1.5, "mean": 0.25, "std": 2.0}),
        Example("normal_logpdf(x)", {"x": [-30.0, -1.0, 0.5, 2.0]}),
        Example("normal_logpdf(x, mean=m, std=s)", {"x": [[1.0], [2.0]], "m": [0.5, -1.0], "s": [0.5, 1.5]}),
    ),
    reference=lambda x, mean=0, std=1: scipy.stats.norm.logpdf(x, mean, std),
)
def normal_logpdf(x: Value, mean: Value | float = 0, std: Value | float = 1) -> Value:
    """Log density of the normal distribution; std is the standard deviation."""
    x, mean, std = _reals(x, mean, std)
    return square(divide(x - mean, std)) * -0.5 - ln(std) - HALF_LOG_TAU


@function(
    G,
    domain="std > 0; -Infinity where x <= 0",
    note="mean and std are those of log(x).",
    examples=(
        Example("lognormal_logpdf(x, mean, std)", {"x": 1.5, "mean": 0.25, "std": 2.0}),
        Example("lognormal_logpdf(x)", {"x": [1e-3, 0.5, 2.0, 20.0]}),
        Example("lognormal_logpdf(x, 0.5)", {"x": [-1.0, 0.0]}, smooth=False),
    ),
    reference=lambda x, mean=0, std=1: scipy.stats.lognorm.logpdf(x, std, scale=np.exp(mean)),
)
def lognormal_logpdf(x: Value, mean: Value | float = 0, std: Value | float = 1) -> Value:
    """Log density of the distribution of exp(y), where y is normally distributed."""
    x, mean, std = _reals(x, mean, std)
    outside = less_equal(x, 0.0)
    y = ln(_kept(outside, x, 1.0))
    return supported(outside, normal_logpdf(y, mean, std) - y)


@function(
    G,
    domain="df > 0, scale > 0",
    examples=(
        Example("student_t_logpdf(x, df)", {"x": 1.5, "df": 4.0}),
        Example("student_t_logpdf(x, df, loc, scale)", {"x": [-2.0, 9.0], "df": 2.5, "loc": 0.5, "scale": [1.5, 0.5]}),
        Example("student_t_logpdf(x, 3)", {"x": [-1e200, 1e5]}),
    ),
    reference=lambda x, df, loc=0, scale=1: _student_t(x, df, loc, scale),
)
def student_t_logpdf(x: Value, df: Value, loc: Value | float = 0, scale: Value | float = 1) -> Value:
    """Log density of Student's t distribution with df degrees of freedom, moved by loc and stretched by scale."""
    x, df, loc, scale = _reals(x, df, loc, scale)
    z = divide(divide(x - loc, scale), sqrt(df))
    constant_part = betaln(df * 0.5, 0.5) + ln(df) * 0.5 + ln(scale)
    return (df * 0.5 + 0.5) * -log1p_square(z) - constant_part


def _student_t(x: Any, df: Any, loc: Any, scale: Any) -> Any:
    # The square overflows beyond.
    usual = scipy.stats.t.logpdf(np.clip(x, -1e100, 1e100), df, loc, scale)
    far = scipy.stats.t.logpdf(1e6, df) - (df + 1) * (np.log(np.maximum(np.abs(x), 1.0)) - np.log(1e6))
    return np.where(np.abs(x) > 1e100, far, usual)


@function(
    G,
    domain="scale > 0",
    examples=(
        Example("cauchy_logpdf(x, loc, scale)", {"x": 1.5, "loc": 0.25, "scale": 2.0}),
        Example("cauchy_logpdf(x)", {"x": [-300.0, 0.5, 2.0]}),
    ),
    reference=lambda x, loc=0, scale=1: scipy.stats.cauchy.logpdf(x, loc, scale),
)
def cauchy_logpdf(x: Value, loc: Value | float = 0, scale: Value | float = 1) -> Value:
    """Log density of the Cauchy distribution."""
    x, loc, scale = _reals(x, loc, scale)
    return -log1p_square(divide(x - loc, scale)) - ln(scale) - log(pi)


@function(
    G,
    domain="scale > 0",
    kink="derivative 0 at x = loc",
    examples=(
        Example("laplace_logpdf(x, loc, scale)", {"x": 1.5, "loc": 0.25, "scale": 2.0}),
        Example("laplace_logpdf(x)", {"x": [-300.0, 0.5, 2.0]}),
        Example("laplace_logpdf(x)", {"x": 0.0}, smooth=False, grad={"x": 0.0}),
    ),
    # That of scipy is the logarithm of a density that underflows.
    reference=lambda x, loc=0, scale=1: -np.abs(np.asarray(x) - loc) / scale - np.log(2 * np.asarray(scale)),
)
def laplace_logpdf(x: Value, loc: Value | float = 0, scale: Value | float = 1) -> Value:
    """Log density of the Laplace (double exponential) distribution."""
    x, loc, scale = _reals(x, loc, scale)
    return -abs_(divide(x - loc, scale)) - ln(scale) - log(2.0)


@function(
    G,
    domain="scale > 0",
    examples=(
        Example("logistic_logpdf(x, loc, scale)", {"x": 1.5, "loc": 0.25, "scale": 2.0}),
        Example("logistic_logpdf(x)", {"x": [-1000.0, 0.5, 2.0, 50.0]}),
    ),
    reference=lambda x, loc=0, scale=1: scipy.stats.logistic.logpdf(x, loc, scale),
)
def logistic_logpdf(x: Value, loc: Value | float = 0, scale: Value | float = 1) -> Value:
    """Log density of the logistic distribution, whose distribution function is sigmoid((x - loc)/scale)."""
    x, loc, scale = _reals(x, loc, scale)
    return log_logistic(divide(x - loc, scale)) - ln(scale)


@function(
    G,
    domain="rate > 0; -Infinity where x < 0",
    note="rate is 1/mean.",
    examples=(
        Example("exponential_logpdf(x, rate)", {"x": 1.5, "rate": 2.0}),
        Example("exponential_logpdf(x, rate)", {"x": [0.1, 3.0], "rate": [[0.5], [2.0]]}),
        Example("exponential_logpdf(x, 2)", {"x": [-1.0, 0.0]}, smooth=False),
    ),
    reference=lambda x, rate: scipy.stats.expon.logpdf(x, scale=1 / np.asarray(rate)),
)
def exponential_logpdf(x: Value, rate: Value) -> Value:
    """Log density of the exponential distribution."""
    x, rate = _reals(x, rate)
    return supported(less(x, 0.0), ln(rate) - rate * x)


@function(
    G,
    domain="shape > 0, rate > 0; -Infinity where x < 0",
    note="rate is 1/scale: the mean is shape/rate.",
    examples=(
        Example("gamma_logpdf(x, a, b)", {"x": 1.5, "a": 2.5, "b": 2.0}),
        Example("gamma_logpdf(x, shape=a, rate=b)", {"x": [0.1, 3.0], "a": [[0.5], [4.0]], "b": 2.0}),
        Example("gamma_logpdf(x, 1, 2)", {"x": [-1.0, 0.0]}, smooth=False),
    ),
    reference=lambda x, shape, rate: scipy.stats.gamma.logpdf(x, shape, scale=1 / np.asarray(rate)),
)
def gamma_logpdf(x: Value, shape: Value, rate: Value) -> Value:
    """Log density of the gamma distribution."""
    x, shape, rate = _reals(x, shape, rate)
    outside = less(x, 0.0)
    z = rate * _kept(outside, x, 1.0)
    return supported(outside, xlogy(shape - 1.0, z) - z - lgamma(shape) + ln(rate))


@function(
    G,
    domain="shape > 0, scale > 0; -Infinity where x <= 0",
    note="The distribution of 1/y, where y has a gamma distribution with this shape and with scale for its rate.",
    examples=(
        Example("inverse_gamma_logpdf(x, a, b)", {"x": 1.5, "a": 2.5, "b": 2.0}),
        Example("inverse_gamma_logpdf(x, shape=a, scale=b)", {"x": [0.1, 3.0], "a": [[0.5], [4.0]], "b": 2.0}),
        Example("inverse_gamma_logpdf(x, 1, 2)", {"x": [-1.0, 0.0]}, smooth=False),
    ),
    reference=lambda x, shape, scale: scipy.stats.invgamma.logpdf(x, shape, scale=scale),
)
def inverse_gamma_logpdf(x: Value, shape: Value, scale: Value) -> Value:
    """Log density of the inverse gamma distribution."""
    x, shape, scale = _reals(x, shape, scale)
    outside = less_equal(x, 0.0)
    x = _kept(outside, x, 1.0)
    z = divide(scale, x)
    return supported(outside, shape * ln(z) - ln(x) - z - lgamma(shape))


@function(
    G,
    domain="a > 0, b > 0; -Infinity where x < 0 or x > 1",
    examples=(
        Example("beta_logpdf(x, a, b)", {"x": 0.25, "a": 2.5, "b": 1.5}),
        Example("beta_logpdf(x, a, b)", {"x": [0.1, 0.75], "a": [[0.5], [40.0]], "b": 2.0}),
        Example("beta_logpdf(x, 1, 1)", {"x": [-0.5, 0.0, 1.0, 1.5]}, smooth=False),
    ),
    reference=lambda x, a, b: scipy.stats.beta.logpdf(x, a, b),
)
def beta_logpdf(x: Value, a: Value, b: Value) -> Value:
    """Log density of the beta distribution on the interval from 0 to 1."""
    x, a, b = _reals(x, a, b)
    outside = logical_or(less(x, 0.0), less(1.0, x))
    x = _kept(outside, x, 0.5)
    return supported(outside, xlogy(a - 1.0, x) + xlog1py(b - 1.0, -x) - betaln(a, b))


@function(
    G,
    domain="low < high; -Infinity where x < low or x > high",
    examples=(
        Example("uniform_logpdf(x, low, high)", {"x": 0.25, "low": -1.0, "high": 2.0}),
        Example("uniform_logpdf(x)", {"x": [0.25, 1.5]}, smooth=False),
    ),
    reference=lambda x, low=0, high=1: scipy.stats.uniform.logpdf(x, low, np.asarray(high) - low),
)
def uniform_logpdf(x: Value, low: Value | float = 0, high: Value | float = 1) -> Value:
    """Log density of the uniform distribution on the interval from low to high, both included."""
    x, low, high = _reals(x, low, high)
    outside = logical_and(logical_or(less(x, low), less(high, x)), less(low, high))
    return supported(outside, select(isnan(x), nan, -ln(high - low)))


@function(
    G,
    domain="shape > 0, scale > 0; -Infinity where x < 0",
    examples=(
        Example("weibull_logpdf(x, k)", {"x": 1.5, "k": 2.5}),
        Example("weibull_logpdf(x, shape=k, scale=s)", {"x": [0.1, 3.0], "k": [[0.5], [4.0]], "s": 2.0}),
        Example("weibull_logpdf(x, 1)", {"x": [-1.0, 0.0]}, smooth=False),
    ),
    reference=lambda x, shape, scale=1: scipy.stats.weibull_min.logpdf(x, shape, scale=scale),
)
def weibull_logpdf(x: Value, shape: Value, scale: Value | float = 1) -> Value:
    """Log density of the Weibull distribution, where P(X > x) = exp(-(x/scale)^shape)."""
    x, shape, scale = _reals(x, shape, scale)
    outside = less(x, 0.0)
    z = divide(_kept(outside, x, 1.0), scale)
    return supported(outside, ln(shape) - ln(scale) + xlogy(shape - 1.0, z) - power(z, shape))


@function(
    G,
    domain="df > 0; -Infinity where x < 0",
    examples=(
        Example("chi2_logpdf(x, df)", {"x": 2.5, "df": 3.5}),
        Example("chi2_logpdf(x, df)", {"x": [0.1, 3.0], "df": [[0.5], [4.0]]}),
    ),
    reference=lambda x, df: scipy.stats.chi2.logpdf(x, df),
)
def chi2_logpdf(x: Value, df: Value) -> Value:
    """Log density of the chi-squared distribution with df degrees of freedom."""
    return gamma_logpdf(x, real(df) * 0.5, real(0.5))


@function(
    G,
    domain="scale > 0; -Infinity where x < 0",
    examples=(
        Example("half_normal_logpdf(x, s)", {"x": 1.5, "s": 2.0}),
        Example("half_normal_logpdf(x)", {"x": [0.25, 30.0]}),
    ),
    reference=lambda x, scale=1: scipy.stats.halfnorm.logpdf(x, scale=scale),
)
def half_normal_logpdf(x: Value, scale: Value | float = 1) -> Value:
    """Log density of |y|, where y is normally distributed with mean 0 and standard deviation scale."""
    x, scale = _reals(x, scale)
    return supported(less(x, 0.0), square(divide(x, scale)) * -0.5 - ln(scale) - (HALF_LOG_TAU - log(2.0)))


@function(
    G,
    domain="scale > 0; -Infinity where x < 0",
    examples=(
        Example("half_cauchy_logpdf(x, s)", {"x": 1.5, "s": 2.0}),
        Example("half_cauchy_logpdf(x)", {"x": [0.25, 300.0]}),
    ),
    reference=lambda x, scale=1: scipy.stats.halfcauchy.logpdf(x, scale=scale),
)
def half_cauchy_logpdf(x: Value, scale: Value | float = 1) -> Value:
    """Log density of |y|, where y has a Cauchy distribution around 0."""
    x, scale = _reals(x, scale)
    return supported(less(x, 0.0), -log1p_square(divide(x, scale)) - ln(scale) - log(0.5 * pi))


@function(
    G,
    domain="shape > 0, scale > 0; -Infinity where x < scale",
    note="scale is the smallest possible x.",
    examples=(
        Example("pareto_logpdf(x, a)", {"x": 1.5, "a": 2.5}),
        Example("pareto_logpdf(x, shape=a, scale=s)", {"x": [2.1, 30.0], "a": [[0.5], [4.0]], "s": 2.0}),
        Example("pareto_logpdf(x, 2)", {"x": [0.5, 1.0]}, smooth=False),
    ),
    reference=lambda x, shape, scale=1: scipy.stats.pareto.logpdf(x, shape, scale=scale),
)
def pareto_logpdf(x: Value, shape: Value, scale: Value | float = 1) -> Value:
    """Log density of the Pareto distribution, where P(X > x) = (scale/x)^shape."""
    x, shape, scale = _reals(x, shape, scale)
    outside = less(x, scale)
    x = _kept(outside, x, scale)
    return supported(outside, ln(shape) - ln(x) - shape * log1p(divide(x - scale, scale)))


@function(
    G,
    domain="concentration >= 0",
    note="The density of an angle: it has the period 2 pi in x, and is one over every period.",
    examples=(
        Example("von_mises_logpdf(x, mean, kappa)", {"x": 1.5, "mean": 0.25, "kappa": 2.5}),
        Example("von_mises_logpdf(x, 0.5, kappa)", {"x": [-2.0, 1.0, 3.0], "kappa": [0.01, 0.5, 300.0]}),
    ),
    reference=lambda x, mean, concentration: scipy.stats.vonmises.logpdf(x, concentration, mean),
)
def von_mises_logpdf(x: Value, mean: Value, concentration: Value) -> Value:
    """Log density of the von Mises distribution of angles."""
    x, mean, concentration = _reals(x, mean, concentration)
    away = square(sin((x - mean) * 0.5)) * 2.0
    return -(concentration * away) - log_i0e(concentration) - 2.0 * HALF_LOG_TAU
