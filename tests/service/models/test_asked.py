"""Questions about a stored model: which program, which parameters, what is differentiated, and what is refused."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tests.service.models.making import CLASSES, LINE, NOISY, SURFACE, WORDS, line, stored
from tests.service.stores import Shop

AT = {"x": [[1], [2]], "y": [[1], [2]]}
"""At 2 x + 1, the differences are 2 and 3, the loss 6.5."""


def test_with_a_target_it_is_the_loss_and_its_gradient_by_the_parameters(shop: Shop) -> None:
    answer = shop.post("/grad", {"model": line(shop, 2, 1), "at": AT}).json()
    assert (answer["value"], answer["grad"]) == (6.5, {"dense_1_kernel": [[8]], "dense_1_bias": [5]})


def test_without_a_target_it_is_the_prediction(shop: Shop) -> None:
    id = line(shop, 2, 1)
    assert shop.post("/value", {"model": id, "at": {"x": AT["x"]}}).json()["value"] == [[3], [5]]
    refused = shop.post("/grad", {"model": id, "at": {"x": AT["x"]}})
    assert (refused.status, refused.name) == (422, "not-scalar")
    jacobian = shop.post("/jacobian", {"model": id, "at": {"x": [[3]]}}).json()["jacobian"]
    assert jacobian == {"dense_1_kernel": [[[[3]]]], "dense_1_bias": [[[1]]]}


@pytest.mark.parametrize(
    ("path", "fields", "part", "expected"),
    [
        ("/hessian", {"wrt": ["dense_1_bias"]}, "hessian", {"dense_1_bias": {"dense_1_bias": [[2]]}}),
        ("/jvp", {"tangent": {"dense_1_bias": [1]}}, "jvp", 5),
        ("/vjp", {"cotangent": 2}, "vjp", {"dense_1_kernel": [[16]], "dense_1_bias": [10]}),
        ("/hvp", {"vector": {"dense_1_bias": [1]}}, "hvp", {"dense_1_kernel": [[3]], "dense_1_bias": [2]}),
        ("/grad", {"wrt": "x"}, "grad", {"x": [[4], [6]]}),
        ("/grad", {"wrt": ["y", "dense_1_bias"]}, "grad", {"y": [[-2], [-3]], "dense_1_bias": [5]}),
        ("/check", {"claimed": {"grad": {"dense_1_kernel": [[8]], "dense_1_bias": [5]}}}, "verdict", "correct"),
        ("/check", {"claimed": {"grad": {"dense_1_kernel": [[8]], "dense_1_bias": [10]}}}, "verdict", "incorrect"),
    ],
)
def test_every_question_can_be_asked(shop: Shop, path: str, fields: Any, part: str, expected: Any) -> None:
    answered = shop.post(path, {"model": line(shop, 2, 1), "at": AT, **fields})
    assert answered.status == 200, answered.body
    assert answered.json()[part] == expected


def test_golden_vectors_of_a_model(shop: Shop) -> None:
    body = {"model": line(shop, 2, 1), "domain": {"x": [-1, 1], "y": [0, 1]}, "count": 2, "seed": 3}
    answered = shop.post("/vectors", body)
    assert answered.status == 200, answered.body
    first = answered.json()["vectors"][0]
    (x,), (y,) = first["at"]["x"][0], first["at"]["y"][0]
    assert first["grad"]["dense_1_bias"] == pytest.approx([2 * (2 * x + 1 - y)])


def test_versions_and_parameters_of_the_point(shop: Shop) -> None:
    id = line(shop, 2, 1)
    asked = {"model": id, "at": {"x": [[1]], "dense_1_kernel": [[0]]}}
    assert shop.post("/value", asked).json()["value"] == [[1]]
    assert shop.post("/value", {**asked, "version": 0}).json()["value"] == [[0]]
    assert shop.post("/value", {**asked, "version": 1.0}).json()["value"] == [[1]]
    many = {"x": [[1]], "dense_1_bias": [[0], [10]]}
    assert shop.post("/value", {"model": id, "at": many, "batch": ["dense_1_bias"]}).json()["value"] == [[[2]], [[12]]]


def test_a_batch_of_sets_of_examples(shop: Shop) -> None:
    at = {"x": [[[1], [2]], [[0], [0]]], "y": [[[1], [2]], [[1], [1]]]}
    answer = shop.post("/grad", {"model": line(shop, 2, 1), "at": at, "batch": True}).json()
    assert answer["value"] == [6.5, 0]
    assert answer["grad"]["dense_1_bias"] == [[5], [0]]


def test_in_training_numbers_are_drawn_and_the_statistics_are_those_of_the_batch(shop: Shop) -> None:
    id = stored(shop, NOISY)["id"]
    x = np.random.default_rng(1).normal(3, 2, size=(8, 4)).tolist()
    asked = {"model": id, "at": {"x": x, "y": [[1]] * 8}}

    def value(**fields: Any) -> Any:
        answered = shop.post("/value", {**asked, **fields})
        assert answered.status == 200, answered.body
        return answered.json()["value"]

    assert value() == value(training=False)
    assert value(training=True) == value(training=True, seed=0) != value()
    assert value(training=True, seed=1) != value(training=True)
    grad = shop.post("/grad", {**asked, "training": True, "seed": 1}).json()
    assert set(grad["grad"]) == {each["name"] for each in stored(shop, NOISY)["parameters"] if each["trainable"]}


def test_it_is_checked_by_the_witnesses(shop: Shop) -> None:
    id = stored(shop, SURFACE)["id"]
    answer = shop.post("/grad", {"model": id, "at": {"x": [[1, 2]], "y": [[0]]}, "check": True}).json()
    assert answer["check"]["verdict"] == "correct"


@pytest.mark.parametrize(
    ("definition", "fields", "status", "name", "pointers"),
    [
        (LINE, {"at": {}}, 422, "unknown-name", ["/at/x"]),
        (LINE, {"at": {"x": [[1]], "z": 1}}, 422, "unknown-name", ["/at/z"]),
        (LINE, {"at": {"x": [1]}}, 422, "shape-mismatch", ["/at/x"]),
        (LINE, {"at": {"x": 1}}, 422, "shape-mismatch", ["/at/x"]),
        (LINE, {"at": {"x": [[1, 2]], "y": [1]}}, 422, "shape-mismatch", ["/at/x", "/at/y"]),
        (LINE, {"at": {"x": [[1]], "y": [[1], [2]]}}, 422, "shape-mismatch", ["/at/x", "/at/y"]),
        (LINE, {"at": {"x": [[True]], "y": [[1]]}}, 422, "type-mismatch", ["/at/x"]),
        (LINE, {"at": {"x": [["a"]]}}, 422, "invalid-request", ["/at/x/0/0"]),
        (LINE, {"at": {"x": [[1]], "dense_1_bias": 1}}, 422, "shape-mismatch", ["/at/dense_1_bias"]),
        (LINE, {"at": {"x": [[1]]}, "batch": ["dense_1_bias"]}, 422, "invalid-request", ["/batch/0"]),
        (LINE, {"at": AT, "wrt": "kernel"}, 422, "invalid-request", ["/wrt"]),
        (LINE, {"at": AT, "version": -1}, 422, "invalid-request", ["/version"]),
        (LINE, {"at": AT, "version": True}, 422, "invalid-request", ["/version"]),
        (LINE, {"at": AT, "version": 1}, 404, "not-found", None),
        (LINE, {"at": AT, "training": 1}, 422, "invalid-request", ["/training"]),
        (LINE, {"at": AT, "seed": 1}, 422, "invalid-request", ["/seed"]),
        (LINE, {"at": AT, "training": True, "seed": 0.5}, 422, "invalid-request", ["/seed"]),
        (LINE, {"at": AT, "expr": "x"}, 422, "invalid-request", ["/expr", "/model"]),
        (NOISY, {"at": {"x": [[1] * 4], "seed": 3}, "training": True}, 422, "invalid-request", ["/at/seed"]),
        (CLASSES, {"at": {"x": [[1, 2]], "y": [0.5]}}, 422, "type-mismatch", ["/at/y"]),
        (CLASSES, {"at": {"x": [[1, 2]], "y": [3]}}, 422, "invalid-request", None),
        (WORDS, {"at": {"x": [[0, 1, 9]], "y": [[0]]}}, 422, "invalid-request", None),
    ],
)
def test_what_cannot_be_asked_is_refused(
    shop: Shop, definition: Any, fields: Any, status: int, name: str, pointers: list[str] | None
) -> None:
    answered = shop.post("/grad", {"model": stored(shop, definition)["id"], **fields})
    assert (answered.status, answered.name) == (status, name), answered.body
    assert pointers is None or sorted(answered.pointers) == pointers


def test_what_helps_is_told(shop: Shop) -> None:
    answered = shop.post("/grad", {"model": stored(shop, LINE)["id"], "at": {"x": [1], "y": [1]}})
    assert "[examples, 1]" in answered.problem["detail"]
    assert answered.problem["hint"] == "One example is a list of one: [x]."


@pytest.mark.parametrize("name", ["version", "training", "seed"])
def test_only_models_have_versions_and_training(shop: Shop, name: str) -> None:
    answered = shop.post("/grad", {"expr": "x^2", "at": {"x": 1}, name: 1 if name != "training" else True})
    assert (answered.name, answered.pointers) == ("invalid-request", [f"/{name}"])


@pytest.mark.parametrize("reference", [3, None, [], {}])
def test_a_reference_is_a_string(shop: Shop, reference: Any) -> None:
    answered = shop.post("/grad", {"model": reference, "at": {"x": 1}})
    assert (answered.status, answered.name) == (422, "invalid-request")
