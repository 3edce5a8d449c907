"""Requests to a running server, by the standard library alone."""

from __future__ import annotations

import json
import ssl
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException, HTTPResponse, HTTPSConnection
from typing import Any
from urllib.parse import quote, urlsplit

from service.client.errors import Lost, NoAddress, Refused, Unreached
from service.client.events import lines_of
from service.client.text import plain
from service.problems import MEDIA_TYPE

CONNECT_SECONDS = 10.0
SILENT_SECONDS = 60.0
"""A connection on which nothing comes for so long is lost; a stream that is alive says something every 15 seconds."""
_PASSING = {429, 502, 503, 504}
"""What a server answers that may answer otherwise soon."""


@dataclass(frozen=True, slots=True)
class Server:
    """The server at an address; each request has a connection of its own.  Raises `Lost`, `Unreached` and `Refused`."""

    url: str

    def get(self, path: str, **headers: str) -> Any:
        """The content of the answer to a GET."""
        return self.ask("GET", path, None, headers)

    def post(self, path: str, content: Any = None, **headers: str) -> Any:
        """The content of the answer to a POST."""
        return self.ask("POST", path, content, headers)

    def ask(self, method: str, path: str, content: Any = None, headers: Mapping[str, str] | None = None) -> Any:
        """The content of the answer to any request; None if it has none."""
        with self.answer(method, path, content, headers or {}) as response:
            raw = response.read()
        try:
            return json.loads(raw) if raw else None
        except ValueError:
            raise Unreached(self._stranger(response.status, response.getheader("content-type", ""))) from None

    def lines(self, path: str, **headers: str) -> Iterator[str]:
        """The lines of the answer to a GET, as they come."""
        with self.answer("GET", path, None, headers) as response:
            yield from lines_of(response)

    @contextmanager
    def answer(
        self, method: str, path: str, content: Any = None, headers: Mapping[str, str] | None = None
    ) -> Iterator[HTTPResponse]:
        """An answer that is no refusal, still to be read."""
        connection, prefix = self._connection()
        sent = {name.replace("_", "-"): value for name, value in (headers or {}).items()}
        body = None if content is None else json.dumps(content).encode()
        try:
            self._connect(connection)
            connection.request(method, prefix + path, body, {**sent, "content-type": "application/json"})
            response = connection.getresponse()
            if response.status >= 300:
                self._refuse(response)
            yield response
        except TimeoutError:
            raise Lost(f"{self.url} was silent for {SILENT_SECONDS:g} s.") from None
        except (OSError, HTTPException) as error:
            raise Lost(f"The connection to {self.url} broke off ({type(error).__name__}).") from None
        finally:
            connection.close()

    def _connection(self) -> tuple[HTTPConnection, str]:
        parts = urlsplit(self.url if "://" in self.url else f"http://{self.url}")
        try:
            host, port = parts.hostname, parts.port
        except ValueError:
            host, port = None, None
        if parts.scheme not in ("http", "https") or not host:
            raise NoAddress(f"{plain(self.url)} is no address of a server; one looks like http://127.0.0.1:8000.")
        prefix = parts.path.rstrip("/")
        if parts.scheme == "https":
            context = ssl.create_default_context()
            return HTTPSConnection(host, port, timeout=CONNECT_SECONDS, context=context), prefix
        return HTTPConnection(host, port, timeout=CONNECT_SECONDS), prefix

    def _connect(self, connection: HTTPConnection) -> None:
        try:
            connection.connect()
        except OSError as error:
            reason = error.strerror or str(error) or type(error).__name__
            raise NoServer(self.url, reason) from None
        connection.sock.settimeout(SILENT_SECONDS)

    def _refuse(self, response: HTTPResponse) -> None:
        raw, kind = response.read(), response.getheader("content-type", "")
        problem: Any = None
        if kind.startswith(MEDIA_TYPE):
            try:
                problem = json.loads(raw)
            except ValueError:
                problem = None
        detail = problem.get("detail", "") if isinstance(problem, dict) else ""
        if response.status in _PASSING:
            told = f": {plain(str(detail))}" if detail else "."
            after = response.getheader("retry-after", "")
            raise Lost(f"{self.url} is busy (status {response.status}){told}", float(after) if after.isdigit() else 0.0)
        if not isinstance(problem, dict):
            raise Unreached(self._stranger(response.status, kind))
        if response.status >= 500:
            raise Unreached(f"{self.url} failed to answer: {plain(str(detail))}")
        raise Refused(problem)

    def _stranger(self, status: int, kind: str) -> str:
        return f"{self.url} does not answer like a server of Adjoint: status {status}, {plain(kind) or 'no content'}."


class NoServer(Lost):
    """Nothing listens at the address, as far as one can tell from here."""

    def __init__(self, url: str, reason: str) -> None:
        super().__init__(
            f"There is no server at {url} ({reason}).\n"
            "hint: `adjoint serve` starts one; --url or ADJOINT_URL says where one is."
        )


def job_path(id: str, rest: str = "") -> str:
    """Where a job is found; whatever its id contains stays one part of the path."""
    return f"/jobs/{quote(id, safe='')}{rest}"
