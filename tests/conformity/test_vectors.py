"""“POST /vectors {question without at, "domain", "count", "seed"} → golden points and answers”."""

from __future__ import annotations

import csv
import io
import math
from typing import Any

import pytest

from tests.conformity.server import Server, pointers

ASKED: dict[str, Any] = {"expr": "sqrt(x) + abs(x - y)", "domain": {"x": [0, 3], "y": [-1, 1]}, "count": 4, "seed": 1}


def test_points_with_values_and_gradients(server: Server) -> None:
    """“golden points and answers to keep in a test suite”"""
    answer = server.ask("/vectors", **ASKED)
    assert sum(vector["kind"] == "random" for vector in answer["vectors"]) == 4
    for vector in answer["vectors"]:
        assert 0 <= vector["at"]["x"] <= 3
        assert -1 <= vector["at"]["y"] <= 1
        assert set(vector["grad"]) == {"x", "y"}


def test_the_answers_are_those_of_the_service(server: Server) -> None:
    """“value, gradient in 50-digit truth rounded to float64”: what `exact` answers."""
    for vector in server.ask("/vectors", **ASKED)["vectors"]:
        if vector["differentiable"]:
            answer = server.ask("/grad", expr=ASKED["expr"], at=vector["at"], precision="exact")
            assert (answer["value"], answer["grad"]) == (vector["value"], vector["grad"])


def test_treacherous_points_are_added(server: Server) -> None:
    """“plus the treacherous ones (kinks, poles, ±0, tiny, huge, cancelling)”"""
    vectors = server.ask("/vectors", **ASKED)["vectors"]
    assert any(not vector["differentiable"] for vector in vectors)
    assert any(vector["at"]["x"] == 0 for vector in vectors)


def test_a_claim_within_the_tolerance_passes_a_check(server: Server) -> None:
    """“suggested tolerance”: absolute errors, for each number."""
    vector = server.ask("/vectors", **ASKED)["vectors"][0]
    assert vector["tolerance"]["value"] > 0
    assert set(vector["tolerance"]["grad"]) == {"x", "y"}


def test_the_same_seed_gives_the_same_points(server: Server) -> None:
    """““seed”: everything random is drawn from it”"""
    again = {**ASKED, "seed": 2}
    first = server.ask("/vectors", **ASKED)
    assert server.ask("/vectors", **ASKED) == first
    assert server.ask("/vectors", **again)["vectors"] != first["vectors"]


def test_csv_has_the_same_numbers(server: Server) -> None:
    """“JSON, CSV, NPZ”"""
    vectors = server.ask("/vectors", **ASKED)["vectors"]
    answer = server.post("/vectors", {**ASKED, "format": "csv"})
    assert answer.headers["content-type"].startswith("text/csv")
    rows = list(csv.DictReader(io.StringIO(answer.text)))
    assert [float(row["value"]) for row in rows] == [vector["value"] for vector in vectors]
    assert [float(row["at.x"]) for row in rows] == [vector["at"]["x"] for vector in vectors]


def test_npz_is_an_archive(server: Server) -> None:
    """“JSON, CSV, NPZ”"""
    answer = server.post("/vectors", {**ASKED, "format": "npz"})
    assert (answer.status, answer.body[:2]) == (200, b"PK")


@pytest.mark.parametrize(
    ("fields", "pointer"),
    [
        ({"at": {"x": 1}}, "/at"),
        ({"domain": {}}, "/domain"),
        ({"domain": {"x": [1, 0], "y": [0, 1]}}, "/domain/x"),
        ({"count": -1}, "/count"),
        ({"seed": "one"}, "/seed"),
        ({"format": "xml"}, "/format"),
        ({"cuont": 1}, "/cuont"),
    ],
)
def test_what_cannot_be_answered_is_refused(server: Server, fields: dict[str, Any], pointer: str) -> None:
    """“{question without at, "domain", "count", "seed"}”"""
    problem = server.refused("/vectors", 422, "invalid-request", **{**ASKED, **fields})
    assert pointer in pointers(problem)


def test_how_many_points_there_may_be_is_told(server: Server) -> None:
    """“Limits … are settings; GET /limits tells them.”"""
    limit = server.refused("/vectors", 422, "limit-exceeded", **{**ASKED, "count": 10**9})["limit"]
    assert server.get("/limits").content[limit["name"]] == limit["value"]


def test_the_truth_has_the_sign_of_zero(server: Server) -> None:
    """“in 50-digit truth rounded to float64”: what `/value` answers there."""
    answer = server.ask("/vectors", expr="x", domain={"x": [-1, 1]}, count=1, seed=1)
    (zero,) = [vector for vector in answer["vectors"] if vector["kind"] == "negative zero"]
    assert math.copysign(1, zero["at"]["x"]) == -1
    assert math.copysign(1, zero["value"]) == -1
