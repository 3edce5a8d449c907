"""What can happen to a job, and what follows.  No clock, no store, no process: events in, a job and effects out.

queued ──Claimed──▶ running ──Succeeded──▶ succeeded
  ▲ │                │ │ └────Failed─────▶ failed
  │ └─CancelAsked─┐  │ └──────Stopped────▶ cancelled
  │               └──┼───────────────────▶ cancelled
  └─Released, Lost───┘
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from enum import Enum
from typing import Any

from service.jobs.job import FINISHED, MOST_STORY, Entry, Job, Progress

Result = Mapping[str, Any]


class Effect(Enum):
    """What follows.  The last two are written with the job; the first two are found by whoever looks at the store."""

    QUEUE = "somebody may claim it now"
    INTERRUPT = "whoever runs it has to stop"
    KEEP_RESULT = "its last point is its result"
    FORGET_STATE = "nobody will go on with it"


@dataclass(frozen=True, slots=True)
class Claimed:
    """A worker begins, or goes on from the last state."""

    owner: str
    lease: int


@dataclass(frozen=True, slots=True)
class Advanced:
    """The worker has stored rows and a state."""

    progress: Progress
    lease: int


@dataclass(frozen=True, slots=True)
class Alive:
    """The worker is at work, without news."""

    lease: int


@dataclass(frozen=True, slots=True)
class Succeeded:
    """The run has come to its end, by whatever criterion."""

    progress: Progress
    result: Result


@dataclass(frozen=True, slots=True)
class Failed:
    """The run cannot go on: a problem that is told to the client.  `progress` is None where nobody knows of more."""

    problem: Mapping[str, Any]
    progress: Progress | None = None


@dataclass(frozen=True, slots=True)
class Stopped:
    """The worker has stopped because a cancel was asked for."""

    progress: Progress
    result: Result


@dataclass(frozen=True, slots=True)
class Released:
    """The worker has stored its state and gives the job back."""

    reason: str


@dataclass(frozen=True, slots=True)
class Lost:
    """The worker is gone, or has not been heard of in time.  After `most` losses without progress, that is the end."""

    reason: str
    most: int
    problem: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class CancelAsked:
    """Somebody wants it to stop."""


Event = Claimed | Advanced | Alive | Succeeded | Failed | Stopped | Released | Lost | CancelAsked
Effects = frozenset[Effect]
NOTHING: Effects = frozenset()


class IllegalEvent(Exception):
    """An event that cannot happen to a job in its state: a defect of ours.  Tells the job's story."""

    def __init__(self, job: Job, event: Event) -> None:
        told = "; ".join(f"{entry.at} {entry.event} {entry.detail}".strip() for entry in job.story)
        super().__init__(f"{type(event).__name__} happened to job {job.id}, which is {job.state}.  Its story: {told}")
        self.job, self.event = job, event


def happened(job: Job, event: Event, at: int) -> tuple[Job, Effects]:
    """The job after an event, and what follows from it.  Raises `IllegalEvent`."""
    if isinstance(event, CancelAsked):
        # Asked for as often as one likes; it is too late for a job that has ended, and no mistake.
        if job.ended or job.cancelling is not None:
            return job, NOTHING
        return _written(job, *_cancel_asked(job, at), event, at, "")
    rule = _EDGES.get((job.state, type(event)))
    if rule is None:
        raise IllegalEvent(job, event)
    after, effects, detail = rule(job, event, at)
    return _written(job, after, effects, event, at, detail)


Edge = Callable[[Job, Any, int], tuple[Job, Effects, str]]


def _cancel_asked(job: Job, at: int) -> tuple[Job, Effects]:
    asked = replace(job, cancelling=at)
    if job.state == "queued":
        return _cancelled(asked, at)
    return asked, frozenset((Effect.INTERRUPT,))


def _cancelled(job: Job, at: int) -> tuple[Job, Effects]:
    """Nothing computes: the last state that was stored has the last point."""
    ended = replace(job, state="cancelled", finished=at, owner=None)
    return ended, frozenset((Effect.KEEP_RESULT, Effect.FORGET_STATE))


def _claimed(job: Job, event: Claimed, at: int) -> tuple[Job, Effects, str]:
    attempts = job.attempts + 1
    started = job.started if job.started is not None else at
    after = replace(job, state="running", attempts=attempts, owner=event.owner, lease=event.lease, started=started)
    return after, NOTHING, f"attempt {attempts} by {event.owner}"


def _advanced(job: Job, event: Advanced, at: int) -> tuple[Job, Effects, str]:
    return replace(job, progress=event.progress, lease=event.lease, losses=0), NOTHING, ""


def _alive(job: Job, event: Alive, at: int) -> tuple[Job, Effects, str]:
    return replace(job, lease=event.lease), NOTHING, ""


def _succeeded(job: Job, event: Succeeded, at: int) -> tuple[Job, Effects, str]:
    ended = replace(
        job, state="succeeded", finished=at, owner=None, progress=event.progress, result=event.result, error=None
    )
    return ended, frozenset((Effect.FORGET_STATE,)), str(event.result.get("stop_reason", ""))


def _failed(job: Job, event: Failed, at: int) -> tuple[Job, Effects, str]:
    progress = event.progress if event.progress is not None else job.progress
    ended = replace(job, state="failed", finished=at, owner=None, progress=progress, error=event.problem)
    effects = frozenset((Effect.KEEP_RESULT, Effect.FORGET_STATE))
    return ended, effects, str(event.problem.get("detail", ""))


def _stopped(job: Job, event: Stopped, at: int) -> tuple[Job, Effects, str]:
    if job.cancelling is None:
        raise IllegalEvent(job, event)
    ended = replace(job, state="cancelled", finished=at, owner=None, progress=event.progress, result=event.result)
    return ended, frozenset((Effect.FORGET_STATE,)), ""


def _released(job: Job, event: Released, at: int) -> tuple[Job, Effects, str]:
    if job.cancelling is not None:
        return *_cancelled(job, at), event.reason
    return replace(job, state="queued", owner=None, losses=0), frozenset((Effect.QUEUE,)), event.reason


def _lost(job: Job, event: Lost, at: int) -> tuple[Job, Effects, str]:
    if job.cancelling is not None:
        return *_cancelled(job, at), event.reason
    losses = job.losses + 1
    if losses >= event.most:
        after, effects, _ = _failed(replace(job, losses=losses), Failed(event.problem), at)
        return after, effects, event.reason
    return replace(job, state="queued", owner=None, losses=losses), frozenset((Effect.QUEUE,)), event.reason


_EDGES: Mapping[tuple[str, type], Edge] = {
    ("queued", Claimed): _claimed,
    ("running", Advanced): _advanced,
    ("running", Alive): _alive,
    ("running", Succeeded): _succeeded,
    ("running", Failed): _failed,
    ("running", Stopped): _stopped,
    ("running", Released): _released,
    ("running", Lost): _lost,
}
"""What may happen in which state, besides a cancel."""
_UNTOLD = (Advanced, Alive)
"""What happens all the time is not entered into the story."""


def _written(before: Job, after: Job, effects: Effects, event: Event, at: int, detail: str) -> tuple[Job, Effects]:
    story = after.story
    if not isinstance(event, _UNTOLD):
        story = (*story, Entry(at, type(event).__name__, detail))
        if after.state != before.state and after.state in FINISHED and type(event).__name__.lower() != after.state:
            story = (*story, Entry(at, after.state.capitalize()))
        if len(story) > MOST_STORY:
            story = (story[0], *story[-MOST_STORY + 1 :])
    return replace(after, story=story, revision=before.revision + 1), effects
