"""Recipes of constants: the operations that a constant was folded from, where the folding rounded.

A constant without a recipe is the number that it holds.  One with a recipe holds that number rounded, perhaps to
nothing: whoever wants more digits than float64 has follows the recipe.
"""

from __future__ import annotations

from collections.abc import Sequence

from engine.graph.order import in_order
from engine.graph.rewire import rewired
from engine.graph.values import Graph, Node, Value


def steps(constants: Sequence[Value]) -> list[Node]:
    """The nodes that these constants are made by, each once and after those of its arguments."""
    return in_order(_recipes(constants), lambda node: _recipes(node.inputs))


def _recipes(values: Sequence[Value]) -> list[Node]:
    return [value.recipe for value in values if value.recipe is not None]


def rounded_constants(graph: Graph) -> list[Value]:
    """The constants with a recipe that a graph uses, without those of the graphs inside."""
    used = [value for node in graph.nodes for value in node.inputs if value.recipe is not None]
    used += [value for value in graph.outputs if value.recipe is not None]
    return list(dict.fromkeys(used)) if used else used


def graph_steps(graph: Graph) -> list[Node]:
    """The nodes of all recipes of a graph, of the graphs inside too."""
    found = steps(rounded_constants(graph))
    inner = [inside for node in graph.nodes if node.graphs for inside in node.graphs]
    return (
        list(dict.fromkeys([*found, *(step for inside in inner for step in graph_steps(inside))])) if inner else found
    )


def unfolded(graph: Graph) -> Graph:
    """The graph with the operations of recipes in place of the constants that have one."""
    constants = rounded_constants(graph)
    inside = any(node.graphs and graph_steps(Graph((), (node,), ())) for node in graph.nodes)
    if not constants and not inside:
        return graph
    image: dict[Value, Value] = {}
    nodes = [_again(node, image) for node in steps(constants)]
    for node in graph.nodes:
        if node.graphs:
            nodes.append(_again(node, image, tuple(unfolded(inner) for inner in node.graphs)))
        else:
            nodes += rewired([node], image)
    return Graph(graph.inputs, tuple(nodes), tuple(image.get(v, v) for v in graph.outputs))


def _again(node: Node, image: dict[Value, Value], graphs: tuple[Graph, ...] = ()) -> Node:
    inputs = tuple(image.get(v, v) for v in node.inputs)
    types = tuple(v.type for v in node.outputs)
    made = Node(node.primitive, inputs, node.params, graphs, types, node.span, node.derived)
    image.update(zip(node.outputs, made.outputs, strict=True))
    return made
