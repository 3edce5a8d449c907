"""Refusals: “application/problem+json (RFC 9457)”, each name of the table that can be provoked from outside."""

from __future__ import annotations

from typing import Any

import pytest

from tests.conformity.server import JSON, PROBLEM, Server, pointers

QUESTIONS: dict[str, dict[str, Any]] = {
    "invalid-request": {"expr": "x", "at": {"x": [[1, 2], [3]]}},
    "syntax-error": {"expr": "2 * (x + 1", "at": {"x": 3}},
    "unknown-name": {"expr": "1 + sine(x)", "at": {"x": 3}},
    "type-mismatch": {"expr": "x[0.5]", "at": {"x": [1, 2]}},
    "shape-mismatch": {"expr": "sum(W @ x)", "at": {"W": [[1, 2, 3], [4, 5, 6]], "x": [1, 2]}},
    "not-scalar": {"expr": "x^2", "at": {"x": [1, 2]}},
    "not-differentiable": {"expr": "argmax(x)", "at": {"x": [1, 2]}},
    "unsupported": {"expr": "sum(x[x > 1])", "at": {"x": [1, 2, 3]}},
    "limit-exceeded": {"expr": "sum(zeros(10^11)) + x", "at": {"x": 3}},
    "budget-exceeded": {"expr": "trace(inv(x*eye(8000)))", "at": {"x": 1}},
}
PLACES = {
    "syntax-error": (5, 6),
    "unknown-name": (5, 9),
    "type-mismatch": (3, 6),
    "shape-mismatch": (5, 10),
    "not-scalar": (1, 4),
    "not-differentiable": (1, 10),
    "unsupported": (7, 12),
    "limit-exceeded": (5, 17),
    "budget-exceeded": (7, 23),
}
HINTS = {
    "syntax-error": "add ')'",
    "unknown-name": "did you mean sin?",
    "shape-mismatch": "transpose(W) @ x",
    "not-scalar": "sum(x^2)",
    "unsupported": "where(mask, x, 0)",
}


@pytest.mark.parametrize("name", QUESTIONS)
def test_every_name_of_422(server: Server, name: str) -> None:
    """“422: invalid-request, syntax-error, unknown-name, …”, “type, title, status, detail”"""
    server.post("/grad", QUESTIONS[name]).problem(422, name)


@pytest.mark.parametrize("name", PLACES)
def test_the_place_in_the_text(server: Server, name: str) -> None:
    """“span ({"line","column","end_line","end_column"}, 1-based), excerpt (the source line and a caret line)”"""
    problem = server.post("/grad", QUESTIONS[name]).problem(422, name)
    column, end = PLACES[name]
    assert problem["span"] == {"line": 1, "column": column, "end_line": 1, "end_column": end}
    text, carets = problem["excerpt"].split("\n")
    assert text == QUESTIONS[name]["expr"]
    assert carets == " " * (column - 1) + "^" * (end - column)


@pytest.mark.parametrize("name", HINTS)
def test_what_may_help(server: Server, name: str) -> None:
    """“hint (a near name, a corrected form)”"""
    assert server.post("/grad", QUESTIONS[name]).problem(422, name)["hint"] == HINTS[name]


def test_a_corrected_form_is_accepted(server: Server) -> None:
    """“hint (… a corrected form)”: what the hint says works."""
    hint = server.post("/grad", QUESTIONS["not-scalar"]).problem(422, "not-scalar")["hint"]
    assert server.ask("/grad", expr=hint, at={"x": [1, 2]})["grad"] == {"x": [2, 4]}
    hint = server.post("/grad", QUESTIONS["shape-mismatch"]).problem(422, "shape-mismatch")["hint"]
    assert server.ask("/grad", expr=f"sum({hint})", at=QUESTIONS["shape-mismatch"]["at"])["value"] == 36


@pytest.mark.parametrize(("name", "limit"), [("limit-exceeded", "array_bytes"), ("budget-exceeded", "run_seconds")])
def test_a_limit_tells_its_name_its_value_and_what_was_given(server: Server, name: str, limit: str) -> None:
    """“limit ({"name","value","given"})”, “GET /limits tells them”"""
    told = server.post("/grad", QUESTIONS[name]).problem(422, name)["limit"]
    assert told["name"] == limit
    assert told["value"] == server.get("/limits").content[limit]
    assert told["given"] > told["value"]


