"""The datasets of a database and a data folder: added, told, read, removed."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress

import numpy as np
import sqlalchemy as sa

from engine.errors import Fault, Limit, LimitExceeded, ShapeMismatch, TypeMismatch
from engine.question import Array
from engine.source.parse import normal_name
from service.answers import BYTES_PER_NUMBER
from service.datasets import rows
from service.datasets.files import Folder
from service.datasets.options import chosen
from service.datasets.stored import Described, Stored, described
from service.datasets.table import PREFIX, Table, content_id
from service.errors import Conflict, Gone, NotFound, Unavailable
from service.functions.content import is_name
from service.settings import Settings
from service.store.database import RETRY_SECONDS, Database

NEAR = 1000
"""How many names are looked through for a near one."""
FOLDER = "datasets"


class Datasets:
    """The stored datasets.  Thread-safe; every method may wait for the database or the disk, and raise `Unavailable`.

    Their rows are in the database and their files in the data folder, in a folder that belongs to this database: there
    may be several databases, and a file without a row is removed.  What is added or removed is settled within a
    writing transaction, of which there is one at a time.
    """

    def __init__(self, settings: Settings, database: Database) -> None:
        self._settings, self._database = settings, database
        self._folder: Folder | None = None
        self.report: Callable[[str], None] | None = None

    def folder(self) -> Folder:
        """Where the files are."""
        if self._folder is None:
            with self._database.read() as connection:
                number = rows.folder(connection)
            self._folder = Folder(self._settings.data_dir / FOLDER / f"{number:016x}")
        return self._folder

    def add(self, table: Table, name: str | None = None) -> tuple[Stored, bool]:
        """The dataset, and whether it is new.  One that is there without a name takes that name.

        Raises `Conflict` for a name that another dataset has and for a second name, `LimitExceeded` where the store
        is full.
        """
        id, columns, folder = content_id(table), described(table), self.folder()
        # Once without a file, which for a large one takes long and may be in vain.
        with self._database.read() as connection:
            self._check(connection, id, name, table.bytes)
        with self._disk(), folder.written(table) as written, self._database.write() as connection:
            known = self._check(connection, id, name, table.bytes)
            if known is None or not folder.has(id):
                folder.keep(written, id)
            if known is None:
                rows.insert(connection, id, name, table, columns)
            elif name is not None and known.name is None:
                rows.set_name(connection, known.number, name)
            stored = rows.find(connection, id)
        assert stored is not None
        return stored, known is None

    def get(self, reference: str) -> Stored:
        """The dataset with this id or name.  Raises `NotFound` and `Gone`."""
        reference = sane(reference)
        with self._database.read() as connection:
            stored = rows.find(connection, reference)
            if stored is None:
                raise missing(connection, reference)
            return stored

    def page(self, after: int, limit: int, prefix: str) -> Sequence[Stored]:
        """At most `limit` datasets stored after the one of this number, whose names begin with `prefix`."""
        prefix = normal_name(prefix)
        if prefix and not is_name(prefix):
            return []
        with self._database.read() as connection:
            return rows.page(connection, after, limit, prefix)

    def arrays(self, reference: str, columns: Sequence[str] | None = None) -> dict[str, Array]:
        """The arrays of some columns, named as `columns` names them, by name or header; of all for None.

        Raises `NotFound`, `Gone`, and `InvalidRequest` for a column that is not there.
        """
        stored = self.get(reference)
        picked = _picked(stored, columns)
        found = self._read(stored, picked)
        asked = columns if columns is not None else [column.name for column in picked]
        return {text: found[column.name] for text, column in zip(asked, picked, strict=True)}

    def matrix(self, reference: str, columns: Sequence[str] | None = None) -> Array:
        """Some columns of numbers side by side: float64 of shape (rows, number of columns).

        Raises what `arrays` does, `TypeMismatch` for a column of texts, and `ShapeMismatch` for columns whose rows are
        not single numbers, or not as many.
        """
        stored = self.get(reference)
        picked = _picked(stored, columns)
        for column in picked:
            if column.labels is not None:
                detail = f"The column {column.name!r} has texts, whose codes are no quantities."
                raise TypeMismatch(detail, faults=[Fault("/columns", detail)])
            if len(column.shape) != 1 or column.shape != picked[0].shape:
                detail = f"The column {column.name!r} has the shape {list(column.shape)}; the columns of a matrix are "
                detail += f"vectors of the same length, as {picked[0].name!r} with {list(picked[0].shape)}."
                raise ShapeMismatch(detail, faults=[Fault("/columns", detail)])
        found = self._read(stored, picked)
        matrix = np.empty((picked[0].shape[0], len(picked)))
        for place, column in enumerate(picked):
            matrix[:, place] = found.pop(column.name)
        return matrix

    def rows(
        self, reference: str, columns: Sequence[str] | None, offset: int, limit: int
    ) -> tuple[Stored, dict[str, Array], bool]:
        """The dataset, `limit` rows from `offset` on, and whether there are more.

        Raises what `arrays` does, and `LimitExceeded` for rows that are larger than an answer may be.
        """
        stored = self.get(reference)
        picked = _picked(stored, columns)
        most = self._settings.answer_bytes
        count = sum(max(0, min(c.shape[0] - offset, limit)) * int(np.prod(c.shape[1:], dtype=float)) for c in picked)
        if (size := BYTES_PER_NUMBER * count) > most:
            raise LimitExceeded(
                f"These rows would be about {size:,} bytes, more than the {most:,} that one answer may have.",
                limit=Limit("answer_bytes", most, size),
                hint="Ask for fewer rows or columns: ?columns=a,b&limit=100",
            )
        found = self._read(stored, picked, offset, offset + limit)
        asked = columns if columns is not None else [column.name for column in picked]
        more = any(column.shape[0] > offset + limit for column in picked)
        return stored, {text: found[column.name] for text, column in zip(asked, picked, strict=True)}, more

    def remove(self, reference: str) -> None:
        """Delete the dataset with this id or name.  Raises `NotFound` and `Gone`."""
        reference = sane(reference)
        with self._database.write() as connection:
            stored = rows.find(connection, reference)
            if stored is None:
                raise missing(connection, reference)
            rows.remove(connection, stored)
        # In another transaction: a row without its file would be worse than a file without its row.  The same content
        # may have come back in between.
        folder = self.folder()
        with self._disk(), self._database.write() as connection:
            if rows.find(connection, stored.id) is None:
                folder.remove(stored.id)

    def sweep(self) -> int:
        """Remove files that no row knows, and unfinished ones whose writer is gone; how many there were.

        Nothing is opened or made where there are no files.
        """
        if not self._database.made or not (self._settings.data_dir / FOLDER).is_dir():
            return 0
        folder = self.folder()
        with self._disk():
            count = folder.remove_unfinished()
            with self._database.write() as connection:
                unknown = set(folder.ids()) - rows.ids(connection)
                for id in unknown:
                    folder.remove(id)
        return count + len(unknown)

    def _read(
        self, stored: Stored, columns: Sequence[Described], begin: int = 0, end: int | None = None
    ) -> dict[str, Array]:
        folder = self.folder()
        with self._disk():
            try:
                return folder.read(stored.id, columns, begin, end)
            except FileNotFoundError:
                # Deleted since it was looked up, or kept by another machine.
                self.get(stored.id)
                raise

    def _check(self, connection: sa.Connection, id: str, name: str | None, given: int) -> Stored | None:
        """The dataset with this id, if there is one; raises what is in the way of adding it under this name."""
        known = rows.find(connection, id)
        if name is not None and (known is None or known.name != name):
            other = rows.find(connection, name)
            if other is not None:
                raise Conflict(
                    f"Another dataset is called {name!r} already, {other.id}.",
                    hint="Choose another name, leave it out and use the id, or delete that dataset.",
                )
            if known is not None and known.name is not None:
                raise Conflict(
                    f"This dataset is stored already, and is called {known.name!r}.",
                    hint=f"Leave the name out, or send {known.name!r}.",
                )
        if known is None:
            self._check_room(*rows.totals(connection), given)
        return known

    def _check_room(self, count: int, held: int, given: int) -> None:
        settings = self._settings
        if count >= settings.datasets:
            raise LimitExceeded(
                f"{count:,} datasets are stored, and there is room for {settings.datasets:,}.",
                limit=Limit("datasets", settings.datasets, count + 1),
                hint="Delete some: DELETE /datasets/{id}.",
            )
        if held + given > settings.dataset_store_bytes:
            raise LimitExceeded(
                f"All datasets would take {held + given:,} bytes; there is room for {settings.dataset_store_bytes:,}.",
                limit=Limit("dataset_store_bytes", settings.dataset_store_bytes, held + given),
                hint="Delete some: DELETE /datasets/{id}.",
            )

    @contextmanager
    def _disk(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise self.unavailable(error) from error

    def unavailable(self, error: OSError) -> Unavailable:
        """The refusal when the data folder fails; the reason, which may name folders, goes to the log alone."""
        if self.report is not None:
            with suppress(Exception):
                self.report(str(error))
        detail = "The server cannot read or write the file of this dataset; its log has the reason."
        if isinstance(error, FileNotFoundError):
            detail = "The file of this dataset is not on this machine, or was lost."
        return Unavailable(detail, headers={"Retry-After": str(RETRY_SECONDS)})


def sane(reference: str) -> str:
    """An id or a name, normalised; raises `NotFound` for what can be neither, and is never looked up."""
    reference = normal_name(reference)
    if not is_name(reference):
        raise _unknown(reference, [])
    return reference


def missing(connection: sa.Connection, reference: str) -> NotFound | Gone:
    """The refusal of a dataset that is not there."""
    if rows.was_deleted(connection, reference):
        return Gone(f"The dataset {reference} was deleted.", hint="Upload it again: POST /datasets.")
    near = []
    if not reference.startswith(PREFIX):
        near = difflib.get_close_matches(reference[:100], rows.names(connection, NEAR), 1)
    return _unknown(reference, near)


def _unknown(reference: str, near: list[str]) -> NotFound:
    shown = ascii(reference[:100])[1:-1] if not reference.isprintable() else reference[:100]
    return NotFound(f"There is no dataset {shown!r}.", hint=f"did you mean {near[0]}?" if near else None)


def _picked(stored: Stored, columns: Sequence[str] | None) -> list[Described]:
    names = [column.name for column in stored.columns]
    return [stored.columns[place] for place in chosen(columns, names, [column.header for column in stored.columns])]
