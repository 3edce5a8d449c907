"""A server that is known by its address alone, and its answers."""

from __future__ import annotations

import json
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPSConnection
from typing import Any
from urllib.parse import urlsplit

import pytest

PATIENCE = 60.0
"""Seconds after which a test gives up on an answer."""
JSON = {"content-type": "application/json"}
PROBLEM = "application/problem+json"
POSTED = [
    "/value",
    "/grad",
    "/jacobian",
    "/hessian",
    "/jvp",
    "/vjp",
    "/hvp",
    "/check",
    "/check/plan",
    "/check/verdict",
    "/check/steps",
]
"""Where questions are posted."""


def no_constant(text: str) -> Any:
    """Refuses what is not JSON, though Python's parser takes it: NaN and Infinity without quotes."""
    raise AssertionError(f"{text} is not JSON")


@dataclass(frozen=True)
class Answer:
    """A whole answer; the names of its headers are in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def text(self) -> str:
        """The body as text."""
        return self.body.decode()

    @property
    def content(self) -> Any:
        """The body as JSON."""
        return json.loads(self.body, parse_constant=no_constant)

    def problem(self, status: int, name: str) -> Any:
        """The body, which has to be a problem of this status and name with all that every problem has."""
        assert self.status == status, self.text
        assert self.headers["content-type"] == PROBLEM
        content = self.content
        assert content["type"].rsplit("/", 1)[1] == name, self.text
        assert content["status"] == status
        assert content["title"]
        assert content["detail"]
        return content


class Server:
    """Sends requests, each on a connection of its own."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        assert parts.scheme in ("http", "https"), f"not an address of a server: {url}"
        assert parts.hostname, f"not an address of a server: {url}"
        self.host, self.port, self.base = parts.hostname, parts.port, parts.path.rstrip("/")
        self._kind = HTTPSConnection if parts.scheme == "https" else HTTPConnection

    def send(
        self, method: str, path: str, body: bytes | None = None, headers: Mapping[str, str] | None = None
    ) -> Answer:
        """The answer to any request."""
        connection = self._kind(self.host, self.port, timeout=PATIENCE)
        try:
            connection.request(method, self.base + path, body, dict(headers or {}))
            response = connection.getresponse()
            found = {name.lower(): value for name, value in response.getheaders()}
            return Answer(response.status, found, response.read())
        finally:
            connection.close()

    def connect(self) -> socket.socket:
        """A connection without any HTTP."""
        if self._kind is HTTPSConnection:
            pytest.skip("needs http: what is sent are bytes")
        return socket.create_connection((self.host, self.port or 80), timeout=PATIENCE)

    def get(self, path: str) -> Answer:
        """The answer to a GET."""
        return self.send("GET", path)

    def post(self, path: str, content: Any) -> Answer:
        """The answer to a POST of JSON."""
        return self.send("POST", path, json.dumps(content, allow_nan=False).encode(), JSON)

    def ask(self, path: str, **question: Any) -> Any:
        """What is answered to a question that has to be answered."""
        answer = self.post(path, question)
        assert answer.status == 200, answer.text
        assert answer.headers["content-type"] == "application/json"
        return answer.content

    def refused(self, path: str, status: int, name: str, **question: Any) -> Any:
        """The problem with a question that has to be refused."""
        return self.post(path, question).problem(status, name)


def pointers(problem: Any) -> list[str]:
    """The places that a problem names."""
    return [fault["pointer"] for fault in problem.get("errors", [])]


def codes(answer: Any) -> list[str]:
    """The codes of the warnings of an answer, each once."""
    return sorted({warning["code"] for warning in answer["warnings"]})
