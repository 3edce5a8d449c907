"""The record of an operator of ONNX that is taken, and what its rule sees of one node."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from engine.graph.types import Array
from engine.models.exchange.faults import Refused
from engine.models.exchange.opened import OpenNode
from engine.models.exchange.plan import Flow, Known, Nothing, Plan, Seen, Sizes

LEFT_OUT = Nothing()


@dataclass(frozen=True, slots=True)
class Step:
    """A node with what goes into it.

    `attributes` have their defaults filled in, `used` are the names that nodes take.
    """

    plan: Plan
    node: OpenNode
    inputs: tuple[Seen, ...]
    attributes: Mapping[str, Any]
    opset: int
    used: frozenset[str]

    def seen(self, k: int) -> Seen:
        """An input; nothing where it is left out."""
        return self.inputs[k] if k < len(self.inputs) else LEFT_OUT

    def has(self, k: int) -> bool:
        """Whether an input is given."""
        return not isinstance(self.seen(k), Nothing)

    def flow(self, k: int = 0) -> Flow:
        """An input that depends on that of the model.  Raises `Refused`."""
        found = self.seen(k)
        if not isinstance(found, Flow):
            raise Refused(f"does not get what the model computes as its input {k}.")
        return found

    def known(self, k: int, what: str) -> Array:
        """An input that is a constant.  Raises `Refused`."""
        found = self.seen(k)
        if not isinstance(found, Known):
            raise Refused(f"has {what} that are computed; constants are taken.")
        return found.array

    def integers(self, k: int, what: str) -> list[int]:
        """A list of constant integers.  Raises `Refused`."""
        array = self.known(k, what)
        if array.dtype.kind != "i" or array.ndim > 1 or array.size > 64:
            raise Refused(f"has {what} that are no short list of integers.", True)
        return [int(number) for number in np.ravel(array)]

    def number(self, k: int, what: str) -> float:
        """One constant number.  Raises `Refused`."""
        array = self.known(k, what)
        if array.size != 1:
            raise Refused(f"has {what} that is not one number.")
        return float(np.ravel(array)[0])

    def integer(self, name: str) -> int:
        """An attribute that is an integer.  Raises `Refused`."""
        found = self.attributes[name]
        if not isinstance(found, int):
            raise Refused(f"has `{name}` that is no integer.", True)
        return found

    def real(self, name: str) -> float:
        """An attribute that is a number."""
        found = self.attributes[name]
        if not isinstance(found, int | float) or not np.isfinite(found):
            raise Refused(f"has `{name}` that is no finite number.", True)
        # A float32 is meant as the shortest decimal that rounds to it.
        return float(found) if isinstance(found, int) else float(str(np.float32(found)))

    def many(self, name: str, length: int, default: int) -> list[int]:
        """An attribute that is a list of so many integers."""
        found = self.attributes[name]
        if found is None:
            return [default] * length
        if not isinstance(found, list) or len(found) != length or not all(isinstance(i, int) for i in found):
            raise Refused(f"has `{name}` that is no list of {length} integers.", True)
        return found

    def along(self, axis: int, rank: int) -> int:
        """An axis counted from the first one.  Raises `Refused`."""
        if not -rank <= axis < rank:
            raise Refused(f"has the axis {axis} of an array with {rank} axes.", True)
        return axis % rank

    def require(self, **wanted: Any) -> None:
        """Raise `Refused` unless attributes have these values."""
        for name, value in wanted.items():
            if self.attributes[name] != value:
                raise Refused(f"has `{name}` {self.attributes[name]!r}; {value!r} is taken.")

    def sizes(self, flow: Flow) -> Sizes:
        """The shape of a flow."""
        return self.plan.sizes(flow)

    def layer(
        self, type: str, inputs: list[str], options: Mapping[str, Any], arrays: Mapping[str, Array] | None = None
    ) -> str:
        """Add a layer that is called as the node, if it can be."""
        return self.plan.layer(type, options, inputs, arrays, self.node.name)

    def expression(self, text: str, inputs: list[str], arrays: Mapping[str, Array] | None = None) -> str:
        """Add an expression that is called as the node, if it can be."""
        return self.plan.expression(text, inputs, arrays, self.node.name)

    def straight(self, layer: str) -> Sequence[Seen]:
        """What a layer gives, its axes as they are."""
        return [self.plan.straight(layer)]


Rule = Callable[[Step], Sequence[Seen]]
"""The outputs of a node.  Raises `Refused`."""


@dataclass(frozen=True, slots=True)
class Operator:
    """An operator: its rule, the least and largest number of inputs, and its attributes with their defaults."""

    rule: Rule
    inputs: tuple[int, int] = (1, 1)
    attributes: Mapping[str, Any] = field(default_factory=dict)
    outputs: int = 1
