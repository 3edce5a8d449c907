"""The careful run through choices and loops: which step it was in which something remarkable happened.

The steps of a loop are taken as the fast interpreter takes them.  One that gives something that is not finite, raises
one of numpy's alarms or meets a kink is taken again with care, so that a loop of a million steps with one such step
costs little more than without.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import isfinite
from typing import TYPE_CHECKING, Any

import numpy as np

from engine.errors import BudgetExceeded, EngineError
from engine.execute.compile import TAPE_SHARE, Executable, compile_graph
from engine.execute.control import place_in_loop
from engine.execute.interpret import interpreted
from engine.execute.tape import Run
from engine.execute.watching import kinks
from engine.graph.values import Graph, Node, Value
from engine.limits import Budget, Limits

if TYPE_CHECKING:
    from engine.execute.careful import Findings

MOST_STEPS = 32
"""Steps of one loop that are taken with care, at most."""

Careful = Callable[[Graph, Sequence[Any]], "Findings"]


CHECK_EVERY = 64
"""The deadline is looked at after so many steps."""


@dataclass(frozen=True, slots=True)
class _Body:
    """The body of a loop, ready to run, and which of its inputs and outputs are real numbers.

    `numbers` are computed in a step, and `inner_numbers` at most in a step of a loop inside.
    """

    executable: Executable
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    numbers: int
    inner_numbers: int


class Steps:
    """The control flow of one careful run.  `careful` runs a graph inside with care."""

    def __init__(self, careful: Careful, budget: Budget | None, limits: Limits | None) -> None:
        self._careful = careful
        self._budget = budget
        self._limits = limits or Limits()
        self._bodies: dict[Graph, _Body] = {}
        self._run = Run(budget, int(self._limits.run_bytes * TAPE_SHARE))
        self._alarmed = False

    def outputs(self, node: Node, given: Sequence[Any], findings: Findings) -> list[Any]:
        """The outputs of a node with graphs inside; what is met there is entered in `findings`, with the step."""
        left, taken = MOST_STEPS, 0

        def inner(graph: Graph, arguments: Sequence[Any], step: int | None) -> Sequence[Any]:
            nonlocal left, taken
            if step is not None:
                taken = step
                if self._budget is not None and not step % CHECK_EVERY:
                    self._budget.check()
                steps = self._run.steps
                found = self._plain(graph, arguments, sought=left > 0)
                if found is not None:
                    body = self._body(graph)
                    findings.inside += body.numbers + (self._run.steps - steps) * body.inner_numbers
                    return found
                left -= 1
            inside = self._careful(graph, arguments)
            findings.inside += inside.inside + _numbers(graph)
            if node.primitive.name == "custom":
                # It has a derivative of its own: a kink on the way to its value is none of it.
                inside.kinks, inside.hidden = [], []
            path = () if step is None else ((node, step),)
            findings.take(inside, path)
            return inside.outputs

        try:
            with np.errstate(all="call", call=self._alarm):
                return interpreted(node, given, inner, self._run)
        except BudgetExceeded as error:
            if node.primitive.name == "loop":
                place_in_loop(error, node.span, taken)
            raise

    def _alarm(self, kind: str, flag: int) -> None:
        self._alarmed = self._alarmed or kind != "underflow"

    def _plain(self, graph: Graph, arguments: Sequence[Any], sought: bool) -> list[Any] | None:
        """The outputs of an ordinary step; None if something is to be told of it, unless nothing more is sought.

        A step that began with what is not finite only goes on with it.
        """
        body, run = self._body(graph), self._run
        self._alarmed = run.met = False
        try:
            outputs = body.executable.inside(run, arguments)
        except BudgetExceeded:
            raise
        except EngineError as error:
            if error.span is None:
                self._careful(graph, arguments)  # where it is refused, with the place
            raise
        if not sought or not (self._alarmed or run.met or not _finite(outputs, body.outputs)):
            return outputs
        return None if _finite(arguments, body.inputs) else outputs

    def _body(self, graph: Graph) -> _Body:
        found = self._bodies.get(graph)
        if found is None:
            executable = compile_graph(graph, self._limits, kinks(graph))
            numbers, inner = _choice_numbers(graph), _most_numbers(graph)
            found = self._bodies[graph] = _Body(executable, _real(graph.inputs), _real(graph.outputs), numbers, inner)
        return found


def _numbers(graph: Graph) -> int:
    return sum(v.type.size for node in graph.nodes for v in node.outputs)


def _choice_numbers(graph: Graph) -> int:
    """The numbers that a graph computes at most, those in loops apart."""
    inner = [max(map(_choice_numbers, n.graphs)) for n in graph.nodes if n.graphs and n.primitive.name != "loop"]
    return _numbers(graph) + sum(inner)


def _most_numbers(graph: Graph) -> int:
    """The most numbers that a step of a loop inside computes."""
    found = [_most_numbers(inside) for node in graph.nodes for inside in node.graphs]
    found += [_choice_numbers(node.graphs[0]) for node in graph.nodes if node.primitive.name == "loop"]
    return max(found, default=0)


def _real(values: Sequence[Value]) -> tuple[int, ...]:
    return tuple(i for i, v in enumerate(values) if v.type.dtype == "real" and not v.type.stacked)


def _finite(values: Sequence[Any], places: Sequence[int]) -> bool:
    for i in places:
        value = values[i]
        if not (isfinite(value) if not getattr(value, "ndim", 0) else np.isfinite(value).all()):
            return False
    return True
