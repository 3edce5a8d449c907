"""Single precision: numbers that are right as far as float32 carries."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from engine.execute.compile import bind
from engine.graph.types import Array
from engine.graph.values import Graph, Value
from engine.limits import Budget
from engine.verify.diagnosis.candidate import Candidate, Prior
from engine.verify.diagnosis.fit import Fit, Judge
from engine.verify.diagnosis.mismatch import Arrays

EPSILON = 2.0**-24
"""The rounding error of single precision."""
ROUNDINGS = 16.0
"""How many of them are granted without knowing the function."""
SURELY = 2e-6
"""Relative errors above this are blamed on single precision only if the numbers are float32 numbers."""


def single_precision(judge: Judge, spread: Arrays | None) -> list[Candidate]:
    """The claim as the right gradient in single precision; `spread`: the errors that this makes in the function."""
    if judge.as_written:
        return [_as_written(judge)]
    residual, singles = 0.0, True
    for name in judge.wrong:
        claimed, expected = judge.claimed[name], judge.expected[name]
        if claimed.shape != expected.shape or not claimed.size:
            return []
        off, size = np.abs(claimed - expected), np.abs(expected)
        largest = float(size.max())
        allowed = ROUNDINGS * EPSILON * size + 2.0 * EPSILON * largest
        if spread is not None and name in spread:
            # Missing are inputs on which the result does not depend, or that are not real: 0 in any precision.
            allowed = np.maximum(allowed, 6.0 * spread[name])
        singles = singles and _are_singles(claimed)
        if not singles:
            allowed = np.minimum(allowed, SURELY * (size + 0.1 * largest))
        if not bool((off <= allowed).all()):
            return []
        residual = max(residual, float(off.max()) / max(largest, float(np.abs(claimed).max())))
    what = "The numbers are float32 numbers and" if singles else "The numbers"
    detail = f"{what} agree with the gradient as far as single precision carries (to {residual:.1g} relatively)."
    fit = Fit(1, residual, 16.0)
    return [Candidate("float32", detail, fit, Prior.SINGLE_PRECISION, 0, None, judge.wrong)]


def _as_written(judge: Judge) -> Candidate:
    residual = 0.0
    for name in judge.wrong:
        claimed, expected = judge.claimed[name], judge.expected[name]
        residual = max(residual, float(np.abs(claimed - expected).max()) / max(float(np.abs(expected).max()), 1e-300))
    places = judge.decimals or 0
    digits = f"to {places} decimal{'s' if places > 1 else ''}" if places > 0 else "to a few digits"
    detail = f"The numbers are right as far as they are written, {digits}."
    return Candidate("float32", detail, Fit(2, residual, 16.0), Prior.SINGLE_PRECISION, 0, None, judge.wrong)


def _are_singles(array: Array) -> bool:
    """Whether these are float32 numbers, or such numbers written with at most nine digits."""
    with np.errstate(all="ignore"):
        if bool((array.astype(np.float32).astype(np.float64) == array).all()):
            return True
    return array.size <= 1000 and all(len(f"{abs(x):.16e}".split("e")[0].rstrip("0")) <= 10 for x in array.flat)


def single_spread(graph: Graph, arguments: Sequence[Any], names: Sequence[str], budget: Budget) -> Arrays | None:
    """How far single precision takes the outputs of a gradient's graph, at most over a few runs.

    Every result is rounded to float32; in further runs a random rounding error is added, so that results that happen
    to be exact do not hide how much the others amplify.  None where a run is not finite, and where there are loops and
    branches, which might go another way.
    """
    if any(node.graphs for node in graph.nodes):
        return None
    draw = np.random.default_rng(0)
    exact = _run(graph, arguments, None, budget, rounding=False)
    worst = [np.zeros(np.shape(e)) for e in exact]
    for generator in (None, draw, draw, draw):
        for i, (rough, right) in enumerate(
            zip(_run(graph, arguments, generator, budget, rounding=True), exact, strict=True)
        ):
            worst[i] = np.maximum(worst[i], np.abs(rough - right))
    if not all(np.isfinite(w).all() for w in worst):
        return None
    return dict(zip(names, worst, strict=True))


def _run(
    graph: Graph, arguments: Sequence[Any], draw: np.random.Generator | None, budget: Budget, rounding: bool
) -> list[Any]:
    values: dict[Value, Any] = {}

    def kept(value: Value, result: Any) -> Any:
        if value.type.dtype != "real" or not rounding:
            return result
        if draw is not None:
            result = result * (1.0 + EPSILON * draw.uniform(-1.0, 1.0, np.shape(result)))
        return np.asarray(result).astype(np.float32).astype(np.float64)[()]

    for value, argument in zip(graph.inputs, arguments, strict=True):
        values[value] = kept(value, argument)
    with np.errstate(all="ignore"):
        for node in graph.nodes:
            budget.check()
            result = bind(node)(*[v.constant if v.constant is not None else values[v] for v in node.inputs])
            results = result if len(node.outputs) > 1 else (result,)
            for value, one in zip(node.outputs, results, strict=True):
                values[value] = kept(value, one)
    return [v.constant if v.constant is not None else values[v] for v in graph.outputs]
