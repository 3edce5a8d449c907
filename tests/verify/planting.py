"""Wrong gradients: each mistake that diagnosis knows, planted in right gradients of many expressions.

What is planted is computed here, by altering the reverse pass, rewriting the text or rearranging numbers, and shares
nothing with the diagnosis but the hook of the reverse pass.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from engine.derive.reverse import pull_back
from engine.errors import EngineError
from engine.execute.compile import as_argument, bind, compile_graph
from engine.graph.build import Builder
from engine.graph.types import Array
from engine.graph.values import Graph, Node, Value, depends_on
from engine.primitives.arithmetic import chain
from engine.primitives.record import sum_to
from engine.primitives.shape import broadcast_to, zeros_of
from engine.source.text import Span
from engine.verify.diagnosis import Mismatch
from engine.verify.report import Claim, Kind
from tests.asking import graph_of_text

Arrays = dict[str, Array]


@dataclass(frozen=True)
class Case:
    """A function at a point."""

    text: str
    graph: Graph
    names: tuple[str, ...]
    arguments: Sequence[Any]
    wrt: tuple[str, ...]
    gradient: Arrays

    def mismatch(self, claimed: Mapping[str, Array], points: int | None = None) -> Mismatch:
        """The claim of a gradient, with the tolerance of float64."""
        allowed = {n: 1e-9 * np.abs(g) + 1e-12 * np.max(np.abs(g), initial=0.0) for n, g in self.gradient.items()}
        claim = Claim(dict(claimed), self.gradient, allowed)
        return Mismatch(self.graph, self.arguments, self.names, self.wrt, claim, points)

    def value(self, name: str) -> Value:
        """The input of this name."""
        return self.graph.inputs[self.names.index(name)]


@dataclass(frozen=True)
class Plant:
    """A wrong gradient: what was planted, in which variant, and where."""

    kind: Kind
    variant: str
    claimed: Arrays
    span: Span | None = None


def case_of(text: str, at: Mapping[str, Any], wrt: Sequence[str]) -> Case | None:
    """The case, None where the gradient is not finite or is nothing but zeros."""
    graph, arrays = graph_of_text(text, at)
    arguments = [as_argument(a, v) for a, v in zip(arrays, graph.inputs, strict=True)]
    names = tuple(n for n in at if n != "i")
    assert len(names) == len(graph.inputs)
    bare = Case(text, graph, names, arguments, tuple(wrt), {})
    found = evaluated(bare, gradient_graph(bare, lambda node, outgoing, shares: shares), arguments)
    fine = all(np.isfinite(g).all() and float(np.max(np.abs(g), initial=0.0)) < 1e8 for g in found.values())
    if not fine or not any(np.any(g) for g in found.values()):
        return None
    return Case(text, graph, names, arguments, tuple(wrt), found)


Shares = Sequence[Value | None]
Adjust = Callable[[Node, Shares, Shares], Shares]


def gradient_graph(case: Case, adjust: Adjust, graph: Graph | None = None) -> Graph:
    """The gradient's graph with the shares of some nodes adjusted."""
    graph = graph or case.graph
    sources = [graph.inputs[case.names.index(n)] for n in case.wrt]
    with Builder(start=graph) as builder:
        pulled = pull_back(graph, [builder.constant(1.0)], sources, adjust)
        return builder.finish([pulled.get(v) or zeros_of(v.shape) for v in sources])


def evaluated(case: Case, graph: Graph, arguments: Sequence[Any]) -> Arrays:
    """The outputs of a gradient's graph by input."""
    with np.errstate(all="ignore"):
        outputs = compile_graph(graph)(arguments)[0]
    return {n: np.asarray(o) for n, o in zip(case.wrt, outputs, strict=True)}


def plants(case: Case, draw: random.Random) -> Iterator[Plant]:
    """Every mistake that can be planted in this case."""
    makers = (_signs, _factors, _means, _layouts, _operations, _inner, _uses, _degrees, _points, _singles)
    for maker in makers:
        for plant in maker(case, draw):
            if all(np.isfinite(a).all() for a in plant.claimed.values()):
                yield plant


