"""What a dataset is: columns of arrays, and the id that follows from them."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from engine.errors import Fault, InvalidRequest, Limit, LimitExceeded
from engine.question import Array
from engine.source.parse import normal_name
from service.packed import DTYPES, MAX_DIMS
from service.pointers import pointer
from service.reader import short
from service.serialise import json_bytes
from service.settings import Settings

PREFIX = "ds_"
ID_CHARS = 32
"""160 bits in base32, as the ids of functions have."""


@dataclass(frozen=True, slots=True)
class Column:
    """An array by name; its first axis runs over the rows.

    `array` is float64, int64 or bool.  `header` is what a file calls it where that is no name.  A column of texts has
    their `labels`, sorted, and int64 positions among these as its array.
    """

    name: str
    array: Array
    header: str | None = None
    labels: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True)
class Table:
    """The columns of a dataset in their order, as they are stored."""

    columns: tuple[Column, ...]

    @property
    def rows(self) -> int | None:
        """How many rows there are; None where columns differ."""
        found = {len(column.array) for column in self.columns}
        return found.pop() if len(found) == 1 else None

    @property
    def bytes(self) -> int:
        """The size of all arrays."""
        return sum(column.array.nbytes for column in self.columns)


def table_of(columns: Sequence[Column], settings: Settings) -> Table:
    """The dataset with these columns, in C order and with one kind of NaN.

    Raises `InvalidRequest` for names that are none and for arrays without a number in them, `LimitExceeded`.
    """
    check_count(len(columns), settings)
    faults: list[Fault] = []
    seen: dict[str, str] = {}
    for column in columns:
        place = pointer((short(column.name),))
        name = normal_name(column.name)
        if not name.isidentifier():
            faults.append(Fault(place, "A name has only letters, digits and _, and begins with no digit."))
        elif len(name) > settings.name_chars:
            faults.append(Fault(place, f"A name has at most {settings.name_chars} characters."))
        elif name in seen:
            faults.append(Fault(place, f"This is the same name as {seen[name]!r}."))
        seen[name] = short(column.name)
        if column.array.ndim == 0:
            faults.append(Fault(place, "This is a single number; the first axis of an array runs over the rows."))
        elif column.array.ndim > MAX_DIMS:
            faults.append(Fault(place, f"An array has at most {MAX_DIMS} dimensions."))
        elif column.array.size == 0:
            faults.append(Fault(place, f"There is nothing in this array: its shape is {list(column.array.shape)}."))
    if not columns:
        faults.append(Fault("", "There are no columns in this dataset."))
    refuse(faults)
    check_rows(max(len(column.array) for column in columns), settings)
    table = Table(
        tuple(
            Column(normal_name(column.name), _canonical(column.array), column.header, column.labels)
            for column in columns
        )
    )
    check_bytes(table.bytes, settings)
    return table


def content_id(table: Table) -> str:
    """The id of a dataset: the same for the same columns in the same order, whatever file they came in."""
    canonical = [
        [
            column.name,
            column.header,
            column.labels,
            column.array.dtype.name,
            column.array.shape,
            hashlib.sha256(column.array.data.cast("B")).hexdigest(),
        ]
        for column in table.columns
    ]
    digest = hashlib.sha256(json_bytes(canonical)).digest()
    return PREFIX + base64.b32encode(digest).decode("ascii").lower()[:ID_CHARS]


def refuse(faults: Sequence[Fault], hint: str | None = None) -> None:
    """Raise `InvalidRequest` if there are faults."""
    if not faults:
        return
    detail = faults[0].detail if len(faults) == 1 else f"{len(faults)} things are wrong; the first: {faults[0].detail}"
    raise InvalidRequest(detail, faults=faults, hint=hint)


def check_count(count: int, settings: Settings) -> None:
    """Raise `LimitExceeded` for more columns than a dataset may have."""
    if count > settings.dataset_columns:
        raise LimitExceeded(
            f"There are {count:,} columns; a dataset has at most {settings.dataset_columns:,}.",
            limit=Limit("dataset_columns", settings.dataset_columns, count),
            hint="Many columns of numbers can be one array of an NPZ file, whose rows are vectors.",
        )


def check_rows(count: int, settings: Settings) -> None:
    """Raise `LimitExceeded` for more rows than a dataset may have."""
    if count > settings.dataset_rows:
        raise LimitExceeded(
            f"There are more than {settings.dataset_rows:,} rows, the most that a dataset may have.",
            limit=Limit("dataset_rows", settings.dataset_rows, count),
        )


def check_bytes(size: int, settings: Settings) -> None:
    """Raise `LimitExceeded` for more numbers than a dataset may have."""
    if size > settings.dataset_bytes:
        raise LimitExceeded(
            f"As float64 and int64 these are {size:,} bytes or more; a dataset has at most {settings.dataset_bytes:,}.",
            limit=Limit("dataset_bytes", settings.dataset_bytes, size),
            hint="Keep fewer columns, as with ?columns=a,b, or split the file.",
        )


def _canonical(array: Array) -> Array:
    array = np.ascontiguousarray(array, dtype=DTYPES[array.dtype.name])
    if array.dtype.kind == "f":
        # There are many NaNs, and which one a file has says nothing.
        missing = np.isnan(array)
        if missing.any():
            array = np.where(missing, np.nan, array)
    return array
