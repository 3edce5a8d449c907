"""A job as it stands, and what is told of its way there."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple

State = Literal["queued", "running", "succeeded", "failed", "cancelled"]
STATES: tuple[State, ...] = ("queued", "running", "succeeded", "failed", "cancelled")
FINISHED: frozenset[State] = frozenset(("succeeded", "failed", "cancelled"))
MOST_STORY = 50
"""Entries of a story that are kept: the first, and the last ones."""


class Entry(NamedTuple):
    """One thing that happened to a job, at a time in milliseconds since 1970 (UTC)."""

    at: int
    event: str
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a run is.

    `value` and `best` are the client's, None before the first point; `rows` is the length of the history; `remarks` is
    what was noticed on the way.
    """

    step: int = 0
    value: float | None = None
    best: float | None = None
    rows: int = 0
    remarks: tuple[Mapping[str, Any], ...] = ()


@dataclass(frozen=True, slots=True)
class Job:
    """A job as it stands.  Times are in milliseconds since 1970 (UTC).

    `attempts` counts how often it was started: it is the number of the attempt that may write.  `losses` counts the
    attempts in a row that ended with the loss of their worker and had made no progress.  `owner` and `lease` tell who
    runs it, and until when that is believed without a sign of life.  `cancelling` is when a cancel was asked for.
    `told` is what clients are told of the request: objective, method, and so on.  `result` has no variables in it; they
    are kept apart.
    """

    id: str
    created: int
    told: Mapping[str, Any]
    max_steps: int
    number: int = 0
    state: State = "queued"
    attempts: int = 0
    losses: int = 0
    owner: str | None = None
    lease: int = 0
    cancelling: int | None = None
    started: int | None = None
    finished: int | None = None
    progress: Progress = field(default_factory=Progress)
    result: Mapping[str, Any] | None = None
    error: Mapping[str, Any] | None = None
    story: tuple[Entry, ...] = ()
    revision: int = 0

    @property
    def ended(self) -> bool:
        """Whether it has come to its final state."""
        return self.state in FINISHED
