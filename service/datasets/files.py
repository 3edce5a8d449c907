"""The files of datasets: one each, uncompressed NPZ, written as a whole or not at all."""

from __future__ import annotations

import os
import struct
import tempfile
import time
import zipfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

import numpy as np
from numpy.lib import format as npy

from engine.question import Array
from service.datasets.stored import Described
from service.datasets.table import Table
from service.packed import DTYPES

SUFFIX = ".npz"
UNFINISHED = ".unfinished"
OLD_SECONDS = 3600.0
"""An unfinished file that nobody wrote to for so long has lost its writer."""
_LOCAL_HEADER = 30


class Folder:
    """A folder of datasets; made when something is written.  Every method may raise `OSError`."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def make(self) -> None:
        """Make it, for its owner alone."""
        self.path.mkdir(mode=0o700, parents=True, exist_ok=True)

    def scratch(self) -> IO[bytes]:
        """A file without a name, for an upload: it is gone when it is closed, and when its process ends, however."""
        self.make()
        return tempfile.TemporaryFile(dir=self.path)

    @contextmanager
    def written(self, table: Table) -> Iterator[Path]:
        """A complete file under a name of its own, to be taken by `keep`; removed in the end if it was not."""
        self.make()
        handle, name = tempfile.mkstemp(suffix=UNFINISHED, dir=self.path)
        try:
            with os.fdopen(handle, "wb") as file:
                _write(file, table)
                file.flush()
                os.fsync(file.fileno())
            yield Path(name)
        finally:
            with suppress(FileNotFoundError):
                os.unlink(name)

    def keep(self, written: Path, id: str) -> None:
        """Make a complete file that of the dataset `id`, for good."""
        os.replace(written, self._file(id))
        handle = os.open(self.path, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)

    def has(self, id: str) -> bool:
        """Whether the file of a dataset is here."""
        return self._file(id).exists()

    def remove(self, id: str) -> None:
        """Remove the file of a dataset, if it is here."""
        self._file(id).unlink(missing_ok=True)

    def ids(self) -> list[str]:
        """The datasets whose files are here."""
        return [entry.name.removesuffix(SUFFIX) for entry in self._entries() if entry.name.endswith(SUFFIX)]

    def remove_unfinished(self) -> int:
        """Remove what was left by processes that ended in the middle; the number of files."""
        old = time.time() - OLD_SECONDS
        count = 0
        for entry in self._entries():
            with suppress(FileNotFoundError):
                if entry.name.endswith(UNFINISHED) and entry.stat().st_mtime < old:
                    entry.unlink()
                    count += 1
        return count

    def read(self, id: str, columns: Sequence[Described], begin: int = 0, end: int | None = None) -> dict[str, Array]:
        """Columns of a dataset by name, the rows from `begin` to before `end`.

        `FileNotFoundError`: the file is not here; `OSError`: it is damaged.
        """
        try:
            with open(self._file(id), "rb") as file, zipfile.ZipFile(file) as archive:
                return {column.name: _read(file, archive, column, begin, end) for column in columns}
        except (ValueError, KeyError, struct.error, zipfile.BadZipFile) as error:
            raise OSError(f"the file of {id} is damaged: {error}") from error

    def _file(self, id: str) -> Path:
        return self.path / (id + SUFFIX)

    def _entries(self) -> list[Path]:
        try:
            return list(self.path.iterdir())
        except FileNotFoundError:
            return []


def _write(file: IO[bytes], table: Table) -> None:
    with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive:
        for column in table.columns:
            # Its time is always the same, and so is the file.
            member = zipfile.ZipInfo(column.name + ".npy")
            with archive.open(member, "w", force_zip64=True) as stream:
                npy.write_array(stream, column.array, version=(1, 0), allow_pickle=False)


def _read(file: IO[bytes], archive: zipfile.ZipFile, column: Described, begin: int, end: int | None) -> Array:
    """Some rows of an array, read where they stand: nothing in the file is compressed."""
    place = archive.getinfo(column.name + ".npy").header_offset
    file.seek(place)
    header = file.read(_LOCAL_HEADER)
    name, extra = struct.unpack("<HH", header[26:30])
    file.seek(place + _LOCAL_HEADER + name + extra)
    npy.read_magic(file)
    shape, fortran, dtype = npy.read_array_header_1_0(file)
    if (shape, fortran, dtype) != (column.shape, False, DTYPES[column.dtype]):
        raise ValueError(f"{column.name} is {dtype} {shape} there")
    begin, end, _ = slice(begin, end).indices(shape[0])
    count = max(0, end - begin)
    width = dtype.itemsize * (int(np.prod(shape[1:], dtype=np.int64)))
    file.seek(begin * width, os.SEEK_CUR)
    array = np.empty((count, *shape[1:]), dtype=dtype)
    if count and file.readinto(array.data.cast("B")) != array.nbytes:  # type: ignore[attr-defined]
        raise ValueError("it is cut off")
    return array
