"""Derivatives of a choice: only the branch that is taken is differentiated, and only it runs."""

from __future__ import annotations

from collections.abc import Sequence

from engine.control.emission import builder_for, emit_choice
from engine.control.residuals import Split, split
from engine.derive.forward import push_forward
from engine.graph.build import current
from engine.graph.primitive import Cotangents
from engine.graph.values import Graph, Node, Value
from engine.primitives.shape import broadcast_to, zeros_of
from engine.primitives.stacks import no_stack


def vjp_of_choice(node: Node, cotangents: Cotangents, wanted: Sequence[bool]) -> Cotangents:
    """The cotangents of the operands.  What the branch that is taken needs for them is saved; of the other, nothing."""
    seeded = [c is not None for c in cotangents]
    flags = list(wanted[1:])
    pieces = [split(graph, seeded, flags, [True] * len(flags)) for graph in node.graphs]
    saved = [v for piece in pieces for v in piece.saved]
    builder = current()
    before = builder.derived
    builder.derived = node.derived
    graphs, done = [], 0
    for piece, graph in zip(pieces, node.graphs, strict=True):
        count = len(graph.outputs)
        own = piece.forward.outputs[count:]
        with builder_for(piece.forward) as inner:
            others = [_nothing(v) for v in saved]
            others[done : done + len(own)] = own
            graphs.append(inner.finish([*piece.forward.outputs[:count], *others]))
        done += len(own)
    outputs = builder.emit(node.primitive, node.inputs, {}, tuple(graphs))
    builder.derived = before
    count = len(node.outputs)
    builder.supersede(node, outputs[:count])
    numbers = sorted({i for piece in pieces for i in piece.contributions})
    if not numbers:
        return [None] * len(node.inputs)
    backs, done = [], count
    for piece, graph in zip(pieces, node.graphs, strict=True):
        kept = outputs[done : done + len(piece.saved)]
        done += len(piece.saved)
        backs.append(_back(piece, graph, node, cotangents, kept, numbers))
    found = dict(zip(numbers, emit_choice(node.inputs[0], *backs), strict=True))
    return [None, *[found.get(i) for i in range(len(flags))]]


def _nothing(value: Value) -> Value:
    """What stands for a saved value of the branch that was not taken."""
    if value.type.stacked:
        return no_stack(type=value.type)
    if value.type.dtype == "real":
        return zeros_of(value.shape)
    return broadcast_to(current().constant(0, value.type.dtype), shape=value.shape)


def _back(
    piece: Split, graph: Graph, node: Node, cotangents: Cotangents, kept: Sequence[Value], numbers: Sequence[int]
) -> Graph:
    with current().child() as inner:
        inner.derived = True
        image: dict[Value, Value] = dict(zip(piece.saved, kept, strict=True))
        image.update(zip(graph.inputs, node.inputs[1:], strict=True))
        for holder, cotangent in zip(piece.cotangents, cotangents, strict=True):
            if holder is not None and cotangent is not None:
                image[holder] = cotangent
        having = [i for i in numbers if i in piece.contributions]
        pulled = dict(zip(having, piece.pulled(image, having), strict=True))
        return inner.finish([pulled.get(i) or _nothing(graph.inputs[i]) for i in numbers])


def jvp_of_choice(node: Node, tangents: Cotangents) -> Cotangents:
    """The tangents of the outputs; the choice is superseded by one that computes them as well."""
    given = [i for i, t in enumerate(tangents[1:]) if t is not None]
    pushed = []
    for graph in node.graphs:
        with builder_for(graph, derived=True) as inner:
            holders = {graph.inputs[i]: inner.input(graph.inputs[i].type) for i in given}
            found = push_forward(graph, holders)
            image = inner.finish([*graph.outputs, *[found[v] for v in graph.outputs if v in found]])
            pushed.append((image, [v in found for v in graph.outputs]))
    moving = [a or b for a, b in zip(pushed[0][1], pushed[1][1], strict=True)]
    if not any(moving):
        return [None] * len(node.outputs)
    count = len(node.outputs)
    graphs = []
    for image, having in pushed:
        with builder_for(image, derived=True) as inner:
            own = iter(image.outputs[count:])
            rest = [
                next(own) if has else _nothing(v)
                for v, has, moves in zip(image.outputs, having, moving, strict=False)
                if moves
            ]
            graphs.append(inner.finish([*image.outputs[:count], *rest]))
    builder = current()
    before = builder.derived
    builder.derived = node.derived
    inputs = [*node.inputs, *[tangents[1 + i] for i in given]]
    outputs = builder.emit(node.primitive, inputs, {}, tuple(graphs))  # type: ignore[arg-type]
    builder.derived = before
    builder.supersede(node, outputs[:count])
    extra = iter(outputs[count:])
    return [next(extra) if flag else None for flag in moving]
