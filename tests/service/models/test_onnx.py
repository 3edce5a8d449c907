"""Models as files of ONNX, over HTTP: taken home, brought in, refused."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import onnx
import pytest

from tests.models.onnx.running import session_of
from tests.service.asgi import Answered
from tests.service.models.making import CLASSES, HELD, LINE, SURFACE, WORDS, line, stored
from tests.service.stores import Shop

FILES = Path(__file__).parents[2] / "models" / "onnx"
X = [[0.5, -1.0], [2.0, 0.25]]


def bring(shop: Shop, content: bytes, query: str = "loss=mse", kind: str = "application/x-onnx") -> Answered:
    """Post a file."""
    return shop.post(f"/models?{query}", content, {"content-type": kind})


def test_a_file_predicts_what_the_model_does(shop: Shop) -> None:
    content = stored(shop, SURFACE)
    assert content["links"]["onnx"] == f"/models/{content['id']}/onnx"
    answered = shop.get(f"{content['links']['onnx']}?dtype=float64")
    assert answered.status == 200
    assert answered.headers["content-type"] == "application/octet-stream"
    assert answered.headers["content-disposition"] == f'attachment; filename="{content["id"]}-0.onnx"'
    (found,) = session_of(answered.body).run(None, {"x": np.array(X)})
    expected = shop.post(content["links"]["predict"], {"x": X}).json()["prediction"]
    assert np.allclose(found, expected, rtol=1e-14)


def test_the_version_that_is_asked_for_is_written(shop: Shop) -> None:
    id = line(shop, 3.0, 1.0)
    for query, expected in (("", 7.0), ("?version=1", 7.0), ("?version=0", None)):
        answered = shop.get(f"/models/{id}/onnx{query}")
        (found,) = session_of(answered.body).run(None, {"x": np.array([[2.0]], np.float32)})
        assert (found[0, 0] == 7.0) == (expected == 7.0)
        read = onnx.load_from_string(answered.body)
        assert read.graph.name == id
        assert read.model_version == (0 if query.endswith("0") else 1)
    assert shop.get(f"/models/{id}/onnx?version=9").status == 404
    assert shop.get(f"/models/{id}/onnx?dtype=float16").status == 422
    assert shop.get("/models/none/onnx").status == 404


@pytest.mark.parametrize("definition", [SURFACE, LINE, CLASSES, WORDS, HELD])
def test_what_was_taken_home_comes_back(shop: Shop, definition: dict[str, object]) -> None:
    content = stored(shop, definition)
    taken = shop.get(f"{content['links']['onnx']}?dtype=float64").body
    answered = bring(shop, taken)
    assert answered.status in (200, 201), answered.body
    again = answered.json()
    assert answered.headers["location"] == again["links"]["self"]
    assert again["versions"] >= 2
    x = [[1, 2, 3]] if definition is WORDS else [[0.5] * content["input"]["shape"][0]]
    first = shop.post(content["links"]["predict"], {"x": x, "version": 0}).json()["prediction"]
    second = shop.post(again["links"]["predict"], {"x": x}).json()["prediction"]
    assert np.allclose(first, second, rtol=1e-14)


def test_a_file_of_pytorch_becomes_a_model_that_can_be_asked(shop: Shop) -> None:
    answered = bring(shop, (FILES / "plain.onnx").read_bytes(), "loss=huber&name=plain", "application/octet-stream")
    content = answered.json()
    assert (answered.status, content["name"], content["versions"]) == (201, "plain", 2)
    assert content["loss"]["name"] == "huber"
    assert [layer["type"] for layer in content["layers"]] == ["dense", "dense"]
    version = shop.get(f"{content['links']['versions']}/1").json()
    assert version["summary"] == {"source": "onnx"}
    at = {"x": [[1, 2, 3]], "y": [[1]]}
    assert shop.post("/grad", {"model": "plain", "at": at}).status == 200


def test_the_same_file_again_is_the_same_model_and_a_new_version(shop: Shop) -> None:
    content = (FILES / "plain.onnx").read_bytes()
    first, second = bring(shop, content), bring(shop, content)
    assert (first.status, second.status) == (201, 200)
    assert first.json()["id"] == second.json()["id"]
    assert second.json()["versions"] == 3


def test_a_loss_may_be_an_object(shop: Shop) -> None:
    answered = bring(shop, (FILES / "plain.onnx").read_bytes(), "loss=%7B%22name%22%3A%22huber%22%2C%22delta%22%3A2%7D")
    assert answered.status == 201, answered.body
    assert answered.json()["loss"] == {"name": "huber", "delta": 2}


@pytest.mark.parametrize(
    ("query", "pointer"),
    [
        ("", "/loss"),
        ("loss=", "/loss"),
        ("loss=mse&loss=mae", "/loss"),
        ("loss=msee", "/loss"),
        ("loss=%7B", "/loss"),
        ("loss=mse&nam=a", "/nam"),
        ("loss=mse&name=1%20x", "/name"),
        ("loss=cross_entropy&name=md_x", "/name"),
    ],
)
def test_what_is_wrong_with_the_query_is_told(shop: Shop, query: str, pointer: str) -> None:
    answered = bring(shop, (FILES / "plain.onnx").read_bytes(), query)
    assert answered.status == 422, answered.body
    assert pointer in [error["pointer"] for error in answered.json()["errors"]]


def test_what_is_no_file_is_refused(shop: Shop) -> None:
    answered = bring(shop, b"no file")
    assert (answered.status, answered.json()["type"]) == (422, "/errors/invalid-request")
    answered = shop.post("/models?loss=mse", b"x", {"content-type": "text/plain"})
    assert answered.status == 415


def test_what_onnx_has_no_equivalent_of_is_refused_by_name(shop: Shop) -> None:
    content = stored(shop, {"input": {"shape": [2]}, "layers": [{"type": "expr", "expr": "expm1(x)"}], "loss": "mse"})
    answered = shop.get(content["links"]["onnx"])
    problem = answered.json()
    assert (answered.status, problem["type"]) == (422, "/errors/unsupported")
    assert [error["pointer"] for error in problem["errors"]] == ["/layers/0/expr"]
    assert "expm1" in problem["detail"]


def test_a_model_with_more_parameters_than_allowed_is_refused(tmp_path: Path) -> None:
    shop = Shop(tmp_path / "data", model_parameters=10)
    answered = bring(shop, (FILES / "plain.onnx").read_bytes())
    assert (answered.status, answered.json()["type"]) == (422, "/errors/limit-exceeded")
    assert answered.json()["limit"]["name"] == "model_parameters"


def test_without_the_package_it_is_said_what_to_install(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    content = stored(shop, SURFACE)
    monkeypatch.setitem(sys.modules, "onnx", None)
    for answered in (shop.get(content["links"]["onnx"]), bring(shop, b"\x08\x08")):
        assert (answered.status, answered.json()["type"]) == (422, "/errors/unsupported")
        assert "adjoint[onnx]" in answered.json()["hint"]
