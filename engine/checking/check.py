"""`check`: a claimed value and gradient held against independent witnesses."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol

import numpy as np

from engine.checking.adjoints import Right, compared
from engine.checking.agreement import heard
from engine.checking.allowance import SLACK, Claimed, Given, allowance, told
from engine.checking.intermediate import intermediate_errors
from engine.checking.kinks import between, met, points_of, scaled, without_jumps
from engine.checking.rows import MOST_ROWS, badness, components, worst
from engine.checking.verdict import verdict
from engine.compiled import Prepared
from engine.errors import EngineError, Fault, InvalidRequest, LimitExceeded, ShapeMismatch
from engine.graph.types import Array, Shape
from engine.limits import Budget, Limits
from engine.precision.adjoints import adjoints_of, in_float64, marked
from engine.precision.examine import PERTURBATION, Examination, signs
from engine.precision.resolve import Sides
from engine.precision.subject import Subject
from engine.question import Answer, Ask, Question
from engine.verify.diagnosis import Mismatch, diagnose
from engine.verify.overrides import stated
from engine.verify.report import AdjointReport, Claim, Component, Hypothesis, Report, Verdict, Witness
from engine.verify.unroll import unrolled
from engine.verify.ziv import Settled

WIDE = 0.1
"""A tolerance wider than this part of the largest number in sight lets wrong claims pass."""
CLOSE = 1e-9
DIAGNOSIS_SECONDS = 3.0
"""What is not found by then is hardly found later."""
FLOAT64_DIGITS = 16
SHARES = {"adjoints": 0.2, "errors": 0.3, "examine": 0.5, "symbolic": 0.4}
"""What of the remaining time each witness may take."""
ROUNDING = 1e-4
"""Errors up to which a claim is not called wrong where there was no time to estimate those of rounding."""
UNKNOWN = (
    "The claim is off by no more than what float64 may lose by rounding in a computation as long as this one, and "
    "there was no time to find out how much it does lose. Say with `tolerance` how close is close enough."
)


class Witnesses(Protocol):
    """Where the witnesses are heard: in this process or in others."""

    def examine(self, question: Question, ask: Ask, budget: Budget) -> Examination: ...

    def symbolic(self, question: Question, budget: Budget) -> dict[str, Array]: ...

    def adjoints(self, question: Question, budget: Budget) -> Settled: ...


class Court(Protocol):
    """What compiles questions."""

    def prepare(self, question: Question, ask: Ask, budget: Budget) -> Prepared: ...

    @property
    def limits(self) -> Limits: ...

    def subject(self, question: Question, budget: Budget, recorded: bool = False) -> Subject: ...


@dataclass(frozen=True, slots=True)
class Assertion:
    """What a client claims: a value, a gradient by input, adjoints by the names that a program assigns, all optional.

    And how precise it was and may be.
    """

    value: Array | None = None
    grad: Mapping[str, Array] | None = None
    precision: Claimed = "float64"
    tolerance: Given | None = None
    adjoints: Mapping[str, Array] | None = None


@dataclass(frozen=True, slots=True)
class _Truth:
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
    adjoints = _adjoints(court, witnesses, question, assertion, budget)
    own_rule = stated_rule(court, question, budget)
    truth = _truth(court, prepared, witnesses, question, answer, assertion, budget)
    own = assertion.grad is None and assertion.value is None
    grad = {n: truth.fast[n] for n in names} if own else dict(assertion.grad or {})
    claim = Claim(
        {n: np.asarray(a, dtype=np.float64) for n, a in grad.items()},
        {n: truth.expected[n] for n in grad},
        {n: truth.strict[n] for n in grad},
    )
    sides = [] if truth.examination is None else truth.examination.resolved.sides
    rows = _between(_rows(claim), sides, truth)
    claimed_value = answer.value if own else assertion.value
    value = None if claimed_value is None else _value(np.asarray(claimed_value), truth)
    precise = _precise(truth, names) if own_rule is None else Witness("skipped", None, own_rule)
    lost = _lost(answer, truth, precise)
    spoken = {
        "engine": _engine(court, question, truth, names, budget),
        "symbolic": _symbolic(witnesses, question, truth, lost, budget)
        if own_rule is None
        else Witness("skipped", None, own_rule),
        "precise": precise,
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
            diagnosis, note = _diagnosis(court, question, claim, budget)
            message += note
        except EngineError as error:
            if budget.cancelled:
                raise
            message = f"{message} The mistake behind it was not looked for: {error.detail}"
        if diagnosis:
            message = f"{message} {diagnosis[0].detail}"
    condition = _condition(truth, names)
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


def _adjoints(
    court: Court, witnesses: Witnesses, question: Question, assertion: Assertion, budget: Budget
) -> AdjointReport | None:
    """The report on the claimed adjoints, if there are any."""
    claimed = assertion.adjoints
    if claimed is None:
        return None
    fault = "/claimed/adjoints"
    if question.kind != "program":
        detail = "An expression gives no names to intermediate results, whose adjoints these could be."
        raise InvalidRequest(
            detail,
            faults=[Fault(fault, detail)],
            hint="send it as a program that does: h = sin(x), then return h^2",
        )
    subject = court.subject(question, budget, recorded=True)
    if subject.size is not None:
        detail = "Adjoints are compared at one point, and this is a batch."
        raise InvalidRequest(detail, faults=[Fault(fault, detail)], hint="send one point of it")
    arguments = subject.arguments(question)
    try:
        found = adjoints_of(subject.graph, arguments, court.limits, budget)
    except LimitExceeded as error:
        return AdjointReport((), 0, 0, None, f"The adjoints were not compared: {error.detail}.")
    expected, errors = in_float64(found, arguments, budget.share(SHARES["errors"] * budget.left))
    try:
        precise = witnesses.adjoints(question, budget.share(SHARES["adjoints"] * budget.left))
        pairs = zip(expected, precise.outputs, precise.sure, strict=True)
        expected = [np.where(sure, exact, fast) for fast, exact, sure in pairs]
    except EngineError:
        if budget.cancelled:
            raise
    names = {one.name for one in found.assigned}
    right = Right(found.assigned, expected, errors, frozenset(marked(subject.graph)) - names)
    return compared(claimed, right, question.text, assertion.precision, assertion.tolerance)


def stated_rule(court: Court, question: Question, budget: Budget) -> str | None:
    """What is to be said where the derivative is not that of the values, on purpose."""
    subject = court.subject(question, budget)
    return stated(subject.graph, subject.sources, question.text) if subject.overridden else None


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


def _truth(
    court: Court,
    prepared: Prepared,
    witnesses: Witnesses,
    question: Question,
    answer: Answer,
    assertion: Assertion,
    budget: Budget,
) -> _Truth:
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
    return _Truth(expected, fast, differences, allowed, strict, beside, spread, sure, examination, why_not, unknown)


def _may_be_rounding(rows: Sequence[Component], value: Component | None) -> bool:
    """Whether all that is wrong is wrong by little."""
    wrong = [row for row in (*rows, *([] if value is None else [value])) if not row.ok]
    return all(row.rel_error <= ROUNDING for row in wrong)


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


def _between(rows: Sequence[Component], sides: Sequence[Sides], truth: _Truth) -> list[Component]:
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


def _lost(answer: Answer, truth: _Truth, precise: Witness) -> Mapping[str, Array]:
    """Of each array, where the expected number may be no more than a convention of float64, because the point is
    singular or on a kink and high precision had no time to look there; empty at other points."""
    if not answer.troubled:
        return {}
    examination = truth.examination
    if examination is None or not any(bool(np.any(mask)) for mask in examination.resolved.sure):
        return {name: ~mask for name, mask in truth.sure.items()} if _late(truth) else {}
    resolved = examination.resolved
    if resolved.sides or resolved.limits or precise.status != "skipped":
        return {}
    return {name: np.isfinite(array) for name, array in truth.expected.items()}


def _late(truth: _Truth) -> bool:
    """Whether high precision did not even evaluate the gradient."""
    return truth.examination is None or truth.examination.resolved.digits <= FLOAT64_DIGITS


def _blind(claim: Claim, value: Component | None, truth: _Truth) -> bool:
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


def _value(claimed: Array, truth: _Truth) -> Component:
    expected = truth.expected[""]
    rows = components("", claimed.astype(np.float64), expected, truth.strict[""])
    return max(rows, key=lambda row: (not row.ok, badness(row))) if rows else Component("", (), 0, 0, 0, 0, 0, ok=True)


def _engine(court: Court, question: Question, truth: _Truth, names: Sequence[str], budget: Budget) -> Witness:
    """Reverse mode in float64 against the expected gradient, and forward mode against reverse mode."""
    if not names:
        return Witness("skipped", None, "there is nothing to differentiate")
    fast = _flat(truth.fast, names)
    spoken = heard(np.where(np.isfinite(fast), fast, np.nan), _flat(truth.expected, names), _flat(truth.allowed, names))
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


def _symbolic(
    witnesses: Witnesses, question: Question, truth: _Truth, lost: Mapping[str, Array], budget: Budget
) -> Witness:
    if any(bool(np.any(mask)) for name, mask in lost.items() if name):
        return Witness("skipped", None, "the point is singular or on a kink, and was not looked at in high precision")
    if truth.examination is not None and truth.examination.resolved.sides:
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
    return heard(_flat(found, names), _flat(truth.expected, names), _flat(truth.allowed, names))


def _precise(truth: _Truth, names: Sequence[str]) -> Witness:
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
    if _late(truth):
        silent = "there was no time to compute the function in high precision"
    return heard(_flat(truth.differences, names), _flat(truth.expected, names), _flat(truth.allowed, names), silent)


def _along(drawn: Sequence[Array], arrays: Mapping[str, Array], names: Sequence[str], k: int) -> float:
    return float(sum(np.sum(way[k] * arrays[name]) for way, name in zip(drawn, names, strict=True)))


def _flat(arrays: Mapping[str, Array], names: Sequence[str]) -> Array:
    return np.concatenate([np.ravel(arrays[name]) for name in names])


def _condition(truth: _Truth, names: Sequence[str]) -> float | None:
    """The largest relative change of the gradient per relative change of the inputs."""
    if truth.examination is None or not names:
        return None
    expected, spread = _flat(truth.expected, names), _flat(truth.spread, names)
    with np.errstate(all="ignore"):
        ratio = spread / np.abs(expected)
    known = ratio[np.isfinite(ratio)]
    return float(np.max(known)) if known.size else None


def _diagnosis(court: Court, question: Question, claim: Claim, budget: Budget) -> tuple[Sequence[Hypothesis], str]:
    """The mistakes that explain the claim, in a batch at the point where it is worst; and where they were not sought.

    A program is written out as what it does at this point, so that mistakes are found inside of its loops.
    """
    subject = court.subject(question, budget)
    number = None
    if subject.size is not None:
        whole = all(claim.claimed[n].shape == claim.expected[n].shape for n in claim.claimed)
        if not whole or not subject.size:
            return (), ""
        number = _worst_point(claim)

        def at_point(arrays: Mapping[str, Array]) -> dict[str, Array]:
            return {name: array[number] for name, array in arrays.items()}

        claim = Claim(at_point(claim.claimed), at_point(claim.expected), at_point(claim.allowed))
    arguments = subject.arguments(question, number)
    graph, text, note = subject.graph, None, ""
    if question.kind == "program":
        try:
            graph, text = unrolled(graph, arguments, budget=budget, literal=True), question.text
        except LimitExceeded as error:
            note = f" Inside of the program the mistake was not looked for: {error.detail}."
    mismatch = Mismatch(graph, arguments, subject.names, tuple(subject.wrt), claim, subject.size, text)
    return diagnose(mismatch, budget.share(min(0.5 * budget.left, DIAGNOSIS_SECONDS))), note


def _worst_point(claim: Claim) -> int:
    worst = 0.0
    for name, claimed in claim.claimed.items():
        with np.errstate(all="ignore"):
            off = np.abs(claimed - claim.expected[name]) / claim.allowed[name]
        off = np.nan_to_num(off.reshape(len(off), -1), nan=np.inf).max(axis=1, initial=0.0)
        worst = worst + off
    return int(np.argmax(worst))
