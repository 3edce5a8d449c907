"""The functions in the database: stored, told, listed, deleted."""

from __future__ import annotations

import difflib
from collections.abc import Sequence

import sqlalchemy as sa

from engine.errors import Limit, LimitExceeded
from engine.source.parse import normal_name
from service.errors import Conflict, Gone, NotFound
from service.functions import rows
from service.functions.content import PREFIX, Definition, content_id, is_name
from service.functions.stored import Signature, Stored
from service.settings import Settings
from service.store.database import Database

NEAR = 1000
"""How many names are looked through for a near one."""


class Catalogue:
    """The stored functions, each call one transaction.  Thread-safe; every method may wait for the database."""

    def __init__(self, settings: Settings, database: Database) -> None:
        self._settings, self._database = settings, database

    def get(self, reference: str, data: bool = False) -> Stored:
        """The function with this id or name, from the database.  Raises `NotFound`, `Gone` and `Unavailable`."""
        reference = sane(reference)
        with self._database.read() as connection:
            stored = rows.find(connection, reference, data)
            if data and stored is not None:
                self._check_answer(stored)
            if stored is None:
                raise missing(connection, reference)
            return stored

    def page(self, after: int, limit: int, prefix: str) -> Sequence[Stored]:
        """At most `limit` functions stored after the one of this number, whose names begin with `prefix`."""
        prefix = normal_name(prefix)
        if prefix and not is_name(prefix):
            return []
        with self._database.read() as connection:
            return rows.page(connection, after, limit, prefix)

    def models(self) -> list[str]:
        """The functions that are maps between vectors, by name or id."""
        with self._database.read() as connection:
            return rows.names(connection, self._settings.functions, models=True)

    def add(self, definition: Definition, name: str | None, signature: Signature) -> tuple[Stored, bool]:
        """The function, and whether it is new.  One that is there without a name takes that name.

        Raises `Conflict` for a name that another function has and for a second name, `LimitExceeded` where the store
        is full, and `Unavailable`.
        """
        id = content_id(definition)
        with self._database.write() as connection:
            known = rows.find(connection, id)
            if name is not None and (known is None or known.name != name):
                other = rows.find(connection, name)
                if other is not None:
                    raise Conflict(
                        f"Another function is called {name!r} already, {other.id}.",
                        hint="Choose another name, leave it out and use the id, or delete that function.",
                    )
                if known is not None and known.name is not None:
                    raise Conflict(
                        f"This function is stored already, and is called {known.name!r}.",
                        hint=f"Leave the name out, or send {known.name!r}.",
                    )
            if known is None:
                self._check_room(*rows.totals(connection), definition.bytes)
                rows.insert(connection, id, name, definition, signature)
            elif name is not None and known.name is None:
                rows.set_name(connection, known.number, name)
            stored = rows.find(connection, id)
        assert stored is not None
        return stored, known is None

    def remove(self, reference: str) -> None:
        """Delete the function with this id or name.  Raises `NotFound`, `Gone` and `Unavailable`."""
        reference = sane(reference)
        with self._database.write() as connection:
            stored = rows.find(connection, reference)
            if stored is None:
                raise missing(connection, reference)
            rows.remove(connection, stored)

    def _check_answer(self, stored: Stored) -> None:
        most, size = self._settings.answer_bytes, sum(array.nbytes for array in (stored.data or {}).values())
        if size * 4 // 3 > most:
            raise LimitExceeded(
                f"The data are {size:,} bytes, in base64 more than the {most:,} that one answer may have.",
                limit=Limit("answer_bytes", most, size * 4 // 3),
            )

    def _check_room(self, count: int, held: int, given: int) -> None:
        settings = self._settings
        if count >= settings.functions:
            raise LimitExceeded(
                f"{count:,} functions are stored, and there is room for {settings.functions:,}.",
                limit=Limit("functions", settings.functions, count + 1),
                hint="Delete some: DELETE /functions/{id}.",
            )
        if held + given > settings.store_bytes:
            raise LimitExceeded(
                f"The data of all functions would take {held + given:,} bytes; there is room for "
                f"{settings.store_bytes:,}.",
                limit=Limit("store_bytes", settings.store_bytes, held + given),
                hint="Delete some functions: DELETE /functions/{id}.",
            )


def sane(reference: str) -> str:
    """An id or a name, normalised; raises `NotFound` for what can be neither, and is never looked up."""
    reference = normal_name(reference)
    if not is_name(reference):
        raise _unknown(reference, [])
    return reference


def missing(connection: sa.Connection, reference: str) -> NotFound | Gone:
    """The refusal of a function that is not there."""
    if rows.was_deleted(connection, reference):
        return Gone(f"The function {reference} was deleted.", hint="Store it again: POST /functions.")
    near = []
    if not reference.startswith(PREFIX):
        near = difflib.get_close_matches(reference[:100], rows.names(connection, NEAR), 1)
    return _unknown(reference, near)


def _unknown(reference: str, near: list[str]) -> NotFound:
    shown = ascii(reference[:100])[1:-1] if not reference.isprintable() else reference[:100]
    return NotFound(f"There is no stored function {shown!r}.", hint=f"did you mean {near[0]}?" if near else None)
