"""Packed arrays: `{"dtype", "shape", "base64"}`, little-endian and in C order."""

from __future__ import annotations

import base64
import binascii
import math
from typing import Any

import numpy as np

from engine.errors import Limit, LimitExceeded
from engine.question import Array

MAX_DIMS = 32
DTYPES: dict[str, np.dtype[Any]] = {
    "float64": np.dtype("<f8"),
    "float32": np.dtype("<f4"),
    "int64": np.dtype("<i8"),
    "bool": np.dtype("?"),
}
FIELDS = ("dtype", "shape", "base64")


def pack(array: Array) -> dict[str, Any]:
    """The packed form of a float64, int64 or bool array."""
    name = {"f": "float64", "i": "int64", "u": "int64", "b": "bool"}[array.dtype.kind]
    data = np.ascontiguousarray(array, dtype=DTYPES[name])
    return {"dtype": name, "shape": list(array.shape), "base64": base64.b64encode(data.data).decode("ascii")}


def unpack(value: dict[str, Any], array_bytes: int) -> Array:
    """The array of a packed one, float32 widened to float64.

    Raises `ValueError(path, detail)` with the path to the offending field, `LimitExceeded` for more than `array_bytes`.
    Nothing is decoded before the length of the text was seen to fit the shape.
    """
    _fields(value)
    dtype = _dtype(value["dtype"])
    shape = _shape(value["shape"])
    # Empty axes count as one here, because numpy refuses shapes whose other axes alone are too large.
    if (room := 8 * math.prod(max(axis, 1) for axis in shape)) > array_bytes:
        raise too_large(room, array_bytes)
    size = dtype.itemsize * math.prod(shape)
    text = value["base64"]
    if type(text) is not str:
        raise ValueError(("base64",), "The data has to be a string in base64.")
    if len(text) != 4 * -(-size // 3):
        detail = f"{dtype.name} of shape {list(shape)} is {size:,} bytes, {4 * -(-size // 3):,} characters of base64"
        raise ValueError(("base64",), f"{detail}; there are {len(text):,}.")
    return _decode(text, size, dtype).reshape(shape)


def too_large(given: int, array_bytes: int) -> LimitExceeded:
    """The refusal of an array of `given` bytes."""
    return LimitExceeded(
        f"An array of {given:,} bytes is larger than the {array_bytes:,} bytes that one array may have.",
        limit=Limit("array_bytes", array_bytes, given),
    )


def _decode(text: str, size: int, dtype: np.dtype[Any]) -> Array:
    try:
        data = binascii.a2b_base64(text, strict_mode=True)
    except ValueError as error:
        raise ValueError(("base64",), f"This is not base64: {str(error).lower()}.") from None
    if len(data) != size:
        raise ValueError(("base64",), f"The data has {len(data):,} bytes where {size:,} are needed.")
    if dtype.kind == "b":
        bits = np.frombuffer(data, dtype=np.uint8)
        if bits.size and bits.max() > 1:
            raise ValueError(("base64",), "A bool is the byte 0 or the byte 1.")
        return bits.astype(np.bool_)
    # A copy, because the buffer is read-only and belongs to the request.
    return np.frombuffer(data, dtype=dtype).astype(np.int64 if dtype.kind == "i" else np.float64)


def _fields(value: dict[str, Any]) -> None:
    if missing := [name for name in FIELDS if name not in value]:
        detail = f"A packed array has the fields dtype, shape and base64; missing here: {', '.join(missing)}."
        raise ValueError((), detail)
    for name in value:
        if name not in FIELDS:
            raise ValueError((name,), "A packed array has no such field; there are dtype, shape and base64.")


def _dtype(name: Any) -> np.dtype[Any]:
    if type(name) is not str or name not in DTYPES:
        raise ValueError(("dtype",), f"The dtype has to be one of {', '.join(DTYPES)}.")
    return DTYPES[name]


def _shape(shape: Any) -> tuple[int, ...]:
    if type(shape) is not list or len(shape) > MAX_DIMS:
        raise ValueError(("shape",), f"The shape has to be a list of at most {MAX_DIMS} sizes.")
    for axis, size in enumerate(shape):
        # A size may come as 3.0 from a language that has only one kind of number.
        if type(size) is float and size.is_integer():
            size = int(size)
        if type(size) is not int or not 0 <= size < 2**62:
            raise ValueError(("shape", axis), "A size has to be an integer from 0 up.")
    return tuple(int(size) for size in shape)
