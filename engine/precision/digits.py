"""How many digits of an answer are right, as far as rounding goes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from engine.derive.rounding import LANES, ONCE, rounding_error
from engine.execute.compile import Executable, compile_graph
from engine.graph.recipes import unfolded
from engine.graph.types import Array
from engine.graph.values import Graph
from engine.limits import Budget, Limits

MOST = 15.95
"""The digits of a number that is rounded once: -log10(2^-53)."""
NOTHING = 1e-320
"""An error of a few times the least number, on a result of 0, is none."""
LARGE = 100_000
"""Outputs with more numbers than this get two draws instead of four."""


class Estimate(Protocol):
    """Errors of the outputs of a graph: each an array with a leading axis over draws."""

    def __call__(self, arguments: Sequence[Any], budget: Budget | None = None) -> tuple[Sequence[Any], bool, bool]: ...


@dataclass(frozen=True, slots=True)
class Noise:
    """The differences that rounding at random makes: for graphs with loops and choices."""

    plain: Executable
    noisy: Executable

    def __call__(self, arguments: Sequence[Any], budget: Budget | None = None) -> tuple[Sequence[Any], bool, bool]:
        """The errors."""
        right = self.plain(arguments, budget)[0]
        random = np.random.default_rng(20_261_121)
        draws = [self.noisy(arguments, budget, random)[0] for _ in range(LANES)]
        return [np.stack([d - r for d in each]) for r, *each in zip(right, *draws, strict=True)], False, False


def error_estimate(graph: Graph, limits: Limits | None, budget: Budget | None) -> Estimate:
    """The errors of the graph's outputs, ready to be estimated at any point."""
    if any(node.graphs for node in graph.nodes):
        return Noise(compile_graph(graph, limits), compile_graph(unfolded(graph), limits, noise=True))
    size = sum(v.type.size for v in graph.outputs)
    lanes = LANES if size <= LARGE else 2
    return compile_graph(rounding_error(graph, limits, budget, lanes), limits)


def estimated_digits(
    outputs: Sequence[Any], executable: Estimate, arguments: Sequence[Any], budget: Budget
) -> list[Array]:
    """For every output the number of right decimal digits of each element, 0 to `MOST`; integers have all of them."""
    errors = estimated_errors(outputs, executable, arguments, budget)
    with np.errstate(all="ignore"):
        return [_digits(np.asarray(out), error) for out, error in zip(outputs, errors, strict=True)]


def estimated_errors(
    outputs: Sequence[Any], executable: Estimate, arguments: Sequence[Any], budget: Budget
) -> list[Array]:
    """For every output the absolute rounding error of each element, the largest of the draws; NaN if unknown."""
    with np.errstate(all="ignore"):
        draws = executable(arguments, budget)[0]
        return [_largest(np.asarray(out), np.asarray(drawn)) for out, drawn in zip(outputs, draws, strict=True)]


def _largest(output: Array, errors: Array) -> Array:
    if output.dtype.kind != "f":
        return np.zeros(output.shape)
    return np.asarray(np.max(np.abs(errors), axis=0) if errors.ndim > output.ndim else np.abs(errors))


def _digits(output: Array, error: Array) -> Array:
    if output.dtype.kind != "f":
        return np.full(output.shape, MOST)
    relative = np.where((error == 0) | ((output == 0) & (error < NOTHING)), 0.0, error / np.abs(output))
    # Not a number: the estimate has nothing to say, which is no reason to trust the digits.
    digits = -np.log10(np.where(np.isnan(relative), np.inf, relative))
    digits = np.where(relative <= ONCE, MOST, digits)
    # What float64 says is infinite or NaN has no digits to be right, not even if it came in as such.
    return np.where(np.isfinite(output), np.clip(digits, 0.0, MOST), 0.0)
