"""The endpoints that compute, with the shapes of their answers."""

from __future__ import annotations

import math
from typing import Any

import pytest

from tests.conformity.server import Server, pointers

AT = {"x": 3, "y": 0.5}
EXPR = "x^2*sin(y)"
S, C = math.sin(0.5), math.cos(0.5)
VALUE, GRAD = 9 * S, {"x": 6 * S, "y": 9 * C}
HESSIAN = {"x": {"x": 2 * S, "y": 6 * C}, "y": {"x": 6 * C, "y": -9 * S}}


def near(expected: Any) -> Any:
    """Equal to float64's last digits."""
    if isinstance(expected, dict):
        return {name: near(inner) for name, inner in expected.items()}
    return pytest.approx(expected, rel=1e-14, abs=1e-300)


def test_value(server: Server) -> None:
    """“POST /value {question} → {"value"}”"""
    answer = server.ask("/value", expr=EXPR, at=AT)
    assert answer == {"value": near(VALUE), "warnings": []}


def test_grad(server: Server) -> None:
    """“POST /grad {question} → {"value", "grad": {name: array}}”"""
    answer = server.ask("/grad", expr=EXPR, at=AT)
    assert answer == {"value": near(VALUE), "grad": near(GRAD), "warnings": []}


def test_the_example_of_the_contract(server: Server) -> None:
    """The request with curl, and its answer to the last bit and brace."""
    answer = server.post("/grad", {"expr": "x^2*sin(y)", "at": {"x": 3, "y": 0.5}})
    assert (
        answer.text == '{"value":4.314829847437827,"grad":{"x":2.876553231625218,"y":7.898243057013355},"warnings":[]}'
    )


def test_the_other_example_of_the_contract(server: Server) -> None:
    """“one expression: "sum((X @ w - y)^2) / 2"”"""
    at = {"X": [[1, 2], [3, 4], [5, 6]], "y": [1, 2, 4], "w": [0.5, -0.5]}
    answer = server.ask("/grad", expr="sum((X @ w - y)^2) / 2", at=at, wrt="w")
    assert (answer["value"], answer["grad"]) == (14.375, {"w": [-31.5, -40]})


def test_a_gradient_has_the_shape_of_its_input(server: Server) -> None:
    """“"grad": {name: array}”"""
    answer = server.ask("/grad", expr="sum(A)*b[0]", at={"A": [[1, 2], [3, 4], [5, 6]], "b": [7]})
    assert answer["grad"] == {"A": [[7, 7]] * 3, "b": [21]}


@pytest.mark.parametrize("path", ["/grad", "/hessian"])
def test_the_output_of_a_gradient_is_a_scalar(server: Server, path: str) -> None:
    """“the output is a scalar”"""
    problem = server.refused(path, 422, "not-scalar", expr="x^2", at={"x": [1, 2]})
    assert problem["hint"] == "sum(x^2)"
    server.refused(path, 422, "not-scalar", expr="x, 2*x", at={"x": 1})


def test_jacobian(server: Server) -> None:
    """“POST /jacobian → {"value", "jacobian": {name: array}}; shape: output, then input”"""
    answer = server.ask("/jacobian", expr="A @ x", at={"A": [[1, 2], [3, 4], [5, 6]], "x": [1, 1]})
    assert answer["value"] == [3, 7, 11]
    assert answer["jacobian"]["x"] == [[1, 2], [3, 4], [5, 6]]
    row = [1, 1]
    zero = [0, 0]
    assert answer["jacobian"]["A"] == [[row, zero, zero], [zero, row, zero], [zero, zero, row]]


def test_the_choice_of_the_mode_is_told(server: Server) -> None:
    """The cheaper mode is chosen from the shapes, and the choice told."""
    tall = server.ask("/jacobian", expr="x*linspace(0, 1, 50)", at={"x": 2})
    wide = server.ask("/jacobian", expr="[sum(x), sum(x^2)]", at={"x": [0.5] * 50})
    assert (tall["mode"], wide["mode"]) == ("forward", "reverse")


