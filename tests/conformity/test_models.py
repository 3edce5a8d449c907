"""“POST /models”, “POST /models/{id}/predict”, and models in questions: stored, told, listed, asked and deleted.

Everything that is stored here is deleted again, so that these tests can be run against a server that is in use.
"""

from __future__ import annotations

import base64
import json
import secrets
import struct
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import quote

import pytest

from tests.conformity.server import JSON, Server, pointers

Store = Callable[..., Any]
EXAMPLE: dict[str, Any] = {
    "input": {"shape": [2]},
    "layers": [{"type": "dense", "units": 16, "activation": "tanh"}, {"type": "dense", "units": 1}],
    "loss": "mse",
}
LINE: dict[str, Any] = {"input": {"shape": [1]}, "layers": [{"type": "dense", "units": 1}], "loss": "mse"}
WEIGHTS = {"dense_1_kernel": [[2]], "dense_1_bias": [1]}
"""With these, `LINE` is 2 x + 1."""


@pytest.fixture
def store(server: Server) -> Iterator[Store]:
    """Stores models that no server knows, and deletes them in the end."""
    stored: list[str] = []

    def store(definition: dict[str, Any], **fields: Any) -> Any:
        # The seed is part of the definition.
        answer = server.post("/models", {**definition, "seed": secrets.randbelow(2**53), **fields})
        assert answer.status == 201, answer.text
        stored.append(answer.content["id"])
        return answer.content

    yield store
    for reference in stored:
        assert server.send("DELETE", f"/models/{reference}").status in (204, 410)


@pytest.fixture
def line(server: Server, store: Store) -> str:
    """The id of a model that is 2 x + 1."""
    id = str(store(LINE)["id"])
    assert server.post(f"/models/{id}/versions", {"parameters": WEIGHTS}).status == 201
    return id


def test_a_model_is_stored_and_told(server: Server, store: Store, unique: str) -> None:
    """“→ 201 with id, parameters (name, shape, count) and the equivalent program”"""
    stored = store(EXAMPLE, name=unique)
    assert [(each["shape"], each["count"]) for each in stored["parameters"]] == [
        ([2, 16], 32),
        ([16], 16),
        ([16, 1], 16),
        ([1], 1),
    ]
    assert all(each["name"] in stored["program"] for each in stored["parameters"])
    assert stored["count"] == {"trainable": 65, "fixed": 0}
    assert server.get(f"/models/{stored['id']}").content == stored
    assert server.get(f"/models/{unique}").content == stored
    assert server.get(stored["links"]["self"]).content == stored


def test_a_model_is_sugar_for_a_program(server: Server, store: Store) -> None:
    """“the equivalent program: a model is sugar for one”"""
    stored = store(EXAMPLE)
    parameters = server.get(stored["links"]["parameters"]).content["parameters"]
    at = {"x": [[1, 2], [0.5, -1]], "y": [[1], [0]]}
    plain = server.ask("/grad", program=stored["program"], at={**at, **parameters}, wrt=list(parameters))
    asked = server.ask("/grad", model=stored["id"], at=at)
    assert (asked["value"], asked["grad"]) == (plain["value"], plain["grad"])


def test_the_same_definition_twice_is_the_same_model(server: Server, store: Store) -> None:
    """“named by its content”"""
    stored = store(EXAMPLE)
    again = server.post("/models", {**EXAMPLE, "seed": stored["seed"]})
    assert (again.status, again.content) == (200, stored)


def test_the_gradient_of_the_loss(server: Server, line: str) -> None:
    """“POST /grad {"model": id, "at":{"x","y"}} gives the gradient of the loss with respect to its parameters”"""
    answer = server.ask("/grad", model=line, at={"x": [[1], [2]], "y": [[1], [2]]})
    assert (answer["value"], answer["grad"]) == (6.5, {"dense_1_kernel": [[8]], "dense_1_bias": [5]})
    assert server.ask("/grad", model=line, at={"x": [[1]], "y": [[1]]}, wrt="x")["grad"] == {"x": [[8]]}


@pytest.mark.parametrize(
    ("path", "fields", "part", "expected"),
    [
        ("/value", {}, "value", 6.5),
        ("/jacobian", {"wrt": "dense_1_bias"}, "jacobian", {"dense_1_bias": [5]}),
        ("/hessian", {"wrt": "dense_1_bias"}, "hessian", {"dense_1_bias": {"dense_1_bias": [[2]]}}),
        ("/jvp", {"tangent": {"dense_1_bias": [1]}}, "jvp", 5),
        ("/vjp", {"cotangent": 1}, "vjp", {"dense_1_kernel": [[8]], "dense_1_bias": [5]}),
        ("/hvp", {"vector": {"dense_1_bias": [1]}}, "hvp", {"dense_1_kernel": [[3]], "dense_1_bias": [2]}),
        ("/check", {"claimed": {"grad": {"dense_1_kernel": [[8]], "dense_1_bias": [5]}}}, "verdict", "correct"),
    ],
)
def test_every_question_takes_a_model(
    server: Server, line: str, path: str, fields: dict[str, Any], part: str, expected: Any
) -> None:
    """“Exactly one of expr, program, function, model”"""
    assert server.ask(path, model=line, at={"x": [[1], [2]], "y": [[1], [2]]}, **fields)[part] == expected


