"""`POST /models/{reference}/predict`: one example or many, classes, parts, and what is refused."""

from __future__ import annotations

import math
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from engine.models import predict as predicting
from engine.question import Question
from service.packed import pack
from tests.service.models.making import CLASSES, LINE, NOISY, SURFACE, WORDS, line, stored
from tests.service.stores import Shop


def test_many_examples_and_one(shop: Shop) -> None:
    id = line(shop, 2, 1)
    many = shop.post(f"/models/{id}/predict", {"x": [[1], [2], [-3]]}).json()
    assert many == {"prediction": [[3], [5], [-5]], "version": 1, "model": id, "warnings": []}
    assert shop.post(f"/models/{id}/predict", {"x": [2]}).json()["prediction"] == [5]
    assert shop.post(f"/models/{id}/predict", {"x": [[2]], "version": 0}).json()["version"] == 0


@pytest.mark.parametrize("x", [[], pack(np.zeros((0, 1)))])
def test_no_examples_have_no_predictions(shop: Shop, x: Any) -> None:
    assert shop.post(f"/models/{line(shop, 2, 1)}/predict", {"x": x}).json()["prediction"] == []


def test_packed_examples_have_packed_predictions(shop: Shop) -> None:
    x = np.linspace(-1, 1, 6).reshape(6, 1)
    answer = shop.post(f"/models/{line(shop, 2, 1)}/predict", {"x": pack(x), "encoding": "base64"}).json()
    assert answer["prediction"] == pack(2 * x + 1)