def test_hessian(server: Server) -> None:
    """“POST /hessian → {"value", "grad", "hessian": {name: {name: array}}}”"""
    answer = server.ask("/hessian", expr=EXPR, at=AT)
    assert answer == {"value": near(VALUE), "grad": near(GRAD), "hessian": near(HESSIAN), "warnings": []}


def test_the_blocks_of_a_hessian_have_the_shapes_of_both_inputs(server: Server) -> None:
    """“"hessian": {name: {name: array}}”"""
    hessian = server.ask("/hessian", expr="sum(x^2)*y", at={"x": [1, 2], "y": 3})["hessian"]
    assert hessian == {"x": {"x": [[6, 0], [0, 6]], "y": [2, 4]}, "y": {"x": [2, 4], "y": 0}}


def test_jvp(server: Server) -> None:
    """“POST /jvp {question, "tangent": {name: array}} → {"value", "jvp"}”"""
    answer = server.ask("/jvp", expr="[x*y, x^2]", at=AT, tangent={"x": 1, "y": 10})
    assert answer == {"value": [1.5, 9], "jvp": [30.5, 6], "warnings": []}


def test_vjp(server: Server) -> None:
    """“POST /vjp {question, "cotangent": array} → {"value", "vjp": {name: array}}”"""
    answer = server.ask("/vjp", expr="[x*y, x^2]", at=AT, cotangent=[1, 10])
    assert answer == {"value": [1.5, 9], "vjp": {"x": 60.5, "y": 3}, "warnings": []}


def test_hvp(server: Server) -> None:
    """“POST /hvp {question, "vector": {name: array}} → {"value", "grad", "hvp": {name: array}}”"""
    answer = server.ask("/hvp", expr=EXPR, at=AT, vector={"x": 1, "y": 10})
    expected = {name: HESSIAN[name]["x"] + 10 * HESSIAN[name]["y"] for name in AT}
    assert answer == {"value": near(VALUE), "grad": near(GRAD), "hvp": near(expected), "warnings": []}


def test_several_directions_are_stacked(server: Server) -> None:
    """“or "tangents": [..]”, “or "cotangents": [..]”, “or "vectors": [..]”"""
    question: dict[str, Any] = {"expr": "[x*y, x^2]", "at": AT}
    jvp = server.ask("/jvp", **question, tangents=[{"x": 1, "y": 0}, {"x": 0, "y": 1}, {"x": 2, "y": 2}])["jvp"]
    assert jvp == [[0.5, 6], [3, 0], [7, 12]]
    vjp = server.ask("/vjp", **question, cotangents=[[1, 0], [0, 1]])["vjp"]
    assert vjp == {"x": [0.5, 6], "y": [3, 0]}
    hvp = server.ask("/hvp", expr="x^2*y", at=AT, vectors=[{"x": 1, "y": 0}, {"x": 0, "y": 1}])["hvp"]
    assert hvp == {"x": [1, 6], "y": [6, 0]}


def test_each_of_several_directions_is_one_that_could_be_sent_alone(server: Server) -> None:
    """“"tangent": {name: array} or "tangents": [..]”: inputs that a tangent does not name stay fixed."""
    assert server.ask("/jvp", expr="x*y", at=AT, tangents=[{"x": 1}, {"y": 1}])["jvp"] == [0.5, 3]


@pytest.mark.parametrize(("path", "one"), [("/jvp", "tangent"), ("/vjp", "cotangent"), ("/hvp", "vector")])
def test_there_is_one_direction_or_a_list(server: Server, path: str, one: str) -> None:
    """“"tangent": {name: array} or "tangents": [..]”"""
    direction: Any = 1 if one == "cotangent" else {"x": 1}
    for fields in ({}, {one: direction, f"{one}s": [direction]}):
        assert pointers(server.refused(path, 422, "invalid-request", expr="x", at={"x": 1}, **fields)) == [f"/{one}"]
    problem = server.refused(path, 422, "invalid-request", expr="x", at={"x": 1}, **{f"{one}s": []})
    assert pointers(problem) == [f"/{one}s"]


