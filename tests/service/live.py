"""A server as its users start it, and raw connections to it."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

PATIENCE = 30.0
"""Seconds after which a test gives up on something that has to happen."""


@dataclass
class Live:
    """A running server."""

    process: subprocess.Popen[str]
    port: int
    announcement: str

    def connect(self) -> socket.socket:
        """A raw connection."""
        connection = socket.create_connection(("127.0.0.1", self.port), timeout=PATIENCE)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return connection

    def post(self, path: str, content: Any) -> tuple[int, Any]:
        """Status and decoded body of the answer to a POST."""
        return self.exchange("POST", path, json.dumps(content).encode(), {"content-type": "application/json"})

    def get(self, path: str) -> tuple[int, Any]:
        """Status and decoded body of the answer to a GET."""
        return self.exchange("GET", path)

    def exchange(
        self, method: str, path: str, body: bytes | None = None, headers: dict[str, str] | None = None
    ) -> tuple[int, Any]:
        """Status and body, decoded if it is JSON, of the answer to any request."""
        connection = HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE)
        try:
            connection.request(method, path, body, headers or {})
            response = connection.getresponse()
            raw = response.read()
            return response.status, json.loads(raw) if "json" in response.getheader("content-type", "") else raw
        finally:
            connection.close()

    def metric(self, name: str) -> float:
        """The value of a metric without labels."""
        _, text = self.get("/metrics")
        found = re.search(rf"^{name} (\S+)$", text.decode(), re.MULTILINE)
        assert found is not None, f"no metric {name}"
        return float(found[1])

    def until(self, condition: Callable[[], bool], what: str) -> None:
        """Ask again and again until `condition` holds; each try is an exchange with the server, not a pause."""
        end = time.monotonic() + PATIENCE
        while not condition():
            assert time.monotonic() < end, f"waited {PATIENCE} s in vain: {what}"


def request_bytes(path: str, content: Any, **headers: str) -> bytes:
    """A whole POST as bytes."""
    body = json.dumps(content).encode()
    lines = [f"POST {path} HTTP/1.1", "host: test", "content-type: application/json", f"content-length: {len(body)}"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def read_answer(connection: socket.socket) -> tuple[int, bytes]:
    """Status and everything that comes until the answer is complete or the connection ends; 0 if nothing came."""
    data = b""
    while part := connection.recv(65536):
        data += part
        head, end, body = data.partition(b"\r\n\r\n")
        length = re.search(rb"content-length: (\d+)", head.lower())
        if end and length and len(body) >= int(length[1]):
            break
    return (int(data.split()[1]) if data else 0), data


@contextmanager
def serving(*arguments: str, **environment: str) -> Iterator[Live]:
    """A server on a free port with these settings, ended as by Ctrl-C."""
    process = subprocess.Popen(
        [sys.executable, "-m", "service.cli", "serve", "--port", "0", *arguments],
        cwd=Path(__file__).parents[2],
        env={**os.environ, "ADJOINT_LOG_FORMAT": "json", **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE if environment.get("ADJOINT_LOG_LEVEL") == "debug" else subprocess.DEVNULL,
        text=True,
    )
    try:
        assert process.stdout is not None
        lines = [process.stdout.readline() for _ in range(4)]
        found = re.search(r"http://127\.0\.0\.1:(\d+)", lines[0])
        assert found is not None, f"the server did not start: {lines}"
        yield Live(process, int(found[1]), "".join(lines))
    finally:
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=PATIENCE)
