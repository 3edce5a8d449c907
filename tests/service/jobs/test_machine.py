"""The machine of a job: a table of every state and event, and what holds after any sequence of them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.jobs.job import FINISHED, MOST_STORY, STATES, Entry, Job, Progress
from service.jobs.machine import (
    NOTHING,
    Advanced,
    Alive,
    CancelAsked,
    Claimed,
    Effect,
    Effects,
    Event,
    Failed,
    IllegalEvent,
    Lost,
    Released,
    Stopped,
    Succeeded,
    happened,
)

RESULT = {"stop_reason": "converged", "value": 1.0}
FAR = Progress(7, 2.0, 1.0, 8)
PROBLEM = {"type": "/errors/internal", "detail": "it broke"}
EVENTS: dict[str, Event] = {
    "claimed": Claimed("me", 900),
    "advanced": Advanced(FAR, 900),
    "alive": Alive(900),
    "succeeded": Succeeded(FAR, RESULT),
    "failed": Failed(PROBLEM),
    "stopped": Stopped(FAR, RESULT),
    "released": Released("the server was stopped"),
    "lost": Lost("nothing was heard", 2, PROBLEM),
    "cancel": CancelAsked(),
}
NEW = Job("job_a", 10, {}, 100, story=(Entry(10, "Posted"),))
RUNNING = replace(NEW, state="running", attempts=1, owner="me", lease=500, started=20)
CANCELLING = replace(RUNNING, cancelling=30)
BEFORE: dict[str, Job] = {
    "queued": NEW,
    "running": RUNNING,
    "running, cancelling": CANCELLING,
    "running, lost once": replace(RUNNING, attempts=2, losses=1),
    **{state: replace(RUNNING, state=state, finished=40, owner=None) for state in STATES if state in FINISHED},
}
ENDED = {"finished": 99, "owner": None}
KEPT: Effects = frozenset((Effect.KEEP_RESULT, Effect.FORGET_STATE))
FORGOTTEN: Effects = frozenset((Effect.FORGET_STATE,))
QUEUED: Effects = frozenset((Effect.QUEUE,))
INTERRUPTED: Effects = frozenset((Effect.INTERRUPT,))
CLAIM = {"state": "running", "owner": "me", "lease": 900}
DONE = {"progress": FAR, "result": RESULT, "error": None, **ENDED}

_ALWAYS: dict[str, tuple[dict[str, Any], Effects]] = {
    "advanced": ({"progress": FAR, "lease": 900, "losses": 0}, NOTHING),
    "alive": ({"lease": 900}, NOTHING),
    "succeeded": ({"state": "succeeded", **DONE}, FORGOTTEN),
    "failed": ({"state": "failed", "error": PROBLEM, **ENDED}, KEPT),
}
"""What can happen to every running job."""
LEGAL: dict[tuple[str, str], tuple[dict[str, Any], Effects]] = {
    **{(state, name): change for state in BEFORE if state.startswith("running") for name, change in _ALWAYS.items()},
    ("queued", "claimed"): ({**CLAIM, "attempts": 1, "started": 99}, NOTHING),
    ("queued", "cancel"): ({"state": "cancelled", "cancelling": 99, **ENDED}, KEPT),
    ("running", "cancel"): ({"cancelling": 99}, INTERRUPTED),
    ("running, lost once", "cancel"): ({"cancelling": 99}, INTERRUPTED),
    ("running, cancelling", "stopped"): ({"state": "cancelled", "progress": FAR, "result": RESULT, **ENDED}, FORGOTTEN),
    ("running, cancelling", "released"): ({"state": "cancelled", **ENDED}, KEPT),
    ("running, cancelling", "lost"): ({"state": "cancelled", **ENDED}, KEPT),
    ("running", "released"): ({"state": "queued", "owner": None, "losses": 0}, QUEUED),
    ("running, lost once", "released"): ({"state": "queued", "owner": None, "losses": 0}, QUEUED),
    ("running", "lost"): ({"state": "queued", "owner": None, "losses": 1}, QUEUED),
    ("running, lost once", "lost"): ({"state": "failed", "error": PROBLEM, "losses": 2, **ENDED}, KEPT),
}
"""From state and event to what changes, and the effects."""
TOO_LATE = {(state, "cancel") for state in FINISHED} | {("running, cancelling", "cancel")}
"""Nothing happens, and nothing is wrong."""


@pytest.mark.parametrize("event", EVENTS)
@pytest.mark.parametrize("state", BEFORE)
def test_every_event_in_every_state(state: str, event: str) -> None:
    before = BEFORE[state]
    if (state, event) in TOO_LATE:
        assert happened(before, EVENTS[event], 99) == (before, NOTHING)
        return
    if (state, event) not in LEGAL:
        with pytest.raises(IllegalEvent) as refused:
            happened(before, EVENTS[event], 99)
        told = f"{type(EVENTS[event]).__name__} happened to job job_a, which is {before.state}"
        assert str(refused.value).startswith(told)
        assert "10 Posted" in str(refused.value)
        return
    changes, effects = LEGAL[state, event]
    after, found = happened(before, EVENTS[event], 99)
    assert found == effects
    assert after == replace(before, **changes, story=after.story, revision=before.revision + 1)
    if event in ("advanced", "alive"):
        assert after.story == before.story
    else:
        assert after.story[: len(before.story)] == before.story
        assert after.story[len(before.story)].event == type(EVENTS[event]).__name__
        assert all(entry.at == 99 for entry in after.story[len(before.story) :])


@pytest.mark.parametrize(
    ("state", "event", "told"),
    [
        ("running, cancelling", "stopped", ["Stopped", "Cancelled"]),
        ("running, cancelling", "lost", ["Lost", "Cancelled"]),
        ("running, lost once", "lost", ["Lost", "Failed"]),
        ("running", "succeeded", ["Succeeded"]),
        ("running", "failed", ["Failed"]),
        ("queued", "cancel", ["CancelAsked", "Cancelled"]),
    ],
)
def test_the_end_is_in_the_story_once(state: str, event: str, told: list[str]) -> None:
    after, _ = happened(BEFORE[state], EVENTS[event], 99)
    assert [entry.event for entry in after.story[1:]] == told


def test_the_time_of_the_first_start_stays() -> None:
    job = NEW
    for at, event in ((20, "claimed"), (30, "released"), (40, "claimed")):
        job, _ = happened(job, EVENTS[event], at)
    assert (job.started, job.attempts) == (20, 2)


def test_the_first_loss_of_all_can_be_the_last() -> None:
    after, effects = happened(RUNNING, Lost("gone", 1, PROBLEM), 99)
    assert (after.state, after.error, effects) == ("failed", PROBLEM, KEPT)


def test_progress_forgives_losses() -> None:
    job = NEW
    for _ in range(20):
        for name in ("claimed", "advanced", "lost"):
            job, _ = happened(job, EVENTS[name], 50)
    assert (job.state, job.losses, job.attempts) == ("queued", 1, 20)


@given(st.lists(st.sampled_from(sorted(EVENTS)), max_size=200), st.integers(1, 4))
def test_what_holds_after_any_events(names: list[str], most: int) -> None:
    job, asked = NEW, False
    for at, name in enumerate(names, 11):
        event = EVENTS[name]
        before, job_effects = job, NOTHING
        try:
            job, job_effects = happened(job, replace(event, most=most) if isinstance(event, Lost) else event, at)
        except IllegalEvent:
            continue
        asked = asked or (name == "cancel" and not before.ended)
        if before.ended:
            assert job is before
        _check(before, job, job_effects, asked, most)


def _check(before: Job, job: Job, effects: Effects, asked: bool, most: int) -> None:
    assert (job.id, job.created, job.max_steps, job.number) == (before.id, before.created, before.max_steps, 0)
    assert job.attempts - before.attempts in (0, 1)
    assert (job.attempts > before.attempts) == (before.state == "queued" and job.state == "running")
    assert (job.finished is not None) == job.ended
    assert (job.started is not None) == (job.attempts > 0)
    assert (job.owner is not None) == (job.state == "running")
    assert (job.cancelling is not None) == asked
    assert job.state != "cancelled" or asked
    assert not (job.state == "queued" and asked)
    assert (job.state == "failed") == (job.error is not None)
    assert job.losses <= most
    assert job.losses < most or job.state == "failed" or before.losses == job.losses
    assert len(job.story) <= MOST_STORY
    assert job.story[0] == Entry(10, "Posted")
    assert [entry.at for entry in job.story] == sorted(entry.at for entry in job.story)
    assert job is before or job.revision == before.revision + 1
    assert (Effect.FORGET_STATE in effects) == (job.ended and not before.ended)
    assert (Effect.QUEUE in effects) == (job.state == "queued" and before.state == "running")
    # Who ends a job either tells its result, or has it made of the last state.
    assert not (job.ended and not before.ended) or (Effect.KEEP_RESULT in effects) != (job.result is not None)


def test_a_long_story_keeps_its_beginning_and_its_end() -> None:
    job = NEW
    for at in range(100):
        job, _ = happened(job, EVENTS["released" if job.state == "running" else "claimed"], 100 + at)
    assert len(job.story) == MOST_STORY
    assert job.story[0].event == "Posted"
    assert job.story[-1].at == 199
    assert job.story[1].at == 199 - MOST_STORY + 2
