"""What can be asked about a function: for each question, the graph that answers it and where its parts are.

A derivation takes the graph of the function and gives the graph of the answer.  Its inputs are those of the function,
then the directions (tangents, cotangents, vectors) that the client sends along; its outputs are the value, then the
parts.  `many` directions are one batch over the parts.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from engine.derive.batch import batched
from engine.derive.forward import jvp
from engine.derive.jacobian import cheaper_mode, jacobian
from engine.derive.reverse import gradient, vjp
from engine.graph.build import Builder
from engine.graph.inline import inline
from engine.graph.values import Graph, Value, depends_on, with_outputs
from engine.limits import Budget, Limits
from engine.question import Ask

Layout = int | str | tuple[int, ...] | Mapping[str, "Layout"]
"""Where a part of the answer is: the number of an output, a word, zeros of a shape, or parts by name."""


@dataclass(frozen=True, slots=True)
class Function:
    """The function that is asked about: its graph, and the inputs to differentiate (names and positions)."""

    graph: Graph
    wrt: Mapping[str, int]
    limits: Limits
    budget: Budget | None

    @property
    def positions(self) -> list[int]:
        """The positions of the inputs to differentiate."""
        return list(self.wrt.values())


@dataclass(frozen=True, slots=True)
class Derived:
    """The graph of an answer.

    `directions` are the inputs that the client sends along, in order.  `cotangents`, where there are any, tell whether
    what happens at a value matters for the answer.  `disconnected` are inputs without influence.
    """

    graph: Graph
    layout: Mapping[str, Layout]
    directions: tuple[Value, ...] = ()
    cotangents: Mapping[Value, Value] | None = None
    disconnected: tuple[int, ...] = ()


def _value(function: Function) -> Derived:
    return Derived(function.graph, {}, (), {})


def _grad(function: Function) -> Derived:
    found = gradient(function.graph, function.positions, function.limits, function.budget)
    layout: dict[str, Layout] = {"grad": {name: 1 + i for i, name in enumerate(function.wrt)}}
    return Derived(found.graph, layout, (), found.cotangents, found.disconnected)


def _jacobian(function: Function) -> Derived:
    graph, positions = function.graph, function.positions
    if not positions:
        return Derived(graph, {"jacobian": {}, "mode": "forward"})
    mode = cheaper_mode(graph, positions)
    found = jacobian(graph, positions, mode, function.limits, function.budget)
    return Derived(found, {"jacobian": {name: 1 + i for i, name in enumerate(function.wrt)}, "mode": mode})


def _hessian(function: Function) -> Derived:
    names, positions = list(function.wrt), function.positions
    first = gradient(function.graph, positions, function.limits, function.budget)
    layout: dict[str, Layout] = {"grad": {name: 1 + i for i, name in enumerate(names)}}
    count = len(names)
    layout["hessian"] = {
        row: {column: 1 + count + i * count + j for j, column in enumerate(names)} for i, row in enumerate(names)
    }
    if not names:
        return Derived(first.graph, layout, (), first.cotangents)
    slopes = with_outputs(first.graph, first.graph.outputs[1:])
    second = jacobian(slopes, positions, "forward", function.limits, function.budget)
    with Builder(function.limits, function.budget, start=first.graph) as builder:
        matrices = inline(second, {v: v for v in second.inputs})
        graph = builder.finish([first.graph.outputs[0], *matrices])
    return Derived(graph, layout, (), first.cotangents, first.disconnected)


def _jvp(function: Function) -> Derived:
    found = jvp(function.graph, function.positions, function.limits, function.budget)
    return Derived(found, {"jvp": 1}, found.inputs[len(function.graph.inputs) :])


def _vjp(function: Function) -> Derived:
    found = vjp(function.graph, function.positions, function.limits, function.budget)
    layout: dict[str, Layout] = {"vjp": {name: 1 + i for i, name in enumerate(function.wrt)}}
    return Derived(found, layout, found.inputs[len(function.graph.inputs) :])


def _hvp(function: Function) -> Derived:
    names, positions = list(function.wrt), function.positions
    first = gradient(function.graph, positions, function.limits, function.budget)
    pushed = jvp(first.graph, positions, function.limits, function.budget)
    count = len(names)
    # Outputs of `pushed`: value, gradients, the tangent of the value, which nobody asked for, those of the gradients.
    outputs = (*pushed.outputs[: 1 + count], *pushed.outputs[2 + count :])
    layout: dict[str, Layout] = {
        "grad": {name: 1 + i for i, name in enumerate(names)},
        "hvp": {name: 1 + count + i for i, name in enumerate(names)},
    }
    directions = pushed.inputs[len(function.graph.inputs) :]
    return Derived(with_outputs(pushed, outputs), layout, directions, first.cotangents, first.disconnected)


DERIVATIONS: dict[Ask, Callable[[Function], Derived]] = {
    "value": _value,
    "grad": _grad,
    "jacobian": _jacobian,
    "hessian": _hessian,
    "jvp": _jvp,
    "vjp": _vjp,
    "hvp": _hvp,
}
SCALAR: frozenset[Ask] = frozenset(("grad", "hessian", "hvp"))
"""Questions that only a function with one number as its value has an answer to."""
DIRECTED: dict[Ask, str] = {"jvp": "tangent", "vjp": "cotangent", "hvp": "vector"}
"""Questions with a direction, and the name of the field that it is sent in (plural for several)."""


def for_many(derived: Derived, ask: Ask, size: int, limits: Limits, budget: Budget | None) -> Derived:
    """The same answer for `size` directions at once: the part that is asked for gets a leading axis."""
    graph, directions = derived.graph, set(derived.directions)
    numbers = _numbers(derived.layout[ask])
    parts = tuple(graph.outputs[i] for i in numbers)
    flags = [v in directions for v in graph.inputs]
    together, _ = batched(with_outputs(graph, parts), flags, size, limits, budget)
    moving = depends_on(graph.nodes, directions)
    still = tuple(v for v in graph.inputs if v not in directions)
    base = Graph(still, tuple(n for n in graph.nodes if n.outputs[0] not in moving), ())
    with Builder(limits, budget, start=base) as builder:
        new = tuple(builder.input(v.type) for v, flag in zip(together.inputs, flags, strict=True) if flag)
        fresh, old = iter(new), iter(still)
        image = inline(together, {v: next(fresh if f else old) for v, f in zip(together.inputs, flags, strict=True)})
        found = dict(zip(numbers, image, strict=True))
        made = builder.finish([found.get(i, v) for i, v in enumerate(graph.outputs)])
    return replace(derived, graph=made, directions=new)


def _numbers(layout: Layout) -> list[int]:
    if isinstance(layout, Mapping):
        return [number for part in layout.values() for number in _numbers(part)]
    return [layout] if isinstance(layout, int) else []
