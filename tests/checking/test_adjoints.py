"""Adjoints of what a program assigns: compared, and the first wrong one from the result backwards is named."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest

from engine.verify.report import Report
from tests.asking import question
from tests.checking.programs import Nobody, claim, program, refused
from tests.checking.test_check import Here

CHAIN = "h1 = sin(x)\nh2 = h1^2\nh3 = exp(h2)\nreturn h3*h1"
X = 0.7
H1 = math.sin(X)
H3 = math.exp(H1**2)
RIGHT = {"h1": H1 * H3 * 2 * H1 + H3, "h2": H1 * H3, "h3": H1}
LOOP = "s = 0\nfor i in range(n):\n    x = sin(x)\n    s += x*i\nreturn s"
BRANCH = "if x > 0:\n    y = x^2\n    z = 2*y\nelse:\n    w = 3*x\n    y = x\n    z = w\nreturn z*y"


def told(text: str, at: Mapping[str, Any], adjoints: Mapping[str, Any], **fields: Any) -> Report:
    """The report on adjoints in float64."""
    return claim(program(text, at), adjoints=adjoints, witnesses=Nobody(), **fields)


def first(report: Report, text: str) -> tuple[str, str]:
    """Name and statement of the first wrong adjoint."""
    assert report.adjoints is not None
    found = report.adjoints.first_wrong
    assert found is not None
    assert found.span is not None
    return found.name, text[found.span.start : found.span.end]


def all_right(report: Report) -> bool:
    """Whether all adjoints are right, and the verdict says so."""
    assert report.adjoints is not None
    right = report.adjoints.first_wrong is None and all(row.ok for row in report.adjoints.rows)
    assert right is (report.adjoints.wrong == 0)
    return right and report.verdict == "correct"


def test_right_adjoints() -> None:
    report = told(CHAIN, {"x": X}, RIGHT)
    assert all_right(report)
    assert report.adjoints is not None
    assert [row.input for row in report.adjoints.rows] == ["h1", "h2", "h3"]


@pytest.mark.parametrize(
    ("wrong", "name", "lines"), [(("h1",), "h1", "2, 4"), (("h1", "h2"), "h2", "3"), (("h1", "h2", "h3"), "h3", "4")]
)
def test_the_first_wrong_one_from_the_result_backwards_is_named(wrong: tuple[str, ...], name: str, lines: str) -> None:
    report = told(CHAIN, {"x": X}, {n: 1.5 * a if n in wrong else a for n, a in RIGHT.items()})
    assert report.verdict == "incorrect"
    assert first(report, CHAIN) == (name, CHAIN.split("\n")[int(name[1]) - 1])
    assert f" {lines}." in report.message


def test_some_may_be_left_out() -> None:
    assert all_right(told(CHAIN, {"x": X}, {"h2": RIGHT["h2"]}))


def test_the_gradient_goes_wrong_after_right_adjoints() -> None:
    report = told(CHAIN, {"x": X}, RIGHT, grad={"x": RIGHT["h1"]})
    assert report.verdict == "incorrect"
    assert "All 3 adjoints are right: it goes wrong on the way from there to the inputs." in report.message
    assert report.diagnosis[0].kind == "missing-chain-factor"


@pytest.mark.parametrize("n", [3, 40])
def test_a_name_that_is_assigned_in_a_loop(n: int) -> None:
    at = {"x": X, "n": n}
    assert all_right(told(LOOP, at, {"s": 1.0, "x": n - 1.0}))
    steps, values = [0.0] * n, [X]
    for _ in range(n):
        values.append(math.sin(values[-1]))
    later = 0.0
    for i in reversed(range(n)):
        steps[i] = i + later
        later = math.cos(values[i]) * steps[i]
    assert all_right(told(LOOP, at, {"s": [1.0] * n, "x": steps}))
    steps[1] *= 2
    steps[0] = 0.0
    report = told(LOOP, at, {"s": [1.0] * n, "x": steps})
    assert first(report, LOOP) == ("x", "x = sin(x)")
    assert f"(assignment 2 of {n})" in report.message
    assert report.adjoints is not None
    assert [row.index for row in report.adjoints.rows if not row.ok] == [(0,), (1,)]


def test_only_the_branch_that_is_taken_counts() -> None:
    assert all_right(told(BRANCH, {"x": X}, {"y": 4 * X**2, "z": X**2}))
    assert all_right(told(BRANCH, {"x": -X}, {"y": -3 * X, "z": -X, "w": -X}))
    error = refused(program(BRANCH, {"x": X}), adjoints={"w": 1.0})
    assert "does not come to" in error.detail
    assert [fault.pointer for fault in error.faults] == ["/claimed/adjoints/w"]


def test_arrays_filled_by_elements() -> None:
    text = "a = zeros(3)\na[0] = x\nfor i in range(1, 3):\n    a[i] = a[i - 1]*x\nreturn sum(a)"
    steps = [[1 + X + X**2, 0, 0], [1, 1 + X, 0], [1, 1, 1]]
    assert all_right(told(text, {"x": X}, {"a": steps[-1]}))
    assert all_right(told(text, {"x": X}, {"a": steps}))


def test_several_names_at_once_and_other_names() -> None:
    text = "a, b = 2*x, 3*x\nu = a\nunused = 4*u\nreturn (a + b)*u"
    total = 5 * X
    assert all_right(told(text, {"x": X}, {"a": total + 2 * X, "b": 2 * X, "u": total, "unused": 0.0}))


def test_the_function_of_a_program_assigns_and_its_helpers_do_not() -> None:
    text = "def square(v):\n    h = v\n    return h^2\n\ndef f(x):\n    y = square(x)\n    return 3*y"
    assert all_right(told(text, {"x": X}, {"y": 3.0}))
    assert "'h'" in refused(program(text, {"x": X}), adjoints={"h": 1.0}).detail


def test_a_claim_of_another_shape_is_wrong() -> None:
    report = told(CHAIN, {"x": X}, {"h1": [1.0, 2.0]})
    assert report.verdict == "incorrect"
    assert first(report, CHAIN)[0] == "h1"
    assert "an array of shape" in report.message


def test_names_that_are_not_assigned_are_refused_with_a_hint() -> None:
    error = refused(
        program("n = 3\nstart = x^2\nreturn n*start", {"x": X}), adjoints={"strat": 1.0, "n": 1.0, "a/b": 1}
    )
    assert error.hint == "did you mean start?"
    assert [fault.pointer for fault in error.faults] == [f"/claimed/adjoints/{n}" for n in ("strat", "n", "a~1b")]


def test_expressions_and_batches_are_refused() -> None:
    error = refused(question("sin(x)", {"x": X}), adjoints={"h": 1.0})
    assert error.faults[0].pointer == "/claimed/adjoints"
    assert "program" in str(error.hint)
    many = program("h = sin(x)\nreturn h^2", {"x": [0.5, 0.7]}, batch=True)
    assert "batch" in refused(many, adjoints={"h": 1.0}).detail


def test_a_long_program_is_not_compared() -> None:
    text = "for i in range(4000):\n    x = x - 1e-3*sin(x)\nreturn x"
    report = told(text, {"x": X}, {"x": 1.0})
    assert report.verdict == "inconclusive"
    assert "not compared" in report.message


def test_high_precision_is_used_where_float64_loses_digits() -> None:
    text = "h = x + 1\ny = h - 1\nreturn sqrt(y)"
    x = 1e-12
    right = 0.5 / math.sqrt(x)
    report = claim(program(text, {"x": x}), adjoints={"y": right}, witnesses=Here(symbolic=False))
    assert report.adjoints is not None
    assert report.adjoints.rows[0].expected == pytest.approx(right, rel=1e-15)


def test_the_adjoints_of_a_program_with_a_derivative_of_its_own() -> None:
    text = "f = custom_grad(lambda h: h^2, lambda h, c: -c)\ny = 3*x\nz = f(y)\nreturn sin(z)"
    z = 9 * X**2
    assert all_right(told(text, {"x": X}, {"z": math.cos(z), "y": -math.cos(z)}))


def test_ordinary_graphs_have_no_marks() -> None:
    from engine.precision.adjoints import marked
    from tests.asking import ENGINE, budget

    asked = program(LOOP, {"x": np.asarray(X), "n": 5})
    assert not list(marked(ENGINE.subject(asked, budget()).graph))
    assert set(marked(ENGINE.subject(asked, budget(), recorded=True).graph)) == {"s", "x"}
