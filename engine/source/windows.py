"""Slices whose bounds are data and whose length is known: `x[i : i + 3]`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from engine.graph.build import constant
from engine.graph.registry import PRIMITIVES
from engine.graph.values import Value
from engine.primitives.indexing import gather
from engine.primitives.shape import move_axis
from engine.source import tree
from engine.source.arguments import array, static
from engine.source.show import show

if TYPE_CHECKING:
    from engine.source.interpreter import Interpreter


@dataclass(frozen=True, slots=True)
class Window:
    """A slice from `start` on; `length` may be an expression, whose value is known when the program is compiled."""

    start: tree.Expression
    length: tree.Expression | int


def window(node: tree.Slice) -> Window | None:
    """A slice as its start and its length; None where the text does not show the length, and for bounds in numbers."""
    lower, upper = node.lower, node.upper
    if lower is None or upper is None or node.step is not None:
        return None
    (base, first), (other, last) = _offset(lower), _offset(upper)
    if base is None or other is None:
        return None
    if show(base) == show(other):
        return Window(lower, max(0, last - first))
    if isinstance(upper, tree.Binary) and upper.operator == "+":
        for one, rest in ((upper.left, upper.right), (upper.right, upper.left)):
            if show(one) == show(lower):
                return Window(lower, rest)
    if isinstance(lower, tree.Binary) and lower.operator == "-" and show(lower.left) == show(upper):
        return Window(lower, lower.right)
    return _batch(lower, upper)


def read_windows(interpreter: Interpreter, base: Value, node: tree.Index) -> tuple[Value, tree.Index]:
    """An array with its windows read, and the index of what remains to be done."""
    items = list(node.items)
    for number, item in enumerate(items):
        found = window(item) if isinstance(item, tree.Slice) else None
        if found is None:
            continue
        start = array(interpreter.operand(found.start), found.start.span, "a slice bound")
        if start.constant is not None or start.shape or start.type.dtype != "int":
            continue
        axis = _axis(node, number, base.rank)
        if axis is None:
            continue
        length = found.length
        if not isinstance(length, int):
            length = static(interpreter.operand(length), "int", length.span, "the length of a slice")
        positions = PRIMITIVES["add"](start, constant(np.arange(length), "int"))
        base = move_axis(gather(move_axis(base, axis, 0), positions), 0, axis)
        items[number] = tree.Slice(None, None, None, item.span)
    return base, tree.Index(node.base, tuple(items), node.span)


def _axis(node: tree.Index, number: int, rank: int) -> int | None:
    """The axis that an item of an index is about."""
    before = [item for item in node.items[:number] if not isinstance(item, tree.Nothing)]
    after = [item for item in node.items[number + 1 :] if not isinstance(item, tree.Nothing)]
    axis = rank - 1 - len(after) if any(isinstance(item, tree.Dots) for item in before) else len(before)
    return axis if 0 <= axis < rank else None


def _batch(lower: tree.Expression, upper: tree.Expression) -> Window | None:
    """`i * k : (i + 1) * k`."""
    if not (isinstance(lower, tree.Binary) and isinstance(upper, tree.Binary)):
        return None
    if lower.operator != "*" or upper.operator != "*":
        return None
    for (a, k), (b, m) in (
        ((lower.left, lower.right), (upper.left, upper.right)),
        ((lower.right, lower.left), (upper.right, upper.left)),
    ):
        (base, first), (other, last) = _offset(a), _offset(b)
        if base is not None and other is not None and show(base) == show(other) and last - first == 1:
            return Window(lower, k) if show(k) == show(m) else None
    return None


def _offset(node: tree.Expression) -> tuple[tree.Expression | None, int]:
    """An expression without the whole number that is added to it, and that number."""
    number = _whole(node)
    if number is not None:
        return None, number
    if isinstance(node, tree.Binary) and node.operator in ("+", "-"):
        right, left = _whole(node.right), _whole(node.left)
        if right is not None:
            base, before = _offset(node.left)
            return base, before + (right if node.operator == "+" else -right)
        if left is not None and node.operator == "+":
            base, before = _offset(node.right)
            return base, before + left
    return node, 0


def _whole(node: tree.Expression) -> int | None:
    if isinstance(node, tree.Number) and isinstance(node.value, int) and not isinstance(node.value, bool):
        return node.value
    return None
