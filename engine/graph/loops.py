"""What the node of a loop consists of: how its inputs and outputs, and those of its body, are divided.

    inputs        count?, go?, carried …, stacks to read …, invariants …
    body: inputs  index, carried …, elements read …, invariants …
    body: outputs go on?, carried …, elements written …
    outputs       number of steps, carried …, stacks written …

At most `count` steps are taken; with `go`, none if that is false, and no further one after a step that said so.
The index runs from 0; in a `backward` loop, which has a count, from count - 1 down to 0.  Stacks are read and written
at the index of the step.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from engine.graph.types import Type
from engine.graph.values import Graph, Node, Value

INDEX = Type("int", ())
TRUTH = Type("bool", ())


@dataclass(frozen=True, slots=True)
class Parts:
    """The parts of one loop."""

    body: Graph
    bounded: bool
    conditional: bool
    backward: bool
    carried: int
    reads: int

    @staticmethod
    def of(node: Node) -> Parts:
        """Those of a node."""
        return Parts(node.graphs[0], **node.params)

    @property
    def params(self) -> dict[str, Any]:
        """The static parameters of the node."""
        return {
            "bounded": self.bounded,
            "conditional": self.conditional,
            "backward": self.backward,
            "carried": self.carried,
            "reads": self.reads,
        }

    @property
    def head(self) -> int:
        """The number of inputs of the node before the carried ones."""
        return self.bounded + self.conditional

    @property
    def writes(self) -> int:
        """The number of stacks written."""
        return len(self.body.outputs) - self.conditional - self.carried

    def divided(self, inputs: Sequence[Any]) -> tuple[Sequence[Any], Sequence[Any], Sequence[Any]]:
        """Carried, read and invariant ones among things that there is one of for each input of the node."""
        first = self.head
        return self._three(inputs[first:])

    def in_body(self, inputs: Sequence[Any]) -> tuple[Sequence[Any], Sequence[Any], Sequence[Any]]:
        """Carried, read and invariant ones among things that there is one of for each input of the body."""
        return self._three(inputs[1:])

    def _three(self, rest: Sequence[Any]) -> tuple[Sequence[Any], Sequence[Any], Sequence[Any]]:
        a, b = self.carried, self.carried + self.reads
        return rest[:a], rest[a:b], rest[b:]

    def left(self) -> tuple[Sequence[Value], Sequence[Value]]:
        """What a step of the body leaves: carried values, and elements written."""
        rest = self.body.outputs[self.conditional :]
        return rest[: self.carried], rest[self.carried :]

    @property
    def go_on(self) -> Value | None:
        """Whether there is another step, as the body has it."""
        return self.body.outputs[0] if self.conditional else None
