"""“POST /check {question, "claimed": {"value"?, "grad"?}, "tolerance"?} → the report”."""

from __future__ import annotations

import math
from typing import Any

import pytest

from tests.conformity.server import Server, pointers

X, Y = 3.0, 0.5
QUESTION: dict[str, Any] = {"expr": "x^2*sin(y) + exp(-x*y)", "at": {"x": X, "y": Y}}
E = math.exp(-X * Y)
RIGHT = {"x": 2 * X * math.sin(Y) - Y * E, "y": X**2 * math.cos(Y) - X * E}
FIELDS = {"verdict", "components", "witnesses", "tolerance", "condition", "diagnosis"}
ROW = {"input", "index", "claimed", "expected", "abs_error", "rel_error", "ulp_error", "ok"}


def check(server: Server, grad: Any, **fields: Any) -> Any:
    """The report on a gradient."""
    return server.ask("/check", **{**QUESTION, "claimed": {"grad": grad}, **fields})


def test_a_right_gradient(server: Server) -> None:
    """“verdict is correct …”"""
    report = check(server, RIGHT)
    assert (report["verdict"], report["diagnosis"]) == ("correct", [])
    assert set(report) >= FIELDS
    assert [(row["input"], row["ok"]) for row in report["components"]] == [("x", True), ("y", True)]


def test_a_wrong_gradient(server: Server) -> None:
    """“verdict is … incorrect …”"""
    report = check(server, {**RIGHT, "y": RIGHT["y"] + 1})
    assert report["verdict"] == "incorrect"
    assert [row["input"] for row in report["components"] if not row["ok"]] == ["y"]


@pytest.mark.parametrize(
    ("expr", "x", "left", "right"), [("abs(x)", 0.0, -1, 1), ("maximum(x, 2*x)", 0.0, 1, 2), ("relu(x - 1)", 1.0, 0, 1)]
)
def test_a_kink(server: Server, expr: str, x: float, left: float, right: float) -> None:
    """“verdict is … not-differentiable …”: with both one-sided derivatives."""
    report = server.ask("/check", expr=expr, at={"x": x}, claimed={"grad": {"x": right}})
    assert report["verdict"] == "not-differentiable"
    assert report["one_sided"] == [{"input": "x", "index": [], "left": left, "right": right}]


def test_nothing_to_judge(server: Server) -> None:
    """“verdict is … or inconclusive”"""
    assert check(server, {})["verdict"] == "inconclusive"


@pytest.mark.parametrize("claimed", [{"grad": {"x": 3}}, {"value": 5}])
def test_where_float64_keeps_no_digit_nothing_is_correct(server: Server, claimed: Any) -> None:
    """“or inconclusive”: an answer that nobody could tell from a wrong one is not called correct.  No sine is 5."""
    report = server.ask("/check", expr="sin(1e30*x)", at={"x": 1}, claimed=claimed)
    assert report["verdict"] in ("inconclusive", "incorrect")


def test_a_defensible_choice_at_a_kink_is_no_mistake(server: Server) -> None:
    """“diagnosis: the hypotheses that explain a mismatch”: there is none."""
    report = server.ask("/check", expr="abs(x)", at={"x": 0}, claimed={"grad": {"x": 1}})
    assert (report["verdict"], report["diagnosis"]) == ("not-differentiable", [])


def test_one_row_per_component(server: Server) -> None:
    """“components: one row per component {"input","index","claimed","expected","abs_error",…,"ok"}”"""
    at = {"A": [[1, 2], [3, 4]], "b": 2}
    grad = {"A": [[4, 8], [12, 16.5]], "b": 30}
    report = server.ask("/check", expr="sum(A^2)*b", at=at, claimed={"grad": grad})
    rows = report["components"]
    assert {(row["input"], tuple(row["index"])) for row in rows} == {
        ("A", (0, 0)), ("A", (0, 1)), ("A", (1, 0)), ("A", (1, 1)), ("b", ())
    }  # fmt: skip
    assert all(set(row) >= ROW for row in rows)
    (wrong,) = [row for row in rows if not row["ok"]]
    assert (wrong["claimed"], wrong["expected"], wrong["abs_error"]) == (16.5, 16, 0.5)
    assert wrong["rel_error"] == 0.5 / 16
    assert wrong["ulp_error"] == 0.5 / math.ulp(16.0)


