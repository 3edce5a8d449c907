"""Assignments to several targets, and to elements: `x[i] = v` gives the name an array with a part replaced.

Arrays are values: whoever else holds the array of before keeps it as it was.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.errors import ShapeMismatch, TypeMismatch, Unsupported
from engine.graph.build import current
from engine.graph.registry import PRIMITIVES
from engine.graph.types import describe, promote
from engine.graph.values import Value
from engine.primitives.arithmetic import cast
from engine.primitives.shape import broadcast_to, element, reshape
from engine.source import tree
from engine.source.arguments import array, not_known, static
from engine.source.merging import kind_of
from engine.source.results import Result, Steps
from engine.source.text import Span
from engine.source.windows import window

if TYPE_CHECKING:
    from engine.source.interpreter import Interpreter

MOST_PARTS = 1_000
"""Elements of an array that are given names at once, at most."""


def take_apart(value: Result, count: int, span: Span) -> tuple[Result, ...]:
    """The parts of a value that is assigned to `count` targets."""
    if isinstance(value, Steps):
        known = static(value.count, "int", span, "the length of a range")
        value = tuple(value.at(i) for i in range(min(known, MOST_PARTS)))
    if isinstance(value, tuple):
        if len(value) != count:
            raise ShapeMismatch(f"There are {len(value)} values for {count} names.", span=span)
        return value
    if not isinstance(value, Value) or not value.rank:
        what = "a number" if isinstance(value, Value) else kind_of(value)
        raise TypeMismatch(f"{count} names cannot be given to {what}.", span=span)
    if value.shape[0] != count:
        raise ShapeMismatch(f"An array of shape {value.shape} has {value.shape[0]} parts for {count} names.", span=span)
    return tuple(element(value, index=i) for i in range(count))


def assign_elements(interpreter: Interpreter, target: tree.Index, value: Result) -> None:
    """`x[i] = v`, `x[1:3, j] = v`, `x[i][j] = v`."""
    chain: list[tree.Index] = []
    base: tree.Expression = target
    while isinstance(base, tree.Index):
        chain.append(base)
        base = base.base
    assert isinstance(base, tree.Name)
    before = interpreter.operand(base)
    with current().at(target.span):
        interpreter.scope.bind(base.name, _replaced(interpreter, before, list(reversed(chain)), value), target.span)


def _replaced(interpreter: Interpreter, before: Result, chain: list[tree.Index], value: Result) -> Result:
    """What is there before, with the part that a chain of indices is about replaced."""
    node, *inner = chain
    if isinstance(before, tuple) and len(node.items) == 1 and not isinstance(node.items[0], tree.Slice):
        position = interpreter.operand(node.items[0])
        if not (isinstance(position, Value) and position.constant is None):
            place = static(position, "int", node.items[0].span, "the index of several values")
            old = interpreter.element_of(before, node, position)
            new = _replaced(interpreter, old, inner, value) if inner else value
            place %= len(before)
            return (*before[:place], new, *before[place + 1 :])
    whole = array(before, node.base.span, "what is assigned to")
    if inner:
        value = _replaced(interpreter, interpreter.indexed(whole, node), inner, value)
    return _put(interpreter, whole, node, array(value, node.span, "what is assigned"))


def _put(interpreter: Interpreter, whole: Value, node: tree.Index, value: Value) -> Value:
    """The array with `value` at an index."""
    region: list[tuple[int, int, int] | None] = []
    indices: list[Value] = []
    shape: list[int] = []  # of the part that is replaced, as the client sees it
    for axis, item in enumerate(_expanded(whole, node)):
        size = whole.shape[axis]
        if item is None or isinstance(item, tree.Slice):
            start, stop, step = _bounds(interpreter, item, size)
            count = len(range(start, stop, step))
            region.append((start if count else 0, count, step))
            shape.append(count)
            continue
        position = _position(interpreter, item)
        if isinstance(position, int):
            if not -size <= position < size:
                raise ShapeMismatch(f"Index {position} is out of range for an axis of size {size}.", span=node.span)
            region.append((position % size, 1, 1))
        else:
            region.append(None)
            indices.append(position)
    value = _fitting(value, tuple(shape), node)
    dtype = promote(whole.type.dtype, value.type.dtype)
    part = reshape(cast(value, dtype=dtype), shape=tuple(item[1] for item in region if item is not None))
    return PRIMITIVES["put"](cast(whole, dtype=dtype), part, *indices, region=tuple(region))


def _fitting(value: Value, shape: tuple[int, ...], node: tree.Index) -> Value:
    """The value in the shape of the part that it replaces."""
    given = value.shape
    while len(given) > len(shape) and given[0] == 1:
        given = given[1:]
    if len(given) > len(shape) or any(m not in (1, n) for m, n in zip(reversed(given), reversed(shape), strict=False)):
        raise ShapeMismatch(f"{kind_of(value).capitalize()} cannot be put where {describe(shape)} is.", span=node.span)
    return broadcast_to(reshape(value, shape=given), shape=shape)


def _expanded(whole: Value, node: tree.Index) -> list[tree.Expression | None]:
    """An item for each axis, None for all of it."""
    dots = [i for i, item in enumerate(node.items) if isinstance(item, tree.Dots)]
    missing = whole.rank - (len(node.items) - len(dots))
    if len(dots) > 1 or missing < 0:
        raise ShapeMismatch(f"{len(node.items)} indices for {describe(whole.shape)}.", span=node.span)
    items: list[tree.Expression | None] = list(node.items)
    at = dots[0] if dots else len(items)
    return items[:at] + [None] * missing + items[at + len(dots) :]


def _bounds(interpreter: Interpreter, item: tree.Slice | None, size: int) -> tuple[int, int, int]:
    if item is None:
        return 0, size, 1
    try:
        bounds = interpreter.slice_bounds(item)
    except TypeMismatch as error:
        if not_known(error) and window(item) is not None:
            error.hint = "assign the elements one by one in a loop: x[i + j] = v[j]"
        raise
    if bounds[2] == 0:
        raise TypeMismatch("The step of a slice must not be 0.", span=item.span)
    return slice(*bounds).indices(size)


def _position(interpreter: Interpreter, item: tree.Expression) -> int | Value:
    if isinstance(item, tree.Nothing):
        raise Unsupported("A new axis cannot be assigned to.", span=item.span, hint="leave None out of the index")
    value = array(interpreter.operand(item), item.span, "an index")
    if value.type.dtype == "bool":
        raise Unsupported(
            "A mask cannot be assigned to: shapes are static here.", span=item.span, hint="x = where(mask, v, x)"
        )
    if value.shape:
        raise Unsupported(
            "An array of indices cannot be assigned to.",
            span=item.span,
            hint="assign the elements one by one in a loop: for i in indices: x[i] = v",
        )
    if value.constant is not None:
        known: int = static(value, "int", item.span, "an index")
        return known
    if value.type.dtype != "int":
        raise TypeMismatch("An index must be an integer.", span=item.span, hint="x[int(i)]")
    return value
