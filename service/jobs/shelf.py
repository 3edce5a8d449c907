"""Where jobs lie: the port that a database and its twin in memory implement.

A transaction sees one state of everything and is undone when its block raises.  Of those that write, there is one at a
time in all processes.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Literal, NamedTuple, Protocol

from service.jobs.job import Job, State

Content = Literal["task", "state", "pending", "points"]
"""What belongs to a job besides its row: what it is to do; how far it is; rows that are recorded if it gets no further;
the variables of its result."""


class Chunk(NamedTuple):
    """Consecutive rows of a history, packed: from index `first` on."""

    first: int
    length: int
    content: bytes


class Pulse(NamedTuple):
    """What changes when something happens to a job."""

    state: State
    rows: int
    revision: int


class Transaction(Protocol):
    """What can be read and written.  A job is named by its `number`, which follows the order of creation."""

    def now(self) -> int:
        """The time in milliseconds since 1970 (UTC), the same for all processes that share the shelf."""
        ...

    def insert(self, job: Job, key: str | None, digest: str) -> Job:
        """A new job, with its number; `key` and `digest` are those of an idempotent request."""
        ...

    def save(self, job: Job) -> None:
        """Put a job in the place of what it was."""
        ...

    def find(self, id: str) -> Job | None:
        """The job with this id."""
        ...

    def by_key(self, key: str) -> tuple[str, str] | None:
        """The id and the digest of the job that was posted with this key."""
        ...

    def was_deleted(self, id: str) -> bool:
        """Whether there was a job with this id."""
        ...

    def next_queued(self) -> Job | None:
        """The job that has waited longest."""
        ...

    def overdue(self, now: int) -> Sequence[Job]:
        """Running jobs whose lease is over."""
        ...

    def count(self, *states: State) -> int:
        """How many jobs are in one of the states; in any, without."""
        ...

    def waiting_before(self, job: Job) -> int:
        """How many queued jobs come before this one."""
        ...

    def page(self, state: State | None, before: int | None, limit: int) -> Sequence[Job]:
        """At most `limit` jobs with numbers below `before`, the newest first."""
        ...

    def finished(self, before: int | None, limit: int) -> Sequence[Job]:
        """At most `limit` jobs that have ended, before a time; the oldest first."""
        ...

    def pulses(self, ids: Iterable[str]) -> Mapping[str, Pulse]:
        """How these jobs are, of those that there are."""
        ...

    def content(self, number: int, kind: Content) -> bytes | None:
        """A content of a job."""
        ...

    def put(self, number: int, kind: Content, content: bytes | None) -> None:
        """Replace a content, or remove it."""
        ...

    def append(self, number: int, chunk: Chunk) -> None:
        """Add rows at the end of a history; asserts that they begin there."""
        ...

    def chunk(self, number: int, index: int) -> Chunk | None:
        """The rows among which row `index` is."""
        ...

    def bytes(self) -> int:
        """What the contents and histories of all jobs take."""
        ...

    def delete(self, job: Job) -> None:
        """Remove a job with all that belongs to it, and remember that it was there."""
        ...


class Shelf(Protocol):
    """Transactions on all jobs."""

    def read(self) -> AbstractContextManager[Transaction]:
        """A transaction that reads."""
        ...

    def write(self) -> AbstractContextManager[Transaction]:
        """A transaction that writes, the only one."""
        ...
