"""Jobs as rows of the database."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from typing import Any

import sqlalchemy as sa

from service.jobs.job import FINISHED, Entry, Job, Progress, State
from service.jobs.shelf import Chunk, Content, Pulse
from service.store.database import Database
from service.store.tables import deleted_jobs, job_contents, job_history, jobs

REMEMBERED = 10_000
"""How many deleted jobs are told from those that never were."""
_COLUMNS = ("id", "state", "created", "finished", "attempts", "lease", "cancelling", "revision")


class DatabaseShelf:
    """A `Shelf` in a database, which any number of processes share."""

    def __init__(self, database: Database) -> None:
        self._database = database

    @contextmanager
    def read(self) -> Iterator[DatabaseTransaction]:
        """A transaction that reads.  Raises `Unavailable`."""
        with self._database.read() as connection:
            yield DatabaseTransaction(connection)

    @contextmanager
    def write(self) -> Iterator[DatabaseTransaction]:
        """A transaction that writes.  Raises `Unavailable`."""
        with self._database.write() as connection:
            yield DatabaseTransaction(connection)


class DatabaseTransaction:
    """A `Transaction` on one connection."""

    def __init__(self, connection: sa.Connection) -> None:
        self._connection = connection

    def now(self) -> int:
        if self._connection.dialect.name == "postgresql":
            # Several machines may share the database, and their clocks differ.
            seconds = self._connection.scalar(sa.text("SELECT extract(epoch FROM clock_timestamp())"))
            return int(1000 * float(seconds or 0))
        return time.time_ns() // 1_000_000

    def insert(self, job: Job, key: str | None, digest: str) -> Job:
        values = {**_row(job), "key": key, "digest": digest, "bytes": 0}
        number = self._connection.scalar(sa.insert(jobs).values(values).returning(jobs.c.number))
        assert number is not None
        found = self._one(jobs.c.number == number)
        assert found is not None
        return found

    def save(self, job: Job) -> None:
        self._connection.execute(sa.update(jobs).where(jobs.c.number == job.number).values(_row(job)))

    def find(self, id: str) -> Job | None:
        return self._one(jobs.c.id == id)

    def by_key(self, key: str) -> tuple[str, str] | None:
        row = self._connection.execute(sa.select(jobs.c.id, jobs.c.digest).where(jobs.c.key == key)).first()
        return None if row is None else (row.id, row.digest)

    def was_deleted(self, id: str) -> bool:
        return self._connection.scalar(sa.select(deleted_jobs.c.id).where(deleted_jobs.c.id == id)) is not None

    def next_queued(self) -> Job | None:
        return self._one(jobs.c.state == "queued")

    def overdue(self, now: int) -> Sequence[Job]:
        query = sa.select(jobs).where(jobs.c.state == "running", jobs.c.lease < now).order_by(jobs.c.number)
        return [_job(row) for row in self._connection.execute(query)]

    def count(self, *states: State) -> int:
        query = sa.select(sa.func.count()).select_from(jobs)
        return int(self._connection.scalar(query.where(jobs.c.state.in_(states)) if states else query) or 0)

    def waiting_before(self, job: Job) -> int:
        query = sa.select(sa.func.count()).select_from(jobs)
        return int(self._connection.scalar(query.where(jobs.c.state == "queued", jobs.c.number < job.number)) or 0)

    def page(self, state: State | None, before: int | None, limit: int) -> Sequence[Job]:
        query = sa.select(jobs).order_by(jobs.c.number.desc()).limit(limit)
        if state is not None:
            query = query.where(jobs.c.state == state)
        if before is not None:
            query = query.where(jobs.c.number < before)
        return [_job(row) for row in self._connection.execute(query)]

    def finished(self, before: int | None, limit: int) -> Sequence[Job]:
        query = sa.select(jobs).where(jobs.c.state.in_(FINISHED)).order_by(jobs.c.finished, jobs.c.number).limit(limit)
        if before is not None:
            query = query.where(jobs.c.finished < before)
        return [_job(row) for row in self._connection.execute(query)]

    def pulses(self, ids: Iterable[str]) -> Mapping[str, Pulse]:
        query = sa.select(jobs.c.id, jobs.c.state, jobs.c.rows, jobs.c.revision).where(jobs.c.id.in_(list(ids)))
        return {row.id: Pulse(row.state, row[2], row.revision) for row in self._connection.execute(query)}

    def content(self, number: int, kind: Content) -> bytes | None:
        query = sa.select(job_contents.c.content)
        found = self._connection.scalar(query.where(job_contents.c.job == number, job_contents.c.kind == kind))
        return None if found is None else bytes(found)

    def put(self, number: int, kind: Content, content: bytes | None) -> None:
        place = job_contents.c.job == number, job_contents.c.kind == kind
        before = self._connection.scalar(sa.select(sa.func.length(job_contents.c.content)).where(*place))
        if content is None:
            self._connection.execute(sa.delete(job_contents).where(*place))
        elif before is None:
            self._connection.execute(sa.insert(job_contents).values(job=number, kind=kind, content=content))
        else:
            self._connection.execute(sa.update(job_contents).where(*place).values(content=content))
        self._grow(number, len(content or b"") - (before or 0))

    def append(self, number: int, chunk: Chunk) -> None:
        query = sa.select(job_history.c.first + job_history.c["count"]).where(job_history.c.job == number)
        end = self._connection.scalar(query.order_by(job_history.c.first.desc()).limit(1)) or 0
        assert chunk.first == end, f"the history has {end} rows, and the next ones begin at {chunk.first}"
        row = {"job": number, "first": chunk.first, "count": chunk.length, "content": chunk.content}
        self._connection.execute(sa.insert(job_history).values(row))
        self._grow(number, len(chunk.content))

    def _grow(self, number: int, size: int) -> None:
        if size:
            grown = sa.update(jobs).where(jobs.c.number == number).values(bytes=jobs.c.bytes + size)
            self._connection.execute(grown)

    def chunk(self, number: int, index: int) -> Chunk | None:
        query = sa.select(job_history.c.first, job_history.c["count"], job_history.c.content)
        query = query.where(job_history.c.job == number, job_history.c.first <= index)
        row = self._connection.execute(query.order_by(job_history.c.first.desc()).limit(1)).first()
        if row is None or index >= row[0] + row[1]:
            return None
        return Chunk(row[0], row[1], bytes(row[2]))

    def bytes(self) -> int:
        return int(self._connection.scalar(sa.select(sa.func.coalesce(sa.func.sum(jobs.c.bytes), 0))) or 0)

    def delete(self, job: Job) -> None:
        for table in (job_history, job_contents):
            self._connection.execute(sa.delete(table).where(table.c.job == job.number))
        self._connection.execute(sa.delete(jobs).where(jobs.c.number == job.number))
        noted = sa.insert(deleted_jobs).values(id=job.id).returning(deleted_jobs.c.number)
        oldest = self._connection.execute(noted).scalar_one() - REMEMBERED
        self._connection.execute(sa.delete(deleted_jobs).where(deleted_jobs.c.number <= oldest))

    def _one(self, condition: sa.ColumnElement[bool]) -> Job | None:
        query = sa.select(jobs).where(condition).order_by(jobs.c.number).limit(1)
        row = self._connection.execute(query).first()
        return None if row is None else _job(row)


def _row(job: Job) -> dict[str, Any]:
    content = asdict(job)
    columns = {name: content.pop(name) for name in _COLUMNS}
    del content["number"]
    return {**columns, "rows": job.progress.rows, "rest": json.dumps(content)}


def _job(row: sa.Row[Any]) -> Job:
    found = row._mapping
    rest = json.loads(found["rest"])
    progress = rest["progress"]
    rest["progress"] = Progress(**progress | {"remarks": tuple(progress["remarks"])})
    rest["story"] = tuple(Entry(*entry) for entry in rest["story"])
    return Job(number=found["number"], **{name: found[name] for name in _COLUMNS}, **rest)
