"""The right answer to a question: its graph in as many digits as it takes, and limits where that has no answer.

The answer's own graph, evaluated in high precision, is right wherever the function is smooth.  Where the point is
singular, on a kink, or on the boundary of a condition, the derivative is sought as a limit of differences of the
function itself, from both sides: a derivative if they agree, a kink if they do not.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from engine.asks import Layout
from engine.compiled import Prepared, without_value
from engine.errors import BudgetExceeded
from engine.execute.careful import Findings, run_carefully
from engine.graph.types import Array
from engine.limits import Budget
from engine.question import Ask, Question
from engine.verify.limit import FIRST, MIXED, SECOND, VALUE, Direction, Point, backwards, of_graph, weighted
from engine.verify.subject import Subject
from engine.verify.ziv import settle

MOST_LIMITS = 256
"""Components that are sought as limits, at most."""


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

    `digits`: the precision that was needed.  `limits`: how many components were found as limits.
    """

    outputs: list[Array]
    sure: list[Array]
    digits: int
    limits: int = 0
    sides: list[Sides] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _Task:
    """One component to be found as a limit: where it goes, and along what the function is to be moved."""

    part: str
    inputs: tuple[str, ...]
    output: int
    index: tuple[Any, ...]
    u: Direction
    v: Direction | None


def suspicious(findings: Findings) -> bool:
    """Whether float64 met anything at the point that makes its derivative questionable."""
    return bool(findings.hidden or findings.kinks or findings.births)


def resolve(prepared: Prepared, subject: Subject, question: Question, ask: Ask, budget: Budget) -> Resolved:
    """The answer in as many digits as it takes.  Raises `BudgetExceeded` when not even its graph could be evaluated."""
    arguments = prepared.arguments(question)
    findings = run_carefully(prepared.graph, arguments, budget)
    settled = settle(prepared.graph, arguments, budget)
    found = Resolved(list(settled.outputs), [mask.copy() for mask in settled.sure], settled.digits)
    for k, (mask, careful) in enumerate(zip(found.sure, findings.outputs, strict=True)):
        found.outputs[k] = np.where(mask, found.outputs[k], np.asarray(careful))
    if not settled.all or suspicious(findings):
        try:
            _seek(found, prepared, subject, question, ask, budget, everything=suspicious(findings))
        except BudgetExceeded:
            if budget.cancelled:
                raise
    found.outputs = without_value(found.outputs)
    return found


def _seek(
    found: Resolved,
    prepared: Prepared,
    subject: Subject,
    question: Question,
    ask: Ask,
    budget: Budget,
    *,
    everything: bool,
) -> None:
    """Replace what can be found as a limit."""
    if subject.graph.outputs[0].type.dtype != "real" or question.many:
        return
    for point in range(subject.size) if subject.size is not None else (None,):
        arguments = subject.arguments(question, point)
        here = Point(of_graph(subject.graph, budget), arguments, budget)
        _Seeker(found, subject, here, prepared.layout, question, point, everything).run(ask)


