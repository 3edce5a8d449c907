"""The careful interpreter: run again, node by node, when a fast run met something remarkable.

The fast interpreter multiplies cotangents with partial derivatives.  When an answer is not finite, or a kink was met,
this one computes it again with the rule that an exact zero in such a product beats infinity and NaN, and keeps an
account:

* where the first value was born that is not finite, and from what arguments, forward or backward;
* where a zero beat a number that is not finite.  In a branch that was not taken (a `select`, a gate) that is the
  meaning of the program.  Anywhere else the zero may hide a limit, and the answer says so;
* which kinks were met by values that the answer depends on.

It costs a small multiple of the fast run, and is only run when one of these things has happened.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from engine.errors import EngineError
from engine.execute.careful_control import Steps
from engine.execute.compile import bind, kink_places, may_kink
from engine.execute.idle import after, of_chain
from engine.graph.values import Graph, Node, Value
from engine.limits import Budget, Limits

CHOOSING = frozenset(("select", "chain", "sum", "minimum", "maximum", "relu", "max", "min"))
"""Operations that may drop what is not finite without a loss."""


Path = tuple[tuple[Node, int], ...]
"""Where in loops something happened: each loop, from the outermost, and the number of the step, from 0."""


@dataclass(frozen=True, slots=True)
class Birth:
    """A node whose result is not finite although its arguments are, and the first element where that is so."""

    node: Node
    result: float
    arguments: tuple[float, ...]
    position: tuple[int, ...]
    path: Path = ()


@dataclass(frozen=True, slots=True)
class Met:
    """A kink or a tie: the node, how many of its elements, the first of them, and where."""

    node: Node
    count: int
    position: tuple[int, ...]
    places: Any
    path: Path = ()

    @staticmethod
    def at(node: Node, places: Any) -> Met:
        """The kink of a node at the places that are True; there is at least one."""
        return Met(node, int(np.count_nonzero(places)), _first(places), places)


@dataclass(slots=True)
class Findings:
    """The account of one careful run.

    `values` holds every intermediate outside of loops.  `births` belong to the outputs that are not finite; `swallowed`
    are those that vanished again in an operation other than a selection, such as 1/inf, and may have taken digits with
    them.  `born` are those that the last choice or loop has come upon.  `inside` tells how many numbers were computed
    in choices and loops.
    """

    outputs: list[Any] = field(default_factory=list)
    values: dict[Value, Any] = field(default_factory=dict)
    births: list[Birth] = field(default_factory=list)
    swallowed: list[Birth] = field(default_factory=list)
    born: list[Birth] = field(default_factory=list)
    hidden: list[Met] = field(default_factory=list)
    kinks: list[Met] = field(default_factory=list)
    inside: int = 0

    def take(self, inside: Findings, path: Path) -> None:
        """Enter what was met in a graph inside; of one node in several steps, only the first."""
        known = {met.node for met in (*self.kinks, *self.hidden)}
        self.kinks += [replace(met, path=path + met.path) for met in inside.kinks if met.node not in known]
        self.hidden += [replace(met, path=path + met.path) for met in inside.hidden if met.node not in known]
        if not self.born:
            self.born = [replace(birth, path=path + birth.path) for birth in inside.births]
        if not self.swallowed:
            self.swallowed = [replace(birth, path=path + birth.path) for birth in inside.swallowed]


def run_carefully(
    graph: Graph, arguments: Sequence[Any], budget: Budget | None = None, limits: Limits | None = None
) -> Findings:
    """Run the graph and keep the account.  An `EngineError` raised by a node gets the node's span."""
    findings = Findings()
    steps = Steps(lambda inside, given: run_carefully(inside, given, budget, limits), budget, limits)
    values = findings.values
    values.update(zip(graph.inputs, arguments, strict=True))
    idle: dict[Value, Any] = {}
    origins: dict[Value, frozenset[Birth]] = {}
    around: dict[Birth, Node] = {}

    def read(value: Value) -> Any:
        return value.constant if value.constant is not None else values[value]

    with np.errstate(all="ignore"):
        for node in graph.nodes:
            if budget is not None:
                budget.check()
            given = [read(v) for v in node.inputs]
            if node.graphs:
                findings.born = []
                values.update(zip(node.outputs, steps.outputs(node, given, findings), strict=True))
                _trace_control(node, findings, origins)
                around.update((birth, node) for birth in findings.born)
                continue
            results, mask = _evaluate(node, given, idle, findings)
            if mask is not None:
                idle[node.outputs[0]] = mask
            for value, result in zip(node.outputs, results, strict=True):
                values[value] = result
            _trace(node, given, results, origins, findings)
            if may_kink(node):
                places = kink_places(node, given)
                if places is not None and np.any(places):
                    findings.kinks.append(Met.at(node, places))
    findings.outputs = [read(v) for v in graph.outputs]
    order = {node: i for i, node in enumerate(graph.nodes)}
    born = frozenset[Birth]().union(*[origins.get(v, frozenset()) for v in graph.outputs])
    findings.births = sorted(born, key=lambda birth: order[around.get(birth, birth.node)])
    return findings


