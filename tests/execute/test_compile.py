"""Executables: registers are cleared, the peak is known beforehand, budgets stop a run, threads get the same bits."""

from __future__ import annotations

import threading
import tracemalloc
import weakref
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from engine.derive.reverse import gradient
from engine.errors import BudgetExceeded, LimitExceeded
from engine.execute.compile import CALL_NANOSECONDS, CHECK_NANOSECONDS, as_argument, compile_graph, may_kink
from engine.graph.build import Builder
from engine.graph.primitive import Primitive
from engine.graph.types import Type
from engine.graph.values import Graph, Value
from engine.limits import Budget, Limits
from engine.primitives.table import FUNCTIONS
from tests.asking import graph_of_text, value

MEGABYTE = 2**20
LARGE = np.linspace(0.1, 0.9, MEGABYTE // 8)
"""An array of one megabyte."""


def call(name: str, *arguments: Any, **parameters: Any) -> Any:
    """A function of the language."""
    return FUNCTIONS[name].build(*arguments, **parameters)


def gradient_graph(text: str, at: dict[str, Any]) -> tuple[Graph, list[Any]]:
    """Value and gradient of an expression, and the arguments."""
    graph, arguments = graph_of_text(text, at)
    return gradient(graph, range(len(arguments))).graph, [a[()] for a in arguments]


# ---- memory ----

CHAIN = "sum(" + "sin(" * 20 + "x" + ")" * 20 + ")"
MEMORY = [
    # what is computed, and how many megabytes are live at once beside the inputs
    (graph_of_text, CHAIN, 2.0),
    (gradient_graph, CHAIN, 22.0),
    (graph_of_text, "sum(x*x + x*2 + x*3)", 3.0),
    (graph_of_text, "sum(exp(x) * sin(x) * cos(x))", 3.0),
    (graph_of_text, "x + 1", 1.0),
    (gradient_graph, "sum(x^2)", 2.0),
]


@pytest.mark.parametrize(("make", "text", "live"), MEMORY, ids=[f"{m.__name__}-{t[:24]}" for m, t, _ in MEMORY])
def test_the_peak_is_that_of_the_live_values_and_known_beforehand(make: Any, text: str, live: float) -> None:
    graph, arguments = make(text, {"x": LARGE})
    executable = compile_graph(graph)
    executable(arguments)
    tracemalloc.start()
    try:
        executable(arguments)
        measured = tracemalloc.get_traced_memory()[1] / MEGABYTE
    finally:
        tracemalloc.stop()
    assert measured <= live * 1.1 + 0.1
    estimate = executable.peak_bytes / MEGABYTE - 1.0
    assert measured * 0.95 <= estimate <= measured * 1.5 + 1.0


def test_nothing_is_kept_after_a_run() -> None:
    graph, _ = graph_of_text("sum(sin(x))", {"x": LARGE})
    executable = compile_graph(graph)
    argument = LARGE.copy()
    alive = weakref.ref(argument)
    executable([argument])
    del argument
    assert alive() is None


def test_arguments_are_not_written_to() -> None:
    graph, _ = gradient_graph("sum(sort(x)^2 + cumsum(x)*x)", {"x": LARGE})
    given = LARGE.copy()
    given.flags.writeable = False
    compile_graph(graph)([given])
    np.testing.assert_array_equal(given, LARGE)


def test_too_much_memory_is_refused_before_it_is_taken() -> None:
    with Builder() as builder:
        x = builder.input(Type("real", (1,)))
        parts = [call("sin", call("broadcast_to", x + float(k), (2**24,))) for k in range(40)]
        total = parts[0]
        for part in parts[1:]:
            total = call("maximum", total, part)
        early = builder.finish([call("sum", total)])
        late = builder.finish([call("stack", [call("sum", p) for p in parts]), *parts])
    assert compile_graph(early, Limits(run_bytes=2**40)).peak_bytes > 2**30
    tracemalloc.start()
    try:
        with pytest.raises(LimitExceeded) as caught:
            compile_graph(late, Limits())
        assert tracemalloc.get_traced_memory()[1] < 2 * MEGABYTE
    finally:
        tracemalloc.stop()
    limit = caught.value.limit
    assert limit is not None
    assert (limit.name, limit.value) == ("run_bytes", Limits().run_bytes)
    assert limit.given is not None
    assert limit.given > limit.value


# ---- what comes out ----


def test_outputs_may_be_inputs_constants_intermediates_and_the_same_twice() -> None:
    with Builder() as builder:
        x = builder.input(Type("real", (MEGABYTE,)))
        y = call("sin", x)
        z = call("cos", y)
        graph = builder.finish([x, builder.constant(2.5), y, z, y])
    given = np.linspace(0.0, 1.0, MEGABYTE)
    outputs, met, _ = compile_graph(graph)([given])
    assert outputs[0] is given
    assert outputs[1] == 2.5
    np.testing.assert_array_equal(outputs[2], np.sin(given))
    np.testing.assert_array_equal(outputs[3], np.cos(np.sin(given)))
    assert outputs[4] is outputs[2]
    assert not met


def test_nodes_with_several_outputs_fill_their_registers() -> None:
    graph, arguments = graph_of_text("slogdet(A)[0] * 10 + slogdet(A)[1]", {"A": [[0.0, 1.0], [1.0, 0.0]]})
    assert compile_graph(graph)(arguments)[0] == [-10.0]


def test_an_argument_too_few_is_an_error() -> None:
    graph, _ = graph_of_text("x + y", {"x": 1.0, "y": 2.0})
    with pytest.raises(ValueError, match="zip"):
        compile_graph(graph)([1.0])


@pytest.mark.parametrize(
    ("x", "fires"), [([1.0, -2.0], False), ([1.0, 0.0], True), ([np.nan, 1.0], False), ([-0.0, 1.0], True)]
)
def test_a_watch_fires_at_a_kink(x: list[float], fires: bool) -> None:
    graph, _ = graph_of_text("sum(abs(x))", {"x": x})
    watched = frozenset(node for node in graph.nodes if may_kink(node))
    assert [node.primitive.name for node in watched] == ["abs"]
    assert compile_graph(graph, watched=watched)([np.array(x)])[1] == fires
    assert compile_graph(graph)([np.array(x)])[1] is False


@pytest.mark.parametrize(("x", "y", "fires"), [(1.0, 2.0, False), (1.0, 1.0, True)])
def test_a_watch_fires_at_a_tie_of_a_comparison(x: float, y: float, fires: bool) -> None:
    graph, arguments = graph_of_text("where(x < y, 1, 2)", {"x": x, "y": y})
    watched = frozenset(node for node in graph.nodes if may_kink(node))
    assert compile_graph(graph, watched=watched)([a[()] for a in arguments])[1] == fires


@pytest.mark.parametrize(
    ("given", "type", "expected"),
    [
        (2, Type("real", ()), np.float64(2.0)),
        (2.0, Type("int", ()), np.int64(2)),
        (1, Type("bool", ()), np.bool_(True)),
        (np.float32(0.5), Type("real", ()), np.float64(0.5)),
        ([1, 2], Type("real", (2,)), np.array([1.0, 2.0])),
    ],
)
def test_arguments_are_brought_to_their_types(given: Any, type: Type, expected: Any) -> None:
    found = as_argument(given, Value(type, None))
    assert found.__class__ is expected.__class__
    assert found.dtype == expected.dtype
    np.testing.assert_array_equal(found, expected)


# ---- budgets ----


class Tape:
    """Primitives that count their runs, each in a block of its own; at one of them something happens."""

    def __init__(self, happens: Callable[[], None], at: int = 3, nanoseconds: float = CHECK_NANOSECONDS) -> None:
        self.runs = 0
        self._happens = happens
        self._at = at
        self.primitive = Primitive(
            "counting", infer=lambda x, *, number: (x,), value=self._count, cost=lambda node: nanoseconds
        )

    def _count(self, x: Any, *, number: int) -> Any:
        self.runs += 1
        if self.runs == self._at:
            self._happens()
        return x

    def graph(self, count: int) -> Graph:
        """A chain of them."""
        with Builder() as builder:
            x = value = builder.input(Type("real", ()))
            for number in range(count):
                value = self.primitive(value, number=number)
            assert value is not x
            return builder.finish([value])


@pytest.mark.parametrize("end", ["cancelled", "out of time"])
def test_a_run_ends_at_the_next_look_at_its_budget(end: str) -> None:
    budget = Budget.starting_now(60.0)

    def happen() -> None:
        if end == "cancelled":
            budget.cancelled = True
        else:
            budget.deadline = 0.0

    tape = Tape(happen)
    executable = compile_graph(tape.graph(20))
    with pytest.raises(BudgetExceeded) as caught:
        executable([1.0], budget)
    assert tape.runs == 3
    assert (caught.value.limit is None) == (end == "cancelled")


def test_a_run_without_a_budget_runs_to_its_end() -> None:
    tape = Tape(lambda: None)
    compile_graph(tape.graph(20))([1.0])
    assert tape.runs == 20


def test_another_thread_withdraws_a_run() -> None:
    begun, withdrawn = threading.Event(), threading.Event()

    def happen() -> None:
        begun.set()
        assert withdrawn.wait(20.0)

    tape, budget = Tape(happen), Budget.starting_now(60.0)
    executable = compile_graph(tape.graph(20))
    ends: list[BaseException] = []

    def run() -> None:
        try:
            executable([1.0], budget)
        except BudgetExceeded as error:
            ends.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    assert begun.wait(20.0)
    budget.cancelled = True
    withdrawn.set()
    thread.join(20.0)
    assert len(ends) == 1
    assert tape.runs == 3


def test_the_budget_is_looked_at_about_once_per_millisecond_of_estimated_work() -> None:
    count = 10_000
    graph = Tape(lambda: None, nanoseconds=0.0).graph(count)
    executable = compile_graph(graph)
    assert executable.seconds == pytest.approx(count * CALL_NANOSECONDS * 1e-9)
    assert len(executable.blocks) == pytest.approx(count * CALL_NANOSECONDS / CHECK_NANOSECONDS, abs=1)
    assert sum(map(len, executable.blocks)) == count


def test_a_run_of_many_nodes_does_not_outlive_its_deadline() -> None:
    with Builder() as builder:
        x = builder.input(Type("real", (1_000,)))
        for _ in range(10_000):
            x = call("tan", x)
        executable = compile_graph(builder.finish([call("sum", x)]))
    budget = Budget.starting_now(0.002)
    with pytest.raises(BudgetExceeded) as caught:
        executable([np.ones(1_000)], budget)
    assert caught.value.limit is not None
    assert (caught.value.limit.name, caught.value.limit.value) == ("run_seconds", 0.002)


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("trace(inv(eye(6000)))", "inv(eye(6000))"),
        ("1 + sum(eye(8000) @ eye(8000))", "eye(8000) @ eye(8000)"),
        ("sum(svdvals(ones((5000, 5000))))", "svdvals(ones((5000, 5000)))"),
    ],
)
def test_one_operation_that_takes_too_long_is_refused_before_it_runs(text: str, place: str) -> None:
    with pytest.raises(BudgetExceeded) as caught:
        value(text)
    assert caught.value.span is not None
    assert text[caught.value.span.start : caught.value.span.end] == place
    limit = caught.value.limit
    assert limit is not None
    assert limit.name == "run_seconds"
    assert limit.given is not None
    assert limit.given > limit.value


