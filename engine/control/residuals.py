"""The graph of a step or a branch split for reverse mode: a forward part, a reverse part, and what is saved between.

The reverse part is what depends on the cotangents.  Everything else could be computed on the way forward and saved, or
again on the way back; what is saved is what takes the fewest bytes, as long as computing it again costs next to
nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from engine.control.emission import builder_for
from engine.derive.reverse import pull_back
from engine.graph.inline import inline
from engine.graph.types import Type
from engine.graph.values import Graph, Node, Value, live_nodes

RECOMPUTED = frozenset(("elementwise", "linear"))
"""Kinds of nodes that may be computed again."""
SCALAR_BYTES = 40
"""What keeping a number costs, about."""


@dataclass(frozen=True, slots=True)
class Split:
    """`forward`: the graph with the saved values as further outputs.

    `contributions`: by input of the graph, its cotangent, as a value of the reverse part; `nodes` are those of the
    reverse part, which use the `cotangents`, the `saved` values and the `direct` inputs of the graph.
    """

    forward: Graph
    saved: tuple[Value, ...]
    direct: tuple[Value, ...]
    cotangents: tuple[Value | None, ...]
    nodes: tuple[Node, ...]
    contributions: Mapping[int, Value]

    def pulled(self, image: Mapping[Value, Value], wanted: Sequence[int]) -> list[Value]:
        """The cotangents of inputs of the graph (which have one), emitted into the current builder.

        `image` has what stands there for the cotangents, the saved values and the direct inputs.
        """
        return inline(Graph((), self.nodes, tuple(self.contributions[i] for i in wanted)), image)


def split(graph: Graph, seeded: Sequence[bool], wanted: Sequence[bool], available: Sequence[bool]) -> Split:
    """Split a graph whose `seeded` outputs have cotangents, for those of its `wanted` inputs.

    `available` inputs will be at hand on the way back and need not be saved.
    """
    sources = [v for v, want in zip(graph.inputs, wanted, strict=True) if want]
    with builder_for(graph, derived=True) as builder:
        cotangents = [
            Value(v.type, v.span) if seed and v.type.dtype == "real" else None
            for v, seed in zip(graph.outputs, seeded, strict=True)
        ]
        pulled = pull_back(graph, cotangents, sources)
        numbers = [i for i, v in enumerate(graph.inputs) if wanted[i] and v in pulled]
        joint = builder.finish([*graph.outputs, *[pulled[graph.inputs[i]] for i in numbers]])
    count = len(graph.outputs)
    outputs, contributions = joint.outputs[:count], joint.outputs[count:]
    at_hand = {v for v, flag in zip(graph.inputs, available, strict=True) if flag}
    nodes, saved, direct = _cut(joint, [c for c in cotangents if c is not None], contributions, at_hand)
    forward = Graph(graph.inputs, live_nodes(joint.nodes, (*outputs, *saved)), (*outputs, *saved))
    return Split(forward, saved, direct, tuple(cotangents), nodes, dict(zip(numbers, contributions, strict=True)))


def _cut(
    joint: Graph, cotangents: Sequence[Value], contributions: Sequence[Value], at_hand: set[Value]
) -> tuple[tuple[Node, ...], tuple[Value, ...], tuple[Value, ...]]:
    """The nodes of the reverse part, what it needs saved, and which inputs it uses as they are."""
    moving = _moving(joint, cotangents)
    reverse = [n for n in joint.nodes if any(v in moving for v in n.outputs)]
    found = [v for n in reverse for v in n.inputs] + list(contributions)
    needed = dict.fromkeys(v for v in found if v.constant is None and v not in moving)
    again: list[Node] = []
    for node in reversed(joint.nodes):
        wanted = [v for v in node.outputs if v in needed and v not in moving]
        if not wanted or node.primitive.kind not in RECOMPUTED or node.effect:
            continue
        fresh = [v for v in node.inputs if v.constant is None and v not in at_hand and v not in needed]
        # Of a derivative, the same work is done here or there; of the function it would be done twice.
        cheap = node.derived or not fresh or node.primitive.kind == "linear"
        if cheap and _bytes(fresh) <= _bytes(wanted):
            again.append(node)
            for value in wanted:
                del needed[value]
            needed.update(dict.fromkeys(v for v in node.inputs if v.constant is None))
    again.reverse()
    own = {v for n in joint.nodes for v in n.outputs} | set(joint.inputs)
    saved = tuple(v for v in needed if v not in at_hand and v in own)
    return (*again, *reverse), saved, tuple(v for v in needed if v in at_hand)


def _moving(joint: Graph, cotangents: Sequence[Value]) -> set[Value]:
    """What can only be computed on the way back: all that a node gives that takes part in it, be it a number or not."""
    moving = set(cotangents)
    for node in joint.nodes:
        if any(v in moving for v in node.inputs):
            moving.update(node.outputs)
    return moving


def _bytes(values: Sequence[Value]) -> int:
    return sum(_held(v.type) for v in values)


def _held(type: Type) -> int:
    return type.bytes if type.shape else SCALAR_BYTES
