"""One array in the format of numpy, read without pickles, and nothing allocated that its header alone asks for."""

from __future__ import annotations

import math
import sys
from collections.abc import Sequence
from typing import IO, Any

import numpy as np
from numpy.lib import format as npy

from engine.errors import Fault
from engine.limits import Budget
from engine.question import Array
from service.datasets.labels import Labels
from service.datasets.table import Column, check_bytes, check_rows, refuse
from service.packed import MAX_DIMS
from service.pointers import pointer
from service.reader import short
from service.settings import Settings

MAGIC = b"\x93NUMPY"
PART = 2**20
TEXTS = 65_536
"""Texts that are looked at between two looks at the clock."""
_READERS = {(1, 0): npy.read_array_header_1_0, (2, 0): npy.read_array_header_2_0}
_REFUSED = {
    "O": "Python objects, which are stored as pickles; a pickle is a program, and is not run",
    "c": "complex numbers",
    "S": "bytes",
    "M": "dates",
    "m": "spans of time",
    "V": "bytes without a type",
    "T": "strings of varying length",
}
_HINTS = {
    "O": "Convert it before it is saved, as by array.astype(float).",
    "c": "Save real and imaginary part as two arrays.",
    "S": "Convert it before it is saved, as by array.astype(str).",
    "M": "Convert it before it is saved, as by array.astype('datetime64[s]').astype(int).",
    "m": "Convert it before it is saved, as by array.astype('timedelta64[s]').astype(int).",
}


class Header:
    """What a file says of its array before the numbers begin.  Raises `InvalidRequest` for what is not taken."""

    def __init__(self, file: IO[bytes], size: int, name: str) -> None:
        self.name = name
        shape, self.fortran, self.dtype = self._read(file)
        if len(shape) > MAX_DIMS or not all(type(axis) is int and 0 <= axis < 2**62 for axis in shape):
            self.refuse(f"The shape {short(str(shape))} is none; an array has at most {MAX_DIMS} axes.")
        self.shape: tuple[int, ...] = tuple(shape)
        self._check_type()
        self.bytes = self.dtype.itemsize * math.prod(self.shape)
        if self.bytes != size - file.tell():
            detail = f"{self.dtype} of shape {list(self.shape)} is {self.bytes:,} bytes, and {size - file.tell():,} "
            self.refuse(detail + "follow the header.")

    @property
    def fields(self) -> list[tuple[str, np.dtype[Any]]] | None:
        """The fields of an array of records."""
        if self.dtype.names is None or self.dtype.fields is None:
            return None
        return [(name, self.dtype.fields[name][0]) for name in self.dtype.names]

    @property
    def room(self) -> int:
        """The bytes of the arrays that are made of it."""
        types = [self.dtype] if self.fields is None else [dtype for _, dtype in self.fields]
        return math.prod(self.shape) * sum(1 if dtype.kind == "b" else 8 for dtype in types)

    def refuse(self, detail: str, hint: str | None = None) -> None:
        """Raise `InvalidRequest`."""
        place = pointer((short(self.name),)) if self.name else ""
        refuse([Fault(place, f"The array {short(self.name)!r}: {detail}" if self.name else detail)], hint)

    def _read(self, file: IO[bytes]) -> tuple[Any, bool, np.dtype[Any]]:
        try:
            version = npy.read_magic(file)
        except ValueError:
            self.refuse("This is no NPY file: it does not begin as one does.")
            raise
        if version not in _READERS:
            shown = f"{version[0]}.{version[1]}"
            self.refuse(
                f"The version {shown} of the format is not taken.", "Field names in ASCII make it 1.0; or save an NPZ."
            )
        try:
            return _READERS[version](file)
        except (MemoryError, OSError):
            raise
        except Exception:
            # The reader raises whatever its tokenizer, its parser of literals and the constructors of types do.
            self.refuse("The header of the file cannot be read.")
            raise

    def _check_type(self) -> None:
        if (fields := self.fields) is None:
            self._check_kind(self.dtype, "This array has")
            if self.dtype.kind == "U" and len(self.shape) != 1:
                self.refuse(f"Texts have one axis, the rows; these have the shape {list(self.shape)}.")
            return
        if len(self.shape) != 1:
            self.refuse(f"Records have one axis, the rows; these have the shape {list(self.shape)}.")
        for name, dtype in fields:
            self._check_kind(dtype, f"The field {short(name)!r} has")

    def _check_kind(self, dtype: np.dtype[Any], what: str) -> None:
        kind = dtype.kind
        if dtype.names is not None or dtype.subdtype is not None:
            self.refuse(f"{what} parts of its own; a field is one number or text.")
        if kind == "f" and dtype.itemsize > 8:
            self.refuse(f"{what} numbers of more than 64 bits.", "Save it as float64.")
        if kind not in "fiubU" or dtype.itemsize == 0:
            self.refuse(f"{what} {_REFUSED.get(kind, 'nothing that is taken')}.", _HINTS.get(kind))


def read_columns(
    file: IO[bytes], header: Header, names: Sequence[str] | None, settings: Settings, budget: Budget
) -> list[Column]:
    """The array that follows the header; of an array of records, the fields `names`."""
    for size in (header.bytes, header.room):
        check_bytes(size, settings)
    if header.bytes == 0:
        header.refuse(f"There is nothing in it: its shape is {list(header.shape)}.")
    if header.shape:
        check_rows(header.shape[0], settings)
    raw = np.empty(math.prod(header.shape), dtype=header.dtype)
    # As bytes: not every type, texts among them, is one that a buffer can have.
    view = raw.view(np.uint8).data
    done = 0
    while done < len(view):
        count = file.readinto(view[done : done + PART])  # type: ignore[attr-defined]
        if not count:
            header.refuse("The file ends before the array does.")
        done += count
        budget.check()
    if header.fields is not None:
        return [_column(name, raw[name], settings, budget) for name in names or ()]
    array = raw.reshape(header.shape[::-1]).T if header.fortran else raw.reshape(header.shape)
    return [_column(header.name, array, settings, budget)]


def _column(name: str, raw: Array, settings: Settings, budget: Budget) -> Column:
    kind = raw.dtype.kind
    if kind == "U":
        return text_column(name, raw, settings, budget)
    if kind == "b":
        # Any byte can stand in a file.
        return Column(name, np.ascontiguousarray(raw).view(np.uint8) != 0)
    if kind == "f":
        return Column(name, raw.astype(np.float64))
    if kind == "u" and raw.dtype.itemsize == 8 and raw.max() >= 2**63:
        detail = f"{name}: {raw.max()} is no int64, which ends at 9,223,372,036,854,775,807."
        refuse([Fault(pointer((short(name),)), detail)], "Save it as float64.")
    return Column(name, raw.astype(np.int64))


def text_column(name: str, raw: Array, settings: Settings, budget: Budget) -> Column:
    """A column of texts, from an array of them."""
    labels = Labels(name, settings)
    codes = np.empty(len(raw), dtype=np.int64)
    for begin in range(0, len(raw), TEXTS):
        budget.check()
        part = np.ascontiguousarray(raw[begin : begin + TEXTS])
        points = part.view(np.dtype(np.uint32).newbyteorder(part.dtype.byteorder))
        if points.max() > sys.maxunicode:
            refuse([Fault(pointer((short(name),)), f"There are texts in {short(name)!r} that are not Unicode.")])
        codes[begin : begin + TEXTS] = labels.codes(part.tolist())
    codes, texts = labels.settle(codes)
    return Column(name, codes, labels=tuple(texts))
