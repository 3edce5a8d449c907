"""When float64 is not enough: which answers are computed again in more digits, and what is said of it.

`auto` looks at what the fast run has told: an answer that is not finite, a singular point, a kink, or a guard that
fired; in the last case the rounding error is estimated, and fewer than `ENOUGH` digits are not accepted.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Protocol

import numpy as np

from engine.compiled import Prepared
from engine.errors import BudgetExceeded, EngineError
from engine.limits import Budget
from engine.precision.digits import MOST
from engine.precision.resolved import Resolved, Sides
from engine.question import Answer, Array, Ask, Question, Warning

ENOUGH = 8.0
"""Digits that an answer must have to be given as it is."""
QUESTIONABLE = frozenset(("kink", "singular", "non-finite"))
"""Warnings of a fast run that a resolved answer replaces by what is true."""
MOST_SIDES = 20
LATE = "there was not enough time"


class Resolver(Protocol):
    """Computes an answer in as many digits as it takes.  Raises `BudgetExceeded`, or another `EngineError`."""

    def __call__(self, question: Question, ask: Ask, budget: Budget, needed: Sequence[Array] | None) -> Resolved: ...


def undecided(question: Question, answer: Answer) -> bool:
    """Whether the fast answer needs a second look before it is given."""
    if question.precision == "float64":
        return question.digits
    return question.precision == "exact" or question.digits or answer.guarded or answer.troubled


def decide(
    prepared: Prepared, question: Question, ask: Ask, answer: Answer, resolver: Resolver, budget: Budget
) -> Answer:
    """The answer as it is given: escalated where that is needed and possible, with its digits where they are asked
    for."""
    exact, auto = question.precision == "exact", question.precision == "auto"
    digits = None
    if not exact and (question.digits or (auto and answer.guarded)):
        digits = _estimated(prepared, question, answer, budget)
    low = digits is not None and _least(digits) < ENOUGH
    if (exact or (auto and (answer.troubled or low))) and _finite_inputs(question):
        answer, digits = _escalated(prepared, question, ask, answer, digits, resolver, budget)
    if question.digits and digits is None:
        # Exactness was asked for, and not possible: the answer is that of float64.
        digits = _estimated(prepared, question, answer, budget)
    if question.digits and digits is None and not exact:
        answer = replace(answer, warnings=[_not_estimated(), *answer.warnings])
    if question.digits and digits is not None:
        answer = replace(answer, digits=prepared.by_part([np.round(d, 1) for d in digits], np.round(MOST, 1)))
    return answer


def _estimated(prepared: Prepared, question: Question, answer: Answer, budget: Budget) -> list[Array] | None:
    if prepared.executable.control and not question.digits:
        # Nobody has asked: a look at a program may take as long as an escalation, and no longer.
        budget = budget.share(prepared.limits.escalation_seconds)
    try:
        return prepared.digits(answer, question, budget)
    except EngineError:
        if budget.cancelled:
            raise
        return None  # too large for a second computation


def _least(digits: Sequence[Array]) -> float:
    return min((float(np.min(d)) for d in digits if d.size), default=MOST)


def _finite_inputs(question: Question) -> bool:
    arrays = [*question.at.values(), *question.along.values()]
    return all(a.dtype.kind != "f" or bool(np.all(np.isfinite(a))) for a in arrays)


def _escalated(
    prepared: Prepared,
    question: Question,
    ask: Ask,
    answer: Answer,
    digits: list[Array] | None,
    resolver: Resolver,
    budget: Budget,
) -> tuple[Answer, list[Array] | None]:
    """The answer resolved, and its digits; as it was, with a warning, where that takes too long."""
    start, exact = time.perf_counter(), question.precision == "exact"
    try:
        if not budget.left:
            raise BudgetExceeded("No time was left for high precision.")
        needed = None if exact else [_in_doubt(*pair) for pair in _pairs(answer, digits)]
        found = resolver(question, ask, budget.share(prepared.limits.escalation_seconds), needed)
    except EngineError as error:
        if budget.cancelled:
            raise
        return replace(answer, warnings=[_given_up(question, error, digits), *answer.warnings]), digits
    seconds = time.perf_counter() - start
    outputs = [_merged(a, b, sure) for a, b, sure in zip(answer.outputs, found.outputs, found.sure, strict=True)]
    changed = sum(_differences(a, b) for a, b in zip(answer.outputs, outputs, strict=True))
    made = prepared.replaced(answer, outputs)
    if digits is None:
        digits = [np.where(sure, MOST, np.nan) for sure in found.sure]
    right = [np.where(sure, MOST, before) for sure, before in zip(found.sure, digits, strict=True)]
    warnings = _warnings(question, answer, found, outputs, changed, seconds)
    # What is not finite has a warning of its own, and no digits that could be few.
    least = _least([d[np.isfinite(output) & ~np.isnan(d)] for d, output in zip(right, outputs, strict=True)])
    unsettled = sum(
        int(np.count_nonzero(~sure & np.isfinite(output))) for sure, output in zip(found.sure, outputs, strict=True)
    )
    if least < ENOUGH:
        warnings.insert(0, _still_few(least, found.late))
    elif exact and unsettled:
        warnings.insert(0, _unsettled(unsettled, found))
    elif found.late and not found.whole:
        warnings.insert(0, Warning("ill-conditioned", f"Not everything could be computed again: {LATE}."))
    if question.digits and any(np.any(np.isnan(d)) for d in right):
        right = [np.where(np.isnan(d), 0.0, d) for d in right]
    timing = {**answer.seconds, "escalate": seconds}
    return replace(made, warnings=warnings, seconds=timing), right


def _pairs(answer: Answer, digits: Sequence[Array] | None) -> list[tuple[Any, Array | None]]:
    return list(zip(answer.outputs, digits if digits is not None else [None] * len(answer.outputs), strict=True))


def _in_doubt(output: Any, digits: Array | None) -> Array:
    """The elements of an output that are not finite, or have too few digits."""
    finite = np.asarray(np.isfinite(output))
    return ~finite if digits is None else ~finite | (digits < ENOUGH)


def _merged(before: Any, found: Array, sure: Array) -> Any:
    if found.dtype.kind != "f":
        return before
    return np.where(sure, found, before)[()]


def _differences(before: Any, after: Any) -> int:
    if np.asarray(after).dtype.kind != "f":
        return 0
    return int(np.count_nonzero(~((before == after) | (np.isnan(before) & np.isnan(after)))))


def _warnings(
    question: Question, answer: Answer, found: Resolved, outputs: Sequence[Any], changed: int, seconds: float
) -> list[Warning]:
    """The warnings of the fast run, without those that no longer hold, and with what has been found out."""
    finite = all(bool(np.all(np.isfinite(output))) for output in outputs)
    open_ = not found.whole
    kept: list[Warning] = []
    for warning in answer.warnings:
        if warning.code == "kink":
            # A kink that is none for the function as a whole is told below, as a limit.
            if found.sides or open_ or not found.limits:
                kept.append(_with_sides(warning, found.sides))
        elif warning.code == "singular":
            if found.sides or open_:
                kept.append(_with_sides(warning, found.sides))
        elif warning.code == "non-finite":
            if open_ or not finite:
                kept.append(warning)
        else:
            kept.append(warning)
    if found.sides and not any(warning.code in QUESTIONABLE for warning in kept):
        # Met by the limits alone: float64 saw nothing, as at 0 of the second derivative of softsign.
        text = "A derivative that is asked for does not exist here: from both sides it is not the same."
        kept.append(_with_sides(Warning("kink", text), found.sides))
    first: list[Warning] = []
    if found.moved:
        first.append(_as_limit(answer.warnings, found.moved))
    if changed or question.precision == "exact":
        first.append(_told(found, changed, seconds))
    return [*first, *kept]


def _with_sides(warning: Warning, sides: Sequence[Sides]) -> Warning:
    if not sides:
        return warning
    listed = [
        {
            "part": s.part,
            "inputs": list(s.inputs),
            "index": list(s.index),
            "left": _told_side(s.left),
            "right": _told_side(s.right),
        }
        for s in sides[:MOST_SIDES]
    ]
    extra: Mapping[str, Any] = {**warning.extra, "sides": listed}
    return replace(warning, extra=extra)


def _told_side(value: float | None) -> float | str | None:
    if value is None or np.isfinite(value):
        return value
    return "NaN" if value != value else "Infinity" if value > 0 else "-Infinity"


def _as_limit(warnings: Sequence[Warning], count: int) -> Warning:
    spot = next((w for w in warnings if w.code in QUESTIONABLE), None)
    number, it = (
        ("1 number of the answer", "it is the limit") if count == 1 else (f"{count} numbers", "they are limits")
    )
    text = f"By the rules, {number} would be undefined or a convention here; {it} from all sides that there are."
    extra: dict[str, Any] = {"count": count, "resolved": True}
    if spot is not None and "operation" in spot.extra:
        extra["operation"] = spot.extra["operation"]
    return Warning("singular", text, spot.span if spot is not None else None, extra)


def _told(found: Resolved, changed: int, seconds: float) -> Warning:
    what = "1 number" if changed == 1 else f"{changed} numbers"
    text = f"Computed again with up to {found.digits} digits and rounded once; {what} of the answer changed."
    extra = {"digits": found.digits, "count": changed, "milliseconds": round(1e3 * seconds, 1)}
    return Warning("escalated", text, None, extra)


def _not_estimated() -> Warning:
    return Warning("ill-conditioned", "How many digits are right could not be told within the limits on a request.")


def _still_few(least: float, late: bool) -> Warning:
    why = f"; not everything could be computed again: {LATE}" if late else ", also after a second look"
    text = f"About {least:.0f} digits of the worst number are right{why}."
    return Warning("ill-conditioned", text, None, {"digits": round(least, 1)})


def _unsettled(count: int, found: Resolved) -> Warning:
    what = "1 number is that" if count == 1 else f"{count} numbers are those"
    why = LATE if found.late else f"up to {found.digits} digits did not settle {'it' if count == 1 else 'them'}"
    text = f"{what} of float64: {why}."
    return Warning("ill-conditioned", text, None, {"count": count})


def _given_up(question: Question, error: EngineError, digits: Sequence[Array] | None) -> Warning:
    why = error.detail[:1].lower() + error.detail[1:].rstrip(".")
    if digits is not None and _least(digits) < ENOUGH:
        least = _least(digits)
        text = f"About {least:.0f} digits of the worst number are right; more precision was not possible: {why}."
        return Warning("ill-conditioned", text, None, {"digits": round(least, 1)})
    return Warning("ill-conditioned", f"This is the answer in float64; more precision was not possible: {why}.")
