"""`/value` and `/grad`, in-process and with the real engine."""

from __future__ import annotations

import asyncio
import io
import json
import threading
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pytest

from engine.engine import Engine
from engine.limits import Budget
from engine.question import Answer, Ask, Question
from service.app import build, create_app, edged
from service.arrays import to_array
from service.context import Context
from service.edge import CLIENT_CLOSED
from service.gate import Gate
from service.metrics import Metrics
from service.packed import pack
from service.settings import Settings
from tests.service.asgi import JSON_TYPE, Client, Wire, scope_of


def test_the_contracts_example(client: Client) -> None:
    answered = client.grad("x^2*sin(y)", {"x": 3, "y": 0.5})
    assert answered.status == 200
    assert answered.headers["content-type"] == "application/json"
    assert answered.body == (
        b'{"value":4.314829847437827,"grad":{"x":2.876553231625218,"y":7.898243057013355},"warnings":[]}'
    )


def test_value_alone(client: Client) -> None:
    assert client.value("x^2", {"x": 3}).json() == {"value": 9.0, "warnings": []}
    assert client.value("x", {"x": [[1, 2], [3, 4]]}).json()["value"] == [[1.0, 2.0], [3.0, 4.0]]
    assert client.value("x > 1", {"x": [1, 2]}).json()["value"] == [False, True]
    assert client.value("1 + 1").json()["value"] == 2


def test_wrt_and_batch(client: Client) -> None:
    assert client.grad("x*y", {"x": 3, "y": 5}, wrt="y").json()["grad"] == {"y": 3.0}
    assert client.grad("x*y", {"x": 3, "y": 5}, wrt=["y", "x"]).json()["grad"] == {"y": 3.0, "x": 5.0}
    batch = client.grad("x*y", {"x": [1, 2, 3], "y": 5}, batch=["x"]).json()
    assert batch["value"] == [5.0, 10.0, 15.0]
    assert batch["grad"]["x"] == [5.0, 5.0, 5.0]
    assert client.grad("sum(v^2)", {"v": [[1, 2], [3, 4]]}, batch=True).json()["value"] == [5.0, 25.0]


def test_packed_in_and_out(client: Client) -> None:
    x = np.linspace(-1, 1, 7)
    answered = client.grad("sum(x^3)", {"x": pack(x)}, encoding="base64").json()
    assert (
        to_array(answered["grad"]["x"], 10**6).tolist()
        == client.grad("sum(x^3)", {"x": x.tolist()}).json()["grad"]["x"]
    )
    assert isinstance(answered["value"], float)


def test_numbers_that_are_not_finite(client: Client) -> None:
    assert client.value("x", {"x": ["NaN", "Infinity", "-Infinity", -0.0]}).json()["value"] == [
        "NaN",
        "Infinity",
        "-Infinity",
        -0.0,
    ]


def test_warnings_have_codes_and_spans(client: Client) -> None:
    (warning,) = client.grad("1 + abs(x)", {"x": 0}).json()["warnings"]
    assert warning["code"] == "kink"
    assert warning["span"] == {"line": 1, "column": 5, "end_line": 1, "end_column": 11}
    assert warning["message"]


def test_names_in_unicode(client: Client) -> None:
    assert client.grad("α*ß", {"α": 2, "ß": 3}).json()["grad"] == {"α": 3.0, "ß": 2.0}


