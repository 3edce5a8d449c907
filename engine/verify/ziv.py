"""A graph evaluated until its digits are sure: precision is doubled until two results agree, then rounded once.

Source: Ziv, "Fast evaluation of elementary mathematical functions with correctly rounded last bit", ACM TOMS 17 (1991).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from engine.graph.types import Array
from engine.graph.values import Graph
from engine.limits import Budget
from engine.verify.precise import context, evaluate

LADDER = (40, 80, 160, 320, 800, 1600)
"""Decimal digits.  Two results of the last two have to agree before a result may be called 0: with fewer digits it may
be a number too small to be seen."""
ZERO_DIGITS = 800
TINY = -600
"""With the highest precisions, what is smaller than this power of ten is 0."""
AGREE = -20
"""Two results agree when they differ by less than this power of ten, relatively, and are the same float64."""


@dataclass(frozen=True, slots=True)
class Settled:
    """Outputs rounded to float64 (integers and booleans as they are), and where they are sure (arrays of bool).

    `digits`: the precision that it took.
    """

    outputs: list[Array]
    sure: list[Array]
    digits: int

    @property
    def all(self) -> bool:
        """Whether every number is sure."""
        return all(bool(np.all(mask)) for mask in self.sure)


def settle(graph: Graph, arguments: Sequence[Any], budget: Budget) -> Settled:
    """Evaluate in doubled precision until all outputs that can settle have.  Raises `BudgetExceeded`."""
    before = _flat(graph, arguments, LADDER[0], budget)
    sure = [np.zeros(np.shape(output), dtype=bool) for output in before]
    for digits in LADDER[1:]:
        waits = any(bool(np.any(~mask & _hopeful(output))) for mask, output in zip(sure, before, strict=True))
        if not waits and digits > LADDER[1]:
            break
        if digits < ZERO_DIGITS and digits > LADDER[1] and _only_zeros(before, sure):
            continue
        now = _flat(graph, arguments, digits, budget)
        sure = [_agreement(a, b, digits) for a, b in zip(before, now, strict=True)]
        before, reached = now, digits
        if all(bool(np.all(mask)) for mask in sure):
            break
    return Settled([_rounded(output) for output in before], sure, reached)


def _flat(graph: Graph, arguments: Sequence[Any], digits: int, budget: Budget) -> list[Any]:
    return [np.asarray(output) for output in evaluate(graph, arguments, context(digits), budget)]


def _hopeful(output: Any) -> Array:
    """Where more digits may help: a NaN stays one."""
    return np.vectorize(lambda x: x == x, otypes=[bool])(output) if output.size else np.zeros(output.shape, dtype=bool)


def _only_zeros(output: list[Any], sure: list[Array]) -> bool:
    """Whether all that is not sure is 0 so far: only the highest precisions have something to say of that."""
    return all(bool(np.all(mask | (array == 0) | (array != array))) for array, mask in zip(output, sure, strict=True))


def _agreement(before: Any, now: Any, digits: int) -> Array:
    if now.dtype != object:
        return np.asarray(before == now)
    made = np.zeros(now.shape, dtype=bool)
    for index in np.ndindex(now.shape):
        made[index] = agree(before[index], now[index], digits >= ZERO_DIGITS)
    return made


def agree(a: Any, b: Any, zero: bool) -> bool:
    """Whether two mpf, the second with more digits, are the same number for float64; `zero` allows both to be 0."""
    if a != a or b != b:
        return False
    if a == b:
        return bool(b != 0 or zero)
    if zero and max(abs(a), abs(b)) < type(b)(10) ** TINY:
        return True
    if a in (_INFINITY, -_INFINITY) or b in (_INFINITY, -_INFINITY):
        return False
    return bool(abs(a - b) <= abs(b) * type(b)(10) ** AGREE and float(a) == float(b))


_INFINITY = float("inf")


def _rounded(output: Any) -> Array:
    if output.dtype != object:
        return np.asarray(output)
    made = np.empty(output.shape)
    for index in np.ndindex(output.shape):
        made[index] = float(output[index])
    return made