def test_all_or_the_worst_hundred_and_a_count(server: Server) -> None:
    """“(all, or the worst 100 and a count)”"""
    x = [0.1 * i for i in range(1, 301)]
    grad = [2 * v for v in x]
    grad[257] += 1
    report = server.ask("/check", expr="sum(x^2)", at={"x": x}, claimed={"grad": {"x": grad}})
    assert len(report["components"]) == 100
    assert (report["count"], report["wrong"]) == (300, 1)
    assert report["components"][0]["index"] == [257]


def test_three_witnesses(server: Server) -> None:
    """“witnesses: {"engine","symbolic","precise"}, each {"status":…,"max_ulp","reason"?}”"""
    witnesses = check(server, RIGHT)["witnesses"]
    assert set(witnesses) == {"engine", "symbolic", "precise"}
    assert {witness["status"] for witness in witnesses.values()} == {"agree"}
    assert all(witness["max_ulp"] <= 4 for witness in witnesses.values())


def test_a_witness_that_says_nothing_says_why(server: Server) -> None:
    """“"status":"agree"|"disagree"|"skipped", …, "reason"?”"""
    report = server.ask("/check", expr="abs(x)", at={"x": 0}, claimed={"grad": {"x": 0}})
    skipped = [witness for witness in report["witnesses"].values() if witness["status"] == "skipped"]
    assert skipped
    assert all(witness["reason"] for witness in skipped)


def test_the_tolerance_and_why(server: Server) -> None:
    """“tolerance used and why; condition”"""
    report = check(server, RIGHT)
    assert 0 < report["tolerance"]["relative"] < 1e-8
    assert "float64" in report["tolerance"]["why"]
    assert report["condition"] > 0


def test_a_tolerance_can_be_asked_for(server: Server) -> None:
    """“"tolerance"?”"""
    off = {"x": RIGHT["x"] * (1 + 1e-7), "y": RIGHT["y"]}
    assert check(server, off)["verdict"] == "incorrect"
    report = check(server, off, tolerance=1e-6)
    assert (report["verdict"], report["tolerance"]["relative"]) == ("correct", 1e-6)
    assert check(server, off, tolerance={"absolute": 1e-3})["verdict"] == "correct"


def test_a_client_may_work_in_single_precision(server: Server) -> None:
    """“the precision the client says it worked in (float32, float64)”"""
    off = {"x": RIGHT["x"] * (1 + 1e-7), "y": RIGHT["y"]}
    claimed = {"grad": off, "precision": "float32"}
    assert server.ask("/check", **QUESTION, claimed=claimed)["verdict"] == "correct"
    found = check(server, off)["diagnosis"]
    assert found[0]["kind"] == "float32"


def test_the_value_is_checked_too(server: Server) -> None:
    """“"claimed": {"value"?, "grad"?}”"""
    value = X**2 * math.sin(Y) + E
    right = server.ask("/check", **QUESTION, claimed={"value": value, "grad": RIGHT})
    assert (right["verdict"], right["value"]["ok"]) == ("correct", True)
    wrong = server.ask("/check", **QUESTION, claimed={"value": value + 1, "grad": RIGHT})
    assert (wrong["verdict"], wrong["value"]["ok"]) == ("incorrect", False)
    assert server.ask("/check", **QUESTION, claimed={"value": value})["verdict"] == "correct"


def test_without_a_claim_the_service_checks_itself(server: Server) -> None:
    """“Without claimed the service checks itself.”"""
    report = server.ask("/check", **QUESTION)
    assert (report["verdict"], report["count"]) == ("correct", 2)


def test_some_inputs_may_be_left_out(server: Server) -> None:
    """“"grad"?”: what is claimed is judged."""
    report = check(server, {"y": RIGHT["y"]})
    assert (report["verdict"], report["count"]) == ("correct", 1)


