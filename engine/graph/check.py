"""The verifier: is this a legal graph?  Always run after lowering and after every transform in tests."""

from __future__ import annotations

from engine.errors import EngineFault
from engine.graph.build import inferred
from engine.graph.types import type_of
from engine.graph.values import Graph, Value


def check(graph: Graph) -> None:
    """Raise `EngineFault` unless every value is defined once and before its use, and every node has its types."""
    defined: set[Value] = set()

    def define(value: Value, what: str) -> None:
        if value in defined:
            raise EngineFault(f"{what} defines {value} a second time")
        defined.add(value)

    for value in graph.inputs:
        if value.node is not None or value.constant is not None:
            raise EngineFault(f"input {value} has a definition")
        define(value, "the input list")
    for node in graph.nodes:
        name = node.primitive.name
        for value in node.inputs:
            _check_use(value, defined, name)
        for inner in node.graphs:
            check(inner)
        types = inferred(node.primitive, [v.type for v in node.inputs], node.params, node.graphs)
        if types != tuple(v.type for v in node.outputs):
            raise EngineFault(f"{name}: inferred {types}, recorded {[v.type for v in node.outputs]}")
        for index, value in enumerate(node.outputs):
            if value.node is not node or value.index != index:
                raise EngineFault(f"{name}: output {index} does not point back to its node")
            define(value, name)
    for value in graph.outputs:
        _check_use(value, defined, "the output list")


def _check_use(value: Value, defined: set[Value], user: str) -> None:
    if value.constant is not None:
        if type_of(value.constant) != value.type:
            raise EngineFault(f"{user}: constant of {type_of(value.constant)} is recorded as {value.type}")
        recipe = value.recipe
        if recipe is not None and recipe.outputs[value.index] is not value:
            raise EngineFault(f"{user}: the recipe of a constant does not lead to it")
    elif value not in defined:
        raise EngineFault(f"{user} uses {value} before it is defined")
