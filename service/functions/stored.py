"""A stored function as it is told of: what is known of its inputs and outputs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from engine.question import Array, Kind

Source = Literal["declared", "data", "text", "default"]


@dataclass(frozen=True, slots=True)
class Input:
    """An input, and where it is known from: a declaration, its data, or the text alone, which tells no shape.

    `default`: the text alone, which has a value for it, so that questions may leave it out.  With `examples`, an axis
    over them comes before the shape.
    """

    name: str
    dtype: str | None
    shape: tuple[int, ...] | None
    source: Source
    examples: bool = False


@dataclass(frozen=True, slots=True)
class Output:
    """The type of an output, and what its program calls it."""

    dtype: str
    shape: tuple[int, ...]
    name: str | None = None


@dataclass(frozen=True, slots=True)
class Signature:
    """The inputs of a function, those without data first; its outputs where they can be known without a point.

    `model` says whether every input without data is declared, real, and not needed to know a shape: such a function
    is a map between vectors.
    """

    inputs: tuple[Input, ...]
    outputs: tuple[Output, ...] | None
    model: bool


@dataclass(frozen=True, slots=True)
class Stored:
    """A function in the store; `number` is its place in the order of creation, `created` in milliseconds since 1970.

    `data` is there where it was asked for.
    """

    number: int
    id: str
    name: str | None
    kind: Kind
    text: str
    signature: Signature
    created: int
    data: Mapping[str, Array] | None = None
