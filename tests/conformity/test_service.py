"""What the service tells of itself: “GET /healthz /readyz /version /limits /metrics /openapi.json /docs”."""

from __future__ import annotations

import re
from typing import Any

import pytest

from tests.conformity.server import JSON, POSTED, Server

EXPECTED_PATHS = {
    "/value", "/grad", "/jacobian", "/hessian", "/jvp", "/vjp", "/hvp", "/check", "/check/plan", "/check/verdict",
    "/check/steps", "/vectors", "/functions", "/primitives", "/primitives/{name}", "/healthz", "/readyz", "/version",
    "/limits", "/metrics", "/Info", "/ModelInfo", "/InputSizes", "/OutputSizes", "/Evaluate", "/Gradient",
    "/ApplyJacobian", "/ApplyHessian", "/jobs", "/jobs/{id}", "/jobs/{id}/cancel", "/jobs/{id}/history",
    "/jobs/{id}/events",
}  # fmt: skip


@pytest.mark.parametrize("path", ["/healthz", "/readyz"])
def test_health(server: Server, path: str) -> None:
    """“GET /healthz /readyz”"""
    assert server.get(path).content == {"status": "ok"}


def test_version(server: Server) -> None:
    """“GET /version names the API number, the package and the engine.”"""
    version = server.get("/version").content
    assert type(version["api"]) is int
    assert version["adjoint"]
    assert version["engine"]


def test_limits(server: Server) -> None:
    """“Limits (source length, nesting, nodes, array bytes, deadline, body size) …; GET /limits tells them.”"""
    limits = server.get("/limits").content
    wanted = {"source_chars", "nesting", "nodes", "array_bytes", "run_seconds", "body_bytes"}
    assert wanted <= set(limits)
    assert all(limits[name] > 0 for name in wanted)


def test_metrics_count_requests(server: Server) -> None:
    """“GET /metrics”, in the format of Prometheus."""
    server.ask("/value", expr="x", at={"x": 1})
    answer = server.get("/metrics")
    assert answer.headers["content-type"].startswith("text/plain")
    assert re.search(r'^adjoint_requests_total\{route="/value",status="200"\} [1-9]', answer.text, re.MULTILINE)


def test_the_contract_as_a_document(server: Server) -> None:
    """“GET /openapi.json”"""
    document = server.get("/openapi.json").content
    assert document["openapi"].startswith("3.")
    assert set(document["paths"]) >= EXPECTED_PATHS


@pytest.mark.parametrize(
    "path",
    [*POSTED, "/vectors"],
)
def test_the_examples_of_the_document_work(server: Server, path: str) -> None:
    """“Every example must work as written against a running server”"""
    document = server.get("/openapi.json").content
    content = document["paths"][path]["post"]["requestBody"]["content"]["application/json"]
    schema = document["components"]["schemas"][content["schema"]["$ref"].rsplit("/", 1)[1]]
    assert schema["examples"]
    for example in schema["examples"]:
        answer = server.post(path, example)
        assert answer.status == 200, answer.text


def test_the_documentation_needs_no_internet(server: Server) -> None:
    """“GET /docs”: what the page loads comes from the server itself."""
    page = server.get("/docs")
    assert page.headers["content-type"].startswith("text/html")
    loaded = re.findall(r'(?:src|href)="([^"]+)"', page.text)
    assert loaded
    for address in loaded:
        assert not re.match(r"(?:https?:)?//", address), address
        assert server.get("/" + address.lstrip("/")).status == 200, address


def test_primitives(server: Server) -> None:
    """“GET /primitives → names, signatures, domains, kink conventions”"""
    content = server.get("/primitives").content
    found: dict[str, Any] = {function["name"]: function for function in content["primitives"]}
    assert len(found) == len(content["primitives"]) > 100
    assert found["log"]["domain"] == "x > 0"
    assert found["abs"]["kink"]
    assert found["sin"]["signature"] == "sin(x)"
    assert content["constants"]["pi"] == 3.141592653589793


@pytest.mark.parametrize("name", ["log", "ln"])
def test_a_primitive_by_any_of_its_names(server: Server, name: str) -> None:
    """“GET /primitives/{name}”"""
    function = server.get(f"/primitives/{name}").content
    assert (function["name"], "ln" in function["aliases"]) == ("log", True)


def test_every_primitive_can_be_told_and_its_examples_work(server: Server) -> None:
    """“Every example must work as written against a running server”"""
    tried = 0
    for function in server.get("/primitives").content["primitives"]:
        for name in (function["name"], *function["aliases"]):
            assert server.get(f"/primitives/{name}").content == function
        for example in function["examples"]:
            assert server.post("/value", example).status == 200, example
            tried += 1
    assert tried > 10


def test_unknown_parameters_do_no_harm(server: Server) -> None:
    """Paths are what they are, with or without a query."""
    assert server.send("POST", "/grad?x=1", b'{"expr":"x^2","at":{"x":3}}', JSON).content["grad"] == {"x": 6}
