"""UM-Bridge 1.0: its published Python client over a real socket, and what its conformity tests look at."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import umbridge

from tests.service.live import Live, serving
from tests.service.stores import SQUARES, Shop

PAIR = {
    "expr": "A @ x + b*sum(x^2), sum(A^2)*sin(b), x^3",
    "name": "several-β",
    "inputs": [{"name": "x", "shape": [3]}, {"name": "A", "shape": [2, 3]}, {"name": "b"}],
}
"""Three inputs (a vector, a matrix, a number) and three outputs."""
POINT: list[list[float]] = [[0.5, -1.0, 2.0], [1.0, 2.0, 3.0, 4.0, 5.0, 6.0], [0.3]]
COUNTS = [3, 6, 1]


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    """A server with some functions."""
    with serving(ADJOINT_DATA_DIR=str(tmp_path_factory.mktemp("store"))) as server:
        assert server.post("/functions", SQUARES)[0] == 201
        assert server.post("/functions", PAIR)[0] == 201
        assert server.post("/functions", {"expr": "x^2 + y"})[0] == 201
        assert (
            server.post("/functions", {"expr": "argmax(x)", "name": "best", "inputs": {"x": {"shape": [3]}}})[0] == 201
        )
        yield server


@pytest.fixture(scope="module")
def url(live: Live) -> str:
    """Where the server is."""
    return f"http://127.0.0.1:{live.port}"


@pytest.fixture(scope="module")
def model(url: str) -> Any:
    """The model with several inputs and outputs."""
    return umbridge.HTTPModel(url, "several-β")


def function(point: list[list[float]]) -> list[np.ndarray[Any, Any]]:
    """The same in numpy."""
    x, A, b = np.array(point[0]), np.array(point[1]).reshape(2, 3), point[2][0]
    return [A @ x + b * np.sum(x**2), np.array([np.sum(A**2) * np.sin(b)]), x**3]


def differences(number: int, h: float = 1e-6) -> list[np.ndarray[Any, Any]]:
    """The Jacobians of all outputs with respect to one input, by central differences."""
    columns = []
    for i in range(COUNTS[number]):
        ends = []
        for step in (h, -h):
            moved = [list(vector) for vector in POINT]
            moved[number][i] += step
            ends.append(function(moved))
        columns.append([(a - b) / (2 * h) for a, b in zip(*ends, strict=True)])
    return [np.stack(column, axis=1) for column in zip(*columns, strict=True)]


def test_the_client_lists_the_models(url: str, live: Live) -> None:
    assert live.get("/Info") == (200, {"protocolVersion": 1.0, "models": ["least-squares", "several-β", "best"]})
    assert umbridge.supported_models(url) == ["least-squares", "several-β", "best"]
    with pytest.raises(Exception, match="not supported by server"):
        umbridge.HTTPModel(url, "nothing")


def test_the_client_sees_sizes_and_features(url: str, model: Any) -> None:
    assert model.get_input_sizes() == [3, 6, 1]
    assert model.get_output_sizes() == [2, 1, 3]
    features = ("evaluate", "gradient", "apply_jacobian", "apply_hessian")
    assert [getattr(model, f"supports_{feature}")() for feature in features] == [True] * 4
    best = umbridge.HTTPModel(url, "best")
    assert [getattr(best, f"supports_{feature}")() for feature in features] == [True, False, False, False]
    assert best([[1.0, 5.0, 2.0]]) == [[1.0]]


def test_a_model_with_bound_data_has_the_other_inputs(url: str) -> None:
    model = umbridge.HTTPModel(url, "least-squares")
    assert (model.get_input_sizes(), model.get_output_sizes()) == ([2], [1])
    assert model([[1.0, 2.0]]) == [[146.5]]
    assert model.gradient(0, 0, [[1.0, 2.0]], [1.0]) == [101.0, 128.0]
    assert model.apply_jacobian(0, 0, [[1.0, 2.0]], [1.0, -1.0]) == [-27.0]
    assert model.apply_hessian(0, 0, 0, [[1.0, 2.0]], [2.0], [1.0, 0.0]) == [70.0, 88.0]


def test_a_model_can_be_used_by_its_id(url: str, live: Live) -> None:
    id = live.get("/functions/several-%CE%B2")[1]["id"]
    status, sizes = live.post("/InputSizes", {"name": id})
    assert (status, sizes) == (200, {"inputSizes": [3, 6, 1]})


def test_evaluate(model: Any) -> None:
    found = model(POINT)
    assert [len(vector) for vector in found] == [2, 1, 3]
    for vector, expected in zip(found, function(POINT), strict=True):
        np.testing.assert_allclose(vector, expected, rtol=1e-14)
    assert model(POINT, {"level": 3}) == found


@pytest.mark.parametrize("number", range(3))
@pytest.mark.parametrize("output", range(3))
def test_gradient_and_apply_jacobian(model: Any, output: int, number: int) -> None:
    jacobian = differences(number)[output]
    sens = [1.0, -2.0, 0.5][: jacobian.shape[0]]
    vec = [0.5, -1.0, 2.0, 1.5, -0.5, 3.0][: COUNTS[number]]
    gradient = model.gradient(output, number, POINT, sens)
    np.testing.assert_allclose(gradient, sens @ jacobian, rtol=1e-8, atol=1e-8)
    product = model.apply_jacobian(output, number, POINT, vec)
    np.testing.assert_allclose(product, jacobian @ vec, rtol=1e-8, atol=1e-8)
    assert np.dot(gradient, vec) == pytest.approx(np.dot(sens, product), rel=1e-13)


@pytest.mark.parametrize("second", range(3))
@pytest.mark.parametrize("first", range(3))
@pytest.mark.parametrize("output", range(3))
def test_apply_hessian(model: Any, output: int, first: int, second: int) -> None:
    sens = [1.0, -2.0, 0.5][: model.get_output_sizes()[output]]
    vec = [0.5, -1.0, 2.0, 1.5, -0.5, 3.0][: COUNTS[second]]
    h, ends = 1e-5, []
    for step in (h, -h):
        moved = [list(vector) for vector in POINT]
        moved[second] = [a + step * v for a, v in zip(moved[second], vec, strict=True)]
        ends.append(np.array(model.gradient(output, first, moved, sens)))
    found = model.apply_hessian(output, first, second, POINT, sens, vec)
    np.testing.assert_allclose(found, (ends[0] - ends[1]) / (2 * h), rtol=1e-7, atol=1e-7)


def test_the_client_raises_what_the_server_refuses(model: Any) -> None:
    with pytest.raises(Exception, match="error of type InvalidInput: Input parameter 0 has invalid length! Expected 3"):
        model([[1.0], POINT[1], POINT[2]])
    with pytest.raises(Exception, match="InvalidInput: Number of input parameters"):
        model(POINT[:2])
    with pytest.raises(Exception, match="InvalidInput: Invalid outWrt index"):
        model.gradient(3, 0, POINT, [1.0])
    with pytest.raises(Exception, match="InvalidInput: Invalid inWrt index"):
        model.gradient(0, 3, POINT, [1.0, 0.0])
    with pytest.raises(Exception, match="InvalidInput: Invalid inWrt index"):
        model.apply_jacobian(0, -1, POINT, [1.0])
    with pytest.raises(Exception, match="InvalidInput: Sensitivity vector sens has invalid length! Expected 2"):
        model.gradient(0, 0, POINT, [1.0])
    with pytest.raises(Exception, match="InvalidInput: Vector vec has invalid length! Expected 6 but got 1"):
        model.apply_jacobian(0, 1, POINT, [1.0])
    with pytest.raises(Exception, match="InvalidInput: Invalid inWrt2 index"):
        model.apply_hessian(0, 0, 7, POINT, [1.0, 0.0], [1.0])


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    """A client of an application with one model."""
    shop = Shop(tmp_path)
    shop.store("a/x, x", name="quotient", inputs={"x": {"shape": [2]}, "a": {}})
    return shop


ADDRESSES = ["ModelInfo", "InputSizes", "OutputSizes", "Evaluate", "Gradient", "ApplyJacobian", "ApplyHessian"]
WHOLE = {
    "name": "quotient", "input": [[1, 2], [3]], "outWrt": 0, "inWrt": 0, "inWrt1": 0, "inWrt2": 1,
    "sens": [1, 0], "vec": [1, 0], "config": {},
}  # fmt: skip


def error(answered: Any) -> tuple[int, str, str]:
    """Status, type and message of a refusal, which has nothing else."""
    content = answered.json()
    assert content.keys() == {"error"}
    assert content["error"].keys() == {"type", "message"}
    return answered.status, content["error"]["type"], content["error"]["message"]


@pytest.mark.parametrize("address", ADDRESSES)
def test_a_model_that_is_not_there(shop: Shop, address: str) -> None:
    status, kind, message = error(shop.post(f"/{address}", WHOLE | {"name": "quotinet"}))
    assert (status, kind) == (400, "ModelNotFound")
    assert "Did you mean quotient?" in message
    shop.store("x + y", name="open")
    status, kind, message = error(shop.post(f"/{address}", WHOLE | {"name": "open"}))
    assert (status, kind) == (400, "ModelNotFound")
    assert "declared" in message
    shop.delete("/functions/quotient")
    assert error(shop.post(f"/{address}", WHOLE))[:2] == (400, "ModelNotFound")


@pytest.mark.parametrize("address", ADDRESSES)
@pytest.mark.parametrize(
    "body", [b"", b"{", b"[]", b"3", b"{}", b'{"name": 3}', b'{"name": "\\u0000"}', b'{"name": ""}']
)
def test_a_body_that_is_none(shop: Shop, address: str, body: bytes) -> None:
    # As with curl and requests, which declare nothing for a string.
    status, kind, _ = error(shop.request("POST", f"/{address}", [body]))
    assert status == 400
    assert kind in ("InvalidInput", "ModelNotFound")


@pytest.mark.parametrize("address", ADDRESSES[3:])
@pytest.mark.parametrize(
    "fields",
    [
        {"input": None},
        {"input": 3},
        {"input": [1, 2]},
        {"input": [[1, 2], 3]},
        {"input": [[1, None], [3]]},
        {"input": [[1, "x"], [3]]},
        {"input": [[[1], [2]], [3]]},
        {"input": [[True, False], [3]]},
        {"input": [[1, 2], []]},
        {"outWrt": None, "inWrt": None, "inWrt1": None, "input": []},
    ],
)
def test_a_point_that_is_none(shop: Shop, address: str, fields: Any) -> None:
    assert error(shop.post(f"/{address}", WHOLE | fields))[:2] == (400, "InvalidInput")


@pytest.mark.parametrize(
    ("address", "fields"),
    [
        ("Gradient", {"outWrt": "0"}),
        ("Gradient", {"outWrt": True}),
        ("Gradient", {"inWrt": 0.5}),
        ("Gradient", {"sens": 1}),
        ("Gradient", {"sens": [[1, 0]]}),
        ("Gradient", {"sens": [None, 1]}),
        ("ApplyJacobian", {"vec": {}}),
        ("ApplyHessian", {"inWrt1": 2}),
        ("ApplyHessian", {"sens": [1]}),
        ("ApplyHessian", {"vec": [1, 0]}),
    ],
)
def test_a_wrong_field_is_named(shop: Shop, address: str, fields: Any) -> None:
    status, kind, message = error(shop.post(f"/{address}", WHOLE | fields))
    assert (status, kind) == (400, "InvalidInput")
    assert next(iter(fields)) in message


def test_derivatives_of_what_has_none_are_not_supported(shop: Shop) -> None:
    shop.store("argmax(x)", name="best", inputs={"x": {"shape": [2]}})
    body = WHOLE | {"name": "best", "input": [[1, 2]], "sens": [1]}
    for address in ADDRESSES[4:]:
        assert error(shop.post(f"/{address}", body))[:2] == (400, "UnsupportedFeature")
    assert shop.post("/Evaluate", body).json() == {"output": [[1.0]]}


def test_what_is_not_finite_is_refused(shop: Shop) -> None:
    status, kind, message = error(shop.post("/Evaluate", WHOLE | {"input": [[0, 1], [3]]}))
    assert (status, kind) == (400, "InvalidOutput")
    assert "not finite" in message
    assert shop.post("/Evaluate", WHOLE | {"input": [["Infinity", 1], [3]]}).status == 400


def test_too_much_is_refused_in_the_words_of_the_protocol(tmp_path: Path) -> None:
    shop = Shop(tmp_path, body_bytes=2000, array_bytes=800)
    shop.store("sum(x)", name="sum", inputs={"x": {"shape": [100]}})
    assert error(shop.post("/Evaluate", {"name": "sum", "input": [[1.0] * 1000]}))[:2] == (400, "InvalidInput")
    assert shop.post("/Evaluate", {"name": "sum", "input": [[1] * 100]}).json() == {"output": [[100.0]]}


def test_an_input_that_the_text_does_not_use(shop: Shop) -> None:
    shop.store("2*x", name="half", inputs={"x": {"shape": [2]}, "y": {"shape": [2]}})
    body = WHOLE | {"name": "half", "input": [[1, 2], [3, 4]], "inWrt": 1, "inWrt1": 1, "inWrt2": 1}
    assert shop.post("/InputSizes", body).json() == {"inputSizes": [2, 2]}
    for address in ADDRESSES[4:]:
        assert shop.post(f"/{address}", body).json() == {"output": [0, 0]}


def test_empty_vectors(shop: Shop) -> None:
    shop.store("sum(x) + a", name="empty", inputs={"x": {"shape": [0]}, "a": {}})
    body = WHOLE | {"name": "empty", "input": [[], [3]], "sens": [1], "vec": [1]}
    assert shop.post("/Evaluate", body).json() == {"output": [[3]]}
    assert shop.post("/Gradient", body).json() == {"output": []}


def test_a_heavy_model_leaves_the_event_loop(tmp_path: Path) -> None:
    shop = Shop(tmp_path, inline_seconds=0, inline_bytes=10)
    shop.store("x^2", name="square", inputs={"x": {}})
    for _ in range(2):
        assert shop.post("/Evaluate", {"name": "square", "input": [[3]]}).json() == {"output": [[9]]}
