"""Logarithms of the probabilities of discrete distributions, element by element, and of the choice of a category.

Counts are integers: nothing is differentiated in them, and impossible ones have the logarithm -Infinity.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy
from scipy import special

from engine.errors import ShapeMismatch, TypeMismatch
from engine.graph.build import constant
from engine.graph.types import broadcast
from engine.graph.values import Value
from engine.primitives.activations import log_sigmoid
from engine.primitives.arithmetic import cast, less, logical_or, select
from engine.primitives.function import Example, function
from engine.primitives.functions_densities import G, real, supported
from engine.primitives.functions_reduce import as_real
from engine.primitives.gamma import betaln, lgamma
from engine.primitives.indexing import take_along
from engine.primitives.powers import ln, log1p
from engine.primitives.reductions import log_softmax
from engine.primitives.shape import broadcast_to, reshape
from engine.primitives.special import xlog1py, xlogy

Indices = Value
"""An array of integers."""

COUNTS = "k is an integer, and nothing is differentiated in it."


def _count(k: Value, what: str) -> Value:
    if k.type.dtype == "real":
        raise TypeMismatch(f"{what} must be integers, and are real numbers.", hint="int(k)")
    return cast(k, dtype="int")


def _within(k: Value, low: int, high: Value | int | None = None) -> tuple[Value, Value]:
    """Whether a count is impossible, and the count as a real number, brought to the smallest one where it is."""
    outside = less(k, low)
    if high is not None:
        outside = logical_or(outside, less(high, k))
    return outside, as_real(select(outside, low, k))


@function(
    G,
    domain="0 <= p <= 1; -Infinity where k is not 0 or 1",
    note=COUNTS,
    examples=(
        Example("bernoulli_logpmf(1, p)", {"p": 0.25}),
        Example("bernoulli_logpmf([0, 1, 0], p)", {"p": [0.25, 0.5, 1e-10]}),
        Example("bernoulli_logpmf([-1, 0, 1, 2], p)", {"p": 0.25}, smooth=False),
        Example("bernoulli_logpmf([0, 1], [0, 1])"),
    ),
    reference=lambda k, p: scipy.stats.bernoulli.logpmf(k, p),
)
def bernoulli_logpmf(k: Indices, p: Value) -> Value:
    """Log probability of k = 1, which has probability p, or of k = 0."""
    p = real(p)
    outside, n = _within(_count(k, "The outcomes of bernoulli_logpmf"), 0, 1)
    return supported(outside, xlogy(n, p) + xlog1py(1.0 - n, -p))


def _bernoulli_logit(k: Any, logit: Any) -> Any:
    return np.where(k == 1, special.log_expit(logit), special.log_expit(-np.asarray(logit)))


@function(
    G,
    domain="-Infinity where k is not 0 or 1",
    note=COUNTS,
    examples=(
        Example("bernoulli_logit_logpmf(1, x)", {"x": 0.25}),
        Example("bernoulli_logit_logpmf([0, 1, 0, 1], x)", {"x": [0.25, -2.0, 50.0, -800.0]}),
    ),
    reference=lambda k, logit: _bernoulli_logit(np.asarray(k), logit),
)
def bernoulli_logit_logpmf(k: Indices, logit: Value) -> Value:
    """Log probability of k = 1, which has probability sigmoid(logit), or of k = 0."""
    outside, n = _within(_count(k, "The outcomes of bernoulli_logit_logpmf"), 0, 1)
    return supported(outside, log_sigmoid((2.0 * n - 1.0) * real(logit)))


@function(
    G,
    domain="0 <= p <= 1, n >= 0; -Infinity where k < 0 or k > n",
    note=COUNTS,
    examples=(
        Example("binomial_logpmf(3, 10, p)", {"p": 0.25}),
        Example("binomial_logpmf([0, 2, 5], 5, p)", {"p": [0.25, 0.5, 1e-10]}),
        Example("binomial_logpmf([-1, 0, 5, 6], 5, p)", {"p": 0.25}, smooth=False),
        Example("binomial_logpmf([0, 5], 5, [0, 1])"),
    ),
    reference=lambda k, n, p: scipy.stats.binom.logpmf(k, n, p),
)
def binomial_logpmf(k: Indices, n: Indices, p: Value) -> Value:
    """Log probability of k successes in n independent trials, each with probability p."""
    p, trials = real(p), _count(n, "The trials of binomial_logpmf")
    outside, count = _within(_count(k, "The successes of binomial_logpmf"), 0, trials)
    total = as_real(trials)
    rest = total - count
    choices = -log1p(total) - betaln(rest + 1.0, count + 1.0)
    return supported(outside, choices + xlogy(count, p) + xlog1py(rest, -p))


@function(
    G,
    domain="rate >= 0; -Infinity where k < 0",
    note=COUNTS,
    examples=(
        Example("poisson_logpmf(3, rate)", {"rate": 2.5}),
        Example("poisson_logpmf([0, 1, 20], rate)", {"rate": [0.25, 2.0, 15.0]}),
        Example("poisson_logpmf([-1, 0], rate)", {"rate": 0.25}, smooth=False),
        Example("poisson_logpmf([0, 1], 0)"),
    ),
    reference=lambda k, rate: scipy.stats.poisson.logpmf(k, rate),
)
def poisson_logpmf(k: Indices, rate: Value) -> Value:
    """Log probability of k events where rate are expected."""
    rate = real(rate)
    outside, n = _within(_count(k, "The counts of poisson_logpmf"), 0)
    return supported(outside, xlogy(n, rate) - rate - lgamma(n + 1.0))


@function(
    G,
    domain="0 < p <= 1; -Infinity where k < 1",
    note=f"{COUNTS} k counts the trials, the successful one included: it is 1 or more.",
    examples=(
        Example("geometric_logpmf(3, p)", {"p": 0.25}),
        Example("geometric_logpmf([1, 2, 20], p)", {"p": [0.25, 0.5, 1e-10]}),
        Example("geometric_logpmf([0, 1], 1)"),
    ),
    reference=lambda k, p: scipy.stats.geom.logpmf(k, p),
)
def geometric_logpmf(k: Indices, p: Value) -> Value:
    """Log probability that the first success, of probability p, is that of trial number k."""
    p = real(p)
    outside, n = _within(_count(k, "The trials of geometric_logpmf"), 1)
    return supported(outside, xlog1py(n - 1.0, -p) + ln(p))


@function(
    G,
    domain="r > 0, 0 < p <= 1; -Infinity where k < 0",
    note=f"{COUNTS} p is the probability of success; r may be any positive number. The mean of k is r (1 - p)/p.",
    examples=(
        Example("negative_binomial_logpmf(3, r, p)", {"r": 2.5, "p": 0.25}),
        Example("negative_binomial_logpmf([0, 1, 20], r, p)", {"r": [0.5, 3.0, 40.0], "p": [0.25, 0.5, 0.75]}),
        Example("negative_binomial_logpmf([-1, 0], r, p)", {"r": 2.0, "p": 1.0}, smooth=False),
    ),
    reference=lambda k, r, p: scipy.stats.nbinom.logpmf(k, r, p),
)
def negative_binomial_logpmf(k: Indices, r: Value, p: Value) -> Value:
    """Log probability of k failures before success number r."""
    r, p = real(r), real(p)
    outside, n = _within(_count(k, "The failures of negative_binomial_logpmf"), 0)
    choices = -ln(n + r) - betaln(r, n + 1.0)
    return supported(outside, choices + r * ln(p) + xlog1py(n, -p))


def _categorical(k: Any, logits: Any) -> Any:
    logs = special.log_softmax(logits, axis=-1)
    shape = np.broadcast_shapes(np.shape(k), np.shape(logits)[:-1])
    k, logs = np.broadcast_to(k, shape), np.broadcast_to(logs, shape + np.shape(logs)[-1:])
    inside = (k >= 0) & (k < logs.shape[-1])
    return np.where(inside, np.take_along_axis(logs, np.where(inside, k, 0)[..., None], -1)[..., 0], -np.inf)[()]


@function(
    G,
    domain="-Infinity where k < 0 or k >= the number of categories",
    note=f"{COUNTS} Categories run along the last axis of logits; the other axes broadcast with k.",
    examples=(
        Example("categorical_logpmf(2, x)", {"x": [0.25, 1.5, -2.0]}),
        Example("categorical_logpmf([0, 2], x)", {"x": [[0.25, 1.5, -2.0], [1000.0, 0.0, 999.0]]}),
        Example("categorical_logpmf([-1, 0, 3], x)", {"x": [0.25, 1.5, -2.0]}, smooth=False),
    ),
    reference=lambda k, logits: _categorical(np.asarray(k), logits),
)
def categorical_logpmf(k: Indices, logits: Value) -> Value:
    """Log probability of category number k, counted from 0, of the probabilities softmax(logits)."""
    if not logits.rank or not logits.shape[-1]:
        raise ShapeMismatch("categorical_logpmf needs an array of logits, one for each category.")
    size = logits.shape[-1]
    logs = log_softmax(real(logits), axes=(logits.rank - 1,))
    shape = broadcast(k.shape, logits.shape[:-1])
    index = broadcast_to(_count(k, "The categories of categorical_logpmf"), shape=shape)
    outside = logical_or(less(index, 0), less(size - 1, index))
    index = select(outside, constant(0, "int"), index)
    picked = take_along(broadcast_to(logs, shape=(*shape, size)), reshape(index, shape=(*shape, 1)), len(shape))
    return supported(outside, reshape(picked, shape=shape))
