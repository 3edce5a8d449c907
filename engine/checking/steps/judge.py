"""The verdict on a claimed run of an optimiser, and what explains it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from engine.checking.steps.mistakes import MISTAKES
from engine.checking.steps.nadam import in_single
from engine.checking.steps.run import ROUNDED, Prediction, Run, predict
from engine.errors import BudgetExceeded
from engine.graph.types import Array
from engine.limits import Budget

Verdict = Literal["correct", "incorrect", "inconclusive"]
SHOWN = 100
"""Steps that a report shows, at most, beside the worst."""
WINDOW = 100
"""Steps after the first wrong one that a mistake has to explain."""
VISIBLE = 10.0
"""How many times what is allowed a step has to be, for it to tell anything."""
NEAR = 0.05
"""A mistake that leaves less than this part of the difference is told, though it does not explain all of it."""
MOST_TOLD = 10
SHARE = 0.7
"""What of the remaining time the search for mistakes may take."""
DIGITS_32 = 9
CLOSE_32 = 1e-3
SIMPLE = 1e-9


@dataclass(frozen=True, slots=True)
class Number:
    """One parameter after one step, counted from 1."""

    step: int
    input: str
    index: tuple[int, ...]
    claimed: float
    expected: float
    relative: float


@dataclass(frozen=True, slots=True)
class Difference:
    """The largest difference in a step: relative to the parameters, and to the step itself."""

    step: int
    relative: float
    of_step: float
    ok: bool


@dataclass(frozen=True, slots=True)
class Explanation:
    """A mistake, the part of the difference that it leaves, and whether it explains every step that was looked at."""

    kind: str
    detail: str
    residual: float
    explains: bool


@dataclass(frozen=True, slots=True)
class StepsReport:
    """What is to be said of a claimed run."""

    verdict: Verdict
    message: str
    steps: int
    wrong: int
    first_wrong: Number | None
    differences: Sequence[Difference]
    worst: Difference | None
    diagnosis: Sequence[Explanation]
    method: Mapping[str, object]


def judge(run: Run, budget: Budget, doubt: str | None = None) -> StepsReport:
    """The report on a run.  `doubt` says why the gradients may be others than the client's, where they may.

    Each step is made from the claimed parameters before it, so that one wrong step is one wrong step, with what the
    method keeps as it follows from the gradients.  Raises `BudgetExceeded`.
    """
    right = predict(run, budget)
    excess = right.excess(run.iterates)
    if run.method.rule.name == "nadam" and np.any(excess[right.known] > 0):
        # Those of torch are right too.
        other = replace(run, method=in_single(run.method))
        beside = predict(other, budget)
        if not np.any(beside.excess(run.iterates)[beside.known] > 0):
            run, right, excess = other, beside, beside.excess(run.iterates)
    # From numbers that are not finite nothing can be expected.
    excess = np.where(right.known, excess, 0.0)
    rows = _differences(run, right, excess)
    wrong = np.flatnonzero(excess.max(axis=1) > 0) if excess.size else np.zeros(0, dtype=int)
    verdict, message, first = _verdict(run, right, excess, wrong)
    diagnosis: Sequence[Explanation] = ()
    if verdict == "incorrect":
        assert first is not None
        diagnosis, late = _diagnosed(run.first(first.step + WINDOW), budget.share(SHARE * budget.left))
        if diagnosis:
            message += f" {diagnosis[0].detail}"
        if late:
            message += " There was not enough time to try all mistakes."
        if doubt and not (diagnosis and diagnosis[0].explains):
            verdict, message = "inconclusive", f"{message} But {doubt}"
    worst = max(rows, key=lambda row: (not row.ok, row.of_step), default=None)
    told = {"name": run.method.rule.name, **run.method.options}
    return StepsReport(verdict, message, len(rows), len(wrong), first, rows[:SHOWN], worst, diagnosis, told)


def _verdict(run: Run, right: Prediction, excess: Array, wrong: Array) -> tuple[Verdict, str, Number | None]:
    with np.errstate(all="ignore"):
        visible = right.known & (np.abs(right.x - run.before) > VISIBLE * right.allowed)
    count = len(run.rates)
    many = "1 step" if count == 1 else f"{count:,} steps"
    name = run.method.rule.name
    if wrong.size:
        k = int(wrong[0])
        number = _number(run, right, k, int(np.argmax(excess[k])))
        place = f"{number.input}{list(number.index) if number.index else ''}"
        return (
            "incorrect",
            f"Step {number.step} is not that of {name}: {place} is {number.claimed!r} and should be "
            f"{number.expected!r}. {wrong.size:,} of {many} {'is' if wrong.size == 1 else 'are'} wrong.",
            number,
        )
    unknown = ~right.known & ~_same(run.iterates, right.x)
    if unknown.any():
        k = int(np.argmax(unknown.any(axis=1)))
        return (
            "inconclusive",
            f"From step {k + 1} on, the expected numbers are not finite; before it nothing is wrong.",
            None,
        )
    if not visible.any():
        why = "every expected step is 0"
        if np.any(right.known & (right.x != run.before)):
            why = "every step is lost in the rounding of the parameters, or in the tolerance"
        elif not right.known.any():
            why = "no expected number is finite"
        return "inconclusive", f"The iterates cannot tell: {why}.", None
    return "correct", f"All {many} are those of {name}." if count > 1 else f"The step is that of {name}.", None


def _same(a: Array, b: Array) -> Array:
    return np.asarray((a == b) | (np.isnan(a) & np.isnan(b)))


def _number(run: Run, right: Prediction, k: int, column: int) -> Number:
    claimed, expected = float(run.iterates[k, column]), float(right.x[k, column])
    size = max(abs(expected), abs(float(run.before[k, column])))
    with np.errstate(all="ignore"):
        relative = float(np.divide(abs(claimed - expected), size)) if claimed != expected else 0.0
    return Number(k + 1, *run.place(column), claimed, expected, relative)


def _differences(run: Run, right: Prediction, excess: Array) -> list[Difference]:
    with np.errstate(all="ignore"):
        off = np.where(_same(run.iterates, right.x), 0.0, np.abs(run.iterates - right.x))
        relative = np.where(off == 0, 0.0, off / np.maximum(np.abs(right.x), np.abs(run.before)))
        of_step = np.where(off == 0, 0.0, off / np.abs(right.x - run.before))
    wide = run.start.size > 0
    return [
        Difference(
            k + 1,
            float(relative[k].max()) if wide else 0.0,
            float(of_step[k].max()) if wide else 0.0,
            not (wide and excess[k].max() > 0),
        )
        for k in range(len(run.rates))
    ]


def _diagnosed(run: Run, budget: Budget) -> tuple[list[Explanation], bool]:
    """The mistakes that explain the run, best first, and whether time was up before all were tried."""
    right = predict(run, budget)
    found: list[Explanation] = []
    late = False
    try:
        for mistake in MISTAKES:
            tried = [_explained(mistake.kind, mistake.detail, run, right, made, budget) for made in mistake.make(run)]
            if tried:
                found.append(max(tried, key=lambda e: (e.explains, -e.residual)))
        found += _scaled(run, right, budget)
        if not any(e.explains for e in found):
            found += _rounded(run, right, budget)
    except BudgetExceeded:
        if budget.cancelled:
            raise
        late = True
    told = [e for e in found if e.explains] + sorted(
        (e for e in found if not e.explains and e.residual < NEAR), key=lambda e: e.residual
    )
    return told[:MOST_TOLD], late


def _explained(kind: str, detail: str, run: Run, right: Prediction, made: Run, budget: Budget) -> Explanation:
    found, steps = predict(made, budget), len(made.rates)
    run, right = run.first(steps), Prediction(right.x[:steps], right.allowed[:steps])
    known = found.known | ~np.isfinite(run.iterates)
    excess = np.where(known, found.excess(run.iterates), np.inf)
    excess = np.where(_same(run.iterates, found.x), 0.0, excess)
    return Explanation(kind, detail, _residual(run, right, excess), bool(np.all(excess == 0)))


def _residual(run: Run, right: Prediction, excess: Array) -> float:
    """What is left of the difference, each number in units of its step."""
    with np.errstate(all="ignore"):
        size = np.maximum(np.abs(right.x - run.before), np.abs(run.iterates - run.before)) + right.allowed
        off, left = np.abs(run.iterates - right.x) / size, excess / size
        use = np.isfinite(off) & np.isfinite(size)
        if not use.any():
            return 0.0 if not np.any(excess) else 1.0
        ratio = float(np.linalg.norm(left[use]) / np.linalg.norm(off[use]))
    return ratio if np.isfinite(ratio) else 1.0


def _scaled(run: Run, right: Prediction, budget: Budget) -> list[Explanation]:
    """The learning rate that explains the run, if one does: all rules are linear in it."""
    with np.errstate(all="ignore"):
        claimed, expected = run.iterates - run.before, right.x - run.before
        use = np.isfinite(claimed) & np.isfinite(expected) & (np.abs(expected) > VISIBLE * right.allowed)
        if not use.any():
            return []
        # Where the step is largest next to the parameter, its quotient has most digits.
        best = np.argmax(np.where(use, np.abs(expected) / right.allowed, 0.0))
        factor = float(claimed.flat[best] / expected.flat[best])
    if not np.isfinite(factor) or factor == 0 or factor == 1:
        return []
    short = float(f"{factor:.6g}")
    factor = short if abs(factor / short - 1) < SIMPLE else factor
    made = replace(run, rates=factor * run.rates)
    detail = f"The learning rate is off by a factor of {factor:.6g}."
    return [_explained("learning-rate", detail, run, right, made, budget)]


def _rounded(run: Run, right: Prediction, budget: Budget) -> list[Explanation]:
    """Arithmetic in float32, or numbers that were written with few digits."""
    single = predict(run, budget, np.float32, ROUNDED)
    numbers = run.iterates[np.isfinite(run.iterates)]
    excess = np.where(single.known, single.excess(run.iterates), np.inf)
    residual = _residual(run, right, excess)
    with np.errstate(all="ignore"):
        short, shorter = (
            all(float(f"{v:.{digits}g}") == v for v in numbers[:1000].tolist()) for digits in (DIGITS_32, DIGITS_32 - 2)
        )
        in_single = bool(np.all(numbers.astype(np.float32).astype(np.float64) == numbers))
        size = np.maximum(np.abs(right.x), np.abs(run.before))
        off = np.where(_same(run.iterates, right.x), 0.0, np.abs(run.iterates - right.x) / size)
    if bool(np.all(excess == 0)) and (in_single or (short and not shorter)):
        detail = "The arithmetic is that of float32: the steps are right to its digits."
        return [Explanation("float32", detail, residual, True)]
    digits = -np.log10(max(float(np.max(off)), 1e-17)) if off.size and np.all(np.isfinite(off)) else 0.0
    if digits >= -np.log10(CLOSE_32) and short:
        detail = f"The iterates agree to {int(digits)} digits, and are written with few: send all 17."
        return [Explanation("few-digits", detail, residual, True)]
    return []