V = [1.0, 2.0, 4.0]
W = [0.5, -1.0, 3.0]
M = [[1.0, 2.0], [3.0, 5.0]]
WRONG: dict[str, tuple[str, dict[str, Any], dict[str, Any]]] = {
    "sign": ("x^2*sin(y)", {"x": X, "y": Y}, {"x": -2 * X * math.sin(Y), "y": -(X**2) * math.cos(Y)}),
    "factor": ("sum(v^2)", {"v": V}, {"v": V}),
    "mean-instead-of-sum": ("sum(sin(v))", {"v": V}, {"v": [math.cos(x) / 3 for x in V]}),
    "transposed": ("sum((A @ w)^2)", {"A": M, "w": [1.0, 2.0]}, {"A": [[10, 26], [20, 52]]}),
    "permuted": ("sum(v^2*w)", {"v": V, "w": W}, {"v": [24.0, 1.0, -4.0]}),
    "missing-reduction": ("sum((v + b)^2)", {"v": V, "b": 1.0}, {"b": [4, 6, 10]}),
    "missing-chain-factor": ("sin(x^2)", {"x": X}, {"x": math.cos(9)}),
    "last-use-only": ("exp(x) + x^3 + sin(x)", {"x": X}, {"x": math.cos(X)}),
    "degrees": ("sin(x) + y", {"x": X, "y": Y}, {"x": math.cos(X) * math.pi / 180, "y": 1}),
    "other-point": ("x^2*y", {"x": X, "y": Y}, {"x": 2 * Y * X, "y": Y**2}),
    "float32": ("exp(x)", {"x": X}, {"x": math.exp(X) * (1 + 3e-8)}),
}


@pytest.mark.parametrize("kind", WRONG)
def test_the_mistake_is_named(server: Server, kind: str) -> None:
    """“diagnosis: the hypotheses that explain a mismatch, best first (kinds: …)”"""
    expr, at, grad = WRONG[kind]
    report = server.ask("/check", expr=expr, at=at, claimed={"grad": grad})
    assert report["verdict"] == "incorrect"
    assert kind in [found["kind"] for found in report["diagnosis"]], report["diagnosis"]


def test_the_best_explanation_comes_first(server: Server) -> None:
    """“best first, each {"kind","detail","residual"} (… missing-chain-factor with the node's span …)”"""
    found = check(server, {**RIGHT, "y": X**2 * math.cos(Y) + E})["diagnosis"]
    assert found[0]["kind"] == "missing-chain-factor"
    assert found[0]["residual"] < 1e-12
    assert found[0]["inputs"] == ["y"]
    span = found[0]["span"]
    assert QUESTION["expr"][span["column"] - 1 : span["end_column"] - 1] == "-x*y"


CHAIN = "h1 = sin(x)\nh2 = h1^2\nh3 = exp(h2)\nreturn h3*h1"
H = math.sin(0.7)
ADJOINTS = {"h1": math.exp(H**2) * (2 * H**2 + 1), "h2": H * math.exp(H**2), "h3": H}


def test_right_adjoints_of_a_program(server: Server) -> None:
    """Derivatives of the result in what a program assigns, by the names that it gives."""
    report = server.ask("/check", program=CHAIN, at={"x": 0.7}, claimed={"adjoints": ADJOINTS})
    assert (report["verdict"], report["first_wrong"]) == ("correct", None)
    assert [(row["name"], row["index"], row["ok"]) for row in report["adjoints"]] == [
        ("h1", [], True),
        ("h2", [], True),
        ("h3", [], True),
    ]
    assert set(report["adjoints"][0]) == ROW - {"input"} | {"name"}


@pytest.mark.parametrize(("wrong", "first"), [(["h1"], "h1"), (["h1", "h2"], "h2"), (["h3", "h1"], "h3")])
def test_the_first_wrong_adjoint_from_the_result_backwards(server: Server, wrong: list[str], first: str) -> None:
    """“the earliest wrong one in reverse order is named”"""
    claimed = {name: number + (name in wrong) for name, number in ADJOINTS.items()}
    report = server.ask("/check", program=CHAIN, at={"x": 0.7}, claimed={"adjoints": claimed})
    assert report["verdict"] == "incorrect"
    assert report["first_wrong"]["name"] == first
    assert report["first_wrong"]["span"]["line"] == int(first[1])
    assert {row["name"] for row in report["adjoints"] if not row["ok"]} == set(wrong)


