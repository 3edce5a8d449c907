"""`check` on any question: every number of an answer held against the witnesses."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np

from engine.checking.agreement import heard
from engine.checking.allowance import allowance, told
from engine.checking.check import MOST_ROWS, SHARES, Assertion, Court, Witnesses, badness, check, components
from engine.errors import EngineError
from engine.graph.types import Array
from engine.limits import Budget
from engine.question import Answer, Ask, Question
from engine.verify.report import Report, Witness


def self_check(
    court: Court, witnesses: Witnesses, question: Question, ask: Ask, answer: Answer, budget: Budget
) -> Report:
    """The report on an answer of the engine itself.  Rows are named by part and inputs, as in `hessian.x.y`."""
    if ask == "grad":
        claimed = {name: np.asarray(array) for name, array in (answer.grad or {}).items()}
        return check(court, witnesses, question, Assertion(np.asarray(answer.value), claimed), budget)
    question = replace(question, precision="float64", digits=False)
    prepared = court.prepare(question, ask, budget)
    given = dict(_leaves(prepared.by_part(answer.outputs)))
    try:
        errors = dict(_leaves(prepared.by_part(prepared.errors(answer, question, budget))))
        found = witnesses.examine(question, ask, budget.share(SHARES["examine"] * budget.left))
    except EngineError as error:
        if budget.cancelled:
            raise
        spoken = {name: Witness("skipped", None, error.detail) for name in ("engine", "symbolic", "precise")}
        return Report("inconclusive", "No witness could be heard.", (), 0, 0, spoken, told("float64", None, None))
    expected = dict(_leaves(prepared.by_part(found.resolved.outputs)))
    spread = dict(_leaves(prepared.by_part(found.spread)))
    everywhere = dict(_leaves(prepared.by_part(found.differences)))
    # Integers and truth values have no differences.
    differences = {name: everywhere[name] for name in given}
    allowed = {name: allowance(a, spread[name], errors[name], "float64", None) for name, a in expected.items()}
    rows = [row for name, a in given.items() for row in components(name, a, expected[name], allowed[name])]
    wrong = [row for row in rows if not row.ok]
    spoken = {
        "engine": heard(_flat(given), _flat(expected), _flat(allowed)),
        "symbolic": Witness("skipped", None, "it looks at gradients"),
        "precise": heard(
            _flat(differences), _flat(expected), _flat(allowed), "there was no time, or the differences did not settle"
        ),
    }
    apart = spoken["precise"].status == "disagree"
    if apart or wrong:
        message = "Our own witnesses disagree: this is our fault, not yours. Please tell us."
    elif unsure := sum(int(np.count_nonzero(~sure)) for sure in found.resolved.sure):
        message = f"Of the {len(rows):,} numbers of the answer, high precision could not settle {unsure:,}; "
        message += "nothing speaks against the answer."
    elif rows:
        message = f"All {len(rows):,} numbers of the answer agree with high precision."
    else:
        message = "There are no real numbers in the answer, so there is nothing that could be rounded wrongly."
    listed = sorted(rows, key=lambda row: (row.ok, -badness(row)))[:MOST_ROWS] if len(rows) > MOST_ROWS else rows
    verdict = "inconclusive" if apart or wrong else "correct"
    return Report(
        verdict,  # type: ignore[arg-type]
        message,
        listed,
        len(rows),
        len(wrong),
        spoken,
        told("float64", None, None),
    )


def _leaves(part: Any, path: str = "") -> Iterator[tuple[str, Array]]:
    """The arrays of an answer by the path to them, without integers and truth values."""
    if isinstance(part, dict):
        for name, inner in part.items():
            yield from _leaves(inner, f"{path}.{name}" if path else name)
    elif isinstance(part, tuple):
        for number, inner in enumerate(part):
            yield from _leaves(inner, f"{path}.{number}")
    elif np.asarray(part).dtype.kind == "f":
        yield path, np.asarray(part)


def _flat(arrays: dict[str, Array]) -> Array:
    return np.concatenate([np.ravel(a) for a in arrays.values()]) if arrays else np.zeros(0)
