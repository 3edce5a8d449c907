"""Reverse mode of a loop: the loop again with what has to be saved, and a loop back over what was saved."""

from __future__ import annotations

from collections.abc import Sequence

from engine.control.emission import emit_loop
from engine.control.residuals import Split, split
from engine.derive.reverse import accumulated
from engine.graph.build import current
from engine.graph.loops import INDEX, Parts
from engine.graph.primitive import Cotangents
from engine.graph.values import Node, Value, depends_on
from engine.primitives.shape import zeros_of


def vjp_of_loop(node: Node, cotangents: Cotangents, wanted: Sequence[bool]) -> Cotangents:
    """The cotangents of the initial values, of the stacks read and of the invariants."""
    parts = Parts.of(node)
    body = parts.body
    of_carried, of_stacks = cotangents[1 : 1 + parts.carried], cotangents[1 + parts.carried :]
    active = _active(parts, wanted)
    seeded = _seeded(parts, active, of_carried, of_stacks)
    wanted_carried, wanted_reads, wanted_invariants = parts.divided(wanted)
    count = len(body.inputs)
    first_read, first_invariant = 1 + parts.carried, 1 + parts.carried + parts.reads
    back = [
        False,
        *[a and s for a, s in zip(active, seeded, strict=True)],
        *wanted_reads,
        *wanted_invariants,
    ]
    outgoing = [False] * parts.conditional + seeded + [c is not None for c in of_stacks]
    available = [True] + [False] * parts.carried + [True] * (count - first_read)
    pieces = split(body, outgoing, back, available)
    forward = _augmented(node, parts, pieces)
    current().supersede(node, forward.outputs[: len(node.outputs)])

    slots = [k for k in range(parts.carried) if active[k] and seeded[k]]
    sums = [i for i in range(first_invariant, count) if i in pieces.contributions]
    written = [i for i in range(first_read, first_invariant) if i in pieces.contributions]
    backward = _backward(node, parts, pieces, forward, cotangents, (slots, sums, written))
    left = dict(zip(slots, backward.outputs[1:], strict=False))
    totals = dict(zip(sums, backward.outputs[1 + len(slots) :], strict=False))
    stacks = dict(zip(written, backward.outputs[1 + len(slots) + len(sums) :], strict=True))
    head: list[Value | None] = [None] * parts.head
    return [
        *head,
        *[left.get(k) if want else None for k, want in enumerate(wanted_carried)],
        *[stacks.get(i) for i in range(first_read, first_invariant)],
        *[totals.get(i) for i in range(first_invariant, count)],
    ]


def _active(parts: Parts, wanted: Sequence[bool]) -> list[bool]:
    """Which carried values depend, after some steps, on what is differentiated."""
    carried, reads, invariants = parts.divided(wanted)
    active = list(carried)
    left, _ = parts.left()
    while True:
        flags = [False, *active, *reads, *invariants]
        sources = {v for v, flag in zip(parts.body.inputs, flags, strict=True) if flag}
        reached = depends_on(parts.body.nodes, sources)
        grown = [a or (v in reached and v.type.dtype == "real") for a, v in zip(active, left, strict=True)]
        if grown == active:
            return active
        active = grown


def _seeded(
    parts: Parts, active: Sequence[bool], of_carried: Sequence[Value | None], of_stacks: Sequence[Value | None]
) -> list[bool]:
    """Which carried values have a cotangent after some step: what a later step, a stack or the result needs."""
    left, written = parts.left()
    own, _, _ = parts.in_body(parts.body.inputs)
    seeded = [c is not None for c in of_carried]
    targets = {v for v, c in zip(written, of_stacks, strict=True) if c is not None}
    reach = [depends_on(parts.body.nodes, {v}) if a else set() for v, a in zip(own, active, strict=True)]
    while True:
        ends = targets | {v for v, flag in zip(left, seeded, strict=True) if flag}
        grown = [flag or bool(reached & ends) for flag, reached in zip(seeded, reach, strict=True)]
        if grown == seeded:
            return [flag and a for flag, a in zip(seeded, active, strict=True)]
        seeded = grown


def _augmented(node: Node, parts: Parts, pieces: Split) -> Node:
    """The loop with the saved values written too."""
    body = pieces.forward
    carried, reads, invariants = parts.divided(node.inputs)
    made = Parts(body, parts.bounded, parts.conditional, parts.backward, parts.carried, parts.reads)
    return _emitted(node, made, carried, reads, invariants)


def _emitted(
    node: Node, parts: Parts, carried: Sequence[Value], reads: Sequence[Value], invariants: Sequence[Value]
) -> Node:
    builder = current()
    before = builder.derived
    builder.derived = node.derived
    inputs = [*node.inputs[: parts.head], *carried, *reads, *invariants]
    outputs = builder.emit(node.primitive, inputs, parts.params, (parts.body,))
    builder.derived = before
    found = outputs[0].node
    assert found is not None
    return found


def _backward(
    node: Node,
    parts: Parts,
    pieces: Split,
    forward: Node,
    cotangents: Cotangents,
    kept: tuple[list[int], list[int], list[int]],
) -> Node:
    """The loop over the steps in the opposite order."""
    slots, sums, written = kept
    body = parts.body
    _, reads, invariants = parts.divided(node.inputs)
    own_carried, own_reads, own_invariants = parts.in_body(body.inputs)
    used = set(pieces.direct)
    outer = dict(zip(own_invariants, invariants, strict=True))
    stacks = [*forward.outputs[len(node.outputs) :], *[s for s, v in zip(reads, own_reads, strict=True) if v in used]]
    with current().child() as inner:
        inner.derived = inner._derived = True
        index = inner.input(INDEX)
        before = [inner.input(own_carried[k].type) for k in slots]
        totals = [inner.input(body.inputs[i].type) for i in sums]
        elements = [*pieces.saved, *[v for v in own_reads if v in used]]
        image: dict[Value, Value] = {v: inner.input(v.type, v.span) for v in elements}
        image[body.inputs[0]] = index
        image.update((v, outer[v]) for v in own_invariants if v in used)
        for k, cotangent in enumerate(pieces.cotangents[parts.conditional :]):
            if cotangent is None:
                continue
            if k < parts.carried:
                image[cotangent] = before[slots.index(k)]
            else:
                found = cotangents[1 + k]
                assert found is not None
                stacks.append(found)
                image[cotangent] = inner.input(cotangent.type)
        first = 1
        having = [k for k in slots if first + k in pieces.contributions]
        numbers = [first + k for k in having] + sums + written
        found_all = pieces.pulled(image, numbers)
        by_number = dict(zip(numbers, found_all, strict=True))
        next_ = [by_number.get(first + k) or zeros_of(own_carried[k].shape) for k in slots]
        added = [accumulated(total, by_number[i]) for total, i in zip(totals, sums, strict=True)]
        back = inner.finish([*next_, *added, *[by_number[i] for i in written]])
    made = Parts(back, True, False, not parts.backward, len(slots) + len(sums), len(stacks))
    start = [cotangents[1 + k] or zeros_of(own_carried[k].shape) for k in slots]
    zeros = [zeros_of(body.inputs[i].shape) for i in sums]
    # What is known beforehand tells the cost of the way back, too.
    known = parts.bounded and not parts.conditional and node.inputs[0].constant is not None
    return emit_loop(made, [node.inputs[0] if known else forward.outputs[0]], [*start, *zeros], stacks)
