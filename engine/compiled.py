"""A question compiled: the graphs, the executable, and how a run becomes an answer with its warnings."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from engine.errors import EngineError, Fault, TypeMismatch
from engine.execute.careful import run_carefully
from engine.execute.compile import Executable, as_argument
from engine.explain import explain
from engine.graph.values import Graph, Node, Value
from engine.limits import Budget
from engine.question import Answer, Array, Question, Warning


@dataclass(frozen=True, slots=True)
class Prepared:
    """A question of one form, ready to be answered at any point of the same types.  Thread-safe.

    `seconds` is the estimated running time.  `names` are the inputs of the graph in order.  `gradients` says for each
    input of the gradient whether it is an output of the graph (its number) or a zero of a shape.
    """

    text: str
    graph: Graph
    executable: Executable
    names: tuple[str, ...]
    gradients: Mapping[str, int | tuple[int, ...]] | None
    forward: frozenset[Node]
    cotangents: Mapping[Value, Value]
    notices: tuple[Warning, ...]
    preparation: Mapping[str, float]

    @property
    def seconds(self) -> float:
        """Estimated running time in seconds."""
        return self.executable.seconds

    def run(self, question: Question, budget: Budget) -> Answer:
        """The answer at the question's point.  Raises `BudgetExceeded`; `InvalidRequest` for an index out of range."""
        start = time.perf_counter()
        arguments = [_argument(question, name, v) for name, v in zip(self.names, self.graph.inputs, strict=True)]
        trouble: list[str] = []
        try:
            with np.errstate(over="call", divide="call", invalid="call", under="ignore", call=_Alarm(trouble)):
                outputs, met = self.executable(arguments, budget)
            warnings = list(self.notices)
            if met or trouble or not _finite(outputs):
                findings = run_carefully(self.graph, arguments, budget)
                outputs = findings.outputs
                warnings = [*explain(findings, self.forward, self.cotangents), *warnings]
                outputs = _without_value(outputs)
        except EngineError as error:
            self._place(error, arguments, budget)
            raise
        grad = None if self.gradients is None else self._gradients(outputs)
        seconds = {**self.preparation, "run": time.perf_counter() - start}
        return Answer(outputs[0], grad, warnings, seconds)

    def _gradients(self, outputs: Sequence[Any]) -> dict[str, Array]:
        assert self.gradients is not None
        return {
            name: outputs[place] if isinstance(place, int) else np.zeros(place)[()]
            for name, place in self.gradients.items()
        }

    def _place(self, error: EngineError, arguments: list[Any], budget: Budget) -> None:
        """Find the span of a fault that depends on the data, by running again with a look at every node."""
        error.text = self.text
        if error.span is None and error.limit is None and not budget.cancelled:
            try:
                run_carefully(self.graph, arguments, budget)
            except EngineError as found:
                error.span = found.span


class _Alarm:
    """Told by numpy about overflow, division by zero and invalid operations."""

    __slots__ = ("_trouble",)

    def __init__(self, trouble: list[str]) -> None:
        self._trouble = trouble

    def __call__(self, kind: str, flag: int) -> None:
        self._trouble.append(kind)


def _finite(outputs: Sequence[Any]) -> bool:
    for output in outputs:
        finite = np.isfinite(output)
        if not (finite if finite.__class__ is np.bool_ else finite.all()):
            return False
    return True


def _without_value(outputs: Sequence[Any]) -> list[Any]:
    """Where the value is NaN there is no function to differentiate, whatever the rules of its operations say."""
    value = np.asarray(outputs[0])
    if len(outputs) == 1 or value.dtype.kind != "f" or not np.any(np.isnan(value)):
        return list(outputs)
    masked = [outputs[0]]
    for gradient in outputs[1:]:
        lost = np.isnan(value).reshape(value.shape + (1,) * (np.ndim(gradient) - value.ndim))
        masked.append(np.where(lost, np.nan, gradient)[()])
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
