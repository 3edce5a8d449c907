"""Runs in which every operation rounds at random, to see what rounding does to the result.

For graphs with loops and choices, where the error of the whole is no derivative that could be written down beforehand.
This is stochastic arithmetic (Vignes, "A stochastic arithmetic for reliable scientific computation", 1993): what a few
such runs agree on is right.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from engine.execute.tape import Run
from engine.graph.exactness import EXACT
from engine.graph.values import Node
from engine.primitives.conditioning import CONTROL, LOOSE, MATRIX

UNIT = 2.0**-53
SUMMING = frozenset(("sum", "cumsum", "scatter_add", "overlap_add", "matmul", "add_at", "centre", "recurrence"))


def noisy(node: Node, function: Callable[..., Any]) -> Callable[..., Any] | None:
    """The function (run, arguments) → result with a random rounding error, None for one that is exact."""
    name = node.primitive.name
    if name in EXACT or name in CONTROL or all(v.type.dtype != "real" for v in node.outputs):
        return None
    if name in MATRIX or name in LOOSE:
        return _of_arguments(function, name in MATRIX)
    if name in SUMMING:
        return _of_sum(function)
    return _of_result(function)


def _errors(run: Run, shape: tuple[int, ...]) -> Any:
    """Random numbers between -2 and 2: in half last places, the errors of a function that is good to one unit."""
    assert run.random is not None
    return (run.random.random(shape) if shape else run.random.random()) * 4.0 - 2.0


def _moved(run: Run, x: Any) -> Any:
    """x, every number of which may have gone to a neighbour."""
    if getattr(x, "dtype", None) is None or x.dtype.kind != "f":
        return x
    return x * (1.0 + _errors(run, x.shape) * UNIT)


def _of_result(function: Callable[..., Any]) -> Callable[..., Any]:
    def run_noisily(run: Run, *arguments: Any) -> Any:
        result = function(*arguments)
        return tuple(_moved(run, r) for r in result) if isinstance(result, tuple) else _moved(run, result)

    return run_noisily


def _of_arguments(function: Callable[..., Any], whole: bool) -> Callable[..., Any]:
    def run_noisily(run: Run, *arguments: Any) -> Any:
        if not whole:
            return function(*[_moved(run, a) for a in arguments])
        return function(*[_moved_as_a_whole(run, a) for a in arguments])

    return run_noisily


def _moved_as_a_whole(run: Run, x: Any) -> Any:
    """x with errors as large as those of its largest element."""
    if getattr(x, "dtype", None) is None or x.dtype.kind != "f" or not x.size:
        return x
    return x + _errors(run, x.shape) * (UNIT * np.max(np.abs(x)))


def _of_sum(function: Callable[..., Any]) -> Callable[..., Any]:
    def run_noisily(run: Run, *arguments: Any) -> Any:
        result = function(*arguments)
        size = function(
            *[np.abs(a) if getattr(a, "dtype", None) is not None and a.dtype.kind == "f" else a for a in arguments]
        )
        return result + _errors(run, np.shape(result)) * (UNIT * size)

    return run_noisily