class _Seeker:
    """The components of one point."""

    def __init__(
        self,
        found: Resolved,
        subject: Subject,
        here: Point,
        layout: Mapping[str, Layout],
        question: Question,
        point: int | None,
        everything: bool,
    ) -> None:
        self._found, self._subject, self._here, self._layout = found, subject, here, layout
        self._question, self._point, self._everything = question, point, everything
        self._lead: tuple[int, ...] = () if point is None else (point,)
        self._value = subject.graph.outputs[0].shape

    def run(self, ask: Ask) -> None:
        tasks = [task for task in self._tasks(ask) if self._everything or not self._is_sure(task)]
        needed = not bool(np.all(self._found.sure[0][self._lead]))
        if len(tasks) > MOST_LIMITS:
            tasks = [task for task in tasks if not self._is_sure(task)][:MOST_LIMITS]
        if needed:
            self._find_value(tasks)
        for task in tasks:
            self._find(task)

    def _is_sure(self, task: _Task) -> bool:
        return bool(np.all(self._found.sure[task.output][task.index]))

    def _tasks(self, ask: Ask) -> Iterator[_Task]:
        """Every component of every part, with the directions whose limit it is."""
        along = {n: self._subject.of_point(n, a, self._point) for n, a in self._question.along.items()}
        vector = self._direction(along) if ask in ("jvp", "hvp") else None
        for part, layout in self._layout.items():
            if part == "jvp" and isinstance(layout, int):
                yield from self._components(part, (), layout, vector, None)
            elif part in ("grad", "jacobian", "vjp", "hvp") and isinstance(layout, Mapping):
                for name, output in layout.items():
                    if isinstance(output, int):
                        for index, u in self._units(name):
                            yield self._task(part, (name,), output, index, u, vector if part == "hvp" else None)
            elif part == "hessian" and isinstance(layout, Mapping):
                yield from self._square(layout)

    def _square(self, layout: Mapping[str, Layout]) -> Iterator[_Task]:
        for row, columns in layout.items():
            if not isinstance(columns, Mapping):
                continue
            for column, output in columns.items():
                if isinstance(output, int):
                    for i, u in self._units(row):
                        for j, v in self._units(column):
                            yield self._task("hessian", (row, column), output, i + j, u, v)

    def _components(
        self, part: str, inputs: tuple[str, ...], output: int, u: Direction | None, v: Direction | None
    ) -> Iterator[_Task]:
        if u is not None:
            yield self._task(part, inputs, output, (), u, v)

    def _task(
        self, part: str, inputs: tuple[str, ...], output: int, index: tuple[int, ...], u: Direction, v: Direction | None
    ) -> _Task:
        # In a Jacobian, the axes of the output come before those of the input.
        before: tuple[Any, ...] = (slice(None),) * len(self._value) if part == "jacobian" else ()
        return _Task(part, inputs, output, (*self._lead, *before, *index), u, v)

    def _direction(self, along: Mapping[str, Any]) -> Direction:
        return [
            np.asarray(along.get(name, np.zeros(value.shape)), dtype=float)
            for name, value in zip(self._subject.names, self._subject.graph.inputs, strict=True)
        ]

    def _units(self, name: str) -> Iterator[tuple[tuple[int, ...], Direction]]:
        position = self._subject.names.index(name)
        for index in np.ndindex(self._subject.graph.inputs[position].shape):
            yield index, self._unit(position, index)

    def _unit(self, position: int, index: tuple[int, ...]) -> Direction:
        made = [np.zeros(value.shape) for value in self._subject.graph.inputs]
        made[position][index] = 1.0
        return made

    def _find_value(self, tasks: Sequence[_Task]) -> None:
        """The value of a removable singularity: the same from all sides that are looked at."""
        if tasks:
            ways = [u for task in tasks[:8] for u in (task.u, backwards(task.u))]
        else:
            every = range(len(self._subject.names))
            units = [
                self._unit(k, index)
                for k in every
                if self._subject.graph.inputs[k].type.dtype == "real"
                for index in np.ndindex(self._subject.graph.inputs[k].shape)
            ][:8]
            ways = [way for u in units for way in (u, backwards(u))]
        limits = [self._here.limit(VALUE, u) for u in ways]
        sure = self._found.sure[0][self._lead]
        for i, index in enumerate(np.ndindex(self._value)):
            if sure[index]:
                continue
            numbers = [row[i] for row in limits if row[i] is None or row[i] == row[i]]
            number = numbers[0] if numbers else None
            if number is not None and all(other is not None and near(other, number) for other in numbers):
                self._found.outputs[0][self._lead + index] = number
                self._found.sure[0][self._lead + index] = True
                self._found.limits += 1

    def _find(self, task: _Task) -> None:
        here = self._here
        if task.part == "vjp":
            cotangent = self._subject.of_point("", self._question.along[""], None)
            weights = np.ravel(cotangent if self._point is None else cotangent[self._point])
            here = Point(weighted(here.function, list(weights)), here.arguments, here.budget)
        sides = one_sided(here, task.u) if task.v is None else second_order(here, task.u, task.v)
        whole = self._found.outputs[task.output]
        sure = self._found.sure[task.output]
        places = _places(whole, task.index)
        for place, (left, right) in zip(places, sides, strict=True):
            number = both(left, right)
            if number is not None:
                whole[place] = number
                sure[place] = True
                self._found.limits += 1
            elif left is not None or right is not None:
                self._found.sides.append(Sides(task.part, task.inputs, place, left, right))


