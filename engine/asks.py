"""What can be asked about a function: for each question, the graph that answers it and where its parts are.

A derivation takes the graph of the function and gives the graph of the answer.  Its inputs are those of the function,
then the directions (tangents, cotangents, vectors) that the client sends along; its outputs are the values, then the
parts.  `many` directions are one batch over the parts.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from engine.derive.batch import batched
from engine.derive.colouring import Plan
from engine.derive.compressed import blocks, compressed
from engine.derive.forward import jvp
from engine.derive.jacobian import cheaper_mode, jacobian
from engine.derive.passes import saving_plan, sparse_plan
from engine.derive.reverse import Gradient, gradient, vjp
from engine.graph.build import Builder
from engine.graph.inline import inline
from engine.graph.types import Array, Type
from engine.graph.values import Graph, Value, with_outputs
from engine.limits import Budget, Limits
from engine.primitives.shape import element
from engine.question import Ask


@dataclass(frozen=True, slots=True)
class Told:
    """A number that is told as it is."""

    number: int


@dataclass(frozen=True, slots=True)
class Entries:
    """The entries of a sparse matrix: its shape, the row and column of each, and where their values are."""

    shape: tuple[int, int]
    rows: Array
    columns: Array
    values: int | tuple[int, ...]


Layout = int | str | tuple[int, ...] | Told | Entries | list["Layout"] | Mapping[str, "Layout"]
"""Where a part of the answer is: the number of an output, a word or number, zeros of a shape, a sparse matrix, one part
for each output of the function (a list), or parts by name."""


@dataclass(frozen=True, slots=True)
class Function:
    """The function that is asked about: its graph, and the inputs to differentiate (names and positions).

    Its outputs are real.  `several` outputs are told apart in the answer, even if there is only one; `weighted` says
    that cotangents are sent along beside the directions.  `moved` are the inputs that the vectors of an `hvp` move, be
    they to be differentiated or not.  `sparse` asks for the entries of matrices that may differ
    from 0.
    """

    graph: Graph
    wrt: Mapping[str, int]
    limits: Limits
    budget: Budget | None
    several: bool = False
    weighted: bool = False
    sparse: bool = False
    moved: Sequence[int] = ()

    @property
    def positions(self) -> list[int]:
        """The positions of the inputs to differentiate."""
        return list(self.wrt.values())

    @property
    def sizes(self) -> list[int]:
        """The numbers of elements of the inputs to differentiate."""
        return [self.graph.inputs[i].type.size for i in self.positions]

    def by_output(self, number: Callable[[int], Layout]) -> Layout:
        """The layout of a part that there is one of for each output."""
        found = [number(o) for o in range(len(self.graph.outputs))]
        return found if self.several else found[0]


@dataclass(frozen=True, slots=True)
class Derived:
    """The graph of an answer.

    `directions` are the inputs that the client sends along, in order, after the `weights`: cotangents of which there
    is one however many directions there are.  `cotangents`, where there are any, tell whether
    what happens at a value matters for the answer.  `disconnected` are inputs without influence.
    """

    graph: Graph
    layout: Mapping[str, Layout]
    directions: tuple[Value, ...] = ()
    cotangents: Mapping[Value, Value] | None = None
    disconnected: tuple[int, ...] = ()
    weights: tuple[Value, ...] = ()


def _value(function: Function) -> Derived:
    return Derived(function.graph, {}, (), {})


def _grad(function: Function) -> Derived:
    found = gradient(function.graph, function.positions, function.limits, function.budget)
    layout: dict[str, Layout] = {"grad": {name: 1 + i for i, name in enumerate(function.wrt)}}
    return Derived(found.graph, layout, (), found.cotangents, found.disconnected)


def _jacobian(function: Function) -> Derived:
    graph, positions, limits, budget = function.graph, function.positions, function.limits, function.budget
    if not positions:
        return Derived(graph, {"jacobian": {}, "mode": "forward", **_passes(function, 0)})
    first, count = len(graph.outputs), len(positions)
    if function.sparse:
        plan: Plan | None = sparse_plan(graph, positions, limits=limits, budget=budget)
    else:
        plan = saving_plan(graph, positions, budget=budget)
    if plan is None:
        mode: str = cheaper_mode(graph, positions)
        found = jacobian(graph, positions, cheaper_mode(graph, positions), limits, budget)
    else:
        mode = plan.mode
        found = compressed(graph, positions, plan, dense=not function.sparse, limits=limits, budget=budget)
    matrices = _matrices(function, plan, [v.type.size for v in graph.outputs], first)
    parts = {
        name: function.by_output(lambda o, i=i: matrices[o * count + i])  # type: ignore[misc]
        for i, name in enumerate(function.wrt)
    }
    return Derived(found, {"jacobian": parts, "mode": mode, **_passes(function, plan.passes if plan else 0)})


def _matrices(function: Function, plan: Plan | None, outputs: list[int], first: int) -> list[Layout]:
    """The layouts of matrices by output and input, the first of which is output number `first` of the graph."""
    if plan is None or not function.sparse:
        return list(range(first, first + len(outputs) * len(function.positions)))
    found = [block for line in blocks(plan, outputs, function.sizes) for block in line]
    return [Entries(b.shape, b.rows, b.columns, number) for number, b in enumerate(found, first)]


def _passes(function: Function, passes: int) -> dict[str, Layout]:
    return {"passes": Told(passes)} if function.sparse else {}


def _hessian(function: Function) -> Derived:
    names, positions, limits, budget = list(function.wrt), function.positions, function.limits, function.budget
    first = gradient(function.graph, positions, limits, budget)
    layout: dict[str, Layout] = {"grad": {name: 1 + i for i, name in enumerate(names)}}
    count = len(names)
    if not names:
        return Derived(first.graph, layout | {"hessian": {}} | _passes(function, 0), (), first.cotangents)
    slopes = with_outputs(first.graph, first.graph.outputs[1:])
    if function.sparse:
        plan: Plan | None = sparse_plan(slopes, positions, symmetric=True, limits=limits, budget=budget)
    else:
        plan = saving_plan(slopes, positions, symmetric=True, budget=budget)
    if plan is None:
        second = jacobian(slopes, positions, "forward", limits, budget)
    else:
        second = compressed(slopes, positions, plan, dense=not function.sparse, limits=limits, budget=budget)
    matrices = _matrices(function, plan, function.sizes, 1 + count)
    layout["hessian"] = {
        row: {column: matrices[i * count + j] for j, column in enumerate(names)} for i, row in enumerate(names)
    }
    with Builder(limits, budget, start=first.graph) as builder:
        image = inline(second, {v: v for v in second.inputs})
        graph = builder.finish([first.graph.outputs[0], *image])
    layout |= _passes(function, plan.passes if plan else 0)
    return Derived(graph, layout, (), _curved(first.cotangents), first.disconnected)


def _jvp(function: Function) -> Derived:
    found = jvp(function.graph, function.positions, function.limits, function.budget)
    first = len(function.graph.outputs)
    return Derived(found, {"jvp": function.by_output(lambda o: first + o)}, found.inputs[len(function.graph.inputs) :])


def _vjp(function: Function) -> Derived:
    found = vjp(function.graph, function.positions, function.limits, function.budget)
    first = len(function.graph.outputs)
    layout: dict[str, Layout] = {"vjp": {name: first + i for i, name in enumerate(function.wrt)}}
    return Derived(found, layout, found.inputs[len(function.graph.inputs) :])


def _hvp(function: Function) -> Derived:
    graph, positions, limits, budget = function.graph, function.positions, function.limits, function.budget
    values, count = len(graph.outputs), len(positions)
    if function.weighted:
        # The gradient of the sum of all outputs with their weights is the product of the weights with the Jacobian.
        pulled = vjp(graph, positions, limits, budget)
        first = Gradient(pulled, (), {})
    else:
        first = gradient(graph, positions, limits, budget)
        pulled = first.graph
    pushed = jvp(pulled, function.moved, limits, budget)
    # Outputs of `pushed`: values, gradients, tangents of the values, which nobody asked for, those of the gradients.
    outputs = (*pushed.outputs[: values + count], *pushed.outputs[2 * values + count :])
    layout: dict[str, Layout] = {
        "grad": {name: values + i for i, name in enumerate(function.wrt)},
        "hvp": {name: values + count + i for i, name in enumerate(function.wrt)},
    }
    directions, weights = pushed.inputs[len(pulled.inputs) :], pulled.inputs[len(graph.inputs) :]
    known = None if function.weighted else _curved(first.cotangents)
    return Derived(with_outputs(pushed, outputs), layout, directions, known, first.disconnected, weights)


def _curved(cotangents: Mapping[Value, Value]) -> Mapping[Value, Value]:
    """At second order, what happens at a value matters even where its cotangent is 0."""
    one = Value(Type("real", ()), None, constant=np.asarray(1.0))
    return dict.fromkeys(cotangents, one)


DERIVATIONS: dict[Ask, Callable[[Function], Derived]] = {
    "value": _value,
    "grad": _grad,
    "jacobian": _jacobian,
    "hessian": _hessian,
    "jvp": _jvp,
    "vjp": _vjp,
    "hvp": _hvp,
}
SCALAR: frozenset[Ask] = frozenset(("grad", "hessian", "hvp"))
"""Questions that only a function with one number as its value has an answer to (`hvp`: unless it is weighted)."""
DIRECTED: dict[Ask, str] = {"jvp": "tangent", "vjp": "cotangent", "hvp": "vector"}
"""Questions with a direction, and the name of the field that it is sent in (plural for several)."""


def for_many(derived: Derived, ask: Ask, size: int, limits: Limits, budget: Budget | None) -> Derived:
    """The same answer for `size` directions at once: the part that is asked for gets a leading axis.

    Control flow computes values and their tangents in one node; such a value, the same for all directions, is taken
    from the first of them.
    """
    graph, directions = derived.graph, set(derived.directions)
    moving = _computed_from(graph, directions)
    asked = frozenset(output_numbers(derived.layout[ask]))
    numbers = [i for i, v in enumerate(graph.outputs) if i in asked or v in moving]
    parts = tuple(graph.outputs[i] for i in numbers)
    flags = [v in directions for v in graph.inputs]
    together, _ = batched(with_outputs(graph, parts), flags, size, limits, budget)
    still = tuple(v for v in graph.inputs if v not in directions)
    base = Graph(still, tuple(n for n in graph.nodes if moving.isdisjoint(n.outputs)), ())
    with Builder(limits, budget, start=base) as builder:
        new = tuple(builder.input(v.type) for v, flag in zip(together.inputs, flags, strict=True) if flag)
        fresh, old = iter(new), iter(still)
        image = inline(together, {v: next(fresh if f else old) for v, f in zip(together.inputs, flags, strict=True)})
        found = {i: v if i in asked else element(v, index=0) for i, v in zip(numbers, image, strict=True)}
        made = builder.finish([found.get(i, v) for i, v in enumerate(graph.outputs)])
    return replace(derived, graph=made, directions=new)


def _computed_from(graph: Graph, sources: set[Value]) -> set[Value]:
    """What no node can compute without the sources, whether its value depends on them or not."""
    found = set(sources)
    for node in graph.nodes:
        if not found.isdisjoint(node.inputs):
            found.update(node.outputs)
    return found


def output_numbers(layout: Layout) -> list[int]:
    """The numbers of all outputs in a layout."""
    if isinstance(layout, Mapping | list):
        parts = layout.values() if isinstance(layout, Mapping) else layout
        return [number for part in parts for number in output_numbers(part)]
    if isinstance(layout, Entries):
        return output_numbers(layout.values)
    return [layout] if isinstance(layout, int) else []


def sparse_numbers(layout: Layout) -> list[int]:
    """The numbers of those outputs that are entries of sparse matrices."""
    if isinstance(layout, Mapping | list):
        parts = layout.values() if isinstance(layout, Mapping) else layout
        return [number for part in parts for number in sparse_numbers(part)]
    return output_numbers(layout) if isinstance(layout, Entries) else []
