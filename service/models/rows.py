"""Stored models as rows of the database: what is read and written within one transaction."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from service.models.stored import Version
from service.store.tables import deleted_models, model_versions, models

REMEMBERED = 10_000
"""How many deleted models are told from those that never were."""


@dataclass(frozen=True, slots=True)
class Row:
    """A model as its row has it; `definition` is JSON, `latest` the number of its newest version."""

    number: int
    id: str
    name: str | None
    definition: str
    estimate: Mapping[str, Any]
    created: int
    latest: int


_LATEST = (
    sa.select(sa.func.coalesce(sa.func.max(model_versions.c.version), 0))
    .where(model_versions.c.model == models.c.number)
    .scalar_subquery()
)
_TOLD = (
    model_versions.c.version,
    model_versions.c.created,
    model_versions.c.job,
    model_versions.c.summary,
    model_versions.c.digest,
)


def find(connection: sa.Connection, reference: str) -> Row | None:
    """The model with this id or name."""
    by = sa.or_(models.c.id == reference, models.c.name == reference)
    row = connection.execute(sa.select(models, _LATEST.label("latest")).where(by)).first()
    return None if row is None else Row(*row)


def was_deleted(connection: sa.Connection, reference: str) -> bool:
    """Whether there was a model with this id."""
    return connection.scalar(sa.select(deleted_models.c.id).where(deleted_models.c.id == reference)) is not None


def names(connection: sa.Connection, most: int) -> list[str]:
    """What models are called, the oldest first."""
    query = sa.select(models.c.name).where(models.c.name.is_not(None)).order_by(models.c.number).limit(most)
    return [name for name in connection.scalars(query) if name is not None]


def page(connection: sa.Connection, after: int, limit: int, prefix: str) -> Sequence[Row]:
    """At most `limit` models that were stored after the one of this number, the oldest first."""
    query = sa.select(models, _LATEST.label("latest")).where(models.c.number > after)
    query = query.order_by(models.c.number).limit(limit)
    if prefix:
        query = query.where(sa.func.substr(models.c.name, 1, len(prefix)) == prefix)
    return [Row(*row) for row in connection.execute(query)]


def count(connection: sa.Connection) -> int:
    """How many models there are."""
    return int(connection.scalar(sa.select(sa.func.count()).select_from(models)) or 0)


def held(connection: sa.Connection) -> int:
    """The bytes of all versions together."""
    return int(connection.scalar(sa.select(sa.func.coalesce(sa.func.sum(model_versions.c.bytes), 0))) or 0)


def insert(connection: sa.Connection, id: str, name: str | None, definition: str, estimate: Mapping[str, Any]) -> None:
    """Enter a model that is not there."""
    content = {"id": id, "name": name, "definition": definition, "estimate": dict(estimate), "created": _now()}
    connection.execute(sa.insert(models).values(content))
    connection.execute(sa.delete(deleted_models).where(deleted_models.c.id == id))


def set_name(connection: sa.Connection, number: int, name: str) -> None:
    """Give a model a name."""
    connection.execute(sa.update(models).where(models.c.number == number).values(name=name))


def remove(connection: sa.Connection, found: Row) -> None:
    """Delete a model with all versions, and note that it was there."""
    connection.execute(sa.delete(model_versions).where(model_versions.c.model == found.number))
    connection.execute(sa.delete(models).where(models.c.number == found.number))
    noted = sa.insert(deleted_models).values(id=found.id).returning(deleted_models.c.number)
    oldest = connection.execute(noted).scalar_one() - REMEMBERED
    connection.execute(sa.delete(deleted_models).where(deleted_models.c.number <= oldest))


def versions(connection: sa.Connection, number: int, after: int, limit: int) -> list[Version]:
    """At most `limit` versions of a model after the one of this number, without their parameters."""
    query = sa.select(*_TOLD).where(model_versions.c.model == number, model_versions.c.version > after)
    return [Version(*row) for row in connection.execute(query.order_by(model_versions.c.version).limit(limit))]


def version(connection: sa.Connection, number: int, wanted: int) -> Version | None:
    """One version of a model, without its parameters."""
    query = sa.select(*_TOLD).where(model_versions.c.model == number, model_versions.c.version == wanted)
    row = connection.execute(query).first()
    return None if row is None else Version(*row)


def of_job(connection: sa.Connection, number: int, job: str) -> tuple[int, int] | None:
    """The number of the version that a job has made of a model, and its bytes."""
    query = sa.select(model_versions.c.version, model_versions.c.bytes)
    row = connection.execute(query.where(model_versions.c.model == number, model_versions.c.job == job)).first()
    return None if row is None else (int(row[0]), int(row[1]))


def content(connection: sa.Connection, number: int, wanted: int) -> bytes | None:
    """The parameters of a version as they are stored."""
    query = sa.select(model_versions.c.content)
    found = connection.scalar(query.where(model_versions.c.model == number, model_versions.c.version == wanted))
    return None if found is None else bytes(found)


def put(
    connection: sa.Connection,
    number: int,
    wanted: int,
    content: bytes,
    job: str | None,
    summary: Mapping[str, Any],
    new: bool,
) -> None:
    """Enter a version of a model, or put another content into one that is there."""
    row = {
        "created": _now(),
        "job": job,
        "bytes": len(content),
        "digest": hashlib.sha256(content).hexdigest(),
        "summary": dict(summary),
        "content": content,
    }
    if new:
        connection.execute(sa.insert(model_versions).values(model=number, version=wanted, **row))
    else:
        own = model_versions.c.model == number, model_versions.c.version == wanted
        connection.execute(sa.update(model_versions).where(*own).values(**row))


def _now() -> int:
    return time.time_ns() // 1_000_000
