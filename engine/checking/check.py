"""`check`: a claimed value and gradient held against independent witnesses."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from engine.checking.adjoints import claimed_adjoints
from engine.checking.allowance import told
from engine.checking.court import Assertion, Court, Witnesses, stated_rule
from engine.checking.kinks import between, met
from engine.checking.mistakes import mistakes
from engine.checking.rows import MOST_ROWS, badness, components, worst
from engine.checking.testimony import engine, precise, symbolic
from engine.checking.truth import Truth, truth_of
from engine.checking.verdict import verdict
from engine.errors import EngineError, Fault, InvalidRequest, ShapeMismatch
from engine.graph.types import Array, Shape
from engine.limits import Budget
from engine.precision.resolve import Sides
from engine.question import Answer, Question
from engine.verify.report import AdjointReport, Claim, Component, Hypothesis, Report, Verdict, Witness

WIDE = 0.1
"""A tolerance wider than this part of the largest number in sight lets wrong claims pass."""
CLOSE = 1e-9
ROUNDING = 1e-4
"""Errors up to which a claim is not called wrong where there was no time to estimate those of rounding."""
UNKNOWN = (
    "The claim is off by no more than what float64 may lose by rounding in a computation as long as this one, and "
    "there was no time to find out how much it does lose. Say with `tolerance` how close is close enough."
)


def check(court: Court, witnesses: Witnesses, question: Question, assertion: Assertion, budget: Budget) -> Report:
    """The report on a claim about the gradient that `question` asks for.  Without a claim, the engine is checked.

    Raises what preparing the gradient raises, `InvalidRequest` for claims about inputs that are not differentiated, and
    `ShapeMismatch` for a value of another shape.
    """
    question = replace(question, precision="float64", digits=False)
    prepared = court.prepare(question, "grad", budget)
    answer = prepared.run(question, budget)
    names = tuple(answer.grad or ())
    _known(assertion, names)
    _shaped(assertion, np.shape(answer.value))
    adjoints = claimed_adjoints(court, witnesses, question, assertion, budget)
    own_rule = stated_rule(court, question, budget)
    truth = truth_of(court, prepared, witnesses, question, answer, assertion, budget)
    own = assertion.grad is None and assertion.value is None
    grad = {n: truth.fast[n] for n in names} if own else dict(assertion.grad or {})
    claim = Claim(
        {n: np.asarray(a, dtype=np.float64) for n, a in grad.items()},
        {n: truth.expected[n] for n in grad},
        {n: truth.strict[n] for n in grad},
    )
    sides = truth.sides
    rows = _between(_rows(claim), sides, truth)
    claimed_value = answer.value if own else assertion.value
    value = None if claimed_value is None else _value(np.asarray(claimed_value), truth)
    own_way = None if own_rule is None else Witness("skipped", None, own_rule)
    differences = own_way or precise(truth, names)
    lost = _lost(answer, truth, differences)
    spoken = {
        "engine": engine(court, question, truth, names, budget),
        "symbolic": own_way or symbolic(witnesses, question, truth, lost, budget),
        "precise": differences,
    }
    wrong = [row for row in rows if not row.ok]
    blind = _blind(claim, value, truth) if assertion.tolerance is None and not own else False
    word, message = verdict(rows, claim, value, spoken, sides, truth.sure, own, blind, lost)
    if word == "incorrect" and truth.unknown and _may_be_rounding(rows, value):
        word, message = "inconclusive", UNKNOWN
    diagnosis: Sequence[Hypothesis] = ()
    claim = _chosen(claim, rows, sides)
    if word == "incorrect" and claim.wrong:
        try:
            diagnosis, note = mistakes(court, question, claim, budget)
            message += note
        except EngineError as error:
            if budget.cancelled:
                raise
            message = f"{message} The mistake behind it was not looked for: {error.detail}"
        if diagnosis:
            message = f"{message} {diagnosis[0].detail}"
    condition = truth.condition(names)
    if adjoints is not None:
        word, message = _with_adjoints(word, message, own, adjoints)
    return Report(
        word,
        message,
        worst(rows),
        len(rows),
        len(wrong),
        spoken,
        told(assertion.precision, assertion.tolerance, condition),
        condition,
        diagnosis,
        value,
        [{"input": s.inputs[0], "index": list(s.index), "left": s.left, "right": s.right} for s in sides[:MOST_ROWS]],
        adjoints,
    )


def _with_adjoints(word: Verdict, message: str, own: bool, adjoints: AdjointReport) -> tuple[Verdict, str]:
    """Verdict and message with what the claimed adjoints say; `own`: nothing else was claimed."""
    if own and not adjoints.count and word == "correct":
        return "inconclusive", adjoints.message
    if word == "incorrect" and adjoints.count and not adjoints.wrong:
        return word, f"{message} {adjoints.message.rstrip('.')}: it goes wrong on the way from there to the inputs."
    if adjoints.wrong and word == "correct":
        word = "incorrect"
    return word, adjoints.message if own and word in ("correct", "incorrect") else f"{message} {adjoints.message}"


def _known(assertion: Assertion, names: Sequence[str]) -> None:
    faults = [
        Fault(
            f"/claimed/grad/{name}", f"{name!r} is not an input that is differentiated; these are: {', '.join(names)}."
        )
        for name in assertion.grad or ()
        if name not in names
    ]
    if faults:
        raise InvalidRequest(faults[0].detail, faults=faults)


def _shaped(assertion: Assertion, needed: Shape) -> None:
    if assertion.value is not None and assertion.value.shape != needed:
        detail = f"The value of the function has shape {list(needed)}; this has {list(assertion.value.shape)}."
        raise ShapeMismatch(detail, faults=[Fault("/claimed/value", detail)])


def _may_be_rounding(rows: Sequence[Component], value: Component | None) -> bool:
    """Whether all that is wrong is wrong by little."""
    wrong = [row for row in (*rows, *([] if value is None else [value])) if not row.ok]
    return all(row.rel_error <= ROUNDING for row in wrong)


def _rows(claim: Claim) -> list[Component]:
    """A row for every number of the claim; an array of another shape has one row for itself."""
    rows: list[Component] = []
    nan = float("nan")
    for name, claimed in claim.claimed.items():
        expected, allowed = claim.expected[name], claim.allowed[name]
        if claimed.shape != expected.shape:
            rows.append(Component(name, (), nan, nan, nan, nan, nan, ok=False))
            continue
        rows += components(name, claimed, expected, allowed)
    return rows


def _between(rows: Sequence[Component], sides: Sequence[Sides], truth: Truth) -> list[Component]:
    """The rows; at a kink, whatever lies between the derivatives from both sides is as good as the convention."""
    kinks = met(sides)
    found = []
    for row in rows:
        place = row.input, row.index
        if place in kinks and between(row.claimed, kinks[place], truth.beside[place]):
            row = replace(row, ok=True)
        found.append(row)
    return found


def _chosen(claim: Claim, rows: Sequence[Component], sides: Sequence[Sides]) -> Claim:
    """The claim with our convention in place of every other choice that a kink leaves, which is no mistake."""
    kinks = met(sides)
    claimed = {name: np.array(array) for name, array in claim.claimed.items()}
    for row in rows:
        if row.ok and (row.input, row.index) in kinks:
            claimed[row.input][row.index] = claim.expected[row.input][row.index]
    return replace(claim, claimed=claimed)


def _lost(answer: Answer, truth: Truth, precise: Witness) -> Mapping[str, Array]:
    """Of each array, where the expected number may be no more than a convention of float64, because the point is
    singular or on a kink and high precision had no time to look there; empty at other points."""
    if not answer.troubled:
        return {}
    examination = truth.examination
    if examination is None or not any(bool(np.any(mask)) for mask in examination.resolved.sure):
        return {name: ~mask for name, mask in truth.sure.items()} if truth.late else {}
    resolved = examination.resolved
    if resolved.sides or resolved.limits or precise.status != "skipped":
        return {}
    return {name: np.isfinite(array) for name, array in truth.expected.items()}


def _blind(claim: Claim, value: Component | None, truth: Truth) -> bool:
    """Whether the tolerance is so wide, compared with all that is claimed and expected, that it says nothing."""
    names = [n for n, c in claim.claimed.items() if c.shape == claim.expected[n].shape]
    with np.errstate(all="ignore"):
        sizes = [np.fmax(np.abs(claim.claimed[n]), np.abs(claim.expected[n])) for n in names]
        scale = max((float(np.max(s, initial=0.0, where=np.isfinite(s))) for s in sizes), default=0.0)
        for name, largest in zip(names, sizes, strict=True):
            apart = np.abs(claim.claimed[name] - claim.expected[name]) > CLOSE * largest
            if np.any(apart & (claim.allowed[name] > WIDE * np.fmax(largest, scale))):
                return True
    if value is None:
        return False
    size = max(abs(value.claimed), abs(value.expected))
    return bool(np.max(truth.strict[""], initial=0.0) > WIDE * size and value.abs_error > CLOSE * size)


def _value(claimed: Array, truth: Truth) -> Component:
    expected = truth.expected[""]
    rows = components("", claimed.astype(np.float64), expected, truth.strict[""])
    return max(rows, key=lambda row: (not row.ok, badness(row))) if rows else Component("", (), 0, 0, 0, 0, 0, ok=True)
