"""Types of values: a dtype and a static shape."""

from __future__ import annotations

from math import prod
from typing import Any, Literal, NamedTuple

import numpy as np

from engine.errors import ShapeMismatch

DType = Literal["bool", "int", "real"]
Shape = tuple[int, ...]
Array = np.ndarray[Any, np.dtype[Any]]

NUMPY: dict[DType, Any] = {"bool": np.bool_, "int": np.int64, "real": np.float64}
BYTES: dict[DType, int] = {"bool": 1, "int": 8, "real": 8}
_RANK: dict[DType, int] = {"bool": 0, "int": 1, "real": 2}


class Type(NamedTuple):
    """A dtype (`real` is float64, `int` is int64) and a shape known before anything runs.

    `stacked` levels of stacks hold values of this type: what the steps of a loop left, as many as there were.
    """

    dtype: DType
    shape: Shape
    stacked: int = 0

    @property
    def size(self) -> int:
        """Number of elements."""
        return prod(self.shape)

    @property
    def bytes(self) -> int:
        """Bytes that a dense array of this type takes."""
        return prod(self.shape) * BYTES[self.dtype]

    def __str__(self) -> str:
        one = f"{self.dtype}[{','.join(map(str, self.shape))}]" if self.shape else self.dtype
        return "stack of " * self.stacked + one


def type_of(array: Any) -> Type:
    """The type of a numpy array or scalar.  Domain: dtypes bool, integer and floating."""
    array = np.asarray(array)
    kind = array.dtype.kind
    dtype: DType = "bool" if kind == "b" else "int" if kind in "iu" else "real"
    return Type(dtype, array.shape)


def promote(*dtypes: DType) -> DType:
    """The smallest dtype that holds all of them: bool < int < real."""
    return max(dtypes, key=_RANK.__getitem__)


def describe(shape: Shape) -> str:
    """A shape as people write it: `(2, 3)`, or `a number` for none."""
    return str(shape) if shape else "a number"


def broadcast(*shapes: Shape) -> Shape:
    """The shape that numpy's rules give; `ShapeMismatch` names the axis and the sizes that do not fit."""
    first = shapes[0]
    result = first
    for shape in shapes[1:]:
        if shape == result or not shape:
            continue
        if not result:
            result = shape
            continue
        result = _broadcast_pair(result, shape)
    return result


def _broadcast_pair(a: Shape, b: Shape) -> Shape:
    rank = max(len(a), len(b))
    left = (1,) * (rank - len(a)) + a
    right = (1,) * (rank - len(b)) + b
    out = []
    for axis, (m, n) in enumerate(zip(left, right, strict=True)):
        if m != n and m != 1 and n != 1:
            raise ShapeMismatch(
                f"{describe(a)} and {describe(b)} do not broadcast: sizes {m} and {n} differ "
                f"on axis {axis - rank} (counted from the last)."
            )
        out.append(n if m == 1 else m)
    return tuple(out)
