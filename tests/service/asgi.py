"""A client that calls the application in-process, one request per call, and keeps what it sent."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

from starlette.types import ASGIApp, Message, Receive, Scope, Send

JSON_TYPE = {"content-type": "application/json"}


@dataclass(frozen=True)
class Answered:
    """The answer to one request."""

    status: int
    headers: dict[str, str]
    body: bytes

    def json(self) -> Any:
        """The decoded body; bare `NaN` and `Infinity` are not JSON."""
        return json.loads(self.body, parse_constant=_not_json)

    @property
    def problem(self) -> dict[str, Any]:
        """The body of a problem, which every refusal has to be."""
        assert self.headers["content-type"] == "application/problem+json"
        content = self.json()
        assert content["status"] == self.status
        assert content["type"].startswith("/errors/")
        assert content["title"]
        assert content["detail"]
        assert isinstance(content, dict)
        return content

    @property
    def name(self) -> str:
        """The name of the problem."""
        return str(self.problem["type"]).removeprefix("/errors/")

    @property
    def pointers(self) -> list[str]:
        """The pointers of all faults."""
        return [fault["pointer"] for fault in self.problem["errors"]]


def scope_of(method: str, path: str, headers: Mapping[str, str] | None = None) -> Scope:
    """The scope of a request; `path` may have a query."""
    path, _, query = path.partition("?")
    return {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": method,
        "scheme": "http",
        "path": unquote(path),
        "raw_path": path.encode(),
        "query_string": query.encode(),
        "root_path": "",
        "headers": [(name.lower().encode(), value.encode("latin-1")) for name, value in (headers or {}).items()],
        "client": ("127.0.0.1", 1),
        "server": ("127.0.0.1", 80),
    }


class Wire:
    """The two ends of an ASGI connection: what the client sends by and by, and what it is sent."""

    def __init__(self, chunks: Iterable[bytes] = (b"",)) -> None:
        parts = list(chunks)
        self.messages: list[Message] = [
            {"type": "http.request", "body": part, "more_body": index < len(parts) - 1}
            for index, part in enumerate(parts)
        ]
        self.sent: list[Message] = []
        self.gone = asyncio.Event()
        self.received = 0

    async def receive(self) -> Message:
        """The next message; when all are taken, the disconnect once `gone` is set."""
        if self.messages:
            self.received += 1
            return self.messages.pop(0)
        await self.gone.wait()
        return {"type": "http.disconnect"}

    async def send(self, message: Message) -> None:
        """Keep a message of the answer."""
        self.sent.append(message)

    @property
    def answered(self) -> Answered:
        """The whole answer."""
        start, *rest = self.sent
        headers = {name.decode(): value.decode() for name, value in start["headers"]}
        return Answered(start["status"], headers, b"".join(message.get("body", b"") for message in rest))


class Client:
    """Sends requests to an application."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    def request(
        self, method: str, path: str, chunks: Iterable[bytes] = (b"",), headers: Mapping[str, str] | None = None
    ) -> Answered:
        """The answer to a request whose body comes in `chunks`."""

        async def call() -> Answered:
            wire = Wire(chunks)
            await self.app(scope_of(method, path, headers), wire.receive, wire.send)
            return wire.answered

        return asyncio.run(call())

    def get(self, path: str, **headers: str) -> Answered:
        """The answer to a GET."""
        return self.request("GET", path, headers=headers)

    def post(self, path: str, content: Any, headers: Mapping[str, str] | None = None) -> Answered:
        """The answer to a POST of `content`: bytes as they are, anything else as JSON."""
        body = content if isinstance(content, bytes) else json.dumps(content).encode()
        return self.request("POST", path, [body], JSON_TYPE if headers is None else headers)

    def grad(self, expr: str, at: Mapping[str, Any] | None = None, **fields: Any) -> Answered:
        """The answer to a question at `/grad`."""
        return self.post("/grad", {"expr": expr, "at": at or {}, **fields})

    def value(self, expr: str, at: Mapping[str, Any] | None = None, **fields: Any) -> Answered:
        """The answer to a question at `/value`."""
        return self.post("/value", {"expr": expr, "at": at or {}, **fields})


def _not_json(word: str) -> Any:
    raise AssertionError(f"{word} stands in an answer and is not JSON")


async def raises(scope: Scope, receive: Receive, send: Send) -> None:
    """An application that fails."""
    raise RuntimeError("the secret story")
