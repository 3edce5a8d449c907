"""The right answer to a question: its graph in as many digits as it takes, and limits where that has no answer.

The answer's own graph, evaluated in high precision, is right wherever the function is smooth.  Where the point is
singular, on a kink, or on the boundary of a condition, the derivative is sought as a limit of differences of the
function itself, from both sides: a derivative if they agree, a kink if they do not.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from engine.asks import sparse_numbers
from engine.compiled import Prepared
from engine.errors import BudgetExceeded
from engine.execute.careful import Findings, run_carefully
from engine.graph.types import Array
from engine.graph.values import Graph
from engine.limits import Budget
from engine.precision.components import Components, Task
from engine.precision.subject import Subject
from engine.question import Ask, Question
from engine.verify.demand import demand
from engine.verify.limit import VALUE, Direction, backwards, everywhere
from engine.verify.sides import agrees_with, both, near, one_sided, second_order
from engine.verify.ziv import Settled, settle

MOST_LIMITS = 256
"""Components that are sought as limits, at most."""
SECONDS_PER_ELEMENT = 10e-6
"""What mpmath takes for an operation on two numbers with a few dozen digits, about."""
EVALUATIONS = 8
"""Evaluations of the function that one limit takes, each about as long as the first two precisions."""
PATIENCE = 0.1
"""What part of the time everything may take before only what is needed is computed."""


@dataclass(frozen=True, slots=True)
class Sides:
    """A component without a derivative: what it tends to from the left and from the right (None: to nothing)."""

    part: str
    inputs: tuple[str, ...]
    index: tuple[int, ...]
    left: float | None
    right: float | None


@dataclass(slots=True)
class Resolved:
    """`outputs` of the answer's graph, rounded once, and where they are `sure`.

    `digits`: the precision that was needed.  `limits`: how many components were found as limits, and `moved`: how many
    of them are not what the rules say.  `whole`: whether everything questionable was looked at, and not only what was
    needed of large arrays, and is sure now.  `places` are those of the limits, while they are sought.
    """

    outputs: list[Array]
    sure: list[Array]
    digits: int
    limits: int = 0
    sides: list[Sides] = field(default_factory=list)
    whole: bool = True
    moved: int = 0
    places: set[tuple[int, tuple[int, ...]]] = field(default_factory=set)


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
    findings = run_carefully(prepared.graph, arguments, budget)
    everything = suspicious(findings)
    if needed is not None and seconds_of(prepared.graph) > PATIENCE * budget.left:
        if subject.size is not None:
            hit = np.zeros(subject.size, dtype=bool)
            hit[_points(findings, needed, subject.size)] = True
            needed = [_rows(mask, hit) for mask in needed]
        else:
            everything = False
            needed = _affordable(prepared.graph, needed, budget)
    else:
        needed = None
    seconds = seconds_of(prepared.graph, needed)
    if seconds > budget.left:
        raise BudgetExceeded(f"high precision would take about {seconds:.0f} s here")
    settled = settle(prepared.graph, arguments, budget, needed)
    whole = needed is None or subject.size is not None
    found = Resolved(list(settled.outputs), [mask.copy() for mask in settled.sure], settled.digits)
    for k, (mask, careful) in enumerate(zip(found.sure, findings.outputs, strict=True)):
        # Equal numbers may be zeros of different signs, of which high precision knows nothing.
        differs = mask & np.asarray(found.outputs[k] != np.asarray(careful))
        found.outputs[k] = np.where(differs, found.outputs[k], np.asarray(careful))
    if everything:
        # Entries of sparse matrices are not sought as limits, so nothing makes them sure here.
        for output in sparse_numbers(prepared.layout):
            found.sure[output] = np.zeros_like(found.sure[output])
    open_places = [~sure for sure in found.sure]
    if needed is not None:
        open_places = [a & b for a, b in zip(open_places, needed, strict=True)]
    worth = everything or any(bool(np.any(mask)) for mask in open_places)
    if worth and EVALUATIONS * seconds_of(subject.graph) < budget.left:
        try:
            for number in _points(findings, open_places, subject.size):
                _seek(found, Components(prepared, subject, question, ask, number, budget), everything, needed)
        except BudgetExceeded:
            if budget.cancelled:
                raise
    said = [prepared.undefined(outputs, arguments) for outputs in (findings.outputs, settled.outputs)]
    found.limits, found.moved = len(found.places), _moved(found, settled.sure, said[0], said[1])
    if not (findings.hidden or findings.kinks):
        # Only a number was too large or too small for float64: what its graph says in more digits is no convention.
        found.limits = _changed(found, settled)
    looked_at = needed or [np.ones(mask.shape, dtype=bool) for mask in found.sure]
    found.whole = whole and not any(bool(np.any(a & ~b)) for a, b in zip(looked_at, found.sure, strict=True))
    found.outputs = prepared.undefined(found.outputs, arguments)
    return found


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


def seconds_of(graph: Graph, needed: Sequence[Array] | None = None) -> float:
    """What the first two precisions will take, about."""
    if needed is None:
        elements = sum(value.type.size for node in graph.nodes for value in node.outputs)
    else:
        masks = demand(graph, needed)
        made = {value for node in graph.nodes for value in node.outputs}
        elements = sum(int(np.count_nonzero(mask)) for value, mask in masks.items() if value in made)
    return 2 * elements * SECONDS_PER_ELEMENT


def _affordable(graph: Graph, needed: Sequence[Array], budget: Budget) -> list[Array]:
    """What is needed of the outputs that can be had in time, the cheapest first."""
    nothing = [np.zeros(mask.shape, dtype=bool) for mask in needed]
    chosen = list(nothing)
    costs = []
    for k, mask in enumerate(needed):
        if np.any(mask):
            costs.append((seconds_of(graph, [mask if i == k else none for i, none in enumerate(nothing)]), k))
    left = budget.left
    for seconds, k in sorted(costs):
        if seconds <= left:
            left -= seconds
            chosen[k] = needed[k]
    if costs and not any(np.any(mask) for mask in chosen):
        raise BudgetExceeded(f"high precision would take about {min(costs)[0]:.0f} s here")
    return chosen


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


def _seek(found: Resolved, components: Components, everything: bool, needed: Sequence[Array] | None = None) -> None:
    """Replace what can be found as a limit at one point: what is needed and not sure, or `everything`."""
    tasks = []
    for task in components.tasks():
        if needed is not None and not any(needed[output][place] for output, place in task.targets):
            continue
        if everything or not _is_sure(found, task):
            tasks.append(task)
        if len(tasks) > MOST_LIMITS and everything:
            everything = False
            tasks = [t for t in tasks if not _is_sure(found, t)]
        if len(tasks) > MOST_LIMITS:
            tasks = tasks[:MOST_LIMITS]
            break
    if not all(bool(found.sure[o][place]) for o, place in components.values):
        # Where the function has no value, what its rules say of derivatives has no meaning.
        for output, place in [target for task in tasks for target in task.targets]:
            found.sure[output][place] = False
        _find_value(found, components)
    before = [output.copy() for output in found.outputs]
    sure = [mask.copy() for mask in found.sure]
    flags = [_find(found, task) for task in tasks]
    limits = [task for task, flag in zip(tasks, flags, strict=True) if flag]
    _refute(found, limits, before)
    _refute_directions(found, limits, before)
    _without_gradient(found, tasks, flags, before, sure)
    _without_value(found, components, tasks, before)


def _is_sure(found: Resolved, task: Task) -> bool:
    return all(bool(found.sure[output][place]) for output, place in task.targets)


def _refute(found: Resolved, tasks: list[Task], before: list[Array]) -> None:
    """Take partial derivatives back that do not add up in a direction between the axes.

    They may all exist, as those of x y / (x² + y²) at 0 do, without the function being differentiable.
    """
    groups: dict[tuple[str, int], list[Task]] = {}
    for task in tasks:
        if task.v is None and task.part != "jvp":
            groups.setdefault((task.part, id(task.point)), []).append(task)
    for group in groups.values():
        weights = [1.0 + math.sqrt(2.0 + 3.0 * k) % 1.0 for k in range(len(group))]
        way = [
            np.sum([c * np.asarray(t.u[k]) for c, t in zip(weights, group, strict=True)], axis=0)
            for k in range(len(group[0].u))
        ]
        slopes = one_sided(group[0].point, way) if len(group) > 1 else []
        for i, (left, right) in enumerate(slopes):
            places = [task.targets[i] for task in group]
            with np.errstate(invalid="ignore"):
                total = sum(c * found.outputs[o][place] for c, (o, place) in zip(weights, places, strict=True))
            if left is None or right is None or not agrees_with(both(left, right), float(total)):
                for output, place in places:
                    found.outputs[output][place] = before[output][place]
                    found.sure[output][place] = False
                    found.places.discard((output, place))


def _refute_directions(found: Resolved, tasks: list[Task], before: list[Array]) -> None:
    """Take directional derivatives back that do not add up with that along another direction."""
    tasks = [task for task in tasks if task.part == "jvp"]
    if not tasks:
        return
    point = tasks[0].point
    # Of the inputs that move anyway.
    other = [
        way if np.any(u) else np.zeros_like(way) for u, way in zip(tasks[0].u, everywhere(point.arguments), strict=True)
    ]
    alone = one_sided(point, other)
    for task in tasks:
        together = one_sided(point, [np.asarray(a) + b for a, b in zip(task.u, other, strict=True)])
        for (output, place), one, sum_ in zip(task.targets, alone, together, strict=True):
            slope, total = both(*one), both(*sum_)
            if slope is None or total is None:
                continue
            with np.errstate(invalid="ignore"):
                expected = float(found.outputs[output][place]) + slope
            if not agrees_with(total, expected):
                found.outputs[output][place] = before[output][place]
                found.sure[output][place] = False
                found.places.discard((output, place))


def _without_gradient(
    found: Resolved, tasks: list[Task], flags: list[bool], before: list[Array], sure: list[Array]
) -> None:
    """Take second derivatives back where there is no first: differences of |x| at 0 have the limit 0."""
    kinks = {
        _way(task.u)
        for task, flag in zip(tasks, flags, strict=True)
        if task.part == "grad" and not (flag and _is_sure(found, task))
    }
    for task in tasks if kinks else ():
        if task.part == "hvp" or (task.part == "hessian" and kinks & {_way(task.u), _way(task.v or ())}):
            for output, place in task.targets:
                found.outputs[output][place] = before[output][place]
                found.sure[output][place] = sure[output][place]
                found.places.discard((output, place))


def _without_value(found: Resolved, components: Components, tasks: list[Task], before: list[Array]) -> None:
    """Take derivatives back where there is no value to differentiate, whatever differences along an axis say."""
    there = [bool(found.sure[o][place] or np.isfinite(found.outputs[o][place])) for o, place in components.values]
    for task in tasks if not all(there) else ():
        each = there if len(task.targets) == len(there) else [all(there)] * len(task.targets)
        for (output, place), defined in zip(task.targets, each, strict=True):
            if not defined:
                found.outputs[output][place] = before[output][place]
                found.sure[output][place] = False
                found.places.discard((output, place))


def _way(direction: Direction) -> bytes:
    return b"".join(np.asarray(way).tobytes() for way in direction)


def _find_value(found: Resolved, components: Components) -> None:
    """The value of a removable singularity: the same from all sides that are looked at."""
    ways = components.ways(8)
    limits = [components.point.limit(VALUE, way) for u in ways for way in (u, backwards(u))]
    for i, (output, place) in enumerate(components.values):
        if found.sure[output][place] or found.outputs[output].dtype.kind != "f":
            continue
        numbers = [row[i] for row in limits if row[i] is None or row[i] == row[i]]
        number = numbers[0] if numbers else None
        if number is not None and all(other is not None and near(other, number) for other in numbers):
            _set(found, output, place, number)


def _find(found: Resolved, task: Task) -> bool:
    """Whether every component of the task is a limit now."""
    sides = one_sided(task.point, task.u) if task.v is None else second_order(task.point, task.u, task.v)
    for (output, place), (left, right) in zip(task.targets, sides, strict=True):
        number = both(left, right)
        if number is not None:
            _set(found, output, place, number)
        elif any(side is None or side == side for side in (left, right)):
            here = Sides(task.part, task.inputs, place, left, right)
            if here not in found.sides:
                found.sides.append(here)
    return all(both(left, right) is not None for left, right in sides)


def _set(found: Resolved, output: int, place: tuple[int, ...], number: float) -> None:
    # What was rounded once is not replaced by the same number with the last place in doubt.
    if not (found.sure[output][place] and near(float(found.outputs[output][place]), number)):
        found.outputs[output][place] = number
    found.sure[output][place] = True
    found.places.add((output, place))
