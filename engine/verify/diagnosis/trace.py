"""The reverse pass laid open: what every operation hands to its arguments, and what altering it does to the gradient.

The gradient is linear in what is handed through one edge, so a mistake there changes it by the transpose of the
derivative of the argument, applied to the change.  Along a direction u that is the product of the change with the
tangent of the argument along u.  One reverse pass and one forward pass along a few directions, together, therefore
predict the effect of every mistake in every operation, at a cost that grows with the graph and not with its square.

With few components the directions are all the axes, and the predictions are complete.  With many they are random: what
does not match along them is not the mistake, and what does is computed in full afterwards.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from engine.derive.batch import batched
from engine.derive.forward import push_forward
from engine.derive.reverse import Contributions, pull_back
from engine.errors import EngineError
from engine.execute.compile import Executable, compile_graph
from engine.graph.build import Builder
from engine.graph.types import Array, Shape
from engine.graph.values import Graph, Node, Value, depends_on
from engine.limits import Budget, Limits
from engine.primitives.record import sum_to
from engine.primitives.shape import zeros_of
from engine.verify.diagnosis.alterations import Alteration, alterations
from engine.verify.diagnosis.edges import Alter, Edge
from engine.verify.diagnosis.fit import Judge
from engine.verify.diagnosis.mismatch import Arrays, Mismatch

COMPLETE = 24
"""Components up to which all axes are directions."""
DIRECTIONS = 6
MOST_NUMBERS = 2**24
"""Numbers that the passes may hold at once, 128 MiB."""
MOST_NODES = 4000
"""Operations up to which every one of them is suspected; 250 take about 0.2 s."""

INNER = "as though it were "
MOST_INPUTS = 16
"""Inputs up to which inner derivatives are suspected as a whole."""

Place = tuple[Node, int]
Key = tuple[Node, int, str]
"""An edge and the name of an alteration; `share` is the edge as it is."""
Change = dict[Key, Array]
"""What handing something through an edge does to the gradient: one number per direction."""


@dataclass(frozen=True, slots=True)
class Trace:
    """`edges` in the order of the graph; `altered` what may go wrong at each."""

    mismatch: Mismatch
    edges: Sequence[Edge]
    altered: Mapping[Key, Alteration]
    complete: bool
    directions: Array
    _reverse: Executable
    _keys: Sequence[Key]
    _forward: Executable
    _values: Mapping[Value, int]
    inner: Mapping[Value, Sequence[Key]]
    """Intermediate values, and what each input gets if the value is taken for the input itself."""

    def gradient(self, arguments: Sequence[Any], budget: Budget) -> Arrays:
        """The right gradient at these arguments."""
        outputs = self._reverse(arguments, budget)[0]
        return dict(zip(self.mismatch.asked, [np.asarray(o) for o in outputs], strict=False))

    def changes(self, arguments: Sequence[Any], budget: Budget) -> Change:
        """What each share, and each altered one, contributes to the gradient along the directions."""
        count, asked = len(self.directions), self.mismatch.asked
        outputs = self._reverse(arguments, budget)[0]
        seeds = self._seeds()
        tangents = self._forward([*arguments, *seeds], budget)[0]
        result: Change = {}
        for key, output in zip(self._keys, outputs[len(asked) :], strict=True):
            node, position, name = key
            if name.startswith(INNER):
                tangent = seeds[asked.index(name.removeprefix(INNER))]
            else:
                tangent = tangents[self._values[node.inputs[position]]]
            result[key] = np.reshape(tangent, (count, -1)) @ np.ravel(output)
        return result

    def along(self, gradient: Arrays) -> Array:
        """A gradient along the directions."""
        flat = np.concatenate([np.ravel(gradient[n]) for n in self.mismatch.asked])
        return flat if self.complete else self.directions @ flat

    def arrays(self, flat: Array) -> Arrays:
        """A gradient given by its components, by input: for complete directions only."""
        result, start = {}, 0
        for name, value in zip(self.mismatch.asked, self.mismatch.sources, strict=True):
            result[name] = flat[start : start + value.type.size].reshape(value.shape)
            start += value.type.size
        return result

    def _seeds(self) -> list[Array]:
        seeds, start = [], 0
        for value in self.mismatch.sources:
            part = self.directions[:, start : start + value.type.size]
            seeds.append(part.reshape((len(self.directions), *value.shape)))
            start += value.type.size
        return seeds


def trace(mismatch: Mismatch, judge: Judge, limits: Limits, budget: Budget) -> Trace | None:
    """Both passes, ready to run; None where there are no edges, or too much to hold.  Raises `EngineError`."""
    graph, sources = mismatch.graph, mismatch.sources
    components = sum(v.type.size for v in sources)
    held = sum(v.type.size for node in graph.nodes for v in node.outputs if v.type.dtype == "real") + components
    count = components if components <= COMPLETE else DIRECTIONS
    if held * (count + 6) > MOST_NUMBERS:
        count = min(count, max(1, MOST_NUMBERS // held - 6))
    if held * 4 > MOST_NUMBERS or not components or len(graph.nodes) > MOST_NODES:
        return None
    with Builder(limits, budget, start=graph) as builder:
        edges = record(graph, sources, builder)
        altered: dict[Key, Alteration] = {}
        outputs: dict[Key, Value] = {}
        for edge in edges.found:
            builder.span = edge.node.span
            outputs[edge.node, edge.position, "share"] = edge.share
            for alteration in alterations(edge):
                value = attempted(alteration.alter, edge)
                if value is not None and value is not edge.share:
                    key = (edge.node, edge.position, alteration.name)
                    altered[key], outputs[key] = alteration, value
        inner = _inner(mismatch, edges, outputs)
        gradient = [edges.cotangents.get(v) or zeros_of(v.shape) for v in sources]
        reverse = compile_graph(builder.finish([*gradient, *outputs.values()]), limits)
    values = list(dict.fromkeys(edge.value for edge in edges.found))
    if not values:
        return None
    with Builder(limits, budget, start=graph) as builder:
        pushed = push_forward(graph, {v: builder.input(v.type) for v in sources})
        tangents = builder.finish([pushed.get(v) or zeros_of(v.shape) for v in values])
    flags = [False] * len(graph.inputs) + [True] * len(sources)
    forward = compile_graph(batched(tangents, flags, count, limits, budget)[0], limits)
    complete = count == components and components <= COMPLETE
    return Trace(
        mismatch,
        edges.found,
        altered,
        complete,
        np.eye(components) if complete else _random(judge, mismatch.asked, count),
        reverse,
        list(outputs),
        forward,
        {v: i for i, v in enumerate(values)},
        inner,
    )


@dataclass(frozen=True, slots=True)
class Recorded:
    """The edges that carry something, in the order of the graph, and the cotangents."""

    found: Sequence[Edge]
    cotangents: Mapping[Value, Value]


def record(
    graph: Graph, sources: Sequence[Value], builder: Builder, replaced: Mapping[Place, Alter] | None = None
) -> Recorded:
    """The reverse pass, emitted into the builder, with the shares of some places replaced."""
    active = depends_on(graph.nodes, set(sources))
    unit = builder.constant(1.0)
    moving, seen = set(graph.inputs), 0
    found: list[Edge] = []

    def adjust(node: Node, outgoing: Contributions, contributions: Contributions) -> Contributions:
        nonlocal seen
        for made in builder.nodes[seen:]:
            if any(v in moving for v in made.inputs):
                moving.update(made.outputs)
        seen = len(builder.nodes)
        result: list[Value | None] = []
        for position, (value, share) in enumerate(zip(node.inputs, contributions, strict=True)):
            if share is None or value not in active or value.type.dtype != "real":
                result.append(None)
                continue
            single = outgoing[0] if len(outgoing) == 1 else None
            steady = single is not None and single not in moving
            edge = Edge(node, position, value, single, share, steady)
            found.append(edge)
            alter = None if replaced is None else replaced.get((node, position))
            result.append(share if alter is None else alter(edge))
        return result

    cotangents = pull_back(graph, [unit], sources, adjust)
    return Recorded(found[::-1], cotangents)


def planted(
    mismatch: Mismatch,
    replaced: Mapping[Place, Alter],
    limits: Limits | None = None,
    budget: Budget | None = None,
    added: Mapping[Value, Callable[[Value], Value]] | None = None,
) -> Graph:
    """The graph of the gradient with mistakes at some places: inputs → gradients of the inputs asked for.

    `added`: what is added to the gradient of an input in the end.
    """
    graph, sources = mismatch.graph, mismatch.sources
    with Builder(limits, budget, start=graph) as builder:
        cotangents = record(graph, sources, builder, replaced).cotangents
        found = [cotangents.get(v) or zeros_of(v.shape) for v in sources]
        if added:
            found = [g + added[v](v) if v in added else g for v, g in zip(sources, found, strict=True)]
        return builder.finish(found)


def _inner(mismatch: Mismatch, edges: Recorded, outputs: dict[Key, Value]) -> dict[Value, list[Key]]:
    """The cotangents of intermediate values in the shapes of the inputs they depend on, entered into `outputs`."""
    if len(mismatch.asked) > MOST_INPUTS:
        return {}
    nodes = mismatch.graph.nodes
    reached = [(n, v, depends_on(nodes, {v})) for n, v in zip(mismatch.asked, mismatch.sources, strict=True)]
    found: dict[Value, list[Key]] = {}
    for value in dict.fromkeys(edge.value for edge in edges.found):
        node, cotangent = value.node, edges.cotangents.get(value)
        if node is None or cotangent is None:
            continue
        keys: dict[Key, Value] = {}
        for name, source, dependent in reached:
            if value in dependent:
                if not _broadcasts(source.shape, value.shape):
                    break
                keys[node, value.index, INNER + name] = sum_to(cotangent, source.shape)
        else:
            outputs.update(keys)
            found[value] = list(keys)
    return found


def _broadcasts(small: Shape, large: Shape) -> bool:
    tail = large[len(large) - len(small) :] if len(small) <= len(large) else ()
    return len(small) <= len(large) and all(m in (1, n) for m, n in zip(small, tail, strict=True))


def attempted(alter: Alter, edge: Edge) -> Value | None:
    """The altered share; None where it has no meaning for these shapes."""
    try:
        value = alter(edge)
    except EngineError:
        return None
    return value if value is not None and value.shape == edge.value.shape else None


def _random(judge: Judge, asked: Sequence[str], count: int) -> Array:
    """Random directions in units of the components, so that small components count."""
    draw = np.random.default_rng(7)
    parts = []
    for name in asked:
        size = np.maximum(np.abs(judge.claimed[name]), np.abs(judge.expected[name])).ravel()
        floor = 1e-3 * float(size.max(initial=0.0))
        scale = np.maximum(size, floor) if floor else np.ones(size.shape)
        parts.append(draw.choice([-1.0, 1.0], (count, size.size)) * draw.uniform(0.5, 1.5, (count, size.size)) / scale)
    return np.concatenate(parts, axis=1)
