"""A question compiled: the graphs, the executable, and how a run becomes an answer with its warnings."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from math import isfinite
from typing import Any

import numpy as np

from engine.asks import Entries, Layout, Told
from engine.errors import EngineError, Fault, TypeMismatch
from engine.execute.careful import run_carefully
from engine.execute.compile import Executable, as_argument
from engine.explain import explain
from engine.graph.values import Graph, Value
from engine.limits import Budget, Limits
from engine.precision.digits import Estimate, error_estimate, estimated_digits, estimated_errors
from engine.question import Answer, Array, Part, Question, Sparse, Warning
from engine.undefined import Undefined

MOST_AMPLIFIED = 2.0**20
"""A relative error that grows by more than this from an input to the result is worth a closer look."""


@dataclass(frozen=True, slots=True)
class Prepared:
    """A question of one form, ready to be answered at any point of the same types.  Thread-safe.

    `seconds` is the estimated running time.  `names` are the inputs of the graph in order, `directions` those that come
    after them and are sent along.  `values` says where the value of the answer is, or that it is a tuple, and `layout`
    where its parts are; with `output_names`, what there is one of for each output is told by these.  `open_ended`:
    there is a loop whose number of steps only the point tells, and the estimate of the time is a guess.
    """

    text: str
    graph: Graph
    executable: Executable
    names: tuple[str, ...]
    directions: tuple[str, ...]
    values: Layout
    output_names: tuple[str, ...] | None
    layout: Mapping[str, Layout]
    undefined: Undefined
    cotangents: Mapping[Value, Value] | None
    notices: tuple[Warning, ...]
    preparation: Mapping[str, float]
    limits: Limits
    open_ended: bool = field(init=False)
    _estimates: list[Estimate] = field(default_factory=list)

    def __post_init__(self) -> None:
        object.__setattr__(self, "open_ended", open_ended(self.graph))

    @property
    def seconds(self) -> float:
        """Estimated running time in seconds."""
        return self.executable.seconds

    def run(self, question: Question, budget: Budget) -> Answer:
        """The answer at the question's point.  Raises `BudgetExceeded`; `ShapeMismatch` for an index out of range."""
        start = time.perf_counter()
        arguments = self.arguments(question)
        alarm = _Alarm()
        warnings: list[Warning] = list(self.notices)
        troubled = False
        try:
            with np.errstate(all="call", call=alarm):
                outputs, met, guarded = self.executable(arguments, budget)
            if met or alarm.trouble or not _finite(outputs):
                findings = run_carefully(self.graph, arguments, budget, self.limits)
                outputs = findings.outputs
                explained = explain(findings, self.graph, self.cotangents, self.text)
                troubled = bool(explained)
                warnings = [*explained, *warnings]
                outputs = self.undefined(outputs, arguments)
        except EngineError as error:
            self._place(error, arguments, budget)
            raise
        parts = {name: _part(layout, outputs, self.output_names) for name, layout in self.layout.items()}
        seconds = {**self.preparation, "run": time.perf_counter() - start}
        value = _part(self.values, outputs, self.output_names)
        if self.executable.control:
            # What decays in a loop underflows in the end, and is no loss.
            guarded = guarded or self._amplifies(question, value, parts)
        else:
            guarded = guarded or alarm.underflow
        return Answer(value, parts, warnings, seconds, outputs, guarded, troubled)

    def _amplifies(self, question: Question, value: Any, parts: Mapping[str, Part]) -> bool:
        """Whether the gradient says that a loop has enlarged small errors enormously, as chaos does.

        No single step does that, so that guards inside do not see it.
        """
        if "grad" not in parts or question.batch or isinstance(value, tuple | dict):
            return False
        size = abs(float(value)) * MOST_AMPLIFIED
        with np.errstate(all="ignore"):
            return size > 0 and any(
                bool(np.any(np.abs(question.at[n] * slope) > size)) for n, slope in parts["grad"].items()
            )

    def replaced(self, answer: Answer, outputs: Sequence[Any]) -> Answer:
        """The same answer with other numbers."""
        parts = {name: _part(layout, outputs, self.output_names) for name, layout in self.layout.items()}
        return replace(answer, value=_part(self.values, outputs, self.output_names), parts=parts, outputs=outputs)

    def by_part(self, arrays: Sequence[Any], of_zeros: float = 0.0) -> dict[str, Part]:
        """What belongs to each output of the graph, arranged as the answer is: `value`, and the parts with numbers.

        `of_zeros` belongs to what is 0 by definition, such as the gradients of integers.
        """
        found = {"value": _part(self.values, arrays, self.output_names, of_zeros)}
        layouts = {name: layout for name, layout in self.layout.items() if not isinstance(layout, str | Told)}
        return found | {name: _part(layout, arrays, self.output_names, of_zeros) for name, layout in layouts.items()}

    def digits(self, answer: Answer, question: Question, budget: Budget) -> list[Array]:
        """The right digits of every output of the graph, estimated.  Raises `BudgetExceeded` or `LimitExceeded`."""
        return estimated_digits(answer.outputs, self._estimate(budget), self.arguments(question), budget)

    def errors(self, answer: Answer, question: Question, budget: Budget) -> list[Array]:
        """The absolute rounding errors of every output of the graph, estimated.  Raises as `digits` does."""
        return estimated_errors(answer.outputs, self._estimate(budget), self.arguments(question), budget)

    def _estimate(self, budget: Budget) -> Estimate:
        if not self._estimates:
            self._estimates.append(error_estimate(self.graph, self.limits, budget))
        return self._estimates[0]

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


