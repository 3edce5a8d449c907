"""What the fields of a CSV column are: numbers, booleans or texts, and their values."""

from __future__ import annotations

import enum
import re
from collections.abc import Sequence

import numpy as np

from engine.question import Array

MISSING = frozenset(("", "NA", "N/A", "NaN", "nan", "null", "NULL"))
"""Fields that stand for no value in a column of numbers or booleans."""
LONGEST = 400
"""Characters of a number; Python refuses to convert integers of many more."""
_WHOLE_CHARS = "0123456789+- \n"
_CHARS = _WHOLE_CHARS + ".eE"
# ASCII alone: Python's own conversions take digits of all languages, and underscores between them.
_WHOLE = re.compile(r"[+-]?[0-9]+")
_NUMBER = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")
_INFINITE = frozenset(("inf", "+inf", "-inf", "infinity", "+infinity", "-infinity"))


class Kind(enum.Enum):
    """What fields are.  `EMPTY`: none of them has a value."""

    EMPTY = enum.auto()
    WHOLE = enum.auto()
    NUMBER = enum.auto()
    TRUTH = enum.auto()
    TEXT = enum.auto()

    def joined(self, other: Kind) -> Kind:
        """The kind of a column that has fields of both."""
        if self is other or other is Kind.EMPTY:
            return self
        if self is Kind.EMPTY:
            return other
        return Kind.NUMBER if {self, other} == {Kind.WHOLE, Kind.NUMBER} else Kind.TEXT


def kind_of_field(field: str) -> Kind:
    """The kind of one field."""
    field = field.strip()
    if field in MISSING:
        return Kind.EMPTY
    if len(field) > LONGEST:
        return Kind.TEXT
    if _WHOLE.fullmatch(field):
        return Kind.WHOLE
    if _NUMBER.fullmatch(field) or field.lower() in _INFINITE:
        return Kind.NUMBER
    return Kind.TRUTH if field.lower() in ("true", "false") else Kind.TEXT


def kind_of(fields: Sequence[str]) -> tuple[Kind, bool, int]:
    """The kind of some fields, whether one of them is missing, and where the kind was decided."""
    text = "\n".join(fields)
    if _has_only(text, _CHARS):
        try:
            if _has_only(text, _WHOLE_CHARS):
                list(map(int, fields))
                return Kind.WHOLE, False, 0
            list(map(float, fields))
            return Kind.NUMBER, False, 0
        except ValueError:
            pass
    kind, missing, place = Kind.EMPTY, False, 0
    for index, field in enumerate(fields):
        found = kind_of_field(field)
        missing |= found is Kind.EMPTY
        joined = kind.joined(found)
        if joined is not kind:
            kind, place = joined, index
            if kind is Kind.TEXT:
                break
    return kind, missing, place


def whole(fields: Sequence[str]) -> Array:
    """Integers.  Raises `ValueError` with the index of the first one that does not fit int64."""
    found = list(map(int, fields))
    try:
        return np.array(found, dtype=np.int64)
    except OverflowError:
        index = next(index for index, number in enumerate(found) if not -(2**63) <= number < 2**63)
        raise ValueError(index) from None


def numbers(fields: Sequence[str]) -> Array:
    """Numbers as float64; missing ones are NaN."""
    if _has_only("\n".join(fields), _CHARS):
        try:
            return np.array(list(map(float, fields)), dtype=np.float64)
        except ValueError:
            pass
    nan = float("nan")
    stripped = [field.strip() for field in fields]
    return np.array([nan if field in MISSING else float(field) for field in stripped], dtype=np.float64)


def truths(fields: Sequence[str]) -> Array:
    """Booleans."""
    return np.array([field.strip().lower() == "true" for field in fields], dtype=np.bool_)


def truths_or_missing(fields: Sequence[str]) -> Array:
    """Booleans as float64, 1, 0, and NaN for missing ones."""
    value = {"true": 1.0, "false": 0.0}
    return np.array([value.get(field.strip().lower(), float("nan")) for field in fields], dtype=np.float64)


def _has_only(text: str, characters: str) -> bool:
    # Nothing is faster in Python: it is one walk over the text, in C, and makes nothing.
    return not text.strip(characters)
