"""What loops and comprehensions run over: ranges, arrays, tuples, and zip, enumerate and reversed of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np

from engine.errors import Limit, LimitExceeded, SyntaxFault, TypeMismatch
from engine.graph.build import constant, current
from engine.graph.registry import PRIMITIVES
from engine.graph.values import Value
from engine.primitives.assertion import assertion
from engine.primitives.indexing import gather
from engine.primitives.shape import element, strided
from engine.source import tree
from engine.source.arguments import array, static
from engine.source.merging import kind_of
from engine.source.results import Result, Steps
from engine.source.text import Span

if TYPE_CHECKING:
    from engine.source.interpreter import Interpreter

"""Elements of a range that is used as an array."""


def iterable(interpreter: Interpreter, node: tree.Expression) -> Steps:
    """What a loop runs over."""
    return steps_of(interpreter.lower(node), node.span)


def steps_of(found: Result, span: Span) -> Steps:
    """The elements of a result, one after the other."""
    if isinstance(found, Steps):
        return found
    if isinstance(found, tuple):
        alike = bool(found) and all(isinstance(item, Value) and item.shape == found[0].shape for item in found)
        return Steps(
            len(found),
            lambda i: found[i] if isinstance(i, int) else _element(found, i, span),
            (lambda: array(found, span, "this")) if alike else None,
        )
    if isinstance(found, Value):
        if not found.rank:
            raise TypeMismatch(
                "A loop runs over a range or an array, and this is a number.", span=span, hint="for i in range(n)"
            )
        return Steps(
            found.shape[0],
            lambda i: element(found, index=i) if isinstance(i, int) else gather(found, i),
            lambda: found,
        )
    raise TypeMismatch(f"A loop cannot run over {kind_of(found)}.", span=span, hint="for i in range(n)")


def _element(items: tuple[Result, ...], index: Value, span: Span) -> Result:
    """An element of a tuple by a number that is computed: read from an array of all, or of each part of all."""
    first = items[0]
    if isinstance(first, tuple) and all(isinstance(item, tuple) and len(item) == len(first) for item in items):
        return tuple(_element(tuple(part), index, span) for part in zip(*items, strict=True))
    if all(isinstance(item, Value) and item.shape == first.shape for item in items):
        return gather(array(items, span, "this"), index)
    # Different things cannot be told apart by a computed number; a loop over them is written out.
    static(index, "int", span, "which of several things is meant")
    raise AssertionError


def as_array(steps: Steps, span: Span) -> Value | tuple[Result, ...]:
    """A range as an array of its numbers, and the like as a tuple."""
    count = static(steps.count, "int", span, "the length of a range")
    most = current().limits.unrolled_steps
    if count > most:
        raise LimitExceeded(
            f"This would write out {count:,} elements.",
            span=span,
            limit=Limit("unrolled_steps", most, count),
            hint="arange(n) makes an array of numbers",
        )
    found = tuple(steps.at(i) for i in range(count))
    if not found:
        return constant([], "int")
    return array(found, span, "this") if all(isinstance(item, Value) for item in found) else found


def range_of(interpreter: Interpreter, node: tree.Call) -> Steps:
    """`range(stop)`, `range(start, stop)` or `range(start, stop, step)`; the bounds may be data."""
    if node.keywords or not 1 <= len(node.arguments) <= 3:
        raise SyntaxFault("range takes one to three whole numbers.", span=node.span, hint="range(start, stop, step)")
    given = [_integer(interpreter, argument) for argument in node.arguments]
    start: int | Value = 0 if len(given) == 1 else given[0]
    stop = given[0] if len(given) == 1 else given[1]
    step: int | Value = given[2] if len(given) == 3 else 1
    if isinstance(step, int) and step == 0:
        raise TypeMismatch("The step of a range must not be 0.", span=node.arguments[2].span)
    if isinstance(step, Value):
        with current().at(node.arguments[2].span):
            holds = PRIMITIVES["not_equal"](step, constant(0, "int"))
            current().emit(assertion, [holds], {"message": "The step of a range must not be 0.", "names": ()})

    def at(i: int | Value) -> Value:
        if isinstance(i, int) and isinstance(start, int) and isinstance(step, int):
            return constant(start + i * step, "int")
        number = constant(i, "int") if isinstance(i, int) else i
        moved = number if isinstance(step, int) and step == 1 else number * step
        return moved if isinstance(start, int) and start == 0 else moved + start

    if isinstance(start, int) and isinstance(stop, int) and isinstance(step, int):
        known = range(start, stop, step)
        return Steps(len(known), at, lambda: _numbers(known, node.span))
    whole = isinstance(start, int) and start == 0 and isinstance(step, int) and step == 1
    return Steps(_value(stop) if whole else _count(_value(start), _value(stop), _value(step)), at)


def _numbers(numbers: range, span: Span) -> Value:
    """All numbers of a range at once."""
    if 8 * len(numbers) > current().limits.array_bytes:
        raise LimitExceeded(
            f"This would make an array of {len(numbers):,} numbers.",
            span=span,
            limit=Limit("array_bytes", current().limits.array_bytes, 8 * len(numbers)),
        )
    return constant(np.arange(numbers.start, numbers.stop, numbers.step), "int")


def _value(number: int | Value) -> Value:
    return constant(number, "int") if isinstance(number, int) else number


def _count(start: Value, stop: Value, step: Value) -> Value:
    """The smallest whole number of steps that reaches the end: ceil((stop - start) / step)."""
    return -PRIMITIVES["floor_divide"](start - stop, step)


def _integer(interpreter: Interpreter, node: tree.Expression) -> int | Value:
    found = array(interpreter.operand(node), node.span, "an argument of range")
    if found.shape:
        raise TypeMismatch(
            f"An argument of range must be a whole number, and is an array of shape {found.shape}.",
            span=node.span,
            hint="range(len(x)) counts its elements",
        )
    if found.constant is not None:
        known: int = static(found, "int", node.span, "an argument of range")
        return known
    if found.type.dtype == "real":
        raise TypeMismatch("An argument of range must be a whole number.", span=node.span, hint="range(int(x))")
    return PRIMITIVES["cast"](found, dtype="int") if found.type.dtype == "bool" else found


def zip_of(interpreter: Interpreter, node: tree.Call) -> Steps:
    """`zip(X, Y)`: as many steps as the shortest has."""
    if any(name != "strict" for name, _ in node.keywords) or not node.arguments:
        raise SyntaxFault("zip takes what it runs over.", span=node.span, hint="zip(xs, ys)")
    parts = [iterable(interpreter, argument) for argument in node.arguments]
    least = _least([part.count for part in parts])
    return Steps(least, lambda i: tuple(part.at(i) for part in parts), _wholes(parts, least))


def _wholes(parts: Sequence[Steps], count: int | Value) -> Callable[[], Result] | None:
    """All steps of several at once: the first `count` of each."""
    if isinstance(count, Value) or any(part.whole is None for part in parts):
        return None

    def first(found: Result) -> Result:
        if isinstance(found, tuple):
            return tuple(first(item) for item in found)
        return strided(found, slices=((0, count, 1), *((0, n, 1) for n in found.shape[1:])))

    def whole() -> Result:
        found = [(part, part.whole()) for part in parts if part.whole is not None]
        return tuple(result if part.count == count else first(result) for part, result in found)

    return whole


def _least(counts: Sequence[int | Value]) -> int | Value:
    known = [count for count in counts if isinstance(count, int)]
    if len(known) == len(counts):
        return min(known)
    least: Value | None = None
    for count in counts:
        least = _value(count) if least is None else PRIMITIVES["minimum"](least, _value(count))
    assert least is not None
    return least


def enumerate_of(interpreter: Interpreter, node: tree.Call) -> Steps:
    """`enumerate(X, start=0)`."""
    keywords = dict(node.keywords)
    if not 1 <= len(node.arguments) + len(keywords) <= 2 or set(keywords) - {"start"} or not node.arguments:
        raise SyntaxFault("enumerate takes what it runs over.", span=node.span, hint="enumerate(xs)")
    parts = iterable(interpreter, node.arguments[0])
    given = keywords.get("start") or (node.arguments[1] if len(node.arguments) > 1 else None)
    start = 0 if given is None else _integer(interpreter, given)

    def number(i: int | Value) -> Value:
        if isinstance(i, int) and isinstance(start, int):
            return constant(i + start, "int")
        return _value(i) if isinstance(start, int) and start == 0 else _value(i) + start

    counter = Steps(parts.count, number)
    if isinstance(parts.count, int) and isinstance(start, int):
        numbers = range(start, start + parts.count)
        counter = Steps(parts.count, number, lambda: _numbers(numbers, node.span))
    return Steps(parts.count, lambda i: (number(i), parts.at(i)), _wholes([counter, parts], parts.count))


def reversed_of(interpreter: Interpreter, node: tree.Call) -> Steps:
    """`reversed(X)`."""
    if node.keywords or len(node.arguments) != 1:
        raise SyntaxFault("reversed takes what it runs over.", span=node.span, hint="reversed(range(n))")
    parts = iterable(interpreter, node.arguments[0])
    count = parts.count
    if isinstance(count, Value):
        last = PRIMITIVES["maximum"](count, 0) - 1
        return Steps(count, lambda i: parts.at(last - i))
    return Steps(count, lambda i: parts.at(count - 1 - i))
