"""Functions of values, and what can be made of them while a graph is built: derivatives, choices, loops, maps.

A function takes values and emits its nodes into the current builder.  It may use values from around it; what is made of
it here treats those as constants, so that a derivative is that in the arguments alone.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import engine.control.records as records
from engine.control.emission import emit_choice, emit_loop
from engine.control.solve import root_of
from engine.derive import forward, jacobian, reverse
from engine.derive.batch import batched
from engine.errors import EngineFault, Limit, LimitExceeded, NotScalar, ShapeMismatch
from engine.graph.build import Builder, current
from engine.graph.free import close
from engine.graph.inline import inline
from engine.graph.loops import INDEX, Parts
from engine.graph.types import Type, describe
from engine.graph.values import Graph, Value
from engine.primitives.shape import zeros_of

Function = Callable[[Sequence[Value]], Sequence[Value]]


class Branch:
    """One side of a choice, under construction: `with branch.builder:` emits into it."""

    def __init__(self) -> None:
        self.builder = current().child()
        self.outputs: list[Value] = []


def choose(predicate: Value, then: Branch, otherwise: Branch) -> tuple[Value, ...]:
    """The outputs of one branch, whose types are those of the other's; only that one runs."""
    graphs = []
    for branch in (then, otherwise):
        with branch.builder:
            graphs.append(branch.builder.finish(branch.outputs))
    return emit_choice(predicate, *graphs)


class Body:
    """The body of a loop, under construction: `with body.builder:` emits into it.

    `index` counts the steps from 0 (an int), `carried` are what the step before left (types given).
    """

    def __init__(self, types: Sequence[Type]) -> None:
        self.builder = current().child()
        self.builder.loops += 1
        most = self.builder.limits.loop_nesting
        if self.builder.loops > most:
            raise LimitExceeded(
                f"Loops are nested more than {most} deep.",
                limit=Limit("loop_nesting", most),
                hint="Use arrays, or one loop over all combinations.",
            )
        self.index = self.builder.input(INDEX)
        self.carried = tuple(self.builder.input(type) for type in types)


def repeat(
    body: Body,
    initial: Sequence[Value],
    results: Sequence[Value],
    *,
    count: Value | None = None,
    go: Value | None = None,
    go_on: Value | None = None,
) -> tuple[Value, tuple[Value, ...]]:
    """A loop: the number of steps that it took, and what the last one left (`initial` if there was none).

    `results` are what a step leaves, of the types of `carried`.  At most `count` steps (an int; None: no bound).  With
    `go` (a bool, whether there is a first step) and `go_on` (a bool of the body, whether there is another one after
    this), it ends when that is false.
    """
    if (go is None) is not (go_on is None):
        raise EngineFault("a loop has both a first and a later condition, or neither")
    with body.builder:
        graph = body.builder.finish([*([] if go_on is None else [go_on]), *results])
    head = [v for v in (count, go) if v is not None]
    parts = Parts(graph, count is not None, go is not None, False, len(initial), 0)
    outputs = emit_loop(parts, head, initial, []).outputs
    return outputs[0], outputs[1:]


def traced(function: Function, types: Sequence[Type]) -> tuple[Graph, tuple[Value, ...]]:
    """The graph of a function of arguments of these types, and the values from around it, its further inputs."""
    with current().child() as inner:
        arguments = [inner.input(type) for type in types]
        graph = inner.finish(list(function(arguments)))
    return close(graph)


def gradient_of(function: Function, arguments: Sequence[Value], wrt: Sequence[int]) -> tuple[Value, list[Value]]:
    """The value (one real number) and the gradients in the arguments numbered in `wrt`."""
    graph, captured = _traced_on(function, arguments)
    (output,) = graph.outputs
    if output.shape or output.type.dtype != "real":
        raise NotScalar(
            f"grad differentiates a function whose value is one real number; this one is {_told(output)}.",
            hint="jacobian(f), or sum the result",
        )
    builder = current()
    found = reverse.gradient(graph, wrt, builder.limits, builder.budget)
    value, *slopes = _inlined(found.graph, [*arguments, *captured])
    return value, slopes


def jacobian_of(function: Function, arguments: Sequence[Value], wrt: Sequence[int]) -> list[list[Value]]:
    """By output, then by argument: arrays of the shape of the output, then that of the argument."""
    graph, captured = _traced_on(function, arguments)
    return _matrices(graph, [*arguments, *captured], wrt, jacobian.cheaper_mode(graph, wrt))


def _matrices(graph: Graph, inputs: Sequence[Value], wrt: Sequence[int], mode: jacobian.Mode) -> list[list[Value]]:
    builder = current()
    found = jacobian.jacobian(graph, wrt, mode, builder.limits, builder.budget)
    flat = _inlined(found, inputs)[len(graph.outputs) :]
    return [list(flat[i : i + len(wrt)]) for i in range(0, len(flat), len(wrt))]


def hessian_of(function: Function, arguments: Sequence[Value], wrt: Sequence[int]) -> list[list[Value]]:
    """By argument and argument: arrays of the shape of the one, then that of the other."""

    def slopes(given: Sequence[Value]) -> list[Value]:
        return gradient_of(function, given, wrt)[1]

    graph, captured = _traced_on(slopes, arguments)
    return _matrices(graph, [*arguments, *captured], wrt, "forward")


