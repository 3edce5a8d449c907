"""A CSV file becomes columns, in two readings: the first finds what each column is, the second has the values."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import IO, Any

import numpy as np

from engine.errors import Fault
from engine.limits import Budget
from engine.question import Array
from engine.source.parse import normal_name
from service.datasets import csv_cells
from service.datasets.csv_cells import Kind, kind_of, kind_of_field
from service.datasets.csv_records import Block, blocks, delimiter_of, fault_at, records
from service.datasets.labels import Labels, check_total
from service.datasets.options import MOST_FAULTS, Options, chosen
from service.datasets.table import Column, check_bytes, check_count, check_rows, refuse
from service.reader import short
from service.settings import Settings

LONGEST_HEADER = 200
_BETWEEN = re.compile(r"\W+")


@dataclass(slots=True)
class _Found:
    """What is known of a column after the first reading; `line` is where its kind was decided, by `example`."""

    place: int
    name: str
    header: str | None
    kind: Kind = Kind.EMPTY
    missing: bool = False
    line: int = 0
    example: str = ""

    @property
    def dtype(self) -> np.dtype[Any]:
        """The type of its array."""
        if self.kind is Kind.TEXT or (self.kind is Kind.WHOLE and not self.missing):
            return np.dtype(np.int64)
        return np.dtype(np.bool_ if self.kind is Kind.TRUTH and not self.missing else np.float64)

    def why(self) -> str:
        """What made this a column of texts."""
        return f" It has texts because of {short(self.example)!r} in line {self.line}."


def read_csv(file: IO[bytes], options: Options, settings: Settings, budget: Budget) -> list[Column]:
    """The columns of a CSV file in UTF-8.

    Raises `InvalidRequest` for what is no such file, each fault with its line and, where it is one of a field, the
    number of its column; `LimitExceeded`, `BudgetExceeded`.
    """
    delimiter = options.delimiter or delimiter_of(file)
    first = next(records(file, delimiter), None)
    if first is None:
        refuse([Fault("", "There are only empty lines in this file.")])
        return []
    line, _, fields = first
    check_count(len(fields), settings)
    header = options.header
    if header is None:
        header = not any(kind_of_field(field) in (Kind.WHOLE, Kind.NUMBER) for field in fields)
    texts = [field.strip() for field in fields] if header else [""] * len(fields)
    names = _names(texts, line, settings.name_chars)
    headers = [text if text and text != name else None for text, name in zip(texts, names, strict=True)]
    columns = [_Found(place, names[place], headers[place]) for place in chosen(options.columns, names, headers)]

    keep = [column.place for column in columns]
    rows = _find_kinds(blocks(file, delimiter, header, keep, len(fields), budget), columns, settings)
    return _values(blocks(file, delimiter, header, keep, len(fields), budget), columns, rows, settings)


def _find_kinds(blocks: Iterator[Block], columns: Sequence[_Found], settings: Settings) -> int:
    """Note in `columns` what they are, and count the rows."""
    rows = 0
    for lines, fields in blocks:
        rows += len(lines)
        check_rows(rows, settings)
        for column, values in zip(columns, fields, strict=True):
            if column.kind is Kind.TEXT:
                continue
            kind, missing, place = kind_of(values)
            column.missing |= missing
            joined = column.kind.joined(kind)
            if joined is not column.kind:
                column.kind, column.line, column.example = joined, lines[place], values[place].strip()
        check_bytes(rows * sum(column.dtype.itemsize for column in columns), settings)
    if rows == 0:
        refuse([Fault("", "There is a header and nothing below it.")], "Without a header line, send ?header=false")
    return rows


def _values(blocks: Iterator[Block], columns: Sequence[_Found], rows: int, settings: Settings) -> list[Column]:
    arrays: list[Array] = [np.empty(rows, dtype=column.dtype) for column in columns]
    labels = {
        column.place: Labels(column.header or column.name, settings, column.why)
        for column in columns
        if column.kind is Kind.TEXT
    }
    begin = 0
    for lines, fields in blocks:
        for column, array, values in zip(columns, arrays, fields, strict=True):
            if column.kind is Kind.TEXT:
                part = labels[column.place].codes([value.strip() for value in values])
            else:
                part = _converted(column, values, lines)
            array[begin : begin + len(lines)] = part
        check_total(list(labels.values()), settings)
        begin += len(lines)
    found = []
    for column, array in zip(columns, arrays, strict=True):
        texts = None
        if column.kind is Kind.TEXT:
            array, texts = labels[column.place].settle(array)
        found.append(Column(column.name, array, column.header, texts))
    return found


def _converted(column: _Found, values: Sequence[str], lines: Sequence[int]) -> Array:
    if column.dtype.kind == "i":
        try:
            return csv_cells.whole(values)
        except ValueError as error:
            index = error.args[0]
            detail = f"{short(values[index].strip())} is no int64, which ends at 9,223,372,036,854,775,807."
            hint = "Write it with a point, leave the column out (?columns=a,b), or make it a text: id-123."
            refuse([fault_at(lines[index], column.place + 1, detail)], hint)
    if column.kind is Kind.TRUTH:
        return csv_cells.truths_or_missing(values) if column.missing else csv_cells.truths(values)
    return csv_cells.numbers(values)


def _names(texts: Sequence[str], line: int, name_chars: int) -> list[str]:
    """Names for columns: their headers where these are names, and what is like them otherwise."""
    faults: list[Fault] = []
    seen: dict[str, int] = {}
    for place, text in enumerate(texts, 1):
        if len(text) > LONGEST_HEADER:
            faults.append(fault_at(line, place, f"A header has at most {LONGEST_HEADER} characters."))
        elif text and seen.setdefault(text, place) != place:
            detail = f"{short(text)!r} is the header of column {seen[text]} already."
            faults.append(fault_at(line, place, detail))
        if len(faults) >= MOST_FAULTS:
            break
    refuse(faults, "Headers have to be different; without a header line, send ?header=false" if faults else None)
    names: list[str] = []
    # Those that are names keep them, whatever stands before.
    taken = {normal_name(text) for text in texts if text.isidentifier()}
    for place, text in enumerate(texts, 1):
        name = normal_name(text)
        if not (text.isidentifier() and len(name) <= name_chars):
            name = _free(_like(name, place)[: max(1, name_chars - 6)], taken)
        taken.add(name)
        names.append(name)
    return names


def _like(text: str, place: int) -> str:
    name = _BETWEEN.sub("_", text).strip("_")
    if not name:
        return f"x{place}"
    return name if name.isidentifier() else f"x_{name}" if f"x_{name}".isidentifier() else f"x{place}"


def _free(name: str, taken: set[str]) -> str:
    if name not in taken:
        return name
    number = 2
    while f"{name}_{number}" in taken:
        number += 1
    return f"{name}_{number}"
