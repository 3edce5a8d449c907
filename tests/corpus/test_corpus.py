"""The corpus of traps: what float64 alone gets right, and that it says so where it does not.

Without the precise witness an answer may be wrong in two ways that are not a defect of a rule: digits lost to
cancellation (`DIGITS_LOST`, listed by name, so that the list can only shrink knowingly), and points that float64 cannot
resolve, where the answer has to carry a warning.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.asking import codes, grad

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


def test_most_cases_need_no_help() -> None:
    assert len(CASES) >= 400
    assert len(DIGITS_LOST) <= 0.1 * len(CASES)
    assert {case["name"] for case in CASES} >= DIGITS_LOST
