"""Stored functions as rows of the database: what is read and written within one transaction."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa

from engine.question import Array
from service.functions.content import Definition, as_bytes, from_bytes
from service.functions.stored import Input, Output, Signature, Stored
from service.store.tables import counters, deleted_functions, function_data, functions

COUNTER = "functions"
REMEMBERED = 10_000
"""How many deleted functions are told from those that never were."""


def revision(connection: sa.Connection) -> int:
    """A number that grows with every deletion."""
    return int(connection.scalar(sa.select(counters.c.value).where(counters.c.name == COUNTER)) or 0)


def find(connection: sa.Connection, reference: str, data: bool = False) -> Stored | None:
    """The function with this id or name."""
    by = functions.c.id == reference, functions.c.name == reference
    row = connection.execute(sa.select(functions).where(sa.or_(*by))).first()
    if row is None:
        return None
    return _stored(row, _data(connection, row.number) if data else None)


def was_deleted(connection: sa.Connection, reference: str) -> bool:
    """Whether there was a function with this id."""
    return connection.scalar(sa.select(deleted_functions.c.id).where(deleted_functions.c.id == reference)) is not None


def names(connection: sa.Connection, most: int, models: bool = False) -> list[str]:
    """What functions are called, the oldest first: the name, or the id of one without; with `models`, those alone."""
    query = sa.select(sa.func.coalesce(functions.c.name, functions.c.id)).order_by(functions.c.number).limit(most)
    return list(connection.scalars(query.where(functions.c.model) if models else query))


def page(connection: sa.Connection, after: int, limit: int, prefix: str) -> Sequence[Stored]:
    """At most `limit` functions that were stored after the one of this number, the oldest first."""
    query = sa.select(functions).where(functions.c.number > after).order_by(functions.c.number).limit(limit)
    if prefix:
        query = query.where(sa.func.substr(functions.c.name, 1, len(prefix)) == prefix)
    return [_stored(row) for row in connection.execute(query)]


def totals(connection: sa.Connection) -> tuple[int, int]:
    """How many functions there are, and the bytes of their data."""
    row = connection.execute(sa.select(sa.func.count(), sa.func.coalesce(sa.func.sum(functions.c.bytes), 0))).one()
    return int(row[0]), int(row[1])


def insert(connection: sa.Connection, id: str, name: str | None, definition: Definition, signature: Signature) -> None:
    """Enter a function that is not there."""
    content = {
        "id": id,
        "name": name,
        "kind": definition.kind,
        "text": definition.text,
        "inputs": [[found.name, found.dtype, found.shape, found.source] for found in signature.inputs],
        "outputs": None if signature.outputs is None else [_output(o) for o in signature.outputs],
        "model": signature.model,
        "bytes": definition.bytes,
        "created": time.time_ns() // 1_000_000,
    }
    number = connection.scalar(sa.insert(functions).values(content).returning(functions.c.number))
    for key, array in definition.data.items():
        row = {"function": number, "name": key, "dtype": array.dtype.name, "shape": list(array.shape)}
        connection.execute(sa.insert(function_data).values(**row, content=as_bytes(array)))
    connection.execute(sa.delete(deleted_functions).where(deleted_functions.c.id == id))


def set_name(connection: sa.Connection, number: int, name: str) -> None:
    """Give a function a name."""
    connection.execute(sa.update(functions).where(functions.c.number == number).values(name=name))


def remove(connection: sa.Connection, stored: Stored) -> None:
    """Delete a function and its data, and note that it was there."""
    connection.execute(sa.delete(function_data).where(function_data.c.function == stored.number))
    connection.execute(sa.delete(functions).where(functions.c.number == stored.number))
    noted = sa.insert(deleted_functions).values(id=stored.id).returning(deleted_functions.c.number)
    oldest = connection.execute(noted).scalar_one() - REMEMBERED
    connection.execute(sa.delete(deleted_functions).where(deleted_functions.c.number <= oldest))
    connection.execute(sa.update(counters).where(counters.c.name == COUNTER).values(value=counters.c.value + 1))


def _data(connection: sa.Connection, number: int) -> dict[str, Array]:
    rows = connection.execute(sa.select(function_data).where(function_data.c.function == number))
    return {row.name: from_bytes(row.content, row.dtype, tuple(row.shape)) for row in rows}


def _stored(row: sa.Row[Any], data: dict[str, Array] | None = None) -> Stored:
    inputs = tuple(Input(name, dtype, _shape(shape), source) for name, dtype, shape, source in row.inputs)
    outputs = None
    if row.outputs is not None:
        outputs = tuple(Output(dtype, tuple(shape), *name) for dtype, shape, *name in row.outputs)
    signature = Signature(inputs, outputs, row.model)
    return Stored(row.number, row.id, row.name, row.kind, row.text, signature, row.created, data)


def _output(output: Output) -> list[Any]:
    """An output in the column of the outputs; one without a name has two entries, as all had before programs came."""
    return [output.dtype, output.shape] + ([] if output.name is None else [output.name])


def _shape(shape: list[int] | None) -> tuple[int, ...] | None:
    return None if shape is None else tuple(shape)
