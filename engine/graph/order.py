"""Nodes after those that they need."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from engine.graph.values import Node


def in_order(roots: Iterable[Node], makers: Callable[[Node], Sequence[Node]]) -> list[Node]:
    """The roots and all that they need, each once and after what it needs itself, `makers(node)`; to any depth."""
    ordered: dict[Node, None] = {}
    for root in roots:
        todo = [(root, False)]
        while todo:
            node, done = todo.pop()
            if done:
                ordered[node] = None
            elif node not in ordered:
                todo.append((node, True))
                todo += [(maker, False) for maker in reversed(makers(node)) if maker not in ordered]
    return list(ordered)
