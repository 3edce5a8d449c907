"""A function with a derivative rule of its own, which is a graph too."""

from __future__ import annotations

from collections.abc import Sequence

from engine.graph.inline import inline
from engine.graph.primitive import Cotangents
from engine.graph.values import Node, Value
from engine.primitives.shape import zeros_of


def vjp_of_custom(node: Node, cotangents: Cotangents, wanted: Sequence[bool]) -> Cotangents:
    """What the rule makes of the arguments, the outputs and their cotangents."""
    _, rule = node.graphs
    given = [c or zeros_of(v.shape) for c, v in zip(cotangents, node.outputs, strict=True) if v.type.dtype == "real"]
    found = iter(inline(rule, dict(zip(rule.inputs, [*node.inputs, *node.outputs, *given], strict=True))))
    by_argument: list[Value | None] = [next(found) if v.type.dtype == "real" else None for v in node.inputs]
    return [c if want else None for c, want in zip(by_argument, wanted, strict=True)]
