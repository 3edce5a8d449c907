"""“UM-Bridge 1.0 at the root …: every stored function is a model of that name”, with nothing but HTTP."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.conformity.server import Server

Store = Callable[..., Any]
INPUT = [[1.0, 2.0], [1.0, 2.0, 3.0, 4.0]]


@pytest.fixture
def model(store: Store, unique: str) -> str:
    """A model with two inputs, x and A, and two outputs."""
    inputs = [{"name": "x", "shape": [2]}, {"name": "A", "shape": [2, 2]}]
    store("A @ x, sum(x^2)*b", inputs=inputs, data={"b": 2}, name=unique)
    return unique


def refused(server: Server, path: str, kind: str, **body: Any) -> str:
    """The message of a refusal, in the form of the protocol."""
    answer = server.post(path, body)
    assert answer.status == 400, answer.text
    error = answer.content["error"]
    assert error["type"] == kind
    assert error["message"]
    return str(error["message"])


def test_info(server: Server, model: str) -> None:
    """“every stored function is a model of that name”"""
    info = server.get("/Info").content
    assert info["protocolVersion"] == 1.0
    assert model in info["models"]


def test_what_a_model_can_do(server: Server, model: str) -> None:
    """“/ModelInfo”"""
    support = server.ask("/ModelInfo", name=model)["support"]
    assert support == {"Evaluate": True, "Gradient": True, "ApplyJacobian": True, "ApplyHessian": True}


def test_sizes(server: Server, model: str) -> None:
    """“/InputSizes, /OutputSizes”"""
    assert server.ask("/InputSizes", name=model, config={}) == {"inputSizes": [2, 4]}
    assert server.ask("/OutputSizes", name=model, config={}) == {"outputSizes": [2, 1]}


def test_evaluate(server: Server, model: str) -> None:
    """“/Evaluate”"""
    assert server.ask("/Evaluate", name=model, input=INPUT, config={}) == {"output": [[5, 11], [10]]}


def test_gradient(server: Server, model: str) -> None:
    """“/Gradient”: sensitivities of one output, times its Jacobian by one input."""
    asked: dict[str, Any] = {"name": model, "input": INPUT, "config": {}}
    assert server.ask("/Gradient", **asked, outWrt=0, inWrt=0, sens=[1, 10]) == {"output": [31, 42]}
    assert server.ask("/Gradient", **asked, outWrt=0, inWrt=1, sens=[1, 10]) == {"output": [1, 2, 10, 20]}
    assert server.ask("/Gradient", **asked, outWrt=1, inWrt=0, sens=[3]) == {"output": [12, 24]}


def test_apply_jacobian(server: Server, model: str) -> None:
    """“/ApplyJacobian”"""
    asked: dict[str, Any] = {"name": model, "input": INPUT, "config": {}}
    assert server.ask("/ApplyJacobian", **asked, outWrt=0, inWrt=0, vec=[1, 10]) == {"output": [21, 43]}
    assert server.ask("/ApplyJacobian", **asked, outWrt=1, inWrt=0, vec=[1, 10]) == {"output": [84]}


def test_apply_hessian(server: Server, model: str) -> None:
    """“/ApplyHessian”: the gradient, differentiated along a direction of a second input."""
    asked: dict[str, Any] = {"name": model, "input": INPUT, "config": {}}
    found = server.ask("/ApplyHessian", **asked, outWrt=1, inWrt1=0, inWrt2=0, sens=[1], vec=[1, 10])
    assert found == {"output": [4, 40]}
    mixed = server.ask("/ApplyHessian", **asked, outWrt=0, inWrt1=0, inWrt2=1, sens=[1, 10], vec=[1, 0, 0, 1])
    assert mixed == {"output": [1, 10]}


def test_the_derivatives_are_those_of_the_other_endpoints(server: Server, model: str) -> None:
    """“every stored function is a model of that name”"""
    at = {"x": INPUT[0], "A": [[1, 2], [3, 4]]}
    vjp = server.ask("/vjp", function=model, at=at, wrt="x", cotangent=[[1, 10], 3])["vjp"]["x"]
    asked: dict[str, Any] = {"name": model, "input": INPUT, "inWrt": 0}
    first = server.ask("/Gradient", **asked, outWrt=0, sens=[1, 10])["output"]
    second = server.ask("/Gradient", **asked, outWrt=1, sens=[3])["output"]
    assert [a + b for a, b in zip(first, second, strict=True)] == vjp


@pytest.mark.parametrize("path", ["/ModelInfo", "/InputSizes", "/OutputSizes"])
def test_a_model_that_does_not_exist(server: Server, path: str) -> None:
    """“ModelNotFound”, with the protocol's own form and status 400."""
    assert "nobody-has-this-name" in refused(server, path, "ModelNotFound", name="nobody-has-this-name", config={})


@pytest.mark.parametrize(
    ("path", "fields"),
    [
        ("/Evaluate", {"input": [[1, 2]]}),
        ("/Evaluate", {"input": [[1], [1, 0, 0, 1]]}),
        ("/Gradient", {"input": INPUT, "outWrt": 2, "inWrt": 0, "sens": [1]}),
        ("/Gradient", {"input": INPUT, "outWrt": 0, "inWrt": 2, "sens": [1, 1]}),
        ("/Gradient", {"input": INPUT, "outWrt": 0, "inWrt": 0, "sens": [1]}),
        ("/ApplyJacobian", {"input": INPUT, "outWrt": 0, "inWrt": 0, "vec": [1]}),
        ("/ApplyHessian", {"input": INPUT, "outWrt": 0, "inWrt1": 0, "inWrt2": 9, "sens": [1, 1], "vec": [1, 1]}),
        ("/Evaluate", {}),
        ("/Evaluate", {"input": "x"}),
    ],
)
def test_inputs_that_do_not_fit(server: Server, model: str, path: str, fields: dict[str, Any]) -> None:
    """“InvalidInput”"""
    refused(server, path, "InvalidInput", name=model, config={}, **fields)


def test_a_result_that_is_not_finite(server: Server, store: Store, unique: str) -> None:
    """“InvalidOutput”: the protocol has no way to say infinity."""
    store("log(x)", inputs={"x": {"shape": [1]}}, name=unique)
    refused(server, "/Evaluate", "InvalidOutput", name=unique, input=[[0]], config={})
