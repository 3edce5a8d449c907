"""Clients of servers that come and go: they ask whoever answers, and resume what was cut off."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPException
from typing import Any

from service.jobs.job import FINISHED
from tests.service.jobs.chaos import PATIENCE, PAUSE, Cluster, until
from tests.service.jobs.orders import Content, Order
from tests.service.live import request_bytes

TIMEOUT = 15.0
JSON = {"content-type": "application/json"}


class Unanswered(Exception):
    """The request was sent, and no answer came."""


@dataclass
class Customer:
    """One client.  `refused` counts answers 503, after which it tries again as it is told to."""

    cluster: Cluster
    turn: int = 0
    refused: int = 0

    def ask(
        self,
        method: str,
        path: str,
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        again: bool = True,
    ) -> tuple[int, Any]:
        """Status and content of an answer.  A request that may not be sent `again` raises `Unanswered`."""
        end, pause = time.monotonic() + PATIENCE, threading.Event()
        while True:
            assert time.monotonic() < end, f"nobody answers {method} {path}"
            self.turn += 1
            ports = self.cluster.ports
            try:
                if ports:
                    status, content = _exchange(ports[self.turn % len(ports)], method, path, body, headers or {})
                    if status != 503:
                        return status, content
                    self.refused += 1
            except ConnectionRefusedError:
                pass
            except (OSError, HTTPException, ValueError) as error:
                if not again:
                    raise Unanswered from error
            pause.wait(PAUSE)

    def post(self, order: Order) -> Content | None:
        """The job that was accepted; None where its answer was lost and there is no key to ask again with."""
        headers = JSON | ({"idempotency-key": order.key} if order.key else {})
        if order.aborted and order.key and (ports := self.cluster.ports):
            _abort(ports[0], order.body, order.key)
        try:
            status, job = self.ask("POST", "/jobs", json.dumps(order.body).encode(), headers, order.key is not None)
        except Unanswered:
            return None
        assert status in (200, 202), f"{status}: {job}"
        return dict(job)

    def job(self, id: str) -> Content:
        """A job."""
        status, job = self.ask("GET", f"/jobs/{id}")
        assert status == 200, f"{status}: {job}"
        return dict(job)

    def history(self, id: str) -> Content:
        """The whole history of a job that has ended."""
        after = -1
        columns: Content = {}
        while True:
            _, page = self.ask("GET", f"/jobs/{id}/history?after={after}&limit=10000")
            next = page.pop("next")
            if not columns:
                columns = page
            else:
                for name, column in page.items():
                    if name == "variables":
                        columns[name]["x"] += column["x"]
                    else:
                        columns[name] += column
            if next is None:
                return columns
            assert next > after, f"{id} has ended, and its history goes on after {after}"
            after = next

    def cancel(self, id: str) -> Content:
        """Cancel a job, and ask again until it has stopped."""
        answers: list[Content] = []

        def stopped() -> bool:
            status, job = self.ask("POST", f"/jobs/{id}/cancel")
            answers.append(job)
            return status == 200

        until(stopped, f"{id} stops")
        return answers[-1]


@dataclass
class Watcher:
    """Follows the events of a job over all interruptions."""

    cluster: Cluster
    id: str
    rows: list[Content] = field(default_factory=list)
    states: list[str] = field(default_factory=list)
    connections: int = 0

    def run(self) -> None:
        """Watch until the final state."""
        pause, end = threading.Event(), time.monotonic() + 2 * PATIENCE
        while not (self.states and self.states[-1] in FINISHED) and time.monotonic() < end:
            ports = self.cluster.ports
            try:
                if ports:
                    self.connections += 1
                    self._follow(ports[self.connections % len(ports)])
            except (OSError, HTTPException, ValueError):
                pass
            pause.wait(PAUSE)

    def _follow(self, port: int) -> None:
        connection = HTTPConnection("127.0.0.1", port, timeout=TIMEOUT + 5)
        try:
            headers = {"last-event-id": str(len(self.rows) - 1)} if self.rows else {}
            connection.request("GET", f"/jobs/{self.id}/events", headers=headers)
            response = connection.getresponse()
            if response.status != 200:
                return
            event, data = "", ""
            while line := response.readline().decode():
                name, _, value = line.rstrip("\n").partition(": ")
                if name == "event":
                    event = value
                elif name == "data":
                    data = value
                elif not name and event:
                    # Only now is an event complete; what was cut off is sent again.
                    self._take(event, json.loads(data))
                    event = ""
        finally:
            connection.close()

    def _take(self, event: str, content: Content) -> None:
        if event == "step":
            self.rows.append(content)
        else:
            self.states.append(content["state"])


def in_background(call: Callable[[], object]) -> threading.Thread:
    """A thread that runs a call, and does not keep anybody waiting at the end."""
    thread = threading.Thread(target=call, daemon=True)
    thread.start()
    return thread


def _exchange(port: int, method: str, path: str, body: bytes | None, headers: Mapping[str, str]) -> tuple[int, Any]:
    connection = HTTPConnection("127.0.0.1", port, timeout=TIMEOUT)
    try:
        connection.connect()
        connection.request(method, path, body, dict(headers))
        response = connection.getresponse()
        raw = response.read()
        return response.status, json.loads(raw)
    finally:
        connection.close()


def _abort(port: int, body: Content, key: str) -> None:
    """Send a job and leave before it is answered."""
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=TIMEOUT) as connection:
            connection.sendall(request_bytes("/jobs", body, **{"idempotency-key": key}))
    except OSError:
        return
