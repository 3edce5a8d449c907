"""`/functions`: what is stored, told, listed, deleted and refused."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any
from urllib.parse import quote

import numpy as np
import pytest

from tests.service.stores import SQUARES, Shop


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    """A client of an application with an empty store."""
    return Shop(tmp_path / "data")


def test_a_function_is_stored_with_all_that_is_known_of_it(shop: Shop) -> None:
    answered = shop.post("/functions", SQUARES)
    content = answered.json()
    assert answered.status == 201
    assert answered.headers["location"] == content["links"]["self"] == f"/functions/{content['id']}"
    assert (content["name"], content["expr"]) == ("least-squares", SQUARES["expr"])
    assert content["inputs"] == [
        {"name": "w", "dtype": "float64", "shape": [2], "source": "declared"},
        {"name": "X", "dtype": "float64", "shape": [3, 2], "source": "data"},
        {"name": "y", "dtype": "float64", "shape": [3], "source": "data"},
    ]
    assert content["outputs"] == [{"dtype": "float64", "shape": []}]
    assert content["data"] == {"X": {"dtype": "float64", "shape": [3, 2]}, "y": {"dtype": "float64", "shape": [3]}}
    assert shop.get(content["links"]["self"]).json() == content
    assert shop.get("/functions/least-squares").json() == content


def test_the_same_content_is_the_same_function(shop: Shop) -> None:
    first = shop.post("/functions", SQUARES)
    again = shop.post("/functions", dict(reversed(SQUARES.items())))
    assert (first.status, again.status) == (201, 200)
    assert again.json() == first.json()
    assert len(shop.listed()["functions"]) == 1


def test_the_numbers_of_the_data_come_back_bit_for_bit(shop: Shop) -> None:
    numbers = [[0.1, -0.0], ["NaN", "Infinity"]]
    function = shop.store("sum(A) + x", data={"A": numbers})
    (packed,) = shop.get(f"/functions/{function['id']}?data=true").json()["data"].values()
    given = np.array([0.1, -0.0, np.nan, np.inf])
    assert (packed["dtype"], packed["shape"]) == ("float64", [2, 2])
    assert np.frombuffer(base64.b64decode(packed["base64"])).tobytes() == given.tobytes()
    assert shop.store("sum(A) + x", data={"A": packed})["id"] == function["id"]


@pytest.mark.parametrize(
    ("fields", "inputs", "outputs"),
    [
        ({"expr": "x[n]*k"}, ["x None None", "n int64 None", "k None None"], None),
        ({"expr": "x[n]", "inputs": {"x": {"shape": [3]}, "n": {}}}, ["x float64 [3]", "n int64 []"], [[]]),
        ({"expr": "x + ones(n)", "inputs": {"x": {}, "n": {}}}, ["x float64 []", "n int64 []"], None),
        ({"expr": "x + ones(n)", "inputs": {"x": {}}, "data": {"n": 4}}, ["x float64 []", "n float64 []"], [[4]]),
        (
            {"expr": "where(b, x, 0)", "inputs": [{"name": "x"}, {"name": "b", "dtype": "bool"}]},
            ["x float64 []", "b bool []"],
            [[]],
        ),
        (
            {"expr": "a*x, sum(x^2)", "inputs": {"x": {"shape": [2]}, "a": {}}},
            ["x float64 [2]", "a float64 []"],
            [[2], []],
        ),
        ({"expr": "pi*e"}, [], [[]]),
        ({"expr": "e*2", "inputs": {"e": {"shape": [2.0]}}}, ["e float64 [2]"], [[2]]),
    ],
)
def test_inputs_are_declared_inferred_or_listed(shop: Shop, fields: Any, inputs: Any, outputs: Any) -> None:
    content = shop.store(**fields)
    assert [f"{i['name']} {i['dtype']} {i['shape']}" for i in content["inputs"]] == inputs
    assert content["outputs"] == (None if outputs is None else [{"dtype": "float64", "shape": s} for s in outputs])


def test_a_long_declared_shape_allocates_nothing(shop: Shop) -> None:
    content = shop.store("sum(x) + sum(y)", inputs={"x": {"shape": [60_000_000]}, "y": {"shape": [60_000_000]}})
    assert content["outputs"] == [{"dtype": "float64", "shape": []}]


@pytest.mark.parametrize(
    ("fields", "name", "pointers"),
    [
        ({}, "invalid-request", ["/expr"]),
        ({"expr": "x +* 3"}, "syntax-error", None),
        ({"expr": "sine(x)"}, "unknown-name", ["/expr"]),
        ({"expr": "A @ x", "inputs": {"A": {"shape": [2, 2]}, "x": {"shape": [3]}}}, "shape-mismatch", None),
        ({"program": "y = x"}, "syntax-error", None),
        ({"program": "return sine(x)"}, "unknown-name", ["/program"]),
        ({"program": "return x", "expr": "x"}, "invalid-request", ["/expr", "/program"]),
        ({"expr": "x", "name": "fn_x"}, "invalid-request", ["/name"]),
        ({"expr": "x", "name": "-x"}, "invalid-request", ["/name"]),
        ({"expr": "x", "name": "a b"}, "invalid-request", ["/name"]),
        ({"expr": "x", "name": ""}, "invalid-request", ["/name"]),
        ({"expr": "x", "name": "a/b"}, "invalid-request", ["/name"]),
        ({"expr": "x", "name": "x" * 101}, "invalid-request", ["/name"]),
        ({"expr": "x", "name": 3}, "invalid-request", ["/name"]),
        ({"expr": "x", "nam": "y"}, "invalid-request", ["/nam"]),
        ({"expr": "x", "inputs": 3}, "invalid-request", ["/inputs"]),
        ({"expr": "x", "inputs": {"x": 3}}, "invalid-request", ["/inputs/x"]),
        ({"expr": "x", "inputs": {"x": {"shape": [-1]}}}, "invalid-request", ["/inputs/x/shape"]),
        ({"expr": "x", "inputs": {"x": {"shape": [True]}}}, "invalid-request", ["/inputs/x/shape"]),
        ({"expr": "x", "inputs": {"x": {"shape": [1] * 33}}}, "invalid-request", ["/inputs/x/shape"]),
        ({"expr": "x", "inputs": {"x": {"dtype": "float16"}}}, "invalid-request", ["/inputs/x/dtype"]),
        ({"expr": "x", "inputs": {"x": {"dtype": []}}}, "invalid-request", ["/inputs/x/dtype"]),
        ({"expr": "x", "inputs": {"x": {"size": 3}}}, "invalid-request", ["/inputs/x/size"]),
        ({"expr": "x", "inputs": [{"name": "x"}, {"name": "x"}]}, "invalid-request", ["/inputs/1"]),
        ({"expr": "x", "inputs": [{"shape": []}, "x"]}, "invalid-request", ["/inputs/0", "/inputs/1"]),
        ({"expr": "x", "inputs": {"ﬁ": {}, "fi": {}}}, "invalid-request", ["/inputs/fi"]),
        ({"expr": "x", "inputs": {"a-b": {}}}, "invalid-request", ["/inputs/a-b"]),
        ({"expr": "x", "data": {"x": [1, [2]]}}, "invalid-request", ["/data/x/1"]),
        ({"expr": "x", "data": [1]}, "invalid-request", ["/data"]),
        ({"expr": "x", "data": {"x": None, "y z": 1}}, "invalid-request", ["/data/x", "/data/y z"]),
        ({"expr": "x", "data": {"x": [1, 2]}, "inputs": {"x": {"shape": [3]}}}, "shape-mismatch", ["/data/x"]),
        ({"expr": "x", "data": {"x": True}, "inputs": {"x": {}}}, "type-mismatch", ["/data/x"]),
        ({"expr": "x[n]", "data": {"n": 0.5}}, "type-mismatch", ["/data/n"]),
        ({"expr": "x[n]", "inputs": {"x": {"shape": [2]}}, "data": {"n": 0.5}}, "type-mismatch", ["/data/n"]),
        ({"expr": "sum(x)", "inputs": {"x": {"shape": [10**10]}}}, "limit-exceeded", None),
        ({"expr": "x" * 70_000}, "limit-exceeded", None),
    ],
)  # fmt: skip
def test_what_is_wrong_is_told_when_it_is_stored(
    shop: Shop, fields: Any, name: str, pointers: list[str] | None
) -> None:
    answered = shop.post("/functions", fields)
    assert (answered.status, answered.name) == (422, name)
    assert pointers is None or sorted(answered.pointers) == pointers
    assert shop.listed() == {"functions": [], "next": None}


def test_a_place_in_the_text_is_told(shop: Shop) -> None:
    problem = shop.post("/functions", {"expr": "2 + sine(x)"}).problem
    assert problem["span"]["column"] == 5
    assert problem["excerpt"] == "2 + sine(x)\n    ^^^^"


def test_names_are_unique(shop: Shop) -> None:
    shop.store("x^2", name="square")
    taken = shop.post("/functions", {"expr": "x*x", "name": "square"})
    assert (taken.status, taken.name) == (409, "conflict")
    assert "another name" in taken.problem["hint"]
    renamed = shop.post("/functions", {"expr": "x^2", "name": "quadrat"})
    assert (renamed.status, renamed.name) == (409, "conflict")
    assert "'square'" in renamed.problem["hint"]
    assert [f["name"] for f in shop.listed()["functions"]] == ["square"]


def test_a_function_without_a_name_takes_one_later(shop: Shop) -> None:
    nameless = shop.store("x^2")
    named = shop.post("/functions", {"expr": "x^2", "name": "square"})
    assert (named.status, named.json()["id"], named.json()["name"]) == (200, nameless["id"], "square")
    assert shop.store("x^2")["name"] == "square"


@pytest.mark.parametrize("name", ["f", "_f", "β-1.0", "naïve.Bayes", "日本", "v2.final-FINAL", "x" * 100])
def test_names_have_letters_of_all_languages(shop: Shop, name: str) -> None:
    function = shop.store("x^2", name=name)
    assert shop.get(f"/functions/{quote(name)}").json() == function
    assert shop.post("/value", {"function": name, "at": {"x": 3}}).json()["value"] == 9
    assert shop.delete(f"/functions/{quote(name)}").status == 204


def test_a_name_is_the_same_however_it_is_typed(shop: Shop) -> None:
    shop.store("x^2", name="ﬁt")
    assert shop.get("/functions/fit").status == 200
    assert shop.post("/value", {"function": "ﬁt", "at": {"x": 3}}).json()["value"] == 9
    assert shop.post("/functions", {"expr": "x^3", "name": "fit"}).name == "conflict"


def test_pages_follow_each_other_in_the_order_of_storing(shop: Shop) -> None:
    ids = [shop.store(f"x + {i}", name=f"{'even' if i % 2 == 0 else 'odd'}-{i}")["id"] for i in range(7)]
    pages: list[list[str]] = []
    after = ""
    while True:
        page = shop.listed(f"limit=3&after={after}")
        pages.append([function["id"] for function in page["functions"]])
        if page["next"] is None:
            break
        after = page["next"]
        # What is deleted, even the one that the cursor stands at, and what comes meanwhile, shifts nothing.
        assert shop.delete(f"/functions/{pages[-1][-1]}").status == 204
    assert pages == [ids[:3], ids[3:6], ids[6:]]
    assert [f["name"] for f in shop.listed("name=odd")["functions"]] == ["odd-1", "odd-3"]
    assert shop.listed("name=od%25")["functions"] == shop.listed("name=%00")["functions"] == []


@pytest.mark.parametrize(
    "query", ["limit=0", "limit=101", "limit=x", "after=x", "after=-1", "after=%C2%B2", "after=" + "9" * 30]
)
def test_a_wrong_query_is_refused(shop: Shop, query: str) -> None:
    answered = shop.get(f"/functions?{query}")
    assert (answered.status, answered.name) == (422, "invalid-request")
    assert answered.pointers == ["/" + query.partition("=")[0]]


def test_what_is_deleted_is_gone(shop: Shop) -> None:
    function = shop.store("x^2", name="square")
    assert shop.delete("/functions/square").status == 204
    for path in ("/functions/square", f"/functions/{function['id']}"):
        expected = (404, "not-found") if "square" in path else (410, "gone")
        for answered in (shop.get(path), shop.delete(path)):
            assert (answered.status, answered.name) == expected
        answered = shop.post("/grad", {"function": path.removeprefix("/functions/"), "at": {"x": 3}})
        assert (answered.status, answered.name) == expected
    back = shop.post("/functions", {"expr": "x^2"})
    assert (back.status, back.json()["id"]) == (201, function["id"])
    assert shop.get(f"/functions/{function['id']}").status == 200


@pytest.mark.parametrize("path", ["fn_0", "nothing", "%00", "%ED%A0%80", "x" * 5000, "a%20b", "..", "%2e%2e%2fetc"])
def test_what_never_was_is_not_found(shop: Shop, path: str) -> None:
    answered = shop.get(f"/functions/{path}")
    assert (answered.status, answered.name) == (404, "not-found")
    assert len(answered.body) < 500


def test_a_near_name_is_told(shop: Shop) -> None:
    shop.store("x^2", name="square")
    assert shop.get("/functions/sqare").problem["hint"] == "did you mean square?"
    assert shop.post("/value", {"function": "sqare", "at": {"x": 1}}).problem["hint"] == "did you mean square?"


def test_limits_hold(tmp_path: Path) -> None:
    shop = Shop(tmp_path, functions=2, function_bytes=80, store_bytes=120)
    large = shop.post("/functions", {"expr": "sum(a)", "data": {"a": [0] * 11}})
    assert (large.status, large.name, large.problem["limit"]["name"]) == (422, "limit-exceeded", "function_bytes")
    assert large.pointers == ["/data"]
    shop.store("sum(a)", data={"a": [0] * 10})
    full = shop.post("/functions", {"expr": "sum(a)", "data": {"a": [1] * 6}})
    assert full.problem["limit"] == {"name": "store_bytes", "value": 120, "given": 128}
    shop.store("x")
    many = shop.post("/functions", {"expr": "y"})
    assert many.problem["limit"] == {"name": "functions", "value": 2, "given": 3}
    # What is there already needs no room, and what is deleted gives it back.
    assert shop.post("/functions", {"expr": "x"}).status == 200
    shop.delete("/functions/" + shop.listed()["functions"][0]["id"])
    assert shop.post("/functions", {"expr": "sum(a)", "data": {"a": [1] * 6}}).status == 201


def test_many_inputs_are_refused(shop: Shop) -> None:
    body = {"expr": "x", "inputs": {f"x{i}": {} for i in range(600)}, "data": {f"y{i}": 1 for i in range(401)}}
    assert shop.post("/functions", body).problem["limit"] == {"name": "function_inputs", "value": 1000, "given": 1001}
    assert shop.post("/functions", body | {"data": {}}).status == 201


def test_data_that_are_larger_than_an_answer_are_refused(tmp_path: Path) -> None:
    shop = Shop(tmp_path, answer_bytes=1024)
    function = shop.store("sum(a)", data={"a": [0] * 200})
    assert shop.get(f"/functions/{function['id']}?data=true").problem["limit"]["name"] == "answer_bytes"
    assert shop.get(f"/functions/{function['id']}").status == 200


def test_the_documented_example_works(shop: Shop) -> None:
    document = shop.get("/openapi.json").json()
    (example,) = document["components"]["schemas"]["FunctionBody"]["examples"]
    assert shop.post("/functions", example).status == 201


def test_all_methods_are_told(shop: Shop) -> None:
    answered = shop.request("PUT", "/functions")
    assert (answered.status, answered.headers["allow"]) == (405, "GET, POST")
    answered = shop.request("POST", "/functions/x")
    assert (answered.status, answered.headers["allow"]) == (405, "DELETE, GET")


def test_faults_of_the_body_are_those_of_every_body(shop: Shop) -> None:
    assert shop.post("/functions", b"{").name == "invalid-json"
    assert shop.post("/functions", b"{}", {"content-type": "text/plain"}).name == "unsupported-media-type"
    assert shop.post("/functions", b"[1]").pointers == [""]
    assert len(shop.post("/functions", {f"f{i}": 1 for i in range(10_000)}).pointers) <= 100
    assert len(json.dumps(shop.post("/functions", {"expr": "x", "y" * 10_000: 1}).problem)) < 1000
