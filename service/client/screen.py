"""How a job is going, on standard error: a bar in a terminal, a line now and then elsewhere."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Mapping
from types import TracebackType
from typing import Any, Protocol, Self

from service.client.text import shown
from service.client.track import Track

BAR_SECONDS = 0.1
LINE_SECONDS = 5.0
"""How often the bar is drawn again, and how often a line is written where there is no bar."""


class Screen(Protocol):
    """Where a job is shown while it is watched."""

    def __enter__(self) -> Self:
        """Begin."""

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End."""

    def say(self, sentence: str) -> None:
        """A line that stays."""

    def state(self, job: Mapping[str, Any]) -> None:
        """The job is in this state now."""

    def row(self, track: Track) -> None:
        """One more row is known."""


def screen(quiet: bool) -> Screen:
    """What suits standard error; nothing is shown on one that is no terminal when `quiet`."""
    if sys.stderr.isatty():
        return Bar()
    return Lines(quiet)


class Lines:
    """A line for each state, and one now and then; none but what was said when `quiet`."""

    def __init__(self, quiet: bool = False, clock: Callable[[], float] = time.monotonic) -> None:
        self._quiet, self._clock, self._most = quiet, clock, 0
        self._next = clock() + LINE_SECONDS

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def say(self, sentence: str) -> None:
        """A line, at once."""
        print(sentence, file=sys.stderr, flush=True)

    def state(self, job: Mapping[str, Any]) -> None:
        """The state as a line."""
        self._most = steps_in_all(job)
        if not self._quiet:
            self.say(f"{job['id']}  {described(job)}")

    def row(self, track: Track) -> None:
        """Perhaps a line."""
        now = self._clock()
        if now >= self._next and not self._quiet:
            self._next = now + LINE_SECONDS
            self.say(f"step {track.done}/{self._most}  value {shown(track.value)}  best {shown(track.best)}")


class Bar:
    """A bar with the steps, the value, the best one and the pace; it is gone when the job has ended."""

    def __init__(self) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TextColumn

        self._progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(bar_width=30),
            TextColumn("{task.completed}/{task.total}"),
            TextColumn("{task.fields[told]}"),
            console=Console(stderr=True, highlight=False, markup=False),
            transient=True,
        )
        self._task = self._progress.add_task("", total=None, told="")
        self._pace = Pace()
        self._drawn = 0.0

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._progress.stop()

    def say(self, sentence: str) -> None:
        """A line above the bar."""
        self._progress.console.print(sentence, soft_wrap=True)

    def state(self, job: Mapping[str, Any]) -> None:
        """The state is what the bar is called."""
        # Rows up to here were made before anybody looked.
        self._pace = Pace(job["progress"]["rows"])
        self._progress.update(self._task, description=described(job), total=steps_in_all(job))

    def row(self, track: Track) -> None:
        """The bar grows."""
        self._pace.add(track.done)
        now = time.monotonic()
        if now - self._drawn >= BAR_SECONDS:
            self._drawn = now
            told = f"value {shown(track.value)}  best {shown(track.best)}{self._pace.told(now)}"
            self._progress.update(self._task, completed=track.done, told=told)


class Pace:
    """Steps per second of late; the first `known` rows do not count."""

    def __init__(self, known: int = 0) -> None:
        self._left = known
        self._done = 0
        self._marks: list[tuple[float, int]] = []

    def add(self, done: int) -> None:
        """So many steps are done."""
        self._left -= 1
        self._done = done

    def told(self, now: float) -> str:
        """The pace in words, where there is one."""
        if self._left > 0:
            return ""
        self._marks = [mark for mark in self._marks if now - mark[0] < LINE_SECONDS] + [(now, self._done)]
        since, done = self._marks[0]
        if now <= since:
            return ""
        pace = (self._done - done) / (now - since)
        return f"  {pace:,.0f} steps/s" if pace >= 100 else f"  {pace:.3g} steps/s"


def steps_in_all(job: Mapping[str, Any]) -> int:
    """The most steps that all starts together may take."""
    return int(job["progress"]["max_steps"]) * int(job["starts"])


def described(job: Mapping[str, Any]) -> str:
    """What a job does, in a word or two."""
    if job["cancelling"]:
        return "cancelling"
    before = job["queue_position"]
    if job["state"] == "queued" and job["attempts"]:
        return "queued again: its process was lost"
    return f"queued, {before} before it" if job["state"] == "queued" and before else str(job["state"])
