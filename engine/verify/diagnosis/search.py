"""The search: every mistake that is known is tried, the cheap ones first, while there is time."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from engine.errors import EngineError
from engine.execute.compile import as_argument, compile_graph
from engine.graph.values import Graph
from engine.limits import Budget, Limits
from engine.source.text import Span
from engine.verify.diagnosis.angles import degrees
from engine.verify.diagnosis.candidate import MOST, Candidate, Prior, chosen
from engine.verify.diagnosis.counts import reductions, sizes
from engine.verify.diagnosis.edges import Alter
from engine.verify.diagnosis.fit import Judge, finite
from engine.verify.diagnosis.layouts import from_arrays
from engine.verify.diagnosis.mismatch import Arrays, Mismatch, in_time, narrowed
from engine.verify.diagnosis.operations import at_one_place
from engine.verify.diagnosis.points import free_steps, other_points
from engine.verify.diagnosis.repeated import repeated
from engine.verify.diagnosis.rounding import single_precision, single_spread
from engine.verify.diagnosis.trace import Place, Trace, planted, trace
from engine.verify.report import Hypothesis

DIGITS = 5.0
MANY_INPUTS = 8
"""Wrong inputs up to which each is diagnosed by itself where no mistake explains all of them."""
POINTS_SECONDS = 0.3
"""Spent on other points at most: of arrays with 10^5 elements, about sixty points."""
REPEATED_SECONDS = 1.0
"""Spent on mistakes that a program makes every time at most: each takes a gradient, compiled for it."""
LONG_RUN = 5e-3
"""Seconds of one gradient above which other points are only tried where nothing else explains the claim."""

SHORT_RUN = 1e-3
"""Seconds of one gradient up to which a step is searched for, with about a hundred of them."""


def diagnose(mismatch: Mismatch, budget: Budget, limits: Limits | None = None) -> list[Hypothesis]:
    """The mistakes that explain a wrong gradient, best first, at most 5; none where nothing explains it.

    Ends early, with what it has found, when the budget is used up.  Claims that are not finite are not explained.
    """
    if not mismatch.claim.wrong or not finite(mismatch.claim):
        return []
    limits = limits or Limits()
    with np.errstate(all="ignore"):
        judge = Judge(mismatch.claim)
        found = chosen(_Search(mismatch, budget, limits).run())
        if not found and 1 < len(judge.wrong) <= MANY_INPUTS:
            for name in judge.wrong:
                rest = mismatch.without(set(judge.wrong) - {name})
                if in_time(budget):
                    found += chosen(_Search(rest, budget, limits, whole=False).run())[:2]
        if judge.rough:
            others = set(mismatch.claim.claimed) - set(judge.rough)
            found = found[: MOST - 1] + chosen(single_precision(Judge(narrowed(mismatch.claim, others)), None))
    return found[:MOST]


class _Search:
    """One claim; not `whole` if other inputs are wrong in another way, so that the point cannot be what is wrong."""

    def __init__(self, mismatch: Mismatch, budget: Budget, limits: Limits, whole: bool = True) -> None:
        self.mismatch = mismatch
        self.whole = whole
        self.budget = budget
        self.limits = limits
        self.judge = Judge(mismatch.claim)
        self.found: list[Candidate] = []
        self.second: list[Any] | None = None
        self.beyond: Arrays | None = None
        self.plain: Graph | None = None

    def run(self) -> list[Candidate]:
        judge, mismatch = self.judge, self.mismatch
        shapes_fit = not any(judge.claimed[n].shape != judge.expected[n].shape for n in judge.wrong)
        if shapes_fit:
            self._attempt(self._prepare)
        self.found += from_arrays(judge, sizes(mismatch), reductions(mismatch, judge.whole), self.beyond)
        if not shapes_fit or self.plain is None:
            if shapes_fit:
                self.found += single_precision(judge, None)
            return self.found
        families = [self._operations, self._degrees, self._single]
        if mismatch.text is not None:
            families = [self._repeated, *families]
        if self.whole:
            families += [self._everywhere, self._points]
        for family in families:
            if not in_time(self.budget):
                break
            self._attempt(family)
        return self.found

    def _attempt(self, family: Callable[[], None]) -> None:
        """A family of mistakes; one that cannot be tried on this function, or in this time, is left out."""
        try:
            family()
        except EngineError:
            return

    def _prepare(self) -> None:
        graph = planted(self.mismatch, {}, self.limits, self.budget)
        self._run = compile_graph(graph, self.limits)
        self.plain = graph
        second = second_point(self.mismatch)
        beyond = self._gradient(second)
        self.second = second
        if all(np.isfinite(a).all() for a in beyond.values()):
            self.beyond = beyond

    def _gradient(self, arguments: Sequence[Any]) -> Arrays:
        outputs = self._run(arguments, self.budget)[0]
        return {n: np.asarray(o) for n, o in zip(self.mismatch.asked, outputs, strict=True)}

    def _operations(self) -> None:
        traced: Trace | None = trace(self.mismatch, self.judge, self.limits, self.budget)
        if traced is not None and self.second is not None:
            points = (self.mismatch.arguments, self.second)
            self.found += at_one_place(traced, self.judge, points, sizes(self.mismatch), self.limits, self.budget)

    def _repeated(self) -> None:
        """The same mistake every time that the program comes to a place."""
        until = time.perf_counter() + REPEATED_SECONDS
        for found in repeated(self.mismatch, self.limits, self.budget):
            if not in_time(self.budget) or time.perf_counter() > until:
                return
            self._planted(found.kind, found.detail, found.graph, found.prior, found.span)

    def _everywhere(self) -> None:
        """Of every value, or of every input, one use only."""
        uses: dict[Any, list[Place]] = {}
        for node in self.mismatch.graph.nodes:
            for position, value in enumerate(node.inputs):
                if value.constant is None and value.type.dtype == node.outputs[0].type.dtype == "real":
                    uses.setdefault(value, []).append((node, position))
        several = {v: places for v, places in uses.items() if len(places) > 1}
        inputs = {v: places for v, places in several.items() if v.node is None}
        for group, what in ((inputs, "every input"), (several, "every value")):
            if len(group) < 2 or (group is several and len(several) == len(inputs)):
                continue
            for which, name in ((-1, "last"), (0, "first")):
                replaced: dict[Place, Alter] = {
                    place: lambda edge: None for places in group.values() for place in places if place != places[which]
                }
                detail = f"Of {what} that is used several times, only the {name} use is counted (`=` for `+=`?)."
                graph = planted(self.mismatch, replaced, self.limits, self.budget)
                self._planted("last-use-only", detail, graph, Prior.EVERYWHERE)

    def _degrees(self) -> None:
        for detail, plant in degrees(self.mismatch, self.limits, self.budget):
            if in_time(self.budget):
                self._planted("degrees", detail, plant(), Prior.DEGREES)

    def _planted(self, kind: Any, detail: str, graph: Graph, prior: int, span: Span | None = None) -> None:
        run = compile_graph(graph, self.limits)
        predicted = self._named(run(self.mismatch.arguments, self.budget)[0])
        fit = self.judge.fit(predicted)
        if fit is None or fit.digits < DIGITS:
            return
        elsewhere = self._named(run(self.second, self.budget)[0]) if self.second is not None else None
        if elsewhere is not None and not all(np.isfinite(a).all() for a in elsewhere.values()):
            elsewhere = None
        self.found.append(Candidate(kind, detail, fit, prior, 0, span, self.judge.wrong, elsewhere))

    def _named(self, outputs: Sequence[Any]) -> Arrays:
        return {n: np.asarray(o) for n, o in zip(self.mismatch.asked, outputs, strict=True)}

    def _single(self) -> None:
        spread = None
        if self.plain is not None and self._run.seconds < 0.1:
            spread = single_spread(self.plain, self.mismatch.arguments, self.mismatch.asked, self.budget)
        self.found += single_precision(self.judge, spread)

    def _points(self) -> None:
        explained = any(c.free == 0 for c in self.found)
        if explained and self._run.seconds > LONG_RUN:
            return
        until = time.perf_counter() + POINTS_SECONDS
        for detail, move, everywhere in other_points(self.mismatch, self.judge):
            if not in_time(self.budget) or time.perf_counter() > until:
                return
            fit = self.judge.fit(self._gradient(move(self.mismatch.arguments, self.judge.expected)))
            if fit is None or fit.digits < DIGITS:
                continue
            elsewhere = None
            if everywhere and self.second is not None and self.beyond is not None:
                elsewhere = self._gradient(move(self.second, self.beyond))
            self._another(detail, fit, 0, elsewhere)
        components = sum(a.size for a in self.judge.claimed.values())
        if not any(c.free == 0 for c in self.found) and components > 1 and self._run.seconds < SHORT_RUN:
            for detail, predicted in free_steps(self.mismatch, self.judge, self._gradient):
                fit = self.judge.fit(predicted)
                if fit is not None and fit.digits >= 2 * DIGITS:
                    self._another(detail, fit, 1, None)

    def _another(self, detail: str, fit: Any, free: int, elsewhere: Arrays | None) -> None:
        self.found.append(
            Candidate("other-point", detail, fit, Prior.OTHER_POINT, free, None, self.judge.wrong, elsewhere)
        )


def second_point(mismatch: Mismatch) -> list[Any]:
    """A point near this one, in general position."""
    draw = np.random.default_rng(11)
    result = []
    for value, argument in zip(mismatch.graph.inputs, mismatch.arguments, strict=True):
        if value.type.dtype == "real":
            size = 0.01 * (np.abs(argument) + 0.1)
            argument = as_argument(argument + size * draw.uniform(-1.0, 1.0, value.shape), value)
        result.append(argument)
    return result
