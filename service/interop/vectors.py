"""A stored function as UM-Bridge has it: lists of vectors in, lists of vectors out; nothing but reshaping."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np

from engine.inputs import cotangent_names
from engine.question import Array
from service.functions.binding import Binding
from service.functions.stored import Output


@dataclass(frozen=True, slots=True)
class Vectors:
    """The vectors of a function: its inputs without data in their order, and its outputs, each flattened."""

    binding: Binding
    outputs: tuple[Output, ...]

    @property
    def names(self) -> list[str]:
        """The names of the inputs; those that the text has a value for are left out."""
        return [name for name in self.binding.free if name not in self.binding.optional]

    @property
    def input_sizes(self) -> list[int]:
        """How many numbers each input has."""
        return [prod(found.shape or ()) for found in map(self.binding.free.__getitem__, self.names)]

    @property
    def output_sizes(self) -> list[int]:
        """How many numbers each output has."""
        return [prod(output.shape) for output in self.outputs]

    @property
    def differentiable(self) -> bool:
        """Whether there is a derivative: all outputs are real."""
        return all(output.dtype == "float64" for output in self.outputs)

    def point(self, vectors: Sequence[Array]) -> dict[str, Array]:
        """The point that the vectors are."""
        return {name: self.shaped(number, vectors[number]) for number, name in enumerate(self.names)}

    def shaped(self, number: int, vector: Array) -> Array:
        """A vector in the shape of an input."""
        return vector.reshape(self.binding.free[self.names[number]].shape or ())

    def cotangents(self, number: int, vector: Array) -> dict[str, Array]:
        """The cotangents of all outputs, that of one being `vector` and the others zero."""
        names = cotangent_names(len(self.outputs), self.binding.several)
        shapes = [output.shape for output in self.outputs]
        return {
            name: vector.reshape(shape) if index == number else np.zeros(shape)
            for index, (name, shape) in enumerate(zip(names, shapes, strict=True))
        }

    def by_output(self, part: Any) -> list[Array]:
        """A part of an answer that there is one of for each output."""
        if isinstance(part, dict):
            return list(part.values())
        return list(part) if self.binding.several else [part]


def flat(array: Any) -> list[float]:
    """The numbers of an array in row-major order."""
    return [float(number) for number in np.ravel(array)]


def zeros_like(point: Mapping[str, Array], name: str) -> Array:
    """A direction in which an input does not move."""
    return np.zeros(point[name].shape)
