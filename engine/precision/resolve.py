"""The right answer to a question: its graph in as many digits as it takes, and limits where that has no answer.

The answer's own graph, evaluated in high precision, is right wherever the function is smooth.  Where the point is
singular, on a kink, or on the boundary of a condition, its components are sought as limits (`engine.precision.seek`).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from engine.asks import sparse_numbers
from engine.compiled import Prepared
from engine.errors import BudgetExceeded
from engine.execute.careful import Findings, run_carefully
from engine.execute.compile import steps_of
from engine.graph.recipes import rounded_constants, steps
from engine.graph.types import Array
from engine.graph.values import Graph, Node
from engine.limits import Budget
from engine.precision.components import Components, Target
from engine.precision.resolved import Resolved, Sides
from engine.precision.seek import seek
from engine.precision.subject import Subject
from engine.question import Ask, Question
from engine.verify.demand import demand
from engine.verify.sides import near
from engine.verify.ziv import Settled, settle

__all__ = ["Resolved", "Sides", "resolve", "seconds_of", "suspicious"]

SECONDS_PER_ELEMENT = 10e-6
"""What mpmath takes for an operation on two numbers with a few dozen digits, about."""
EVALUATIONS = 8
"""Evaluations of the function that one limit takes, each about as long as the first two precisions."""
PATIENCE = 0.1
"""What part of the time everything may take before only what is needed is computed."""


def suspicious(findings: Findings) -> bool:
    """Whether float64 met anything at the point that makes its derivative questionable."""
    return bool(findings.hidden or findings.kinks or findings.births)


def resolve(
    prepared: Prepared,
    subject: Subject,
    question: Question,
    ask: Ask,
    budget: Budget,
    needed: Sequence[Array] | None = None,
) -> Resolved:
    """The answer in as many digits as it takes.  Raises `BudgetExceeded` when not even its graph could be evaluated.

    `needed`: masks of the outputs that are in doubt.  Where everything would take long, only these are computed, and in
    a batch those of points at which float64 met something.
    """
    arguments = prepared.arguments(question)
    asked = needed
    findings = run_carefully(prepared.graph, arguments, budget)
    # Differences of values say nothing of a derivative that is stated to be another one.
    limits_apply = not (subject.overridden and ask != "value")
    everything = suspicious(findings) and limits_apply
    inside = findings.inside
    if needed is not None and seconds_of(prepared.graph, inside=inside) > PATIENCE * budget.left:
        if subject.size is not None:
            hit = np.zeros(subject.size, dtype=bool)
            hit[_points(findings, needed, subject.size)] = True
            needed = [_rows(mask, hit) for mask in needed]
        else:
            everything = False
            needed = _affordable(prepared.graph, needed, budget, inside)
    else:
        needed = None
    seconds = seconds_of(prepared.graph, needed, inside)
    _require(seconds, budget)
    settled = settle(prepared.graph, arguments, budget, needed)
    whole = needed is None or subject.size is not None
    found = Resolved(list(settled.outputs), [mask.copy() for mask in settled.sure], settled.digits)
    found.inside = inside
    found.late = needed is not None and asked is not None and _fewer(needed, asked)
    for k, (mask, careful) in enumerate(zip(found.sure, findings.outputs, strict=True)):
        # Equal numbers may be zeros of different signs, of which high precision knows nothing.
        differs = mask & np.asarray(found.outputs[k] != np.asarray(careful))
        found.outputs[k] = np.where(differs, found.outputs[k], np.asarray(careful))
    open_places = [~sure for sure in found.sure]
    if needed is not None:
        open_places = [a & b for a, b in zip(open_places, needed, strict=True)]
    worth = limits_apply and (everything or any(bool(np.any(mask)) for mask in open_places))
    sought: list[Target] = []
    if worth and EVALUATIONS * seconds_of(subject.graph, inside=inside) > budget.left:
        found.late = True
    elif worth:
        try:
            for number in _points(findings, open_places, subject.size):
                sought += seek(found, Components(prepared, subject, question, ask, number, budget), everything, needed)
        except BudgetExceeded:
            if budget.cancelled:
                raise
            found.late = True
    if everything:
        _doubt(found, sparse_numbers(prepared.layout), sought)
    said = [prepared.undefined(outputs, arguments) for outputs in (findings.outputs, settled.outputs)]
    found.limits, found.moved = len(found.places), _moved(found, settled.sure, said[0], said[1])
    if not (findings.hidden or findings.kinks):
        # Only a number was too large or too small for float64: what its graph says in more digits is no convention.
        found.limits = _changed(found, settled)
    looked_at = needed or [np.ones(mask.shape, dtype=bool) for mask in found.sure]
    found.whole = whole and not any(bool(np.any(a & ~b)) for a, b in zip(looked_at, found.sure, strict=True))
    found.outputs = prepared.undefined(found.outputs, arguments)
    return found


def _doubt(found: Resolved, outputs: Sequence[int], sought: Sequence[Target]) -> None:
    """Entries of sparse matrices, of which there may be too many to seek all, are only sure where they were sought."""
    for output in outputs:
        looked_at = np.zeros_like(found.sure[output])
        for number, place in sought:
            if number == output:
                looked_at[place] = True
        found.sure[output] &= looked_at


def _moved(found: Resolved, sure: list[Array], rules: Sequence[Any], digits: Sequence[Any]) -> int:
    """How many limits are not what the rules say, neither in float64 nor in more digits."""

    def is_moved(output: int, place: tuple[int, ...]) -> bool:
        limit = float(found.outputs[output][place])
        known = bool(sure[output][place]) and near(float(np.asarray(digits[output])[place]), limit)
        return not known and not near(float(np.asarray(rules[output])[place]), limit)

    return sum(is_moved(output, place) for output, place in found.places)


def _changed(found: Resolved, settled: Settled) -> int:
    """How many numbers are sure that were not, or were others, before limits were sought."""
    return sum(
        int(np.count_nonzero(sure & ~(known & (now == before))))
        for sure, known, now, before in zip(found.sure, settled.sure, found.outputs, settled.outputs, strict=True)
    )


def seconds_of(graph: Graph, needed: Sequence[Array] | None = None, inside: int | None = None) -> float:
    """What the first two precisions will take, about; `inside` is how many numbers its choices and loops compute, if
    that is known from a run."""
    nodes = (*graph.nodes, *steps(rounded_constants(graph)))
    if needed is None:
        made = [value for node in nodes for value in node.outputs]
        elements = sum(value.type.size for value in made)
    else:
        masks = demand(graph, needed)
        made = [value for node in nodes for value in node.outputs]
        elements = sum(int(np.count_nonzero(masks[value])) for value in made if value in masks)
    elements += sum(map(_inside, graph.nodes)) if inside is None else inside
    return 2 * elements * SECONDS_PER_ELEMENT


def _inside(node: Node) -> int:
    """The numbers that are computed in the graphs of a node, those in loops as often as there are steps."""
    if not node.graphs:
        return 0
    inner = max(sum(_inside(n) + sum(v.type.size for v in n.outputs) for n in graph.nodes) for graph in node.graphs)
    return inner * steps_of(node) if node.primitive.name == "loop" else inner


def _affordable(graph: Graph, needed: Sequence[Array], budget: Budget, inside: int) -> list[Array]:
    """What is needed of the outputs that can be had in time, the cheapest first."""
    nothing = [np.zeros(mask.shape, dtype=bool) for mask in needed]
    chosen = list(nothing)
    costs = []
    for k, mask in enumerate(needed):
        if np.any(mask):
            only = [mask if i == k else none for i, none in enumerate(nothing)]
            costs.append((seconds_of(graph, only, inside), k))
    left = budget.left
    for seconds, k in sorted(costs):
        if seconds <= left:
            left -= seconds
            chosen[k] = needed[k]
    if costs and not any(np.any(mask) for mask in chosen):
        _require(min(costs)[0], budget)
    return chosen


def _require(seconds: float, budget: Budget) -> None:
    """Refuse what is known to take longer than there is time."""
    if seconds > budget.left:
        raise BudgetExceeded(
            f"High precision would take about {_told(seconds)} s, and {_told(budget.left)} s are left of its time."
        )


def _told(seconds: float) -> str:
    return f"{seconds:,.0f}" if seconds >= 10.0 else f"{seconds:.2g}"


def _fewer(chosen: Sequence[Array], needed: Sequence[Array]) -> bool:
    return any(bool(np.any(b & ~a)) for a, b in zip(chosen, needed, strict=True))


def _points(findings: Findings, needed: Sequence[Array], size: int | None) -> list[Any]:
    """The points of a batch at which something is needed, or float64 met something remarkable; without one, [None]."""
    if size is None:
        return [None]
    hit = np.zeros(size, dtype=bool)
    for mask in needed:
        if np.shape(mask)[:1] == (size,):
            hit |= np.asarray(mask).reshape(size, -1).any(axis=1)
    for met in (*findings.kinks, *findings.hidden):
        places = np.asarray(met.places)
        if places.shape[:1] != (size,):
            return list(range(size))
        hit |= places.reshape(size, -1).any(axis=1)
    return [int(i) for i in np.flatnonzero(hit)]


def _rows(mask: Array, hit: Array) -> Array:
    """All elements at these points."""
    return (
        np.broadcast_to(hit.reshape(-1, *(1,) * (mask.ndim - 1)), mask.shape) if mask.shape[:1] == hit.shape else mask
    )
