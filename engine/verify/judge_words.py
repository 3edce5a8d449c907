"""The verdict on values of a plan, in words."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from engine.question import Array
from engine.verify.measured import Measured
from engine.verify.noise import FEW_DIGITS, digits_of
from engine.verify.plan import ROUNDOFF, Plan
from engine.verify.plan_report import Estimated
from engine.verify.report import Component, Tolerance, Verdict
from engine.verify.weigh import Weighed

SLIGHT = 1e-4
"""Relative errors below this are those of solvers, rather than of formulas."""


@dataclass(frozen=True, slots=True)
class Findings:
    """All that the words are about; `rows` by direction, all of them."""

    plan: Plan
    values: Array
    found: Measured
    weighed: Weighed
    verdict: Verdict
    rows: Sequence[Estimated]
    base: Component | None
    tolerance: float | None


def message(findings: Findings) -> str:
    """The verdict in one sentence, or two if there is something to do."""
    return {
        "correct": _correct,
        "incorrect": _incorrect,
        "not-differentiable": _not_differentiable,
        "inconclusive": _inconclusive,
    }[findings.verdict](findings)


def why(findings: Findings) -> Tolerance:
    """The tolerance that held, and where it comes from."""
    noise, precision = findings.found.noise, findings.plan.precision
    source = {
        True: f"noise of {noise.relative:.1e} of the values, as measured",
        False: f"noise of {noise.relative:.1e} of the values, "
        + ("as told" if findings.plan.noise is not None else f"the rounding of {precision}"),
    }[noise.measured]
    slack = (
        f"{findings.weighed.slack:.1e} for a gradient in {precision}"
        if findings.tolerance is None
        else "the tolerance asked for"
    )
    if not math.isfinite(findings.weighed.resolved):
        return Tolerance(findings.weighed.slack, f"{slack}; the values determine no derivative ({source}).")
    bars = f"the error bars of the differences, at most {findings.weighed.resolved:.1e} of a component"
    return Tolerance(findings.weighed.slack + findings.weighed.resolved, f"{slack}, and {bars}: {source}.")


def _correct(findings: Findings) -> str:
    what, weighed = _counted(findings), findings.weighed
    if weighed.flat:
        most = max(row.error_bar or 0.0 for row in findings.rows)
        return f"The gradient is 0 as far as the values can tell, and so is the claimed one: {what}, ± {most:.1e}."
    to = weighed.resolved + weighed.slack
    return f"The gradient agrees with the values of the function: {what}, to a relative {to:.1e}."


def _counted(findings: Findings) -> str:
    count = len(findings.rows)
    if findings.plan.random is not None:
        return f"{count} random directional derivative" + "s" * (count > 1)
    return f"{count} component" + "s" * (count > 1)


def _incorrect(findings: Findings) -> str:
    base = findings.base
    if not findings.weighed.wrong.any() and base is not None:
        claimed, given = f"{base.claimed:.6g}", f"{base.expected:.6g}"
        return f"The claimed value is wrong: {claimed}, and the function gave {given} at the point."
    rows = [row for row, wrong in zip(findings.rows, findings.weighed.wrong, strict=True) if wrong]
    worst = max(rows, key=lambda row: math.inf if math.isnan(row.abs_error) else row.abs_error)
    bar = "" if worst.error_bar is None else f" ± {worst.error_bar:.1e}"
    text = f"{len(rows)} of {_counted(findings)} {'is' if len(rows) == 1 else 'are'} wrong; the largest mismatch is at "
    if len(findings.rows) == 1:
        text = "The gradient is wrong at "
    text += f"{_shown(worst)}: claimed {worst.claimed:.10g}, and the differences give {worst.expected:.10g}{bar}."
    if findings.tolerance is None and max(row.rel_error for row in rows) < SLIGHT:
        text += " So little may come of a solver inside the function: then send what is expected of it as `tolerance`."
    return text


def _not_differentiable(findings: Findings) -> str:
    slopes, step = findings.found.slopes, float(findings.plan.steps[-1])
    i = int(np.flatnonzero(slopes.kink | slopes.steep)[0])
    row = findings.rows[i]
    where = _shown(row)
    scale = "the scale" if findings.plan.random is None else "the direction"
    down_to = f"down to steps of {step:.0e} of {scale}"
    if slopes.jump[i]:
        return f"The function jumps at the point along {where}, {down_to}, so it has no derivative there."
    if slopes.steep[i]:
        return f"The slope along {where} grows without end, {down_to}, so there is no derivative at the point."
    left, right = float(slopes.left.value[i]), float(slopes.right.value[i])
    text = f"There is a kink at the point: along {where} the derivative is {left:.6g} from the left and {right:.6g}"
    between = "lies between them" if row.ok else "does not even lie between them"
    return f"{text} from the right, {down_to}; the claimed {row.claimed:.6g} {between}."


def _inconclusive(findings: Findings) -> str:
    values, found = findings.values, findings.found
    if not math.isfinite(values[0]):
        return "The function has no finite value at the point itself; choose a point inside its domain."
    bars = found.slopes.bar
    if not np.isfinite(bars).all():
        where = _shown(findings.rows[int(np.flatnonzero(~np.isfinite(bars))[0])])
        text = f"Too few values along {where} are finite to tell the derivative"
        return f"{text}; send a smaller `scale`, so that the points stay inside the function's domain."
    row = findings.rows[int(np.argmin(findings.weighed.told))]
    bar = math.inf if row.error_bar is None else row.error_bar
    text = f"The values cannot tell: at {_shown(row)} they give {row.expected:.6g} ± {bar:.1e}"
    return f"{text}. {_advice(findings, row)}"


def _advice(findings: Findings, row: Estimated) -> str:
    noise, plan = findings.found.noise, findings.plan
    written = digits_of(findings.values[np.isfinite(findings.values)])
    noisy = noise.measured and noise.relative > 100 * ROUNDOFF[plan.precision]
    if noisy and written <= FEW_DIGITS:
        return f"They are written with {written} digits; write all 17 that a float64 has."
    if noisy:
        text = f"They carry about {noise.digits:.0f} digits; compute them more exactly, or send a larger `scale`"
        return f"{text} if the function changes only over larger steps."
    if findings.tolerance is not None and findings.weighed.resolved < 1e-3:
        return f"They can tell relative errors from {findings.weighed.resolved:.0e} on; ask for a larger `tolerance`."
    text = "The function changes too fast, or too little, over the steps; send a smaller `scale` if it varies over"
    return f"{text} shorter lengths, a larger one if it hardly varies."


def _shown(row: Estimated) -> str:
    return row.input + (f"[{', '.join(map(str, row.index))}]" if row.index else "")