def test_adjoints_of_every_assignment_in_a_loop(server: Server) -> None:
    """With one axis more in front, the adjoints of all assignments in their order."""
    asked = {"program": "for i in range(3):\n    x = 2*x\nreturn x", "at": {"x": 0.7}}
    assert server.ask("/check", **asked, claimed={"adjoints": {"x": [4, 2, 1]}})["verdict"] == "correct"
    assert server.ask("/check", **asked, claimed={"adjoints": {"x": 1}})["verdict"] == "correct"
    report = server.ask("/check", **asked, claimed={"adjoints": {"x": [4, 3, 1]}})
    assert [row["index"] for row in report["adjoints"] if not row["ok"]] == [[1]]


@pytest.mark.parametrize(
    ("fields", "adjoints", "pointer"),
    [
        ({"program": CHAIN}, {"h4": 1}, "/claimed/adjoints/h4"),
        ({"program": CHAIN}, {"h1": "one"}, "/claimed/adjoints/h1"),
        ({"program": CHAIN}, [1], "/claimed/adjoints"),
        ({"expr": "sin(x)"}, {"h1": 1}, "/claimed/adjoints"),
    ],
)
def test_adjoints_that_nobody_has_are_refused(server: Server, fields: Any, adjoints: Any, pointer: str) -> None:
    """“errors (… each {"pointer":…} with a JSON Pointer)”"""
    problem = server.refused("/check", 422, "invalid-request", **fields, at={"x": 0.7}, claimed={"adjoints": adjoints})
    assert pointers(problem) == [pointer]


def test_a_mistake_in_a_loop_has_its_place(server: Server) -> None:
    """“missing-chain-factor with the node's span”"""
    text = "for i in range(4):\n    x = sin(x)\nreturn x"
    report = server.ask("/check", program=text, at={"x": 0.7}, claimed={"grad": {"x": 1}})
    assert report["diagnosis"][0]["kind"] == "missing-chain-factor"
    assert report["diagnosis"][0]["span"] == {"line": 2, "column": 9, "end_line": 2, "end_column": 15}


def test_a_derivative_that_a_program_states_is_right(server: Server) -> None:
    """Witnesses that look at the values are skipped, and say why."""
    text = "q = straight_through(round)(w)\nreturn (q - 1)^2"
    report = server.ask("/check", program=text, at={"w": 2.3}, claimed={"grad": {"w": 2}})
    assert report["verdict"] == "correct"
    assert report["witnesses"]["precise"]["status"] == "skipped"
    assert "line 1" in report["witnesses"]["precise"]["reason"]


@pytest.mark.parametrize(
    ("claimed", "pointer"),
    [
        ({"grad": {"z": 1}}, "/claimed/grad/z"),
        ({"gradient": {"x": 1}}, "/claimed/gradient"),
        ({"grad": {"x": "one"}}, "/claimed/grad/x"),
        ({"value": [[1], 2]}, "/claimed/value/1"),
        ({"grad": RIGHT, "precision": "float16"}, "/claimed/precision"),
        ([1], "/claimed"),
    ],
)
def test_a_claim_that_cannot_be_read_is_refused(server: Server, claimed: Any, pointer: str) -> None:
    """“errors (… each {"pointer":…} with a JSON Pointer)”"""
    problem = server.refused("/check", 422, "invalid-request", **QUESTION, claimed=claimed)
    assert pointers(problem) == [pointer]


@pytest.mark.parametrize("tolerance", [-1, "small", {"relative": -1}, {"rel": 1}, True])
def test_a_tolerance_that_cannot_be_read_is_refused(server: Server, tolerance: Any) -> None:
    """“"tolerance"?”"""
    problem = server.refused("/check", 422, "invalid-request", **QUESTION, tolerance=tolerance)
    assert pointers(problem)[0].startswith("/tolerance")


def test_a_gradient_of_the_wrong_shape_is_a_wrong_gradient(server: Server) -> None:
    """A shape is a claim like any other."""
    report = server.ask("/check", expr="sum(x^2)", at={"x": [1, 2]}, claimed={"grad": {"x": [[2], [4]]}})
    assert report["verdict"] == "incorrect"


def test_a_check_needs_a_scalar(server: Server) -> None:
    """“POST /check {question, …}”: a gradient is that of one number."""
    server.refused("/check", 422, "not-scalar", expr="x^2", at={"x": [1, 2]}, claimed={"grad": {"x": [2, 4]}})
