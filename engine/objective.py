"""What a client wants to minimise, as the optimisers see it: a question, asked again at one point after another."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from math import prod
from typing import Any

import numpy as np

from engine.compiled import Prepared
from engine.engine import Engine
from engine.errors import AssertionFault, Fault, InvalidRequest
from engine.execute.compile import as_argument
from engine.graph.types import Array, Shape
from engine.limits import Budget
from engine.optimise.problem import Squares
from engine.optimise.residuals import residuals
from engine.question import Answer, Ask, Question, Warning


@dataclass(frozen=True, slots=True)
class Variables:
    """The variables by name, and where they are in one vector: in the order of their names as given, row-major."""

    shapes: Mapping[str, Shape]

    @property
    def size(self) -> int:
        """How many numbers they are together."""
        return sum(map(prod, self.shapes.values()))

    def join(self, arrays: Mapping[str, Any]) -> Array:
        """The vector of arrays by name."""
        return np.concatenate([np.asarray(arrays[name], dtype=np.float64).ravel() for name in self.shapes])

    def split(self, x: Array) -> dict[str, Array]:
        """The arrays by name of a vector (n,), or of several (s, n) with one more axis in front."""
        found, start = {}, 0
        for name, shape in self.shapes.items():
            stop = start + prod(shape)
            found[name] = x[..., start:stop].reshape(x.shape[:-1] + shape)
            start = stop
        return found


class Objective:
    """A `Problem` made of a question: its `at` holds the data and, for each of the variables, any point.

    `sign` is −1 for what is to be maximised: values and derivatives are those of what is minimised then.  What is not
    finite, or singular, is computed again in as many digits as it takes, unless the question says `float64`.  Raises
    what preparing the question raises, and `InvalidRequest` for variables that are used as integers.  Not for several
    threads.

    An assertion that does not hold is raised at the first point, the start; later it tells where the function is not
    defined, as a logarithm does, and the value there is NaN.
    """

    def __init__(
        self, engine: Engine, question: Question, variables: Sequence[str], budget: Budget, sign: float = 1.0
    ) -> None:
        self.variables = Variables({name: np.shape(question.at[name]) for name in variables})
        point = {name: np.asarray(question.at[name], dtype=np.float64) for name in variables}
        self.question = replace(question, at={**question.at, **point}, wrt=tuple(variables), batch=False)
        self.engine, self.budget, self.sign = engine, budget, sign
        self._asks: dict[tuple[Ask, int], _Compiled] = {}
        self.begun = False
        self._refuse_integers(self._compiled("grad").prepared)

    @property
    def size(self) -> int:
        """The number of variables."""
        return self.variables.size

    @cached_property
    def squares(self) -> Squares | None:
        """The function, or its negative where it is maximised, as a sum of squares, where it is seen to be one."""
        found = self.engine.subject(self.question, self.budget)
        if found.overridden:
            return None
        wrt = [(found.wrt.get(name), prod(shape)) for name, shape in self.variables.shapes.items()]
        arguments = found.arguments(self.question)
        return residuals(found.graph, arguments, wrt, self.engine.limits, self.budget, self.sign)

    @cached_property
    def differentiable(self) -> bool:
        """Whether the gradient is that of the value, and not one that a program states in its place."""
        return not self.engine.subject(self.question, self.budget).overridden

    def evaluate(self, x: Array) -> tuple[float, Array]:
        """The value and the gradient (n,) at a point (n,)."""
        try:
            value, parts = self._run("grad", x)
        except AssertionFault:
            if not self.begun:
                raise
            return math.nan, np.full(self.size, math.nan)
        self.begun = True
        return self.sign * float(value), self.sign * self.variables.join(parts["grad"])

    def evaluate_many(self, points: Array) -> tuple[Array, Array]:
        """The values (s,) and gradients (s, n) at several points (s, n)."""
        if len(points) == 1:
            value, gradient = self.evaluate(points[0])
            return np.array([value]), gradient[None]
        try:
            values, parts = self._run("grad", points)
        except AssertionFault:
            if not self.begun:
                raise
            each = [self.evaluate(point) for point in points]
            return np.array([value for value, _ in each]), np.stack([gradient for _, gradient in each])
        self.begun = True
        rows = [np.reshape(parts["grad"][name], (len(points), -1)) for name in self.variables.shapes]
        return self.sign * np.asarray(values, dtype=np.float64), self.sign * np.concatenate(rows, axis=1)

    def product(self, x: Array, vector: Array) -> Array:
        """The Hessian at `x` times a vector (n,)."""
        _, parts = self._run("hvp", x, vector)
        return self.sign * self.variables.join(parts["hvp"])

    def hessian(self, x: Array) -> Array:
        """The Hessian (n, n) at `x`."""
        _, parts = self._run("hessian", x)
        shapes = self.variables.shapes.items()
        blocks = [
            [np.reshape(parts["hessian"][row][column], (prod(over), prod(along))) for column, along in shapes]
            for row, over in shapes
        ]
        return self.sign * np.block(blocks)

    def trouble(self, x: Array) -> str:
        """Where the first number that is not finite comes from, or what does not hold; an empty string otherwise."""
        try:
            warnings = self.answer(x).warnings
        except AssertionFault as fault:
            return fault.detail
        found = [warning.message for warning in warnings if warning.code in ("non-finite", "singular")]
        return found[0] if found else ""

    def warnings(self, x: Array) -> list[Warning]:
        """What is to be said of a point (n,): that it is on a kink, and so on."""
        return self._compiled("grad").prepared.run(self._at(x), self.budget).warnings

    def answer(self, x: Array) -> Answer:
        """The whole answer about the gradient at a point, with its warnings."""
        return self.engine.answer(self._at(x), "grad", self.budget)

    def _at(self, x: Array, vector: Array | None = None) -> Question:
        along = {} if vector is None else self.variables.split(vector)
        batch = tuple(self.variables.shapes) if x.ndim > 1 else False
        return replace(self.question, at={**self.question.at, **self.variables.split(x)}, along=along, batch=batch)

    def _run(self, ask: Ask, x: Array, vector: Array | None = None) -> tuple[Any, Mapping[str, Any]]:
        """The value and the parts of an answer; the plain run where nothing remarkable happens in it."""
        compiled = self._compiled(ask, x, vector)
        alarm: list[str] = []
        if self.question.precision != "exact":
            with np.errstate(all="call", call=lambda kind, _: alarm.append(kind), under="ignore"):
                outputs, met, _ = compiled.prepared.executable(compiled.arguments(x, vector), self.budget)
            if not met and not alarm and _finite(outputs):
                parts = compiled.prepared.by_part(outputs)
                return parts["value"], parts
        question = self._at(x, vector)
        answer = compiled.prepared.run(question, self.budget)
        if question.precision == "exact" or (question.precision == "auto" and _doubtful(answer)):
            answer = self.engine.answer(question, ask, self.budget)
        return answer.value, answer.parts

    def _compiled(self, ask: Ask, x: Array | None = None, vector: Array | None = None) -> _Compiled:
        count = len(x) if x is not None and x.ndim > 1 else 0
        found = self._asks.get((ask, count))
        if found is None:
            zeros = np.zeros(self.size) if x is None else x
            question = self._at(zeros, vector)
            found = _Compiled(self.engine.prepare(question, ask, self.budget), question, self.variables)
            self._asks[ask, count] = found
        return found

    def _refuse_integers(self, prepared: Prepared) -> None:
        used = [warning.extra.get("input") for warning in prepared.notices if warning.code == "integer-gradient"]
        faults = [
            Fault(f"/start/{name}", f"{name!r} is used as an integer, which no method can move.")
            for name in self.variables.shapes
            if name in used
        ]
        if faults:
            raise InvalidRequest(faults[0].detail, faults=faults)


class _Compiled:
    """A compiled question, and where the variables and directions are among its arguments."""

    def __init__(self, prepared: Prepared, question: Question, variables: Variables) -> None:
        self.prepared, self._variables = prepared, variables
        self._template = prepared.arguments(question)
        names, inputs = prepared.names, prepared.graph.inputs
        self._moving = [(i, name, inputs[i]) for i, name in enumerate(names) if name in variables.shapes]
        self._along = [(i, name, inputs[i]) for i, name in enumerate(prepared.directions, len(names))]

    def arguments(self, x: Array, vector: Array | None) -> list[Any]:
        """The arguments at a point, in a direction."""
        found = list(self._template)
        point = self._variables.split(x)
        for i, name, value in self._moving:
            found[i] = as_argument(point[name], value)
        if vector is not None:
            along = self._variables.split(vector)
            for i, name, value in self._along:
                found[i] = as_argument(along[name], value)
        return found


def _doubtful(answer: Answer) -> bool:
    """Whether float64 has no answer, or one that hides a limit.  Kinks have their conventions."""
    return any(warning.code in ("non-finite", "singular") for warning in answer.warnings)


def _finite(outputs: Sequence[Any]) -> bool:
    return all(bool(np.isfinite(output).all()) for output in outputs)
