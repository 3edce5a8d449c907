"""HTTP/1.1 on a socket: uvicorn's protocol, with an end to requests that never finish arriving.

uvicorn has a time-out between requests and none within one, and no bound on the size of a request's head: a client
that sends a byte a minute holds a connection for ever, and one that never ends its headers fills the memory.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from functools import partial
from typing import Any, ClassVar

from uvicorn.config import Config
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol
from uvicorn.server import ServerState

from service.errors import InvalidJson, TooLarge
from service.exchange import WHOLE, new_request_id
from service.problems import MEDIA_TYPE, problem_of
from service.serialise import json_bytes
from service.whole import send_whole

UPLOADS = "/datasets"
"""The address that large bodies are sent to, which may take longer than other requests."""
LEAST_RATE = 65_536
"""Bytes per second of an upload; at fewer it is dropped."""
_UPGRADE = re.compile(rb"(?i)\r\nupgrade:")


def _without_upgrade(data: bytes) -> bytes:
    """The bytes with another name for the header `Upgrade` in the head of a request.

    Java's client offers HTTP/2 with it on every request.  The offer may be ignored, but the parser then takes the body
    for the other protocol and drops it.
    """
    end = data.find(b"\r\n\r\n")
    head = data if end < 0 else data[:end]
    if b"grade:" not in head and b"GRADE:" not in head:
        return data
    return _UPGRADE.sub(b"\r\nx-upgrade:", head) + data[len(head) :]


class Protocol(HttpToolsProtocol):
    """One connection.  The limits are of the class: uvicorn makes the instances, in processes of its own."""

    receive_seconds: ClassVar[float] = 60.0
    header_bytes: ClassVar[int] = 65_536
    stopping: ClassVar[Callable[[], None] | None] = None
    """Called when the server begins to stop: answers that go on for ever have to end then."""

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        self._arriving: asyncio.TimerHandle | None = None
        self._received = False
        self._in_head = True
        self._head_bytes = 0
        self._uploads = False
        self._body_bytes = 0
        """Of an upload, since its time was last looked at."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """A client connected; its first request has to arrive in time."""
        super().connection_made(transport)
        self._arm()

    def connection_lost(self, exc: Exception | None) -> None:
        """The client left, or was left."""
        self._disarm()
        super().connection_lost(exc)

    def shutdown(self) -> None:
        """The server stops."""
        if (stopping := type(self).stopping) is not None:
            stopping()
        super().shutdown()

    def data_received(self, data: bytes) -> None:
        """Bytes of a request arrived."""
        self._received = False
        self._body_bytes += len(data)
        super().data_received(_without_upgrade(data) if self._in_head else data)
        if self._received:
            self._disarm()
        elif self._arriving is None:
            self._arm()
        if self._in_head:
            self._head_bytes += len(data)
            if self._head_bytes > self.header_bytes and not self.transport.is_closing():
                self._refuse(431, TooLarge(f"The head of a request has at most {self.header_bytes:,} bytes."))

    def on_message_begin(self) -> None:
        """A request begins."""
        self._in_head, self._head_bytes, self._uploads = True, 0, False
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        """The head of a request is complete."""
        self._in_head = False
        super().on_headers_complete()
        self._uploads, self._body_bytes = self.scope["path"] == UPLOADS, 0
        self.scope["extensions"] = {WHOLE: partial(send_whole, self.cycle)}  # type: ignore[dict-item]

    def on_message_complete(self) -> None:
        """A request is complete."""
        self._received = True
        super().on_message_complete()

    def send_400_response(self, msg: str) -> None:
        """Refuse what is not HTTP."""
        self._refuse(400, InvalidJson("This is not an HTTP/1.1 request."))

    def _arm(self) -> None:
        self._arriving = self.loop.call_later(self.receive_seconds, self._drop)

    def _disarm(self) -> None:
        if self._arriving is not None:
            self._arriving.cancel()
            self._arriving = None

    def _drop(self) -> None:
        self._arriving = None
        if self._uploads and self._body_bytes >= LEAST_RATE * self.receive_seconds:
            # Large, and not slow.
            self._body_bytes = 0
            self._arm()
            return
        if not self.transport.is_closing():
            self.transport.close()

    def _refuse(self, status: int, error: TooLarge | InvalidJson) -> None:
        body = json_bytes({**problem_of(error).body, "status": status})
        head = [
            b"content-type: " + MEDIA_TYPE.encode(),
            b"content-length: %d" % len(body),
            b"x-request-id: " + new_request_id(),
            b"connection: close",
        ]
        self.transport.write(STATUS_LINE[status] + b"\r\n".join(head) + b"\r\n\r\n" + body)
        self.transport.close()