def _trace_control(node: Node, findings: Findings, origins: dict[Value, frozenset[Birth]]) -> None:
    """Link what is not finite in the results of control flow to its births inside, or to those that came in."""
    sources = frozenset[Birth]().union(*[origins.get(v, frozenset()) for v in node.inputs])
    for value in node.outputs:
        if value.type.dtype != "real" or value.type.stacked or np.all(np.isfinite(findings.values[value])):
            continue
        origins[value] = sources | frozenset(findings.born)


def _trace(
    node: Node,
    given: list[Any],
    results: Sequence[Any],
    origins: dict[Value, frozenset[Birth]],
    findings: Findings,
) -> None:
    """Follow values that are not finite from where they are born to where they vanish."""
    sources = frozenset[Birth]().union(*[origins.get(v, frozenset()) for v in node.inputs])
    infected = False
    for value, result in zip(node.outputs, results, strict=True):
        if value.type.dtype != "real" or value.type.stacked or np.all(np.isfinite(result)):
            continue
        infected = True
        birth = _birth(node, given, ~np.isfinite(result), result)
        found = sources | {birth} if birth is not None else sources
        origins[value] = frozenset(_placed(b, node, result, findings) for b in found)
    choosing = node.primitive.name in CHOOSING or node.primitive.gate
    if sources and not infected and not choosing and node.outputs[0].type.dtype == "real":
        findings.swallowed.extend(sources - set(findings.swallowed))


def _placed(birth: Birth, node: Node, result: Any, findings: Findings) -> Birth:
    """A birth at an element that goes on: a product with a cotangent drops those of branches that were not taken."""
    made = birth.node.outputs[0]
    if node.primitive.name != "chain" or birth.path or made.shape != node.outputs[0].shape or not made.shape:
        return birth
    if made not in findings.values or not np.isfinite(result[birth.position]):
        return birth
    whole = findings.values[made]
    left = ~np.isfinite(result) & ~np.isfinite(whole)
    if not np.any(left):
        return birth
    position = _first(left)
    values = [v.constant if v.constant is not None else findings.values[v] for v in birth.node.inputs]
    arguments = tuple(_at(array, position, made.shape) for array in values)
    return Birth(birth.node, float(whole[position]), arguments, position)


def _birth(node: Node, given: list[Any], bad: Any, result: Any) -> Birth | None:
    bad = np.asarray(bad)
    for array in given:
        clean = np.isfinite(array)
        if np.all(clean):
            continue
        if not _spreads(np.shape(array), bad.shape):
            return None
        bad = bad & clean
    if not np.any(bad):
        return None
    position = _first(bad)
    arguments = tuple(_at(array, position, bad.shape) for array in given)
    return Birth(node, float(np.asarray(result)[position]), arguments, position)


def _evaluate(node: Node, given: list[Any], idle: dict[Value, Any], findings: Findings) -> tuple[tuple[Any, ...], Any]:
    """Results of a node, and where its first result is a structural zero (None: nowhere)."""
    name = node.primitive.name
    if name == "chain":
        return _chain(node, given, idle, findings)
    try:
        result = bind(node)(*given)
    except EngineError as error:
        if error.span is None:
            error.span = node.span
        raise
    results = result if len(node.outputs) > 1 else (result,)
    return results, after(node, given, results[0], idle)


def _chain(node: Node, given: list[Any], idle: dict[Value, Any], findings: Findings) -> tuple[tuple[Any, ...], Any]:
    cotangent, partial = given
    nothing = (np.asarray(cotangent) == 0) | (np.asarray(partial) == 0)
    product = np.where(nothing, 0.0, np.multiply(cotangent, partial))[()]
    mask = of_chain(node, idle, np.shape(product))
    beaten = nothing & ~(np.isfinite(cotangent) & np.isfinite(partial))
    if np.any(beaten if mask is None else beaten & ~mask):
        findings.hidden.append(Met.at(node, beaten if mask is None else beaten & ~mask))
    return (product,), mask


def _spreads(shape: tuple[int, ...], to: tuple[int, ...]) -> bool:
    """Whether an array of one shape broadcasts to the other, so that elements belong to elements."""
    tail = to[len(to) - len(shape) :] if len(shape) <= len(to) else ()
    return len(shape) <= len(to) and all(m in (1, n) for m, n in zip(shape, tail, strict=True))


def _at(array: Any, position: tuple[int, ...], shape: tuple[int, ...]) -> float:
    """The element of an argument that belongs to an element of the result, NaN where there is no such thing."""
    return float(np.broadcast_to(array, shape)[position]) if _spreads(np.shape(array), shape) else float("nan")


def _first(mask: Any) -> tuple[int, ...]:
    mask = np.asarray(mask)
    return tuple(int(i) for i in np.unravel_index(int(np.argmax(mask)), mask.shape)) if mask.ndim else ()
