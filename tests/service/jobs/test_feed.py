"""Watching jobs: shared looks, resuming without loss or repetition, ends of every kind, and clients that go away."""

from __future__ import annotations

import asyncio
import io
import json
import threading
from collections.abc import AsyncIterator, Callable, Coroutine, Iterable, Mapping
from pathlib import Path
from typing import Any

import pytest

from engine.limits import Limits
from service import app as applications
from service.app import edged
from service.context import Context
from service.errors import Unavailable
from service.jobs import feed as feeds
from service.jobs.feed import Feed
from service.jobs.history import History
from service.jobs.job import Job
from service.jobs.jobs import Jobs
from service.jobs.machine import Advanced, Released, Succeeded
from service.jobs.memory import MemoryShelf
from service.jobs.shelf import Pulse
from service.jobs.undertakings import settling
from service.settings import Settings
from tests.service.asgi import Wire, scope_of
from tests.service.jobs.making import bytes_of, progress_of, rows_of, settings_of, task_of, told_of
from tests.service.live import PATIENCE

TASK = bytes_of(task_of())
RESULT = {"value": 1.0, "stop_reason": "converged"}
FAR = 2**60


class Counting(Jobs):
    """Jobs that count how often they are looked at and read, and can be away."""

    def __init__(self) -> None:
        super().__init__(MemoryShelf(), Settings(job_workers=0), settling(Limits()))
        self.looks = self.reads = self.answered = 0
        self.away = False
        self.before_get: Callable[[], None] = lambda: None
        self.late: threading.Event | None = None

    def pulses(self, ids: Iterable[str]) -> Mapping[str, Pulse]:
        self.looks += 1
        if self.away:
            raise Unavailable("away")
        if self.late is not None and self.looks > 1:
            assert self.late.wait(PATIENCE)
        found = super().pulses(ids)
        self.answered += 1
        return found

    def history(self, id: str, after: int, limit: int) -> tuple[Job, History]:
        self.reads += 1
        return super().history(id, after, limit)

    def get(self, id: str) -> Job:
        self.before_get()
        return super().get(id)

    def begin(self) -> Job:
        """A job that runs."""
        self.add(TASK, told_of(), 20)
        claim = self.claim("me")
        assert claim is not None
        return claim.job

    def advance(self, claim: Job, count: int) -> None:
        """More rows."""
        first = self.get(claim.id).progress.rows
        self.work(claim, Advanced(progress_of(first + count), FAR), rows_of(first, count), b"state")

    def end(self, claim: Job) -> None:
        """The end, with a last row."""
        first = self.get(claim.id).progress.rows
        self.finish(claim, Succeeded(progress_of(first + 1), RESULT), rows_of(first, 1), b"{}")


class Scene:
    """Jobs, and a feed of them on the loop that runs."""

    def __init__(self, seconds: float = 0.005) -> None:
        self.jobs = Counting()
        self.feed = Feed(self.jobs, seconds)
        self.feed.open()

    def follow(self, id: str, after: int = -1) -> Follower:
        """Somebody who watches."""
        return Follower(self.feed.events(id, after))


class Follower:
    """Reads a stream event by event."""

    def __init__(self, stream: AsyncIterator[bytes]) -> None:
        self.stream, self.waiting = stream, list[dict[str, Any]]()
        self.comments = 0

    async def next(self) -> dict[str, Any]:
        """The next event."""
        while not self.waiting:
            text = await asyncio.wait_for(anext(self.stream), PATIENCE)
            self.waiting += parsed(text)
        return self.waiting.pop(0)

    async def states(self) -> list[str]:
        """What is left to the end: indices as text, and states."""
        found = []
        try:
            while True:
                found.append(named(await self.next()))
        except StopAsyncIteration:
            return found


def parsed(text: bytes) -> list[dict[str, Any]]:
    """The events in a piece of a stream, which has to consist of whole ones."""
    assert text.endswith(b"\n\n"), text
    found = []
    for block in text.decode().removesuffix("\n\n").split("\n\n"):
        if block.startswith(":"):
            found.append({"event": "comment"})
            continue
        event: dict[str, Any] = dict(line.split(": ", 1) for line in block.split("\n"))
        event["data"] = json.loads(event["data"])
        assert event["event"] == "state" or int(event["id"]) == event["data"]["index"]
        found.append(event)
    return found


