"""The corpus of traps: what is right in float64, with `auto`, and with `exact`.

Without the precise witness an answer may be wrong in two ways that are not a defect of a rule: digits lost to
cancellation (`DIGITS_LOST`, listed by name, so that the list can only shrink knowingly), and points that float64 cannot
resolve, where the answer has to carry a warning.  `auto` has to be right but for the few listed here, `exact` wherever
there is a derivative.
"""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from engine.engine import Engine
from engine.limits import Limits
from engine.question import Answer, Precision
from tests.asking import budget, codes, grad, question

PATIENT = Engine(Limits(escalation_seconds=20.0), verify=True)
"""What is right is looked at here, and not how long it takes on a busy machine."""

HERE = Path(__file__).parent
CASES: list[dict[str, Any]] = [case for file in sorted(HERE.glob("*.json")) for case in json.loads(file.read_text())]
DIGITS_LOST = frozenset((HERE / "digits_lost.txt").read_text().split())
WARNS = {"kink", "singular", "non-finite"}


def numbers(json_value: Any) -> Any:
    """JSON numbers, with the strings for non-finite ones, as an array."""
    if isinstance(json_value, list):
        return np.array([numbers(item) for item in json_value])
    if isinstance(json_value, str):
        return np.asarray(float(json_value.replace("Infinity", "inf")))
    return np.asarray(json_value)


def agrees(found: Any, expected: Any) -> bool:
    """To ten digits, or to the last places of the largest component of an array."""
    a, b = np.asarray(found, dtype=np.float64), np.asarray(numbers(expected), dtype=np.float64)
    assert a.shape == b.shape
    with np.errstate(all="ignore"):
        scale = np.max(np.abs(b), initial=0.0, where=np.isfinite(b))
        near = np.abs(a - b) <= 1e-10 * np.abs(b) + 4e-16 * scale
        return bool(np.all((a == b) | (np.isnan(a) & np.isnan(b)) | near))


@pytest.mark.parametrize("case", [pytest.param(case, id=case["name"]) for case in CASES])
def test_right_or_warned(case: dict[str, Any]) -> None:
    answer = grad(
        case["expr"],
        {name: numbers(value) for name, value in case["at"].items()},
        wrt=tuple(case["wrt"]) if case.get("wrt") else None,
    )
    assert answer.grad is not None
    right = agrees(answer.value, case["value"]) and all(agrees(answer.grad[n], g) for n, g in case["grad"].items())
    warned = bool(WARNS & set(codes(answer)))
    if case["name"] in DIGITS_LOST:
        assert not right, "this case is right now: take it off the list"
        return
    assert right or warned, f"{answer.value}, {answer.grad}, not {case['value']}, {case['grad']}"
    if case["kind"] in ("kink", "jump"):
        assert right
        assert warned


AUTO_WRONG = frozenset(
    {
        # Not defined; the answer is that of float64 or a convention, and carries a warning.
        "atan-of-quotient-at-the-pole",
        "logdet-of-singular",
        "sqrt-of-abs",
    }
)


def answer_in(case: dict[str, Any], precision: Precision) -> Answer:
    """The whole way of the question of a case, in this process."""
    at = {name: numbers(value) for name, value in case["at"].items()}
    asked = question(case["expr"], at, wrt=tuple(case["wrt"]) if case.get("wrt") else None)
    return PATIENT.answer(replace(asked, precision=precision), "grad", budget())


def is_right(answer: Answer, case: dict[str, Any]) -> bool:
    """Whether value and gradient are those of the case."""
    grad = answer.grad
    assert grad is not None
    return agrees(answer.value, case["value"]) and all(agrees(grad[n], g) for n, g in case["grad"].items())


@pytest.mark.parametrize("case", [pytest.param(case, id=case["name"]) for case in CASES])
def test_auto_is_right(case: dict[str, Any]) -> None:
    answer = answer_in(case, "auto")
    assert is_right(answer, case) == (case["name"] not in AUTO_WRONG), f"{answer.value}, {answer.grad}"
    if case["kind"] in ("kink", "jump"):
        assert WARNS & set(codes(answer))


@pytest.mark.parametrize("case", [pytest.param(case, id=case["name"]) for case in CASES if case["differentiable"]])
def test_exact_is_right_wherever_there_is_a_derivative(case: dict[str, Any]) -> None:
    answer = answer_in(case, "exact")
    assert is_right(answer, case), f"{answer.value}, {answer.grad}"
    assert "ill-conditioned" not in codes(answer)


def test_auto_is_right_nearly_everywhere() -> None:
    assert len(AUTO_WRONG) <= 0.02 * len(CASES)


def test_most_cases_need_no_help() -> None:
    assert len(CASES) >= 400
    assert len(DIGITS_LOST) <= 0.1 * len(CASES)
    assert {case["name"] for case in CASES} >= DIGITS_LOST
