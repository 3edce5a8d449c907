"""The way of one question from its text to its executable."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from math import prod

import numpy as np

from engine.asks import DERIVATIONS, DIRECTED, SCALAR, Derived, Entries, Function, Layout, for_many, output_numbers
from engine.compiled import Prepared
from engine.definition import Definition
from engine.derive.batch import batched
from engine.errors import NotDifferentiable, NotScalar
from engine.execute.compile import compile_graph
from engine.execute.watching import watched
from engine.graph.build import Builder
from engine.graph.check import check
from engine.graph.simplify import Rewrite
from engine.graph.types import Array, Shape, describe
from engine.graph.values import Graph, Value, depends_on, with_outputs
from engine.inputs import Inputs, cotangent_names, is_cotangent
from engine.limits import Budget, Limits
from engine.primitives.arithmetic import cast
from engine.question import Ask, Question, Warning
from engine.source.text import Span
from engine.undefined import Undefined


class Preparation:
    """One question on its way.  `verify` checks the graph after every transform."""

    def __init__(
        self, question: Question, ask: Ask, definition: Definition, limits: Limits, budget: Budget, verify: bool
    ) -> None:
        self._question = question
        self._ask = ask
        self._definition = definition
        self._limits = limits
        self._budget = budget
        self._verify = verify
        self._notices: list[Warning] = []
        self._several = definition.several
        self._weighted = ask == "vjp" or (ask == "hvp" and any(map(is_cotangent, question.along)))

    def prepare(self) -> Prepared:
        """The compiled question; raises an `EngineError`."""
        start = time.perf_counter()
        question, definition = self._question, self._definition
        inputs = Inputs(question, definition.uses)
        definition.check(inputs.arrays)
        builder = Builder(self._limits, self._budget, rewrite=True)
        types = {name: inputs.types[name] for name in inputs.moving}
        outputs, values = definition.lower(builder, types, inputs.constants)
        graph = self._checked(builder.finish(outputs))
        self._note_rewrites(builder.rewritten, graph)
        wrt = self._wrt(inputs)
        sources = [name for name in wrt if name in values and inputs.differentiable(name)]
        moved = sources if self._ask != "hvp" else [n for n in inputs.moved(DIRECTED["hvp"]) if n in values]
        active = [values[name] for name in dict.fromkeys((*sources, *moved))]
        graph = self._ready(graph, active)
        positions = {inputs.spelled(name): inputs.moving.index(name) for name in sources}
        derived = DERIVATIONS[self._ask](
            Function(
                graph,
                positions,
                self._limits,
                self._budget,
                self._several,
                self._weighted,
                question.format == "coo",
                [inputs.moving.index(name) for name in moved],
            )
        )
        derived = replace(derived, graph=_with_values(derived.graph, outputs))
        self._note_disconnected(derived, [inputs.spelled(name) for name in inputs.moving])
        if inputs.size is not None:
            derived = self._in_batch(derived, inputs, moved)
        shapes = [v.shape for v in graph.outputs]
        count = self._directions(inputs, shapes)
        undefined = self._undefined(derived, inputs, count is not None)
        if count is not None:
            derived = for_many(derived, self._ask, count, self._limits, self._budget)
        self._checked(derived.graph)
        differentiated = [inputs.moving.index(name) for name in dict.fromkeys((*sources, *moved))]
        return Prepared(
            question.text,
            derived.graph,
            compile_graph(derived.graph, self._limits, watched(derived.graph, differentiated), guard=True),
            tuple(inputs.spelled(name) for name in inputs.moving),
            self._along(inputs, moved, len(outputs)),
            list(range(len(outputs))) if self._several else 0,
            definition.names,
            self._complete(derived.layout, wrt, inputs, shapes, count),
            undefined,
            derived.cotangents,
            tuple(self._notices),
            {"parse": self._definition.seconds, "derive": time.perf_counter() - start},
            self._limits,
        )

    def _checked(self, graph: Graph) -> Graph:
        if self._verify:
            check(graph)
        return graph

    def _wrt(self, inputs: Inputs) -> tuple[str, ...]:
        if self._ask == "value":
            return ()
        return inputs.moved(DIRECTED["jvp"]) if self._ask == "jvp" else inputs.wrt(self._notices)

    def _ready(self, graph: Graph, sources: list[Value]) -> Graph:
        """The graph with real outputs, and of the rank that the question is for."""
        if self._ask == "value":
            return graph
        if self._ask in SCALAR and not self._weighted:
            self._require_scalar(graph.outputs)
        if all(v.type.dtype == "real" for v in graph.outputs):
            return graph
        reached = depends_on(graph.nodes, set(sources))
        for output, span in zip(graph.outputs, self._definition.results, strict=True):
            if output.type.dtype != "real" and output in reached:
                what = "a truth value" if output.type.dtype == "bool" else "an integer"
                raise NotDifferentiable(f"The result is {what}; it has no derivative.", span=span)
        with Builder(start=graph) as builder:
            return builder.finish([cast(v, dtype="real") for v in graph.outputs])

    def _require_scalar(self, outputs: tuple[Value, ...]) -> None:
        span = self._definition.result
        weighted = "; or send a cotangent, which makes one number of all outputs" if self._ask == "hvp" else ""
        if self._several:
            raise NotScalar(
                f"The result is a tuple of {len(outputs)}; a gradient is that of one number.",
                span=span,
                hint=f"ask about one output, or /jacobian about all{weighted}",
            )
        if outputs[0].shape:
            text = self._question.text.strip()
            raise NotScalar(
                f"The result has shape {describe(outputs[0].shape)}; a gradient is that of one number.",
                span=span,
                hint=(f"sum({text})" if len(text) < 60 and "return" not in text else "sum(…)") + weighted,
            )

    def _in_batch(self, derived: Derived, inputs: Inputs, moved: list[str]) -> Derived:
        """The answer for all points of a batch; a direction runs over the points if its input (in `moved`) does."""
        assert inputs.size is not None
        flags = [name in inputs.varies for name in inputs.moving]
        flags += [True] * len(derived.weights)
        if derived.directions:
            flags += (
                [True] * len(derived.directions) if self._ask == "vjp" else [name in inputs.varies for name in moved]
            )
        graph, image = batched(derived.graph, flags, inputs.size, self._limits, self._budget)
        cotangents = None
        if derived.cotangents is not None:
            cotangents = {image[v]: image.get(c, c) for v, c in derived.cotangents.items() if v in image}
        made = dict(zip(derived.graph.inputs, graph.inputs, strict=True))
        directions = tuple(made[v] for v in derived.directions)
        weights = tuple(made[v] for v in derived.weights)
        return replace(derived, graph=graph, cotangents=cotangents, directions=directions, weights=weights)

    def _directions(self, inputs: Inputs, outputs: list[Shape]) -> int | None:
        """How many directions there are at once, None for one; refuses what does not fit."""
        if self._ask not in DIRECTED:
            return None
        many = self._question.many
        if self._ask == "vjp":
            return inputs.cotangents(outputs, self._several, many)
        if self._weighted:
            inputs.cotangents(outputs, self._several, many=False)
        return inputs.directions(DIRECTED[self._ask])

    def _along(self, inputs: Inputs, moved: list[str], outputs: int) -> tuple[str, ...]:
        """The names of the directions in the order of the graph's inputs."""
        weights = cotangent_names(outputs, self._several) if self._weighted else ()
        return weights if self._ask == "vjp" or self._ask not in DIRECTED else weights + inputs.moves(moved)

    def _undefined(self, derived: Derived, inputs: Inputs, many: bool) -> Undefined:
        """Which values each part of the answer is the derivative of."""
        values, owners = len(self._definition.results), dict[int, tuple[int | None, int]]()
        rows: dict[int, Array] = {}
        for name, layout in derived.layout.items():
            before = int(many and name == self._ask)
            per_output = [layout] if not isinstance(layout, Mapping) else list(layout.values())
            for part in per_output:
                if self._weighted:
                    # Several cotangents of a vjp have an axis of their own; that of an hvp is one for all vectors.
                    owners.update((n, (None, before if self._ask == "hvp" else 0)) for n in output_numbers(part))
                else:
                    listed = part if isinstance(part, list) else [part]
                    owners.update((n, (o, before)) for o, item in enumerate(listed) for n in output_numbers(item))
                    if name == "jacobian":
                        found = [item for item in listed if isinstance(item, Entries)]
                        rows.update((n, item.rows) for item in found for n in output_numbers(item))
        first = len(inputs.moving)
        weights = tuple(range(first, first + values)) if self._weighted else ()
        return Undefined(values, 0 if inputs.size is None else 1, owners, weights, rows)

    def _complete(
        self,
        layout: Mapping[str, Layout],
        wrt: tuple[str, ...],
        inputs: Inputs,
        outputs: list[Shape],
        count: int | None,
    ) -> Mapping[str, Layout]:
        """The layout with zeros for inputs that the derivative was not taken in, all in the order of the question."""
        lead = () if inputs.size is None else (inputs.size,)
        shapes = {inputs.spelled(name): inputs.types[name].shape for name in wrt}
        many = () if count is None else (count,)
        complete = dict(layout)
        for part, before in (("grad", lead), ("vjp", many + lead), ("hvp", many + lead)):
            found = layout.get(part)
            if isinstance(found, Mapping):
                complete[part] = {name: found.get(name, before + shape) for name, shape in shapes.items()}
        columns = layout.get("jacobian")
        if isinstance(columns, Mapping):
            zeros: dict[str, Layout] = {}
            for name, shape in shapes.items():
                parts = [self._zeros(lead, output, shape) for output in outputs]
                zeros[name] = parts if self._several else parts[0]
            complete["jacobian"] = zeros | dict(columns)
        rows = layout.get("hessian")
        if isinstance(rows, Mapping):
            square: dict[str, Layout] = {}
            for name, shape in shapes.items():
                row = rows.get(name)
                found = row if isinstance(row, Mapping) else {}
                square[name] = {other: found.get(other) or self._zeros(lead, shape, o) for other, o in shapes.items()}
            complete["hessian"] = square
        return complete

    def _zeros(self, lead: Shape, output: Shape, shape: Shape) -> Layout:
        if self._question.format == "dense":
            return lead + output + shape
        nothing = np.zeros(0, dtype=np.int64)
        return Entries((prod(output), prod(shape)), nothing, nothing, (*lead, 0))

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


def _with_values(graph: Graph, outputs: Sequence[Value]) -> Graph:
    """The graph with the value as it is, an integer perhaps, also where its derivative is that of a real number."""
    own = list(graph.outputs)
    for k, (output, found) in enumerate(zip(outputs, graph.outputs, strict=False)):
        if output.type != found.type:
            own[k] = output if output.constant is not None or found.node is None else found.node.inputs[0]
    return with_outputs(graph, tuple(own))