def without_effect(case: Case, plant: Plant) -> bool:
    """Whether the mistake makes no difference at this point."""
    return not case.mismatch(plant.claimed).claim.wrong


def _signs(case: Case, draw: random.Random) -> Iterator[Plant]:
    yield Plant("sign", "whole", {n: -g for n, g in case.gradient.items()})
    if len(case.wrt) > 1:
        for name in case.wrt:
            yield Plant("sign", "one input", {**case.gradient, name: -case.gradient[name]})


def _factors(case: Case, draw: random.Random) -> Iterator[Plant]:
    lengths = {n for v in case.graph.inputs for n in v.shape if n > 1}
    for factor in (2.0, 0.5, *[float(n) for n in lengths], *[1.0 / n for n in lengths]):
        yield Plant("factor", "whole", {n: factor * g for n, g in case.gradient.items()})
    if sum(np.count_nonzero(g) for g in case.gradient.values()) > 1:
        factor = draw.uniform(0.3, 3.0)
        yield Plant("factor", "any number", {n: factor * g for n, g in case.gradient.items()})
    if len(case.wrt) > 1:
        for name in case.wrt:
            yield Plant("factor", "one input", {**case.gradient, name: 2.0 * case.gradient[name]})


def _means(case: Case, draw: random.Random) -> Iterator[Plant]:
    for node in case.graph.nodes:
        if node.primitive.name == "sum":
            count = node.inputs[0].type.size // max(node.outputs[0].type.size, 1)
            after = [n for n in case.graph.nodes if node.outputs[0] in n.inputs]
            mean = len(after) == 1 and after[0].primitive.name == "divide" and after[0].inputs[1].constant == count
            if count > 1:
                factor, variant = (float(count), "sum for mean") if mean else (1.0 / count, "mean for sum")
                yield from _altered(
                    case,
                    "mean-instead-of-sum",
                    variant,
                    after[0] if mean else node,
                    lambda outgoing, shares, f=factor: [None if s is None else s * f for s in shares],  # type: ignore[misc]
                )


def _layouts(case: Case, draw: random.Random) -> Iterator[Plant]:
    right = case.gradient
    for name, g in right.items():
        if g.ndim == 2 and g.size > 1:
            yield Plant("transposed", "transposed", {**right, name: g.T.copy()})
            if min(g.shape) > 1:
                yield Plant("transposed", "order", {**right, name: g.ravel(order="F").reshape(g.shape)})
        if g.size > 1:
            for step in (1, -1):
                yield Plant("permuted", "shifted", {**right, name: np.roll(g, step, axis=-1)})
            yield Plant("permuted", "reversed", {**right, name: np.flip(g, axis=-1).copy()})
        if g.size > 2:
            order = list(range(g.size))
            draw.shuffle(order)
            yield Plant("permuted", "any order", {**right, name: g.ravel()[order].reshape(g.shape)})
    for i, a in enumerate(case.wrt):
        for b in case.wrt[i + 1 :]:
            if right[a].shape == right[b].shape:
                yield Plant("permuted", "inputs swapped", {**right, a: right[b], b: right[a]})


def _altered(
    case: Case, kind: Kind, variant: str, node: Node, change: Callable[[Shares, Shares], Shares]
) -> Iterator[Plant]:
    def adjust(at: Node, outgoing: Shares, shares: Shares) -> Shares:
        return change(outgoing, shares) if at is node else shares

    try:
        claimed = evaluated(case, gradient_graph(case, adjust), case.arguments)
    except EngineError:
        return
    yield Plant(kind, variant, claimed, node.span)


