"""Claimed adjoints of what a program assigns, held against the right ones, from the result backwards."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from engine.checking.allowance import Claimed, Given, allowance
from engine.checking.court import SHARES, Assertion, Court, Witnesses
from engine.checking.rows import components, worst
from engine.errors import EngineError, Fault, InvalidRequest, LimitExceeded
from engine.graph.types import Array, describe
from engine.limits import Budget
from engine.precision.adjoints import Assigned, adjoints_of, in_float64, marked
from engine.question import Question
from engine.source.names import near
from engine.source.parse import normal_name
from engine.source.text import locate
from engine.verify.report import AdjointReport, Component, FirstWrong

MOST_LINES = 6


@dataclass(frozen=True, slots=True)
class Right:
    """What is right: the assignments in the order in which they happen, with their adjoints and rounding errors.

    `elsewhere` are names that are assigned, but not at this point.
    """

    assigned: Sequence[Assigned]
    expected: Sequence[Array]
    errors: Sequence[Array]
    elsewhere: frozenset[str]


def claimed_adjoints(
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


def compared(
    claimed: Mapping[str, Array], right: Right, text: str, precision: Claimed, given: Given | None
) -> AdjointReport:
    """The report on claimed adjoints.  Raises `InvalidRequest` for names that have none.

    A claim is about the last assignment to its name, or, with one axis more, about all of them in their order.
    """
    places: dict[str, list[int]] = {}
    for number, one in enumerate(right.assigned):
        places.setdefault(normal_name(one.name), []).append(number)
    _known(claimed, places, right.elsewhere)
    allowed = [
        allowance(a, np.zeros(a.shape), e, precision, given) for a, e in zip(right.expected, right.errors, strict=True)
    ]
    rows: list[Component] = []
    wrong: dict[int, str] = {}
    seen: dict[int, str] = {}
    shapeless = None
    for name, array in claimed.items():
        numbers = places[normal_name(name)]
        shapes = {right.expected[k].shape for k in numbers}
        (last,) = {right.expected[numbers[-1]].shape}
        if array.shape == last:
            parts: dict[int, tuple[tuple[int, ...], Array]] = {numbers[-1]: ((), array)}
        elif len(shapes) == 1 and array.shape == (len(numbers), *last):
            parts = {k: ((step,), array[step]) for step, k in enumerate(numbers)}
        else:
            nan = float("nan")
            rows.append(Component(name, (), nan, nan, nan, nan, nan, ok=False))
            shapeless = shapeless or (numbers[-1], name, _needed(array, last, len(numbers), len(shapes) == 1))
            continue
        for k, (lead, part) in parts.items():
            seen[k] = name
            found = components(name, part, right.expected[k], allowed[k])
            rows += [_under(row, lead) for row in found]
            if not all(row.ok for row in found):
                wrong[k] = name
    first = None
    if shapeless is not None:
        number, name, detail = shapeless
        first = FirstWrong(name, right.assigned[number].span, detail)
    elif wrong:
        first = _first(max(wrong), seen, places, right, text)
    bad = sum(not row.ok for row in rows)
    return AdjointReport(worst(rows), len(rows), bad, first, first.detail if first else _right(len(claimed)))


def _known(claimed: Mapping[str, Array], places: Mapping[str, Sequence[int]], elsewhere: frozenset[str]) -> None:
    faults, hint = [], None
    for name in claimed:
        if normal_name(name) in places:
            continue
        path = name[:100].replace("~", "~0").replace("/", "~1")
        if normal_name(name) in elsewhere:
            detail = f"At this point the program does not come to where {name} is assigned a number of the inputs."
        else:
            known = ", ".join(list(places)[:20])
            what = f"these names have adjoints: {known}." if places else "it gives none to any name."
            detail = f"The program gives no number that depends on its inputs to the name {name[:100]!r}; {what}"
            hint = hint or near(name, places)
        faults.append(Fault(f"/claimed/adjoints/{path}", detail))
    if faults:
        raise InvalidRequest(faults[0].detail, faults=faults[:100], hint=hint)


def _needed(claimed: Array, last: tuple[int, ...], count: int, alike: bool) -> str:
    also = f", or {describe((count, *last))} for all {count} assignments" if count > 1 and alike else ""
    return f"The adjoint is {_shape(claimed.shape)}; the last value assigned is {_shape(last)}{also}."


def _shape(shape: tuple[int, ...]) -> str:
    return f"an array of shape {describe(shape)}" if shape else "a number"


def _under(row: Component, lead: tuple[int, ...]) -> Component:
    return Component(
        row.input,
        (*lead, *row.index),
        row.claimed,
        row.expected,
        row.abs_error,
        row.rel_error,
        row.ulp_error,
        row.ok,
    )


def _first(
    number: int, seen: Mapping[int, str], places: Mapping[str, Sequence[int]], right: Right, text: str
) -> FirstWrong:
    """The wrong one from which on, backwards, the gradient is wrong: all that were claimed of later ones are right."""
    one = right.assigned[number]
    told = _told(number, places, right, text)
    detail = f"From the result backwards, the first adjoint that is wrong is that of {told}."
    later = "Those of what is assigned later are right, so the mistake is" if max(seen) > number else "The mistake is"
    lines = sorted({locate(text, span).line for span in one.uses})
    listed = ", ".join(map(str, lines[:MOST_LINES])) + (", …" if len(lines) > MOST_LINES else "")
    where = f", in line{'s' if len(lines) > 1 else ''} {listed}" if lines else ""
    detail += f" {later} in what the uses of {one.name} hand back{where}."
    return FirstWrong(seen[number], one.span, detail)


def _told(number: int, places: Mapping[str, Sequence[int]], right: Right, text: str) -> str:
    one = right.assigned[number]
    where = "" if one.span is None else f", assigned in line {locate(text, one.span).line}"
    numbers = places[normal_name(one.name)]
    if len(numbers) > 1:
        where += f" (assignment {numbers.index(number) + 1} of {len(numbers)})"
    return f"{one.name}{where}"


def _right(count: int) -> str:
    return "The adjoint is right." if count == 1 else f"All {count} adjoints are right."
