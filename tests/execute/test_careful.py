"""The careful interpreter: births of numbers that are not finite, zeros that hide something, kinks that matter."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

from engine.derive.reverse import gradient
from engine.errors import BudgetExceeded, ShapeMismatch
from engine.execute.careful import run_carefully
from engine.execute.compile import compile_graph
from engine.limits import Budget
from engine.question import Answer, Warning
from tests.asking import codes, grad, graph_of_text

INF, NAN = math.inf, math.nan

ABOUT_THE_POINT = ("non-finite", "singular", "kink")


def met(answer: Answer) -> list[Warning]:
    """The warnings about the point, as opposed to those about the text."""
    return [warning for warning in answer.warnings if warning.code in ABOUT_THE_POINT]


def place(text: str, warning: Warning) -> str:
    """The stretch of text that a warning points at."""
    assert warning.span is not None
    return text[warning.span.start : warning.span.end]


# ---- births ----


@dataclass(frozen=True)
class Born:
    """An expression whose answer is not finite, and where that began."""

    text: str
    at: Mapping[str, Any]
    where: str
    operation: str
    phase: str
    arguments: list[float]
    result: float
    position: tuple[int, ...] = ()
    batch: bool = False


BIRTHS = [
    Born("1 + log(x)", {"x": -1.0}, "log(x)", "log", "forward", [-1.0], NAN),
    Born("1 + log(x)", {"x": 0.0}, "log(x)", "log", "forward", [0.0], -INF),
    Born("2*(x/y)", {"x": 1.0, "y": 0.0}, "x/y", "divide", "forward", [1.0, 0.0], INF),
    Born("2*(x/y)", {"x": 0.0, "y": 0.0}, "x/y", "divide", "forward", [0.0, 0.0], NAN),
    Born("exp(1000*x) - exp(900*x)", {"x": 1.0}, "exp(1000*x)", "exp", "forward", [1000.0], INF),
    Born("x^y + 1", {"x": -2.0, "y": 0.5}, "x^y", "power", "forward", [-2.0, 0.5], NAN),
    Born("(x*y)*2", {"x": 1e200, "y": 1e200}, "x*y", "multiply", "forward", [1e200, 1e200], INF),
    Born("log(x) + sqrt(y)", {"x": -1.0, "y": -2.0}, "log(x)", "log", "forward", [-1.0], NAN),
    Born("sqrt(y) + log(x)", {"x": -1.0, "y": -2.0}, "sqrt(y)", "sqrt", "forward", [-2.0], NAN),
    Born("3*sqrt(x)", {"x": 0.0}, "sqrt(x)", "sqrt", "backward", [0.5, 0.0], INF),
    Born("1 + asin(x)", {"x": 1.0}, "asin(x)", "asin", "backward", [0.0], INF),
    Born("x^(1/3) + x", {"x": 0.0}, "x^(1/3)", "power", "backward", [0.0, 1 / 3 - 1], INF),
    Born("sum(log(x))", {"x": [1.0, 2.0, -3.0, 0.0]}, "log(x)", "log", "forward", [-3.0], NAN, (2,)),
    Born("sum(log(x)^2)", {"x": [[1.0, 2.0], [-3.0, 0.0]]}, "log(x)", "log", "forward", [-3.0], NAN, (1, 0)),
    Born("sum(sqrt(x))", {"x": [4.0, 9.0, 0.0]}, "sqrt(x)", "sqrt", "backward", [0.5, 0.0], INF, (2,)),
    Born("sum(x[:, None]/y)", {"x": [1.0, 2.0], "y": [1.0, 0.0, 3.0]}, "x[:, None]/y", "divide", "forward",
         [1.0, 0.0], INF, (0, 1)),
    Born("sum(y/x[:, None])", {"x": [1.0, 0.0], "y": [4.0, 5.0]}, "y/x[:, None]", "divide", "forward",
         [4.0, 0.0], INF, (1, 0)),
    Born("log(x)*y", {"x": [1.0, 2.0, -1.0], "y": [1.0, 2.0, 3.0]}, "log(x)", "log", "forward",
         [-1.0], NAN, (2,), True),
    Born("sum(log(x))", {"x": [[1.0, 2.0], [3.0, -4.0]]}, "log(x)", "log", "forward", [-4.0], NAN, (1, 1), True),
    Born("sqrt(x)*2", {"x": [1.0, 0.0]}, "sqrt(x)", "sqrt", "backward", [0.5, 0.0], INF, (1,), True),
    Born("where(x > 0, x, sqrt(x))", {"x": -1.0}, "sqrt(x)", "sqrt", "forward", [-1.0], NAN),
]  # fmt: skip


@pytest.mark.parametrize("born", BIRTHS, ids=[f"{b.text} at {list(b.at.values())}" for b in BIRTHS])
def test_the_first_number_that_is_not_finite_is_traced_to_its_birth(born: Born) -> None:
    answer = grad(born.text, born.at, batch=born.batch)
    warning = next(w for w in answer.warnings if w.code == "non-finite")
    assert place(born.text, warning) == born.where
    assert warning.extra["operation"] == born.operation
    assert warning.extra["phase"] == born.phase
    np.testing.assert_array_equal(warning.extra["arguments"], born.arguments)
    np.testing.assert_array_equal(warning.extra["result"], born.result)
    assert warning.extra["position"] == list(born.position)


@pytest.mark.parametrize(
    ("text", "at"), [("x*2", {"x": INF}), ("x - x", {"x": INF}), ("log(x)", {"x": NAN}), ("inf + x", {"x": 1.0})]
)
def test_what_came_in_was_not_born_here(text: str, at: Mapping[str, Any]) -> None:
    (warning,) = met(grad(text, at))
    assert warning.code == "non-finite"
    assert warning.span is None
    assert warning.extra == {}
    assert "input" in warning.message


def test_a_birth_among_constants_is_found() -> None:
    (warning,) = met(grad("x + digamma(-3)", {"x": 1.0}))
    assert warning.extra["operation"] == "digamma"
    assert warning.extra["arguments"] == [-3.0]
    assert warning.span is not None


def test_a_birth_behind_an_infinite_input_is_found() -> None:
    text = "sum(log(x) + y)"
    answer = grad(text, {"x": [1.0, -1.0, 2.0], "y": [INF, 1.0, 1.0]})
    warning = next(w for w in answer.warnings if w.code == "non-finite")
    assert place(text, warning) == "log(x)"
    assert warning.extra["position"] == [1]


def test_a_domain_is_named() -> None:
    (warning,) = met(grad("log(x)", {"x": -1.0}))
    assert warning.message == "log(-1.0) is NaN. Its domain is x > 0."


# ---- branches that were not taken ----

SILENT: list[tuple[str, Mapping[str, Any], Mapping[str, Any]]] = [
    ("where(x > 0, sqrt(x), 0)", {"x": -1.0}, {"x": 0.0}),
    ("where(x > 0, log(x), x)", {"x": -1.0}, {"x": 1.0}),
    ("where(x > 1, sqrt(x), 0)", {"x": 0.0}, {"x": 0.0}),
    ("where(x > 1, 1/x, 3*x)", {"x": 0.0}, {"x": 3.0}),
    ("log(x) if x > 0 else x^2", {"x": -1.0}, {"x": -2.0}),
    ("where(x < 700, exp(x), 0)", {"x": 1000.0}, {"x": 0.0}),
    ("where(x > 1, x^0.5, 0)", {"x": 0.0}, {"x": 0.0}),
    ("where(x > 1, x^y, 0)", {"x": 0.0, "y": 0.5}, {"x": 0.0, "y": 0.0}),
    ("where(x > 1, sqrt(sqrt(x)), 0)", {"x": 0.0}, {"x": 0.0}),
    ("where(x > 1, x/sqrt(x), 0)", {"x": 0.0}, {"x": 0.0}),
    ("where(x > 1, where(x > 2, 1/x, sqrt(x)), 0)", {"x": 0.0}, {"x": 0.0}),
    ("where(x > 1, sqrt(x), 0) * 3 + 2", {"x": 0.0}, {"x": 0.0}),
    ("where(x > 1, sqrt(x), 0)^2", {"x": 0.0}, {"x": 0.0}),
    ("sum(where(x > 1, log(x), x))", {"x": [-1.0, 0.0, 2.0]}, {"x": [1.0, 1.0, 0.5]}),
    ("sum(where(x > 1, sqrt(x), 0) * y)", {"x": [0.0, 4.0], "y": [1.0, 2.0]}, {"x": [0.0, 0.5], "y": [0.0, 2.0]}),
    ("max(exp(x), 5, 1)", {"x": -1000.0}, {"x": 0.0}),
    ("maximum(sqrt(x), 1)", {"x": 0.0}, {"x": 0.0}),
    ("minimum(sqrt(x), -1)", {"x": 0.0}, {"x": 0.0}),
    ("clip(sqrt(x), 1, 2)", {"x": 0.0}, {"x": 0.0}),
]


@pytest.mark.parametrize(("text", "at", "gradients"), SILENT, ids=[f"{text} at {at}" for text, at, _ in SILENT])
def test_a_branch_that_was_not_taken_is_silent(text: str, at: Mapping[str, Any], gradients: Mapping[str, Any]) -> None:
    answer = grad(text, at)
    assert met(answer) == []
    assert answer.grad is not None
    for name, expected in gradients.items():
        np.testing.assert_array_equal(answer.grad[name], expected)


ROOTS = {"x": [0.0, 1.0, 0.0, 4.0], "m": [0.0, 0.0, 0.0, 0.0]}
STRUCTURES = [
    # what stands in the branch that is not taken; the mask that chooses has its shape
    ("reshape(sqrt(x), (2, 2))", "reshape(m, (2, 2))"),
    ("transpose(reshape(sqrt(x), (2, 2)))", "reshape(m, (2, 2))"),
    ("flip(sqrt(x))", "m"),
    ("roll(sqrt(x), 1)", "m"),
    ("-sqrt(x)", "m"),
    ("sqrt(x) - x", "m"),
    ("sqrt(x)/2", "m"),
    ("x*sqrt(x)*x", "m"),
    ("sqrt(x)[:2]", "m[:2]"),
    ("sqrt(x)[::-2]", "m[:2]"),
    ("sqrt(x)[0]", "m[0]"),
    ("sqrt(x[0])", "m[0]"),
    ("sqrt(x)[:, None]", "m[:, None]"),
    ("sqrt(x)[:, None] * x", "m[:, None] * m"),
    ("sum(sqrt(x))", "m[0]"),
    ("sum(reshape(sqrt(x), (2, 2)), axis=1)", "m[:2]"),
    ("mean(sqrt(x))", "m[0]"),
    ("max(sqrt(x[[0, 2]]))", "m[0]"),
    ("prod(sqrt(x))", "m[0]"),
    ("norm(sqrt(x))", "m[0]"),
    ("sqrt(x) @ x", "m[0]"),
    ("[sqrt(x[0]), sqrt(x[2])]", "m[:2]"),
    ("concatenate([sqrt(x), x])", "concatenate([m, m])"),
    ("tile(sqrt(x), 2)", "tile(m, 2)"),
    ("pad(sqrt(x), 1)", "pad(m, 1)"),
    ("diag(sqrt(x))", "diag(m)"),
    ("outer(sqrt(x), x)", "outer(m, m)"),
    ("softmax(sqrt(x))", "m"),
    ("where(m > 2, 0, sqrt(x))", "m"),
    ("sqrt(x)[[0, 2]]", "m[:2]"),
    ("take(sqrt(x), [0, 2])", "m[:2]"),
    ("sort(sqrt(x))", "m"),
    ("cumsum(sqrt(x))", "m"),
    ("var(sqrt(x))", "m[0]"),
    ("einsum('i,i->', sqrt(x), x)", "m[0]"),
]


@pytest.mark.parametrize(("branch", "mask"), STRUCTURES, ids=[branch for branch, _ in STRUCTURES])
def test_a_branch_that_was_not_taken_is_silent_behind_any_structure(branch: str, mask: str) -> None:
    text = f"sum(where({mask} > 1, {branch}, 0))"
    answer = grad(text, ROOTS)
    assert answer.grad is not None
    np.testing.assert_array_equal(answer.grad["x"], np.zeros(4))
    assert met(answer) == []


@pytest.mark.parametrize(("branch", "mask"), STRUCTURES, ids=[row[0] for row in STRUCTURES])
def test_the_same_structure_with_the_branch_taken_is_not_silent(branch: str, mask: str) -> None:
    answer = grad(f"sum(where({mask} > -1, {branch}, 0))", ROOTS)
    assert met(answer) != []


@pytest.mark.parametrize("text", ["sum(where(c > 1, sqrt(x), 0))", "sum(sqrt(x) if c > 1 else 0)"])
def test_a_condition_may_be_smaller_than_what_it_chooses(text: str) -> None:
    answer = grad(text, {"x": [0.0, 1.0], "c": 0.5})
    assert answer.grad is not None
    np.testing.assert_array_equal(answer.grad["x"], [0.0, 0.0])
    assert met(answer) == []


def test_elements_taken_and_not_taken_are_told_apart() -> None:
    text = "sum(where(m > 1, sqrt(x), 0))"
    answer = grad(text, {"x": [0.0, 1.0, 0.0], "m": [0.0, 2.0, 2.0]})
    assert answer.grad is not None
    np.testing.assert_array_equal(answer.grad["x"], [0.0, 0.5, INF])
    assert [warning.code for warning in met(answer)] == ["non-finite"]


def test_a_birth_is_named_where_it_matters() -> None:
    (warning,) = met(grad("sum(where(m > 1, sqrt(x), 0))", {"x": [0.0, 1.0, 0.0], "m": [0.0, 2.0, 2.0]}))
    assert warning.extra["position"] == [2]


def test_what_one_use_does_not_take_another_may() -> None:
    answer = grad("where(x > 1, sqrt(x), 0) + sqrt(x)", {"x": 0.0})
    assert answer.grad is not None
    assert answer.grad["x"] == INF
    assert codes(answer) == ["non-finite"]


# ---- zeros that hide something ----


@pytest.mark.parametrize(
    ("text", "at", "where"),
    [
        ("sqrt(x)^2", {"x": 0.0}, "sqrt(x)"),
        ("y*sqrt(x)", {"x": 0.0, "y": 0.0}, "sqrt(x)"),
        ("0*sqrt(x)", {"x": 0.0}, "sqrt(x)"),
        ("sum(sqrt(x)^2)", {"x": [1.0, 0.0]}, "sqrt(x)"),
        ("x*sqrt(x)", {"x": 0.0}, "sqrt(x)"),
        ("sum(reshape(sqrt(x), (2, 2))[0]^3)", {"x": [1.0, 0.0, 1.0, 1.0]}, "sqrt(x)"),
        ("sqrt(x)^2", {"x": [4.0, 0.0]}, "sqrt(x)"),
    ],
)
def test_a_zero_that_beats_infinity_is_told(text: str, at: Mapping[str, Any], where: str) -> None:
    answer = grad(text, at, batch=text == "sqrt(x)^2" and np.ndim(at["x"]) == 1)
    (warning,) = met(answer)
    assert warning.code == "singular"
    assert place(text, warning) == where
    assert answer.grad is not None
    assert np.all(np.isfinite(answer.grad["x"]))


def test_a_sum_of_zeros_is_that_of_branches_not_taken_only_if_all_are() -> None:
    text = "sum(where(m > 1, sqrt(x)[:, None] * [1, -1, 5], 0))"
    (warning,) = met(grad(text, {"x": [0.0], "m": [[2.0, 2.0, 0.0]]}))
    assert (warning.code, place(text, warning)) == ("singular", "sqrt(x)")
    assert met(grad(text, {"x": [0.0], "m": [[0.0, 0.0, 0.0]]})) == []


@pytest.mark.parametrize(
    ("text", "at", "code"),
    [
        ("where(x == 1, 1, x^2)", {"x": 1.0}, "singular"),
        ("where(x != 1, x^2, 1)", {"x": 1.0}, "singular"),
        ("where(x > 1, 1, x^2)", {"x": 1.0}, "kink"),
        ("where(x <= 1, x, x^2)", {"x": 1.0}, "kink"),
        ("x if x < 1 else x^2", {"x": 1.0}, "kink"),
        ("where(x == y, x, y)", {"x": 2.0, "y": 2.0}, "singular"),
    ],
)
def test_a_point_on_the_boundary_of_a_condition_is_told(text: str, at: Mapping[str, Any], code: str) -> None:
    answer = grad(text, at)
    (warning,) = met(answer)
    assert warning.code == code
    assert any(sign in place(text, warning) for sign in ("=", "<", ">"))
    assert met(grad(text, {**at, "x": 1.5})) == []


@pytest.mark.parametrize(
    ("text", "at", "where"),
    [
        ("1/exp(x)", {"x": 1000.0}, "exp(x)"),
        ("tanh(exp(x))", {"x": 1000.0}, "exp(x)"),
        ("exp(-exp(x))", {"x": 1000.0}, "exp(x)"),
        ("sum(1/exp(x))", {"x": [1.0, 1000.0]}, "exp(x)"),
        ("atan(x^2)", {"x": 1e200}, "x^2"),
        ("atan(1/x)", {"x": 0.0}, "1/x"),
    ],
)
def test_an_overflow_that_vanishes_again_is_told(text: str, at: Mapping[str, Any], where: str) -> None:
    answer = grad(text, at)
    assert np.isfinite(answer.value)
    told = [w for w in met(answer) if w.code == "non-finite"]
    assert len(told) == 1
    assert place(text, told[0]) == where
    assert "may have lost digits" in told[0].message


@pytest.mark.parametrize("text", ["minimum(exp(x), 1)", "clip(exp(x), 0, 1)", "relu(-exp(x))"])
def test_an_overflow_that_was_not_chosen_is_silent(text: str) -> None:
    assert met(grad(text, {"x": 1000.0})) == []


# ---- kinks ----


@pytest.mark.parametrize(
    ("text", "at"),
    [
        ("abs(x)*0", {"x": 0.0}),
        ("abs(x)^2", {"x": 0.0}),
        ("relu(x)*y", {"x": 0.0, "y": 0.0}),
        ("sum(abs(x)*w)", {"x": [0.0, 1.0], "w": [0.0, 1.0]}),
        ("where(x > 1, abs(x), 0)", {"x": 0.0}),
        ("where(abs(x) > 1, 1, x)", {"x": 0.0}),
        ("max(x)*0 + x[0]", {"x": [1.0, 1.0]}),
        ("abs(2 - 2) + x", {"x": 1.0}),
        ("abs(n)*x[n]", {"x": [1.0], "n": 0}),
        ("x[0] + abs(0*1)", {"x": [1.0]}),
    ],
)
def test_a_kink_that_the_gradient_does_not_depend_on_is_silent(text: str, at: Mapping[str, Any]) -> None:
    assert met(grad(text, at)) == []


@pytest.mark.parametrize(
    ("text", "at", "where", "count", "position"),
    [
        ("abs(x) + abs(y)", {"x": 0.0, "y": 1.0}, "abs(x)", 1, []),
        ("2*relu(x)", {"x": 0.0}, "relu(x)", 1, []),
        ("sum(abs(x))", {"x": [1.0, 0.0, 0.0]}, "abs(x)", 2, [1]),
        ("sum(abs(x))", {"x": [[1.0, 2.0], [3.0, 0.0]]}, "abs(x)", 1, [1, 1]),
        ("maximum(x, y)", {"x": 1.0, "y": 1.0}, "maximum(x, y)", 1, []),
        ("max(x)", {"x": [1.0, 2.0, 2.0]}, "max(x)", 1, []),
        ("norm(x)", {"x": [0.0, 0.0]}, "norm(x)", 1, []),
        ("clip(x, 0, 1)", {"x": 1.0}, "clip(x, 0, 1)", 1, []),
        ("floor(x) + x", {"x": 2.0}, "floor(x)", 1, []),
    ],
)
def test_a_kink_is_told_with_its_place_and_count(
    text: str, at: Mapping[str, Any], where: str, count: int, position: list[int]
) -> None:
    (warning,) = met(grad(text, at))
    assert warning.code == "kink"
    assert place(text, warning) == where
    assert (warning.extra["count"], warning.extra["position"]) == (count, position)
    assert warning.extra["convention"] in warning.message


def test_kinks_of_a_batch_are_counted_over_its_points() -> None:
    (warning,) = met(grad("abs(x)*y", {"x": [1.0, 0.0, 0.0], "y": [1.0, 1.0, 1.0]}, batch=True))
    assert (warning.code, warning.extra["count"], warning.extra["position"]) == ("kink", 2, [1])


def test_only_the_elements_that_matter_are_counted() -> None:
    (warning,) = met(grad("sum(abs(x)*w)", {"x": [0.0, 1.0, 0.0], "w": [0.0, 1.0, 2.0]}))
    assert (warning.extra["count"], warning.extra["position"]) == (1, [2])


def test_one_sided_derivatives_are_given() -> None:
    (warning,) = met(grad("abs(x)", {"x": 0.0}))
    assert warning.extra["one_sided"] == {"left": -1.0, "right": 1.0}


def test_there_are_never_too_many_warnings() -> None:
    terms = " + ".join(f"abs(x - {k} + {k})" for k in range(60))
    found = met(grad(terms, {"x": 0.0}))
    assert len(found) <= 21
    assert "more" in found[-1].message


# ---- the interpreter itself ----


@pytest.mark.parametrize(
    ("text", "at"),
    [
        (
            "sum(softmax(A @ x) * log(1 + x^2)) + norm(cumsum(sin(x)))",
            {"A": [[1.0, 2.0], [0.5, -1.0]], "x": [0.5, 2.0]},
        ),
        ("slogdet(A)[1] * sum(sort(x)[[0, 1, 1]])", {"A": [[1.0, 2.0], [0.5, -1.0]], "x": [0.5, 2.0]}),
        ("sum(where(x > 1, sqrt(x), x^3))", {"x": [0.5, 2.0]}),
        ("sum(prod(A, axis=0) * x) + x[0]^x[1]", {"A": [[1.0, 2.0], [0.5, -1.0]], "x": [0.5, 2.0]}),
    ],
)
def test_where_nothing_is_remarkable_it_computes_what_the_fast_one_does(text: str, at: Mapping[str, Any]) -> None:
    graph, arguments = graph_of_text(text, at)
    function = set(graph.nodes)
    graph = gradient(graph, range(len(arguments))).graph
    findings = run_carefully(graph, arguments)
    for one, other in zip(findings.outputs, compile_graph(graph)(arguments)[0], strict=True):
        np.testing.assert_array_equal(one, other)
    assert (findings.births, findings.hidden, findings.swallowed) == ([], [], [])
    # Rules of derivatives compare on purpose: only what the function itself does is a kink.
    assert [met for met in findings.kinks if met.node in function] == []
    assert all(node.outputs[0] in findings.values for node in graph.nodes)


def test_it_looks_at_its_budget() -> None:
    graph, arguments = graph_of_text("sin(x)", {"x": 1.0})
    budget = Budget.starting_now(60.0)
    budget.cancelled = True
    with pytest.raises(BudgetExceeded):
        run_carefully(graph, arguments, budget)


def test_a_fault_of_the_data_gets_its_place() -> None:
    text = "y + x[i] * 2"
    with pytest.raises(ShapeMismatch) as caught:
        grad(text, {"x": [1.0, 2.0], "y": 1.0, "i": 5})
    assert caught.value.span is not None
    assert text[caught.value.span.start : caught.value.span.end] == "x[i]"


def test_births_are_in_the_order_of_the_graph() -> None:
    graph, arguments = graph_of_text("log(x) * sqrt(y) * asin(z)", {"x": -1.0, "y": -1.0, "z": 2.0})
    findings = run_carefully(graph, arguments)
    assert [birth.node.primitive.name for birth in findings.births] == ["log", "sqrt", "asin"]


def test_gradients_of_a_value_that_does_not_exist_do_not_exist() -> None:
    answer = grad("0*log(x) + y", {"x": -1.0, "y": 2.0})
    assert answer.grad is not None
    assert np.isnan(answer.value)
    assert np.isnan(answer.grad["x"])
    assert np.isnan(answer.grad["y"])
