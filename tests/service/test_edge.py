"""What every answer carries, and what becomes of errors nobody expected."""

from __future__ import annotations

import io
import json
from dataclasses import replace
from typing import Any

import pytest

from engine.engine import Engine
from service.app import build, edged
from service.context import Context
from service.edge import Edge
from service.gate import Gate
from service.logs import Log
from service.metrics import Metrics
from service.settings import Settings
from tests.service.asgi import JSON_TYPE, Client, raises


class BrokenEngine(Engine):
    """An engine with a defect, or without memory."""

    error: Exception = RuntimeError("the secret story")

    def find(self, question: Any, ask: Any) -> Any:
        """Fail."""
        raise self.error


def broken(error: Exception) -> tuple[Client, io.StringIO, Context]:
    """A client of an application whose engine fails, its log, and its context."""
    engine, gate, log = BrokenEngine(), Gate(1, 1), io.StringIO()
    engine.error = error
    plain = Context.build(Settings())
    metrics = Metrics(engine, gate, plain.runner, plain.feed)
    context = replace(plain, engine=engine, gate=gate, metrics=metrics)
    return Client(edged(build(context), context, log)), log, context


@pytest.mark.parametrize("given", ["me", "a" * 128, "~!@#$%^&*()"])
def test_the_clients_request_id_comes_back(client: Client, given: str) -> None:
    for path in ("/healthz", "/nowhere"):
        assert client.request("GET", path, headers={"x-request-id": given}).headers["x-request-id"] == given
    assert client.post("/grad", b"", JSON_TYPE | {"x-request-id": given}).headers["x-request-id"] == given


@pytest.mark.parametrize("given", ["", "a" * 129, "a b", "ä", "a\r\nb: c"])
def test_an_insane_request_id_is_replaced(client: Client, given: str) -> None:
    found = client.request("GET", "/healthz", headers={"x-request-id": given}).headers["x-request-id"]
    assert found != given
    assert 5 < len(found) < 40


def test_request_ids_differ(client: Client) -> None:
    assert len({client.get("/healthz").headers["x-request-id"] for _ in range(100)}) == 100


@pytest.mark.parametrize("path", ["/healthz", "/nowhere", "/docs", "/openapi.json", "/errors/internal", "/grad"])
def test_every_answer_is_timed(client: Client, path: str) -> None:
    assert "total;dur=" in client.get(path).headers["server-timing"]


@pytest.mark.parametrize(
    "path", ["/", "/nowhere", "/grad/", "/grad/x", "/errors/no-such", "/primitives/no-such", "/docs/x"]
)
def test_what_is_not_there_is_a_problem(client: Client, path: str) -> None:
    answered = client.get(path)
    if path != "/":
        assert (answered.status, answered.name) == (404, "not-found")


def test_a_near_address_is_named(client: Client) -> None:
    assert client.post("/gradient", {}).problem["hint"] == "/grad"
    assert client.get("/grad/").problem["hint"] == "/grad"
    assert "hint" not in client.get("/" + "y" * 5000).problem


@pytest.mark.parametrize(
    ("method", "path", "allow"), [("GET", "/grad", "POST"), ("PUT", "/value", "POST"), ("POST", "/limits", "GET")]
)
def test_a_wrong_method_is_told_the_right_one(client: Client, method: str, path: str, allow: str) -> None:
    answered = client.request(method, path)
    assert (answered.status, answered.name, answered.headers["allow"]) == (405, "method-not-allowed", allow)


def test_head_is_get(client: Client) -> None:
    assert client.request("HEAD", "/healthz").status == 200
    assert client.request("HEAD", "/nowhere").status == 404


@pytest.mark.parametrize("answer", ["lean", "framework", "bare"])
def test_a_defect_is_told_without_its_story(answer: str) -> None:
    client, log, context = broken(RuntimeError("the secret story"))
    if answer == "framework":
        context.engine.cache_info = None  # type: ignore[assignment, method-assign]
        answered = client.get("/metrics")
    elif answer == "lean":
        answered = client.grad("x", {"x": 1})
    else:
        log = io.StringIO()
        answered = Client(Edge(raises, {}, context.metrics, Log(Settings(), log), lambda: None)).get("/x")
    assert (answered.status, answered.name) == (500, "internal")
    assert answered.problem["request_id"] == answered.headers["x-request-id"]
    assert b"secret" not in answered.body
    assert b"Traceback" not in answered.body
    assert context.metrics.in_flight == 0
    lines = [json.loads(line) for line in log.getvalue().splitlines()]
    (failed,) = [line for line in lines if line["action"] == "request-failed"]
    assert failed["request_id"] == answered.headers["x-request-id"]
    assert "Traceback" in failed["exception"]


def test_a_lack_of_memory_is_a_refusal() -> None:
    client, _, _ = broken(MemoryError())
    answered = client.grad("x", {"x": 1})
    assert (answered.status, answered.name) == (422, "budget-exceeded")
