"""One request and its answer: what every answer carries, whoever wrote it."""

from __future__ import annotations

import itertools
import os
import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from starlette.types import Message, Receive, Scope, Send

from service.problems import MEDIA_TYPE, Problem
from service.serialise import json_bytes

JSON = b"application/json"
WHOLE = "adjoint.whole"
"""An extension of ASGI that our protocol offers: called with status, headers and body, it sends all in one write."""
LONGEST = 65_536
"""A longer body goes the ordinary way, without a copy."""
Whole = Callable[[int, bytes, bytes], bool]
_SANE_ID = re.compile(rb"[!-~]{1,128}")
_PROCESS = os.urandom(6).hex().encode()
_numbers = itertools.count(1)


class ClientGone(Exception):
    """The client closed the connection before it was answered."""


def new_request_id() -> bytes:
    """An id that no other request of any process has."""
    return b"%b-%x" % (_PROCESS, next(_numbers))


# Not frozen, as freezing costs 0.2 µs per field and this is made for every request.
@dataclass(slots=True)
class Reply:
    """An answer that is ready to be sent; `seconds` by phase go into `Server-Timing`."""

    status: int
    body: bytes
    media_type: bytes = JSON
    headers: Mapping[str, str] | None = None
    seconds: Mapping[str, float] | None = None
    problem: str | None = None


def problem_reply(problem: Problem) -> Reply:
    """The answer that tells of a problem."""
    return Reply(
        problem.status,
        json_bytes(problem.body),
        MEDIA_TYPE.encode(),
        headers=problem.headers,
        problem=problem.name,
    )


class Exchange:
    """A request with its headers and identity, and the one place that begins answers."""

    __slots__ = ("_send", "headers", "problem", "receive", "request_id", "scope", "seconds", "started", "status")

    def __init__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.started = time.perf_counter()
        self.scope, self.receive, self._send = scope, receive, send
        self.headers: dict[bytes, bytes] = dict(scope["headers"])
        given = self.headers.get(b"x-request-id")
        if given is not None and _SANE_ID.fullmatch(given):
            self.request_id = given
        else:
            self.request_id = new_request_id()
        self.status = 0
        self.problem: str | None = None
        self.seconds: Mapping[str, float] | None = None

    @property
    def route(self) -> str:
        """The path template of the route that matched, for logs and metrics."""
        return getattr(self.scope.get("route"), "path", "unmatched")

    async def reply(self, reply: Reply) -> None:
        """Send `reply` as the whole answer."""
        self.status, self.problem, self.seconds = reply.status, reply.problem, reply.seconds
        if not reply.headers and len(reply.body) <= LONGEST:
            whole: Whole | None = self.scope.get("extensions", {}).get(WHOLE)
            if whole is not None and whole(reply.status, self._head(reply), reply.body):
                return
        headers = [
            (b"content-type", reply.media_type),
            (b"content-length", b"%d" % len(reply.body)),
            (b"x-request-id", self.request_id),
            (b"server-timing", self._timing(reply.seconds)),
        ]
        if reply.headers:
            headers += [(name.lower().encode(), value.encode()) for name, value in reply.headers.items()]
        await self._send({"type": "http.response.start", "status": reply.status, "headers": headers})
        await self._send({"type": "http.response.body", "body": reply.body})

    async def send(self, message: Message) -> None:
        """Pass on a message of an answer that a framework writes, with the headers that every answer has."""
        if message["type"] == "http.response.start":
            self.status = message["status"]
            own = [(b"x-request-id", self.request_id), (b"server-timing", self._timing(None))]
            message = {**message, "headers": [*message.get("headers", ()), *own]}
        await self._send(message)

    def _head(self, reply: Reply) -> bytes:
        return b"content-type: %b\r\ncontent-length: %d\r\nx-request-id: %b\r\nserver-timing: %b\r\n\r\n" % (
            reply.media_type,
            len(reply.body),
            self.request_id,
            self._timing(reply.seconds),
        )

    def _timing(self, seconds: Mapping[str, float] | None) -> bytes:
        total = 1e3 * (time.perf_counter() - self.started)
        if not seconds:
            return b"total;dur=%.3f" % total
        get = seconds.get
        parse, derive, run = 1e3 * get("parse", 0.0), 1e3 * get("derive", 0.0), 1e3 * get("run", 0.0)
        if "escalate" in seconds:
            escalate = 1e3 * seconds["escalate"]
            form = b"parse;dur=%.3f, derive;dur=%.3f, run;dur=%.3f, escalate;dur=%.3f, total;dur=%.3f"
            return form % (parse, derive, run, escalate, total)
        return b"parse;dur=%.3f, derive;dur=%.3f, run;dur=%.3f, total;dur=%.3f" % (parse, derive, run, total)
