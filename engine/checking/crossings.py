"""Treacherous points of a function: where it has a kink, a pole, the end of a domain, or loses digits.

Each operation that can be treacherous has a gap: a quantity that is 0 where it happens (x for `abs(x)`, x - y for
`max(x, y)` and for the difference x - y itself, y for a quotient x / y).  Where a gap changes its sign between two
points, bisection finds the point between them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from engine.execute.compile import COMPARISONS, compile_graph
from engine.graph.build import Builder
from engine.graph.types import Array
from engine.graph.values import Graph, Node, Value, depends_on
from engine.limits import Budget
from engine.primitives.arithmetic import subtract

MOST_GAPS = 64
"""Elements of gaps that are looked at."""
STEPS = 32
"""Parts of a segment in which signs are compared."""
BISECTIONS = 80

_OF_ONE = {
    "abs": "kink",
    "relu": "kink",
    "leaky_relu": "kink",
    "elu": "kink",
    "sign": "jump",
    "reciprocal": "pole",
    "log": "end of the domain",
    "log2": "end of the domain",
    "log10": "end of the domain",
    "sqrt": "end of the domain",
    "cbrt": "infinite slope",
    "tan": "pole",
}
_OF_TWO = {"maximum": "kink", "minimum": "kink", "subtract": "cancellation"}


@dataclass(frozen=True, slots=True)
class Gap:
    """What is 0 at a treacherous place, an output of the graph of gaps, and what happens there."""

    kind: str
    output: int
    element: int


class Gaps:
    """The gaps of a function as functions of its arguments."""

    def __init__(self, graph: Graph, moving: Sequence[int], budget: Budget) -> None:
        self._budget = budget
        reached = depends_on(graph.nodes, {graph.inputs[i] for i in moving})
        kinds: list[str] = []
        with Builder(start=graph) as builder:
            values = []
            for node in graph.nodes:
                found = _gap(node) if any(v in reached for v in node.inputs) else None
                if found is not None:
                    kinds.append(found[0])
                    values.append(found[1])
            self._run = compile_graph(builder.finish(values))
        self.gaps: list[Gap] = []
        for number, (kind, value) in enumerate(zip(kinds, values, strict=True)):
            self.gaps += [Gap(kind, number, element) for element in range(value.type.size)]
        del self.gaps[MOST_GAPS:]

    def __call__(self, arguments: Sequence[Any]) -> Array:
        """The gaps at a point."""
        with np.errstate(all="ignore"):
            outputs = self._run(arguments, self._budget)[0]
        return np.array([float(np.ravel(outputs[gap.output])[gap.element]) for gap in self.gaps])

    def between(self, at: Callable[[float], Sequence[Any]]) -> list[tuple[str, float]]:
        """Where on a segment (from 0 to 1) gaps change their signs, and what happens there."""
        if not self.gaps:
            return []
        places = np.linspace(0.0, 1.0, STEPS + 1)
        rows = np.array([np.sign(self(at(float(t)))) for t in places])
        found = []
        for k, gap in enumerate(self.gaps):
            changes = np.flatnonzero(rows[:-1, k] * rows[1:, k] < 0)
            if changes.size:
                low, high = float(places[changes[0]]), float(places[changes[0] + 1])
                found.append((gap.kind, self._bisected(at, k, low, high, float(rows[changes[0], k]))))
        return found

    def _bisected(self, at: Callable[[float], Sequence[Any]], k: int, low: float, high: float, sign: float) -> float:
        for _ in range(BISECTIONS):
            self._budget.check()
            middle = (low + high) / 2
            if middle in (low, high):
                break
            there = float(np.sign(self(at(middle))[k]))
            if there == 0:
                return middle
            low, high = (middle, high) if there == sign else (low, middle)
        return low


def _gap(node: Node) -> tuple[str, Value] | None:
    name, inputs = node.primitive.name, node.inputs
    if not inputs or inputs[0].type.dtype != "real":
        return None
    if name in _OF_ONE:
        return _OF_ONE[name], inputs[0]
    if name in ("divide", "power"):
        return ("pole", inputs[1]) if name == "divide" else ("end of the domain", inputs[0])
    if name in _OF_TWO or name in COMPARISONS:
        difference = node.outputs[0] if name == "subtract" else subtract(inputs[0], inputs[1])
        return _OF_TWO.get(name, "boundary"), difference
    if name == "add":
        return "cancellation", node.outputs[0]
    return None


Named = Mapping[str, Array]


def on_segment(a: Named, b: Named, t: float) -> dict[str, Array]:
    """The point at `t` between two points, input by input; integers stay those of the first."""
    return {name: np.asarray(x + (b[name] - x) * t) if x.dtype.kind == "f" else x for name, x in a.items()}
