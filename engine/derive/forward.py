"""Forward mode: from the graph of a function to the graph of its value and its tangents.

Elementwise primitives use their partials, linear and multilinear ones themselves.  All others need no rule of their
own: a reverse rule is linear in the cotangent, and the transpose of a linear map is found by pulling back through it,
so that transposing the reverse rule gives the forward one.  The result uses the same primitives and can be transformed
again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from engine.derive.reverse import pull_back
from engine.errors import EngineFault, NotDifferentiable
from engine.graph.build import Builder, current, emit
from engine.graph.values import Graph, Node, Value
from engine.limits import Budget, Limits
from engine.primitives.arithmetic import add, chain
from engine.primitives.record import Routed
from engine.primitives.shape import broadcast_to, zeros_of


def push_forward(graph: Graph, tangents: Mapping[Value, Value]) -> dict[Value, Value]:
    """The tangents of all values that depend on the given ones, emitted into the current builder.

    A value is missing where no tangent reaches it.
    """
    found = dict(tangents)
    builder = current()
    for node in graph.nodes:
        incoming = [found.get(v) for v in node.inputs]
        if all(t is None for t in incoming):
            continue
        builder.span = node.span
        for value, tangent in zip(node.outputs, node_tangents(node, incoming), strict=True):
            if tangent is not None and value.type.dtype == "real":
                if tangent.shape != value.shape:
                    raise EngineFault(f"{node.primitive.name}: tangent of shape {tangent.shape} for {value.shape}")
                found[value] = tangent
    return found


def node_tangents(node: Node, tangents: Sequence[Value | None]) -> Sequence[Value | None]:
    """The tangents of a node's outputs from those of its inputs (None: none), emitted into the current builder."""
    if node.primitive.jvp is not None:
        return node.primitive.jvp(node, tangents)
    kind = node.primitive.kind
    if kind == "elementwise":
        return [_elementwise(node, tangents)]
    if kind == "linear":
        return [_linear(node, tangents)]
    if kind == "multilinear":
        return [_multilinear(node, tangents)]
    return _transposed(node, tangents)


def _sum(terms: Sequence[Value]) -> Value | None:
    total: Value | None = None
    for term in terms:
        total = term if total is None else add(total, term)
    return total


def _elementwise(node: Node, tangents: Sequence[Value | None]) -> Value | None:
    partials = node.primitive.fields["partials"]
    if partials is None:
        raise NotDifferentiable(f"{node.primitive.name} has no derivative rule.", span=node.span)
    out = node.outputs[0]
    terms = []
    for tangent, partial in zip(tangents, partials, strict=True):
        if tangent is None or partial == 0.0:
            continue
        if isinstance(partial, Routed):
            spread = broadcast_to(tangent, shape=out.shape)
            term = partial.apply(spread, *node.inputs, out, **node.params)
        else:
            factor = partial if isinstance(partial, float) else partial(*node.inputs, out, **node.params)
            term = chain(tangent, factor)
        terms.append(broadcast_to(term, shape=out.shape))
    return _sum(terms)


def _linear(node: Node, tangents: Sequence[Value | None]) -> Value | None:
    """Linear in all real inputs together: missing tangents are zeros, and what is not real (an index) stays."""
    inputs = []
    for value, tangent in zip(node.inputs, tangents, strict=True):
        if value.type.dtype != "real":
            inputs.append(value)
        else:
            inputs.append(zeros_of(value.shape) if tangent is None else tangent)
    return emit(node.primitive, inputs, node.params)[0]


def _multilinear(node: Node, tangents: Sequence[Value | None]) -> Value | None:
    terms = []
    for i, tangent in enumerate(tangents):
        if tangent is not None:
            inputs = [tangent if j == i else v for j, v in enumerate(node.inputs)]
            terms.append(emit(node.primitive, inputs, node.params)[0])
    return _sum(terms)


def _transposed(node: Node, tangents: Sequence[Value | None]) -> Sequence[Value | None]:
    """The forward rule of a node as the transpose of its reverse rule.

    The cotangents that the reverse rule is applied to are place holders: the rule is linear in them, so they do not
    occur in its transpose.
    """
    rule = node.primitive.vjp
    if rule is None:
        raise NotDifferentiable(f"{node.primitive.name} has no derivative rule.", span=node.span)
    holders = [Value(v.type, node.span) if v.type.dtype == "real" else None for v in node.outputs]
    wanted = [t is not None for t in tangents]
    builder = current()
    first = len(builder.nodes)
    pulled = rule(node, holders, wanted)
    pairs = [(p, t) for p, t in zip(pulled, tangents, strict=True) if p is not None and t is not None]
    sources = [h for h in holders if h is not None]
    linear = Graph((), tuple(builder.nodes[first:]), tuple(p for p, _ in pairs))
    collected = pull_back(linear, [t for _, t in pairs], sources)
    return [None if h is None else collected.get(h) for h in holders]


def jvp(graph: Graph, wrt: Sequence[int], limits: Limits | None = None, budget: Budget | None = None) -> Graph:
    """The graph (inputs, tangents of the inputs numbered in `wrt`) → (outputs, their tangents).

    The tangent of an output that is not real, or does not depend on these inputs, is zeros.
    """
    with Builder(limits, budget, start=graph, derived=True) as builder:
        tangents = {graph.inputs[i]: builder.input(graph.inputs[i].type) for i in wrt}
        pushed = push_forward(graph, tangents)
        results = [pushed.get(v) for v in graph.outputs]
        return builder.finish(
            [
                *graph.outputs,
                *[zeros_of(v.shape) if t is None else t for v, t in zip(graph.outputs, results, strict=True)],
            ]
        )
