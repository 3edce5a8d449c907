"""The records of a CSV file with the lines that they begin at, never more of them in memory than a block."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from typing import IO

from engine.errors import Fault, InvalidRequest
from engine.limits import Budget
from service.datasets.options import MOST_FAULTS
from service.datasets.table import refuse

LONGEST = 2**22
"""Bytes of one record, which is a line, or several where a quoted field goes on."""
BLOCK_FIELDS = 100_000
BLOCK_BYTES = 2**22
DELIMITERS = ("\t", ";", ",")
"""What can separate fields, the less likely to stand within a field first."""
Block = tuple[list[int], list[tuple[str, ...]]]
"""The lines of some records, and their fields by column."""
_LOOKED_AT = 10
_BOM = b"\xef\xbb\xbf"
_OTHER_BOMS = (b"\xff\xfe", b"\xfe\xff")
_BINARY = (b"\x93NUMPY", b"PK\x03\x04")


def fault_at(line: int, column: int | None, detail: str) -> Fault:
    """A fault at a line and, where it lies in one, a field; both are counted from 1."""
    if column is None:
        return Fault(f"/{line}", f"line {line}: {detail}")
    return Fault(f"/{line}/{column}", f"line {line}, column {column}: {detail}")


class Lines:
    """The lines of a file as text, one after the other.  `number` is that of the last one."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self.number = 0
        self.taken = 0
        """Bytes since somebody set this to 0."""

    def __iter__(self) -> Lines:
        return self

    def __next__(self) -> str:
        line = self._file.readline(LONGEST + 1)
        if not line:
            raise StopIteration
        self.number += 1
        self.taken += len(line)
        if self.number == 1:
            _check_kind(line)
            line = line.removeprefix(_BOM)
        if self.taken > LONGEST:
            hint = "A quote that is opened has to be closed; a quote within quotes is written twice."
            refuse([fault_at(self.number, None, f"This record is longer than {LONGEST:,} bytes.")], hint)
        if b"\0" in line:
            refuse([fault_at(self.number, None, "There is a byte 0, which is in no text.")])
        try:
            return line.decode()
        except UnicodeDecodeError as error:
            place = len(line[: error.start].decode()) + 1
            detail = f"The character at {place} is not UTF-8: the byte {line[error.start]:#04x}."
            refuse([fault_at(self.number, None, detail)], "Save the file as UTF-8.")
            raise


def records(file: IO[bytes], delimiter: str) -> Iterator[tuple[int, int, list[str]]]:
    """From the beginning of a file: the line of a record, its bytes, and its fields.  Empty lines are passed over."""
    file.seek(0)
    lines = Lines(file)
    # Strict: a quote that is not closed, or in the wrong place, is a fault and no part of a field.
    reader = csv.reader(lines, delimiter=delimiter, strict=True)
    while True:
        begun, lines.taken = lines.number + 1, 0
        try:
            record = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            refuse([fault_at(begun, None, _told(error, delimiter))])
            return
        if record:
            yield begun, lines.taken, record


def blocks(
    file: IO[bytes], delimiter: str, skip: bool, keep: Sequence[int], width: int, budget: Budget
) -> Iterator[Block]:
    """A file, block by block, with the columns `keep`; `skip` leaves out the first record.

    Raises `InvalidRequest` for records with another number of fields than `width`.
    """
    most = max(1, BLOCK_FIELDS // width)
    rows: list[list[str]] = []
    numbers: list[int] = []
    faults: list[Fault] = []
    size = 0
    found = records(file, delimiter)
    if skip:
        next(found)
    for line, taken, record in found:
        if len(record) != width:
            found_here = "There is one field" if len(record) == 1 else f"There are {len(record):,} fields"
            faults.append(fault_at(line, None, f"{found_here}, and in the first line {width:,}."))
            if len(faults) >= MOST_FAULTS:
                break
            continue
        rows.append(record)
        numbers.append(line)
        size += taken
        if len(rows) >= most or size >= BLOCK_BYTES:
            refuse(faults)
            budget.check()
            yield numbers, _kept(rows, keep)
            rows, numbers, size = [], [], 0
    refuse(faults)
    if rows:
        yield numbers, _kept(rows, keep)


def delimiter_of(file: IO[bytes]) -> str:
    """What separates the fields of a file: what every one of its first lines has as often, outside of quotes."""
    for delimiter in DELIMITERS:
        counts = set()
        try:
            for count, (_, _, record) in enumerate(records(file, delimiter)):
                counts.add(len(record))
                if count == _LOOKED_AT or len(counts) > 1:
                    break
        except InvalidRequest:
            continue
        if len(counts) == 1 and counts != {1}:
            return delimiter
    return ","


def _kept(rows: list[list[str]], keep: Sequence[int]) -> list[tuple[str, ...]]:
    columns = list(zip(*rows, strict=True))
    return (
        columns
        if len(keep) == len(columns) and list(keep) == list(range(len(columns)))
        else [columns[place] for place in keep]
    )


def _check_kind(line: bytes) -> None:
    if line.startswith(_OTHER_BOMS):
        refuse([fault_at(1, None, "This is UTF-16.")], "Save the file as UTF-8.")
    if line.startswith(_BINARY):
        hint = "Send NPY and NPZ files with the header content-type: application/octet-stream"
        refuse([fault_at(1, None, "This is a file of numpy, and no CSV.")], hint)


def _told(error: csv.Error, delimiter: str) -> str:
    text = str(error)
    if "expected after" in text:
        shown = {"\t": "a tab"}.get(delimiter, f"{delimiter!r}")
        return f"After a closing quote there has to be {shown} or the end of the line."
    if "unexpected end of data" in text:
        return "A quote is opened here and never closed."
    if "field larger" in text:
        return "A field is longer than 131,072 characters; perhaps a quote is opened and never closed."
    if "new-line" in text:
        return "There is a carriage return without a line feed; lines end with \\n or \\r\\n."
    return f"This is not CSV: {text}."
