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
from engine.verify.demand import demand
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


def settle(graph: Graph, arguments: Sequence[Any], budget: Budget, needed: Sequence[Array] | None = None) -> Settled:
    """Evaluate in doubled precision until all outputs that can settle have.  Raises `BudgetExceeded`.

    With `needed` (a mask for every output), only these elements are computed; the others are not sure.
    """
    only = None if needed is None else demand(graph, needed)

    def at(digits: int) -> list[Any]:
        found = [np.asarray(output) for output in evaluate(graph, arguments, context(digits), budget, only)]
        return found if needed is None else [_nan_but(a, mask) for a, mask in zip(found, needed, strict=True)]

    before = at(LADDER[0])
    sure = [np.zeros(np.shape(output), dtype=bool) for output in before]
    for digits in LADDER[1:]:
        waits = any(bool(np.any(~mask & _hopeful(output))) for mask, output in zip(sure, before, strict=True))
        if not waits and digits > LADDER[1]:
            break
        if digits < ZERO_DIGITS and digits > LADDER[1] and _only_zeros(before, sure):
            continue
        now = at(digits)
        sure = [_agreement(a, b, digits) for a, b in zip(before, now, strict=True)]
        before, reached = now, digits
        if all(bool(np.all(mask)) for mask in sure):
            break
    return Settled([_rounded(output) for output in before], sure, reached)


def _nan_but(output: Any, needed: Array) -> Any:
    """The output with NaN where it was not computed."""
    made = np.full(np.shape(output), np.nan, dtype=object)
    made[needed] = output[needed]
    return made


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
