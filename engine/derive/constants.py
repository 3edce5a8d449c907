"""Values of a graph that depend on no input, computed where an analysis wants to look at them."""

from __future__ import annotations

from typing import Any

import numpy as np

from engine.errors import EngineError
from engine.graph.types import Array
from engine.graph.values import Graph, Value, depends_on

MOST_ELEMENTS = 4_000_000
MOST_NODES = 20
"""Small constants were folded while the graph was built; what is left is large and close to what made it."""


class Constants:
    """The constants of one graph."""

    def __init__(self, graph: Graph) -> None:
        self._moving = depends_on(graph.nodes, set(graph.inputs))
        self._known: dict[Value, Array | None] = {}

    def of(self, value: Value) -> Array | None:
        """The array, or None where it depends on an input, is too large or is the end of a long computation."""
        return self._of(value, MOST_NODES)

    def _of(self, value: Value, depth: int) -> Array | None:
        if value.constant is not None:
            # What was folded to 0 may only be near it, and decides nothing.
            sure = value.recipe is None or value.type.dtype == "int" or bool(np.all(value.constant))
            return np.asarray(value.constant) if sure else None
        if value in self._moving or value.type.size > MOST_ELEMENTS or not depth:
            return None
        if value not in self._known:
            self._known[value] = self._computed(value, depth)
        return self._known[value]

    def _computed(self, value: Value, depth: int) -> Array | None:
        node = value.node
        if node is None or node.graphs or node.effect:
            return None
        arguments: list[Any] = [self._of(v, depth - 1) for v in node.inputs]
        if any(a is None for a in arguments):
            return None
        try:
            with np.errstate(all="ignore"):
                result = node.primitive.value(*[a[()] for a in arguments], **node.params)
        except EngineError:
            return None
        return np.asarray(result[value.index] if len(node.outputs) > 1 else result)
