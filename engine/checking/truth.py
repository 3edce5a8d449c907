"""What is expected of a claim: from high precision, or float64 where that is out of reach; and what is allowed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from engine.checking.allowance import allowance
from engine.checking.court import SHARES, Assertion, Court, Witnesses
from engine.checking.intermediate import intermediate_errors
from engine.checking.kinks import met, points_of, scaled, without_jumps
from engine.compiled import Prepared
from engine.errors import EngineError
from engine.graph.types import Array
from engine.limits import Budget
from engine.precision.examine import PERTURBATION, Examination
from engine.precision.resolve import Sides
from engine.question import Answer, Question

FLOAT64_DIGITS = 16


@dataclass(frozen=True, slots=True)
class Truth:
    """What is expected, by part of the answer (`""` for the value), with everything that belongs to it.

    `allowed` for the witnesses; `strict` for a claim, which a kink does not excuse from being near it, and `beside` for
    a claim beside the derivatives from both sides of one.  `sure`: whether the expected numbers are known in all their
    digits.
    """

    expected: dict[str, Array]
    fast: dict[str, Array]
    differences: dict[str, Array]
    allowed: dict[str, Array]
    strict: dict[str, Array]
    beside: dict[tuple[str, tuple[int, ...]], float]
    spread: dict[str, Array]
    sure: dict[str, Array]
    examination: Examination | None
    why_not: str | None
    unknown: bool
    """Whether there was no time to find out how much is lost by rounding."""

    @property
    def sides(self) -> Sequence[Sides]:
        """The components without a derivative, with what there is from both sides."""
        return () if self.examination is None else self.examination.resolved.sides

    @property
    def late(self) -> bool:
        """Whether high precision did not even evaluate the gradient."""
        return self.examination is None or self.examination.resolved.digits <= FLOAT64_DIGITS

    def condition(self, names: Sequence[str]) -> float | None:
        """The largest relative change of the gradient per relative change of the inputs; None if it is not known."""
        if self.examination is None or not names:
            return None
        expected, spread = flat(self.expected, names), flat(self.spread, names)
        with np.errstate(all="ignore"):
            ratio = spread / np.abs(expected)
        known = ratio[np.isfinite(ratio)]
        return float(np.max(known)) if known.size else None


def truth_of(
    court: Court,
    prepared: Prepared,
    witnesses: Witnesses,
    question: Question,
    answer: Answer,
    assertion: Assertion,
    budget: Budget,
) -> Truth:
    """What is expected: from high precision, or from float64 with its rounding errors where that is out of reach."""
    fast = _by_name(prepared.by_part(answer.outputs))
    try:
        share = budget.share(SHARES["errors"] * budget.left)
        errors, known = _by_name(prepared.by_part(prepared.errors(answer, question, share))), True
    except EngineError:
        if budget.cancelled:
            raise
        errors, known = {name: np.full(np.shape(a), np.nan) for name, a in fast.items()}, False
    examination, why_not = None, None
    try:
        examination = witnesses.examine(question, "grad", budget.share(SHARES["examine"] * budget.left))
    except EngineError as error:
        if budget.cancelled:
            raise
        why_not = error.detail
    if examination is None:
        nothing = {name: np.full(np.shape(a), np.nan) for name, a in fast.items()}
        expected, differences, spread = fast, nothing, nothing
        sure = {name: np.zeros(np.shape(a), dtype=bool) for name, a in fast.items()}
    else:
        expected = _by_name(prepared.by_part(examination.resolved.outputs))
        differences = _by_name(prepared.by_part(examination.differences))
        spread = _by_name(prepared.by_part(examination.spread))
        sure = _by_name(prepared.by_part(examination.resolved.sure, of_zeros=True))

    def granted(changes: Mapping[str, Array], lost: Mapping[str, Array]) -> dict[str, Array]:
        precision, tolerance = assertion.precision, assertion.tolerance
        return {
            name: allowance(number, changes[name], lost[name], precision, tolerance)
            for name, number in expected.items()
        }

    allowed = strict = granted(spread, errors)
    beside: dict[tuple[str, tuple[int, ...]], float] = {}
    sides = [] if examination is None else examination.resolved.sides
    if not sides and examination is not None and _outside(assertion, expected, strict):
        errors |= _of_intermediates(court, question, errors, budget)
        allowed = strict = granted(spread, errors)
    if sides:
        inputs = [np.asarray(x) for x in question.at.values() if np.asarray(x).dtype.kind == "f"]
        points = points_of(sides, np.ndim(expected[""]))
        moved, _ = without_jumps(expected, scaled(spread, PERTURBATION), sides, inputs, points)
        rounded, _ = without_jumps(expected, errors, sides, inputs, points)
        smooth = scaled(moved, 1 / PERTURBATION)
        strict = granted(smooth, rounded)
        for (name, index), side in met(sides).items():
            ends = np.array([end for end in (side.left, side.right) if end is not None])
            change, loss = (np.broadcast_to(found[name][index], ends.shape) for found in (smooth, rounded))
            near = allowance(ends, change, loss, assertion.precision, assertion.tolerance)
            beside[name, index] = float(np.max(near, initial=0.0))
    unknown = not known and assertion.tolerance is None
    return Truth(expected, fast, differences, allowed, strict, beside, spread, sure, examination, why_not, unknown)


def _outside(assertion: Assertion, expected: Mapping[str, Array], allowed: Mapping[str, Array]) -> bool:
    """Whether any number of a claim about the gradient is not near enough."""
    if assertion.tolerance is not None:
        return False
    with np.errstate(invalid="ignore"):
        return any(
            a.shape == expected[n].shape and bool(np.any(np.abs(a - expected[n]) > allowed[n]))
            for n, a in (assertion.grad or {}).items()
        )


def _of_intermediates(
    court: Court, question: Question, errors: Mapping[str, Array], budget: Budget
) -> Mapping[str, Array]:
    """The rounding errors of the gradient, and those that another formula for it would have."""
    try:
        found = intermediate_errors(court.subject(question, budget), question, budget)
    except EngineError:
        if budget.cancelled:
            raise
        return {}
    return {name: np.fmax(errors[name], more) for name, more in found.items()}


def _by_name(parts: Mapping[str, Any]) -> dict[str, Array]:
    """Gradients by input, the value under the empty name."""
    return {"": np.asarray(parts["value"])} | {name: np.asarray(a) for name, a in parts["grad"].items()}


def flat(arrays: Mapping[str, Array], names: Sequence[str]) -> Array:
    """Arrays by name in a row."""
    return np.concatenate([np.ravel(arrays[name]) for name in names])
