"""Mistakes in one place of the reverse pass, tried against the claim."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from engine.errors import EngineError
from engine.execute.compile import compile_graph
from engine.graph.types import Array
from engine.limits import Budget, Limits
from engine.verify.diagnosis.candidate import Candidate
from engine.verify.diagnosis.fit import Fit, Judge
from engine.verify.diagnosis.mismatch import Arrays, in_time
from engine.verify.diagnosis.mistakes import SCREEN, Mistake, mistakes
from engine.verify.diagnosis.trace import Change, Trace, planted

MOST_FULL = 12
"""Mistakes that are computed in full, where the directions are random."""


def at_one_place(
    traced: Trace,
    judge: Judge,
    arguments: Sequence[Sequence[object]],
    sizes: Mapping[str, int],
    limits: Limits,
    budget: Budget,
) -> list[Candidate]:
    """The mistakes in one place that explain the claim; `arguments`: of the point, and of a second one."""
    first, second = arguments
    with np.errstate(all="ignore"):
        changes = traced.changes(first, budget)
        residual = traced.along(judge.claimed) - traced.along(judge.expected)
        survivors = []
        for mistake in mistakes(traced, changes, residual, sizes, judge):
            off = float(np.abs(residual - mistake.effect(changes)).max())
            if off <= SCREEN * float(np.abs(residual).max()):
                survivors.append(mistake)
        survivors.sort(key=lambda m: (m.free, m.prior))
        if traced.complete:
            return _complete(traced, judge, survivors, changes, second, budget)
        return _in_full(traced, judge, survivors[:MOST_FULL], first, second, limits, budget)


def _complete(
    traced: Trace, judge: Judge, survivors: Sequence[Mistake], changes: Change, second: Sequence[object], budget: Budget
) -> list[Candidate]:
    found, expected = [], traced.along(judge.expected)
    beyond: Change | None = None
    base: Array | None = None
    for mistake in survivors:
        fit = judge.fit(traced.arrays(expected + mistake.effect(changes)))
        if fit is None or fit.digits < mistake.digits:
            continue
        if beyond is None or base is None:
            beyond = traced.changes(second, budget)
            base = traced.along(traced.gradient(second, budget))
        elsewhere = _finite(traced.arrays(base + mistake.effect(beyond)))
        found.append(_candidate(mistake, judge, fit, elsewhere))
    return found


def _in_full(
    traced: Trace,
    judge: Judge,
    survivors: Sequence[Mistake],
    first: Sequence[object],
    second: Sequence[object],
    limits: Limits,
    budget: Budget,
) -> list[Candidate]:
    found: list[Candidate] = []
    for mistake in survivors:
        if not in_time(budget):
            break
        try:
            run = compile_graph(planted(traced.mismatch, mistake.replaced, limits, budget, mistake.added), limits)
            fit = judge.fit(_named(traced, run(first, budget)[0]))
            if fit is not None and fit.digits >= mistake.digits:
                found.append(_candidate(mistake, judge, fit, _finite(_named(traced, run(second, budget)[0]))))
        except EngineError:
            continue
    return found


def _named(traced: Trace, outputs: Sequence[object]) -> Arrays:
    return {n: np.asarray(o) for n, o in zip(traced.mismatch.asked, outputs, strict=True)}


def _finite(arrays: Arrays) -> Arrays | None:
    return arrays if all(np.isfinite(a).all() for a in arrays.values()) else None


def _candidate(mistake: Mistake, judge: Judge, fit: Fit, elsewhere: Arrays | None) -> Candidate:
    return Candidate(
        mistake.kind,
        mistake.detail(),
        fit,
        mistake.prior,
        mistake.free,
        mistake.span,
        judge.wrong,
        elsewhere,
    )
