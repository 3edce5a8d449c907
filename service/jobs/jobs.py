"""The jobs of a store: what happens to them is decided by the machine and written in one transaction."""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from engine.errors import Limit, LimitExceeded
from service.errors import Conflict, Gone, NotFound, Overloaded
from service.jobs.history import History, length, packed, unpacked
from service.jobs.job import Entry, Job, State
from service.jobs.machine import CancelAsked, Claimed, Effect, Effects, Event, Lost, happened
from service.jobs.shelf import Chunk, Pulse, Shelf, Transaction
from service.problems import problem_of
from service.settings import Settings

PREFIX = "job_"
_LETTERS = "abcdefghijklmnopqrstuvwxyz234567"
DROPPED = 100
"""Jobs that are forgotten in one transaction, at most, because they are old."""

Settle = Callable[[bytes, bytes | None, str | None], tuple[Mapping[str, Any], bytes]]
"""From a task, the last state (None before the first) and why it was stopped to the result and its variables."""
_ID = re.compile(PREFIX + "[a-z0-9]{1,60}")
"""What can be an id at all: nothing else is looked for, as databases do not take every string."""


class LostClaim(Exception):
    """The job is no longer this worker's to write: it took too long, or the job has ended."""


@dataclass(frozen=True, slots=True)
class Claim:
    """A job that a worker has taken; `state` is None at the beginning.

    `pending` are the last rows, packed, where they are not to be recorded unless the run ends there.
    """

    job: Job
    task: bytes
    state: bytes | None
    pending: bytes | None = None