def _operations(case: Case, draw: random.Random) -> Iterator[Plant]:
    active = depends_on(case.graph.nodes, {case.value(n) for n in case.wrt})
    for node in case.graph.nodes:
        partials = node.primitive.fields.get("partials") if node.primitive.kind == "elementwise" else None
        positions = [i for i, v in enumerate(node.inputs) if v in active and v.type.dtype == "real"]
        for i in positions:
            if partials is not None and (callable(partials[i]) or isinstance(partials[i], float)):
                yield from _of_partial(case, node, i, partials[i])
            if partials is not None or node.primitive.name == "broadcast_to":
                yield from _of_broadcast(case, node, i, 1.0 if partials is None else partials[i])
            if len(positions) > 1 and node.primitive.name in ("multiply", "divide", "power", "matmul"):
                yield from _altered(
                    case,
                    "missing-chain-factor",
                    "product rule",
                    node,
                    lambda outgoing, shares, i=i: [None if j == i else s for j, s in enumerate(shares)],  # type: ignore[misc]
                )


def _inner(case: Case, draw: random.Random) -> Iterator[Plant]:
    """The whole inner derivative forgotten: that of a value made from inputs of its own shape by several operations."""
    for value in [node.outputs[0] for node in case.graph.nodes]:
        below = [n for n in case.wrt if value in depends_on(case.graph.nodes, {case.value(n)})]
        direct = all(v.node is None for v in value.node.inputs) if value.node else True
        if value in case.graph.outputs or direct or any(case.value(n).shape != value.shape for n in below) or not below:
            continue
        kept: list[Value] = []

        def adjust(
            at: Node, outgoing: Shares, shares: Shares, value: Value = value, kept: list[Value] = kept
        ) -> Shares:
            kept.extend(s for v, s in zip(at.inputs, shares, strict=True) if v is value and s is not None)
            return [None if v is value else s for v, s in zip(at.inputs, shares, strict=True)]

        sources = [case.value(n) for n in case.wrt]
        with Builder(start=case.graph) as builder:
            pulled = pull_back(case.graph, [builder.constant(1.0)], sources, adjust)
            outputs = []
            for name, source in zip(case.wrt, sources, strict=True):
                total = pulled.get(source) or zeros_of(source.shape)
                outputs.append(sum(kept, total) if name in below else total)
            graph = builder.finish(outputs)
        if kept:
            yield Plant("missing-chain-factor", "inner", evaluated(case, graph, case.arguments), value.span)


def _of_partial(case: Case, node: Node, i: int, partial: Any) -> Iterator[Plant]:
    def slope() -> Any:
        return partial if isinstance(partial, float) else partial(*node.inputs, node.outputs[0], **node.params)

    def only(share: Callable[[Value], Value]) -> Callable[[Shares, Shares], Shares]:
        def change(outgoing: Shares, shares: Shares) -> Shares:
            if shares[i] is None or outgoing[0] is None:
                return shares
            return [share(outgoing[0]) if j == i else s for j, s in enumerate(shares)]

        return change

    shape = node.inputs[i].shape
    if not isinstance(partial, float):
        yield from _altered(case, "missing-chain-factor", "missing", node, only(lambda c: sum_to(c, shape)))
        twice = only(lambda c: sum_to(chain(chain(c, slope()), slope()), shape))
        yield from _altered(case, "missing-chain-factor", "twice", node, twice)
    forgotten = {"cos": 0, "acos": 0, "subtract": 1, "divide": 1, "reciprocal": 0, "negative": 0}
    if forgotten.get(node.primitive.name) == i:
        yield from _altered(case, "sign", "of a node", node, only(lambda c: sum_to(-chain(c, slope()), shape)))


