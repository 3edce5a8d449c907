"""Watching jobs: however many clients watch, one look at the store serves them all, and rows are written out once."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import TypeVar

from service.errors import Gone, NotFound, ServiceError, Unavailable
from service.jobs.job import FINISHED, Job
from service.jobs.jobs import Jobs
from service.jobs.shelf import Pulse
from service.jobs.telling import Told, row_bytes, state_event

T = TypeVar("T")

BATCH, BATCH_BYTES = 1000, 2**19
"""Rows that are sent at once, as many as fit."""
KEPT = 64
"""Batches that are kept for other watchers."""
RETRY_SECONDS = 0.5
"""How long a stream waits for a store that is away, before it asks again."""
ALIVE_SECONDS = 15.0
"""A comment is sent when nothing happened for so long: proxies close connections on which nothing moves."""


@dataclass(eq=False)
class Watched:
    """A job that somebody watches.

    `pulse` is None before the first look, and when the job is gone; `job` belongs to it, read when it is asked for.
    """

    watchers: int = 0
    pulse: Pulse | None = None
    job: asyncio.Task[Job] | None = None
    changed: asyncio.Event = field(default_factory=asyncio.Event)


class Feed:
    """Tells of jobs while they are watched.  For one event loop; `nudge` may be called from any thread."""

    def __init__(self, jobs: Jobs, seconds: float) -> None:
        self._jobs, self._seconds = jobs, seconds
        self._watched: dict[str, Watched] = {}
        self._batches: OrderedDict[tuple[str, int], asyncio.Task[tuple[bytes, int]]] = OrderedDict()
        self._task: asyncio.Task[None] | None = None
        self._nudged: asyncio.Event | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._closed = False

    @property
    def watchers(self) -> int:
        """How many watch."""
        return sum(watched.watchers for watched in self._watched.values())

    def open(self) -> None:
        """Begin, on the loop that runs."""
        self._loop, self._nudged, self._closed = asyncio.get_running_loop(), asyncio.Event(), False

    def close(self) -> None:
        """End all watching; also from a handler of signals."""
        self._closed = True
        for watched in self._watched.values():
            watched.changed.set()

    def nudge(self) -> None:
        """Have a look at once: something has happened."""
        if self._loop is not None and self._nudged is not None:
            with suppress(RuntimeError):
                self._loop.call_soon_threadsafe(self._nudged.set)

    async def ended(self, id: str, seconds: float) -> bool:
        """Whether a job has ended, as soon as it has, or after `seconds`."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + seconds
        async with self._watching(id) as watched:
            while True:
                changed, pulse = watched.changed, watched.pulse
                if pulse is None or pulse.state in FINISHED:
                    return pulse is not None
                left = deadline - loop.time()
                if left <= 0 or self._closed:
                    return False
                await _set(changed, left)

    async def events(self, id: str, after: int) -> AsyncIterator[bytes]:
        """The rows from index `after` + 1 on and the states of a job, until it has ended; as server-sent events.

        A state that is not final comes before the rows that follow it, the final one after all rows.
        """
        told: tuple[str, int] | None = None
        # There is nothing more to tell of a job that is deleted meanwhile, or whose store went before the server.
        with suppress(NotFound, Gone, Unavailable):
            async with self._watching(id) as watched:
                while not self._closed:
                    changed, pulse = watched.changed, watched.pulse
                    if pulse is None:
                        return
                    job = await self._job(id, watched)
                    if not job.ended and told != (job.state, job.attempts):
                        told = (job.state, job.attempts)
                        yield state_event(job)
                    while after + 1 < job.progress.rows and not self._closed:
                        text, after = await self._batch(id, after)
                        yield text
                    if job.ended:
                        yield state_event(job)
                        return
                    while not await _set(changed, ALIVE_SECONDS):
                        yield b": alive\n\n"

    @asynccontextmanager
    async def _watching(self, id: str) -> AsyncIterator[Watched]:
        watched = self._watched.setdefault(id, Watched())
        watched.watchers += 1
        try:
            if watched.pulse is None:
                found = (await asyncio.to_thread(self._jobs.pulses, [id])).get(id)
                if watched.pulse is None:
                    # Otherwise somebody was faster, and waits for what is newer than he has seen.
                    watched.pulse = found
            if self._task is None:
                self._task = asyncio.create_task(self._look())
            yield watched
        finally:
            watched.watchers -= 1
            if not watched.watchers:
                self._watched.pop(id, None)

    async def _look(self) -> None:
        """Look at all jobs that are watched, now and then, as long as there are any."""
        assert self._nudged is not None
        try:
            while self._watched and not self._closed:
                await _set(self._nudged, self._seconds)
                self._nudged.clear()
                ids = list(self._watched)
                with suppress(Unavailable):
                    pulses = await asyncio.to_thread(self._jobs.pulses, ids)
                    for id in ids:
                        watched = self._watched.get(id)
                        if watched is not None and watched.pulse != pulses.get(id):
                            watched.pulse, watched.job = pulses.get(id), None
                            watched.changed.set()
                            watched.changed = asyncio.Event()
        finally:
            self._task = None

    async def _job(self, id: str, watched: Watched) -> Job:
        """The job as of the last look, or newer; read once for all who watch it."""
        if watched.job is None:
            watched.job = asyncio.create_task(self._read(lambda: self._jobs.get(id)))
        return await asyncio.shield(watched.job)

    async def _batch(self, id: str, after: int) -> tuple[bytes, int]:
        """Rows after an index, written out, and the index of the last of them; made once for all who want them."""

        def written() -> tuple[bytes, int]:
            job, history = self._jobs.history(id, after, BATCH)
            assert len(history), "rows that are counted are there"
            part = history.part(after + 1, max(1, BATCH_BYTES // row_bytes(job)))
            return b"".join(Told(job).events(part)), after + len(part)

        key = (id, after)
        task = self._batches.get(key)
        if task is None:
            task = self._batches[key] = asyncio.create_task(self._read(written))
            while len(self._batches) > KEPT:
                self._batches.popitem(last=False)
        try:
            return await asyncio.shield(task)
        except ServiceError:
            self._batches.pop(key, None)
            raise

    async def _read(self, read: Callable[[], T]) -> T:
        """What `read` gives in a thread, as soon as the store is there."""
        while True:
            try:
                return await asyncio.to_thread(read)
            except Unavailable:
                if self._closed:
                    raise
                await asyncio.sleep(RETRY_SECONDS)


async def _set(event: asyncio.Event, seconds: float) -> bool:
    """Whether an event was set within `seconds`."""
    try:
        await asyncio.wait_for(event.wait(), seconds)
    except TimeoutError:
        return False
    return True
