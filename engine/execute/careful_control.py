"""The careful run through choices and loops: which step it was in which something remarkable happened.

The steps of a loop are taken as the fast interpreter takes them.  One that gives something that is not finite, raises
one of numpy's alarms or meets a kink is taken again with care, so that a loop of a million steps with one such step
costs little more than without.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from engine.execute.compile import Executable, compile_graph, may_kink
from engine.execute.interpret import interpreted
from engine.execute.tape import Run
from engine.graph.values import Graph, Node
from engine.limits import Budget, Limits

if TYPE_CHECKING:
    from engine.execute.careful import Findings

MOST_STEPS = 32
"""Steps of one loop that are taken with care, at most."""

Careful = Callable[[Graph, Sequence[Any]], "Findings"]


class Steps:
    """The control flow of one careful run.  `careful` runs a graph inside with care."""

    def __init__(self, careful: Careful, budget: Budget | None, limits: Limits | None) -> None:
        self._careful = careful
        self._budget = budget
        self._limits = limits
        self._bodies: dict[Graph, Executable] = {}

    def outputs(self, node: Node, given: Sequence[Any], findings: Findings) -> list[Any]:
        """The outputs of a node with graphs inside; what is met there is entered in `findings`, with the step."""
        left = MOST_STEPS

        def inner(graph: Graph, arguments: Sequence[Any], step: int | None) -> Sequence[Any]:
            nonlocal left
            if step is not None:
                found = self._plain(graph, arguments)
                if found is not None or not left:
                    return self._fast(graph, arguments) if found is None else found
                left -= 1
            inside = self._careful(graph, arguments)
            if node.primitive.name == "custom":
                # It has a derivative of its own: a kink on the way to its value is none of it.
                inside.kinks, inside.hidden = [], []
            path = () if step is None else ((node, step),)
            findings.take(inside, path)
            return inside.outputs

        return interpreted(node, given, inner)

    def _plain(self, graph: Graph, arguments: Sequence[Any]) -> list[Any] | None:
        """The outputs of an ordinary step, None if there is anything to tell of it or it began with a NaN."""
        alarmed = False

        def alarm(kind: str, flag: int) -> None:
            nonlocal alarmed
            alarmed = alarmed or kind != "underflow"

        run = Run(self._budget, 2**40)
        with np.errstate(all="call", call=alarm):
            outputs = self._body(graph).inside(run, arguments)
        remarkable = alarmed or run.met or not _finite(graph, outputs)
        return outputs if not remarkable or not _finite_arguments(graph, arguments) else None

    def _fast(self, graph: Graph, arguments: Sequence[Any]) -> list[Any]:
        return self._body(graph).inside(Run(self._budget, 2**40), arguments)

    def _body(self, graph: Graph) -> Executable:
        found = self._bodies.get(graph)
        if found is None:
            watched = frozenset(kinks(graph))
            found = self._bodies[graph] = compile_graph(graph, self._limits, watched)
        return found


def kinks(graph: Graph) -> list[Node]:
    """The nodes of a function that can be at a kink, those of graphs inside among them."""
    found = [n for n in graph.nodes if not n.derived and may_kink(n)]
    for node in graph.nodes:
        if node.primitive.name != "custom":
            for inside in node.graphs:
                found += kinks(inside)
    return found


def _finite(graph: Graph, outputs: Sequence[Any]) -> bool:
    pairs = zip(graph.outputs, outputs, strict=True)
    return all(bool(np.all(np.isfinite(a))) for v, a in pairs if v.type.dtype == "real" and not v.type.stacked)


def _finite_arguments(graph: Graph, arguments: Sequence[Any]) -> bool:
    pairs = zip(graph.inputs, arguments, strict=True)
    return all(bool(np.all(np.isfinite(a))) for v, a in pairs if v.type.dtype == "real" and not v.type.stacked)
