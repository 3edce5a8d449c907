"""The models in the database: stored, told, listed, deleted, and their versions."""

from __future__ import annotations

import difflib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

import sqlalchemy as sa

from engine.cache import Cache
from engine.errors import Limit, LimitExceeded
from engine.limits import Limits
from engine.models.estimate import Estimate
from engine.models.lower import Wanted, program
from engine.models.model import Model
from engine.models.read import read_model
from engine.question import Array
from engine.source.parse import normal_name
from service.errors import Conflict, Gone, NotFound
from service.functions.content import is_name
from service.models import rows
from service.models.content import PREFIX, as_safetensors, canonical, content_id, of_safetensors
from service.models.stored import StoredModel, Version
from service.serialise import json_bytes
from service.settings import Settings
from service.store.database import Database

NEAR = 1000
"""How many names are looked through for a near one."""
KEPT = 1024
"""Most models, and most versions of parameters, in memory, whatever their size."""
AS_STORED = Limits(source_chars=2**40, name_chars=2**20, array_bytes=2**60, run_bytes=2**60)
"""What was stored within other limits is still there when these have become smaller."""
_MODEL_BYTES = 20_000
"""What a definition that was read takes in memory, about, for each layer."""


class Models:
    """The stored models, each call one transaction.  Thread-safe; every method may wait for the database.

    Definitions that were read, and parameters, are kept in memory; what there is and what its newest version is are
    looked up every time, so that a version is found by all processes as soon as one has stored it.
    """

    def __init__(self, settings: Settings, database: Database) -> None:
        self._settings, self._database = settings, database
        self._models: Cache[Model] = Cache(KEPT, settings.model_cache_bytes)
        self._texts: Cache[str] = Cache(4 * KEPT, settings.model_cache_bytes)
        self._parameters: Cache[dict[str, Array]] = Cache(KEPT, settings.model_cache_bytes)

    def get(self, reference: str) -> StoredModel:
        """The model with this id or name.  Raises `NotFound`, `Gone` and `Unavailable`."""
        reference = _sane(reference)
        with self._database.read() as connection:
            row = _found(connection, reference)
        return self._stored(row)

    def page(self, after: int, limit: int, prefix: str) -> Sequence[StoredModel]:
        """At most `limit` models stored after the one of this number, whose names begin with `prefix`."""
        prefix = normal_name(prefix)
        if prefix and not is_name(prefix):
            return []
        with self._database.read() as connection:
            found = rows.page(connection, after, limit, prefix)
        return [self._stored(row) for row in found]

    def add(self, model: Model, name: str | None, estimate: Estimate) -> tuple[StoredModel, bool]:
        """The model, and whether it is new.  One that is there without a name takes that name.

        Raises `Conflict` for a name that another model has and for a second name, `LimitExceeded` where the store is
        full, and `Unavailable`.
        """
        text = canonical(model.definition)
        id = content_id(text)
        with self._database.write() as connection:
            known = rows.find(connection, id)
            if name is not None and (known is None or known.name != name):
                _check_name(connection, name, known)
            if known is None:
                self._check_room(rows.count(connection))
                rows.insert(connection, id, name, text, asdict(estimate))
            elif name is not None and known.name is None:
                rows.set_name(connection, known.number, name)
            row = rows.find(connection, id)
        assert row is not None
        return self._stored(row), known is None

    def remove(self, reference: str) -> None:
        """Delete the model with this id or name and all its versions.  Raises `NotFound`, `Gone`, `Unavailable`."""
        reference = _sane(reference)
        with self._database.write() as connection:
            rows.remove(connection, _found(connection, reference))

    def versions(self, reference: str, after: int, limit: int) -> tuple[StoredModel, list[Version]]:
        """The model, and at most `limit` of its versions after the one of this number; −1 is before all."""
        reference = _sane(reference)
        with self._database.read() as connection:
            row = _found(connection, reference)
            first = [_initial(row)] if after < 0 else []
            found = rows.versions(connection, row.number, max(after, 0), limit - len(first))
        return self._stored(row), [*first, *found][:limit]

    def version(self, reference: str, version: int | None = None) -> tuple[StoredModel, Version]:
        """The model and one of its versions, the newest unless told.  Raises `NotFound`, `Gone`, `Unavailable`."""
        reference = _sane(reference)
        with self._database.read() as connection:
            row, found = _version(connection, reference, version)
        return self._stored(row), found

    def parameters(self, reference: str, version: int | None = None) -> dict[str, Array]:
        """The parameters of a version by name, of the newest unless told.

        Raises `NotFound`, `Gone` and `Unavailable`.
        """
        return self.opened(reference, version)[2]

    def opened(self, reference: str, version: int | None = None) -> tuple[StoredModel, Version, dict[str, Array]]:
        """A model, one of its versions, and the parameters of that, which nobody may change."""
        reference = _sane(reference)
        content = None
        with self._database.read() as connection:
            row, found = _version(connection, reference, version)
            known = self._parameters.get((row.id, found.version, found.digest))
            if known is None and found.version:
                content = rows.content(connection, row.number, found.version)
        stored = self._stored(row)
        if known is None:
            kept = stored.model.initial() if content is None else of_safetensors(content)
            known = {parameter.name: kept[parameter.name] for parameter in stored.model.parameters}
            for array in known.values():
                array.flags.writeable = False
            weight = sum(array.nbytes for array in known.values()) + 1000
            self._parameters.put((row.id, found.version, found.digest), known, weight)
        return stored, found, dict(known)

    def add_version(
        self, reference: str, parameters: Mapping[str, Array], job: str | None, summary: Mapping[str, Any]
    ) -> int:
        """Store parameters as a new version and give its number.

        A job has one version: what it stores again takes the place of what it stored before, under the same number.
        Raises `NotFound`, `Gone`, `LimitExceeded` where there is no room, and `Unavailable`.
        """
        reference = _sane(reference)
        content = as_safetensors(parameters)
        with self._database.write() as connection:
            row = _found(connection, reference)
            before = None if job is None else rows.of_job(connection, row.number, job)
            number, freed = before or (row.latest + 1, 0)
            self._check_version(number, rows.held(connection) - freed + len(content))
            # What is not finite has no place in JSON.
            told = json.loads(json_bytes(summary))
            rows.put(connection, row.number, number, content, job, told, new=before is None)
        return number

    def text(self, stored: StoredModel, wanted: Wanted, training: bool = False) -> str:
        """The program of a model; see `engine.models.lower`."""
        key = (stored.id, wanted, training)
        text = self._texts.get(key)
        if text is None:
            text = program(stored.model, wanted, training)
            self._texts.put(key, text, len(text))
        return text

    def _stored(self, row: rows.Row) -> StoredModel:
        model = self._models.get(row.id)
        if model is None:
            model = read_model(json.loads(row.definition), AS_STORED)
            self._models.put(row.id, model, _MODEL_BYTES * len(model.layers))
        estimate = Estimate(**row.estimate)
        return StoredModel(row.number, row.id, row.name, model.definition, model, estimate, row.created, row.latest)

    def _check_room(self, count: int) -> None:
        if count >= self._settings.models:
            raise LimitExceeded(
                f"{count:,} models are stored, and there is room for {self._settings.models:,}.",
                limit=Limit("models", self._settings.models, count + 1),
                hint="Delete some: DELETE /models/{id}.",
            )

    def _check_version(self, number: int, held: int) -> None:
        settings = self._settings
        if number > settings.model_versions:
            raise LimitExceeded(
                f"This model has {number - 1:,} versions beside the initial one, as many as one may have.",
                limit=Limit("model_versions", settings.model_versions, number),
                hint="Delete it and store it again; its id stays the same.",
            )
        if held > settings.model_bytes:
            raise LimitExceeded(
                f"The parameters of all models would take {held:,} bytes; there is room for {settings.model_bytes:,}.",
                limit=Limit("model_bytes", settings.model_bytes, held),
                hint="Delete some models: DELETE /models/{id}.",
            )


