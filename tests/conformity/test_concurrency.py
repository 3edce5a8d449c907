"""Many clients at once, each of which gets its own answer."""

from __future__ import annotations

import math
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tests.conformity.server import JSON, Answer, Server

CLIENTS = 50


STORING = 20
"""Clients that store at the same time: fewer than a server lets wait."""


def asked_at_once(ask: Callable[[int], Any], clients: int = CLIENTS) -> list[Any]:
    """The answers to as many questions as there are clients."""
    with ThreadPoolExecutor(clients) as pool:
        return list(pool.map(ask, range(clients)))


def test_fifty_different_questions_at_once(server: Server) -> None:
    """Each is answered with its own numbers, under its own id."""

    def ask(index: int) -> tuple[int, str, Any]:
        body = f'{{"expr":"{index}*x^2 + sin(x)","at":{{"x":{index}}}}}'.encode()
        answer = server.send("POST", "/grad", body, {**JSON, "X-Request-ID": f"client-{index}"})
        return answer.status, answer.headers["x-request-id"], answer.content

    for index, (status, request_id, content) in enumerate(asked_at_once(ask)):
        assert (status, request_id) == (200, f"client-{index}")
        assert content["value"] == pytest.approx(index**3 + math.sin(index), rel=1e-14)
        assert content["grad"]["x"] == pytest.approx(2 * index**2 + math.cos(index), rel=1e-14)


def test_one_question_at_fifty_points_at_once(server: Server) -> None:
    """A text that is compiled once answers each with its own numbers."""

    def ask(index: int) -> Any:
        return server.ask("/grad", expr="sum(x^2)*y", at={"x": [index] * 1000, "y": index})

    for index, answer in enumerate(asked_at_once(ask)):
        assert answer["value"] == 1000 * index**3
        assert answer["grad"] == {"x": [2 * index**2] * 1000, "y": 1000 * index**2}


def test_questions_of_all_kinds_at_once(server: Server) -> None:
    """Light and heavy, in float64 and in more, right and wrong: none gets the answer of another."""

    def ask(index: int) -> bool:
        x = 1 + index / 10
        kind = index % 5
        if kind == 0:
            return bool(server.ask("/hessian", expr="x^3", at={"x": x})["hessian"]["x"]["x"] == 6 * x)
        if kind == 1:
            answer = server.ask("/value", expr="(a + b) - a", at={"a": 1e16, "b": x})
            return bool(answer["value"] == x)
        if kind == 2:
            report = server.ask("/check", expr="x^2", at={"x": x}, claimed={"grad": {"x": 2 * x + 1}})
            return bool(report["verdict"] == "incorrect" and report["components"][0]["expected"] == 2 * x)
        if kind == 3:
            problem = server.refused("/grad", 422, "unknown-name", expr=f"nothing_{index}(x)", at={"x": x})
            return f"nothing_{index}" in problem["detail"]
        answer = server.ask("/value", expr="sum(outer(x, x))", at={"x": [x] * 300}, precision="float64")
        return bool(answer["value"] == pytest.approx(90000 * x * x, rel=1e-12))

    assert all(asked_at_once(ask))


def test_the_same_function_stored_by_many_at_once_is_one(server: Server, unique: str) -> None:
    """“the same content twice is the same function”"""
    content = {"expr": f"x^2  # {unique}", "name": unique}
    answers = asked_at_once(lambda _: server.post("/functions", content), STORING)
    try:
        assert sorted(answer.status for answer in answers) == [200] * (STORING - 1) + [201]
        assert len({answer.content["id"] for answer in answers}) == 1
    finally:
        assert server.send("DELETE", f"/functions/{unique}").status == 204


def test_a_name_that_many_want_at_once_goes_to_one(server: Server, unique: str) -> None:
    """“409: conflict”"""

    def ask(index: int) -> Answer:
        return server.post("/functions", {"expr": f"x^{index}  # {unique}", "name": unique})

    answers = asked_at_once(ask, STORING)
    try:
        assert sorted(answer.status for answer in answers) == [201] + [409] * (STORING - 1)
    finally:
        assert server.send("DELETE", f"/functions/{unique}").status == 204


def test_more_than_may_wait_are_sent_away_and_told_when_to_come_back(server: Server) -> None:
    """“429, 503: rate-limited, overloaded (both with Retry-After)”; light questions are answered meanwhile."""
    limits = server.get("/limits").content
    crowd = limits["queue"] + limits["threads"] + 30
    heavy = {"expr": "trace(inv(x*eye(200)))", "at": {"x": 2}, "precision": "float64"}

    def ask(index: int) -> Answer:
        if index % 10 == 0:
            return server.post("/value", {"expr": f"x + {index}", "at": {"x": 1}})
        return server.post("/grad", heavy)

    answers = asked_at_once(ask, crowd)
    assert [answer.content["value"] for answer in answers[::10]] == [1 + index for index in range(0, crowd, 10)]
    refused = [answer for answer in answers if answer.status != 200]
    for answer in refused:
        answer.problem(503, "overloaded")
        assert int(answer.headers["retry-after"]) > 0
    assert len(refused) < crowd - limits["queue"] / 2
    if not refused:
        pytest.skip("this server has room for all of them")
