"""Building: folding, sharing, limits before allocation, builders within builders and in threads."""

from __future__ import annotations

import threading
import tracemalloc
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from engine.errors import BudgetExceeded, EngineFault, LimitExceeded, ShapeMismatch
from engine.graph.build import FOLD_SIZE, Builder, constant, current
from engine.graph.check import check
from engine.graph.types import Type
from engine.graph.values import Graph, Value
from engine.limits import Budget, Limits
from engine.primitives.table import FUNCTIONS
from engine.source.text import Span

REAL = Type("real", ())


def call(name: str, *arguments: Any, **parameters: Any) -> Any:
    """A function of the language."""
    return FUNCTIONS[name].build(*arguments, **parameters)


def sines(x: Value, count: int) -> Value:
    """sin(sin(… x))."""
    for _ in range(count):
        x = call("sin", x)
    return x


def names(graph: Graph) -> list[str]:
    """The primitives of a graph in order."""
    return [node.primitive.name for node in graph.nodes]


# ---- folding and sharing ----


def test_constants_are_computed_while_building() -> None:
    with Builder() as builder:
        x = call("sin", builder.constant(0.5)) + 2.0
        assert builder.nodes == []
    assert x.constant == np.sin(0.5) + 2.0


def test_folding_stops_at_large_arrays() -> None:
    with Builder() as builder:
        small = call("sin", builder.constant(np.ones(FOLD_SIZE)))
        large = call("sin", builder.constant(np.ones(FOLD_SIZE + 1)))
    assert small.constant is not None
    assert large.constant is None


def test_what_is_born_not_finite_is_not_folded_and_what_was_already_is() -> None:
    with Builder() as builder:
        assert (builder.constant(1.0) / builder.constant(0.0)).constant is None
        assert call("log", builder.constant(-1.0)).constant is None
        assert (builder.constant(np.inf) + builder.constant(1.0)).constant == np.inf


def test_equal_nodes_are_one() -> None:
    with Builder() as builder:
        x, y = builder.input(REAL), builder.input(REAL)
        assert call("sin", x) is call("sin", x)
        assert call("sin", x) is not call("sin", y)
        assert x + y is x + y
        assert x + y is not y + x
        graph = builder.finish([call("sin", x) * call("sin", x)])
    assert names(graph) == ["sin", "multiply"]


def test_parameters_and_their_values_tell_nodes_apart() -> None:
    with Builder() as builder:
        x = builder.input(Type("real", (2, 2)))
        assert call("sum", x, axis=0) is call("sum", x, axis=0)
        assert call("sum", x, axis=0) is not call("sum", x, axis=1)
        assert call("transpose", x) is call("transpose", x)


def test_nodes_with_several_outputs_are_shared_as_a_whole() -> None:
    with Builder() as builder:
        x = builder.input(Type("real", (2, 2)))
        first, second = call("slogdet", x), call("slogdet", x)
        assert first[1] is second[1]
        assert first[0] is not first[1]


def test_a_derived_graph_shares_what_it_starts_from() -> None:
    with Builder() as builder:
        x = builder.input(REAL)
        start = builder.finish([call("exp", x)])
    with Builder(start=start) as builder:
        assert call("exp", x) is start.outputs[0]
        graph = builder.finish([call("exp", x) * 2.0])
    assert names(graph) == ["exp", "multiply"]
    assert graph.inputs == start.inputs
    assert names(start) == ["exp"]


def test_what_the_outputs_do_not_need_is_dropped() -> None:
    with Builder() as builder:
        x = builder.input(REAL)
        call("sin", x)
        graph = builder.finish([call("cos", x)])
    assert names(graph) == ["cos"]
    assert graph.inputs == (x,)


@pytest.mark.parametrize(
    ("a", "b", "same"),
    [
        (1.0, 1.0, True),
        (1.0, 1, False),
        (1, True, False),
        (0.0, -0.0, False),
        (np.nan, np.nan, True),
        ([1.0, 2.0], [1.0, 2.0], True),
        ([1.0, 2.0], [[1.0, 2.0]], False),
    ],
)
def test_equal_constants_are_one(a: Any, b: Any, same: bool) -> None:
    with Builder() as builder:
        assert (builder.constant(a) is builder.constant(b)) == same


@pytest.mark.parametrize(
    "make",
    [
        lambda k: [float(k)] * 2_000,
        lambda k: np.full(2_000, k, dtype=np.int32),
        lambda k: np.full((2_000, 1), k).reshape(1, 2_000),
        lambda k: np.full(4_000, k)[::2],
    ],
)
def test_large_constants_made_in_passing_are_told_apart(make: Callable[[int], Any]) -> None:
    with Builder() as builder:
        found = [builder.constant(make(k)) for k in range(50)]
    assert [np.ravel(value.constant)[0] for value in found if value.constant is not None] == list(range(50))


def test_constants_cannot_be_written_to() -> None:
    with Builder() as builder:
        value = builder.constant([1.0, 2.0])
    assert value.constant is not None
    with pytest.raises(ValueError, match="read-only"):
        value.constant[0] = 5.0


# ---- limits ----