def _initial(row: rows.Row) -> Version:
    return Version(0, row.created, None, {})


def _version(connection: sa.Connection, reference: str, version: int | None) -> tuple[rows.Row, Version]:
    row = _found(connection, reference)
    number = row.latest if version is None else version
    found = None
    if 0 < number <= row.latest:
        found = rows.version(connection, row.number, number)
    elif number == 0:
        found = _initial(row)
    if found is None:
        raise NotFound(f"The model {row.name or row.id} has no version {number}; the newest is {row.latest}.")
    return row, found


def _check_name(connection: sa.Connection, name: str, known: rows.Row | None) -> None:
    other = rows.find(connection, name)
    if other is not None:
        raise Conflict(
            f"Another model is called {name!r} already, {other.id}.",
            hint="Choose another name, leave it out and use the id, or delete that model.",
        )
    if known is not None and known.name is not None:
        raise Conflict(
            f"This model is stored already, and is called {known.name!r}.",
            hint=f"Leave the name out, or send {known.name!r}.",
        )


def _sane(reference: str) -> str:
    """An id or a name, normalised; raises `NotFound` for what can be neither, and is never looked up."""
    reference = normal_name(reference)
    if not reference or not is_name(reference):
        raise _unknown(reference, [])
    return reference


def _found(connection: sa.Connection, reference: str) -> rows.Row:
    row = rows.find(connection, reference)
    if row is not None:
        return row
    if rows.was_deleted(connection, reference):
        raise Gone(f"The model {reference} was deleted.", hint="Store it again: POST /models.")
    near = []
    if not reference.startswith(PREFIX):
        near = difflib.get_close_matches(reference[:100], rows.names(connection, NEAR), 1)
    raise _unknown(reference, near)


def _unknown(reference: str, near: list[str]) -> NotFound:
    shown = ascii(reference[:100])[1:-1] if not reference.isprintable() else reference[:100]
    return NotFound(f"There is no stored model {shown!r}.", hint=f"did you mean {near[0]}?" if near else None)
