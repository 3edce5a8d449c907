"""A question compiled: the graphs, the executable, and how a run becomes an answer with its warnings."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import isfinite
from typing import Any

import numpy as np

from engine.asks import Layout
from engine.errors import EngineError, Fault, TypeMismatch
from engine.execute.careful import run_carefully
from engine.execute.compile import Executable, as_argument
from engine.explain import explain
from engine.graph.values import Graph, Node, Value
from engine.limits import Budget
from engine.question import Answer, Array, Part, Question, Warning


@dataclass(frozen=True, slots=True)
class Prepared:
    """A question of one form, ready to be answered at any point of the same types.  Thread-safe.

    `seconds` is the estimated running time.  `names` are the inputs of the graph in order, `directions` those that come
    after them and are sent along.  `layout` says where the parts of the answer are.
    """

    text: str
    graph: Graph
    executable: Executable
    names: tuple[str, ...]
    directions: tuple[str, ...]
    layout: Mapping[str, Layout]
    forward: frozenset[Node]
    cotangents: Mapping[Value, Value] | None
    notices: tuple[Warning, ...]
    preparation: Mapping[str, float]

    @property
    def seconds(self) -> float:
        """Estimated running time in seconds."""
        return self.executable.seconds

    def run(self, question: Question, budget: Budget) -> Answer:
        """The answer at the question's point.  Raises `BudgetExceeded`; `ShapeMismatch` for an index out of range."""
        start = time.perf_counter()
        arguments = self.arguments(question)
        trouble: list[str] = []
        try:
            with np.errstate(over="call", divide="call", invalid="call", under="ignore", call=_Alarm(trouble)):
                outputs, met = self.executable(arguments, budget)
            warnings = list(self.notices)
            if met or trouble or not _finite(outputs):
                findings = run_carefully(self.graph, arguments, budget)
                outputs = findings.outputs
                warnings = [*explain(findings, self.forward, self.cotangents), *warnings]
                outputs = without_value(outputs)
        except EngineError as error:
            self._place(error, arguments, budget)
            raise
        parts = {name: _part(layout, outputs) for name, layout in self.layout.items()}
        seconds = {**self.preparation, "run": time.perf_counter() - start}
        return Answer(outputs[0], parts, warnings, seconds)

    def arguments(self, question: Question) -> list[Any]:
        """What the graph is run on: the question's inputs, then its directions."""
        inputs = self.graph.inputs
        arguments = [_argument(question, name, v) for name, v in zip(self.names, inputs, strict=False)]
        for name, value in zip(self.directions, inputs[len(self.names) :], strict=True):
            arguments.append(as_argument(question.along[name], value))
        return arguments

    def _place(self, error: EngineError, arguments: list[Any], budget: Budget) -> None:
        """Find the span of a fault that depends on the data, by running again with a look at every node."""
        error.text = self.text
        if error.span is None and error.limit is None and not budget.cancelled:
            try:
                run_carefully(self.graph, arguments, budget)
            except EngineError as found:
                error.span = found.span


def _part(layout: Layout, outputs: Sequence[Any]) -> Part:
    if type(layout) is int:
        return outputs[layout]
    if isinstance(layout, tuple):
        return np.zeros(layout)[()]
    if isinstance(layout, str):
        return layout
    assert isinstance(layout, Mapping)
    return {name: _part(inner, outputs) for name, inner in layout.items()}


class _Alarm:
    """Told by numpy about overflow, division by zero and invalid operations."""

    __slots__ = ("_trouble",)

    def __init__(self, trouble: list[str]) -> None:
        self._trouble = trouble

    def __call__(self, kind: str, flag: int) -> None:
        self._trouble.append(kind)


def _finite(outputs: Sequence[Any]) -> bool:
    # On single numbers, math.isfinite takes a twentieth of the time of the ufunc.
    return all(isfinite(output) if output.ndim == 0 else bool(np.isfinite(output).all()) for output in outputs)


def without_value(outputs: Sequence[Any]) -> list[Any]:
    """Where the value is NaN there is no function to differentiate, whatever the rules of its operations say."""
    value = np.asarray(outputs[0])
    if len(outputs) == 1 or value.dtype.kind != "f" or not np.any(np.isnan(value)):
        return list(outputs)
    masked = [outputs[0]]
    for part in outputs[1:]:
        if np.shape(part)[: value.ndim] != value.shape:
            return list(outputs)
        lost = np.isnan(value).reshape(value.shape + (1,) * (np.ndim(part) - value.ndim))
        masked.append(np.where(lost, np.nan, part)[()])
    return masked


def _argument(question: Question, name: str, value: Value) -> Any:
    array = question.at[name]
    if value.type.dtype == "int":
        require_integers(name, array)
    return as_argument(array, value)


def require_integers(name: str, array: Array) -> None:
    """Raise `TypeMismatch` unless every element is a whole number that int64 holds exactly."""
    if array.dtype.kind in "iub":
        return
    whole = np.isfinite(array) & (array == np.floor(array)) & (np.abs(array) <= 2**53)
    if not np.all(whole):
        wrong = np.asarray(array)[~whole].flat[0]
        detail = f"{name!r} is used as an integer (an index, a size or an axis), and is {float(wrong)!r}."
        raise TypeMismatch(detail, faults=[Fault(f"/at/{name}", detail)])
