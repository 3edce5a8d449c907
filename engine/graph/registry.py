"""All primitives by name, entered as their records are made, so that operators and rewrites can refer to them."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from engine.graph.primitive import Primitive

PRIMITIVES: dict[str, Primitive] = {}


def register(primitive: Primitive) -> Primitive:
    """Enter a record; a name is entered once."""
    if primitive.name in PRIMITIVES:
        raise ValueError(f"primitive {primitive.name!r} has two records")
    PRIMITIVES[primitive.name] = primitive
    return primitive