def open_ended(graph: Graph) -> bool:
    """Whether a loop is in a graph whose number of steps is not known before it runs."""
    return any(
        (node.primitive.name == "loop" and (not node.params["bounded"] or node.inputs[0].constant is None))
        or any(map(open_ended, node.graphs))
        for node in graph.nodes
        if node.graphs
    )


def layout_bytes(layout: Layout) -> int:
    """What a layout takes beyond its names: the places of sparse entries."""
    if isinstance(layout, Entries):
        return layout.rows.nbytes + layout.columns.nbytes
    inner = layout.values() if isinstance(layout, Mapping) else layout if isinstance(layout, list) else ()
    return sum(map(layout_bytes, inner))


def _part(layout: Layout, outputs: Sequence[Any], names: Sequence[str] | None, of_zeros: float = 0.0) -> Part:
    if type(layout) is int:
        return outputs[layout]
    if isinstance(layout, tuple):
        return np.full(layout, of_zeros)[()]
    if isinstance(layout, str):
        return layout
    if isinstance(layout, list):
        parts = [_part(inner, outputs, names, of_zeros) for inner in layout]
        return tuple(parts) if names is None else dict(zip(names, parts, strict=True))
    if isinstance(layout, Entries):
        return Sparse(layout.shape, layout.rows, layout.columns, _part(layout.values, outputs, names, of_zeros))
    if isinstance(layout, Told):
        return layout.number
    assert isinstance(layout, Mapping)
    return {name: _part(inner, outputs, names, of_zeros) for name, inner in layout.items()}


class _Alarm:
    """Told by numpy about overflow, division by zero and invalid operations, and apart from these about underflow."""

    __slots__ = ("trouble", "underflow")

    def __init__(self) -> None:
        self.trouble = self.underflow = False

    def __call__(self, kind: str, flag: int) -> None:
        if kind == "underflow":
            self.underflow = True
        else:
            self.trouble = True


def _finite(outputs: Sequence[Any]) -> bool:
    # On single numbers, math.isfinite takes a twentieth of the time of the ufunc.
    return all(isfinite(output) if output.ndim == 0 else bool(np.isfinite(output).all()) for output in outputs)


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
