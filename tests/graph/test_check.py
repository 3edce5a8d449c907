"""The verifier finds every kind of broken graph."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from engine.errors import EngineFault, ShapeMismatch
from engine.graph.build import Builder
from engine.graph.check import check
from engine.graph.types import Type
from engine.graph.values import Graph, Node, Value
from engine.primitives.table import PRIMITIVES

REAL = Type("real", ())


def real(constant: float | None = None) -> Value:
    """An input, or a constant."""
    return Value(REAL, None, constant=None if constant is None else np.asarray(constant)[()])


def node(name: str, *inputs: Value, types: tuple[Type, ...] = (REAL,), graphs: tuple[Graph, ...] = ()) -> Node:
    """A node that nobody has looked at."""
    return Node(PRIMITIVES[name], inputs, {}, graphs, types, None)


def sound() -> Graph:
    """A legal graph: sin(x) + 2."""
    x = real()
    sine = node("sin", x)
    total = node("add", sine.outputs[0], real(2.0))
    return Graph((x,), (sine, total), (total.outputs[0],))


def use_before_definition() -> Graph:
    graph = sound()
    return Graph(graph.inputs, graph.nodes[::-1], graph.outputs)


def undefined_input() -> Graph:
    graph = sound()
    return Graph((), graph.nodes, graph.outputs)


def undefined_output() -> Graph:
    graph = sound()
    return Graph(graph.inputs, graph.nodes[:1], graph.outputs)


def node_twice() -> Graph:
    graph = sound()
    return Graph(graph.inputs, (*graph.nodes, graph.nodes[0]), graph.outputs)


def input_twice() -> Graph:
    graph = sound()
    return Graph((*graph.inputs, *graph.inputs), graph.nodes, graph.outputs)


def input_made_by_a_node() -> Graph:
    graph = sound()
    return Graph((*graph.inputs, graph.outputs[0]), graph.nodes, graph.outputs)


def constant_input() -> Graph:
    return Graph((real(1.0),), (), (real(1.0),))


def wrong_dtype() -> Graph:
    x = real()
    sine = node("sin", x, types=(Type("int", ()),))
    return Graph((x,), (sine,), sine.outputs)


def wrong_shape() -> Graph:
    x = real()
    sine = node("sin", x, types=(Type("real", (1,)),))
    return Graph((x,), (sine,), sine.outputs)


def too_many_outputs() -> Graph:
    x = real()
    sine = node("sin", x, types=(REAL, REAL))
    return Graph((x,), (sine,), sine.outputs[:1])


def wrong_output_index() -> Graph:
    graph = sound()
    graph.nodes[0].outputs[0].index = 1
    return graph


def output_of_another_node() -> Graph:
    graph = sound()
    graph.nodes[0].outputs[0].node = graph.nodes[1]
    return graph


def operand_that_was_not_cast() -> Graph:
    x = Value(Type("int", ()), None)
    sine = node("sin", x)
    return Graph((x,), (sine,), sine.outputs)


def constant_of_another_type() -> Graph:
    two = Value(Type("int", ()), None, constant=np.asarray(2.0))
    x = Value(Type("int", ()), None)
    total = node("add", x, two, types=(Type("int", ()),))
    return Graph((x,), (total,), total.outputs)


def constant_of_another_shape() -> Graph:
    return Graph((), (), (Value(REAL, None, constant=np.ones(2)),))


def broken_inside() -> Graph:
    x = real()
    sine = node("sin", x, graphs=(use_before_definition(),))
    return Graph((x,), (sine,), sine.outputs)


BROKEN: list[tuple[Callable[[], Graph], str]] = [
    (use_before_definition, "add uses .* before it is defined"),
    (undefined_input, "sin uses <input: real> before it is defined"),
    (undefined_output, "the output list uses .* before it is defined"),
    (node_twice, "sin defines .* a second time"),
    (input_twice, "the input list defines .* a second time"),
    (input_made_by_a_node, "has a definition"),
    (constant_input, "has a definition"),
    (wrong_dtype, "sin: inferred .*, recorded"),
    (wrong_shape, "sin: inferred .*, recorded"),
    (too_many_outputs, "sin: inferred .*, recorded"),
    (wrong_output_index, "sin: output 0 does not point back to its node"),
    (output_of_another_node, "sin: output 0 does not point back to its node"),
    (operand_that_was_not_cast, "operands were not cast"),
    (constant_of_another_type, "add: constant of real is recorded as int"),
    (constant_of_another_shape, r"the output list: constant of real\[2\] is recorded as real"),
    (broken_inside, "add uses .* before it is defined"),
]


def test_a_sound_graph_passes() -> None:
    check(sound())


@pytest.mark.parametrize(("make", "message"), BROKEN, ids=[make.__name__ for make, _ in BROKEN])
def test_a_broken_graph_is_found(make: Callable[[], Graph], message: str) -> None:
    with pytest.raises(EngineFault, match=message):
        check(make())


def test_shapes_that_do_not_fit_are_found() -> None:
    a, b = Value(Type("real", (2,)), None), Value(Type("real", (3,)), None)
    total = node("add", a, b, types=(Type("real", (2,)),))
    with pytest.raises(ShapeMismatch):
        check(Graph((a, b), (total,), total.outputs))


def test_what_a_builder_makes_is_sound() -> None:
    with Builder() as builder:
        x = builder.input(Type("real", (3, 3)))
        sign, size = PRIMITIVES["slogdet"].all(x)
        graph = builder.finish([size, sign])
    check(graph)