def test_a_place_may_run_over_lines(server: Server) -> None:
    """“span ({"line","column","end_line","end_column"}, 1-based, into the source text)”"""
    problem = server.refused("/grad", 422, "unknown-name", expr="x +\n  sine(\n  x)", at={"x": 1})
    assert (problem["span"]["line"], problem["span"]["column"]) == (2, 3)
    assert problem["excerpt"].startswith("  sine(\n  ^^^^")


def test_every_wrong_name_at_once(server: Server) -> None:
    """“errors (all faults at once, each {"pointer":"/at/x","detail":…} with a JSON Pointer)”"""
    problem = server.refused("/grad", 422, "unknown-name", expr="sine(x) + z + cosine(y)", at={"x": 3, "w": 1})
    assert {"/expr", "/at/z", "/at/y"} <= set(pointers(problem))


@pytest.mark.parametrize(
    ("limit", "expr"),
    [("source_chars", "x + {}"), ("name_chars", "y{}"), ("nesting", "")],
)
def test_limits_of_the_text(server: Server, limit: str, expr: str) -> None:
    """“Limits (source length, nesting, nodes, …) are settings; GET /limits tells them.”"""
    most = server.get("/limits").content[limit]
    text = f"{'(' * (most + 1)}x{')' * (most + 1)}" if limit == "nesting" else expr.format("1" * most)
    problem = server.post("/grad", {"expr": text, "at": {"x": 1}}).problem(422, "limit-exceeded")
    assert problem["limit"]["name"] == limit
    assert problem["limit"]["value"] == most
    assert len(problem.get("excerpt", "")) < 1000


@pytest.mark.parametrize(
    "body", [b"", b"{", b'{"expr":"x",}', b"{'expr':'x'}", b"\xff\xfe", b'{"expr":"x"} {}', b'{"expr":"\x01"}']
)
def test_what_is_not_json(server: Server, body: bytes) -> None:
    """“400: invalid-json”"""
    server.send("POST", "/grad", body, JSON).problem(400, "invalid-json")


def test_the_place_in_a_body_that_is_not_json(server: Server) -> None:
    """“span …, excerpt …”"""
    problem = server.send("POST", "/grad", b'{"expr": "x^2", "at": {"x": 3,}}', JSON).problem(400, "invalid-json")
    assert problem["span"] == {"line": 1, "column": 31, "end_line": 1, "end_column": 32}


@pytest.mark.parametrize(
    "path", ["/nothing", "/grad/", "/Grad", "/functions/a/b", "/primitives/nobody", "/errors/nobody"]
)
def test_nothing_is_there(server: Server, path: str) -> None:
    """“404: not-found”"""
    server.get(path).problem(404, "not-found")


def test_a_near_address_is_hinted_at(server: Server) -> None:
    """“hint (a near name …)”"""
    assert server.post("/gradient", {}).problem(404, "not-found")["hint"] == "/grad"
    assert server.get("/primitives/sine").problem(404, "not-found")["hint"] == "sin"


def test_a_type_is_the_address_of_its_page(server: Server) -> None:
    """“type (a stable URI ending in one of the names below, which is also its page in the docs)”"""
    for name, question in QUESTIONS.items():
        kind = server.post("/grad", question).content["type"]
        page = server.get(kind)
        assert (page.status, page.headers["content-type"].split(";")[0]) == (200, "text/html")
        assert name in page.text
    assert server.get("/errors/").status == 200


def test_a_problem_has_no_other_media_type(server: Server) -> None:
    """“Errors are application/problem+json”: whatever the client accepts."""
    answer = server.send("POST", "/grad", b"{", {**JSON, "accept": "text/html"})
    assert answer.headers["content-type"] == PROBLEM


@pytest.mark.parametrize(
    "question",
    [
        {"expr": "x" * 10_000, "at": {}},
        {"expr": "x + " * 2000 + "x", "at": {"x": 1}},
        {"expr": "\x00", "at": {}},
        {"expr": "x" + "\u0301" * 200, "at": {"x": 1}},
        {"expr": "9^9^9^9", "at": {}},
        {"expr": "x", "at": {"x" * 500: 1}},
        {"expr": "\ud800", "at": {}},
        {"expr": "sum(" * 50 + "x" + ")" * 50, "at": {"x": [1]}},
    ],
    ids=["name", "terms", "nul", "accents", "tower", "input", "surrogate", "calls"],
)
def test_strange_questions_are_answered_or_refused_and_no_more(server: Server, question: dict[str, Any]) -> None:
    """“500: internal”: a defect, and so never an answer to a question."""
    answer = server.post("/grad", question)
    assert answer.status in (200, 400, 422), answer.text
