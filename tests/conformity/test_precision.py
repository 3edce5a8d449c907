"""“precision”, “digits” and “check” of a question."""

from __future__ import annotations

from typing import Any

import pytest

from tests.conformity.server import Server, codes

# expression, input, the derivative as it is, rounded once
RESOLVED = [
    ("(1 - cos(x))/x^2", 1e-9, -8.333333333333334e-11),
    ("sin(x)/x", 0.0, 0.0),
    ("sqrt(x)^2", 0.0, 1.0),
    ("relu(x) - relu(-x)", 0.0, 1.0),
    ("where(x == 1, 1, x^2)", 1.0, 2.0),
    ("sqrt(x + 1) - sqrt(x)", 1e12, -2.499999999998125e-19),
    ("x*abs(x)", 0.0, 0.0),
]


@pytest.mark.parametrize("precision", ["auto", "exact", None])
@pytest.mark.parametrize(("expr", "x", "expected"), RESOLVED)
def test_what_float64_cannot_see_is_computed_again(
    server: Server, expr: str, x: float, expected: float, precision: str | None
) -> None:
    """““auto” (default): … where the answer is not finite, sits on a singular point or a kink, or is estimated to have
    fewer than 8 right digits, it is computed again in the precision that it needs and rounded once”"""
    answer = server.ask("/grad", expr=expr, at={"x": x}, precision=precision)
    assert answer["grad"]["x"] == expected


@pytest.mark.parametrize("precision", ["auto", "exact"])
def test_a_value_that_cancels(server: Server, precision: str) -> None:
    """“computed again in the precision that it needs and rounded once”"""
    answer = server.ask("/value", expr="(a + b) - a", at={"a": 1e16, "b": 1.5}, precision=precision)
    assert answer["value"] == 1.5
    assert "escalated" in codes(answer)


def test_float64_is_never_computed_again(server: Server) -> None:
    """““float64”: never”"""
    question: dict[str, Any] = {"expr": "(a + b) - a", "at": {"a": 1e16, "b": 1.5}, "precision": "float64"}
    answer = server.ask("/value", **question)
    assert (answer["value"], answer["warnings"]) == (2, [])
    nan = server.ask("/grad", expr="sin(x)/x", at={"x": 0}, precision="float64")
    assert (nan["value"], nan["grad"]["x"], codes(nan)) == ("NaN", "NaN", ["non-finite"])


def test_exact_is_always_computed_again(server: Server) -> None:
    """““exact”: always, correctly rounded”"""
    answer = server.ask("/grad", expr="exp(x)", at={"x": 1}, precision="exact")
    assert (answer["value"], answer["grad"]["x"]) == (2.718281828459045, 2.718281828459045)
    assert "escalated" in codes(answer)


def test_an_ordinary_answer_is_not_computed_again(server: Server) -> None:
    """““auto” (default): float64, and where …”"""
    question: dict[str, Any] = {"expr": "x^2*sin(y)", "at": {"x": 3, "y": 0.5}}
    plain = server.post("/grad", question)
    assert plain.content["warnings"] == []
    assert server.ask("/grad", **question, precision="float64") == plain.content
    assert server.ask("/grad", **question, precision="auto") == plain.content


@pytest.mark.parametrize(
    ("path", "part", "fields"),
    [
        ("/value", "value", {}),
        ("/jacobian", "jacobian", {}),
        ("/hessian", "hessian", {}),
        ("/jvp", "jvp", {"tangent": {"x": 1}}),
        ("/vjp", "vjp", {"cotangent": 1}),
        ("/hvp", "hvp", {"vector": {"x": 1}}),
    ],
)
def test_every_kind_of_answer_is_computed_again(server: Server, path: str, part: str, fields: dict[str, Any]) -> None:
    """“Sent to every endpoint that computes”: `precision` too. The function is 1 - x²/6 + x⁴/120 - …"""
    expected: dict[str, Any] = {
        "value": 1,
        "jacobian": {"x": 0},
        "hessian": {"x": {"x": pytest.approx(-1 / 3, rel=1e-15)}},
        "jvp": 0,
        "vjp": {"x": 0},
        "hvp": {"x": pytest.approx(-1 / 3, rel=1e-15)},
    }
    answer = server.ask(path, expr="sin(x)/x", at={"x": 0}, **fields)
    assert answer[part] == expected[part]
    assert "escalated" in codes(answer)


def test_the_digits_of_an_answer(server: Server) -> None:
    """“"digits": true gives the estimated number of right digits per component”"""
    question: dict[str, Any] = {"expr": "sum(x) + (a + b) - a", "at": {"x": [1, 2], "a": 1e14, "b": 1.5}}
    few = server.ask("/grad", **question, precision="float64", digits=True)["digits"]
    assert set(few) == {"value", "grad"}
    assert few["value"] < 8
    assert [len(few["grad"]["x"]), few["grad"]["a"] > 8] == [2, True]
    assert server.ask("/grad", **question, precision="auto", digits=True)["digits"]["value"] >= 15
    assert "digits" not in server.ask("/grad", **question)


def test_the_cost_of_more_precision_is_told(server: Server) -> None:
    """“Cost and count are told (escalated warning, Server-Timing)”"""
    answer = server.post("/grad", {"expr": "sin(x)/x", "at": {"x": 0}, "precision": "exact"})
    (warning,) = [w for w in answer.content["warnings"] if w["code"] == "escalated"]
    assert warning["digits"] > 16
    assert warning["count"] == 2
    assert "escalate;dur=" in answer.headers["server-timing"]


@pytest.mark.parametrize(
    ("path", "fields"),
    [
        ("/value", {}),
        ("/grad", {}),
        ("/jacobian", {}),
        ("/hessian", {}),
        ("/jvp", {"tangent": {"x": 1}}),
        ("/vjp", {"cotangent": 1}),
        ("/hvp", {"vector": {"x": 1, "y": 0}}),
    ],
)
def test_the_witnesses_can_be_asked_for_with_any_answer(server: Server, path: str, fields: dict[str, Any]) -> None:
    """“check: true: run the witnesses too and include their report”"""
    question: dict[str, Any] = {"expr": "x^2*sin(y)", "at": {"x": 3, "y": 0.5}, **fields}
    answer = server.ask(path, **question, check=True)
    report = answer.pop("check")
    assert report["verdict"] == "correct"
    assert report["witnesses"]["precise"]["status"] == "agree"
    assert all(row["ok"] for row in report["components"])
    assert answer == server.ask(path, **question)
    assert "check" not in server.ask(path, **question, check=False)