def test_predicting(server: Server, line: str) -> None:
    """“POST /models/{id}/predict {"x"}”"""
    answer = server.ask(f"/models/{line}/predict", x=[[1], [2]])
    assert (answer["prediction"], answer["version"], answer["warnings"]) == ([[3], [5]], 1, [])
    assert server.ask(f"/models/{line}/predict", x=[2])["prediction"] == [5]
    assert server.ask(f"/models/{line}/predict", x=[])["prediction"] == []
    packed = server.ask(f"/models/{line}/predict", x=[[1]], encoding="base64")["prediction"]
    assert base64.b64decode(packed["base64"]) == struct.pack("<d", 3)


def test_classes(server: Server, store: Store) -> None:
    """“"probabilities": true”"""
    stored = store({**LINE, "layers": [{"type": "dense", "units": 3}], "loss": "cross_entropy"})
    answer = server.ask(f"/models/{stored['id']}/predict", x=[[1], [2]], probabilities=True)
    assert [sum(each) for each in answer["probabilities"]] == pytest.approx([1, 1])
    assert answer["class"] == [each.index(max(each)) for each in answer["prediction"]]


def test_versions_of_parameters(server: Server, line: str) -> None:
    """“trained parameters are a new version of the model”; so are those that are brought."""
    listed = server.get(f"/models/{line}/versions").content
    assert ([each["version"] for each in listed["versions"]], listed["next"]) == ([0, 1], None)
    assert server.get(f"/models/{line}/versions/1").content == listed["versions"][1]
    assert server.get(f"/models/{line}/parameters").content["parameters"] == WEIGHTS
    first = server.get(f"/models/{line}/parameters?version=0").content["parameters"]
    assert first != WEIGHTS
    kernel = first["dense_1_kernel"][0]
    assert server.ask(f"/models/{line}/predict", x=[1], version=0)["prediction"] == kernel
    assert server.ask("/value", model=line, at={"x": [[1]]}, version=0)["value"] == [kernel]


@pytest.mark.parametrize(("format", "begin"), [("npz", b"PK"), ("safetensors", None)])
def test_parameters_travel_as_files(server: Server, line: str, format: str, begin: bytes | None) -> None:
    """“format=json|npz|safetensors”"""
    file = server.get(f"/models/{line}/parameters?format={format}")
    assert file.headers["content-disposition"].startswith("attachment")
    if begin is not None:
        assert file.body.startswith(begin)
    else:
        (size,) = struct.unpack("<Q", file.body[:8])
        assert set(json.loads(file.body[8 : 8 + size])) >= set(WEIGHTS)
    headers = {"content-type": file.headers["content-type"]}
    brought = server.send("POST", f"/models/{line}/versions", file.body, headers)
    assert (brought.status, brought.content["version"]) == (201, 2)
    assert server.get(f"/models/{line}/parameters?version=2").content["parameters"] == WEIGHTS


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({}, ["/input", "/layers", "/loss"]),
        ({**LINE, "layers": [{"type": "dens"}]}, ["/layers/0/type"]),
        ({**LINE, "layers": [{"type": "dense"}], "loss": "mze"}, ["/layers/0", "/loss"]),
        ({**LINE, "layers": [{"type": "dense", "units": 0}]}, ["/layers/0/units"]),
        ({**LINE, "name": "no spaces"}, ["/name"]),
        ({**LINE, "nam": "n"}, ["/nam"]),
    ],
)
def test_what_cannot_be_stored_is_refused_at_once(server: Server, fields: dict[str, Any], expected: list[str]) -> None:
    """“errors (all faults at once, each {"pointer", "detail"})”"""
    assert sorted(pointers(server.post("/models", fields).problem(422, "invalid-request"))) == expected


def test_a_name_belongs_to_one_model(server: Server, store: Store, unique: str) -> None:
    """“409: conflict”"""
    store(LINE, name=unique)
    assert unique in server.post("/models", {**LINE, "seed": 3, "name": unique}).problem(409, "conflict")["detail"]


