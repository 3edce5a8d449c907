"""`/models`: what is stored, told, listed, deleted and refused."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from service.models.content import canonical, content_id
from tests.service.models.making import CLASSES, HELD, LINE, NOISY, SURFACE, WORDS, stored
from tests.service.stores import Shop


def test_a_model_is_stored_with_all_that_is_known_of_it(shop: Shop) -> None:
    answered = shop.post("/models", {**SURFACE, "name": "surface"})
    content = answered.json()
    assert answered.status == 201
    assert answered.headers["location"] == content["links"]["self"] == f"/models/{content['id']}"
    assert content["id"].startswith("md_")
    assert (content["name"], content["seed"], content["versions"]) == ("surface", 1, 1)
    assert content["input"] == {"shape": [2], "dtype": "float64"}
    assert content["output"] == content["target"] == {"shape": [1], "dtype": "float64"}
    assert [(each["name"], each["inputs"], each["shape"], each["parameters"]) for each in content["layers"]] == [
        ("dense_1", ["x"], [3], 9),
        ("dense_2", ["dense_1"], [1], 4),
    ]
    assert [(each["name"], each["shape"], each["count"], each["trainable"]) for each in content["parameters"]] == [
        ("dense_1_kernel", [2, 3], 6, True),
        ("dense_1_bias", [3], 3, True),
        ("dense_2_kernel", [3, 1], 3, True),
        ("dense_2_bias", [1], 1, True),
    ]
    assert content["count"] == {"trainable": 13, "fixed": 0}
    assert content["memory"]["parameters"] == 13 * 8
    assert content["memory"]["gradient"] > content["memory"]["prediction"] > 13 * 8
    assert content["cost"]["gradient_seconds"] > content["cost"]["prediction_seconds"] > 0
    assert shop.get(content["links"]["self"]).json() == content
    assert shop.get("/models/surface").json() == content


def test_the_programs_that_are_told_are_what_is_computed(shop: Shop) -> None:
    content = stored(shop, SURFACE)
    parameters = shop.get(content["links"]["parameters"]).json()["parameters"]
    at = {"x": [[1, 2], [0.5, -1]], "y": [[1], [0]]}
    told = shop.post("/grad", {"program": content["program"], "at": {**at, **parameters}, "wrt": list(parameters)})
    assert told.json() == shop.post("/grad", {"model": content["id"], "at": at}).json()
    told = shop.post("/value", {"program": content["predict"], "at": {"x": at["x"], **parameters}})
    assert told.json()["value"] == shop.post(content["links"]["predict"], {"x": at["x"]}).json()["prediction"]


def test_the_same_definition_is_the_same_model(shop: Shop) -> None:
    first = stored(shop, SURFACE)
    spelled = json.loads(json.dumps(SURFACE))
    spelled["layers"][0] = dict(reversed({**spelled["layers"][0], "units": 3.0}.items()))
    again = shop.post("/models", dict(reversed(spelled.items())))
    assert (again.status, again.json()) == (200, first)
    assert stored(shop, {**SURFACE, "seed": 2})["id"] != first["id"]
    assert stored(shop, first["definition"]) == first


def test_an_id_that_clients_have_written_down_stays_what_it_is(shop: Shop) -> None:
    definition = stored(shop, LINE)["definition"]
    text = canonical(definition)
    assert text == (
        '{"input":{"dtype":"real","shape":[1]},"layers":[{"name":"dense_1","type":"dense","units":1}],'
        '"loss":{"name":"mse"},"seed":0}'
    )
    assert content_id(text) == stored(shop, LINE)["id"] == "md_frk44mhyuwmlyj643uu3oz262dio5eki"


def test_eight_who_store_the_same_at_once_store_one(tmp_path: Path) -> None:
    shops = [Shop(tmp_path / "data", queue=64) for _ in range(2)]
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda i: shops[i % 2].post("/models", {**SURFACE, "name": "one"}), range(8)))
    assert sorted(answered.status for answered in answers) == [200] * 7 + [201]
    assert len({answered.json()["id"] for answered in answers}) == 1
    assert len(shops[0].get("/models").json()["models"]) == 1


def test_constraints_and_states_are_told(shop: Shop) -> None:
    held, _ = stored(shop, HELD)["parameters"]
    assert (held["name"], held["values"], held["constraint"]) == (
        "dense_1_kernel_free",
        "dense_1_kernel",
        {"name": "positive"},
    )
    content = stored(shop, NOISY)
    states = [each["name"] for each in content["parameters"] if each["state"]]
    assert len(states) == 2
    assert content["count"]["fixed"] == 8
    assert stored(shop, WORDS)["input"] == {"shape": [3], "dtype": "int64"}
    assert stored(shop, CLASSES)["target"] == {"shape": [], "dtype": "int64"}


@pytest.mark.parametrize(
    ("fields", "pointers"),
    [
        ({}, ["/input", "/layers", "/loss"]),
        ({"input": 3, "layers": {}, "loss": 3, "seed": -1}, ["/input", "/layers", "/loss", "/seed"]),
        ({**LINE, "layers": [{"type": "dens", "units": 1}]}, ["/layers/0/type"]),
        ({**LINE, "layers": [{"type": "dense"}]}, ["/layers/0"]),
        ({**LINE, "layers": [{"type": "dense", "units": "1"}]}, ["/layers/0/units"]),
        ({**LINE, "layers": [{"type": "dense", "units": True}]}, ["/layers/0/units"]),
        ({**LINE, "layers": [{"type": "dense", "units": 10**40}]}, ["/layers/0/units"]),
        ({**LINE, "layers": [{"type": "dense", "units": 1e400}]}, ["/layers/0/units"]),
        ({**LINE, "layers": [{"type": "dense", "units": float("nan")}]}, ["/layers/0/units"]),
        ({**LINE, "layers": [None, 3, "dense", []]}, ["/layers/0", "/layers/1", "/layers/2", "/layers/3"]),
        ({**LINE, "layers": [{"type": "dense", "units": 1, "name": "__class__"}]}, ["/layers/0/name"]),
        ({**LINE, "layers": [{"type": "dense", "units": 1, "name": "a\u0000"}]}, ["/layers/0/name"]),
        ({**LINE, "layers": [{"type": "dense", "units": 1, "name": "日本"}]}, ["/layers/0/name"]),
        ({**LINE, "layers": [{"type": "dense", "units": 1, "name": "n" * 10_000}]}, ["/layers/0/name"]),
        ({**LINE, "layers": [{"type": "dense", "units": 1, "inputs": ["nobody"]}]}, ["/layers/0/inputs/0"]),
        ({**LINE, "layers": [{"type": "dense", "units": 1}] * 201}, ["/layers"]),
        ({**LINE, "input": {"shape": [0]}}, ["/input/shape/0"]),
        ({**LINE, "input": {"shape": [1] * 9}}, ["/input/shape"]),
        ({**LINE, "loss": "no-such-loss"}, ["/loss"]),
        ({**LINE, "loss": {"expr": "__import__('os')"}}, ["/loss/expr"]),
        ({**LINE, "loss": {"expr": "((((" * 100}}, ["/loss/expr"]),
        ({**LINE, "loss": {"expr": 3}}, ["/loss/expr"]),
        ({**LINE, "output": 3}, ["/output"]),
        ({**LINE, "target": 3}, ["/target"]),
        ({**LINE, "nam": "x"}, ["/nam"]),
        ({**LINE, "name": 3}, ["/name"]),
        ({**LINE, "name": ""}, ["/name"]),
        ({**LINE, "name": "a b"}, ["/name"]),
        ({**LINE, "name": "md_mine"}, ["/name"]),
        ({**LINE, "name": "x" * 101}, ["/name"]),
        ({**LINE, "name": "a/b", "loss": "mze"}, ["/loss", "/name"]),
    ],
)  # fmt: skip
def test_what_is_wrong_is_told_when_it_is_stored(shop: Shop, fields: Any, pointers: list[str]) -> None:
    answered = shop.post("/models", fields)
    assert (answered.status, answered.name) == (422, "invalid-request"), answered.body
    assert sorted(answered.pointers) == pointers
    assert shop.get("/models").json() == {"models": [], "next": None}


def test_what_is_no_object_is_refused(shop: Shop) -> None:
    assert shop.post("/models", b"[1]").pointers == [""]
    assert shop.post("/models", b"{").name == "invalid-json"
    assert shop.post("/models", b"[" * 100_000).name == "invalid-json"
    assert shop.post("/models", b"{}", {"content-type": "text/plain"}).name == "unsupported-media-type"
    assert len(shop.post("/models", {f"f{i}": 1 for i in range(10_000)}).pointers) <= 100


def test_limits_hold(tmp_path: Path) -> None:
    shop = Shop(tmp_path, models=2, model_parameters=12)
    large = shop.post("/models", SURFACE)
    assert (large.status, large.name) == (422, "limit-exceeded")
    assert large.problem["limit"] == {"name": "model_parameters", "value": 12, "given": 13}
    stored(shop, LINE)
    first = stored(shop, HELD)
    full = shop.post("/models", {**LINE, "seed": 3})
    assert full.problem["limit"] == {"name": "models", "value": 2, "given": 3}
    assert shop.post("/models", LINE).status == 200
    assert shop.delete(first["links"]["self"]).status == 204
    assert shop.post("/models", {**LINE, "seed": 3}).status == 201


def test_a_model_too_large_to_draw_is_refused_before_it_is(shop: Shop) -> None:
    held = {"type": "dense", "units": 7000, "kernel": {"init": "he_normal", "constraint": "positive"}}
    answered = shop.post("/models", {"input": {"shape": [7000]}, "layers": [held] * 100, "loss": "mse"})
    assert answered.problem["limit"]["name"] == "model_parameters"


def test_what_the_engine_refuses_is_told_when_it_is_stored(tmp_path: Path) -> None:
    shop = Shop(tmp_path, run_bytes=10_000)
    answered = shop.post("/models", {**LINE, "layers": [{"type": "dense", "units": 500}, *LINE["layers"]]})
    assert (answered.status, answered.name) == (422, "limit-exceeded")
    assert answered.problem["limit"]["name"] == "run_bytes"


def test_names_are_unique(shop: Shop) -> None:
    stored(shop, LINE, name="line")
    taken = shop.post("/models", {**HELD, "name": "line"})
    assert (taken.status, taken.name) == (409, "conflict")
    renamed = shop.post("/models", {**LINE, "name": "straight"})
    assert (renamed.status, renamed.name) == (409, "conflict")
    assert "'line'" in renamed.problem["hint"]
    nameless = stored(shop, HELD)
    assert stored(shop, HELD, name="held")["id"] == nameless["id"]
    assert stored(shop, HELD)["name"] == "held"


@pytest.mark.parametrize("name", ["f", "β-1.0", "日本", "v2.final-FINAL", "x" * 100])
def test_names_have_letters_of_all_languages(shop: Shop, name: str) -> None:
    content = stored(shop, LINE, name=name)
    assert shop.get(f"/models/{quote(name)}").json() == content
    assert shop.post(f"/models/{quote(name)}/predict", {"x": [[0]]}).json()["prediction"] == [[0]]
    assert shop.delete(f"/models/{quote(name)}").status == 204


def test_pages_follow_each_other_in_the_order_of_storing(shop: Shop) -> None:
    ids = [stored(shop, {**LINE, "seed": i}, name=f"{'even' if i % 2 == 0 else 'odd'}-{i}")["id"] for i in range(5)]
    pages: list[list[str]] = []
    after = ""
    while True:
        page = shop.get(f"/models?limit=2&after={after}").json()
        pages.append([model["id"] for model in page["models"]])
        if page["next"] is None:
            break
        after = page["next"]
        assert shop.delete(f"/models/{pages[-1][-1]}").status == 204
    assert pages == [ids[:2], ids[2:4], ids[4:]]
    assert [model["name"] for model in shop.get("/models?name=ev").json()["models"]] == ["even-0", "even-2", "even-4"]


@pytest.mark.parametrize("query", ["limit=0", "limit=101", "limit=x", "after=x", "after=-1", "after=" + "9" * 30])
def test_a_wrong_query_is_refused(shop: Shop, query: str) -> None:
    answered = shop.get(f"/models?{query}")
    assert (answered.status, answered.name) == (422, "invalid-request")
    assert answered.pointers == ["/" + query.partition("=")[0]]


PATHS = ("", "/versions", "/versions/0", "/parameters")


def test_what_is_deleted_is_gone_in_all_processes_at_once(tmp_path: Path) -> None:
    shop, other = (Shop(tmp_path / "data") for _ in range(2))
    id = stored(shop, LINE, name="line")["id"]
    asked = {"model": id, "at": {"x": [[1]], "y": [[1]]}}
    assert other.post("/grad", asked).status == 200
    assert shop.delete("/models/line").status == 204
    for path in PATHS:
        assert (other.get(f"/models/{id}{path}").name, other.get(f"/models/line{path}").name) == ("gone", "not-found")
    for answered in (
        other.post("/grad", asked),
        other.post("/check", asked),
        other.post("/vectors", {"model": id, "domain": {"x": [0, 1]}}),
        other.post(f"/models/{id}/predict", {"x": [[1]]}),
        other.post(f"/models/{id}/versions", {"parameters": {}}),
        other.delete(f"/models/{id}"),
    ):
        assert (answered.status, answered.name) == (410, "gone")
    assert stored(other, LINE)["id"] == id


@pytest.mark.parametrize("name", ["md_0", "nothing", "%00", "%ED%A0%80", "x" * 5000, "a%20b", "..", "%2e%2e%2fetc"])
def test_what_never_was_is_not_found(shop: Shop, name: str) -> None:
    for path in PATHS:
        answered = shop.get(f"/models/{name}{path}")
        assert (answered.status, answered.name) == (404, "not-found")
        assert len(answered.body) < 500
    assert shop.post(f"/models/{name}/predict", {"x": 1}).name == "not-found"
    assert shop.post(f"/models/{name}/versions", {"parameters": {}}).name == "not-found"


def test_a_near_name_is_told(shop: Shop) -> None:
    stored(shop, LINE, name="line")
    assert shop.get("/models/lime").problem["hint"] == "did you mean line?"


def test_all_methods_are_told(shop: Shop) -> None:
    assert shop.request("PUT", "/models").headers["allow"] == "GET, POST"
    assert shop.request("GET", "/models/x/predict").headers["allow"] == "POST"
