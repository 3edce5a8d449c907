"""The twin of the database in memory: the same jobs, for tests of what is built on them."""

from __future__ import annotations

import copy
import time
from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from threading import RLock

from service.jobs.job import FINISHED, Job, State
from service.jobs.shelf import Chunk, Content, Pulse


@dataclass
class Rows:
    """Everything that is on the shelf."""

    jobs: dict[int, Job] = field(default_factory=dict)
    keys: dict[str, tuple[str, str]] = field(default_factory=dict)
    contents: dict[tuple[int, Content], bytes] = field(default_factory=dict)
    chunks: dict[int, list[Chunk]] = field(default_factory=dict)
    deleted: set[str] = field(default_factory=set)
    last: int = 0


class MemoryShelf:
    """A `Shelf` that one process has for itself; `clock` gives milliseconds."""

    def __init__(self, clock: Callable[[], int] = lambda: time.time_ns() // 1_000_000) -> None:
        self._rows, self._lock, self._clock = Rows(), RLock(), clock

    @contextmanager
    def read(self) -> Iterator[MemoryTransaction]:
        """A transaction that reads."""
        with self._lock:
            yield MemoryTransaction(self._rows, self._clock)

    @contextmanager
    def write(self) -> Iterator[MemoryTransaction]:
        """A transaction that writes; undone when its block raises."""
        with self._lock:
            # Jobs, chunks and contents are never changed, so that a copy of the dictionaries is enough.
            before = Rows(*(copy.copy(value) for value in vars(self._rows).values()))
            before.chunks = {number: list(chunks) for number, chunks in self._rows.chunks.items()}
            try:
                yield MemoryTransaction(self._rows, self._clock)
            except BaseException:
                self._rows = before
                raise


class MemoryTransaction:
    """A `Transaction` on rows in memory."""

    def __init__(self, rows: Rows, clock: Callable[[], int]) -> None:
        self._rows, self.now = rows, clock

    def insert(self, job: Job, key: str | None, digest: str) -> Job:
        rows = self._rows
        rows.last += 1
        job = replace(job, number=rows.last)
        rows.jobs[job.number] = job
        if key is not None:
            rows.keys[key] = (job.id, digest)
        return job

    def save(self, job: Job) -> None:
        self._rows.jobs[job.number] = job

    def find(self, id: str) -> Job | None:
        return next((job for job in self._rows.jobs.values() if job.id == id), None)

    def by_key(self, key: str) -> tuple[str, str] | None:
        return self._rows.keys.get(key)

    def was_deleted(self, id: str) -> bool:
        return id in self._rows.deleted

    def next_queued(self) -> Job | None:
        return min(self._of("queued"), key=lambda job: job.number, default=None)

    def overdue(self, now: int) -> Sequence[Job]:
        return [job for job in self._of("running") if job.lease < now]

    def count(self, *states: State) -> int:
        return len(self._of(*states)) if states else len(self._rows.jobs)

    def waiting_before(self, job: Job) -> int:
        return sum(other.number < job.number for other in self._of("queued"))

    def page(self, state: State | None, before: int | None, limit: int) -> Sequence[Job]:
        found = [
            job
            for job in self._rows.jobs.values()
            if (state is None or job.state == state) and (before is None or job.number < before)
        ]
        return sorted(found, key=lambda job: -job.number)[:limit]

    def finished(self, before: int | None, limit: int) -> Sequence[Job]:
        found = [job for job in self._of(*FINISHED) if before is None or (job.finished or 0) < before]
        return sorted(found, key=lambda job: (job.finished or 0, job.number))[:limit]

    def pulses(self, ids: Iterable[str]) -> Mapping[str, Pulse]:
        wanted = set(ids)
        found = [job for job in self._rows.jobs.values() if job.id in wanted]
        return {job.id: Pulse(job.state, job.progress.rows, job.revision) for job in found}

    def content(self, number: int, kind: Content) -> bytes | None:
        return self._rows.contents.get((number, kind))

    def put(self, number: int, kind: Content, content: bytes | None) -> None:
        if content is None:
            self._rows.contents.pop((number, kind), None)
        else:
            self._rows.contents[number, kind] = content

    def append(self, number: int, chunk: Chunk) -> None:
        chunks = self._rows.chunks.setdefault(number, [])
        end = chunks[-1].first + chunks[-1].length if chunks else 0
        assert chunk.first == end, f"the history has {end} rows, and the next ones begin at {chunk.first}"
        chunks.append(chunk)

    def chunk(self, number: int, index: int) -> Chunk | None:
        chunks = self._rows.chunks.get(number, [])
        place = bisect_right([chunk.first for chunk in chunks], index) - 1
        if place < 0 or index >= chunks[place].first + chunks[place].length:
            return None
        return chunks[place]

    def bytes(self) -> int:
        held = sum(map(len, self._rows.contents.values()))
        return held + sum(len(chunk.content) for chunks in self._rows.chunks.values() for chunk in chunks)

    def delete(self, job: Job) -> None:
        rows = self._rows
        del rows.jobs[job.number]
        rows.chunks.pop(job.number, None)
        rows.contents = {place: content for place, content in rows.contents.items() if place[0] != job.number}
        rows.keys = {key: found for key, found in rows.keys.items() if found[0] != job.id}
        rows.deleted.add(job.id)

    def _of(self, *states: State) -> list[Job]:
        return [job for job in self._rows.jobs.values() if job.state in states]
