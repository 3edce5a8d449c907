"""Kinks and jumps: what may be claimed there, what golden vectors allow there, and what nobody looked at."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from engine.checking.allowance import Given
from engine.checking.check import check
from engine.checking.court import Assertion
from engine.checking.vectors import Range, Vectors, vectors
from engine.errors import BudgetExceeded
from engine.execute.careful import run_carefully
from engine.limits import Budget
from engine.precision.examine import Examination
from engine.precision.subject import Subject
from engine.question import Array, Ask, Question
from engine.verify.ziv import Settled
from tests.asking import ENGINE, budget, question
from tests.checking.test_check import Absent, Here, claim


@pytest.mark.parametrize(
    ("text", "claimed", "ok"),
    [
        ("abs(x - 1)", 700.0, False),
        ("abs(x - 1)", 1.001, False),
        ("abs(x - 1)", -1.001, False),
        ("abs(x - 1)", 0.3, True),
        ("abs(x - 1)", 1.0, True),
        ("abs(x - 1)", 1.0 + 1e-12, True),
        ("abs(x - 1)/x", 700.0, False),
        ("abs(x - 1)/x", -0.7, True),
        ("max(x - 1, 3*(x - 1))", 0.9, False),
        ("max(x - 1, 3*(x - 1))", 1.1, True),
        ("max(x - 1, 3*(x - 1))", 3.1, False),
        ("where(x > 1, 5.0, x)", 700.0, False),
        ("1000*x + 1e-3*abs(x - 1)", 1000.002, False),
        ("1000*x + 1e-3*abs(x - 1)", 1000.0005, True),
        ("abs(x - 1)", float("nan"), False),
        ("abs(x - 1)", float("inf"), False),
    ],
)
def test_a_kink_at_a_number_that_is_not_zero_leaves_only_what_lies_between(text: str, claimed: float, ok: bool) -> None:
    report = claim(text, {"x": 1.0}, {"x": claimed})
    assert report.verdict == "not-differentiable"
    assert [row.ok for row in report.components] == [ok]
    assert report.wrong == (not ok)
    assert ("is neither of them" in report.message) == (not ok and "where" not in text)
    assert {witness.status for witness in report.witnesses.values()} == {"agree", "skipped"}


def test_the_message_is_about_the_component_that_is_wrong() -> None:
    report = claim("sum(abs(v - 1))", {"v": [1.0, 1.0, 2.0]}, {"v": [0.5, 700.0, 1.0]})
    assert [row.ok for row in report.components] == [True, False, True]
    assert "along v[1]" in report.message
    assert "700.0 is neither of them" in report.message


def test_a_jump_excuses_no_other_component_and_no_value() -> None:
    at = {"x": 1.0, "y": 2.0}
    assert claim("where(x > 1, y, 2*y)", at, {"y": 700.0}).verdict == "incorrect"
    assert claim("where(x > 1, y, 2*y)", at, {"y": 2.0}).verdict == "correct"
    assert claim("where(x > 1, y, 2*y)", at, None, 3000.0).verdict == "incorrect"
    assert claim("where(x > 1, y, 2*y)", at, None, 4.0).verdict == "correct"


def test_points_of_a_batch_have_kinks_of_their_own() -> None:
    report = claim("abs(x - 1)", {"x": [1.0, 2.0, 1.0]}, {"x": [700.0, 1.0, -0.5]}, batch=("x",))
    assert [row.ok for row in report.components] == [False, True, True]
    assert "along x[0]" in report.message


def test_a_choice_at_a_kink_is_no_part_of_a_mistake_beside_it() -> None:
    report = claim("abs(x - 1) + x*y^2", {"x": 1.0, "y": 3.0}, {"x": 9.5, "y": -6.0})
    assert report.verdict == "incorrect"
    assert report.wrong == 1
    assert report.diagnosis[0].kind == "sign"
    assert report.diagnosis[0].inputs == ("y",)


def test_a_tolerance_that_was_asked_for_holds_at_a_kink() -> None:
    loose = claim("abs(x - 1)", {"x": 1.0}, {"x": 1.05}, tolerance=Given(0.1))
    assert [row.ok for row in loose.components] == [True]
    strict = claim("abs(x - 1)", {"x": 1.0}, {"x": 1.05}, tolerance=Given(0.01))
    assert [row.ok for row in strict.components] == [False]


@pytest.mark.parametrize("text", ["median(x)", "2*median(x) + sum(x)", "median([x[0], x[1], x[2]])"])
def test_partial_derivatives_that_do_not_add_up_are_no_gradient(text: str) -> None:
    """Where all elements are equal, each can move alone without the median."""
    report = claim(text, {"x": [1.0, 1.0, 1.0]}, {"x": [7.0, 0.0, 0.0]})
    assert report.verdict == "not-differentiable"
    assert "from both sides" in report.message
    assert not report.components[0].ok


def test_the_convention_is_no_mistake_where_components_do_not_add_up() -> None:
    report = claim("median(x)", {"x": [1.0, 1.0, 1.0]}, {"x": [1 / 3, 1 / 3, 1 / 3]})
    assert report.verdict == "not-differentiable"
    assert all(row.ok for row in report.components)


def test_a_kink_has_the_name_that_the_client_wrote() -> None:
    answer = ENGINE.answer(question("1 + median(x)", {"x": [1.0, 1.0, 1.0]}), "grad", budget())
    (warning,) = [w for w in answer.warnings if w.code == "kink"]
    assert warning.message.startswith("median has a kink here")
    assert warning.extra["operation"] == "median"
    assert [(s["left"], s["right"]) for s in warning.extra["sides"]] == [(0.0, 0.0)] * 3


# ---- where nobody could look ----


class Short(Here):
    """High precision that is late with the answer: what it has is that of float64, and nothing is sure."""

    def examine(self, asked: Question, ask: Ask, given: Budget) -> Examination:
        """As though the budget of the answer had run out."""
        found = super().examine(asked, ask, given)
        resolved = found.resolved
        nothing = [np.zeros_like(mask) for mask in resolved.sure]
        prepared = ENGINE.prepare(asked, ask, given)
        plain = run_carefully(prepared.graph, prepared.arguments(asked)).outputs
        outputs = [np.asarray(output) for output in plain]
        resolved = replace(resolved, outputs=outputs, sure=nothing, digits=16, limits=0, sides=[], whole=False, moved=0)
        unknown = [np.full(np.shape(a), np.nan) for a in found.differences]
        return replace(found, resolved=resolved, differences=unknown, spread=unknown)


class Unsought(Here):
    """High precision that evaluated the gradient, convention included, and had no time for limits."""

    def examine(self, asked: Question, ask: Ask, given: Budget) -> Examination:
        """As though the budget had run out after the first evaluation."""
        found = super().examine(asked, ask, given)
        resolved = replace(found.resolved, limits=0, sides=[], whole=True, moved=0)
        return replace(found, resolved=resolved, differences=[np.full(np.shape(a), np.nan) for a in found.differences])


@pytest.mark.parametrize("witnesses", [Absent(), Short(), Unsought()])
@pytest.mark.parametrize("claimed", [0.0, 1.0, 700.0])
def test_our_convention_at_a_kink_judges_nobody(witnesses: Any, claimed: float) -> None:
    report = claim("abs(x)", {"x": 0.0}, {"x": claimed}, witnesses=witnesses)
    assert report.verdict == "inconclusive"
    assert "convention" in report.message
    assert not report.diagnosis
    assert {report.witnesses[name].status for name in ("symbolic", "precise")} == {"skipped"}


@pytest.mark.parametrize("witnesses", [Absent(), Short()])
def test_a_singular_point_is_not_judged_by_float64(witnesses: Any) -> None:
    """sin(x)/x has a derivative at 0, of which float64 has nothing."""
    for right in (0.0, 5.0):
        assert claim("sin(x)/x", {"x": 0.0}, {"x": right}, witnesses=witnesses).verdict == "inconclusive"
    assert claim("sin(x)/x", {"x": 0.0}, None, 1.0, witnesses=witnesses).verdict == "inconclusive"


def test_what_needs_no_witness_is_judged_without_one() -> None:
    assert claim("sum(abs(v))", {"v": [0.0, 1.0]}, {"v": 1.0}, witnesses=Absent()).verdict == "incorrect"
    assert claim("abs(x)", {"x": 0.0}, None, 5.0, witnesses=Absent()).verdict == "incorrect"
    assert claim("abs(x)", {"x": 3.0}, {"x": -1.0}, witnesses=Absent()).verdict == "incorrect"


class Late:
    """Witnesses that use up all the time."""

    def examine(self, asked: Question, ask: Ask, given: Budget) -> Examination:
        """Nothing, and no time is left for anybody."""
        assert given.whole is not None
        given.whole.deadline = time.perf_counter()
        raise BudgetExceeded("It is late.")

    def symbolic(self, asked: Question, given: Budget) -> dict[str, Array]:
        """Nothing."""
        raise BudgetExceeded("It is late.")

    def adjoints(self, asked: Question, given: Budget) -> Settled:
        """Nothing."""
        raise BudgetExceeded("It is late.")


class Strict:
    """A court that keeps to the budget to the millisecond, as that of a large function does."""

    limits = ENGINE.limits

    def prepare(self, asked: Question, ask: Ask, given: Budget) -> Any:
        """As the engine does."""
        return ENGINE.prepare(asked, ask, given)

    def subject(self, asked: Question, given: Budget, recorded: bool = False) -> Subject:
        """What the engine has, in time."""
        given.check()
        return ENGINE.subject(asked, given, recorded)


def test_the_report_is_given_when_there_is_no_time_for_a_diagnosis() -> None:
    asked = question("x^2*sin(y)", {"x": 3.0, "y": 0.5})
    wrong = {"x": np.asarray(2.876553231625218), "y": np.asarray(-7.898243057013355)}
    report = check(Strict(), Late(), asked, Assertion(None, wrong), budget())
    assert report.verdict == "incorrect"
    assert report.wrong == 1
    assert not report.diagnosis
    assert "The mistake behind it was not looked for: The computation did not finish" in report.message


# ---- golden vectors ----


def made(text: str, **domain: tuple[float, float]) -> Vectors:
    """Vectors of an expression."""
    ranges = {name: Range(low, high) for name, (low, high) in domain.items()}

    def ask(at: Mapping[str, Array], over: tuple[str, ...]) -> Question:
        return Question(text, dict(at), batch=over or False)

    return vectors(ENGINE, Here(), ask, ranges, 3, 0, budget())


def of_kind(found: Vectors, kind: str) -> list[int]:
    """The numbers of the points of a kind."""
    numbers = [i for i, name in enumerate(found.kinds) if name == kind]
    assert numbers
    return numbers


@pytest.mark.parametrize(
    ("text", "reach"),
    [("abs(x - 1)", 1.0), ("abs(x - 1)/x", 1.0), ("max(x - 1, 3*(x - 1))", 1.0), ("relu(x - 1)", 0.5)],
)
def test_a_tolerance_at_a_kink_reaches_to_the_derivatives_from_both_sides(text: str, reach: float) -> None:
    found = made(text, x=(0.5, 2.0))
    for i in of_kind(found, "kink"):
        assert found.at["x"][i] == 1.0
        assert not found.differentiable[i]
        assert found.tolerance["x"][i] == pytest.approx(reach, rel=1e-8)
        assert found.tolerance[""][i] < 1e-9


def test_a_tolerance_next_to_a_kink_reaches_over_it_and_no_further() -> None:
    """The kink of abs(3*x - 1) is at no float64 number: honest code gets -3, 0 or 3 next to it."""
    found = made("abs(3*x - 1)", x=(0.0, 1.0))
    for i in of_kind(found, "kink"):
        assert not found.differentiable[i]
        assert 3.0 <= found.tolerance["x"][i] < 6.1
        assert found.tolerance[""][i] < 1e-9


def test_a_tolerance_at_a_jump_does_not_let_every_value_pass() -> None:
    at_jump = made("where(x > 1, 5.0, 0.5*x)", x=(0.5, 2.0))
    for i in of_kind(at_jump, "boundary"):
        assert not at_jump.differentiable[i]
        assert at_jump.tolerance[""][i] < 1e-9
    beside = made("sign(3*x - 1)", x=(0.0, 1.0))
    for i in of_kind(beside, "jump"):
        assert not beside.differentiable[i]
        assert beside.tolerance[""][i] < 2.1


def test_tolerances_off_the_kinks_stay_as_they_were() -> None:
    found = made("abs(x - 1)/x", x=(0.5, 2.0))
    for i, kind in enumerate(found.kinds):
        if kind != "kink":
            assert found.differentiable[i]
            assert found.tolerance["x"][i] < 1e-9