def named(event: dict[str, Any]) -> str:
    """An event in short: its index, or its state."""
    return str(event["data"]["state"] if event["event"] == "state" else event.get("id", "comment"))


async def soon(condition: Callable[[], bool], what: str) -> None:
    """Let others go on until `condition` holds."""
    loop = asyncio.get_running_loop()
    end = loop.time() + PATIENCE
    while not condition():
        assert loop.time() < end, f"waited {PATIENCE} s in vain: {what}"
        await asyncio.sleep(0.001)


def played(story: Callable[[Scene], Coroutine[Any, Any, None]], seconds: float = 0.005) -> None:
    """Play a story on a loop of its own; afterwards nobody watches, and nobody looks."""

    async def play() -> None:
        scene = Scene(seconds)
        await story(scene)
        await soon(lambda: scene.feed.watchers == 0, "nobody watches")
        await soon(lambda: scene.feed._task is None, "nobody looks")
        assert not scene.feed._watched

    asyncio.run(play())


def test_rows_and_states_to_the_end() -> None:
    async def story(scene: Scene) -> None:
        jobs = scene.jobs
        first = jobs.begin()
        follower = scene.follow(first.id)
        assert named(await follower.next()) == "running"
        jobs.advance(first, 2)
        assert [named(await follower.next()) for _ in range(2)] == ["0", "1"]
        jobs.work(first, Released("stopped"))
        assert named(await follower.next()) == "queued"
        second = jobs.claim("me")
        assert second is not None
        assert named(await follower.next()) == "running"
        jobs.advance(second.job, 1)
        jobs.end(second.job)
        assert await follower.states() == ["2", "3", "succeeded"]

    played(story)


@pytest.mark.parametrize("after", [-1, 0, 3, 4, 5, 100, 10**17])
def test_a_finished_job_is_told_from_an_index_on(after: int) -> None:
    async def story(scene: Scene) -> None:
        job = scene.jobs.begin()
        scene.jobs.advance(job, 4)
        scene.jobs.end(job)
        found = await scene.follow(job.id, after).states()
        assert found == [str(i) for i in range(5) if i > after] + ["succeeded"]

    played(story)


def test_resuming_while_rows_are_added_loses_and_repeats_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feeds, "BATCH", 7)

    async def story(scene: Scene) -> None:
        job = scene.jobs.begin()

        async def write() -> None:
            for count in (1, 5, 2, 9, 1, 1, 20, 3, 40, 8):
                await asyncio.to_thread(scene.jobs.advance, job, count)
                await asyncio.sleep(0)
            await asyncio.to_thread(scene.jobs.end, job)

        async def read(stay: int) -> list[int]:
            """Reads `stay` events, goes away, and comes back with the id of the last one."""
            found: list[int] = []
            while True:
                stream = scene.feed.events(job.id, found[-1] if found else -1)
                follower = Follower(stream)
                for _ in range(stay):
                    event = await follower.next()
                    if event["event"] == "step":
                        found.append(int(event["id"]))
                    elif event["data"]["state"] == "succeeded":
                        await stream.aclose()  # type: ignore[attr-defined]
                        return found
                await stream.aclose()  # type: ignore[attr-defined]

        readers = [asyncio.create_task(read(stay)) for stay in (2, 3, 10, 1000)]
        await write()
        for reader in readers:
            assert await asyncio.wait_for(reader, PATIENCE) == list(range(91))

    played(story)


def test_watchers_share_looks_and_reads() -> None:
    async def story(scene: Scene) -> None:
        job = scene.jobs.begin()
        scene.jobs.advance(job, 50)
        tasks = [asyncio.create_task(scene.follow(job.id).states()) for _ in range(40)]
        await soon(lambda: scene.feed.watchers == 40, "all watch")
        await soon(lambda: scene.jobs.reads > 0, "somebody reads")
        looks = scene.jobs.looks
        scene.jobs.end(job)
        scene.feed.nudge()
        found = [await asyncio.wait_for(task, PATIENCE) for task in tasks]
        assert found == [["running", *map(str, range(51)), "succeeded"]] * 40
        # The rows in two pieces, and perhaps the first of them by somebody who came when both were there.
        assert scene.jobs.reads <= 3
        # Some of them may have come at a time when nobody had looked yet.
        assert looks <= 60
        assert scene.jobs.looks - looks <= 40

    played(story, seconds=0.05)


