"""Products with derivatives over HTTP: one direction, several, and what is refused."""

from __future__ import annotations

from typing import Any

import pytest

from tests.service.asgi import Client

AT = {"x": 3, "y": 0.5}


def post(client: Client, path: str, **body: Any) -> Any:
    return client.post(path, {"expr": "x^2*sin(y)", "at": AT, **body})


def test_every_derivative_answers(client: Client) -> None:
    assert post(client, "/jvp", tangent={"x": 1}).json()["jvp"] == 2.876553231625218
    assert post(client, "/jvp", tangents=[{"x": 1}, {"x": 2}]).json()["jvp"] == [2.876553231625218, 5.753106463250436]
    assert post(client, "/vjp", cotangent=2).json()["vjp"] == {"x": 5.753106463250436, "y": 15.79648611402671}
    assert post(client, "/vjp", cotangents=[1, 2], wrt="x").json()["vjp"] == {
        "x": [2.876553231625218, 5.753106463250436]
    }
    hvp = post(client, "/hvp", vector={"x": 1, "y": 0}).json()
    assert hvp["hvp"] == {"x": 0.958851077208406, "y": 5.2654953713422366}
    assert hvp["grad"] == {"x": 2.876553231625218, "y": 7.898243057013355}
    hessian = post(client, "/hessian").json()["hessian"]
    assert hessian["x"] == hvp["hvp"]
    assert hessian["y"]["y"] == -4.314829847437827
    jacobian = post(client, "/jacobian").json()
    assert jacobian["jacobian"] == hvp["grad"]
    assert jacobian["mode"] in ("forward", "reverse")


@pytest.mark.parametrize(
    ("path", "body", "where"),
    [
        ("/jvp", {}, "/tangent"),
        ("/jvp", {"tangent": {"x": 1}, "tangents": [{"x": 1}]}, "/tangent"),
        ("/jvp", {"tangent": 1}, "/tangent"),
        ("/jvp", {"tangent": {}}, "/tangent"),
        ("/jvp", {"tangent": {"z": 1}}, "/tangent/z"),
        ("/jvp", {"tangent": {"x": [1, 2]}}, "/tangent/x"),
        ("/jvp", {"tangent": {"x": [1, [2]]}}, "/tangent/x/1"),
        ("/jvp", {"tangents": {"x": 1}}, "/tangents"),
        ("/jvp", {"tangents": []}, "/tangents"),
        ("/jvp", {"tangents": [{"x": 1}, {"x": [1]}]}, "/tangents/1/x"),
        ("/vjp", {"cotangent": "one"}, "/cotangent"),
        ("/vjp", {"cotangent": [1]}, "/cotangent"),
        ("/vjp", {"cotangents": [1, [2]]}, "/cotangents/1"),
        ("/hvp", {"vector": None}, "/vector"),
        ("/hvp", {"tangent": {"x": 1}}, "/tangent"),
        ("/grad", {"vector": {"x": 1}}, "/vector"),
    ],
)
def test_directions_that_do_not_fit_are_refused(client: Client, path: str, body: dict[str, Any], where: str) -> None:
    answered = post(client, path, **body)
    assert answered.status == 422
    problem = answered.json()
    assert problem["type"].endswith("invalid-request")
    assert problem["errors"][0]["pointer"] == where


def test_several_outputs_have_a_list_of_cotangents(client: Client) -> None:
    question = {"expr": "a*x, sum(x^2)", "at": {"a": 2, "x": [1, 3]}}
    assert client.post("/value", question).json()["value"] == [[2.0, 6.0], 10.0]
    pulled = client.post("/vjp", {**question, "cotangent": [[1, 10], 100]}).json()
    assert pulled["vjp"] == {"a": 31.0, "x": [202.0, 620.0]}
    many = client.post("/vjp", {**question, "wrt": "a", "cotangents": [[[1, 10], 100], [[0, 1], 0]]}).json()
    assert many["vjp"] == {"a": [31.0, 3.0]}
    pushed = client.post("/jvp", {**question, "tangent": {"x": [1, 0]}}).json()
    assert pushed["jvp"] == [[2.0, 0.0], 2.0]
    jacobian = client.post("/jacobian", {**question, "wrt": "x"}).json()
    assert jacobian["jacobian"] == {"x": [[[2.0, 0.0], [0.0, 2.0]], [2.0, 6.0]]}
    packed = client.post("/value", {**question, "encoding": "base64"}).json()["value"]
    assert packed[0]["shape"] == [2]
    assert packed[1] == 10.0


