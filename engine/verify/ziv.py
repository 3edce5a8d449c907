"""A graph evaluated until its digits are sure: precision is doubled until two results agree, then rounded once.

Source: Ziv, "Fast evaluation of elementary mathematical functions with correctly rounded last bit", ACM TOMS 17 (1991).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from engine.graph.recipes import rounded_constants, steps
from engine.graph.types import Array
from engine.graph.values import Graph, Value, with_outputs
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
WIDE = 30
"""Where intermediate results are this many powers of ten apart, and more, one could vanish beside another without a
trace, and two results could agree on what is left: (1 + x) - 1 + 1 is 1 for x = 1e-200, with 40 digits and with 80."""
BESIDE = 40
"""By how many digits the second precision is beyond the first, where the first has room for all powers of ten."""


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

    def at(digits: int, graph: Graph = graph) -> list[Any]:
        return [np.asarray(output) for output in evaluate(graph, arguments, context(digits), budget, only)]

    def wanted(found: list[Any]) -> list[Any]:
        return found if needed is None else [_nan_but(a, mask) for a, mask in zip(found, needed, strict=True)]

    count = len(graph.outputs)
    seen = at(LADDER[0], with_outputs(graph, (*graph.outputs, *_reals(graph))))
    first, second, *more = _ladder(_span(seen))
    before = wanted(seen[:count] if first == LADDER[0] else at(first))
    del seen
    sure = [np.zeros(np.shape(output), dtype=bool) for output in before]
    for digits in (second, *more):
        waits = any(bool(np.any(~mask & _hopeful(output))) for mask, output in zip(sure, before, strict=True))
        if not waits and digits > second:
            break
        if digits < ZERO_DIGITS and digits > second and _only_zeros(before, sure):
            continue
        now = wanted(at(digits))
        sure = [_agreement(a, b, digits) for a, b in zip(before, now, strict=True)]
        before, reached = now, digits
        if all(bool(np.all(mask)) for mask in sure):
            break
    return Settled([_rounded(output) for output in before], sure, reached)


def _reals(graph: Graph) -> list[Value]:
    """Everything that is added to something, or computed on the way."""
    nodes = [*graph.nodes, *steps(rounded_constants(graph))]
    given = {v for node in nodes for v in node.inputs}
    every = given.union(*[node.outputs for node in nodes])
    return [v for v in every if v.type.dtype == "real" and not v.type.stacked]


def _span(arrays: Sequence[Any]) -> int:
    """How many powers of ten there are between the least and the largest number, 1 among them."""
    low = high = 0
    for array in arrays:
        for x in array.flat if array.dtype == object else ():
            # What is filled in, and not computed, is a plain number: a zero, mostly.
            _, mantissa, exponent, bits = getattr(x, "_mpf_", _NOTHING)
            if mantissa:
                low, high = min(low, exponent + bits), max(high, exponent + bits)
    return (high - low) * 30_103 // 100_000 + 1


def _ladder(span: int) -> Sequence[int]:
    """The precisions to try, one after another."""
    if span < WIDE:
        return LADDER
    first = min(LADDER[0] + span, ZERO_DIGITS)
    return [first, first + BESIDE, *[digits for digits in LADDER if digits > first + BESIDE]]


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
    return bool(abs(a - b) <= abs(b) * type(b)(10) ** AGREE and nearest(a) == nearest(b))


_INFINITY = float("inf")


def _rounded(output: Any) -> Array:
    if output.dtype != object:
        return np.asarray(output)
    made = np.empty(output.shape)
    for index in np.ndindex(output.shape):
        made[index] = nearest(output[index])
    return made


def nearest(x: Any) -> float:
    """The float64 that is nearest to an mpf (or a plain number), the even one of two.

    mpmath rounds to 53 bits first, and then once more where a subnormal number has fewer.
    """
    sign, mantissa, exponent, bits = getattr(x, "_mpf_", _NOTHING)
    drop = LEAST_EXPONENT - exponent
    if not mantissa or drop <= 0 or exponent + bits > NORMAL_EXPONENT:
        return float(x)
    if exponent + bits < LEAST_EXPONENT:
        # Less than half of the least number; its exponent may have more digits than there is memory.
        return -0.0 if sign else 0.0
    whole, rest = divmod(int(mantissa), 1 << drop)
    half = 1 << (drop - 1)
    whole += rest > half or (rest == half and whole & 1)
    return math.copysign(math.ldexp(whole, LEAST_EXPONENT), -1.0 if sign else 1.0)


_NOTHING = (0, 0, 0, 0)
LEAST_EXPONENT = -1074
NORMAL_EXPONENT = -1021
"""Numbers below 2 to this power are subnormal, or just about to be rounded to one that is not."""