def _of_broadcast(case: Case, node: Node, i: int, partial: Any) -> Iterator[Plant]:
    small, large = node.inputs[i].shape, node.outputs[0].shape
    if node.inputs[i].type.size == node.outputs[0].type.size or not (callable(partial) or isinstance(partial, float)):
        return
    extra = len(large) - len(small)
    padded = (1,) * extra + small
    axes = tuple(a for a, (m, n) in enumerate(zip(padded, large, strict=True)) if m != n)

    def before(graph_case: Case) -> Array:
        """The share before it is summed, as numbers."""
        kept: list[Value] = []

        def adjust(at: Node, outgoing: Shares, shares: Shares) -> Shares:
            if at is node and outgoing[0] is not None:
                slope = partial if isinstance(partial, float) else partial(*at.inputs, at.outputs[0], **at.params)
                kept.append(broadcast_to(chain(outgoing[0], slope), shape=large))
            return shares

        sources = [case.value(n) for n in case.wrt]
        with Builder(start=case.graph) as builder:
            pull_back(case.graph, [builder.constant(1.0)], sources, adjust)
            graph = builder.finish(kept)
        with np.errstate(all="ignore"):
            return np.asarray(compile_graph(graph)(case.arguments)[0][0]) if kept else np.zeros(0)

    whole = before(case)
    if not whole.size:
        return
    for variant, reduce in (
        ("first row", lambda a: np.take(a, [0], axis=axes[0])),
        ("last row", lambda a: np.take(a, [-1], axis=axes[0])),
        ("mean", lambda a: np.mean(a, axis=axes, keepdims=True)),
    ):
        part = reduce(whole).sum(axis=axes).reshape(small)

        def change(outgoing: Shares, shares: Shares, part: Array = part) -> Shares:
            with_part = np.asarray(part)
            return [_constant(with_part) if j == i else s for j, s in enumerate(shares)]

        if len(axes) == 1 or variant == "mean":
            yield from _altered(case, "missing-reduction", variant, node, change)
    for name in case.wrt:
        if case.value(name) is node.inputs[i] and _count_uses(case.graph, node.inputs[i]) == 1:
            yield Plant("missing-reduction", "not summed", {**case.gradient, name: whole}, node.span)


def _constant(array: Array) -> Value:
    from engine.graph.build import constant

    return constant(array, "real")


def _count_uses(graph: Graph, value: Value) -> int:
    return sum(v is value for node in graph.nodes for v in node.inputs)


def _uses(case: Case, draw: random.Random) -> Iterator[Plant]:
    active = depends_on(case.graph.nodes, {case.value(n) for n in case.wrt})
    places: dict[Value, list[tuple[Node, int]]] = {}
    for node in case.graph.nodes:
        for i, v in enumerate(node.inputs):
            if v in active and v.type.dtype == node.outputs[0].type.dtype == "real":
                places.setdefault(v, []).append((node, i))
    for uses in places.values():
        if len(uses) < 2:
            continue
        for variant, kept in (("last use", uses[-1]), ("first use", uses[0])):
            dropped = [place for place in uses if place != kept]

            def adjust(at: Node, outgoing: Shares, shares: Shares, dropped: Any = dropped) -> Shares:
                return [None if (at, i) in dropped else s for i, s in enumerate(shares)]

            claimed = evaluated(case, gradient_graph(case, adjust), case.arguments)
            yield Plant("last-use-only", variant, claimed, kept[0].span)


def _degrees(case: Case, draw: random.Random) -> Iterator[Plant]:
    of_angles, to_angles = ("sin", "cos", "tan"), ("asin", "acos", "atan")
    used = {n.primitive.name for n in case.graph.nodes}
    if not used & {*of_angles, *to_angles}:
        return

    def scaled(at: Node, outgoing: Shares, shares: Shares) -> Shares:
        name = at.primitive.name
        factor = np.pi / 180 if name in of_angles else 180 / np.pi if name in to_angles else None
        return shares if factor is None else [None if s is None else s * factor for s in shares]

    yield Plant("degrees", "derivative", evaluated(case, gradient_graph(case, scaled), case.arguments))
    text = case.text
    for name in of_angles:
        text = (
            text.replace(f"a{name}(", f"A{name}(")
            .replace(f"{name}(", f"{name}(pi/180*")
            .replace(f"A{name}(pi/180*", f"a{name}(")
        )
    for name in to_angles:
        text = text.replace(f"{name}(", f"180/pi*{name}(")
    # The factor pi/180 goes to the first term of the argument only where that is a product or a name.
    if _is_simple(case.text):
        at = dict(zip(case.names, case.arguments, strict=True))
        other = case_of(text, at, case.wrt)
        if other is not None:
            yield Plant("degrees", "function", other.gradient)


