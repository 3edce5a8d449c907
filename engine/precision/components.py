"""The components of an answer one by one: along what the function has to be moved to find each as a limit."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np

from engine.asks import Entries, Layout
from engine.compiled import Prepared
from engine.graph.types import Array
from engine.limits import Budget
from engine.precision.subject import Subject
from engine.question import Ask, Question
from engine.verify.limit import Direction, Function, Point, everywhere, of_graph, weighted

T = TypeVar("T")
Target = tuple[int, tuple[int, ...]]


@dataclass(frozen=True, slots=True)
class Task:
    """Components that are found together.

    `part` and `inputs` name them.  `targets`: for each number that the function of `point` has as its value, in order,
    the output of the answer's graph and the place in it; only for those in `numbers`, where that is given: the
    others are 0 by the structure of a sparse matrix.  The derivative is along `u`, and `v` where it is the second.
    """

    part: str
    inputs: tuple[str, ...]
    point: Point
    targets: Sequence[Target]
    u: Direction
    v: Direction | None = None
    numbers: Sequence[int] | None = None

    def pick(self, found: Sequence[T]) -> Sequence[T]:
        """Of something for every number of the function, what belongs to the targets."""
        return found if self.numbers is None else [found[i] for i in self.numbers]


class Components:
    """The tasks of one question at one point of it (`number`, in a batch)."""

    def __init__(
        self, prepared: Prepared, subject: Subject, question: Question, ask: Ask, number: int | None, budget: Budget
    ) -> None:
        self._layout, self._subject, self._question, self._ask = prepared.layout, subject, question, ask
        self._number = number
        self._lead: tuple[int, ...] = () if number is None else (number,)
        self._shapes = [value.shape for value in subject.graph.outputs]
        self._several = isinstance(prepared.values, list)
        self.point = Point(of_graph(subject.graph, budget), subject.arguments(question, number), budget)

    @property
    def values(self) -> list[tuple[int, tuple[int, ...]]]:
        """Where the value of the function is in the answer, number by number."""
        return [(o, self._lead + index) for o, shape in enumerate(self._shapes) for index in np.ndindex(shape)]

    def ways(self, most: int) -> list[Direction]:
        """One direction in which everything moves, and `most` unit directions, of the inputs to differentiate.

        That between the axes tells x y / (x² + y²), which has no limit at 0, from what has one.
        """
        positions = set(self._subject.wrt.values())
        if not positions:
            return []
        every = everywhere(self.point.arguments)
        found: list[Direction] = [[way if k in positions else np.zeros_like(way) for k, way in enumerate(every)]]
        for position in sorted(positions):
            for index in np.ndindex(self._subject.graph.inputs[position].shape):
                if len(found) <= most:
                    found.append(self._unit(position, index))
        return found

    def tasks(self) -> Iterator[Task]:
        """Every component of every part that is made of numbers."""
        for direction in range(self._count()) if self._question.many else (None,):
            along = {name: self._along(name, array, direction) for name, array in self._question.along.items()}
            for part, layout in self._layout.items():
                yield from self._part(part, layout, along, () if direction is None else (direction,))

    def _count(self) -> int:
        return min(len(array) for name, array in self._question.along.items() if not self._is_weight(name))

    def _is_weight(self, name: str) -> bool:
        """Whether this is a cotangent beside the vectors of an `hvp`, of which there is only one."""
        return self._ask == "hvp" and not name.isidentifier()

    def _along(self, name: str, array: Array, direction: int | None) -> Array:
        if direction is not None and not self._is_weight(name):
            array = array[direction]
        over_points = self._number is not None and (not name.isidentifier() or name in self._subject.varies)
        return array[self._number] if over_points else array

    def _part(self, part: str, layout: Layout, along: Mapping[str, Array], first: tuple[int, ...]) -> Iterator[Task]:
        prefix = (first if part == self._ask else ()) + self._lead
        if part == "jvp":
            yield Task(part, (), self.point, self._spread(layout, prefix, ()), self._direction(along))
        elif part == "jacobian" and isinstance(layout, Mapping):
            for name, inner in layout.items():
                matrices = inner if isinstance(inner, list) else [inner]
                if any(isinstance(matrix, Entries) for matrix in matrices):
                    yield from self._sparse(name, matrices)
                elif isinstance(inner, int | list) and self._spread(inner, prefix, ()):
                    for index, u in self._units(name):
                        yield Task(part, (name,), self.point, self._spread(inner, prefix, index), u)
        elif part in ("grad", "vjp", "hvp") and isinstance(layout, Mapping):
            point = self._of_one_output(along)
            vector = self._direction(along) if part == "hvp" else None
            for name, inner in layout.items():
                if isinstance(inner, int):
                    for index, u in self._units(name):
                        yield Task(part, (name,), point, [(inner, prefix + index)], u, vector)
        elif part == "hessian" and isinstance(layout, Mapping):
            yield from self._square(layout)

    def _square(self, layout: Mapping[str, Layout]) -> Iterator[Task]:
        for row, columns in layout.items():
            for column, output in columns.items() if isinstance(columns, Mapping) else ():
                if isinstance(output, int):
                    for i, u in self._units(row):
                        for j, v in self._units(column):
                            yield Task("hessian", (row, column), self.point, [(output, self._lead + i + j)], u, v)
                elif isinstance(output, Entries) and isinstance(output.values, int):
                    for k, (i, j) in enumerate(zip(output.rows, output.columns, strict=True)):
                        target = (output.values, (*self._lead, k))
                        u, v = self._flat_unit(row, int(i)), self._flat_unit(column, int(j))
                        yield Task("hessian", (row, column), self.point, [target], u, v)

    def _sparse(self, name: str, matrices: Sequence[Layout]) -> Iterator[Task]:
        """The entries of sparse matrices, one for each output of the function, column by column."""
        found: dict[int, list[tuple[int, Target]]] = {}
        first = 0
        for matrix, shape in zip(matrices, self._shapes, strict=True):
            if isinstance(matrix, Entries) and isinstance(matrix.values, int):
                for k, (row, column) in enumerate(zip(matrix.rows, matrix.columns, strict=True)):
                    found.setdefault(int(column), []).append((first + int(row), (matrix.values, (*self._lead, k))))
            first += math.prod(shape)
        for column, entries in sorted(found.items()):
            numbers, targets = zip(*entries, strict=True)
            yield Task("jacobian", (name,), self.point, targets, self._flat_unit(name, column), None, numbers)

    def _spread(
        self, layout: Layout, before: tuple[int, ...], after: tuple[int, ...]
    ) -> list[tuple[int, tuple[int, ...]]]:
        """Targets for every number of every output, between the axes before and after those of the output."""
        numbers = layout if isinstance(layout, list) else [layout]
        return [
            (output, before + index + after)
            for output, shape in zip(numbers, self._shapes, strict=True)
            if isinstance(output, int)
            for index in np.ndindex(shape)
        ]

    def _of_one_output(self, along: Mapping[str, Array]) -> Point:
        """The function itself, or the sum of its outputs with the cotangents as weights."""
        names = [str(o) for o in range(len(self._shapes))] if self._several else [""]
        if any(name not in along for name in names):
            return self.point
        weights = np.concatenate([np.ravel(along[name]) for name in names])
        function: Function = weighted(self.point.function, list(weights))
        return Point(function, self.point.arguments, self.point.budget)

    def _direction(self, along: Mapping[str, Any]) -> Direction:
        return [
            np.asarray(along.get(name, np.zeros(value.shape)), dtype=float)
            for name, value in zip(self._subject.names, self._subject.graph.inputs, strict=True)
        ]

    def _units(self, name: str) -> Iterator[tuple[tuple[int, ...], Direction]]:
        position = self._subject.names.index(name)
        for index in np.ndindex(self._subject.graph.inputs[position].shape):
            yield index, self._unit(position, index)

    def _flat_unit(self, name: str, number: int) -> Direction:
        position = self._subject.names.index(name)
        index = np.unravel_index(number, self._subject.graph.inputs[position].shape)
        return self._unit(position, tuple(int(i) for i in index))

    def _unit(self, position: int, index: tuple[int, ...]) -> Direction:
        made = [np.zeros(value.shape) for value in self._subject.graph.inputs]
        made[position][index] = 1.0
        return made
