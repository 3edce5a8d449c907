"""Marks on values, by which what a program assigns is found again in its graph.

They are no function of the language and stand in no table; only `engine.source.recording` emits them.
"""

from __future__ import annotations

from collections.abc import Sequence

from engine.graph.primitive import Cotangents
from engine.graph.types import Type
from engine.graph.values import Node
from engine.primitives.record import Elementwise


def _types(x: Type, *, name: str, number: int) -> tuple[Type, ...]:
    return (x,)


def _handed_on(node: Node, cotangents: Cotangents, wanted: Sequence[bool]) -> Cotangents:
    return [cotangents[0]]


mark = Elementwise(
    name="mark",
    infer=_types,
    value=lambda x, *, name, number: x,
    vjp=_handed_on,
    precise=lambda mp, x, *, name, number: x,
    symbolic=lambda sympy, x, *, name, number: x,
    effect=True,
    kind="elementwise",
    fields={"numbers": "real", "partials": (1.0,), "points": None, "arity": 1, "overrides": False},
)
"""The identity: `name` is given this value, by the assignment `number` of the text as it is lowered."""
