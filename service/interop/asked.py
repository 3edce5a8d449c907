"""The bodies of UM-Bridge become questions to the engine, or are refused in its words."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from engine.errors import LimitExceeded
from engine.question import Answer, Array, Ask, Question
from service.arrays import ArrayFault, to_array
from service.interop.vectors import Vectors, flat
from service.pointers import pointer


class Refused(Exception):
    """A refusal as UM-Bridge has it; `type` is one of its names."""

    def __init__(self, type: str, message: str) -> None:
        super().__init__(message)
        self.type, self.message = type, message


@dataclass(frozen=True, slots=True)
class Asked:
    """A question, and how the answer to it becomes the `output` of UM-Bridge."""

    question: Question
    output: Callable[[Answer], Any]


class Body:
    """One request body about a function; its numbers may take `array_bytes`."""

    def __init__(self, content: dict[str, Any], vectors: Vectors, array_bytes: int) -> None:
        self._content, self._vectors, self._array_bytes = content, vectors, array_bytes
        self.point = self._point()

    def evaluate(self) -> Asked:
        """The outputs."""
        vectors = self._vectors
        question = self._question("value", {})
        return Asked(question, lambda answer: [flat(output) for output in vectors.by_output(answer.value)])

    def gradient(self) -> Asked:
        """The sensitivity of one output, pulled back to one input."""
        output, name = self._output(), self._name("inWrt")
        sens = self._vector("sens", "Sensitivity vector sens", self._vectors.output_sizes[output])
        question = self._question("vjp", self._vectors.cotangents(output, sens), (name,))
        return Asked(question, lambda answer: flat(answer.parts["vjp"][name]))

    def apply_jacobian(self) -> Asked:
        """The change of one output along a direction of one input."""
        vectors, output = self._vectors, self._output()
        number = self._index("inWrt", len(vectors.names), "inputs")
        vec = self._vector("vec", "Vector vec", vectors.input_sizes[number])
        question = self._question("jvp", {vectors.names[number]: vectors.shaped(number, vec)})
        return Asked(question, lambda answer: flat(vectors.by_output(answer.parts["jvp"])[output]))

    def apply_hessian(self) -> Asked:
        """The change of the gradient with respect to one input along a direction of another, or the same."""
        vectors, output, name = self._vectors, self._output(), self._name("inWrt1")
        number = self._index("inWrt2", len(vectors.names), "inputs")
        sens = self._vector("sens", "Sensitivity vector sens", vectors.output_sizes[output])
        vec = self._vector("vec", "Vector vec", vectors.input_sizes[number])
        along = {vectors.names[number]: vectors.shaped(number, vec)}
        question = self._question("hvp", vectors.cotangents(output, sens) | along, (name,))
        return Asked(question, lambda answer: flat(answer.parts["hvp"][name]))

    def _question(self, ask: Ask, along: dict[str, Array], wrt: tuple[str, ...] | None = None) -> Question:
        binding = self._vectors.binding
        return replace(binding.question(self.point, wrt, False, moves=ask == "jvp"), along=along)

    def _point(self) -> dict[str, Array]:
        given, sizes = self._content.get("input"), self._vectors.input_sizes
        if type(given) is not list or not all(type(vector) is list for vector in given):
            raise Refused("InvalidInput", "The field input has to be a list of lists of numbers!")
        if len(given) != len(sizes):
            message = "Number of input parameters does not match model number of model inputs!"
            raise Refused("InvalidInput", f"{message} Expected {len(sizes)} but got {len(given)}.")
        arrays = []
        for index, (vector, size) in enumerate(zip(given, sizes, strict=True)):
            if len(vector) != size:
                message = f"Input parameter {index} has invalid length! Expected {size} but got {len(vector)}."
                raise Refused("InvalidInput", message)
            arrays.append(self._array(vector, ("input", index)))
        return self._vectors.point(arrays)

    def _output(self) -> int:
        return self._index("outWrt", len(self._vectors.outputs), "outputs")

    def _name(self, field: str) -> str:
        return self._vectors.names[self._index(field, len(self._vectors.names), "inputs")]

    def _index(self, field: str, count: int, what: str) -> int:
        given = self._content.get(field)
        if type(given) is float and given.is_integer():
            given = int(given)
        if type(given) is not int or not 0 <= given < count:
            shown = str(given)[:40]
            message = f"Invalid {field} index! Expected between 0 and number of {what} minus one, but got {shown}."
            raise Refused("InvalidInput", message)
        return given

    def _vector(self, field: str, what: str, size: int) -> Array:
        given = self._content.get(field)
        if type(given) is not list:
            raise Refused("InvalidInput", f"The field {field} has to be a list of numbers!")
        if len(given) != size:
            raise Refused("InvalidInput", f"{what} has invalid length! Expected {size} but got {len(given)}.")
        return self._array(given, (field,))

    def _array(self, given: list[Any], path: tuple[str | int, ...]) -> Array:
        try:
            array = to_array(given, self._array_bytes)
        except ArrayFault as fault:
            where = pointer((*path, *fault.path))
            raise Refused("InvalidInput", f"{where}: {fault.detail}") from None
        except LimitExceeded as error:
            raise Refused("InvalidInput", error.detail) from None
        if array.ndim != 1 or array.dtype.kind == "b":
            raise Refused("InvalidInput", f"{pointer(path)} has to be a list of numbers!")
        return np.asarray(array, dtype=np.float64)
