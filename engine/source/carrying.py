"""What a loop carries from step to step, and whether what a step leaves can be carried on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from engine.control.functions import Body
from engine.errors import ShapeMismatch, TypeMismatch
from engine.graph.build import constant
from engine.graph.types import Type
from engine.graph.values import Value
from engine.primitives.arithmetic import cast
from engine.source.exits import Exit
from engine.source.merging import MISSING
from engine.source.results import Result, Undefined, same
from engine.source.text import Span


class Changing(ShapeMismatch):
    """What a loop carries changes its shape from step to step."""


@dataclass
class Attempt:
    """The body, lowered with some assumption about what is carried."""

    body: Body
    exit: Exit
    after: dict[str, Result]
    where: dict[str, Span]
    go_on: Value | None
    given: dict[str, Result]
    kept: Result = MISSING


@dataclass
class Carried:
    """What is carried: `start` by name, whose values have `types`; `late` are names without a value before.

    `result` is what a return inside the loop returns.
    """

    start: dict[str, Result]
    types: dict[str, list[Type]]
    late: dict[str, Result] = field(default_factory=dict)
    dropped: dict[str, Undefined] = field(default_factory=dict)
    returns: bool = False
    result: Result = MISSING
    result_types: list[Type] = field(default_factory=list)

    def all_types(self) -> list[Type]:
        """The types of all values in their order: names, then whether something was returned, and what."""
        named = [type for types in self.types.values() for type in types]
        return named + ([Type("bool", ()), *self.result_types] if self.returns else [])


def difference(given: Result, left: Result) -> type[ShapeMismatch | TypeMismatch] | None:
    """What kind of difference keeps one result from being carried as the other."""
    if isinstance(given, Value) and isinstance(left, Value):
        if given.shape != left.shape:
            return Changing
        return TypeMismatch if (given.type.dtype == "bool") is not (left.type.dtype == "bool") else None
    if isinstance(given, tuple) and isinstance(left, tuple):
        if len(given) != len(left):
            return Changing
        kinds = (difference(a, b) for a, b in zip(given, left, strict=True))
        return next((kind for kind in kinds if kind is not None), None)
    return None if same(given, left) else TypeMismatch


def cast_all(values: Sequence[Value], types: Sequence[Type]) -> list[Value]:
    """Values as they are carried."""
    return [cast(value, dtype=type.dtype) for value, type in zip(values, types, strict=True)]


def as_value(condition: Value | bool) -> Value:
    """A condition that may be known."""
    return constant(condition) if isinstance(condition, bool) else condition