def test_the_estimate_grows_with_the_elements() -> None:
    seconds = [compile_graph(graph_of_text("sum(sin(x))", {"x": np.ones(n)})[0]).seconds for n in (1, 10**4, 10**6)]
    assert seconds[0] < seconds[1] / 5
    assert seconds[1] < seconds[2] / 50


# ---- threads ----


def test_threads_share_an_executable_and_get_the_same_bits() -> None:
    text = "sum(softmax(A @ x) * log(1 + x^2)) + norm(cumsum(sin(x)))/det(A) + sort(x)[1]"
    draw = np.random.default_rng(5)
    points = [[draw.normal(size=(40, 40)), draw.normal(size=40)] for _ in range(4)]
    graph, _ = gradient_graph(text, {"A": points[0][0], "x": points[0][1]})
    executable = compile_graph(graph, watched=frozenset(n for n in graph.nodes if may_kink(n)))

    def bits(point: list[Any]) -> list[bytes]:
        return [np.asarray(output).tobytes() for output in executable(point, Budget.starting_now(60.0))[0]]

    expected = [bits(point) for point in points]
    assert len({tuple(e) for e in expected}) == len(points)
    count = 8
    together, wrong = threading.Barrier(count), []

    def work(number: int) -> None:
        together.wait(20.0)
        for step in range(40):
            which = (number + step) % len(points)
            if bits(points[which]) != expected[which]:
                wrong.append((number, step))

    threads = [threading.Thread(target=work, args=(number,)) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60.0)
    assert wrong == []
