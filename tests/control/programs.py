"""Functions of two numbers and a count with every sort of control flow, and points to look at them."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from engine.control.functions import solved, with_rule
from engine.graph.types import Type
from engine.graph.values import Value
from engine.primitives.shape import zeros_of
from tests.control.building import counted, either, exp, gather, graph_of, less, looped, put, sin

Program = Callable[[Value, Value, Value], Sequence[Value]]


def powers(x: Value, y: Value, n: Value) -> Sequence[Value]:
    """A loop whose count is data."""
    return counted(lambda i, c: [c[0] * x + sin(c[0]) * y], [x], n)[:1]


def index(x: Value, y: Value, n: Value) -> Sequence[Value]:
    """The index takes part."""
    return counted(lambda i, c: [c[0] + sin(x * (i + 1.0)) / (i + 1.0) * c[1], c[1] * y], [x, y], n)[:1]


def growing(x: Value, y: Value, n: Value) -> Sequence[Value]:
    """A loop that ends when it may, with a choice in it."""

    def step(carried: tuple[Value, ...]) -> Sequence[Value]:
        a, total = carried
        (b,) = either(less(2.0, a), lambda: [a * a + x], lambda: [a * 3.0 + y])
        return [b, total + b * y]

    return looped(step, [exp(x), y * 0.0], lambda c: less(c[0], 200.0))[1:]


def nested(x: Value, y: Value, n: Value) -> Sequence[Value]:
    """A loop in a loop, whose count is the index of the outer one."""

    def outer(i: Value, carried: tuple[Value, ...]) -> Sequence[Value]:
        (inner,) = counted(lambda j, c: [sin(c[0] * x) + y * 0.5], [carried[0]], i)
        return [carried[0] * 0.5 + inner]

    return counted(outer, [y], n)


def filled(x: Value, y: Value, n: Value) -> Sequence[Value]:
    """An array filled element by element, each from the one before."""

    def step(i: Value, carried: tuple[Value, ...]) -> Sequence[Value]:
        (row,) = carried
        return [put(row, gather(row, i) * x + sin(y * (i + 1.0)), i + 1, region=(None,))]

    start = put(zeros_of((12,)), y, 0, region=(None,))
    (row,) = counted(step, [start], n)
    return [gather(row, n) * gather(row, 3) + gather(row, 1)]


def swapped(x: Value, y: Value, n: Value) -> Sequence[Value]:
    """Two arrays that change places and are written to."""

    def step(i: Value, carried: tuple[Value, ...]) -> Sequence[Value]:
        a, b = carried
        return [b, put(a, gather(b, 0) * x + gather(a, 1), 0, region=(None,))]

    a = put(put(zeros_of((2,)), x, 0, region=(None,)), y, 1, region=(None,))
    b = put(put(zeros_of((2,)), y, 0, region=(None,)), 0.5, 1, region=(None,))
    one, two = counted(step, [a, b], n)
    return [gather(one, 0) + gather(two, 0) * gather(one, 1)]


def sometimes(x: Value, y: Value, n: Value) -> Sequence[Value]:
    """An array written to in one branch only, with a loop in the other."""

    def step(i: Value, carried: tuple[Value, ...]) -> Sequence[Value]:
        row, total = carried

        def written() -> Sequence[Value]:
            return [put(row, gather(row, i) * x + y, i, region=(None,)), total * 1.0]

        def other() -> Sequence[Value]:
            (inner,) = counted(lambda j, c: [c[0] * y + gather(row, j)], [total], 2)
            return [row, inner]

        new, sum_ = either(less(gather(row, i), 0.9), written, other)
        return [new, sum_ + gather(new, i)]

    start = put(put(zeros_of((6,)), x, 1, region=(None,)), 1.0, 2, region=(None,))
    return counted(step, [start, y], n)[1:]


def implicit(x: Value, y: Value, n: Value) -> Sequence[Value]:
    """A root in a loop."""
    return counted(lambda i, c: [solved(lambda a: [exp(a[0]) * y + a[0] - c[0] * x], [c[0] * 0.0])], [x + 2.0], n)


def ruled(x: Value, y: Value, n: Value) -> Sequence[Value]:
    """A function with a rule that says what is true anyway."""

    def step(i: Value, c: tuple[Value, ...]) -> Sequence[Value]:
        return with_rule(
            lambda a: [sin(a[0]) * a[1]],
            lambda a: [a[3] * (sin(a[0] + 0.5 * 3.141592653589793) * a[1]), a[3] * sin(a[0])],
            [c[0], x],
        )

    return [counted(step, [y], n)[0]]


PROGRAMS: dict[str, Program] = {
    function.__name__: function
    for function in (powers, index, growing, nested, filled, swapped, sometimes, implicit, ruled)
}
POINTS = ((0.7, 0.4, 4), (0.3, 1.1, 5), (1.2, 0.6, 0), (0.9, 0.8, 1))
TYPES = (Type("real", ()), Type("real", ()), Type("int", ()))

GRAPHS = {name: graph_of(function, *TYPES) for name, function in PROGRAMS.items()}
