"""Datasets as rows of the database: what is read and written within one transaction."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa

from service.datasets.stored import Described, Stored
from service.datasets.table import Table
from service.serialise import json_bytes
from service.store.tables import counters, datasets, deleted_datasets

COUNTER = "dataset_folder"
"""The row of the counters with the number that the folder of this database is called by."""
REMEMBERED = 10_000
"""How many deleted datasets are told from those that never were."""


def folder(connection: sa.Connection) -> int:
    """The number of the folder that this database has its files in."""
    return int(connection.execute(sa.select(counters.c.value).where(counters.c.name == COUNTER)).scalar_one())


def find(connection: sa.Connection, reference: str) -> Stored | None:
    """The dataset with this id or name."""
    by = datasets.c.id == reference, datasets.c.name == reference
    row = connection.execute(sa.select(datasets).where(sa.or_(*by))).first()
    return None if row is None else _stored(row)


def ids(connection: sa.Connection) -> set[str]:
    """The ids of all datasets."""
    return set(connection.scalars(sa.select(datasets.c.id)))


def was_deleted(connection: sa.Connection, reference: str) -> bool:
    """Whether there was a dataset with this id."""
    return connection.scalar(sa.select(deleted_datasets.c.id).where(deleted_datasets.c.id == reference)) is not None


def names(connection: sa.Connection, most: int) -> list[str]:
    """What datasets with a name are called, the oldest first."""
    named = sa.select(datasets.c.name).where(datasets.c.name.is_not(None))
    return [str(name) for name in connection.scalars(named.order_by(datasets.c.number).limit(most))]


def page(connection: sa.Connection, after: int, limit: int, prefix: str) -> Sequence[Stored]:
    """At most `limit` datasets that were stored after the one of this number, the oldest first, without columns."""
    known = [column for column in datasets.c if column is not datasets.c.columns]
    query = sa.select(*known).where(datasets.c.number > after).order_by(datasets.c.number).limit(limit)
    if prefix:
        query = query.where(sa.func.substr(datasets.c.name, 1, len(prefix)) == prefix)
    return [Stored(r.number, r.id, r.name, r.rows, r.bytes, (), r.created) for r in connection.execute(query)]


def totals(connection: sa.Connection) -> tuple[int, int]:
    """How many datasets there are, and the bytes of their arrays."""
    row = connection.execute(sa.select(sa.func.count(), sa.func.coalesce(sa.func.sum(datasets.c.bytes), 0))).one()
    return int(row[0]), int(row[1])


def insert(connection: sa.Connection, id: str, name: str | None, table: Table, described: Sequence[Described]) -> None:
    """Enter a dataset that is not there."""
    # As text: not every database takes the numbers that are not finite, and none has to look into this.
    columns = [
        [column.name, column.header, column.dtype, column.shape, column.statistics, column.labels]
        for column in described
    ]
    content = {
        "id": id,
        "name": name,
        "rows": table.rows,
        "bytes": table.bytes,
        "columns": json_bytes(columns).decode(),
        "created": time.time_ns() // 1_000_000,
    }
    connection.execute(sa.insert(datasets).values(content))
    connection.execute(sa.delete(deleted_datasets).where(deleted_datasets.c.id == id))


def set_name(connection: sa.Connection, number: int, name: str) -> None:
    """Give a dataset a name."""
    connection.execute(sa.update(datasets).where(datasets.c.number == number).values(name=name))


def remove(connection: sa.Connection, stored: Stored) -> None:
    """Delete a dataset, and note that it was there."""
    connection.execute(sa.delete(datasets).where(datasets.c.number == stored.number))
    noted = sa.insert(deleted_datasets).values(id=stored.id).returning(deleted_datasets.c.number)
    oldest = connection.execute(noted).scalar_one() - REMEMBERED
    connection.execute(sa.delete(deleted_datasets).where(deleted_datasets.c.number <= oldest))


def _stored(row: sa.Row[Any]) -> Stored:
    columns = tuple(
        Described(name, header, dtype, tuple(shape), statistics, None if labels is None else tuple(labels))
        for name, header, dtype, shape, statistics, labels in json.loads(row.columns)
    )
    return Stored(row.number, row.id, row.name, row.rows, row.bytes, columns, row.created)
