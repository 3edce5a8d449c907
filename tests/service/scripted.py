"""A server that says what a test wrote down, one connection after another."""

from __future__ import annotations

import json
import re
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

PATIENCE = 30.0


@dataclass
class Scripted:
    """Gives each connection the next of `answers`, as it is, and ends it; `requests` are what came."""

    answers: list[bytes]
    requests: list[str] = field(default_factory=list)
    port: int = 0
    _listener: socket.socket | None = None

    @property
    def url(self) -> str:
        """Its address."""
        return f"http://127.0.0.1:{self.port}"

    def open(self) -> None:
        """Listen, at the same port as before."""
        self._listener = socket.create_server(("127.0.0.1", self.port))
        self._listener.settimeout(PATIENCE)
        self.port = self._listener.getsockname()[1]

    def close(self) -> None:
        """Listen no longer: connections are refused."""
        if self._listener is not None:
            self._listener.close()

    def answer(self) -> None:
        """Answer the next connections, to the end of the script."""
        while self.answers:
            assert self._listener is not None
            connection, _ = self._listener.accept()
            with connection:
                connection.settimeout(PATIENCE)
                self.requests.append(_request(connection))
                connection.sendall(self.answers.pop(0))


@contextmanager
def scripted(*answers: bytes, port: int = 0) -> Iterator[Scripted]:
    """A server that gives these answers, and is there until it is left."""
    server = Scripted(list(answers), port=port)
    server.open()
    thread = threading.Thread(target=server.answer)
    thread.start()
    try:
        yield server
    finally:
        if server.answers:
            # Let it go to its end without a client.
            server.answers.clear()
            socket.create_connection(("127.0.0.1", server.port)).close()
        thread.join(PATIENCE)
        server.close()


def content(value: Any, status: str = "200 OK", kind: str = "application/json", head: str = "") -> bytes:
    """An answer with JSON in it."""
    body = json.dumps(value).encode()
    start = f"HTTP/1.1 {status}\r\ncontent-type: {kind}\r\ncontent-length: {len(body)}\r\n{head}\r\n"
    return start.encode() + body


def stream(*events: str) -> bytes:
    """A stream of events that ends with the connection."""
    return b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\n" + "".join(events).encode()


def chunked(*pieces: str, end: bytes = b"0\r\n\r\n") -> bytes:
    """A stream in chunks, cut off where `end` is empty."""
    head = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
    return head + b"".join(b"%x\r\n%b\r\n" % (len(piece.encode()), piece.encode()) for piece in pieces) + end


def _request(connection: socket.socket) -> str:
    data = b""
    while part := connection.recv(65536):
        data += part
        head, end, body = data.partition(b"\r\n\r\n")
        length = re.search(rb"content-length: (\d+)", head.lower())
        if end and len(body) >= (int(length[1]) if length else 0):
            break
    return data.decode()
