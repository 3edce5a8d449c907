"""`check` on other questions than gradients: what it says of how many numbers."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from engine.checking.self_check import self_check
from engine.limits import Budget
from engine.precision.examine import Examination
from engine.question import Ask, Question
from engine.verify.report import Report
from tests.asking import ENGINE, budget, question
from tests.checking.test_check import Here


def report_on(ask: Ask, text: str, at: dict[str, Any], witnesses: Any = None, **fields: Any) -> Report:
    """The report on the answer of the engine."""
    asked = replace(question(text, at), **fields)
    answer = ENGINE.answer(replace(asked, precision="float64"), ask, budget())
    return self_check(ENGINE, witnesses or Here(), asked, ask, answer, budget())


def counted(report: Report) -> str:
    """What the message has to say of how many numbers the precise witness looked at, by its own account."""
    said = str(report.witnesses["precise"].reason).split(" of ")
    assert said[1].startswith(str(report.count))
    return f"were compared with {said[0]} of them."


class Blank(Here):
    """Witnesses that took no differences."""

    def examine(self, asked: Question, ask: Ask, given: Budget) -> Examination:
        """All but the differences."""
        found = super().examine(asked, ask, given)
        return replace(found, differences=[np.full(np.shape(a), np.nan) for a in found.differences])


def test_one_number_is_one() -> None:
    report = report_on("value", "x^2", {"x": 3.0})
    assert report.message == "The one number of the answer agrees with high precision."
    assert report.count == 1


def test_several_numbers() -> None:
    report = report_on("value", "x^2", {"x": [3.0, 4.0]})
    assert report.message == "All 2 numbers of the answer agree with high precision."


@pytest.mark.parametrize("batch", [False, True])
def test_entries_of_sparse_matrices_are_compared(batch: bool) -> None:
    x = [[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]] if batch else [1.0, 2.0, 3.0]
    report = report_on("hessian", "x[0]^2*x[2] + x[1]", {"x": x}, format="coo", batch=batch)
    rows = [row for row in report.components if row.input == "hessian.x.x"]
    indices = [(0, 0), (0, 2), (2, 0)]
    assert {row.index[-2:] for row in rows} >= set(indices)
    assert all(row.ok for row in rows)
    points = 2 if batch else 1
    assert {len(row.index) for row in rows} == {3 if batch else 2}
    by_index = {row.index: row.claimed for row in rows}
    assert by_index[(1, 0, 2) if batch else (0, 2)] == (8.0 if batch else 2.0)
    assert report.count == len(rows) + 4 * points
    assert f"All {report.count} numbers" in report.message
    assert counted(report) in report.message


def test_a_wrong_entry_of_a_sparse_matrix_is_seen() -> None:
    asked = replace(question("x^3", {"x": [1.0, 2.0]}), format="coo")
    answer = ENGINE.answer(replace(asked, precision="float64"), "jacobian", budget())
    value, entries = answer.outputs
    answer.outputs = [value, 1.5 * entries]
    report = self_check(ENGINE, Here(), asked, "jacobian", answer, budget())
    assert report.verdict == "inconclusive"
    assert [row.index for row in report.components if not row.ok] == [(0, 0), (1, 1)]


def test_no_difference_is_claimed_where_none_was_taken() -> None:
    report = report_on("jacobian", "x^3", {"x": [1.0, 2.0]}, witnesses=Blank(), format="coo")
    assert report.message.endswith("use no derivative rule, were not compared with any of them.")
    assert report.witnesses["precise"].status == "skipped"
    one = report_on("value", "x^3", {"x": 1.0}, witnesses=Blank())
    assert one.message.endswith("use no derivative rule, were not compared with it.")


def test_the_count_of_a_product_is_that_of_what_was_looked_at() -> None:
    at = {"x": [1.0, 2.0, 3.0]}
    report = report_on("hvp", "sum(x^3)", at, along={"x": question("0", at).at["x"]})
    assert report.count == 7
    assert "All 7 numbers of the answer agree with high precision" in report.message
    assert counted(report) in report.message