def test_scalars_in_a_tuple_are_not_mistaken_for_a_vector(client: Client) -> None:
    question = {"expr": "x, x^2", "at": {"x": 3}}
    assert client.post("/vjp", {**question, "cotangent": [1, 10]}).json()["vjp"] == {"x": 61.0}
    vector = {"expr": "[x, x^2]", "at": {"x": 3}}
    assert client.post("/vjp", {**vector, "cotangent": [1, 10]}).json()["vjp"] == {"x": 61.0}


def test_a_weighted_hvp(client: Client) -> None:
    question = {"expr": "x^2, x*y", "at": AT, "vector": {"x": 1, "y": 2}}
    answer = client.post("/hvp", {**question, "cotangent": [1, 10]}).json()
    assert answer["value"] == [9.0, 1.5]
    assert answer["grad"] == {"x": 11.0, "y": 30.0}
    assert answer["hvp"] == {"x": 22.0, "y": 10.0}
    long = {"expr": "x^2" + " + 0*x" * 120, "at": {"x": [1, 2]}, "vector": {"x": [1, 1]}, "cotangent": [1, 10]}
    assert client.post("/hvp", long).json()["hvp"] == {"x": [2.0, 20.0]}


@pytest.mark.parametrize(
    ("path", "body", "where"),
    [
        ("/vjp", {"cotangent": [1]}, "/cotangent"),
        ("/vjp", {"cotangent": 1}, "/cotangent"),
        ("/vjp", {"cotangent": [1, [1]]}, "/cotangent/1"),
        ("/vjp", {"cotangent": [1, [1, [2]]]}, "/cotangent/1/1"),
        ("/vjp", {"cotangent": [1, 2, 3]}, "/cotangent/2"),
        ("/vjp", {"cotangents": [[1, 1], [1]]}, "/cotangents/1"),
        ("/vjp", {"cotangents": [[1, 1], [1, [1]]]}, "/cotangents/1/1"),
        ("/vjp", {"cotangents": [[1, [1]]]}, "/cotangents/0/1"),
        ("/hvp", {"vector": {"x": 1}, "cotangent": [1, "two"]}, "/cotangent/1"),
        ("/hvp", {"vector": {"x": 1, "0": 1}, "cotangent": [1, 2]}, "/vector/0"),
        ("/hvp", {"cotangent": [1, 2]}, "/vector"),
        ("/jvp", {"tangent": {"x": 1}, "cotangent": 1}, "/cotangent"),
    ],
)
def test_cotangents_that_do_not_fit_are_refused(client: Client, path: str, body: dict[str, Any], where: str) -> None:
    answered = client.post(path, {"expr": "x^2, x*y", "at": AT, **body})
    assert answered.status == 422
    assert answered.name == "invalid-request"
    assert answered.pointers[0] == where


def test_names_are_the_same_however_they_are_typed(client: Client) -> None:
    body = {"expr": "fi^2", "at": {"fi": 3}, "tangent": {"ﬁ": 1}}
    assert client.post("/jvp", body).json()["jvp"] == 6.0
    twice = client.post("/jvp", {**body, "tangent": {"ﬁ": 1, "fi": 1}})
    assert twice.status == 422


def test_matrices_by_their_entries(client: Client) -> None:
    question = {"expr": "x[1:]*x[:-1]", "at": {"x": [1, 2, 3]}, "format": "coo"}
    answer = client.post("/jacobian", question).json()
    assert answer["jacobian"]["x"] == {
        "shape": [2, 3],
        "row": [0, 0, 1, 1],
        "column": [0, 1, 1, 2],
        "value": [2.0, 1.0, 3.0, 2.0],
    }
    assert answer["passes"] == 2
    assert answer["mode"] == "forward"
    hessian = client.post("/hessian", {**question, "expr": "sum(x[1:]*x[:-1])"}).json()
    assert hessian["hessian"]["x"]["x"]["value"] == [1.0] * 4
    assert "mode" not in hessian
    plain = client.post("/jacobian", {**question, "format": "dense"}).json()
    assert plain["jacobian"]["x"] == [[2.0, 1.0, 0.0], [0.0, 3.0, 2.0]]
    assert "passes" not in plain
    assert client.post("/jacobian", {**question, "format": None}).json() == plain


@pytest.mark.parametrize(
    ("path", "format", "detail"),
    [
        ("/jacobian", "csr", "`dense` or `coo`"),
        ("/hessian", ["coo"], "`dense` or `coo`"),
        ("/grad", "coo", "no such field"),
    ],
)
def test_formats_that_do_not_exist_are_refused(client: Client, path: str, format: Any, detail: str) -> None:
    answered = client.post(path, {"expr": "x^2", "at": {"x": 1}, "format": format})
    assert answered.status == 422
    assert answered.pointers == ["/format"]
    assert detail in answered.problem["detail"]