@pytest.mark.parametrize(
    ("body", "name", "pointers"),
    [
        (b"", "invalid-json", None),
        (b"not json", "invalid-json", None),
        (b"[" * 10_000, "invalid-json", None),
        (b'{"expr":' * 300 + b"1" + b"}" * 300, "invalid-json", None),
        (b"\xff\xfe{}", "invalid-json", None),
        (b"[]", "invalid-request", [""]),
        (b"{}", "invalid-request", ["/expr"]),
        (b'{"expr": 3}', "invalid-request", ["/expr"]),
        (b'{"expr": "x", "at": {"x": "three"}}', "invalid-request", ["/at/x"]),
        (b'{"expr": "x", "at": {"x": [1, [2]]}}', "invalid-request", ["/at/x/1"]),
        (b'{"expr": "x + y", "at": {"x": 1}}', "unknown-name", None),
        (b'{"expr": "x", "at": {"x": 1}, "wrt": "z"}', "invalid-request", ["/wrt"]),
        (b'{"expr": "x", "at": {"x": 1}, "wrt": ["x", "x"]}', "invalid-request", ["/wrt/1"]),
        (b'{"expr": "x", "at": {"x": 1}, "batch": true}', "invalid-request", ["/at/x"]),
        (b'{"program": "return y", "at": {"x": 1}}', "unknown-name", ["/at/y"]),
        (b'{"expr": "(x", "at": {"x": 1}}', "syntax-error", None),
        (b'{"expr": "sine(x)", "at": {"x": 1}}', "unknown-name", None),
        (b'{"expr": "x^2", "at": {"x": [1, 2]}}', "not-scalar", None),
        (b'{"expr": "sum(x + y)", "at": {"x": [1, 2], "y": [1, 2, 3]}}', "shape-mismatch", None),
        (b'{"expr": "sum(zeros(10^9))", "at": {}}', "limit-exceeded", None),
        (b'{"expr": "x[0.5]", "at": {"x": [1]}}', "type-mismatch", None),
    ],
)
def test_refusals(client: Client, body: bytes, name: str, pointers: list[str] | None) -> None:
    answered = client.post("/grad", body)
    assert answered.status == (400 if name == "invalid-json" else 422)
    assert answered.name == name
    assert answered.headers["x-request-id"]
    if pointers is not None:
        assert answered.pointers == pointers


def test_a_refused_text_is_shown_with_its_place(client: Client) -> None:
    problem = client.grad("2 * sine(x)", {"x": 1}).problem
    assert problem["span"] == {"line": 1, "column": 5, "end_line": 1, "end_column": 9}
    assert problem["excerpt"] == "2 * sine(x)\n    ^^^^"
    assert "sin" in problem["hint"]


@pytest.mark.parametrize(
    "expr",
    [
        "9^9^9^9^9",
        "(" * 5000,
        "-" * 5000 + "x",
        "x" * 10**5,
        "x" + "+x" * 40_000,
        "[" * 90 + "x" + "]" * 90,
        "x\x00y",
        "𝕏" * 50,
    ],
)
def test_bombs_are_answered(client: Client, expr: str) -> None:
    assert client.grad(expr, {"x": 1}).status in (200, 422)


def test_a_form_gets_a_hint(client: Client) -> None:
    form = {"content-type": "application/x-www-form-urlencoded"}
    answered = client.post("/grad", b'{"expr": "x", "at": {"x": 1}}', form)
    assert (answered.status, answered.name) == (415, "unsupported-media-type")
    assert "content-type: application/json" in answered.problem["hint"]


def test_a_body_without_a_declared_type_is_json(client: Client) -> None:
    assert client.post("/grad", b'{"expr": "x", "at": {"x": 1}}', {}).status == 200


def test_a_body_above_the_limit_is_refused() -> None:
    client = Client(create_app(Settings(body_bytes=1024), io.StringIO()))
    assert client.post("/grad", b" " * 1025).name == "too-large"
    assert client.post("/grad", b" " * 1025, JSON_TYPE | {"content-length": "1025"}).status == 413


def test_an_answer_above_the_limit_is_refused() -> None:
    client = Client(create_app(Settings(answer_bytes=1024), io.StringIO()))
    assert client.value("zeros(51)").status == 200
    answered = client.value("zeros(52)")
    assert (answered.status, answered.problem["limit"]["name"]) == (422, "answer_bytes")


def test_large_bodies_and_answers_come_through(client: Client) -> None:
    x = [float(number) for number in range(20_000)]
    answered = client.grad("sum(x^2)", {"x": x}).json()
    assert answered["grad"]["x"] == [2 * number for number in x]


