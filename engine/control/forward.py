"""Forward mode of a loop: one loop that carries the tangents beside the values."""

from __future__ import annotations

from engine.control.emission import builder_for
from engine.derive.forward import push_forward
from engine.graph.build import current
from engine.graph.loops import Parts
from engine.graph.primitive import Cotangents
from engine.graph.types import Type
from engine.graph.values import Graph, Node, Value
from engine.primitives.shape import zeros_of


def jvp_of_loop(node: Node, tangents: Cotangents) -> Cotangents:
    """The tangents of the carried values and of the stacks written.

    The loop is superseded by one that computes them as well.
    """
    parts = Parts.of(node)
    carried, reads, invariants = parts.divided(tangents)
    moving = [t is not None for t in carried]
    while True:
        body, grown, written = _pushed(
            parts, moving, [t is not None for t in reads], [t is not None for t in invariants]
        )
        if grown == moving:
            break
        moving = grown
    inputs, stacks, fixed = parts.divided(node.inputs)
    slots = [k for k, flag in enumerate(moving) if flag]
    start = [carried[k] or zeros_of(inputs[k].shape) for k in slots]
    made = Parts(
        body,
        parts.bounded,
        parts.conditional,
        parts.backward,
        parts.carried + len(slots),
        parts.reads + sum(t is not None for t in reads),
    )
    builder = current()
    before = builder.derived
    builder.derived = node.derived
    outputs = builder.emit(
        node.primitive,
        [
            *node.inputs[: parts.head],
            *inputs,
            *start,
            *stacks,
            *[t for t in reads if t is not None],
            *fixed,
            *[t for t in invariants if t is not None],
        ],
        made.params,
        (body,),
    )
    builder.derived = before
    first = 1 + parts.carried + len(slots)
    builder.supersede(node, [*outputs[: 1 + parts.carried], *outputs[first : first + parts.writes]])
    found: list[Value | None] = [None] * len(node.outputs)
    for slot, value in zip(slots, outputs[1 + parts.carried : first], strict=True):
        found[1 + slot] = value
    for number, value in zip(written, outputs[first + parts.writes :], strict=True):
        found[1 + parts.carried + number] = value
    return found


def _pushed(
    parts: Parts, moving: list[bool], reads: list[bool], invariants: list[bool]
) -> tuple[Graph, list[bool], list[int]]:
    """The body with tangents; which carried values have one after it, and which elements written."""
    body = parts.body
    own_carried, own_reads, own_invariants = parts.in_body(body.inputs)
    with builder_for(body, derived=True) as builder:
        tangents: dict[Value, Value] = {}

        def with_tangents(values: object, flags: list[bool]) -> list[Value]:
            made = []
            for value, flag in zip(values, flags, strict=True):  # type: ignore[call-overload]
                if flag:
                    tangents[value] = Value(Type(value.type.dtype, value.type.shape, value.type.stacked), value.span)
                    made.append(tangents[value])
            return made

        more_carried = with_tangents(own_carried, moving)
        more_reads = with_tangents(own_reads, reads)
        more_invariants = with_tangents(own_invariants, invariants)
        builder.inputs = [
            body.inputs[0],
            *own_carried,
            *more_carried,
            *own_reads,
            *more_reads,
            *own_invariants,
            *more_invariants,
        ]
        pushed = push_forward(body, tangents)
        left, elements = parts.left()
        grown = [flag or v in pushed for flag, v in zip(moving, left, strict=True)]
        written = [i for i, v in enumerate(elements) if v in pushed]
        head = [] if parts.go_on is None else [parts.go_on]
        next_ = [pushed.get(v) or zeros_of(v.shape) for v, flag in zip(left, moving, strict=True) if flag]
        outputs = [*head, *left, *next_, *elements, *[pushed[elements[i]] for i in written]]
        return builder.finish(outputs), grown, written
