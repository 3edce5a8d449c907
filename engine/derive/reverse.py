"""Reverse mode: from the graph of a function to the graph of its value and its cotangents.

The result uses the same primitives, so it can be transformed again.  Only nodes that depend on what is asked for are
walked; a value without any cotangent is skipped, which is not the same as a cotangent that happens to be 0.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from engine.errors import EngineFault, NotDifferentiable
from engine.graph.build import Builder, current
from engine.graph.values import Graph, Node, Value, depends_on
from engine.limits import Budget, Limits
from engine.primitives.arithmetic import add
from engine.primitives.regions import Region, add_at, add_region
from engine.primitives.shape import zeros_of
from engine.primitives.stacks import add_stacks

Contributions = Sequence[Value | None]
Adjust = Callable[[Node, Contributions, Contributions], Contributions]
"""`adjust(node, cotangents of its outputs, what its rule gives to its inputs)`: what its inputs are given instead."""


def pull_back(
    graph: Graph, cotangents: Sequence[Value | None], wrt: Sequence[Value], adjust: Adjust | None = None
) -> dict[Value, Value]:
    """The cotangents of `wrt`, and of all that lies between, from those of the outputs, emitted into the builder.

    A value is missing where the outputs do not depend on it, or only through operations that have no derivative.
    `adjust` sees, and may replace, the contributions of every node: diagnosis plants mistakes with it.
    """
    active = depends_on(graph.nodes, set(wrt))
    collected: dict[Value, Value] = {}

    def collect(value: Value, cotangent: Value) -> None:
        if cotangent.type.shape != value.type.shape:
            raise EngineFault(f"a cotangent of shape {cotangent.shape} for a value of shape {value.shape}")
        before = collected.get(value)
        collected[value] = cotangent if before is None else accumulated(before, cotangent)

    for output, cotangent in zip(graph.outputs, cotangents, strict=True):
        if cotangent is not None and output in active:
            collect(output, cotangent)
    builder = current()
    for node in reversed(graph.nodes):
        outgoing = [collected.get(value) for value in node.outputs]
        if all(c is None for c in outgoing):
            continue
        rule = node.primitive.vjp
        if rule is None:
            raise NotDifferentiable(f"{node.primitive.name} has no derivative rule.", span=node.span)
        wanted = [v in active and v.type.dtype == "real" for v in node.inputs]
        if not any(wanted):
            continue
        builder.span = node.span
        contributions = rule(node, outgoing, wanted)
        if len(contributions) != len(node.inputs):
            raise EngineFault(f"the rule of {node.primitive.name} gave {len(contributions)} cotangents")
        if adjust is not None:
            contributions = adjust(node, outgoing, contributions)
        for value, want, contribution in zip(node.inputs, wanted, contributions, strict=True):
            if want and contribution is not None:
                collect(value, contribution)
    return collected


def accumulated(before: Value, cotangent: Value) -> Value:
    """The sum of two cotangents of one value.

    In a graph with loops, what reaches only a part of an array is added to that part, which may then be done in place:
    a loop that reads or fills an array by its elements costs a pass over it, and not one for every step.
    """
    if cotangent.type.stacked:
        return add_stacks(before, cotangent)
    if current().in_place:
        for a, b in ((before, cotangent), (cotangent, before)):
            made = b.node
            if made is None or made.primitive.name not in ("scatter_add", "unstrided", "unelement"):
                continue
            part, *indices = made.inputs
            if any(i.shape for i in indices):
                return add_at(a, part, *indices)
            return add_region(a, part, *(indices or _index(made)), region=_region(made))
    return add(before, cotangent)


def _index(node: Node) -> list[Value]:
    return [current().constant(node.params["index"], "int")] if node.primitive.name == "unelement" else []


def _region(node: Node) -> Region:
    """Where the argument of a transposed slice or element stands in the result."""
    if node.primitive.name == "unstrided":
        return tuple(node.params["slices"])
    shape, count = node.outputs[0].shape, max(1, len(node.inputs) - 1)
    return (None,) * count + tuple((0, n, 1) for n in shape[count:])


def vjp(graph: Graph, wrt: Sequence[int], limits: Limits | None = None, budget: Budget | None = None) -> Graph:
    """The graph (inputs, cotangents of the real outputs) → (outputs, cotangents of the inputs numbered in `wrt`)."""
    sources = [graph.inputs[i] for i in wrt]
    with Builder(limits, budget, start=graph, derived=True) as builder:
        cotangents = [builder.input(v.type, v.span) if v.type.dtype == "real" else None for v in graph.outputs]
        pulled = pull_back(graph, cotangents, sources)
        return builder.finish([*graph.outputs, *[_or_zeros(pulled.get(v), v) for v in sources]])


@dataclass(frozen=True, slots=True)
class Gradient:
    """`graph`: inputs → (value, gradients).  `disconnected`: inputs without influence on the value.

    `cotangents`: of every value on the way, which tells whether what happens at a value matters for the gradient.
    """

    graph: Graph
    disconnected: tuple[int, ...]
    cotangents: Mapping[Value, Value]


def gradient(graph: Graph, wrt: Sequence[int], limits: Limits | None = None, budget: Budget | None = None) -> Gradient:
    """Value and gradient of a graph with one output, a real number."""
    (output,) = graph.outputs
    sources = [graph.inputs[i] for i in wrt]
    with Builder(limits, budget, start=graph, derived=True) as builder:
        pulled = pull_back(graph, [builder.constant(1.0)], sources)
        disconnected = tuple(i for i, source in zip(wrt, sources, strict=True) if source not in pulled)
        derived = builder.finish([output, *[_or_zeros(pulled.get(v), v) for v in sources]])
        image = builder.image
        return Gradient(derived, disconnected, {image.get(v, v): image.get(c, c) for v, c in pulled.items()})


def _or_zeros(cotangent: Value | None, source: Value) -> Value:
    return zeros_of(source.shape) if cotangent is None else cotangent