def _places(array: Array, index: tuple[Any, ...]) -> list[tuple[int, ...]]:
    """The elements of an array that an index with slices stands for, in order."""
    mask = np.zeros(array.shape, dtype=bool)
    mask[index] = True
    return [tuple(int(i) for i in place) for place in np.argwhere(mask)]


Pair = tuple[float | None, float | None]


def one_sided(here: Point, u: Direction) -> list[Pair]:
    """The derivatives along `u` from the left and from the right, of every output.

    NaN where there is no function on that side, None where there is no limit or the function jumps.
    """
    back = backwards(u)
    rights, lefts = here.limit(FIRST, u), here.limit(FIRST, back)
    if not any(x is None or x == x for x in (*lefts, *rights)):
        return _beside(here, lambda point: one_sided(point, u))
    values = [float(x) for x in here.there()]
    upper, lower = here.limit(VALUE, u), here.limit(VALUE, back)
    pairs: list[Pair] = []
    for value, left, right, low, high in zip(values, lefts, rights, lower, upper, strict=True):
        left = None if left is None else 0.0 - left
        middle = value if value == value else high if low is None or low != low else low
        if middle is None or (high is not None and high == high and not near(high, middle)):
            right = None
        if middle is None or (low is not None and low == low and not near(low, middle)):
            left = None
        pairs.append((left, right))
    return pairs


def _beside(here: Point, look: Callable[[Point], list[Pair]]) -> list[Pair]:
    """On a line along which there is no function at all, such as t = 0 for (x^t - 1)/t: the limit from beside it."""
    if here.drift is not None:
        return [(float("nan"), float("nan"))] * len(here.there())
    ahead, behind = (look(replace(here, drift=sign)) for sign in (1, -1))
    pairs: list[Pair] = []
    for one, other in zip(ahead, behind, strict=True):
        a, b = both(*one), both(*other)
        pairs.append((a, b) if a is not None or b is not None else one)
    return pairs


def second_order(here: Point, u: Direction, v: Direction) -> list[Pair]:
    """The second derivatives along `u` and `v`: from below and from above in both, or the extremes of all quadrants."""
    same = all(np.array_equal(a, b) for a, b in zip(u, v, strict=True))
    if same:
        lefts, rights = here.limit(SECOND, backwards(u)), here.limit(SECOND, u)
        if not any(x is None or x == x for x in (*lefts, *rights)):
            return _beside(here, lambda point: second_order(point, u, v))
        return list(zip(lefts, rights, strict=True))
    quadrants = [
        [x if sign > 0 else None if x is None else 0.0 - x for x in here.limit(MIXED, a, b)]
        for a, b, sign in (
            (u, v, 1),
            (backwards(u), backwards(v), 1),
            (backwards(u), v, -1),
            (u, backwards(v), -1),
        )
    ]
    pairs: list[Pair] = []
    for numbers in zip(*quadrants, strict=True):
        there = [x for x in numbers if x is None or x == x]
        known = [x for x in there if x is not None]
        if not there and here.drift is None:
            return _beside(here, lambda point: second_order(point, u, v))
        if len(known) < len(there) or not known:
            pairs.append((None, None))
        else:
            pairs.append((min(known), max(known)))
    return pairs


def both(left: float | None, right: float | None) -> float | None:
    """The derivative if both sides agree, or if there is a function on one side only."""
    if left is None or right is None:
        return None
    if left != left:
        return right if right == right else None
    if right != right:
        return left
    return right if near(left, right) else None


def near(a: float, b: float) -> bool:
    """Whether two limits are the same number."""
    return a == b or (math.isfinite(a) and math.isfinite(b) and abs(a - b) <= 1e-13 * max(abs(a), abs(b)))
