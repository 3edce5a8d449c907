"""Roots of equations: Newton's method, and the implicit derivative of what it finds."""

from __future__ import annotations

from collections.abc import Sequence

import engine.control.records as records
from engine.control.emission import emit_loop
from engine.derive.jacobian import jacobian
from engine.derive.reverse import vjp
from engine.graph.build import Builder, current
from engine.graph.inline import inline
from engine.graph.loops import INDEX, TRUTH, Parts
from engine.graph.types import Type
from engine.graph.values import Graph, Value
from engine.primitives.arithmetic import divide, less, less_equal, logical_not, logical_or, select, subtract
from engine.primitives.assertion import assertion
from engine.primitives.function import FUNCTIONS
from engine.primitives.kinks import abs_, maximum
from engine.primitives.reductions import max_
from engine.primitives.shape import broadcast_to, reshape, transpose, zeros_of

MOST_STEPS = 100
HALVINGS = 30
TOLERANCE = 2.0**-48
"""A step this small, relative to the root, is the last one."""
NEAR = 2.0**-20
"""Where rounding keeps it from getting smaller, the function is nearer to a root than this."""
NUMBER = Type("real", ())


def root_of(graph: Graph, start: Value, around: Sequence[Value]) -> Value:
    """A root of a function of its first input, whose shape it has; its other inputs are `around`.

    The function is solved in all elements of its argument together.  Its derivative in what is around is that of the
    implicit function theorem, written in terms of the root, so that it can be differentiated again.
    """
    found = _finder(graph)
    rule = _rule(graph)
    return current().emit(records.custom, [start, *around], {"overrides": False}, (found, rule))[0]


def _inside() -> Builder:
    return current().child()


def _slope(graph: Graph, inputs: Sequence[Value]) -> tuple[Value, Value]:
    """The function and its Jacobian in the first input at these inputs, emitted into the current builder."""
    builder = current()
    derived = jacobian(graph, [0], "forward", builder.limits, builder.budget)
    value, slope = inline(derived, dict(zip(derived.inputs, inputs, strict=True)))
    return value, slope


def _solve(matrix: Value, right: Value, turned: bool = False) -> Value:
    """The solution of a linear system between arrays of one shape."""
    if not right.shape:
        return divide(right, matrix)
    size = right.type.size
    square = reshape(matrix, shape=(size, size))
    if turned:
        square = transpose(square, axes=(1, 0))
    solution: Value = FUNCTIONS["solve"].build(square, reshape(right, shape=(size,)))
    return reshape(solution, shape=right.shape)


def _largest(value: Value) -> Value:
    return max_(abs_(value), axes=tuple(range(value.rank))) if value.shape else abs_(value)


def _finder(graph: Graph) -> Graph:
    """The graph of the search: start, around → root."""
    type = graph.inputs[0].type
    with _inside() as builder:
        start, *around = [builder.input(v.type, v.span) for v in graph.inputs]
        with _inside() as body:
            index = body.input(INDEX)
            x = body.input(type)
            first, _ = body.input(NUMBER), body.input(TRUTH)
            value, slope = _slope(graph, [x, *around])
            step = _solve(slope, value)
            length = _damped(graph, around, x, step, value)
            rest = _largest(value)
            # At a root where the slope is 0 there is no step, and none is needed.
            settled = broadcast_to(less_equal(rest, 0.0), shape=x.shape)
            moved = select(settled, x, subtract(x, step * length))
            size = _largest(subtract(moved, x))
            go_on = less(_largest(moved) * TOLERANCE, size)
            first = select(less(index, 1), rest, first)
            body_graph = body.finish([go_on, moved, first, _near(x, start, _largest(step), rest, first)])
        parts = Parts(body_graph, True, True, False, 3, 0)
        head = [builder.constant(MOST_STEPS, "int"), builder.constant(True)]
        carried = [start, builder.constant(0.0), builder.constant(False)]
        steps, root, _, near = emit_loop(parts, head, carried, []).outputs
        assertion(
            less(steps, MOST_STEPS),
            root,
            message=f"Newton's method has not found a root within {MOST_STEPS} steps",
            names=("the last point",),
        )
        assertion(
            near,
            root,
            message="Newton's method has come to a point that is no root, from which it finds no way on",
            names=("the last point",),
        )
        return builder.finish([root])


def _near(x: Value, start: Value, step: Value, value: Value, first: Value) -> Value:
    """Whether x, from which it goes no further, is a root up to rounding: a whole step would be short, or the value is
    next to nothing compared with the first one."""
    short = less_equal(step, maximum(_largest(x), _largest(start)) * NEAR + NEAR * NEAR)
    return logical_or(short, less_equal(value, first * NEAR))


def _damped(graph: Graph, around: Sequence[Value], x: Value, step: Value, value: Value) -> Value:
    """The fraction of a step after which the function is smaller than before: 1, 1/2, 1/4, …"""
    builder = current()
    before = _largest(value)

    def worse(length: Value) -> Value:
        (found,) = inline(graph, dict(zip(graph.inputs, [subtract(x, step * length), *around], strict=True)))
        # A NaN is worse than any number.
        return logical_not(less_equal(_largest(found), before))

    first = worse(builder.constant(1.0))
    with _inside() as body:
        body.input(INDEX)
        length = body.input(graph.inputs[0].type._replace(shape=()))
        half = length * 0.5
        body_graph = body.finish([worse(half), half])
    parts = Parts(body_graph, True, True, False, 1, 0)
    outputs = emit_loop(parts, [builder.constant(HALVINGS, "int"), first], [builder.constant(1.0)], []).outputs
    # When the function cannot get smaller, x is a root up to rounding.
    taken: Value = select(less(outputs[0], HALVINGS), outputs[1], 0.0)
    return taken


def _rule(graph: Graph) -> Graph:
    """The graph start, around, root, cotangent → their cotangents: from f(root, around) = 0."""
    with _inside() as builder:
        start, *around = [builder.input(v.type, v.span) for v in graph.inputs]
        root, cotangent = builder.input(start.type), builder.input(start.type)
        _, slope = _slope(graph, [root, *around])
        weight = -_solve(slope, cotangent, turned=True)
        real = [i for i, v in enumerate(graph.inputs) if v.type.dtype == "real"]
        pulled = vjp(graph, real, builder.limits, builder.budget)
        _, _, *slopes = inline(pulled, dict(zip(pulled.inputs, [root, *around, weight], strict=True)))
        return builder.finish([zeros_of(start.shape), *slopes])
