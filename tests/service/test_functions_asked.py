"""Questions about stored functions, at every address that computes."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from engine.engine import Engine
from engine.limits import Budget, Limits
from service.functions.binding import Binding
from service.questions import read_question
from tests.service.stores import SQUARES, Shop

X, Y = SQUARES["data"]["X"], SQUARES["data"]["y"]


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Shop:
    """A client of an application with some functions."""
    shop = Shop(tmp_path_factory.mktemp("store"))
    shop.post("/functions", SQUARES)
    shop.store("a*x, sum(x^2)", name="pair", inputs={"x": {"shape": [2]}, "a": {}})
    shop.store("sum(x[k]) + n*t", name="gather", inputs={"t": {}}, data={"x": [5, 6, 7], "k": [0, 2], "n": 3})
    shop.store("where(b, x, 2*y)", name="choice", inputs={"b": {"dtype": "bool"}, "x": {}})
    shop.store("i*x", name="scaled", inputs={"x": {}, "i": {"dtype": "int64"}})
    return shop


@pytest.mark.parametrize(
    ("ask", "fields"),
    [
        ("value", {}),
        ("grad", {}),
        ("jacobian", {}),
        ("hessian", {}),
        ("jvp", {"tangent": {"w": [1, 2]}}),
        ("jvp", {"tangents": [{"w": [1, 2]}, {"w": [0, 1]}]}),
        ("vjp", {"cotangent": 2}),
        ("vjp", {"cotangents": [2, 3]}),
        ("hvp", {"vector": {"w": [1, 2]}}),
        ("grad", {"wrt": "X"}),
        ("grad", {"wrt": ["w", "y"]}),
        ("jvp", {"tangent": {"y": [1, 0, 0]}}),
        ("grad", {"encoding": "base64", "precision": "float64"}),
    ],
)
def test_the_answer_is_that_of_the_expression_with_its_data(shop: Shop, ask: str, fields: Any) -> None:
    at = {"w": [0.5, -1]}
    stored = shop.post(f"/{ask}", {"function": "least-squares", "at": at, **fields})
    free = {} if "wrt" in fields or ask in ("jvp", "value") else {"wrt": "w"}
    sent = shop.post(f"/{ask}", {"expr": SQUARES["expr"], "at": at | {"X": X, "y": Y}, **free, **fields})
    assert (stored.status, sent.status) == (200, 200), stored.body
    assert stored.json() == sent.json()


@pytest.mark.parametrize("ask", ["value", "grad", "hessian"])
@pytest.mark.parametrize("batch", [True, ["w"], "w"])
def test_data_are_the_same_at_every_point_of_a_batch(shop: Shop, ask: str, batch: Any) -> None:
    points = [[0.5, -1], [1, 2], [0, 0]]
    together = shop.post(f"/{ask}", {"function": "least-squares", "at": {"w": points}, "batch": batch}).json()
    alone = [shop.post(f"/{ask}", {"function": "least-squares", "at": {"w": w}}).json() for w in points]
    assert together["value"] == [answer["value"] for answer in alone]
    if ask != "value":
        assert together["grad"]["w"] == [answer["grad"]["w"] for answer in alone]


def test_a_tuple_has_its_outputs(shop: Shop) -> None:
    at = {"x": [1, 2], "a": 3}
    assert shop.post("/value", {"function": "pair", "at": at}).json()["value"] == [[3, 6], 5]
    found = shop.post("/vjp", {"function": "pair", "at": at, "cotangent": [[1, 0], 2]}).json()["vjp"]
    assert found == {"x": [7, 8], "a": 1}


def test_by_default_only_real_inputs_without_data_are_differentiated(shop: Shop) -> None:
    assert shop.post("/grad", {"function": "gather", "at": {"t": 2}}).json() == {
        "value": 18, "grad": {"t": 3}, "warnings": []
    }  # fmt: skip
    choice = shop.post("/grad", {"function": "choice", "at": {"b": False, "x": 1, "y": 2}}).json()
    assert choice["grad"] == {"x": 0, "y": 2}
    assert shop.post("/grad", {"function": "scaled", "at": {"x": 2, "i": 3}}).json()["grad"] == {"x": 3}


def test_with_everything_bound_there_is_nothing_to_give(shop: Shop) -> None:
    shop.store("sum(c^2)", name="constant", data={"c": [3, 4]})
    assert shop.post("/grad", {"function": "constant"}).json() == {"value": 25, "grad": {}, "warnings": []}
    assert shop.post("/grad", {"function": "constant", "wrt": "c"}).json()["grad"] == {"c": [6, 8]}


@pytest.mark.parametrize(
    ("body", "name", "pointers"),
    [
        ({"function": "least-squares", "at": {}}, "unknown-name", ["/at/w"]),
        ({"function": "least-squares"}, "unknown-name", ["/at/w"]),
        ({"function": "least-squares", "at": {"w": [1, 2], "X": X}}, "invalid-request", ["/at/X"]),
        ({"function": "least-squares", "at": {"w": [1, 2], "X": X, "y": Y}}, "invalid-request", ["/at/X", "/at/y"]),
        ({"function": "least-squares", "at": {"w": [1, 2], "v": 1}}, "unknown-name", ["/at/v"]),
        ({"function": "least-squares", "at": {"w": [1, 2, 3]}}, "shape-mismatch", ["/at/w"]),
        ({"function": "least-squares", "at": {"w": 1}}, "shape-mismatch", ["/at/w"]),
        ({"function": "least-squares", "at": {"w": [True, False]}}, "type-mismatch", ["/at/w"]),
        ({"function": "least-squares", "at": {"w": [[1, 2, 3]]}, "batch": True}, "shape-mismatch", ["/at/w"]),
        ({"function": "least-squares", "at": {"w": [[1, 2]]}, "batch": ["X"]}, "invalid-request", ["/batch/0"]),
        ({"function": "least-squares", "at": {"w": [1, 2]}, "wrt": "z"}, "invalid-request", ["/wrt"]),
        ({"function": "least-squares", "at": {"w": [1, None]}}, "invalid-request", ["/at/w/1"]),
        ({"function": "least-squares", "at": {"w": [1, 2]}, "expr": "x"}, "invalid-request", ["/expr", "/function"]),
        ({"function": "nothing", "model": "m"}, "not-found", None),
        ({"function": 3}, "invalid-request", ["/function"]),
        ({"function": ""}, "not-found", None),
        ({"function": "no\u0000thing"}, "not-found", None),
        ({"function": "choice", "at": {"b": 1, "x": True}}, "unknown-name", ["/at/y"]),
        ({"function": "choice", "at": {"b": 1, "x": True, "y": 1}}, "type-mismatch", ["/at/b", "/at/x"]),
        ({"function": "scaled", "at": {"x": 1, "i": 0.5}}, "type-mismatch", ["/at/i"]),
        ({"function": "gather", "at": {}, "batch": True}, "unknown-name", ["/at/t"]),
    ],
)
def test_what_does_not_fit_the_function_is_named(shop: Shop, body: Any, name: str, pointers: list[str] | None) -> None:
    answered = shop.post("/grad", body)
    assert answered.name == name
    assert pointers is None or sorted(answered.pointers) == pointers


def test_a_refusal_says_what_was_declared(shop: Shop) -> None:
    detail = shop.post("/grad", {"function": "least-squares", "at": {"w": [1, 2, 3]}}).problem["detail"]
    assert detail == "'w' is declared as float64 of shape [2]; this has shape [3]."
    missing = shop.post("/grad", {"function": "pair", "at": {"x": [1, 2]}}).problem
    assert missing["detail"] == "The function needs the input 'a', one float64."
    near = shop.post("/grad", {"function": "least-squares", "at": {"W": [1, 2]}}).problem
    assert near["detail"] == "'W' is not an input of the function."


def test_large_bodies_find_their_function_too(tmp_path: Path) -> None:
    shop = Shop(tmp_path, inline_bytes=100)
    shop.store("sum(x)*c", data={"c": 2}, name="double")
    assert shop.post("/grad", {"function": "double", "at": {"x": [1] * 200}}).json()["value"] == 400
    assert shop.post("/grad", {"function": "doubel", "at": {"x": [1] * 200}}).name == "not-found"


def test_a_warm_question_neither_copies_the_data_nor_reads_the_database(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop = Shop(tmp_path, function_seconds=3600)
    shop.store("sum(a*x)", name="f", inputs={"x": {}}, data={"a": [0.5] * 10_000})
    question = {"function": "f", "at": {"x": 2}}
    assert shop.post("/grad", question).json()["value"] == 10_000
    bindings: list[Binding] = []

    def spy(content: Any, limits: Limits, function: Binding, **more: Any) -> Any:
        bindings.append(function)
        return read_question(content, limits, function, **more)

    monkeypatch.setattr("service.directions.read_question", spy)
    monkeypatch.setattr("service.store.database.Database.read", None)
    for _ in range(3):
        assert shop.post("/grad", question).json()["grad"] == {"x": 5000}
    first, *others = (read_question(question, Limits(), binding).question.at["a"] for binding in bindings)
    assert len(bindings) == 3
    assert all(array is first for array in others)
    # The engine takes the array as it is.
    prepared = Engine().prepare(
        read_question(question, Limits(), bindings[0]).question, "grad", Budget.starting_now(10.0)
    )
    taken = prepared.graph.inputs[prepared.names.index("a")]
    assert taken.type.dtype == "real"
    assert first.dtype == np.float64
    assert first.flags.c_contiguous


@pytest.mark.parametrize(
    ("expr", "data", "dtype"),
    [
        ("sum(x[k])*t", {"x": [1, 2], "k": [0.0, 1.0]}, {"x": "float64", "k": "int64"}),
        ("sum(x)*t", {"x": {"dtype": "int64", "shape": [1], "base64": "AgAAAAAAAAA="}}, {"x": "float64"}),
        ("where(x, t, 1)", {"x": True}, {"x": "bool"}),
    ],
)
def test_data_are_converted_once_to_what_the_engine_takes(tmp_path: Path, expr: str, data: Any, dtype: Any) -> None:
    shop = Shop(tmp_path)
    function = shop.store(expr, data=data)
    assert shop.post("/grad", {"function": function["id"], "at": {"t": 3}}).status == 200
    library = shop.app._lean["/grad"]._respond._context.library  # type: ignore[attr-defined]
    binding = library.find(function["id"])
    assert {name: array.dtype.name for name, array in binding.data.items()} == dtype


def test_many_threads_ask_for_a_cold_function_at_once(tmp_path: Path) -> None:
    Shop(tmp_path).post("/functions", SQUARES)
    shop = Shop(tmp_path)
    answers: list[Any] = []
    body = {"function": "least-squares", "at": {"w": [1, 2]}}
    threads = [threading.Thread(target=lambda: answers.append(shop.post("/grad", body).json())) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [answer["grad"] for answer in answers] == [{"w": [101, 128]}] * 8


@pytest.mark.parametrize(("gradient", "verdict"), [([101, 128], "correct"), ([-101, -128], "incorrect")])
def test_a_gradient_of_a_stored_function_is_checked(shop: Shop, gradient: Any, verdict: str) -> None:
    question = {"function": "least-squares", "at": {"w": [1, 2]}}
    answered = shop.post("/check", question | {"claimed": {"grad": {"w": gradient}}})
    assert answered.status == 200, answered.body
    assert answered.json()["verdict"] == verdict
    assert shop.post("/check", question | {"function": "nothing"}).name == "not-found"