def test_long_and_unseen_texts_come_through(client: Client) -> None:
    assert client.value("+".join(["x"] * 1000), {"x": 1}).json()["value"] == 1000.0
    assert client.value("sum(arange(3*10^6))*x", {"x": 0}).json()["value"] == 0.0


def test_the_timing_names_the_phases(client: Client) -> None:
    first = client.grad("x^2 + 12345", {"x": 1}).headers["server-timing"]
    again = client.grad("x^2 + 12345", {"x": 2}).headers["server-timing"]
    for timing in (first, again):
        assert [part.split(";dur=")[0] for part in timing.split(", ")] == ["parse", "derive", "run", "total"]
    assert "parse;dur=0.000, derive;dur=0.000" in again
    assert "parse;dur=0.000" not in first


@dataclass
class HeavyQuestion:
    """Claims to be heavy, and runs until it is let go or withdrawn."""

    began: threading.Event = field(default_factory=threading.Event)
    free: threading.Event = field(default_factory=threading.Event)
    seconds: float = 60.0
    open_ended: bool = False

    def run(self, question: Question, budget: Budget) -> Answer:
        """Wait."""
        self.began.set()
        while not self.free.wait(0.001):
            budget.check()
        return Answer(np.float64(1.0), {}, [], {"run": 0.0})  # type: ignore[arg-type]


class HeavyEngine(Engine):
    """The engine, to which the text `heavy` is heavy."""

    def __init__(self) -> None:
        super().__init__()
        self.heavy = HeavyQuestion()

    def find(self, question: Question, ask: Ask) -> Any:
        """What is cached, or the heavy one."""
        return self.heavy if question.text == "heavy" else super().find(question, ask)


class Stage:
    """An application with one thread, no queue, and a text that holds it as long as a test wants."""

    def __init__(self) -> None:
        engine, gate = HeavyEngine(), Gate(1, 0)
        self.heavy, self.gate = engine.heavy, gate
        plain = Context.build(Settings())
        self.metrics = Metrics(engine, gate, plain.runner, plain.feed)
        context = replace(plain, engine=engine, gate=gate, metrics=self.metrics)
        self.log = io.StringIO()
        self.app = edged(build(context), context, self.log)

    def send(self, expr: str) -> tuple[asyncio.Task[None], Wire]:
        """Send a question without waiting for its answer."""
        wire = Wire([json.dumps({"expr": expr, "at": {}}).encode()])
        return asyncio.create_task(self._send(wire)), wire

    async def _send(self, wire: Wire) -> None:
        await self.app(scope_of("POST", "/value", JSON_TYPE), wire.receive, wire.send)

    async def busy(self) -> None:
        """Wait until the thread is taken."""
        assert await asyncio.to_thread(self.heavy.began.wait, 20)


def test_light_questions_are_answered_while_heavy_ones_run() -> None:
    async def story() -> None:
        stage = Stage()
        task, wire = stage.send("heavy")
        await stage.busy()
        light, answer = stage.send("1+1")
        await light
        assert answer.answered.json()["value"] == 2
        assert not task.done()
        stage.heavy.free.set()
        await task
        assert wire.answered.json() == {"value": 1.0, "warnings": []}

    asyncio.run(story())


def test_one_heavy_question_too_many_is_refused() -> None:
    async def story() -> None:
        stage = Stage()
        task, _ = stage.send("heavy")
        await stage.busy()
        refused, answer = stage.send("heavy")
        await refused
        assert (answer.answered.status, answer.answered.name) == (503, "overloaded")
        assert int(answer.answered.headers["retry-after"]) >= 1
        stage.heavy.free.set()
        await task

    asyncio.run(story())


def test_a_client_that_leaves_costs_nothing_more() -> None:
    async def story() -> None:
        stage = Stage()
        task, wire = stage.send("heavy")
        await stage.busy()
        assert stage.metrics.in_flight == 1
        wire.gone.set()
        await task
        assert wire.sent == []
        assert stage.metrics.in_flight == 0
        assert stage.metrics.requests[("/value", CLIENT_CLOSED)].count == 1
        while stage.gate.running:
            await asyncio.sleep(0)

    asyncio.run(story())