def _is_simple(text: str) -> bool:
    """Whether no argument of a trigonometric function has a sum at its top."""
    for name in ("sin(", "cos(", "tan("):
        start = text.find(name)
        while start >= 0:
            depth = 0
            for c in text[start + len(name) :]:
                depth += c in "([" or -(c in ")]")
                if depth < 0:
                    break
                if depth == 0 and c in "+-":
                    return False
            start = text.find(name, start + 1)
    return True


def _points(case: Case, draw: random.Random) -> Iterator[Plant]:
    graph = gradient_graph(case, lambda node, outgoing, shares: shares)

    def at(arguments: Sequence[Any], variant: str) -> Iterator[Plant]:
        yield Plant("other-point", variant, evaluated(case, graph, arguments))

    def moved(change: Callable[[str, Any], Any]) -> list[Any]:
        pairs = zip(case.names, case.graph.inputs, case.arguments, strict=True)
        return [as_argument(change(n, x), v) if n in case.wrt else x for n, v, x in pairs]

    for step in (1.0, -1.0):
        yield from at(moved(lambda n, x, s=step: x + s), "one step off")  # type: ignore[misc]
        for name in case.wrt[:3]:
            yield from at(moved(lambda n, x, s=step, m=name: x + s * (n == m)), "one step off")  # type: ignore[misc]
    for rate in (0.1, 0.01):
        yield from at(moved(lambda n, x, r=rate: x - r * case.gradient[n]), "after a step")  # type: ignore[misc]
    rate = draw.uniform(0.02, 0.08)
    if sum(np.count_nonzero(g) for g in case.gradient.values()) > 1:
        yield from at(moved(lambda n, x: x - rate * case.gradient[n]), "any step")
    for i, a in enumerate(case.graph.inputs):
        for j in range(i + 1, len(case.graph.inputs)):
            if a.type == case.graph.inputs[j].type and a.type.dtype == "real":
                arguments = list(case.arguments)
                arguments[i], arguments[j] = arguments[j], arguments[i]
                yield from at(arguments, "inputs swapped")
    for name in case.wrt:
        if case.value(name).rank == 1 and case.value(name).shape[0] > 1:
            yield from at(moved(lambda n, x, m=name: np.roll(x, 1) if n == m else x), "components shifted")  # type: ignore[misc]
    for i, v in enumerate(case.graph.inputs):
        if v.rank == 2 and v.shape[0] == v.shape[1] > 1:
            arguments = list(case.arguments)
            arguments[i] = arguments[i].T.copy()
            yield from at(arguments, "input transposed")


def _singles(case: Case, draw: random.Random) -> Iterator[Plant]:
    """The gradient computed in float32 throughout."""
    graph = gradient_graph(case, lambda node, outgoing, shares: shares)
    values: dict[Value, Any] = {}

    def single(value: Value, array: Any) -> Any:
        return np.asarray(array).astype(np.float32)[()] if value.type.dtype == "real" else array

    def read(value: Value) -> Any:
        return single(value, value.constant) if value.constant is not None else values[value]

    for value, argument in zip(graph.inputs, case.arguments, strict=True):
        values[value] = single(value, argument)
    with np.errstate(all="ignore"):
        for node in graph.nodes:
            try:
                result = bind(node)(*[read(v) for v in node.inputs])
            except (TypeError, ValueError):
                return
            for value, one in zip(node.outputs, result if len(node.outputs) > 1 else (result,), strict=True):
                values[value] = single(value, one)
    claimed = {n: np.asarray(read(v)).astype(np.float64) for n, v in zip(case.wrt, graph.outputs, strict=True)}
    yield Plant("float32", "throughout", claimed)
