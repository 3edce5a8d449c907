"""The verdict on a gradient from values of the function at the points of a plan."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np

from engine.question import Array
from engine.verify.diagnosis import explain_arrays
from engine.verify.judge_words import Findings, message, why
from engine.verify.measured import Measured, measure
from engine.verify.plan import Plan
from engine.verify.plan_report import Estimated, OneSided, PlanReport
from engine.verify.report import Claim, Component, Hypothesis, Verdict, Witness
from engine.verify.weigh import Weighed, weigh

WORST = 100
"""Components that a report shows, at most."""
EXPLAINED = 1e-2
"""A mistake that leaves no more than this part of the mismatch is named in the message."""
DIRECTION = "direction"
"""The name under which random directions are reported."""


def judge(
    plan: Plan,
    values: Array,
    grad: Mapping[str, Array],
    value: float | None = None,
    tolerance: float | None = None,
) -> PlanReport:
    """The report on `grad`, arrays in the shapes of `plan.x`, and on `value`.

    `values`: (plan.count,) float64, in the order of the points, NaN where the function is not defined.  `tolerance`:
    the relative error that is allowed, and that has to be visible; None allows half of the digits that the client
    computes with, and asks for an error of 1e-3 to be visible.
    """
    with np.errstate(all="ignore"):
        found = measure(plan, values)
        claimed = np.concatenate([np.asarray(grad[name], dtype=np.float64).ravel() for name in plan.x])
        weighed = weigh(plan, found, claimed, tolerance)
        base = None if value is None else _value(value, float(values[0]), found, weighed.slack)
        return _report(plan, values, found, weighed, grad, base, tolerance)


def _report(
    plan: Plan,
    values: Array,
    found: Measured,
    weighed: Weighed,
    grad: Mapping[str, Array],
    base: Component | None,
    tolerance: float | None,
) -> PlanReport:
    slopes = found.slopes
    rough = slopes.kink | slopes.steep
    verdict: Verdict = "correct"
    # A gradient that is not a number is wrong wherever there is one.
    if weighed.wrong.any() or (base is not None and not base.ok):
        verdict = "incorrect"
    elif rough.any():
        verdict = "not-differentiable"
    elif not weighed.told.all() or not math.isfinite(values[0]):
        verdict = "inconclusive"
    rows = [_estimated(plan, found, weighed, i) for i in range(plan.directions)]
    diagnosis = _diagnosis(plan, found, weighed, grad) if verdict == "incorrect" else ()
    findings = Findings(plan, values, found, weighed, verdict, rows, base, tolerance)
    off = np.abs(weighed.claimed - slopes.value) / weighed.allowed
    order = np.argsort(-np.where(weighed.ok, np.nan_to_num(off), np.inf), kind="stable")
    return PlanReport(
        verdict=verdict,
        message=message(findings)
        + (f" {diagnosis[0].detail}" if diagnosis and diagnosis[0].residual < EXPLAINED else ""),
        components=[rows[i] for i in np.sort(order[:WORST])],
        count=len(rows),
        wrong=int(np.count_nonzero(~weighed.ok)),
        witnesses={"differences": _witness(weighed, rows)},
        tolerance=why(findings),
        diagnosis=diagnosis,
        value=base,
        kinks=tuple(_one_sided(plan, found, int(i)) for i in np.flatnonzero(rough)[:WORST]),
        noise=found.noise,
    )


def _estimated(plan: Plan, found: Measured, weighed: Weighed, i: int) -> Estimated:
    name, index = _place(plan, i)
    expected, bar = float(found.slopes.value[i]), float(found.slopes.bar[i])
    if found.slopes.kink[i] or found.slopes.steep[i]:
        expected, bar = math.nan, math.inf
    claimed = float(weighed.claimed[i])
    errors = _errors(claimed, expected)
    return Estimated(name, index, claimed, expected, *errors, bool(weighed.ok[i]), bar if math.isfinite(bar) else None)


def _value(claimed: float, expected: float, found: Measured, slack: float) -> Component:
    near = abs(claimed - expected) <= 6 * found.noise.absolute + slack * abs(expected)
    return Component("value", (), claimed, expected, *_errors(claimed, expected), near or claimed == expected)


def _errors(claimed: float, expected: float) -> tuple[float, float, float]:
    """Absolute, relative and in ULP; NaN where that has no meaning."""
    error = abs(claimed - expected)
    relative = error / abs(expected) if expected else (0.0 if error == 0 else math.nan)
    ulps = error / float(np.spacing(abs(expected))) if math.isfinite(expected) else math.nan
    return error, relative, ulps


def _place(plan: Plan, i: int) -> tuple[str, tuple[int, ...]]:
    return plan.place(i) if plan.random is None else (DIRECTION, (i,))


def _one_sided(plan: Plan, found: Measured, i: int) -> OneSided:
    name, index = _place(plan, i)
    if not found.slopes.kink[i]:
        return OneSided(name, index, None, None)
    return OneSided(name, index, float(found.slopes.left.value[i]), float(found.slopes.right.value[i]))


def _witness(weighed: Weighed, rows: list[Estimated]) -> Witness:
    known = weighed.known
    if not known.any():
        return Witness("skipped", None, "The values do not determine a derivative.")
    most = max(row.ulp_error for row, says in zip(rows, known, strict=True) if says)
    reason = None if known.all() else f"Nothing is said of {np.count_nonzero(~known)} of {len(rows)}."
    return Witness("disagree" if weighed.wrong.any() else "agree", most, reason)


def _diagnosis(plan: Plan, found: Measured, weighed: Weighed, grad: Mapping[str, Array]) -> list[Hypothesis]:
    if plan.random is not None or not weighed.known.all() or not np.isfinite(weighed.claimed).all():
        return []
    return list(explain_arrays(Claim(grad, plan.split(found.slopes.value), plan.split(weighed.allowed))))
