"""Numbers on the wire."""

from __future__ import annotations

import json
import math
import random
import struct
from typing import Any

import pytest

from tests.conformity.server import JSON, Server, codes

TREACHEROUS = [0.1, 1 / 3, 5e-324, 2.2250738585072014e-308, 1.7976931348623157e308, 2.0**53 + 2, 1e22, 1e23, 4.35, -0.0]


def bits(number: float) -> bytes:
    """The bytes of a float64."""
    return struct.pack("<d", number)


@pytest.mark.parametrize("number", TREACHEROUS)
def test_a_client_gets_back_the_same_bits(server: Server, number: float) -> None:
    """“Numbers are float64, written shortest-round-trip, so a client gets back the same bits.”"""
    answer = server.ask("/value", expr="x", at={"x": number})
    assert bits(float(answer["value"])) == bits(number)


def test_ten_thousand_random_numbers_come_back_with_the_same_bits(server: Server) -> None:
    """“Numbers are float64, written shortest-round-trip, so a client gets back the same bits.”"""
    draw = random.Random(0)
    words = (struct.unpack("<d", draw.randbytes(8))[0] for _ in range(10_100))
    numbers = [number for number in words if math.isfinite(number)]
    answer = server.post("/value", {"expr": "x", "at": {"x": numbers}})
    assert [bits(n) for n in answer.content["value"]] == [bits(n) for n in numbers]


def test_no_number_is_written_longer_than_needed(server: Server) -> None:
    """“written shortest-round-trip”: as many digits as Python's repr, which is the shortest."""
    numbers = [0.1, 1e-7, 123456789.125, 2 / 3, 1e100]
    text = server.post("/value", {"expr": "x", "at": {"x": numbers}}).text
    written = text.removeprefix('{"value":[').partition("]")[0].split(",")
    digits = [sum(c.isdigit() for c in w.lower().partition("e")[0].strip("-0.")) for w in written]
    shortest = [sum(c.isdigit() for c in repr(n).lower().partition("e")[0].strip("-0.")) for n in numbers]
    assert digits == shortest


@pytest.mark.parametrize("text", ["NaN", "Infinity", "-Infinity"])
def test_numbers_that_are_not_finite_are_strings(server: Server, text: str) -> None:
    """“Non-finite values are the strings "NaN", "Infinity", "-Infinity", in requests and answers.”"""
    assert server.ask("/value", expr="x", at={"x": text})["value"] == text
    assert server.ask("/value", expr="x", at={"x": [1, [text][0]]})["value"] == [1, text]


@pytest.mark.parametrize(("expr", "shown"), [("1/x", "Infinity"), ("-1/x", "-Infinity"), ("log(x - 1)", "NaN")])
def test_what_becomes_infinite_is_a_string(server: Server, expr: str, shown: str) -> None:
    """“Non-finite values are the strings …, in requests and answers.”"""
    answer = server.ask("/value", expr=expr, at={"x": 0}, precision="float64")
    assert answer["value"] == shown
    assert "non-finite" in codes(answer)


@pytest.mark.parametrize("text", ["nan", "inf", "infinity", "1", "", "+Infinity"])
def test_no_other_string_is_a_number(server: Server, text: str) -> None:
    """“Non-finite values are the strings "NaN", "Infinity", "-Infinity"” and no others."""
    problem = server.refused("/value", 422, "invalid-request", expr="x", at={"x": [0, text]})
    assert problem["errors"][0]["pointer"] == "/at/x/1"


def spelled(question: str, number: str) -> bytes:
    """A question with a number spelled in a certain way."""
    return question.replace("?", number).encode()


@pytest.mark.parametrize(
    "question",
    [
        '{"expr":"x^2/3","at":{"x":?}}',
        '{"expr":"v[i]","at":{"v":[10,20,30,40],"i":?},"wrt":"v"}',
        '{"expr":"sum(v[:n])","at":{"v":[10,20,30,40],"n":?},"wrt":"v"}',
        '{"expr":"x // 2 + x % 2 + sum(x*ones(2))","at":{"x":?}}',
    ],
)
def test_the_spelling_of_a_number_changes_nothing(server: Server, question: str) -> None:
    """“JavaScript cannot tell 3 from 3.0: whether an input is an integer follows from its use, never its spelling.”"""
    answers: list[Any] = []
    for number in ("3", "3.0", "3e0", "30e-1"):
        answer = server.send("POST", "/grad", spelled(question, number), JSON)
        assert answer.status == 200, answer.text
        answers.append(answer.text)
    assert len(set(answers)) == 1


def test_an_input_used_as_an_integer_has_to_be_whole(server: Server) -> None:
    """“whether an input is an integer follows from its use (loop bound, index, shape)”"""
    problem = server.refused("/value", 422, "type-mismatch", expr="v[i]", at={"v": [1, 2], "i": 0.5})
    assert "'i'" in problem["detail"]


def test_integers_beyond_2_to_the_53_are_read_as_float64(server: Server) -> None:
    """“Numbers are float64”"""
    answer = server.send("POST", "/value", b'{"expr":"x","at":{"x":9007199254740993}}', JSON)
    assert json.loads(answer.body)["value"] == 9007199254740992.0


def test_results_that_are_integers_and_truth_values_say_so(server: Server) -> None:
    """Integers and truth values are written as such."""
    assert server.post("/value", {"expr": "argmax(x)", "at": {"x": [0, 2]}}).text.startswith('{"value":1,')
    assert server.ask("/value", expr="x > 1", at={"x": [0, 2]})["value"] == [False, True]
