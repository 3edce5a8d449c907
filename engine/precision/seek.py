"""The components of an answer that more digits alone do not settle, sought as limits.

A derivative is sought as a limit of differences of the function itself, from both sides: a derivative if they agree, a
kink if they do not.  Partial derivatives that do not add up between the axes, and derivatives of what has no value or
no gradient, are taken back.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from engine.graph.types import Array
from engine.precision.components import Components, Target, Task
from engine.precision.resolved import Resolved, Sides
from engine.verify.limit import VALUE, Direction, backwards, everywhere
from engine.verify.sides import Pair, agrees_with, both, near, one_sided, second_order

MOST_LIMITS = 256
"""Components that are sought as limits, at most."""


def seek(
    found: Resolved, components: Components, everything: bool, needed: Sequence[Array] | None = None
) -> list[Target]:
    """Replace what can be found as a limit at one point: what is needed and not sure, or `everything`.

    What was sought is told.
    """
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
    return [target for task in tasks for target in task.targets]


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
        added: list[list[tuple[float, Target, Task]]] = [[] for _ in slopes]
        for c, task in zip(weights, group, strict=True) if slopes else ():
            for i, target in zip(task.pick(range(len(slopes))), task.targets, strict=True):
                added[i].append((c, target, task))
        for terms, (left, right) in zip(added, slopes, strict=True):
            with np.errstate(invalid="ignore"):
                total = sum(c * found.outputs[o][place] for c, (o, place), _ in terms)
            if left is None or right is None or not agrees_with(both(left, right), float(total)):
                for _, (output, place), task in terms:
                    limit = float(found.outputs[output][place])
                    if left is not None and right is not None and (output, place) in found.places:
                        found.sides.append(Sides(task.part, task.inputs, place, limit, limit))
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
        known = task.pick(there)
        each = known if len(task.targets) == len(known) else [all(there)] * len(task.targets)
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
    sides: Sequence[Pair] = (
        one_sided(task.point, task.u) if task.v is None else second_order(task.point, task.u, task.v)
    )
    sides = task.pick(sides)
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
