"""All that high precision has to say of an answer: the right one, differences, what changes of the inputs do."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from engine.compiled import Prepared
from engine.errors import BudgetExceeded
from engine.execute.careful import run_carefully
from engine.graph.types import Array
from engine.limits import Budget
from engine.precision.components import Components, Task
from engine.precision.resolve import resolve, seconds_of
from engine.precision.resolved import Resolved
from engine.precision.subject import Subject
from engine.question import Ask, Question
from engine.verify.precise import context, evaluate, exactly
from engine.verify.sides import both, second_order, slopes

MOST_DIFFERENCES = 64
"""Components that are found by differences of the function; of more, as many are drawn."""
RESOLVE = 0.5
"""What of the time the answer itself may take."""
DIRECTIONS = 4
DRAWS = 3
"""Perturbations of all inputs at once, with signs drawn anew."""
PERTURBATION = 1e-16
DIGITS = 60


@dataclass(frozen=True, slots=True)
class Examination:
    """`differences`: by output of the answer's graph, the derivatives found from values of the function alone.

    NaN where they were not looked for, as where a derivative is stated that is another one, or do not exist.  `slopes`:
    where there are too many for that, the derivative along a few directions (those of `signs`), else empty.  `spread`:
    how much every output changes, divided by the relative change of the inputs that causes it; NaN where nobody knows.
    """

    resolved: Resolved
    differences: list[Array]
    spread: list[Array]
    slopes: Array


def examine(prepared: Prepared, subject: Subject, question: Question, ask: Ask, budget: Budget) -> Examination:
    """The examination of one answer.  What there is no time for is NaN."""
    resolved = _resolved(prepared, subject, question, ask, budget)
    spread = [np.full(np.shape(output), np.nan) for output in resolved.outputs]
    differences = [np.full(np.shape(output), np.nan) for output in resolved.outputs]
    along = np.zeros(0)
    try:
        if any(bool(np.any(mask)) for mask in resolved.sure):
            spread = _spread(prepared, question, budget.share(0.5 * budget.left))
        if subject.overridden and ask != "value":
            return Examination(resolved, differences, spread, along)
        seconds = seconds_of(subject.graph, inside=resolved.inside)
        if ask == "grad" and subject.size is None and _count(subject) > MOST_DIFFERENCES:
            if 3 * seconds < budget.left:
                along = _slopes(subject, Components(prepared, subject, question, ask, None, budget), seconds)
        elif 3 * seconds < budget.left:
            _differences(differences, prepared, subject, question, ask, budget)
    except BudgetExceeded:
        if budget.cancelled:
            raise
    return Examination(resolved, differences, spread, along)


def signs(shapes: Sequence[tuple[int, ...]], count: int = DIRECTIONS) -> list[Array]:
    """Directions in which everything moves: for inputs of these shapes, 1 or -1 for every element, `count` times."""
    random = np.random.default_rng(20_261_121)
    return [random.choice((-1.0, 1.0), (count, *shape)) for shape in shapes]


def _resolved(prepared: Prepared, subject: Subject, question: Question, ask: Ask, budget: Budget) -> Resolved:
    """The answer in as many digits as it takes; where that takes too long that of float64, of which nothing is sure."""
    try:
        return resolve(prepared, subject, question, ask, budget.share(RESOLVE * budget.left))
    except BudgetExceeded:
        if budget.cancelled:
            raise
        outputs = [np.asarray(output) for output in run_carefully(prepared.graph, prepared.arguments(question)).outputs]
        return Resolved(outputs, [np.zeros(output.shape, dtype=bool) for output in outputs], 16, whole=False)


def _count(subject: Subject) -> int:
    return sum(subject.graph.inputs[position].type.size for position in subject.wrt.values())


def _slopes(subject: Subject, components: Components, seconds: float) -> Array:
    """The derivative of the function, which takes so long, along the directions, by differences; NaN where there is
    none."""
    inputs = subject.graph.inputs
    drawn = signs([inputs[position].shape for position in subject.wrt.values()])
    found = np.full(DIRECTIONS, np.nan)
    for k in range(DIRECTIONS):
        if time.perf_counter() + 3 * seconds > components.point.budget.deadline:
            break
        way = [np.zeros(value.shape) for value in inputs]
        for position, direction in zip(subject.wrt.values(), drawn, strict=True):
            way[position] = direction[k]
        (slope,) = slopes(components.point, way)
        found[k] = np.nan if slope is None else slope
    return found


def _spread(prepared: Prepared, question: Question, budget: Budget) -> list[Array]:
    """The largest of a few changes of the outputs, per relative change of the inputs."""
    mp = context(DIGITS)
    arguments = prepared.arguments(question)
    base = evaluate(prepared.graph, arguments, mp, budget)
    random = np.random.default_rng(20_261_121)
    found = [np.zeros(np.shape(output)) for output in base]
    for _ in range(DRAWS):
        moved = []
        for argument in arguments:
            array = np.asarray(argument)
            if array.dtype.kind != "f":
                moved.append(argument)
                continue
            signs = random.choice((-1.0, 1.0), array.shape)
            moved.append(exactly(array, mp) * (mp.mpf(1) + exactly(signs, mp) * mp.mpf(PERTURBATION)))
        for k, (a, b) in enumerate(zip(base, evaluate(prepared.graph, moved, mp, budget), strict=True)):
            found[k] = np.fmax(found[k], _change(a, b))
    return found


def _change(before: Any, after: Any) -> Array:
    if np.asarray(before).dtype != object:
        return np.zeros(np.shape(before))
    made = np.empty(np.shape(before))
    for index in np.ndindex(made.shape):
        made[index] = abs(float((after[index] - before[index]) / PERTURBATION))
    return made


def _differences(
    differences: list[Array], prepared: Prepared, subject: Subject, question: Question, ask: Ask, budget: Budget
) -> None:
    every = range(subject.size) if subject.size is not None else (None,)
    tasks: list[Task] = []
    for number in every:
        components = Components(prepared, subject, question, ask, number, budget)
        tasks += components.tasks()
        if ask == "value":
            _values(differences, components)
        if len(tasks) > 100 * MOST_DIFFERENCES:
            break
    if len(tasks) > MOST_DIFFERENCES:
        random = np.random.default_rng(20_261_121)
        tasks = [tasks[i] for i in sorted(random.choice(len(tasks), MOST_DIFFERENCES, replace=False))]
    for task in tasks:
        if task.v is None:
            numbers = slopes(task.point, task.u)
        else:
            numbers = [both(*pair) for pair in second_order(task.point, task.u, task.v)]
        for (output, place), found in zip(task.targets, task.pick(numbers), strict=True):
            if found is not None:
                differences[output][place] = found


def _values(differences: Sequence[Array], components: Components) -> None:
    for (output, place), number in zip(components.values, components.point.there(), strict=True):
        differences[output][place] = float(number)
