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
        ("/jvp", {"tangents": [{"x": 1}, {"y": 1}]}, "/tangents/1"),
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
