"""The function that a question is about, as the witnesses take it: its graph as it was written, point by point."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from engine.definition import Definition
from engine.execute.compile import as_argument
from engine.graph.build import Builder
from engine.graph.values import Graph, Value
from engine.inputs import Inputs
from engine.limits import Budget, Limits
from engine.question import Array, Question
from engine.verify.overrides import overrides


@dataclass(frozen=True, slots=True)
class Subject:
    """A function of one point.

    `graph` is lowered without the rewrites that the engine makes for the sake of digits; `names` are its inputs in
    order, as the client spells them, `wrt` the positions of those to differentiate.  `size` is the number of points of
    a batch (None without one), `varies` the names of the inputs that run over them.  `memory` is for what a witness
    makes of the function once.
    """

    graph: Graph
    names: tuple[str, ...]
    wrt: Mapping[str, int]
    size: int | None
    varies: frozenset[str]
    memory: dict[str, Any] = field(default_factory=dict, compare=False)

    @property
    def sources(self) -> list[Value]:
        """The inputs to differentiate."""
        return [self.graph.inputs[position] for position in self.wrt.values()]

    @property
    def overridden(self) -> bool:
        """Whether the derivative that is asked for is not that of the values, on purpose: differences say nothing."""
        if "overridden" not in self.memory:
            self.memory["overridden"] = overrides(self.graph, self.sources)
        return bool(self.memory["overridden"])

    def arguments(self, question: Question, point: int | None = None) -> list[Any]:
        """The arguments of the graph at one point of the question (by number, in a batch)."""
        return [
            as_argument(self.of_point(name, question.at[name], point), value)
            for name, value in zip(self.names, self.graph.inputs, strict=True)
        ]

    def of_point(self, name: str, array: Array, point: int | None) -> Array:
        """What belongs to one point of an array for an input."""
        return array[point] if point is not None and name in self.varies else array


def subject(
    question: Question, definition: Definition, limits: Limits, budget: Budget, recorded: bool = False
) -> Subject:
    """The function of a question; of a program with marks on what it assigns, if it shall be `recorded`.

    Raises the `EngineError` that preparing the question would raise.
    """
    inputs = Inputs(question, definition.uses)
    definition.check(inputs.arrays)
    builder = Builder(limits, budget)
    types = {name: inputs.types[name] for name in inputs.moving}
    outputs, values = definition.lower(builder, types, inputs.constants, recorded)
    graph = builder.finish(outputs)
    wrt = [name for name in inputs.wrt([]) if name in values and inputs.differentiable(name)]
    return Subject(
        graph,
        tuple(inputs.spelled(name) for name in inputs.moving),
        {inputs.spelled(name): inputs.moving.index(name) for name in wrt},
        inputs.size,
        frozenset(inputs.spelled(name) for name in inputs.varies),
    )
