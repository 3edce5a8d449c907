"""Logarithms of densities of vectors: multivariate normal, Dirichlet."""

from __future__ import annotations

from math import prod
from typing import Any

import numpy as np
import scipy

from engine.errors import ShapeMismatch
from engine.graph.types import broadcast
from engine.graph.values import Value
from engine.primitives import decompositions, inverses
from engine.primitives.arithmetic import less, select, square
from engine.primitives.densities import HALF_LOG_TAU
from engine.primitives.function import Example, function
from engine.primitives.functions_create import diag
from engine.primitives.functions_densities import G, real, supported
from engine.primitives.gamma import lgamma
from engine.primitives.matrices import square_type
from engine.primitives.powers import ln
from engine.primitives.reductions import any_, sum_
from engine.primitives.shape import broadcast_to, reshape, transpose
from engine.primitives.special import xlogy

_COVARIANCE = [[2.0, 0.5], [0.5, 1.0]]


def _multivariate_normal(x: Any, mean: Any, cov: Any) -> Any:
    cov = (cov + np.transpose(cov)) / 2
    return scipy.stats.multivariate_normal.logpdf(x - mean, np.zeros(len(cov)), cov)


@function(
    G,
    domain="cov is positive definite",
    note=(
        "Vectors run along the last axis of x and mean, whose other axes broadcast; there is one covariance matrix, of "
        "which the symmetric part is taken. Where it is not positive definite, NaN."
    ),
    examples=(
        Example(
            "multivariate_normal_logpdf(x, mean, cov)", {"x": [1.5, -0.5], "mean": [0.25, 0.5], "cov": _COVARIANCE}
        ),
        Example(
            "multivariate_normal_logpdf(x, mean, cov)",
            {"x": [[1.5, -0.5], [3.0, 2.0], [0.0, 0.5]], "mean": [0.25, 0.5], "cov": _COVARIANCE},
        ),
    ),
    reference=_multivariate_normal,
)
def multivariate_normal_logpdf(x: Value, mean: Value, cov: Value) -> Value:
    """Log density of the multivariate normal distribution, by a Cholesky factorisation of the covariance matrix."""
    if cov.rank != 2:
        raise ShapeMismatch(f"multivariate_normal_logpdf takes one covariance matrix, and got shape {cov.shape}.")
    size = square_type(cov.type, "multivariate_normal_logpdf")
    shape = broadcast(x.shape, mean.shape)
    if not shape or shape[-1] != size:
        raise ShapeMismatch(f"The covariance matrix is {cov.shape}, and x - mean has shape {shape}.")
    away = broadcast_to(real(x) - real(mean), shape=shape)
    columns = transpose(reshape(away, shape=(prod(shape[:-1]), size)), axes=(1, 0))
    factor = decompositions.cholesky(real(cov))
    white = inverses.triangular_solve(factor, columns, lower=True, transposed=False)
    distance = reshape(sum_(square(white), axes=(0,)), shape=shape[:-1])
    return distance * -0.5 - sum_(ln(diag(factor)), axes=(0,)) - size * HALF_LOG_TAU


def _dirichlet(x: Any, alpha: Any) -> Any:
    return scipy.stats.dirichlet.logpdf(np.moveaxis(np.asarray(x), -1, 0), alpha)


@function(
    G,
    domain="alpha > 0; -Infinity where an element of x is negative",
    note=(
        "Vectors run along the last axis; the others broadcast. x is taken to add up to 1: nothing checks it, and "
        "derivatives in x are those of the formula, sum((alpha - 1) log(x)), for every element by itself."
    ),
    examples=(
        Example("dirichlet_logpdf(x, alpha)", {"x": [0.25, 0.5, 0.25], "alpha": [1.5, 2.0, 0.5]}),
        Example("dirichlet_logpdf(x, alpha)", {"x": [[0.25, 0.75], [0.5, 0.5]], "alpha": [1.5, 20.0]}),
    ),
    reference=_dirichlet,
)
def dirichlet_logpdf(x: Value, alpha: Value) -> Value:
    """Log density of the Dirichlet distribution of shares, which add up to 1."""
    shape = broadcast(x.shape, alpha.shape)
    if not x.rank or not alpha.rank:
        raise ShapeMismatch("dirichlet_logpdf takes vectors: x and alpha need an axis at least.")
    x, alpha = broadcast_to(real(x), shape=shape), broadcast_to(real(alpha), shape=shape)
    last = (len(shape) - 1,)
    negative = less(x, 0.0)
    outside = any_(negative, axes=last)
    x = select(negative, 1.0, x)
    logs = sum_(xlogy(alpha - 1.0, x) - lgamma(alpha), axes=last)
    return supported(outside, logs + lgamma(sum_(alpha, axes=last)))
