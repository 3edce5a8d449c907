"""What an update rule knows: the parameters and what it keeps between two steps, as named arrays."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from engine.graph.types import Array


@dataclass(frozen=True, slots=True)
class State:
    """`step` counts the updates that were made; `x` are the parameters; `arrays` what the rule keeps, all float64."""

    step: int
    x: Array
    arrays: Mapping[str, Array]

    def after(self, x: Array, **arrays: Array) -> State:
        """The state after one more update."""
        return State(self.step + 1, x, arrays)

    def moved(self, x: Array) -> State:
        """The same with other parameters."""
        return State(self.step, x, self.arrays)

    def rows(self, keep: Sequence[int]) -> State:
        """The state of some of the runs that go on side by side; what is one array for all of them stays."""
        arrays = {name: array[keep] if array.ndim > 1 else array for name, array in self.arrays.items()}
        return State(self.step, self.x[keep], arrays)

    def to_json(self) -> dict[str, Any]:
        """The state as JSON values from which `from_json` makes the same bits."""
        return {
            "step": self.step,
            "x": packed(self.x),
            "arrays": {name: packed(array) for name, array in self.arrays.items()},
        }

    @staticmethod
    def from_json(content: Mapping[str, Any]) -> State:
        """The state that `to_json` wrote."""
        arrays = {name: unpacked(array) for name, array in content["arrays"].items()}
        return State(int(content["step"]), unpacked(content["x"]), arrays)


def packed(array: Array) -> dict[str, Any]:
    """A float64 array as JSON values."""
    data = np.ascontiguousarray(array, dtype="<f8").tobytes()
    return {"shape": list(array.shape), "float64": base64.b64encode(data).decode("ascii")}


def unpacked(content: Mapping[str, Any]) -> Array:
    """The same bits again."""
    flat = np.frombuffer(base64.b64decode(content["float64"], validate=True), dtype="<f8")
    return flat.astype(np.float64).reshape(content["shape"])
