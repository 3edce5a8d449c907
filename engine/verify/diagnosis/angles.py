"""Degrees instead of radians, in all trigonometric operations at once."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from math import pi

from engine.graph.build import Builder
from engine.graph.values import Graph, Node, Value
from engine.limits import Budget, Limits
from engine.primitives.arithmetic import chain, multiply
from engine.primitives.record import sum_to
from engine.primitives.shape import zeros_of
from engine.verify.diagnosis.edges import Alter, Edge
from engine.verify.diagnosis.mismatch import Mismatch
from engine.verify.diagnosis.trace import Place, Recorded, planted, record

OF_ANGLES = frozenset(("sin", "cos", "tan"))
TO_ANGLES = frozenset(("asin", "acos", "atan", "atan2"))
DEGREE = pi / 180.0

Planted = tuple[str, Callable[[], Graph]]
"""A sentence, and the graph of the gradient that has the mistake."""


def degrees(mismatch: Mismatch, limits: Limits, budget: Budget) -> Iterator[Planted]:
    """The ways to mix degrees and radians."""
    nodes = [n for n in mismatch.graph.nodes if n.primitive.name in OF_ANGLES | TO_ANGLES]
    if not nodes:
        return
    names = ", ".join(dict.fromkeys(n.primitive.name for n in nodes))
    for scale, text in (
        (DEGREE, "The derivative of {} is taken with respect to an angle in degrees: a factor pi/180 (or 180/pi)."),
        (1 / DEGREE, "The derivative of {} is converted between degrees and radians the wrong way round."),
    ):
        yield text.format(names), lambda s=scale: planted(mismatch, _scaled(nodes, s), limits, budget)  # type: ignore[misc]
    for scale, text in (
        (DEGREE, "The argument or result of {} is taken to be in degrees"),
        (1 / DEGREE, "The argument of {} is converted to degrees, where radians are needed"),
    ):
        for counted, more in ((True, "."), (False, ", and the factor of the conversion is missing.")):
            yield (
                text.format(names) + more,
                lambda s=scale, c=counted: _converted(mismatch, s, c, limits, budget),  # type: ignore[misc]
            )
    if any(n.primitive.name in OF_ANGLES for n in nodes):
        for scale in (DEGREE, 1 / DEGREE):
            for counted in (False, True):
                yield (
                    f"The derivative of {names} is evaluated at an angle in degrees, or the other way round.",
                    lambda s=scale, c=counted: planted(mismatch, _elsewhere(nodes, s, c), limits, budget),  # type: ignore[misc]
                )


def _scaled(nodes: Sequence[Node], scale: float) -> dict[Place, Alter]:
    def alter(edge: Edge) -> Value | None:
        return edge.share * (scale if edge.node.primitive.name in OF_ANGLES else 1.0 / scale)

    return {(node, i): alter for node in nodes for i in range(len(node.inputs))}


def _elsewhere(nodes: Sequence[Node], scale: float, counted: bool) -> dict[Place, Alter]:
    """The derivative taken at the scaled angle."""

    def alter(edge: Edge) -> Value | None:
        assert edge.outgoing is not None
        primitive = edge.node.primitive
        angle = edge.value * scale
        slope = primitive.fields["partials"][0](angle, primitive(angle))
        return chain(edge.outgoing, slope * scale if counted else slope)

    return {(node, 0): alter for node in nodes if node.primitive.name in OF_ANGLES}


def _converted(mismatch: Mismatch, scale: float, counted: bool, limits: Limits, budget: Budget) -> Graph:
    """The gradient of the function whose angles are converted; without the conversion's derivative if not `counted`."""
    graph, sources = mismatch.graph, mismatch.sources
    with Builder(limits, budget) as builder:
        image: dict[Value, Value] = {v: builder.input(v.type, v.span) for v in graph.inputs}
        conversions: list[Node] = []

        def convert(value: Value, factor: float) -> Value:
            converted = multiply(value, factor)
            if converted.node is not None:
                conversions.append(converted.node)
            return converted

        for node in graph.nodes:
            builder.span = node.span
            name = node.primitive.name
            inputs = [image.get(v, v) for v in node.inputs]
            if name in OF_ANGLES:
                inputs = [convert(inputs[0], scale)]
            outputs = builder.emit(node.primitive, inputs, node.params, node.graphs)
            if name in TO_ANGLES:
                outputs = (convert(outputs[0], 1.0 / scale),)
            image.update(zip(node.outputs, outputs, strict=True))
        changed = builder.finish([image.get(v, v) for v in graph.outputs])
        through: dict[Place, Alter] = {} if counted else {(node, 0): _unscaled for node in conversions}
        moved = [image[v] for v in sources]
        recorded: Recorded = record(changed, moved, builder, through)
        return builder.finish([recorded.cotangents.get(v) or zeros_of(v.shape) for v in moved])


def _unscaled(edge: Edge) -> Value | None:
    assert edge.outgoing is not None
    return sum_to(edge.outgoing, edge.value.shape)