def jvp_of(
    function: Function, arguments: Sequence[Value], tangents: Sequence[Value | None]
) -> tuple[list[Value], list[Value]]:
    """Outputs, and their tangents (zeros where there are none)."""
    graph, captured = _traced_on(function, arguments)
    moved = [i for i, t in enumerate(tangents) if t is not None]
    builder = current()
    pushed = forward.jvp(graph, moved, builder.limits, builder.budget)
    flat = _inlined(pushed, [*arguments, *captured, *[t for t in tangents if t is not None]])
    return flat[: len(graph.outputs)], flat[len(graph.outputs) :]


def vjp_of(
    function: Function, arguments: Sequence[Value], cotangents: Sequence[Value], wrt: Sequence[int]
) -> tuple[list[Value], list[Value]]:
    """Outputs, and the cotangents of the arguments numbered in `wrt`; `cotangents` are those of the real outputs."""
    graph, captured = _traced_on(function, arguments)
    builder = current()
    pulled = reverse.vjp(graph, wrt, builder.limits, builder.budget)
    flat = _inlined(pulled, [*arguments, *captured, *cotangents])
    return flat[: len(graph.outputs)], flat[len(graph.outputs) :]


def with_rule(function: Function, rule: Function, arguments: Sequence[Value]) -> tuple[Value, ...]:
    """The outputs of `function`, with `rule` for its derivative.

    `rule` takes the arguments, then the outputs, then the cotangents of the real outputs, and gives one cotangent for
    each real argument.  What `function` uses from around it counts as constant.
    """
    graph, captured = _traced_on(function, arguments)
    outputs = [v.type for v in graph.outputs]
    real = [t for t in outputs if t.dtype == "real"]
    own, around = traced(rule, [*[v.type for v in arguments], *outputs, *real])
    # Both graphs get all that either takes from around it.
    every = list(dict.fromkeys((*captured, *around)))
    count = len(arguments)
    function_graph = _reordered(graph, count, captured, every)
    pieces = count + len(outputs) + len(real)
    rule_graph = _with_zeros(_reordered(own, pieces, around, every, count), every)
    params = {"overrides": True}
    return current().emit(records.custom, [*arguments, *every], params, (function_graph, rule_graph))


def _reordered(
    graph: Graph, own: int, captured: Sequence[Value], every: Sequence[Value], before: int | None = None
) -> Graph:
    """The graph with inputs for every one of these values, put after the first `before` of its own inputs."""
    made = dict(zip(captured, graph.inputs[own:], strict=True))
    more = [made.get(v) or Value(v.type, v.span) for v in every]
    at = own if before is None else before
    return Graph((*graph.inputs[:at], *more, *graph.inputs[at:own]), graph.nodes, graph.outputs)


def _with_zeros(graph: Graph, every: Sequence[Value]) -> Graph:
    """The rule with zeros for the real ones among the values from around it."""
    with Builder(start=graph) as builder:
        zeros = [zeros_of(v.shape) for v in every if v.type.dtype == "real"]
        return builder.finish([*graph.outputs, *zeros])


def solved(function: Function, start: Sequence[Value]) -> Value:
    """A root of a function of one array (of its own shape), found by Newton's method from `start`.

    It may use values from around it; the derivative of the root in those is the implicit one, to any order.
    """
    (x,) = start
    graph, captured = _traced_on(function, [x])
    (output,) = graph.outputs
    if output.shape != x.shape:
        raise ShapeMismatch(
            f"root solves as many equations as there are unknowns: the function has the shape {describe(output.shape)} "
            f"where its argument has {describe(x.shape)}."
        )
    return root_of(graph, x, captured)


def mapped(function: Function, arguments: Sequence[Value], varies: Sequence[bool], size: int) -> list[Value]:
    """The outputs for `size` points at once, with a leading axis; so have the arguments that vary.

    Evaluated together where the function allows it, one after the other where it does not.
    """
    types = [_of_point(v.type) if flag else v.type for v, flag in zip(arguments, varies, strict=True)]
    graph, captured = traced(function, types)
    builder = current()
    flags = [*varies, *[False] * len(captured)]
    together, _ = batched(graph, flags, size, builder.limits, builder.budget)
    return _inlined(together, [*arguments, *captured])


def _of_point(type: Type) -> Type:
    return type._replace(shape=type.shape[1:])


def _traced_on(function: Function, arguments: Sequence[Value]) -> tuple[Graph, tuple[Value, ...]]:
    return traced(function, [v.type for v in arguments])


def _inlined(graph: Graph, inputs: Sequence[Value]) -> list[Value]:
    builder = current()
    builder.in_place = builder.in_place or any(n.graphs for n in graph.nodes)
    return inline(graph, dict(zip(graph.inputs, inputs, strict=True)))


def _told(value: Value) -> str:
    if value.type.dtype != "real":
        return "an integer" if value.type.dtype == "int" else "a truth value"
    return f"an array of shape {describe(value.shape)}"
