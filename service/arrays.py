"""Arrays between JSON and numpy: numbers, nested lists, packed arrays, and the strings for non-finite numbers.

A list is taken apart level by level with operations that run in C, so that a million numbers cost milliseconds and a
fault is still found at its exact place.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain
from typing import Any

import numpy as np

from engine.errors import Fault
from engine.question import Array
from service.packed import MAX_DIMS, pack, too_large, unpack
from service.pointers import pointer

NON_FINITE = {"NaN": float("nan"), "Infinity": float("inf"), "-Infinity": float("-inf")}
_NUMBERS = frozenset({float, int})
_SHOWN = 40


class ArrayFault(Exception):
    """Something in a JSON value that cannot be part of an array; `path` leads to it from the value."""

    def __init__(self, path: Sequence[str | int], detail: str) -> None:
        super().__init__(detail)
        self.path, self.detail = tuple(path), detail

    def under(self, *parent: str | int) -> Fault:
        """The fault with a pointer that begins at the root of the request."""
        return Fault(pointer((*parent, *self.path)), self.detail)


def to_array(value: Any, array_bytes: int) -> Array:
    """The array that a JSON value denotes: float64 for numbers, bool for booleans, what it says for a packed one.

    Raises `ArrayFault` for what is no array and `LimitExceeded` for one larger than `array_bytes`.
    """
    kind = type(value)
    if kind is float:
        return np.array(value)
    if kind is bool:
        return np.array(value)
    if kind is list:
        return _nested(value, array_bytes)
    if kind is dict:
        return _packed(value, array_bytes)
    return np.array(_number(value, ()))


def from_array(value: Array, encoding: str = "json") -> Any:
    """The JSON value for an array: a number or boolean for a single one, else nested lists, or packed for `base64`."""
    if value.ndim == 0:
        return value.item()
    return pack(np.asarray(value)) if encoding == "base64" else value.tolist()


def _packed(value: dict[str, Any], array_bytes: int) -> Array:
    try:
        return unpack(value, array_bytes)
    except ValueError as error:
        path, detail = error.args
        raise ArrayFault(path, detail) from None


def _nested(value: list[Any], array_bytes: int) -> Array:
    shape = [len(value)]
    items = value
    while True:
        kinds = set(map(type, items))
        if list not in kinds:
            break
        if len(shape) == MAX_DIMS:
            raise ArrayFault((), f"An array has at most {MAX_DIMS} dimensions.")
        if len(kinds) > 1:
            _refuse_mixture(items, shape)
        lengths = set(map(len, items))
        if len(lengths) > 1:
            _refuse_ragged(items, shape)
        shape.append(lengths.pop())
        items = list(chain.from_iterable(items))
    if len(items) * 8 > array_bytes:
        raise too_large(len(items) * 8, array_bytes)
    return _flat(items, kinds, shape).reshape(shape)


def _flat(items: list[Any], kinds: set[type], shape: Sequence[int]) -> Array:
    if kinds == {bool}:
        return np.array(items, dtype=np.bool_)
    if kinds <= _NUMBERS:
        try:
            return np.array(items, dtype=np.float64)
        except OverflowError:
            pass
    # Something unusual is among them: one at a time, so that the first offending one is named.
    return np.array([_number(item, _path(index, shape)) for index, item in enumerate(items)], dtype=np.float64)


def _number(value: Any, path: Sequence[int]) -> float:
    if type(value) is float:
        return value
    if type(value) is int:
        try:
            return float(value)
        except OverflowError:
            raise ArrayFault(path, "This integer is larger than the largest float64, 1.8e308.") from None
    if type(value) is str:
        if value in NON_FINITE:
            return NON_FINITE[value]
        shown = value if len(value) <= _SHOWN else value[:_SHOWN] + "…"
        detail = f"{shown!r} is not a number; as strings there are only 'NaN', 'Infinity' and '-Infinity'."
        raise ArrayFault(path, detail)
    if type(value) is bool:
        raise ArrayFault(path, "A boolean stands among numbers; an array holds numbers only or booleans only.")
    if value is None:
        raise ArrayFault(path, 'null is not a number; what is not a number is written "NaN".')
    raise ArrayFault(path, "An object stands where a number is needed.")


def _refuse_mixture(items: list[Any], shape: Sequence[int]) -> None:
    first = type(items[0]) is list
    index = next(place for place, item in enumerate(items) if (type(item) is list) is not first)
    found, siblings = ("number", "lists") if first else ("list", "numbers")
    raise ArrayFault(_path(index, shape), f"A {found} stands among {siblings}; a nested list has to be rectangular.")


def _refuse_ragged(items: list[list[Any]], shape: Sequence[int]) -> None:
    length = len(items[0])
    index = next(place for place, item in enumerate(items) if len(item) != length)
    detail = f"This list has {len(items[index])} entries and the ones before it have {length}; "
    raise ArrayFault(_path(index, shape), detail + "a nested list has to be rectangular.")


def _path(index: int, shape: Sequence[int]) -> tuple[int, ...]:
    return tuple(int(part) for part in np.unravel_index(index, tuple(shape)))