class Jobs:
    """All jobs, for any number of processes at a time.  Every method is one transaction, and raises `Unavailable`."""

    def __init__(self, shelf: Shelf, settings: Settings, settle: Settle) -> None:
        self._shelf, self._settings, self._settle = shelf, settings, settle
        self.report: Callable[..., None] = lambda *_, **__: None
        """Takes what is to be logged: the event, and fields by name."""

    def add(
        self, task: bytes, told: Mapping[str, Any], max_steps: int, key: str | None = None, digest: str = ""
    ) -> tuple[Job, bool]:
        """A new job, and True; or the one that was posted with this key before, and False.

        Raises `Conflict` for a key that came with another request, `Overloaded` when too many wait, and
        `LimitExceeded` for a task that has no room.
        """
        settings = self._settings
        with self._shelf.write() as t:
            if key is not None and (known := _known(t, key, digest)) is not None:
                return known, False
            waiting = t.count("queued")
            if waiting >= settings.job_queue:
                raise Overloaded(
                    f"{waiting:,} jobs wait; the server takes no more.",
                    hint="Try again later, or cancel some: POST /jobs/{id}/cancel.",
                    headers={"Retry-After": str(max(1, min(60, waiting // 10)))},
                )
            self._make_room(t, len(task))
            now = t.now()
            id = PREFIX + "".join(secrets.choice(_LETTERS) for _ in range(24))
            job = t.insert(Job(id, now, told, max_steps, story=(Entry(now, "Posted"),)), key, digest)
            t.put(job.number, "task", task)
            return job, True

    def posted(self, key: str, digest: str) -> Job | None:
        """The job that was posted with this key before.  Raises `Conflict` if that was another request."""
        with self._shelf.read() as t:
            return _known(t, key, digest)

    def get(self, id: str) -> Job:
        """The job.  Raises `NotFound` and `Gone`."""
        with self._shelf.read() as t:
            return _found(t, id)

    def told(self, id: str) -> tuple[Job, bytes | None, int | None]:
        """The job, the variables of its result, and how many are queued before it."""
        with self._shelf.read() as t:
            job = _found(t, id)
            waiting = t.waiting_before(job) if job.state == "queued" else None
            return job, t.content(job.number, "points") if job.ended else None, waiting

    def page(self, state: State | None, before: int | None, limit: int) -> Sequence[Job]:
        """At most `limit` jobs with numbers below `before`, the newest first."""
        with self._shelf.read() as t:
            return t.page(state, before, limit)

    def counts(self) -> Mapping[State, int]:
        """How many jobs wait and run."""
        with self._shelf.read() as t:
            return {state: t.count(state) for state in ("queued", "running")}

    def pulses(self, ids: Iterable[str]) -> Mapping[str, Pulse]:
        """What changes when something happens to these jobs."""
        with self._shelf.read() as t:
            return t.pulses([id for id in ids if _ID.fullmatch(id)])

    def history(self, id: str, after: int, limit: int) -> tuple[Job, History]:
        """The job, and at most `limit` rows of its history from index `after` + 1 on; fewer where a part of it ends."""
        with self._shelf.read() as t:
            job = _found(t, id)
            chunk = t.chunk(job.number, after + 1)
            return job, unpacked(chunk, after + 1, limit)

    def cancel(self, id: str) -> tuple[Job, Effects]:
        """Ask a job to stop.  Raises `NotFound` and `Gone`."""
        with self._shelf.write() as t:
            return self._happen(t, _found(t, id), CancelAsked())

    def delete(self, id: str) -> None:
        """Forget a job that has ended.  Raises `Conflict` for one that has not, `NotFound` and `Gone`."""
        with self._shelf.write() as t:
            job = _found(t, id)
            if not job.ended:
                raise Conflict(
                    f"The job is {job.state}, and only one that has ended can be forgotten.",
                    hint=f"Cancel it first: POST /jobs/{id}/cancel.",
                )
            t.delete(job)

    def claim(self, owner: str) -> Claim | None:
        """The job that has waited longest, for a worker; None where nothing waits.

        What nobody is at work on any more is taken up again.
        """
        with self._shelf.read() as t:
            # Most looks find nothing, and need not wait for those who write.
            if not t.count("queued") and not t.overdue(t.now()):
                return None
        with self._shelf.write() as t:
            self._take_back(t)
            waiting = t.next_queued()
            if waiting is None:
                return None
            job, _ = self._happen(t, waiting, Claimed(owner, t.now() + self.lease))
            task = t.content(job.number, "task")
            assert task is not None
            return Claim(job, task, t.content(job.number, "state"), t.content(job.number, "pending"))

    def take_back(self) -> int:
        """Have what nobody is at work on any more wait again, or end; how many jobs that were."""
        with self._shelf.read() as t:
            if not t.overdue(t.now()):
                return 0
        with self._shelf.write() as t:
            return self._take_back(t)

    def waiting(self) -> int:
        """How many jobs could be claimed now."""
        with self._shelf.read() as t:
            return t.count("queued") + len(t.overdue(t.now()))

    def work(
        self,
        claim: Job,
        event: Event,
        rows: History | None = None,
        state: bytes | None = None,
        pending: bytes | None = None,
    ) -> Job:
        """Something that the worker of this claim tells, with the rows and the state that belong to it.

        `pending` are rows, packed, that are recorded if the run never gets any further than this state.
        Raises `LostClaim` when the job is not its own any more; then nothing is written.
        """
        with self._shelf.write() as t:
            job = self._own(t, claim)
            if rows is not None:
                _append(t, job, rows)
            if state is not None:
                t.put(job.number, "state", state)
                t.put(job.number, "pending", pending)
            return self._happen(t, job, event)[0]

    def finish(self, claim: Job, event: Event, rows: History, points: bytes) -> Job:
        """The end of a run, with its last rows and the variables of its result.  Raises `LostClaim`."""
        with self._shelf.write() as t:
            job = self._own(t, claim)
            _append(t, job, rows)
            t.put(job.number, "points", points)
            return self._happen(t, job, event)[0]

    def look(self, claim: Job) -> bool:
        """Whether the worker of this claim is to stop.  Raises `LostClaim`."""
        with self._shelf.read() as t:
            return self._own(t, claim).cancelling is not None

    def give_up(self, claim: Job, event: Event) -> None:
        """Tell that the worker of a claim is gone, unless somebody has noticed already."""
        with self._shelf.write() as t:
            job = t.find(claim.id)
            if job is not None and job.state == "running" and job.attempts == claim.attempts:
                self._happen(t, job, event)

    def sweep(self) -> int:
        """Forget jobs that ended long ago; how many that were."""
        with self._shelf.read() as t:
            before = t.now() - round(1000 * self._settings.job_keep_seconds)
            old = t.finished(before, DROPPED)
        if old:
            with self._shelf.write() as t:
                for job in t.finished(before, DROPPED):
                    t.delete(job)
        return len(old)

    @property
    def lease(self) -> int:
        """How long a worker is believed in without a sign of life, in milliseconds."""
        return round(1000 * self._settings.job_lease_seconds)

    def now(self) -> int:
        """The time of the store, in milliseconds since 1970 (UTC)."""
        with self._shelf.read() as t:
            return t.now()

    def deadline(self) -> int:
        """The end of a lease that begins now."""
        return self.now() + self.lease

    def lost(self, reason: str) -> Lost:
        """The loss of a worker."""
        most = self._settings.job_attempts
        error = LimitExceeded(
            f"The process that ran this job was lost {most} times without having got further: {reason}.",
            limit=Limit("job_attempts", most, most),
            hint="A job whose arrays do not fit into memory is lost like that; make it smaller.",
        )
        return Lost(reason, most, problem_of(error).body)

    def _take_back(self, t: Transaction) -> int:
        overdue = t.overdue(t.now())
        for job in overdue:
            self._happen(t, job, self.lost("nothing was heard of the worker"))
        return len(overdue)

    def _own(self, t: Transaction, claim: Job) -> Job:
        job = t.find(claim.id)
        if job is None or job.state != "running" or job.attempts != claim.attempts:
            raise LostClaim(claim.id)
        return job

    def _happen(self, t: Transaction, job: Job, event: Event) -> tuple[Job, Effects]:
        after, effects = happened(job, event, t.now())
        if Effect.KEEP_RESULT in effects:
            after = self._with_result(t, after)
        if Effect.FORGET_STATE in effects:
            t.put(job.number, "state", None)
            t.put(job.number, "pending", None)
        if after is not job:
            t.save(after)
        return after, effects

    def _with_result(self, t: Transaction, job: Job) -> Job:
        task = t.content(job.number, "task")
        assert task is not None
        reason = "cancelled" if job.state == "cancelled" else None
        try:
            result, points = self._settle(task, t.content(job.number, "state"), reason)
        except Exception as error:
            self.report("result-lost", job=job.id, reason=repr(error))
            # Perhaps another version of the program has written it.  The job ends without a result: if it did not, it
            # would be in the way of all that are to be claimed after it.
            return job
        t.put(job.number, "points", points)
        progress, pending = job.progress, t.content(job.number, "pending")
        if pending is not None:
            # The last point of a run is in its history, also where only every so many rows are kept.
            chunk = Chunk(progress.rows, length(pending), pending)
            t.append(job.number, chunk)
            progress = replace(progress, rows=progress.rows + chunk.length)
        return replace(job, result=result, progress=progress)

    def _make_room(self, t: Transaction, size: int) -> None:
        settings = self._settings
        if size > settings.job_task_bytes:
            raise LimitExceeded(
                f"The job takes {size:,} bytes, more than the {settings.job_task_bytes:,} that one may have.",
                limit=Limit("job_task_bytes", settings.job_task_bytes, size),
            )
        while t.count() >= settings.jobs or t.bytes() + size > settings.job_store_bytes:
            old = t.finished(None, 1)
            if not old:
                raise Overloaded(
                    "The store of the jobs is full, and none of them has ended.", headers={"Retry-After": "60"}
                )
            t.delete(old[0])


def _known(t: Transaction, key: str, digest: str) -> Job | None:
    known = t.by_key(key)
    if known is None:
        return None
    if known[1] != digest:
        raise Conflict("Another request was sent with this Idempotency-Key.", hint="Take a new key for a new request.")
    return t.find(known[0])


def _append(t: Transaction, job: Job, rows: History) -> None:
    if len(rows):
        t.append(job.number, Chunk(rows.first, len(rows), packed(rows)))


def _found(t: Transaction, id: str) -> Job:
    possible = _ID.fullmatch(id) is not None
    job = t.find(id) if possible else None
    if job is not None:
        return job
    if possible and t.was_deleted(id):
        raise Gone(f"The job {id} was deleted.")
    shown = ascii(id[:60])[1:-1]
    raise NotFound(f"There is no job {shown!r}.", hint="GET /jobs lists them.")
