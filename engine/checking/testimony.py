"""What the witnesses say of the expected gradient."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from engine.checking.agreement import heard
from engine.checking.allowance import SLACK
from engine.checking.court import SHARES, Court, Witnesses
from engine.checking.truth import Truth, flat
from engine.compiled import Prepared
from engine.errors import EngineError
from engine.graph.types import Array
from engine.limits import Budget
from engine.precision.examine import signs
from engine.question import Answer, Question
from engine.verify.report import Witness


def engine(court: Court, question: Question, truth: Truth, names: Sequence[str], budget: Budget) -> Witness:
    """Reverse mode in float64 against the expected gradient, and forward mode against reverse mode."""
    if not names:
        return Witness("skipped", None, "there is nothing to differentiate")
    fast = flat(truth.fast, names)
    spoken = heard(np.where(np.isfinite(fast), fast, np.nan), flat(truth.expected, names), flat(truth.allowed, names))
    drawn = signs([np.shape(question.at[name]) for name in names])
    along = dict(zip(names, drawn, strict=True))
    pushed = replace(question, wrt=None, along=along, many=True)
    try:
        prepared = court.prepare(pushed, "jvp", budget)
        run = prepared.run(pushed, budget)
        tangents = np.asarray(run.parts["jvp"])
    except EngineError as error:
        if budget.cancelled:
            raise
        return replace(spoken, reason=f"forward mode was not compared: {error.detail}")
    lead = np.ndim(truth.expected[""])
    with np.errstate(all="ignore"):
        total, allowed = np.zeros(tangents.shape), np.zeros(tangents.shape)
        for name in names:
            fast = truth.fast[name]
            # An input that does not run over the points of a batch moves in the same way at all of them.
            still = np.ndim(question.at[name]) < fast.ndim
            moved = along[name][:, None] if still else along[name]
            axes = tuple(range(1 + lead, 1 + fast.ndim))
            total += np.sum(moved * fast, axis=axes)
            allowed += np.sum(np.abs(moved) * truth.allowed[name], axis=axes)
        apart = ~((np.abs(tangents - total) <= allowed) | ~np.isfinite(total) | ~np.isfinite(tangents))
        if apart.any():
            # Forward mode rounds elsewhere.
            apart &= np.abs(tangents - total) > allowed + SLACK * _rounding(prepared, run, pushed, budget)
    if apart.any() and truth.unknown:
        why = "there was no time to estimate its rounding errors"
        return replace(spoken, reason=f"forward mode was not compared: {why}")
    if apart.any():
        return Witness("disagree", spoken.max_ulp, "forward and reverse mode differ: this is our fault")
    return spoken


def _rounding(prepared: Prepared, run: Answer, pushed: Question, budget: Budget) -> Array:
    """The rounding errors of directional derivatives; 0 where they are not known."""
    try:
        errors = prepared.by_part(prepared.errors(run, pushed, budget))["jvp"]
    except EngineError:
        if budget.cancelled:
            raise
        return np.zeros(np.shape(run.parts["jvp"]))
    known: Array = np.nan_to_num(np.asarray(errors), nan=0.0, posinf=0.0)
    return known


def symbolic(
    witnesses: Witnesses, question: Question, truth: Truth, lost: Mapping[str, Array], budget: Budget
) -> Witness:
    """What sympy has, where the point is no special one."""
    if any(bool(np.any(mask)) for name, mask in lost.items() if name):
        return Witness("skipped", None, "the point is singular or on a kink, and was not looked at in high precision")
    if truth.sides:
        return Witness("skipped", None, "the point is on a kink")
    if truth.examination is not None and truth.examination.resolved.limits:
        return Witness("skipped", None, "the point is singular, and was resolved by limits")
    try:
        found = witnesses.symbolic(question, budget.share(SHARES["symbolic"] * budget.left))
    except EngineError as error:
        if budget.cancelled:
            raise
        return Witness("skipped", None, error.detail)
    names = list(found)
    if not names:
        return Witness("skipped", None, "there is nothing to differentiate")
    return heard(flat(found, names), flat(truth.expected, names), flat(truth.allowed, names))


def precise(truth: Truth, names: Sequence[str]) -> Witness:
    """What differences of the function in high precision give."""
    if not names:
        return Witness("skipped", None, "there is nothing to differentiate")
    if truth.examination is None:
        return Witness("skipped", None, truth.why_not)
    slopes = truth.examination.slopes
    if slopes.size:
        drawn = signs([truth.expected[name].shape for name in names])
        found = np.array([_along(drawn, truth.expected, names, k) for k in range(slopes.size)])
        allowed = np.array(
            [_along([np.abs(way) for way in drawn], truth.allowed, names, k) for k in range(slopes.size)]
        )
        spoken = heard(slopes, found, allowed)
        if spoken.status == "skipped":
            return spoken
        return replace(spoken, reason=f"looked at along {slopes.size} directions in which everything moves")
    silent = "the differences of the function did not settle: it is not differentiable here, or there was no time"
    if truth.late:
        silent = "there was no time to compute the function in high precision"
    return heard(flat(truth.differences, names), flat(truth.expected, names), flat(truth.allowed, names), silent)


def _along(drawn: Sequence[Array], arrays: Mapping[str, Array], names: Sequence[str], k: int) -> float:
    return float(sum(np.sum(way[k] * arrays[name]) for way, name in zip(drawn, names, strict=True)))
