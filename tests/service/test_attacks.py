"""What broke, or was told wrongly, when a running server was attacked."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path
from typing import Any

import pytest

from tests.service.live import PATIENCE, Live, serving

HUGE = 10**400
"""An integer of JSON that no float64 holds."""
ENDLESS = {"expr": "digamma(x)", "at": {"x": -(10**15) - 0.5}, "precision": "exact"}
"""mpmath adds up 10^15 terms."""


@pytest.mark.parametrize(
    ("path", "content", "where"),
    [
        ("/check", {"expr": "x", "at": {"x": 1}, "claimed": {"precision": []}}, "/claimed/precision"),
        ("/check", {"expr": "x", "at": {"x": 1}, "claimed": {"value": 1}, "tolerance": HUGE}, "/tolerance"),
        ("/check", {"expr": "x", "at": {"x": 1}, "claimed": {"value": [1]}}, "/claimed/value"),
        ("/vectors", {"expr": "x", "domain": {"x": [-HUGE, 1]}}, "/domain/x/low"),
        ("/vectors", {"expr": "x", "domain": {"x": [0, HUGE]}}, "/domain/x/high"),
        ("/vectors", {"expr": "x", "domain": {"x": [0, 1]}, "format": []}, "/format"),
    ],
)
def test_what_was_an_internal_error_is_refused_with_its_place(
    live: Live, path: str, content: dict[str, Any], where: str
) -> None:
    status, answer = live.post(path, content)
    assert status == 422
    assert [fault["pointer"] for fault in answer["errors"]] == [where]


def test_truth_values_can_be_checked(live: Live) -> None:
    status, answer = live.post("/value", {"expr": "x > 1, x", "at": {"x": 1}, "check": True})
    assert status == 200
    assert answer["check"]["count"] == 1


def test_vectors_of_a_function_with_an_integer_among_wrt(live: Live) -> None:
    domain = {"x": {"low": 0, "high": 1, "shape": [3]}, "i": {"low": 0, "high": 2, "integer": True}}
    status, answer = live.post("/vectors", {"expr": "x[i]", "domain": domain, "wrt": ["x", "i"], "count": 2})
    assert status == 200
    assert all(vector["differentiable"] and vector["grad"]["i"] == 0 for vector in answer["vectors"])


def test_gradients_that_are_0_by_definition_have_all_digits(live: Live) -> None:
    question = {"expr": "x[i]", "at": {"x": [1, 2], "i": 1}, "wrt": ["i", "x"], "digits": True}
    _, answer = live.post("/grad", question)
    assert answer["digits"]["grad"] == {"i": 16.0, "x": [16.0, 16.0]}


def test_a_question_after_one_whose_process_was_killed_does_not_wait_longer_than_that_one(live: Live) -> None:
    for _ in range(3):
        status, answer = live.post("/grad", ENDLESS)
        assert status == 200
        assert "high precision did not get there within 2 s" in answer["warnings"][0]["message"]


def test_what_would_take_too_long_is_not_said_to_have_been_tried(live: Live) -> None:
    question = {"expr": "sin(x)/x", "at": {"x": [0, 1] * 30_000}, "batch": True}
    _, answer = live.post("/grad", question)
    assert "high precision would take about" in answer["warnings"][0]["message"]


@pytest.mark.parametrize("precision", ["auto", "exact"])
@pytest.mark.parametrize(
    ("expr", "second"), [("(1-cos(x))/x^2", -1 / 12), ("(x-sin(x))/x^3", -1 / 60), ("sin(sqrt(x))/sqrt(x)", 1 / 60)]
)
def test_noise_at_all_scales_is_no_limit(live: Live, expr: str, second: float, precision: str) -> None:
    _, answer = live.post("/hessian", {"expr": expr, "at": {"x": 0}, "precision": precision})
    assert answer["hessian"]["x"]["x"] == second


@pytest.mark.parametrize(
    ("path", "expr", "at", "precision"),
    [
        ("/grad", "where(x == 1, 5, x)", {"x": 1}, "auto"),
        ("/grad", "svdvals([[x, 0], [0, 2]])[1]", {"x": 0}, "auto"),
        ("/grad", "svdvals([[x, y], [y, x]])[0]", {"x": 0, "y": 0}, "auto"),
        ("/hessian", "x*y*(x^2 - y^2)/(x^2 + y^2)", {"x": 0, "y": 0}, "auto"),
        ("/hessian", "softsign(x)", {"x": 0}, "exact"),
        ("/hessian", "elu(x)", {"x": 0}, "exact"),
        ("/grad", "x[argmax(x)]", {"x": [1, 1]}, "auto"),
        ("/grad", "argmin([x, y])*x", {"x": 1, "y": 1}, "auto"),
        ("/grad", "sum(x[argsort(x)]*[1, 2])", {"x": [1, 1]}, "exact"),
    ],
)
def test_a_derivative_that_does_not_exist_is_not_given_in_silence(
    live: Live, path: str, expr: str, at: dict[str, Any], precision: str
) -> None:
    _, answer = live.post(path, {"expr": expr, "at": at, "precision": precision})
    told = [warning for warning in answer["warnings"] if not warning.get("resolved")]
    assert {warning["code"] for warning in told} & {"kink", "singular", "non-finite", "ill-conditioned"}


def test_a_position_among_equals_that_does_not_matter_is_no_kink(live: Live) -> None:
    _, answer = live.post("/grad", {"expr": "sum(x[argsort(x)])", "at": {"x": [1, 1]}})
    assert (answer["grad"]["x"], answer["warnings"]) == ([1, 1], [])


def test_what_overflows_is_not_called_undefined(live: Live) -> None:
    _, answer = live.post("/grad", {"expr": "gamma(x)", "at": {"x": 171.5}})
    assert answer["grad"]["x"] == "Infinity"
    assert [w["code"] for w in answer["warnings"] if w.get("resolved")] == []


def test_nan_is_the_right_claim_where_there_is_no_number(live: Live) -> None:
    claimed = {"value": "NaN", "grad": {"x": "NaN"}}
    _, report = live.post("/check", {"expr": "log(-1 - x^2)", "at": {"x": 1}, "claimed": claimed})
    assert report["verdict"] == "not-differentiable"


def test_at_a_pole_no_slope_is_defensible(live: Live) -> None:
    _, report = live.post("/check", {"expr": "1/x^2", "at": {"x": 0}, "claimed": {"grad": {"x": 5}}})
    assert report["verdict"] == "not-differentiable"
    assert "defensible" not in report["message"]


@pytest.mark.parametrize(
    ("expr", "at"), [("y", {"x": 1, "y": 2}), ("1e5", {"x": 1}), ("sum(c[x:])", {"x": 1, "c": [1, 2]})]
)
def test_a_slope_is_claimed_of_an_input_that_has_none(live: Live, expr: str, at: dict[str, Any]) -> None:
    status, report = live.post("/check", {"expr": expr, "at": at, "wrt": "x", "claimed": {"grad": {"x": 5}}})
    assert status == 200
    assert report["verdict"] == "incorrect"


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="looks for processes in /proc")
def test_workers_end_with_the_process_that_started_them() -> None:
    with serving("--workers", "2") as live:
        children = [
            int(pid) for pid in Path(f"/proc/{live.process.pid}/task/{live.process.pid}/children").read_text().split()
        ]
        assert len(children) >= 2
        live.process.send_signal(signal.SIGKILL)
        live.process.wait(PATIENCE)
        end = time.monotonic() + PATIENCE
        while any(map(_runs, children)):
            assert time.monotonic() < end, "orphans"
            os.sched_yield()


def _runs(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"