def test_what_does_not_fit_is_refused(server: Server, line: str) -> None:
    """“Errors: wrong shapes named with expected”"""
    problem = server.refused(f"/models/{line}/predict", 422, "shape-mismatch", x=[[1, 2]])
    assert (pointers(problem), "(examples, 1)" in problem["detail"]) == (["/x"], True)
    assert pointers(server.refused(f"/models/{line}/predict", 422, "invalid-request")) == ["/x"]
    problem = server.refused("/grad", 422, "shape-mismatch", model=line, at={"x": [[1]], "y": [1]})
    assert pointers(problem) == ["/at/y"]
    problem = server.post(f"/models/{line}/versions", {"parameters": {"dense_1_bias": [[1]], "b": 1}})
    assert sorted(pointers(problem.problem(422, "invalid-request"))) == [
        "/parameters",
        "/parameters/b",
        "/parameters/dense_1_bias",
    ]
    octets = {"content-type": "application/octet-stream"}
    server.send("POST", f"/models/{line}/versions", b"PK\x03\x04", octets).problem(422, "invalid-request")
    server.send("POST", f"/models/{line}/versions", b"{", JSON).problem(400, "invalid-json")
    text = {"content-type": "text/plain"}
    server.send("POST", f"/models/{line}/versions", b"{}", text).problem(415, "unsupported-media-type")


def test_deleting(server: Server, store: Store, unique: str) -> None:
    """“410: gone”"""
    id = store(LINE, name=unique)["id"]
    assert server.send("DELETE", f"/models/{unique}").status == 204
    for path in ("", "/versions", "/versions/0", "/parameters"):
        server.get(f"/models/{id}{path}").problem(410, "gone")
        server.get(f"/models/{unique}{path}").problem(404, "not-found")
    server.send("DELETE", f"/models/{id}").problem(410, "gone")
    server.refused("/grad", 410, "gone", model=id, at={"x": [[1]], "y": [[1]]})
    server.refused(f"/models/{id}/predict", 410, "gone", x=[[1]])


@pytest.mark.parametrize("reference", ["nobody-has-this-name", "md_" + "a" * 32])
def test_a_model_that_does_not_exist(server: Server, reference: str) -> None:
    """“404: not-found”"""
    for path in ("", "/versions", "/versions/0", "/parameters"):
        server.get(f"/models/{reference}{path}").problem(404, "not-found")
    server.send("DELETE", f"/models/{reference}").problem(404, "not-found")
    server.refused("/grad", 404, "not-found", model=reference, at={"x": [[1]]})
    server.refused(f"/models/{reference}/predict", 404, "not-found", x=[[1]])
    server.refused(f"/models/{reference}/versions", 404, "not-found", parameters={})


def test_a_version_that_does_not_exist(server: Server, line: str) -> None:
    """“404: not-found”"""
    server.get(f"/models/{line}/versions/2").problem(404, "not-found")
    server.get(f"/models/{line}/parameters?version=2").problem(404, "not-found")
    server.refused(f"/models/{line}/predict", 404, "not-found", x=[[1]], version=2)
    server.refused("/value", 404, "not-found", model=line, at={"x": [[1]]}, version=2)


def test_a_list_in_pages(server: Server, store: Store, unique: str) -> None:
    """“GET /models (paging)”"""
    names = [f"{unique}-{index}" for index in range(3)]
    for name in names:
        store(LINE, name=name)
    first = server.get(f"/models?limit=2&name={unique}").content
    rest = server.get(f"/models?limit=2&name={unique}&after={first['next']}").content
    assert [model["name"] for model in first["models"] + rest["models"]] == names
    assert rest["next"] is None


@pytest.mark.parametrize(("query", "pointer"), [("limit=0", "/limit"), ("limit=x", "/limit"), ("after=x", "/after")])
def test_a_page_that_cannot_be_told(server: Server, query: str, pointer: str) -> None:
    """“errors (… each {"pointer":…})”"""
    assert pointers(server.get(f"/models?{query}").problem(422, "invalid-request")) == [pointer]


def test_a_model_is_taken_home_and_brought_back(server: Server, store: Store, line: str) -> None:
    """“GET /models/{id}/onnx, POST /models with a file of ONNX”"""
    answer = server.send("GET", f"/models/{line}/onnx?dtype=float64")
    if answer.status == 422:
        assert "adjoint[onnx]" in answer.content["hint"]
        pytest.skip("the server has not the package")
    assert answer.headers["content-type"] == "application/octet-stream"
    # A loss that no other model has.
    loss = quote(json.dumps({"name": "huber", "delta": 1 + secrets.randbelow(2**40)}))
    again = server.send("POST", f"/models?loss={loss}", answer.body, {"content-type": "application/x-onnx"})
    assert again.status == 201, again.text
    id = again.content["id"]
    try:
        assert server.ask(f"/models/{id}/predict", x=[[1], [2]])["prediction"] == [[3], [5]]
    finally:
        server.send("DELETE", f"/models/{id}")
    refused = server.send("POST", "/models", answer.body, {"content-type": "application/x-onnx"})
    assert (refused.status, pointers(refused.content)) == (422, ["/loss"])
    nothing = server.send("POST", "/models?loss=mse", b"nothing", {"content-type": "application/x-onnx"})
    assert nothing.status == 422