def test_parts_make_the_same_numbers(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    id = stored(shop, SURFACE)["id"]
    x = np.random.default_rng(0).normal(size=(50, 2)).tolist()
    whole = shop.post(f"/models/{id}/predict", {"x": x}).json()["prediction"]
    for rows in (1, 7, 50, 1000):
        parts = shop.post(f"/models/{id}/predict", {"x": x, "batch_size": rows}).json()["prediction"]
        assert np.allclose(parts, whole, rtol=1e-14, atol=1e-14)
    sizes: list[int] = []

    def noted(text: str, at: Any, *rest: Any, **fields: Any) -> Any:
        sizes.append(len(at["x"]))
        return Question(text, at, *rest, **fields)

    monkeypatch.setattr(predicting, "Question", noted)
    shop.post(f"/models/{id}/predict", {"x": x, "batch_size": 20})
    assert sizes == [20, 20, 10]


def test_a_part_is_as_large_as_memory_allows() -> None:
    assert predicting.rows_at_once(1) == predicting.MOST_ROWS
    assert predicting.rows_at_once(predicting.PART_BYTES / 100) == 64
    assert predicting.rows_at_once(1e15) == 1


def test_probabilities_and_classes(shop: Shop) -> None:
    id = stored(shop, CLASSES)["id"]
    kernel = [[1, 0, 0], [0, 1, 0]]
    shop.post(f"/models/{id}/versions", {"parameters": {"dense_1_kernel": kernel, "dense_1_bias": [0, 0, 0]}})
    x = [[math.log(2), 0], [0, math.log(6)], [1000, 0]]
    answer = shop.post(f"/models/{id}/predict", {"x": x, "probabilities": True}).json()
    assert np.allclose(
        np.array(answer["probabilities"]), [[0.5, 0.25, 0.25], [0.125, 0.75, 0.125], [1.0, 0.0, 0.0]], atol=1e-15
    )
    assert answer["class"] == [0, 1, 0]
    assert shop.post(f"/models/{id}/predict", {"x": x[0], "probabilities": True}).json()["class"] == 0


def test_truth_values_are_0_and_1_as_in_training(shop: Shop) -> None:
    id = stored(shop, {**LINE, "layers": [{"type": "dense", "units": 1, "kernel": "ones"}]})["id"]
    assert shop.post(f"/models/{id}/predict", {"x": [[True], [False]]}).json()["prediction"] == [[1.0], [0.0]]


@pytest.mark.parametrize(("activation", "layer"), [(None, 800.0), ("sigmoid", 1.0), ("log_sigmoid", 0.0)])
def test_probabilities_of_two_classes(shop: Shop, activation: str | None, layer: float) -> None:
    dense = {"type": "dense", "units": 1, "kernel": "ones", "activation": activation}
    id = stored(shop, {**LINE, "layers": [dense], "loss": "bce"})["id"]
    answer = shop.post(f"/models/{id}/predict", {"x": [[800], [0], [-800]], "probabilities": True}).json()
    assert answer["prediction"][0] == [layer]
    assert np.allclose(answer["probabilities"], [[1.0], [0.5], [0.0]], atol=1e-15)
    assert answer["class"] == [[1], [0], [0]]


def test_dropout_and_statistics_are_those_of_inference(shop: Shop) -> None:
    id = stored(shop, NOISY)["id"]
    first, again = (shop.post(f"/models/{id}/predict", {"x": [[1, 2, 3, 4]]}).json() for _ in range(2))
    assert first == again


@pytest.mark.parametrize(
    ("definition", "fields", "name", "pointers"),
    [
        (LINE, {}, "invalid-request", ["/x"]),
        (LINE, {"x": None}, "invalid-request", ["/x"]),
        (LINE, {"x": "abc"}, "invalid-request", ["/x"]),
        (LINE, {"x": {}}, "invalid-request", ["/x"]),
        (LINE, {"x": [[1], [2, 3]]}, "invalid-request", ["/x/1"]),
        (LINE, {"x": [[1], ["2"]]}, "invalid-request", ["/x/1/0"]),
        (LINE, {"x": 1}, "shape-mismatch", ["/x"]),
        (LINE, {"x": [1, 2]}, "shape-mismatch", ["/x"]),
        (LINE, {"x": [[[1]]]}, "shape-mismatch", ["/x"]),
        (LINE, {"x": [[1]], "version": -1}, "invalid-request", ["/version"]),
        (LINE, {"x": [[1]], "version": 10**30}, "invalid-request", ["/version"]),
        (LINE, {"x": [[1]], "version": "0", "batch_size": 0}, "invalid-request", ["/batch_size", "/version"]),
        (LINE, {"x": [[1]], "encoding": []}, "invalid-request", ["/encoding"]),
        (LINE, {"x": [[1]], "encoding": "xml", "probabilities": 1}, "invalid-request", ["/encoding", "/probabilities"]),
        (LINE, {"x": [[1]], "probabilities": True}, "type-mismatch", ["/probabilities"]),
        (LINE, {"x": [[1]], "y": [[1]]}, "invalid-request", ["/y"]),
        (WORDS, {"x": [[0, 1, 0.5]]}, "type-mismatch", ["/x"]),
        (WORDS, {"x": [[0, 1, "NaN"]]}, "type-mismatch", ["/x"]),
        (WORDS, {"x": [[0, 1, 5]]}, "invalid-request", ["/x"]),
        (WORDS, {"x": [[0, 1, -1]]}, "invalid-request", ["/x"]),
    ],
)
def test_what_cannot_be_predicted_is_refused(
    shop: Shop, definition: Any, fields: Any, name: str, pointers: list[str]
) -> None:
    answered = shop.post(f"/models/{stored(shop, definition)['id']}/predict", fields)
    assert (answered.status, answered.name) == (422, name), answered.body
    assert sorted(answered.pointers) == pointers


def test_the_shape_that_is_needed_is_told(shop: Shop) -> None:
    image = {**LINE, "input": {"shape": [28, 28, 1]}}
    answered = shop.post(f"/models/{stored(shop, image)['id']}/predict", {"x": [[1]]})
    assert "(examples, 28, 28, 1)" in answered.problem["detail"]


def test_a_version_that_is_not_there_is_not_found(shop: Shop) -> None:
    answered = shop.post(f"/models/{stored(shop, LINE)['id']}/predict", {"x": [[1]], "version": 1})
    assert (answered.status, answered.name) == (404, "not-found")


def test_what_is_not_finite_is_answered_with_a_warning(shop: Shop) -> None:
    answer = shop.post(f"/models/{line(shop, 2, 1)}/predict", {"x": [["Infinity"], ["NaN"], [1e308]]}).json()
    assert answer["prediction"] == [["Infinity"], ["NaN"], ["Infinity"]]
    assert "non-finite" in {warning["code"] for warning in answer["warnings"]}


def test_answers_and_times_are_bounded(tmp_path: Path) -> None:
    shop = Shop(tmp_path, answer_bytes=2000)
    id = stored(shop, LINE)["id"]
    answered = shop.post(f"/models/{id}/predict", {"x": [[0]] * 101})
    assert answered.problem["limit"] == {"name": "answer_bytes", "value": 2000, "given": 2020}
    slow = Shop(tmp_path, run_seconds=0.15)
    wide = {**LINE, "input": {"shape": [300]}, "layers": [{"type": "dense", "units": 300}] * 20}
    id = stored(Shop(tmp_path), wide)["id"]
    x = pack(np.zeros((4000, 300)))
    answered = slow.post(f"/models/{id}/predict", {"x": x, "batch_size": 1})
    assert answered.name == "budget-exceeded"


def test_deleting_while_predicting_answers_or_says_that_it_is_gone(shop: Shop) -> None:
    id = stored(shop, SURFACE)["id"]
    statuses: list[int] = []
    begun = threading.Event()

    def ask() -> None:
        for _ in range(20):
            statuses.append(shop.post(f"/models/{id}/predict", {"x": [[1, 2]] * 100}).status)
            begun.set()

    threads = [threading.Thread(target=ask) for _ in range(2)]
    for thread in threads:
        thread.start()
    begun.wait(60)
    assert shop.delete(f"/models/{id}").status == 204
    for thread in threads:
        thread.join()
    assert set(statuses) <= {200, 410}
    assert shop.post(f"/models/{id}/predict", {"x": [[1, 2]]}).status == 410