def test_batches_that_are_kept_are_few(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feeds, "KEPT", 3)
    monkeypatch.setattr(feeds, "BATCH", 2)

    async def story(scene: Scene) -> None:
        job = scene.jobs.begin()
        scene.jobs.advance(job, 20)
        scene.jobs.end(job)
        for _ in range(2):
            assert len(await scene.follow(job.id).states()) == 22
            assert len(scene.feed._batches) <= 3

    played(story)


def test_a_job_that_is_deleted_while_it_is_watched() -> None:
    async def story(scene: Scene) -> None:
        job = scene.jobs.begin()
        follower = scene.follow(job.id)
        assert named(await follower.next()) == "running"
        # Between two looks.
        scene.jobs.end(job)
        scene.jobs.delete(job.id)
        assert await follower.states() == []

    played(story)


def test_a_job_that_is_deleted_between_a_look_and_a_reading() -> None:
    async def story(scene: Scene) -> None:
        job = scene.jobs.begin()
        scene.jobs.end(job)

        def delete() -> None:
            scene.jobs.before_get = lambda: None
            scene.jobs.delete(job.id)

        scene.jobs.before_get = delete
        assert await scene.follow(job.id).states() == []

    played(story)


def test_what_is_not_there_has_no_events() -> None:
    async def story(scene: Scene) -> None:
        assert await scene.follow("job_nothing").states() == []
        assert await scene.feed.ended("job_nothing", PATIENCE) is False

    played(story)


def test_a_store_that_is_away_for_a_while_is_waited_for() -> None:
    async def story(scene: Scene) -> None:
        job = scene.jobs.begin()
        follower = scene.follow(job.id)
        assert named(await follower.next()) == "running"
        scene.jobs.away = True
        looks = scene.jobs.looks
        await soon(lambda: scene.jobs.looks > looks + 2, "it is looked for in vain")
        scene.jobs.away = False
        scene.jobs.end(job)
        assert await follower.states() == ["0", "succeeded"]

    played(story)


def test_closing_ends_all_watching() -> None:
    async def story(scene: Scene) -> None:
        job = scene.jobs.begin()
        followers = [scene.follow(job.id) for _ in range(3)]
        for follower in followers:
            assert named(await follower.next()) == "running"
        rest = [asyncio.create_task(follower.states()) for follower in followers]
        waiting = asyncio.create_task(scene.feed.ended(job.id, PATIENCE))
        await soon(lambda: scene.feed.watchers == 4, "all watch")
        scene.feed.close()
        assert [await asyncio.wait_for(task, PATIENCE) for task in rest] == [[], [], []]
        assert await asyncio.wait_for(waiting, PATIENCE) is False
        # Who comes later is told nothing, at once.
        assert await scene.follow(job.id).states() == []

    played(story)


def test_a_comment_keeps_quiet_connections_alive(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feeds, "ALIVE_SECONDS", 0.01)

    async def story(scene: Scene) -> None:
        job = scene.jobs.begin()
        follower = scene.follow(job.id)
        assert [named(await follower.next()) for _ in range(3)] == ["running", "comment", "comment"]
        scene.jobs.end(job)
        rest = await follower.states()
        assert [name for name in rest if name != "comment"] == ["0", "succeeded"]

    played(story)


def test_waiting_for_the_end() -> None:
    async def story(scene: Scene) -> None:
        job = scene.jobs.begin()
        assert await scene.feed.ended(job.id, 0) is False
        assert await scene.feed.ended(job.id, 0.01) is False
        waiting = [asyncio.create_task(scene.feed.ended(job.id, PATIENCE)) for _ in range(3)]
        await soon(lambda: scene.feed.watchers == 3, "all wait")
        # What is not the end is not the end.
        scene.jobs.advance(job, 1)
        scene.jobs.end(job)
        scene.feed.nudge()
        assert [await asyncio.wait_for(task, PATIENCE) for task in waiting] == [True] * 3
        assert await scene.feed.ended(job.id, 0) is True

    played(story)


