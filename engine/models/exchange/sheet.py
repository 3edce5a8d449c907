"""A graph of ONNX while it is being written."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from engine.graph.types import Array
from engine.models.fields import Options
from engine.models.model import Placed

Precision = Literal["float32", "float64"]
EXAMPLES = "examples"
"""What the axis over examples is called."""


class Sheet:
    """Nodes and arrays in the order of writing; real numbers are of one `precision`."""

    def __init__(self, onnx: Any, precision: Precision) -> None:
        self.onnx, self.precision = onnx, precision
        self.real: int = onnx.TensorProto.FLOAT if precision == "float32" else onnx.TensorProto.DOUBLE
        self.nodes: list[Any] = []
        self.arrays: dict[str, Any] = {}

    def node(self, name: str, op: str, inputs: Sequence[str], outputs: int = 1, **attributes: Any) -> str:
        """Write a node; its first output is called as it is itself."""
        names = [name, *(f"{name}.{k}" for k in range(1, outputs))]
        self.nodes.append(self.onnx.helper.make_node(op, list(inputs), names, name=name, **attributes))
        return name

    def holds(self, number: float) -> bool:
        """Whether an attribute, which is a float32 whatever else is written, has the precision of the sheet."""
        return self.precision == "float32" or float(np.float32(number)) == number

    def array(self, name: str, value: Any) -> str:
        """Write an array: real numbers in the precision of the sheet, integers and truths as they are."""
        array = np.asarray(value)
        if array.dtype.kind == "f":
            with np.errstate(over="ignore"):
                array = array.astype(np.float32 if self.precision == "float32" else np.float64)
        ready = array if array.ndim == 0 else np.ascontiguousarray(array)
        self.arrays[name] = self.onnx.numpy_helper.from_array(ready, name)
        return name


@dataclass(frozen=True, slots=True)
class Emission:
    """One layer on its way into a sheet.

    `inputs` are the names of its inputs there, `arrays` the values of its arrays by role.
    """

    placed: Placed
    sheet: Sheet
    inputs: tuple[str, ...]
    arrays: Mapping[str, Array]

    @property
    def x(self) -> str:
        """The first input."""
        return self.inputs[0]

    @property
    def options(self) -> Options:
        """The options of the layer."""
        return self.placed.options

    def local(self, part: str) -> str:
        """A name for something of this layer alone: with a dot, which no layer has in its name."""
        return f"{self.placed.name}.{part}" if part else self.placed.name

    def node(self, op: str, *inputs: str, part: str = "", outputs: int = 1, **attributes: Any) -> str:
        """Write a node of this layer: the one that makes its output, or some `part`."""
        return self.sheet.node(self.local(part), op, inputs, outputs, **attributes)

    def number(self, part: str, value: Any) -> str:
        """Write a constant of this layer."""
        return self.sheet.array(self.local(part), value)

    def weight(self, role: str, value: Array | None = None) -> str:
        """Write an array of the layer, or what it is in ONNX, under the name that it has here."""
        return self.sheet.array(f"{self.placed.name}_{role}", self.arrays[role] if value is None else value)