@pytest.mark.parametrize(
    "build",
    [
        lambda x, y: call("outer", x, y),
        lambda x, y: x + call("reshape", y, (10_000_000, 1)),
        lambda x, y: call("broadcast_to", x, (1_000, 10_000_000)),
        lambda x, y: call("tile", x, 1_000),
        lambda x, y: call("repeat", x, 1_000),
        lambda x, y: call("concatenate", [call("broadcast_to", x, (6, 10_000_000))] * 3),
        lambda x, y: call("zeros", (1_000, 1_000, 1_000)),
        lambda x, y: call("ones", 10**15),
        lambda x, y: call("eye", 10**5),
        lambda x, y: call("arange", 10**12),
        lambda x, y: call("linspace", constant(0.0), constant(1.0), 10**12),
        lambda x, y: call("diag", x),
        lambda x, y: call("pad", x, 10**9),
    ],
)
def test_arrays_are_refused_before_they_are_made(build: Callable[[Value, Value], Value]) -> None:
    tracemalloc.start()
    try:
        with Builder() as builder:
            x, y = (builder.input(Type("real", (10_000_000,))) for _ in range(2))
            builder.span = Span(3, 7)
            with pytest.raises(LimitExceeded) as caught:
                build(x, y)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 5_000_000
    assert caught.value.span == Span(3, 7)
    limit = caught.value.limit
    assert limit is not None
    assert (limit.name, limit.value) == ("array_bytes", Limits().array_bytes)
    assert limit.given is not None
    assert limit.given > limit.value


def test_numbers_are_never_too_large() -> None:
    with Builder(Limits(array_bytes=0)) as builder:
        builder.finish([builder.input(REAL) * 2.0])


def test_the_number_of_nodes_is_limited() -> None:
    with Builder(Limits(nodes=10)) as builder:
        x = builder.input(REAL)
        builder.span = Span(1, 2)
        with pytest.raises(LimitExceeded) as caught:
            sines(x, 100)
        assert len(builder.nodes) == 10
    assert caught.value.limit is not None
    assert (caught.value.limit.name, caught.value.limit.value) == ("nodes", 10)
    assert caught.value.span == Span(1, 2)


@pytest.mark.parametrize("spent", ["cancelled", "out of time"])
def test_building_looks_at_its_budget(spent: str) -> None:
    budget = Budget.starting_now(60.0)
    with Builder(budget=budget) as builder:
        x = call("sin", builder.input(REAL))
        if spent == "cancelled":
            budget.cancelled = True
        else:
            budget.deadline = 0.0
        with pytest.raises(BudgetExceeded):
            sines(x, 2_000)
        assert len(builder.nodes) <= 256


def test_a_fault_of_types_gets_the_place_of_the_node() -> None:
    with Builder() as builder:
        x, y = builder.input(Type("real", (2,))), builder.input(Type("real", (3,)))
        builder.span = Span(4, 9)
        with pytest.raises(ShapeMismatch) as caught:
            x + y
    assert caught.value.span == Span(4, 9)


# ---- places ----


def test_nodes_carry_the_place_where_they_were_emitted() -> None:
    with Builder() as builder:
        x = builder.input(REAL)
        with builder.at(Span(0, 5)):
            a = call("sin", x)
            with builder.at(None):
                b = call("cos", x)
            with builder.at(Span(1, 2)):
                c = call("tan", x)
            d = call("exp", x)
        e = call("log", x)
    assert [v.span for v in (a, b, c, d, e)] == [Span(0, 5), Span(0, 5), Span(1, 2), Span(0, 5), None]


# ---- which builder ----


def test_without_a_builder_nothing_is_emitted() -> None:
    with Builder() as builder:
        x = builder.input(REAL)
    with pytest.raises(EngineFault):
        x + 1.0
    with pytest.raises(EngineFault):
        current()


def test_builders_nest_and_the_innermost_wins() -> None:
    with Builder() as outer:
        x = outer.input(REAL)
        a = call("sin", x)
        with Builder() as inner:
            y = inner.input(REAL)
            b = call("sin", y)
            assert current() is inner
        assert current() is outer
        c = call("cos", x)
        assert call("sin", x) is a
    assert [node.outputs[0] for node in outer.nodes] == [a, c]
    assert [node.outputs[0] for node in inner.nodes] == [b]
    check(outer.finish([c]))
    check(inner.finish([b]))


def test_a_builder_that_fails_gives_way() -> None:
    with Builder() as outer:
        with pytest.raises(ZeroDivisionError), Builder():
            raise ZeroDivisionError
        assert current() is outer


def test_every_thread_has_a_builder_of_its_own() -> None:
    count, steps = 8, 60
    together = threading.Barrier(count)
    graphs: dict[int, Graph] = {}

    def build(number: int) -> None:
        with Builder() as builder:
            x = value = builder.input(REAL)
            for step in range(steps):
                if step % 10 == 0:
                    together.wait(20.0)
                value = call("sin", value) * float(number)
            assert value is not x
            graphs[number] = builder.finish([value])

    threads = [threading.Thread(target=build, args=(number,)) for number in range(2, 2 + count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60.0)
    assert sorted(graphs) == list(range(2, 2 + count))
    for number, graph in graphs.items():
        check(graph)
        assert names(graph) == ["sin", "multiply"] * steps
        constants = {float(v.constant) for node in graph.nodes for v in node.inputs if v.constant is not None}
        assert constants == {float(number)}
