"""“POST /functions”, “GET /functions”, “GET” and “DELETE /functions/{id}”: stored functions, unlike any others.

Everything that is stored here is deleted again, so that these tests can be run against a server that is in use.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.conformity.server import Server, pointers

Store = Callable[..., Any]
LEAST_SQUARES: dict[str, Any] = {
    "expr": "sum((X @ w - y)^2) / 2",
    "inputs": {"w": {"shape": [2]}},
    "data": {"X": [[1, 2], [3, 4], [5, 6]], "y": [1, 2, 3]},
}


def test_a_function_is_stored_and_told(server: Server, store: Store, unique: str) -> None:
    """“POST /functions {"expr" | "program", "name"?, "inputs"?, "data"?} → 201, a stored function”"""
    stored = store(**LEAST_SQUARES, name=unique)
    assert (stored["name"], stored["outputs"]) == (unique, [{"dtype": "float64", "shape": []}])
    assert [(i["name"], i["shape"], i["source"]) for i in stored["inputs"]] == [
        ("w", [2], "declared"),
        ("X", [3, 2], "data"),
        ("y", [3], "data"),
    ]
    assert server.get(f"/functions/{stored['id']}").content == stored
    assert server.get(f"/functions/{unique}").content == stored


def test_an_answer_has_the_address(server: Server, unique: str) -> None:
    """“→ 201”: with a Location."""
    answer = server.post("/functions", {"expr": f"x^2  # {unique}"})
    try:
        assert answer.status == 201
        assert server.get(answer.headers["location"]).content == answer.content
        assert answer.content["links"]["self"] == answer.headers["location"]
    finally:
        assert server.send("DELETE", answer.headers["location"]).status == 204


def test_the_same_content_twice_is_the_same_function(server: Server, store: Store) -> None:
    """“named by its content; the same content twice is the same function”"""
    stored = store(**LEAST_SQUARES)
    again = {**LEAST_SQUARES, "expr": stored["expr"]}
    assert server.post("/functions", again).status == 200
    assert server.post("/functions", again).content == stored
    other = {**again, "data": {"y": [1.0, 2.0, 3.0], "X": [[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]]}}
    assert server.post("/functions", other).content["id"] == stored["id"]


def test_another_content_is_another_function(server: Server, store: Store) -> None:
    """“named by its content”"""
    first = store("a*x", data={"a": 1})
    other = server.post("/functions", {"expr": first["expr"], "data": {"a": 2}})
    try:
        assert other.content["id"] != first["id"]
    finally:
        server.send("DELETE", f"/functions/{other.content['id']}")


@pytest.mark.parametrize("by", ["id", "name"])
def test_a_function_is_asked_like_an_expression(server: Server, store: Store, unique: str, by: str) -> None:
    """“function (the id or name of a stored one)”"""
    reference = store(**LEAST_SQUARES, name=unique)[by]
    at = {"w": [0.5, -0.5]}
    plain = {"expr": LEAST_SQUARES["expr"], "at": {**at, **LEAST_SQUARES["data"]}}
    for path, fields in (
        ("/value", {}),
        ("/grad", {}),
        ("/jacobian", {}),
        ("/hessian", {}),
        ("/jvp", {"tangent": {"w": [1, 2]}}),
        ("/vjp", {"cotangent": 2}),
        ("/hvp", {"vector": {"w": [1, 2]}}),
        ("/check", {"claimed": {"grad": {"w": [-31.5, -40]}}}),
    ):
        stored = server.ask(path, function=reference, at=at, **fields)
        named = {} if path == "/jvp" else {"wrt": "w"}
        expected = server.ask(path, **plain, **named, **fields)
        for part in ("value", "grad", "jacobian", "hessian", "jvp", "vjp", "hvp", "verdict"):
            assert stored.get(part) == expected.get(part), (path, part)


def test_bound_data_are_constants_unless_named(server: Server, store: Store) -> None:
    """“default every real input”: of those that the question gives."""
    reference = store("sum(a*x^2)", data={"a": [1, 2]})["id"]
    assert server.ask("/grad", function=reference, at={"x": 3})["grad"] == {"x": 18}
    assert server.ask("/grad", function=reference, at={"x": 3}, wrt=["a"])["grad"] == {"a": [9, 9]}
    assert server.ask("/grad", function=reference, at={"x": [3, 1]}, batch=True)["grad"] == {"x": [18, 6]}


def test_several_outputs(server: Server, store: Store) -> None:
    """“the output of any shape, tuples of outputs included”"""
    stored = store("A @ x, sum(x^2)", inputs=[{"name": "x", "shape": [2]}, {"name": "A", "shape": [2, 2]}])
    assert [output["shape"] for output in stored["outputs"]] == [[2], []]
    answer = server.ask("/value", function=stored["id"], at={"x": [1, 2], "A": [[1, 2], [3, 4]]})
    assert answer["value"] == [[5, 11], 5]


def test_data_come_back_bit_by_bit(server: Server, store: Store) -> None:
    """“"data"?”: packed, when they are asked for."""
    packed = {"dtype": "float64", "shape": [2], "base64": "mpmZmZmZuT8AAAAAAADwfw=="}  # 0.1 and infinity
    stored = store("sum(a)*x", data={"a": packed})
    assert server.get(f"/functions/{stored['id']}?data=true").content["data"]["a"] == packed
    assert "base64" not in server.get(f"/functions/{stored['id']}").content["data"]["a"]


def test_what_a_question_gives_has_to_fit(server: Server, store: Store) -> None:
    """“declared or inferred inputs (name, dtype, shape)”"""
    reference = store(**LEAST_SQUARES)["id"]
    shape = server.refused("/grad", 422, "shape-mismatch", function=reference, at={"w": [1, 2, 3]})
    assert pointers(shape) == ["/at/w"]
    bound = server.refused("/grad", 422, "invalid-request", function=reference, at={"w": [1, 2], "y": [0, 0, 0]})
    assert pointers(bound) == ["/at/y"]
    missing = server.refused("/grad", 422, "unknown-name", function=reference, at={})
    assert pointers(missing) == ["/at/w"]


@pytest.mark.parametrize(
    ("fields", "name"),
    [
        ({"expr": "x +"}, "syntax-error"),
        ({"expr": "sine(x)"}, "unknown-name"),
        ({"expr": "A @ x", "inputs": {"A": {"shape": [2, 2]}, "x": {"shape": [3]}}}, "shape-mismatch"),
        ({"program": "y = x"}, "syntax-error"),
        ({"program": "return x", "expr": "x"}, "invalid-request"),
        ({"expr": "x", "inputs": {"x": {"dtype": "complex128"}}}, "invalid-request"),
        ({"expr": "x", "inputs": {"x": {"shape": [-1]}}}, "invalid-request"),
        ({"expr": "x", "data": {"x": [[1], 2]}}, "invalid-request"),
        ({"expr": "x", "name": "fn_mine"}, "invalid-request"),
        ({"expr": "x", "name": "no spaces"}, "invalid-request"),
        ({"expr": "x", "nam": "n"}, "invalid-request"),
        ({}, "invalid-request"),
    ],
)
def test_what_cannot_be_stored_is_refused_at_once(server: Server, fields: dict[str, Any], name: str) -> None:
    """“POST /functions {"expr" | "program", "name"?, "inputs"?, "data"?}”"""
    server.post("/functions", fields).problem(422, name)


def test_a_name_belongs_to_one_function(server: Server, store: Store, unique: str) -> None:
    """“409: conflict”"""
    store("x^2", name=unique)
    problem = server.post("/functions", {"expr": f"x^3  # {unique}", "name": unique}).problem(409, "conflict")
    assert unique in problem["detail"]
    assert problem["hint"]


def test_deleting(server: Server, store: Store, unique: str) -> None:
    """“DELETE /functions/{id}”, “410: gone”"""
    reference = store("x^2", name=unique)["id"]
    answer = server.send("DELETE", f"/functions/{unique}")
    assert (answer.status, answer.body) == (204, b"")
    server.get(f"/functions/{reference}").problem(410, "gone")
    server.send("DELETE", f"/functions/{reference}").problem(410, "gone")
    server.get(f"/functions/{unique}").problem(404, "not-found")
    server.refused("/grad", 410, "gone", function=reference, at={"x": 1})


def test_what_was_deleted_can_be_stored_again(server: Server, store: Store, unique: str) -> None:
    """“named by its content”: the same id."""
    first = store("x^2", name=unique)
    assert server.send("DELETE", f"/functions/{first['id']}").status == 204
    again = server.post("/functions", {"expr": first["expr"], "name": unique})
    assert (again.status, again.content["id"]) == (201, first["id"])
    assert server.ask("/grad", function=unique, at={"x": 3})["grad"] == {"x": 6}


@pytest.mark.parametrize("reference", ["nobody-has-this-name", "fn_" + "a" * 32])
def test_a_function_that_does_not_exist(server: Server, reference: str) -> None:
    """“404: not-found”"""
    server.get(f"/functions/{reference}").problem(404, "not-found")
    server.send("DELETE", f"/functions/{reference}").problem(404, "not-found")
    for path in ("/value", "/grad", "/check"):
        server.refused(path, 404, "not-found", function=reference, at={"x": 1})


def test_a_list_in_pages(server: Server, store: Store, unique: str) -> None:
    """“GET /functions”: listed with paging."""
    names = [f"{unique}-{index}" for index in range(5)]
    for index, name in enumerate(names):
        store(f"x^{index}", name=name)
    found: list[str] = []
    after = ""
    pages = 0
    while True:
        page = server.get(f"/functions?limit=2&name={unique}&after={after}").content
        found += [function["name"] for function in page["functions"]]
        pages += 1
        if page["next"] is None:
            break
        after = page["next"]
    assert (found, pages) == (names, 3)


@pytest.mark.parametrize(("query", "pointer"), [("limit=0", "/limit"), ("limit=x", "/limit"), ("after=x", "/after")])
def test_a_page_that_cannot_be_told(server: Server, query: str, pointer: str) -> None:
    """“errors (… each {"pointer":…})”"""
    assert pointers(server.get(f"/functions?{query}").problem(422, "invalid-request")) == [pointer]
