"""The contract as a document, and whether the service keeps to it."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
import schemathesis
from hypothesis import HealthCheck, settings
from schemathesis.checks import load_all_checks
from schemathesis.specs.openapi.checks import positive_data_acceptance

from service.app import create_app
from service.settings import Settings
from tests.service.asgi import Client
from tests.service.stores import Shop

schema = schemathesis.openapi.from_asgi("/openapi.json", create_app(Settings(run_seconds=5.0), io.StringIO()))
load_all_checks()
# A file of numpy is bytes, as any other; those that are drawn are none, and are to be refused.
schemathesis.serializer.alias("application/x-npz", "application/octet-stream")
schemathesis.serializer.alias("application/x-onnx", "application/octet-stream")

EXAMPLES = 15
"""Random requests for each operation, beside the hundreds that follow from its schema; drawing them takes most of the
time of this test."""
OPERATIONS = {
    "value": "POST /value",
    "grad": "POST /grad",
    "jacobian": "POST /jacobian",
    "hessian": "POST /hessian",
    "jvp": "POST /jvp",
    "vjp": "POST /vjp",
    "hvp": "POST /hvp",
    "check": "POST /check",
    "plan": "POST /check/plan",
    "verdict": "POST /check/verdict",
    "steps": "POST /check/steps",
    "vectors": "POST /vectors",
    "version": "GET /version",
    "limits": "GET /limits",
    "healthz": "GET /healthz",
    "readyz": "GET /readyz",
    "primitives": "GET /primitives",
    "primitive": "GET /primitives/{name}",
    "metrics": "GET /metrics",
    "functions": "GET /functions",
    "store_function": "POST /functions",
    "function": "GET /functions/{reference}",
    "delete_function": "DELETE /functions/{reference}",
    "upload_dataset": "POST /datasets",
    "datasets": "GET /datasets",
    "dataset": "GET /datasets/{reference}",
    "dataset_data": "GET /datasets/{reference}/data",
    "delete_dataset": "DELETE /datasets/{reference}",
    "models": "GET /models",
    "store_model": "POST /models",
    "model": "GET /models/{reference}",
    "delete_model": "DELETE /models/{reference}",
    "model_versions": "GET /models/{reference}/versions",
    "add_model_version": "POST /models/{reference}/versions",
    "model_version": "GET /models/{reference}/versions/{version}",
    "model_parameters": "GET /models/{reference}/parameters",
    "predict": "POST /models/{reference}/predict",
    "model_onnx": "GET /models/{reference}/onnx",
    "submit_job": "POST /jobs",
    "jobs": "GET /jobs",
    "job": "GET /jobs/{id}",
    "cancel_job": "POST /jobs/{id}/cancel",
    "delete_job": "DELETE /jobs/{id}",
    "job_history": "GET /jobs/{id}/history",
    "job_events": "GET /jobs/{id}/events",
    "umbridge_Info": "GET /Info",
    "umbridge_ModelInfo": "POST /ModelInfo",
    "umbridge_InputSizes": "POST /InputSizes",
    "umbridge_OutputSizes": "POST /OutputSizes",
    "umbridge_Evaluate": "POST /Evaluate",
    "umbridge_Gradient": "POST /Gradient",
    "umbridge_ApplyJacobian": "POST /ApplyJacobian",
    "umbridge_ApplyHessian": "POST /ApplyHessian",
}


@pytest.fixture(scope="module")
def document(client: Client) -> dict[str, Any]:
    """The document."""
    content = client.get("/openapi.json").json()
    assert isinstance(content, dict)
    return content


@schema.parametrize()
@settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck))
def test_the_service_keeps_to_its_document(case: schemathesis.Case[Any]) -> None:
    # A string that fits the schema is a program, which may well be wrong: a 422 is then the right answer.
    response = case.call_and_validate(excluded_checks=[positive_data_acceptance])
    assert response.status_code < 500 or response.status_code == 503
    if response.status_code == 400 and "umbridge" in case.operation.tags:
        # Another protocol, with refusals of its own.
        assert set(json.loads(response.content)["error"]) == {"type", "message"}
    elif response.status_code >= 400:
        assert response.headers["content-type"] == ["application/problem+json"]
        assert json.loads(response.content)["status"] == response.status_code


@pytest.mark.parametrize(
    ("status", "body", "headers"),
    [
        (400, b"{", {"content-type": "application/json"}),
        (413, b" ", {"content-type": "application/json", "content-length": "999999999"}),
        (415, b"{}", {"content-type": "text/plain"}),
        (422, b"{}", {"content-type": "application/json"}),
    ],
)
@pytest.mark.parametrize(
    "path", ["/value", "/grad", "/jacobian", "/hessian", "/jvp", "/vjp", "/hvp", "/check", "/check/steps", "/vectors"]
)
def test_every_refusal_is_documented(
    client: Client, document: dict[str, Any], path: str, status: int, body: bytes, headers: dict[str, str]
) -> None:
    assert client.post(path, body, headers).status == status
    assert {str(status), "404", "410", "500", "503"} <= set(document["paths"][path]["post"]["responses"])


def test_what_a_busy_server_and_one_without_database_say_is_documented_where_it_can_happen(
    document: dict[str, Any],
) -> None:
    named: dict[str, set[str]] = {}
    for path, methods in document["paths"].items():
        for operation in methods.values():
            content = operation["responses"].get("503", {"content": {}})["content"].get("application/problem+json")
            if content is not None:
                shown = (
                    [content["example"]] if "example" in content else [e["value"] for e in content["examples"].values()]
                )
                named[f"{path} {operation['operationId']}"] = {e["type"].removeprefix("/errors/") for e in shown}
                for name in named[f"{path} {operation['operationId']}"]:
                    assert f"`{name}`" in operation["responses"]["503"]["description"]
    both, busy, store = {"overloaded", "unavailable"}, {"overloaded"}, {"unavailable"}
    questions = ("value", "grad", "jacobian", "hessian", "jvp", "vjp", "hvp", "check", "vectors")
    assert named == {f"/{name} {name}": both for name in questions} | {
        "/functions store_function": both,
        "/functions functions": store,
        "/functions/{reference} function": store,
        "/functions/{reference} delete_function": store,
        "/datasets upload_dataset": both,
        "/datasets datasets": store,
        "/datasets/{reference} dataset": store,
        "/datasets/{reference}/data dataset_data": store,
        "/datasets/{reference} delete_dataset": store,
        "/models store_model": both,
        "/models models": store,
        "/models/{reference} model": store,
        "/models/{reference} delete_model": store,
        "/models/{reference}/versions model_versions": store,
        "/models/{reference}/versions add_model_version": both,
        "/models/{reference}/versions/{version} model_version": store,
        "/models/{reference}/parameters model_parameters": store,
        "/models/{reference}/predict predict": both,
        "/models/{reference}/onnx model_onnx": store,
        "/jobs submit_job": both,
        "/jobs jobs": store,
        "/jobs/{id} job": store,
        "/jobs/{id} delete_job": store,
        "/jobs/{id}/cancel cancel_job": store,
        "/jobs/{id}/history job_history": store,
        "/jobs/{id}/events job_events": store,
        "/Info umbridge_Info": store,
        "/check/plan plan": busy,
        "/check/verdict verdict": busy,
        "/check/steps steps": both,
        "/readyz readyz": busy,
    }


def test_a_deleted_function_is_gone_for_checks_and_vectors_too(tmp_path: Path) -> None:
    shop = Shop(tmp_path)
    id = shop.store("x^2")["id"]
    assert shop.post("/check", {"function": id, "at": {"x": 1}}).status == 200
    assert shop.delete(f"/functions/{id}").status == 204
    assert shop.post("/check", {"function": id, "at": {"x": 1}}).status == 410
    assert shop.post("/vectors", {"function": id, "domain": {"x": [0, 1]}}).status == 410


DIGITS: list[tuple[str, dict[str, Any]]] = [
    ("value", {}),
    ("value", {"expr": "x, [y, y]"}),
    ("grad", {}),
    ("jacobian", {}),
    ("jacobian", {"format": "coo"}),
    ("jacobian", {"expr": "x, x*y", "format": "coo"}),
    ("hessian", {}),
    ("hessian", {"format": "coo"}),
    ("jvp", {"tangent": {"x": 1}}),
    ("vjp", {"cotangent": 1}),
    ("hvp", {"vector": {"x": 1}}),
    ("grad", {"encoding": "base64"}),
]


@pytest.mark.parametrize(("name", "fields"), DIGITS)
def test_digits_are_of_their_type(client: Client, document: dict[str, Any], name: str, fields: dict[str, Any]) -> None:
    question = {"expr": "x^2*sin(y)", "at": {"x": 3, "y": 0.5}, "digits": True, **fields}
    digits = client.post(f"/{name}", question).json()["digits"]
    schemas = document["components"]["schemas"]
    shown = schemas[f"{name.capitalize()}Answer"]["properties"]["digits"]["anyOf"][0]

    def valid(content: Any) -> bool:
        full = {**shown, "components": {"schemas": schemas}}
        return bool(jsonschema_rs.is_valid(full, content))

    assert valid(digits)
    assert set(schemas[shown["$ref"].rsplit("/", 1)[1]]["required"]) == set(digits)
    for part in digits:
        assert not valid({**digits, part: "many"})
        assert not valid({key: value for key, value in digits.items() if key != part})


def test_every_operation_has_a_tidy_id(document: dict[str, Any]) -> None:
    found = {
        operation["operationId"]: f"{method.upper()} {path}"
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
    }
    assert found == OPERATIONS


def test_every_refusal_is_a_problem(document: dict[str, Any]) -> None:
    for methods in document["paths"].values():
        for operation in methods.values():
            for status, response in operation["responses"].items():
                assert {"X-Request-ID", "Server-Timing"} <= set(response["headers"])
                if "umbridge" in operation["tags"] and "requestBody" in operation and status in ("4XX", "503"):
                    reference = response["content"]["application/json"]["schema"]["$ref"]
                    assert reference == "#/components/schemas/UmbridgeRefusal"
                elif status.startswith(("4", "5")):
                    assert set(response["content"]) == {"application/problem+json"}
                    content = response["content"]["application/problem+json"]
                    for example in [e["value"] for e in content.get("examples", {}).values()] or [content["example"]]:
                        assert str(example["status"]) == status


def test_every_reference_leads_somewhere(document: dict[str, Any]) -> None:
    def walk(part: Any) -> None:
        if isinstance(part, dict):
            if isinstance(reference := part.get("$ref"), str):
                target: Any = document
                for key in reference.removeprefix("#/").split("/"):
                    target = target[key]
            for value in part.values():
                walk(value)
        elif isinstance(part, list):
            for value in part:
                walk(value)

    walk(document)


def test_the_example_of_a_question_works(client: Client, document: dict[str, Any]) -> None:
    reference = document["paths"]["/grad"]["post"]["requestBody"]["content"]["application/json"]["schema"]["$ref"]
    question = document["components"]["schemas"][reference.rsplit("/", 1)[1]]
    example, program = question["examples"]
    answer = document["components"]["schemas"]["GradAnswer"]["examples"][0]
    assert client.post("/grad", example).json() == answer
    assert client.post("/grad", program).json()["value"] == pytest.approx(2**0.5)