@pytest.mark.parametrize(
    ("path", "fields", "pointer"),
    [
        ("/jvp", {"tangent": {"x": [1, 2, 3]}}, "/tangent/x"),
        ("/jvp", {"tangent": {"z": 1}}, "/tangent/z"),
        ("/jvp", {"tangents": [{"x": [1, 2]}, {"x": 1}]}, "/tangents/1/x"),
        ("/vjp", {"cotangent": [1]}, "/cotangent"),
        ("/hvp", {"vector": {"x": "one"}, "cotangent": [1, 1]}, "/vector/x"),
    ],
)
def test_directions_have_the_shape_of_what_they_belong_to(
    server: Server, path: str, fields: dict[str, Any], pointer: str
) -> None:
    """“errors (… each {"pointer":…} with a JSON Pointer)”"""
    problem = server.refused(path, 422, "invalid-request", expr="x^2", at={"x": [1, 2]}, **fields)
    assert pointers(problem) == [pointer]


def test_products_agree_with_the_matrix(server: Server) -> None:
    """⟨u, J v⟩ = ⟨Jᵀ u, v⟩, and both with the Jacobian itself."""
    question: dict[str, Any] = {"expr": "[x*sin(y), exp(x*y), x/y]", "at": {"x": 1.5, "y": 0.7}}
    u, v = [1.0, -2.0, 0.5], {"x": 0.3, "y": -1.1}
    jacobian = server.ask("/jacobian", **question)["jacobian"]
    jvp = server.ask("/jvp", **question, tangent=v)["jvp"]
    vjp = server.ask("/vjp", **question, cotangent=u)["vjp"]
    assert jvp == near([jacobian["x"][i] * v["x"] + jacobian["y"][i] * v["y"] for i in range(3)])
    assert sum(a * b for a, b in zip(u, jvp, strict=True)) == near(vjp["x"] * v["x"] + vjp["y"] * v["y"])


def test_a_tuple_has_several_results(server: Server) -> None:
    """Outputs of any shape, tuples included: a list with one entry for each."""
    question: dict[str, Any] = {"expr": "a*x, sum(x^2)", "at": {"a": 2, "x": [1, 3]}}
    assert server.ask("/value", **question)["value"] == [[2, 6], 10]
    assert server.ask("/jacobian", **question, wrt="x")["jacobian"] == {"x": [[[2, 0], [0, 2]], [2, 6]]}
    assert server.ask("/jvp", **question, tangent={"a": 1})["jvp"] == [[1, 3], 0]
    assert server.ask("/vjp", **question, cotangent=[[1, 10], 100])["vjp"] == {"a": 31, "x": [202, 620]}


def test_sparse_matrices_by_their_entries(server: Server) -> None:
    """“can be asked for as {"format":"coo"}”: as many passes as colours."""
    n = 40
    at = {"x": [0.01 * i for i in range(n)]}
    answer = server.ask("/hessian", expr="sum((x[1:] - x[:-1])^2)", at=at, format="coo")
    coo = answer["hessian"]["x"]["x"]
    assert coo["shape"] == [n, n]
    assert len(coo["row"]) == len(coo["column"]) == len(coo["value"]) == 3 * n - 2
    assert answer["passes"] <= 3
    dense = server.ask("/hessian", expr="sum((x[1:] - x[:-1])^2)", at=at)["hessian"]["x"]["x"]
    made = [[0.0] * n for _ in range(n)]
    for row, column, value in zip(coo["row"], coo["column"], coo["value"], strict=True):
        made[row][column] = value
    assert made == dense


def test_text_that_only_looks_like_code_is_not_run(server: Server) -> None:
    """Nothing that a client sends is run."""
    for text in ("__import__('os').system('true')", "().__class__", "open('x')", "exec('1')", "x.__class__"):
        answer = server.post("/grad", {"expr": text, "at": {"x": 1}})
        assert answer.status == 422, text
