"""Following a job to its end, across lost connections."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, TypeVar

from service.client.errors import Lost
from service.client.events import events, lines_of
from service.client.server import NoServer, Server, job_path

ENDED = frozenset(("succeeded", "failed", "cancelled"))
FIRST_PAUSE, LONGEST_PAUSE = 0.2, 3.0
"""Seconds before the first new attempt, and between later ones at most; each pause is twice the one before."""
T = TypeVar("T")


@dataclass
class Patience:
    """How long a lost server is asked again; `told` takes each sentence about that.  One that never was there is not.

    `pause` and `clock` are of the standard library but in tests.
    """

    seconds: float
    told: Callable[[str], None]
    pause: Callable[[float], None] = time.sleep
    clock: Callable[[], float] = time.monotonic
    _known: bool = field(default=False, init=False)
    _since: float | None = field(default=None, init=False)
    _next: float = field(default=FIRST_PAUSE, init=False)

    def answered(self) -> None:
        """The server is there."""
        if self._since is not None:
            self.told("The server is back.")
        self._known, self._since, self._next = True, None, FIRST_PAUSE

    def wait(self, lost: Lost) -> None:
        """Pause before the next attempt; raises `lost` when this has gone on for too long."""
        if isinstance(lost, NoServer) and not self._known:
            raise lost
        now = self.clock()
        self._known = True
        if self._since is None:
            self._since = now
            if self.seconds > 0:
                self.told(f"{str(lost).splitlines()[0]} Trying again for {self.seconds:g} s.")
        left = self._since + self.seconds - now
        if left <= 0:
            raise lost
        self.pause(min(max(self._next, lost.after), left))
        self._next = min(2 * self._next, LONGEST_PAUSE)

    def asked(self, question: Callable[[], T]) -> T:
        """The answer to a question that may be asked more than once."""
        while True:
            try:
                found = question()
            except Lost as lost:
                self.wait(lost)
            else:
                self.answered()
                return found


@dataclass
class Following:
    """The events of a job; `after` is the index of the last row that has come."""

    server: Server
    id: str
    patience: Patience
    after: int = -1

    def events(self) -> Iterator[tuple[str, Any]]:
        """Rows (`step`) and how the job is (`state`), as they come, to its end; no row is missing or comes twice."""
        while True:
            try:
                for name, content, index in self._stream():
                    self.patience.answered()
                    self.after = self.after if index is None else index
                    yield name, content
                    if name == "state" and content["state"] in ENDED:
                        return
                lost = Lost(f"{self.server.url} has ended the stream before the job was at its end.")
            except Lost as error:
                lost = error
            self.patience.wait(lost)

    def _stream(self) -> Iterator[tuple[str, Any, int | None]]:
        headers = {"accept": "text/event-stream"} | ({"last-event-id": str(self.after)} if self.after >= 0 else {})
        with self.server.answer("GET", job_path(self.id, "/events"), None, headers) as response:
            for event in events(lines_of(response)):
                if event.name in ("step", "state"):
                    index = int(event.id) if event.id is not None and event.id.isdigit() else None
                    yield event.name, json.loads(event.data), index
