"""NPY and NPZ files become columns."""

from __future__ import annotations

import errno
import os
import struct
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO

from engine.errors import Fault
from engine.limits import Budget
from service.datasets.numpy_array import Header, read_columns
from service.datasets.options import Options, chosen
from service.datasets.table import Column, check_bytes, check_count, refuse
from service.pointers import pointer
from service.reader import short
from service.settings import Settings

ZIP_MAGIC = b"PK\x03\x04"
ALONE = "x"
"""What an array is called that has no name."""
_END = b"PK\x05\x06"
_LARGE_END = b"PK\x06\x07"
_END_SIZE, _LARGE_SIZE = 22, 20
_ENTRY_BYTES = 1024
"""What an array may take in the directory of an NPZ file."""
_HEADER_BYTES = 16_384
"""More than a header of numpy has."""
_SUFFIX = ".npy"


def read_npy(file: IO[bytes], options: Options, settings: Settings, budget: Budget) -> list[Column]:
    """The columns of an NPY file: the fields of records, the columns x1, x2, … of a matrix, or one array `x`."""
    size = file.seek(0, os.SEEK_END)
    file.seek(0)
    header = Header(file, size, "")
    if header.fields is not None:
        names = [name for name, _ in header.fields]
        check_count(len(names), settings)
        keep = [names[place] for place in chosen(options.columns, names, [None] * len(names))]
        return read_columns(file, header, keep, settings, budget)
    if len(header.shape) != 2:
        chosen(options.columns, [ALONE], [None])
        (column,) = read_columns(file, header, None, settings, budget)
        return [Column(ALONE, column.array, labels=column.labels)]
    check_count(header.shape[1], settings)
    names = [f"x{place}" for place in range(1, header.shape[1] + 1)]
    places = chosen(options.columns, names, [None] * len(names)) if names else []
    (column,) = read_columns(file, header, None, settings, budget)
    return [Column(names[place], column.array[:, place]) for place in places]


def read_npz(file: IO[bytes], options: Options, settings: Settings, budget: Budget) -> list[Column]:
    """The columns of an NPZ file, an array each.

    What its directory says of sizes is held against the limits before anything is decompressed, and no more than it
    says is decompressed.
    """
    _check_directory(file, settings)
    with _reading(), zipfile.ZipFile(file) as archive:
        members = archive.infolist()
        check_count(len(members), settings)
        _check_members(members)
        names = [member.filename.removesuffix(_SUFFIX) for member in members]
        columns: list[Column] = []
        room = 0
        places = chosen(options.columns, names, [None] * len(names))
        check_bytes(sum(max(0, members[place].file_size - _HEADER_BYTES) for place in places), settings)
        for place in places:
            with archive.open(members[place]) as stream:
                header = Header(stream, members[place].file_size, names[place])
                if header.fields is not None:
                    header.refuse("Records are taken from an NPY file; in an NPZ every array is a column.")
                room += header.room
                check_bytes(room, settings)
                columns += read_columns(stream, header, None, settings, budget)
        return columns


def _check_directory(file: IO[bytes], settings: Settings) -> None:
    """Look at the end of a zip file before a library loads its whole directory, which may have millions of entries."""
    size = file.seek(0, os.SEEK_END)
    begin = max(0, size - _END_SIZE - _LARGE_SIZE)
    file.seek(begin)
    tail = file.read()
    end, before = tail[-_END_SIZE:], tail[:-_END_SIZE]
    if len(end) < _END_SIZE or not end.startswith(_END):
        refuse([Fault("", "This zip file does not end as an NPZ file does: it is cut off, or has a comment.")])
    if before.startswith(_LARGE_END):
        refuse([Fault("", "This zip file has the form for more than 65,535 members, which is not taken.")])
    count, length = struct.unpack("<HI", end[10:16])
    check_count(count, settings)
    if length > _ENTRY_BYTES * (count + 1):
        refuse([Fault("", f"The directory of this zip file has {length:,} bytes for {count:,} members.")])


def _check_members(members: list[zipfile.ZipInfo]) -> None:
    faults = []
    for member in members:
        name = member.filename
        place = pointer((short(name),))
        if not name.endswith(_SUFFIX) or not name.removesuffix(_SUFFIX).isidentifier():
            detail = f"An NPZ file has members such as x.npy, called by letters, digits and _; {short(name)!r} is none."
            faults.append(Fault(place, detail))
        elif member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED) or member.flag_bits & 0x1:
            faults.append(Fault(place, f"{short(name)!r} is compressed or encrypted in a way that numpy does not."))
    refuse(faults[:100])


@contextmanager
def _reading() -> Iterator[None]:
    try:
        yield
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, struct.error, ValueError, OSError) as error:
        # A place that cannot be is what the file says; any other failure is one of the disk.
        if isinstance(error, OSError) and error.errno != errno.EINVAL:
            raise
        refuse([Fault("", f"This zip file is damaged: {short(str(error))}.")])
