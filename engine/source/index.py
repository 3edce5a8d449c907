"""Indexing with numpy's meaning: integers, slices, new axes, dots, and integer arrays."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from engine.errors import ShapeMismatch, TypeMismatch, Unsupported
from engine.graph.build import constant
from engine.graph.types import describe
from engine.graph.values import Value
from engine.primitives.indexing import gather
from engine.primitives.shape import element, reshape, strided, transpose
from engine.source import tree
from engine.source.arguments import array, static

Lower = Callable[[tree.Expression], Any]
Item = int | slice | Value | None


def index(base: Value, node: tree.Index, lower: Lower) -> Value:
    """`base[items]`."""
    lowered = [None if isinstance(item, tree.Dots) else _item(item, lower) for item in node.items]
    items = _expand(base, node, lowered)
    if len(items) == 1 and isinstance(items[0], int):
        return element(base, index=_in_range(items[0], base.shape[0], node))
    gathers = any(isinstance(item, Value) for item in items)
    slices, advanced, shape, axis = [], [], [], 0
    for item in items:
        if item is None:
            shape.append(1)
            continue
        size = base.shape[axis]
        if isinstance(item, slice):
            start, stop, step = item.indices(size)
            count = len(range(start, stop, step))
            slices.append((start if count else 0, count, step))
            shape.append(count)
        elif isinstance(item, int) and not gathers:
            slices.append((_in_range(item, size, node), 1, 1))
        else:
            if isinstance(item, int):
                item = constant(_in_range(item, size, node), "int")
            advanced.append((len(shape), item))
            slices.append((0, size, 1))
            shape.append(size)
        axis += 1
    whole = all(s == (0, n, 1) for s, n in zip(slices, base.shape, strict=True))
    part = base if whole else strided(base, slices=tuple(slices))
    part = reshape(part, shape=tuple(shape))
    return _gather(part, advanced, _together(node, lowered)) if advanced else part


def _together(node: tree.Index, lowered: list[Item]) -> bool:
    """Whether the integers and integer arrays stand next to each other; dots between them part them, even if empty."""
    places = [i for i, item in enumerate(lowered) if isinstance(item, int | Value) and not _is_dots(node, i)]
    return places == list(range(places[0], places[0] + len(places)))


def _is_dots(node: tree.Index, i: int) -> bool:
    return isinstance(node.items[i], tree.Dots)


def _gather(part: Value, advanced: list[tuple[int, Value]], together: bool) -> Value:
    """Integer arrays at some axes: gathered at the front, then moved to where numpy puts the result."""
    axes = [axis for axis, _ in advanced]
    rest = [a for a in range(part.rank) if a not in axes]
    found = gather(transpose(part, axes=tuple(axes + rest)), *[value for _, value in advanced])
    new = found.rank - len(rest)
    place = axes[0] if together else 0
    order = list(range(new, new + place)) + list(range(new)) + list(range(new + place, found.rank))
    return transpose(found, axes=tuple(order))


def _expand(base: Value, node: tree.Index, lowered: list[Item]) -> list[Item]:
    """The items with `...` written out and missing ones added."""
    dots = [i for i, item in enumerate(node.items) if isinstance(item, tree.Dots)]
    if len(dots) > 1:
        raise ShapeMismatch("An index has '...' more than once.", span=node.items[dots[1]].span)
    used = sum(not isinstance(item, tree.Dots | tree.Nothing) for item in node.items)
    if used > base.rank:
        raise ShapeMismatch(
            f"{used} ind{'ices' if used > 1 else 'ex'} for {describe(base.shape)}"
            + (f", which has {base.rank} ax{'es' if base.rank != 1 else 'is'}." if base.rank else ", which has none."),
            span=node.span,
        )
    missing: list[Item] = [slice(None)] * (base.rank - used)
    items: list[Item] = []
    for i, item in enumerate(lowered):
        items += missing if _is_dots(node, i) else [item]
    return items if dots else items + missing


def _item(item: tree.Expression, lower: Lower) -> Item:
    if isinstance(item, tree.Nothing):
        return None
    if isinstance(item, tree.Slice):
        bounds = [
            None if part is None else static(lower(part), "int", part.span, "a slice bound")
            for part in (item.lower, item.upper, item.step)
        ]
        if bounds[2] == 0:
            raise TypeMismatch("The step of a slice must not be 0.", span=item.span)
        return slice(*bounds)
    value = array(lower(item), item.span, "an index")
    if value.type.dtype == "bool":
        raise Unsupported(
            "Indexing with booleans makes a shape that depends on the data; shapes are static here.",
            span=item.span,
            hint="where(mask, x, 0)",
        )
    if value.type.dtype == "real":
        whole = value.constant is not None and not value.shape and float(value.constant).is_integer()
        if not whole:
            raise TypeMismatch(
                "An index must be an integer.", span=item.span, hint="x[0], or an input used as an index"
            )
        return int(value.constant)  # type: ignore[arg-type]
    return int(value.constant) if value.constant is not None and not value.shape else value


def _in_range(position: int, size: int, node: tree.Index) -> int:
    if not -size <= position < size:
        raise ShapeMismatch(f"Index {position} is out of range for an axis of size {size}.", span=node.span)
    return position % size