def test_who_comes_second_and_sees_more_does_not_keep_it_from_the_first() -> None:
    async def story(scene: Scene) -> None:
        job = scene.jobs.begin()
        scene.jobs.late = threading.Event()
        tasks = [asyncio.create_task(scene.feed.ended(job.id, PATIENCE)) for _ in range(2)]
        # One of them has seen a job that runs, and the other one has asked and not been answered yet.
        await soon(lambda: scene.jobs.looks == 2 and scene.feed._task is not None, "one of them waits")
        scene.jobs.end(job)
        scene.jobs.late.set()
        await soon(lambda: scene.jobs.answered == 2, "the other one is answered")

        def nudged() -> bool:
            scene.feed.nudge()
            return all(task.done() for task in tasks)

        await soon(nudged, "both see the end")
        assert [task.result() for task in tasks] == [True, True]

    played(story, seconds=PATIENCE)


def test_a_nudge_is_a_look_at_once() -> None:
    async def story(scene: Scene) -> None:
        job = scene.jobs.begin()
        waiting = asyncio.create_task(scene.feed.ended(job.id, PATIENCE))
        await soon(lambda: scene.feed._task is not None, "it is watched")
        scene.jobs.end(job)
        await asyncio.to_thread(scene.feed.nudge)
        assert await asyncio.wait_for(waiting, 5) is True
        scene.feed.nudge()

    # Without a nudge, nobody would look for so long.
    played(story, seconds=10)


def test_a_nudge_before_the_beginning_and_after_the_end_does_nothing() -> None:
    feed = Feed(Counting(), 1)
    feed.nudge()

    async def story() -> None:
        feed.open()

    asyncio.run(story())
    feed.nudge()


class House:
    """An application, its context, and connections to it on the loop that runs."""

    def __init__(self, folder: Path) -> None:
        self.context = Context.build(settings_of(folder, job_watch_seconds=0.005))
        self.app = edged(applications.build(self.context), self.context, io.StringIO())
        self.context.feed.open()

    def get(self, path: str, **headers: str) -> tuple[Wire, asyncio.Task[None]]:
        """A GET under way."""
        wire = Wire()
        return wire, asyncio.create_task(self.app(scope_of("GET", path, headers), wire.receive, wire.send))


def test_clients_that_disconnect_leave_no_watcher(tmp_path: Path) -> None:
    async def story() -> None:
        house = House(tmp_path)
        jobs, feed = house.context.jobs, house.context.feed
        jobs.add(TASK, told_of(), 20)
        claim = jobs.claim("me")
        assert claim is not None
        wires = [house.get(f"/jobs/{claim.job.id}/events") for _ in range(5)]
        await soon(lambda: all(len(wire.sent) >= 2 for wire, _ in wires), "the state has come")
        assert feed.watchers == 5
        for wire, task in wires[:3]:
            wire.gone.set()
            await asyncio.wait_for(task, PATIENCE)
        await soon(lambda: feed.watchers == 2, "those that are left watch")
        rows = rows_of(0, 3)
        jobs.finish(claim.job, Succeeded(progress_of(3), RESULT), rows, b'{"variables": {}}')
        for wire, task in wires[3:]:
            await asyncio.wait_for(task, PATIENCE)
            answered = wire.answered
            assert answered.status == 200
            assert answered.headers["content-type"].startswith("text/event-stream")
            assert answered.headers["cache-control"] == "no-store"
            assert [named(event) for event in parsed(answered.body)] == ["running", "0", "1", "2", "succeeded"]
        await soon(lambda: feed.watchers == 0 and feed._task is None, "nobody is left")
        house.context.library.close()

    asyncio.run(story())


@pytest.mark.parametrize(
    ("headers", "query"), [({"last-event-id": "1"}, ""), ({}, "?after=1"), ({"last-event-id": "1"}, "?after=0")]
)
def test_a_stream_is_resumed(tmp_path: Path, headers: dict[str, str], query: str) -> None:
    async def story() -> None:
        house = House(tmp_path)
        jobs = house.context.jobs
        jobs.add(TASK, told_of(), 20)
        claim = jobs.claim("me")
        assert claim is not None
        jobs.finish(claim.job, Succeeded(progress_of(4), RESULT), rows_of(0, 4), b'{"variables": {}}')
        wire, task = house.get(f"/jobs/{claim.job.id}/events{query}", **headers)
        await asyncio.wait_for(task, PATIENCE)
        assert [named(event) for event in parsed(wire.answered.body)] == ["2", "3", "succeeded"]
        house.context.library.close()

    asyncio.run(story())
