"""`check` on any question: every number of an answer held against the witnesses."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np

from engine.checking.agreement import heard
from engine.checking.allowance import allowance, told
from engine.checking.check import check
from engine.checking.court import SHARES, Assertion, Court, Witnesses, stated_rule
from engine.checking.rows import components, worst
from engine.errors import EngineError
from engine.graph.types import Array
from engine.limits import Budget
from engine.question import Answer, Ask, Question, Sparse
from engine.verify.report import Report, Witness

SILENT = "there was no time for differences, or they did not settle"


def self_check(
    court: Court, witnesses: Witnesses, question: Question, ask: Ask, answer: Answer, budget: Budget
) -> Report:
    """The report on an answer of the engine itself.  Rows are named by part and inputs, as in `hessian.x.y`.

    In sparse matrices their index is that of the row and of the column.
    """
    if ask == "grad":
        claimed = {name: np.asarray(array) for name, array in (answer.grad or {}).items()}
        return check(court, witnesses, question, Assertion(np.asarray(answer.value), claimed), budget)
    question = replace(question, precision="float64", digits=False)
    prepared = court.prepare(question, ask, budget)
    parts = prepared.by_part(answer.outputs)
    own_rule = None if ask == "value" else stated_rule(court, question, budget)
    given, places = dict(_leaves(parts)), dict(_places(parts))
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
    rows = [
        replace(row, index=_index(row.index, places.get(name)))
        for name, a in given.items()
        for row in components(name, a, expected[name], allowed[name])
    ]
    wrong = [row for row in rows if not row.ok]
    spoken = {
        "engine": heard(_flat(given), _flat(expected), _flat(allowed)),
        "symbolic": Witness("skipped", None, "it looks at gradients"),
        "precise": heard(_flat(differences), _flat(expected), _flat(allowed), own_rule or SILENT),
    }
    apart = spoken["precise"].status == "disagree"
    if apart or wrong:
        message = "Our own witnesses disagree: this is our fault, not yours. Please tell us."
    elif unsure := sum(int(np.count_nonzero(~sure)) for sure in found.resolved.sure):
        message = _unsettled(len(rows), unsure)
    elif rows:
        message = _settled(len(rows), int(np.count_nonzero(~np.isnan(_flat(differences)) & ~np.isnan(_flat(expected)))))
    else:
        message = "There are no real numbers in the answer, so there is nothing that could be rounded wrongly."
    verdict = "inconclusive" if apart or wrong else "correct"
    return Report(
        verdict,  # type: ignore[arg-type]
        message,
        worst(rows),
        len(rows),
        len(wrong),
        spoken,
        told("float64", None, None),
    )


def _settled(count: int, compared: int) -> str:
    """What is said where all numbers agree, of which some were compared with differences as well."""
    text = "The one number of the answer agrees" if count == 1 else f"All {count:,} numbers of the answer agree"
    text += " with high precision"
    if compared == count:
        return f"{text}."
    of_them = "it" if count == 1 else "any of them" if not compared else f"{compared:,} of them"
    were = "were compared with" if compared else "were not compared with"
    return f"{text}; differences of the function, which use no derivative rule, {were} {of_them}."


def _unsettled(count: int, unsure: int) -> str:
    """What is said where nothing is wrong, and not everything is known."""
    if count == 1:
        return "High precision could not settle the one number of the answer; nothing speaks against it."
    return (
        f"Of the {count:,} numbers of the answer, high precision could not settle {unsure:,}; "
        "nothing speaks against the answer."
    )


def _leaves(part: Any) -> Iterator[tuple[str, Array]]:
    """The real arrays of an answer by the path to them; of sparse matrices the entries."""
    for name, leaf in _paths(part):
        numbers = np.asarray(leaf.value if isinstance(leaf, Sparse) else leaf)
        if numbers.dtype.kind == "f":
            yield name, numbers


def _places(part: Any) -> Iterator[tuple[str, Array]]:
    """Row and column of each entry of the sparse matrices of an answer, by the path to them."""
    for name, leaf in _paths(part):
        if isinstance(leaf, Sparse):
            yield name, np.stack([leaf.row, leaf.column], axis=-1)


def _index(index: tuple[int, ...], places: Array | None) -> tuple[int, ...]:
    """The index of a number; in a sparse matrix that of its point, then row and column."""
    return index if places is None else (*index[:-1], *map(int, places[index[-1]]))


def _paths(part: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    if isinstance(part, dict):
        for name, inner in part.items():
            yield from _paths(inner, f"{path}.{name}" if path else name)
    elif isinstance(part, tuple):
        for number, inner in enumerate(part):
            yield from _paths(inner, f"{path}.{number}")
    else:
        yield path, part


def _flat(arrays: dict[str, Array]) -> Array:
    return np.concatenate([np.ravel(a) for a in arrays.values()]) if arrays else np.zeros(0)
