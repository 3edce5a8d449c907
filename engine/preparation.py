"""The way of one question from its text to its executable."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, replace

from engine.asks import DERIVATIONS, DIRECTED, SCALAR, Derived, Function, Layout, for_many
from engine.compiled import Prepared
from engine.derive.batch import batched
from engine.errors import NotDifferentiable, NotScalar
from engine.execute.compile import compile_graph, may_kink
from engine.graph.build import Builder
from engine.graph.check import check
from engine.graph.simplify import Rewrite
from engine.graph.types import Shape, describe
from engine.graph.values import Graph, Node, Value, depends_on
from engine.inputs import Inputs
from engine.limits import Budget, Limits
from engine.primitives.arithmetic import cast
from engine.question import Ask, Question, Warning
from engine.source import tree
from engine.source.lower import check_names, lower_expression
from engine.source.names import Uses, uses
from engine.source.parse import parse_expression
from engine.source.text import Span


@dataclass(frozen=True, slots=True)
class Parsed:
    """A text as its tree, how it uses its names, and the seconds that this took."""

    root: tree.Expression
    uses: Uses
    seconds: float


def parse(text: str, limits: Limits) -> Parsed:
    """Parse a text; raises `SyntaxFault` or `LimitExceeded`."""
    start = time.perf_counter()
    root = parse_expression(text, limits)
    return Parsed(root, uses(root), time.perf_counter() - start)


class Preparation:
    """One question on its way.  `verify` checks the graph after every transform."""

    def __init__(
        self, question: Question, ask: Ask, parsed: Parsed, limits: Limits, budget: Budget, verify: bool
    ) -> None:
        self._question = question
        self._ask = ask
        self._parsed = parsed
        self._limits = limits
        self._budget = budget
        self._verify = verify
        self._notices: list[Warning] = []

    def prepare(self) -> Prepared:
        """The compiled question; raises an `EngineError`."""
        start = time.perf_counter()
        root, found, question = self._parsed.root, self._parsed.uses, self._question
        inputs = Inputs(question, found)
        check_names(root, found, inputs.arrays)
        builder = Builder(self._limits, self._budget, rewrite=True)
        types = {name: inputs.types[name] for name in inputs.moving}
        output, values = lower_expression(root, builder, types, inputs.constants)
        graph = self._checked(builder.finish([output]))
        self._note_rewrites(builder.rewritten, graph)
        wrt = self._wrt(inputs)
        sources = [name for name in wrt if name in values and inputs.differentiable(name)]
        graph = self._ready(graph, [values[name] for name in sources])
        positions = {inputs.spelled(name): inputs.moving.index(name) for name in sources}
        derived = DERIVATIONS[self._ask](Function(graph, positions, self._limits, self._budget))
        self._note_disconnected(derived, [inputs.spelled(name) for name in inputs.moving])
        forward = frozenset(graph.nodes)
        watched = _watched(graph, [values[name] for name in sources])
        if inputs.size is not None:
            derived, image = self._in_batch(derived, inputs, sources)
            forward, watched = _images(forward, image), _images(watched, image)
        count = self._directions(inputs, graph.outputs[0].shape)
        if count is not None:
            derived = for_many(derived, self._ask, count, self._limits, self._budget)
        self._checked(derived.graph)
        return Prepared(
            question.text,
            derived.graph,
            compile_graph(derived.graph, self._limits, watched & set(derived.graph.nodes)),
            tuple(inputs.spelled(name) for name in inputs.moving),
            () if self._ask not in DIRECTED else ("",) if self._ask == "vjp" else tuple(positions),
            self._complete(derived.layout, wrt, inputs, graph.outputs[0].shape, count),
            forward,
            derived.cotangents,
            tuple(self._notices),
            {"parse": self._parsed.seconds, "derive": time.perf_counter() - start},
        )

    def _checked(self, graph: Graph) -> Graph:
        if self._verify:
            check(graph)
        return graph

    def _wrt(self, inputs: Inputs) -> tuple[str, ...]:
        if self._ask == "value":
            return ()
        if self._ask in DIRECTED and self._ask != "vjp":
            return inputs.moved(DIRECTED[self._ask])
        return inputs.wrt(self._notices)

    def _ready(self, graph: Graph, sources: list[Value]) -> Graph:
        """The graph with a real output of the rank that the question is for."""
        (output,) = graph.outputs
        if self._ask == "value":
            return graph
        if self._ask in SCALAR and output.shape:
            text = self._question.text.strip()
            raise NotScalar(
                f"The result has shape {describe(output.shape)}; a gradient is that of one number.",
                span=self._parsed.root.span,
                hint=f"sum({text})" if len(text) < 60 else "sum(…)",
            )
        if output.type.dtype == "real":
            return graph
        if output in depends_on(graph.nodes, set(sources)):
            what = "a truth value" if output.type.dtype == "bool" else "an integer"
            raise NotDifferentiable(f"The result is {what}; it has no derivative.", span=self._parsed.root.span)
        with Builder(start=graph) as builder:
            return builder.finish([cast(output, dtype="real")])

    def _in_batch(self, derived: Derived, inputs: Inputs, sources: list[str]) -> tuple[Derived, Mapping[Value, Value]]:
        """The answer for all points of a batch; a direction runs over the points if its input (in `sources`) does."""
        assert inputs.size is not None
        flags = [name in inputs.varies for name in inputs.moving]
        if derived.directions:
            flags += [True] if self._ask == "vjp" else [name in inputs.varies for name in sources]
        graph, image = batched(derived.graph, flags, inputs.size, self._limits, self._budget)
        cotangents = None
        if derived.cotangents is not None:
            cotangents = {image[v]: image.get(c, c) for v, c in derived.cotangents.items() if v in image}
        directions = tuple(image[v] for v in derived.directions)
        return replace(derived, graph=graph, cotangents=cotangents, directions=directions), image

    def _directions(self, inputs: Inputs, output: Shape) -> int | None:
        field = DIRECTED.get(self._ask)
        if field is None:
            return None
        lead = () if inputs.size is None else (inputs.size,)
        if self._ask == "vjp":
            return inputs.directions(field, {"": lead + output})
        shapes = {name: inputs.lead(name) + t.shape for name, t in inputs.types.items()}
        return inputs.directions(field, shapes)

    def _complete(
        self, layout: Mapping[str, Layout], wrt: tuple[str, ...], inputs: Inputs, output: Shape, count: int | None
    ) -> Mapping[str, Layout]:
        """The layout with zeros for inputs that the derivative was not taken in, all in the order of the question."""
        lead = () if inputs.size is None else (inputs.size,)
        shapes = {inputs.spelled(name): inputs.types[name].shape for name in wrt}
        many = () if count is None else (count,)
        complete = dict(layout)
        for part, before in (("grad", lead), ("jacobian", lead + output), ("vjp", many + lead), ("hvp", many + lead)):
            found = layout.get(part)
            if isinstance(found, Mapping):
                complete[part] = {name: found.get(name, before + shape) for name, shape in shapes.items()}
        rows = layout.get("hessian")
        if isinstance(rows, Mapping):
            square: dict[str, Layout] = {}
            for name, shape in shapes.items():
                row = rows.get(name)
                found = row if isinstance(row, Mapping) else {}
                square[name] = {other: found.get(other, lead + shape + o) for other, o in shapes.items()}
            complete["hessian"] = square
        return complete

    def _note_disconnected(self, derived: Derived, names: list[str]) -> None:
        for i in derived.disconnected:
            text = f"The result does not depend on {names[i]!r}; its gradient is 0."
            self._notices.append(Warning("disconnected", text, None, {"input": names[i]}))

    def _note_rewrites(self, rewritten: list[tuple[Rewrite, Value, Span | None]], graph: Graph) -> None:
        live = set(graph.nodes)
        seen: set[tuple[str, Span | None]] = set()
        for rewrite, value, span in rewritten:
            used = value in graph.outputs or value.node in live or value.node is None
            if used and (rewrite.before, span) not in seen:
                seen.add((rewrite.before, span))
                text = f"{rewrite.before} was computed as {rewrite.after}, which keeps its digits."
                extra = {"before": rewrite.before, "after": rewrite.after}
                self._notices.append(Warning("rewritten", text, span, extra))


def _watched(graph: Graph, sources: list[Value]) -> frozenset[Node]:
    """Nodes of the function with kinks or comparisons of values that are being differentiated."""
    if not sources:
        return frozenset()
    active = depends_on(graph.nodes, set(sources))
    return frozenset(n for n in graph.nodes if may_kink(n) and any(v in active for v in n.inputs))


def _images(nodes: frozenset[Node], image: Mapping[Value, Value]) -> frozenset[Node]:
    """What has become of nodes in a transformed graph."""
    outputs = (image.get(v) for n in nodes for v in n.outputs)
    return frozenset(v.node for v in outputs if v is not None and v.node is not None)
