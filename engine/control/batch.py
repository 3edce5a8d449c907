"""Control flow at many points at once.

A loop runs until it is over at all points; where it is over already, nothing changes any more.  A choice that differs
from point to point computes both branches and selects, unless one of them might fail, or not end, where it is not
taken: then the points are done one after the other (`NotTogether`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from engine.control.emission import emit_choice, emit_loop
from engine.derive.batch import Flagged, NotTogether, batched_nodes
from engine.graph.build import current
from engine.graph.loops import INDEX, Parts
from engine.graph.types import Type
from engine.graph.values import Graph, Node, Value, depends_on
from engine.primitives.arithmetic import add, cast, less, logical_and, select
from engine.primitives.indexing import gather
from engine.primitives.record import with_batch
from engine.primitives.reductions import max_
from engine.primitives.shape import broadcast_to, reshape
from engine.primitives.stacks import no_stack


def batch_choice(node: Node, inputs: Sequence[Value], batched: Sequence[bool], size: int) -> list[Flagged]:
    """The outputs of a choice at all points."""
    predicate, *operands = inputs
    if batched[0]:
        if any(_risky(graph) for graph in node.graphs):
            raise NotTogether("a choice differs between the points, and one of its branches may fail or not end")
        sides = [_inside(graph, operands, batched[1:], size) for graph in node.graphs]
        both = zip(*[[with_batch(*pair, size) for pair in side] for side in sides], strict=True)
        return [(_selected(predicate, a, b), True) for a, b in both]
    inner = [current().child() for _ in node.graphs]
    found = []
    for builder, graph in zip(inner, node.graphs, strict=True):
        with builder:
            found.append(_inside(graph, operands, batched[1:], size))
    flags = [a[1] or b[1] for a, b in zip(*found, strict=True)]
    graphs = []
    for builder, outputs in zip(inner, found, strict=True):
        with builder:
            graphs.append(builder.finish([_spread(v, f, to, size) for (v, f), to in zip(outputs, flags, strict=True)]))
    return list(zip(emit_choice(predicate, *graphs), flags, strict=True))


def _selected(condition: Value, a: Value, b: Value) -> Value:
    """a or b at each point."""
    return select(reshape(condition, shape=(condition.shape[0],) + (1,) * (a.rank - 1)), a, b)


def _spread(value: Value, flag: bool, wanted: bool, size: int) -> Value:
    if flag or not wanted:
        return value
    if value.type.stacked:
        return no_stack(type=value.type._replace(shape=(size, *value.shape)))
    return with_batch(value, False, size)


def _risky(graph: Graph) -> bool:
    """Whether it may fail, or not end, where it was not meant to run, or leaves a stack."""
    if any(v.type.stacked for v in (*graph.inputs, *graph.outputs)):
        return True
    return any(n.effect or n.graphs or _indexed(n) for n in graph.nodes)


def _indexed(node: Node) -> bool:
    """Whether an index that is data may be out of range."""
    kind = node.primitive.name
    first = {"gather": 1, "read_region": 1, "scatter_add": 1, "put": 2, "add_region": 2, "add_at": 2}.get(kind)
    return first is not None and any(v.constant is None for v in node.inputs[first:])


def _inside(graph: Graph, operands: Sequence[Value], flags: Sequence[bool], size: int) -> list[Flagged]:
    """The outputs of a graph at all points, emitted into the current builder."""
    image = {v: (o, f) for v, o, f in zip(graph.inputs, operands, flags, strict=True)}
    return batched_nodes(graph, image, size)


def batch_loop(node: Node, inputs: Sequence[Value], batched: Sequence[bool], size: int) -> list[Flagged]:
    """The outputs of a loop at all points."""
    parts = Parts.of(node)
    moving = _moving(parts, batched)
    ends = any(batched[: parts.head]) or (parts.go_on is not None and parts.go_on in _reached(parts, batched, moving))
    if not ends:
        return _in_step(parts, inputs, batched, moving, size)
    return _back_apart(parts, inputs, batched, size) if parts.backward else _apart(parts, inputs, batched, size)


def _moving(parts: Parts, batched: Sequence[bool]) -> list[bool]:
    """Which carried values differ, after some steps, from point to point."""
    moving = list(parts.divided(batched)[0])
    left, _ = parts.left()
    while True:
        reached = _reached(parts, batched, moving)
        grown = [flag or v in reached for flag, v in zip(moving, left, strict=True)]
        if grown == moving:
            return moving
        moving = grown


def _reached(parts: Parts, batched: Sequence[bool], moving: Sequence[bool]) -> set[Value]:
    _, reads, invariants = parts.divided(batched)
    flags = [False, *moving, *reads, *invariants]
    return depends_on(parts.body.nodes, {v for v, flag in zip(parts.body.inputs, flags, strict=True) if flag})


def _element(stack: Value) -> Type:
    """The type of what one step reads."""
    return stack.type._replace(stacked=stack.type.stacked - 1)


def _steps(
    parts: Parts,
    index: Value,
    carried: Sequence[Flagged],
    inputs: Sequence[Value],
    batched: Sequence[bool],
    size: int,
    whose: Value | None = None,
) -> list[Flagged]:
    """The outputs of the body at all points, emitted into the current builder, which gets inputs for the stacks.

    Each point takes the step of the point `whose` number is given, if any are.
    """
    _, reads, invariants = parts.divided(inputs)
    _, flags_reads, flags_invariants = parts.divided(batched)
    own_carried, own_reads, own_invariants = parts.in_body(parts.body.inputs)
    image: dict[Value, Flagged] = {parts.body.inputs[0]: (index, False)}
    image.update(zip(own_carried, carried, strict=True))
    elements = [current().input(_element(stack)) for stack in reads]
    image.update(zip(own_reads, zip(elements, flags_reads, strict=True), strict=True))
    image.update(zip(own_invariants, zip(invariants, flags_invariants, strict=True), strict=True))
    if whose is not None:
        image = {own: (gather(v, whose) if flag else v, flag) for own, (v, flag) in image.items()}
    return batched_nodes(parts.body, image, size)


def _may_stumble(graph: Graph) -> bool:
    """Whether a step might fail, or not end, that was not meant to be taken."""
    for node in graph.nodes:
        if node.effect or _indexed(node) or (node.primitive.name == "loop" and Parts.of(node).conditional):
            return True
        if any(map(_may_stumble, node.graphs)):
            return True
    return False


def _going_on(parts: Parts, inputs: Sequence[Value], batched: Sequence[bool], going: Value) -> Value | None:
    """For each point the number of one that goes on, itself if it does: where a point that is at its end could fail in
    another step, it takes that of another one, whose outcome it does not use."""
    if not _may_stumble(parts.body):
        return None
    if any(v.type.stacked > 1 and flag for v, flag in zip(inputs, batched, strict=True)) or any(
        v.type.stacked and flag for v, flag in zip(parts.divided(inputs)[2], parts.divided(batched)[2], strict=True)
    ):
        raise NotTogether("a loop that ends at different points in different steps uses what others have left")
    numbers = current().constant(np.arange(going.shape[0]), "int")
    last = max_(select(going, numbers, 0), axes=(0,))
    return select(going, numbers, last)


def _in_step(
    parts: Parts, inputs: Sequence[Value], batched: Sequence[bool], moving: Sequence[bool], size: int
) -> list[Flagged]:
    """All points take the same steps."""
    carried, reads, _ = parts.divided(inputs)
    flags, _, _ = parts.divided(batched)
    start = [with_batch(v, f, size) if m else v for v, f, m in zip(carried, flags, moving, strict=True)]
    with current().child() as inner:
        index = inner.input(INDEX)
        own = [inner.input(v.type) for v in start]
        outputs = _steps(parts, index, list(zip(own, moving, strict=True)), inputs, batched, size)
        rest = outputs[parts.conditional :]
        left = [with_batch(v, f, size) if m else v for (v, f), m in zip(rest, moving, strict=False)]
        written = rest[parts.carried :]
        head = [outputs[0][0]] if parts.conditional else []
        body = inner.finish([*head, *left, *[v for v, _ in written]])
    found = emit_loop(replace(parts, body=body), inputs[: parts.head], start, reads).outputs
    return list(zip(found, [False, *moving, *[f for _, f in written]], strict=True))


def _apart(parts: Parts, inputs: Sequence[Value], batched: Sequence[bool], size: int) -> list[Flagged]:
    """The points take different numbers of steps: beside the rest, the loop carries who goes on, and the numbers."""
    carried, reads, _ = parts.divided(inputs)
    flags, _, _ = parts.divided(batched)
    start = [with_batch(v, f, size) for v, f in zip(carried, flags, strict=True)]
    on = broadcast_to(current().constant(True), shape=(size,))
    count = with_batch(inputs[0], batched[0], size) if parts.bounded else None
    if count is not None:
        on = logical_and(on, less(0, count))
    if parts.conditional:
        on = logical_and(on, with_batch(inputs[parts.bounded], batched[parts.bounded], size))
    none = broadcast_to(current().constant(0, "int"), shape=(size,))
    with current().child() as inner:
        index = inner.input(INDEX)
        going, steps, *own = [inner.input(v.type) for v in (on, none, *start)]
        whose = _going_on(parts, inputs, batched, going)
        outputs = _steps(parts, index, [(v, True) for v in own], inputs, batched, size, whose)
        rest = outputs[parts.conditional :]
        taken = add(steps, cast(going, dtype="int"))
        next_ = logical_and(going, with_batch(*outputs[0], size)) if parts.conditional else going
        if count is not None:
            next_ = logical_and(next_, less(taken, count))
        left = [_selected(going, with_batch(v, f, size), old) for (v, f), old in zip(rest, own, strict=False)]
        written = rest[parts.carried :]
        body = inner.finish([_any(next_), next_, taken, *left, *[v for v, _ in written]])
    made = Parts(body, False, True, False, parts.carried + 2, parts.reads)
    found = emit_loop(made, [_any(on)], [on, none, *start], reads).outputs
    return [
        (found[2], True),
        *[(v, True) for v in found[3 : 3 + parts.carried]],
        *[(v, f) for v, (_, f) in zip(found[3 + parts.carried :], written, strict=True)],
    ]


def _back_apart(parts: Parts, inputs: Sequence[Value], batched: Sequence[bool], size: int) -> list[Flagged]:
    """The way back over different numbers of steps: a point begins where it had ended."""
    carried, reads, _ = parts.divided(inputs)
    flags, _, _ = parts.divided(batched)
    start = [with_batch(v, f, size) for v, f in zip(carried, flags, strict=True)]
    count = inputs[0]
    with current().child() as inner:
        index = inner.input(INDEX)
        own = [inner.input(v.type) for v in start]
        outputs = _steps(parts, index, [(v, True) for v in own], inputs, batched, size)
        going = less(index, count)
        left = [_selected(going, with_batch(v, f, size), old) for (v, f), old in zip(outputs, own, strict=False)]
        written = outputs[parts.carried :]
        body = inner.finish([*left, *[v for v, _ in written]])
    made = Parts(body, True, False, True, parts.carried, parts.reads)
    most = max_(count, axes=(0,)) if size else current().constant(0, "int")
    found = emit_loop(made, [most], start, reads).outputs
    return [
        (count, True),
        *[(v, True) for v in found[1 : 1 + parts.carried]],
        *[(v, f) for v, (_, f) in zip(found[1 + parts.carried :], written, strict=True)],
    ]


def _any(flags: Value) -> Value:
    """Whether one of them is true."""
    if not flags.shape[0]:
        return current().constant(False)
    return less(0, max_(cast(flags, dtype="int"), axes=(0,)))


def batch_custom(node: Node, inputs: Sequence[Value], batched: Sequence[bool], size: int) -> Sequence[Value]:
    """A function with a rule of its own: both are evaluated at all points."""
    function, rule = node.graphs
    operands = [with_batch(v, f, size) for v, f in zip(inputs, batched, strict=True)]
    return current().emit(node.primitive, operands, node.params, (_together(function, size), _together(rule, size)))


def _together(graph: Graph, size: int) -> Graph:
    with current().child() as inner:
        own = [inner.input(v.type._replace(shape=(size, *v.shape))) for v in graph.inputs]
        found = batched_nodes(graph, {v: (o, True) for v, o in zip(graph.inputs, own, strict=True)}, size)
        return inner.finish([with_batch(v, f, size) for v, f in found])
