"""Bodies of `POST /jobs`: what is made of them, and all that is wrong with them, each fault in its place."""

from __future__ import annotations

import base64
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from engine.engine import Engine
from engine.errors import EngineError, InvalidRequest, LimitExceeded
from engine.limits import Budget
from service.jobs.accept import accept
from service.jobs.request import Posted, read_job
from service.json_text import decode
from service.settings import Settings
from tests.service.jobs.making import settings_of
from tests.service.stores import SQUARES, Shop

SETTINGS = Settings()
SGD = {"name": "sgd", "lr": 0.1}
X = {"expr": "x^2", "start": {"x": 1}, "method": SGD}


def _read(content: Any, **settings: Any) -> Posted:
    return read_job(content, Settings(**settings) if settings else SETTINGS, SETTINGS.limits(), None)


def _told(content: Any) -> Any:
    return accept(_read(content), Engine(), Budget.starting_now(30))[1]


def _faults(content: Any, **settings: Any) -> list[str]:
    with pytest.raises(EngineError) as refused:
        accept(_read(content, **settings), Engine(), Budget.starting_now(30))
    return sorted(fault.pointer for fault in refused.value.faults)


def test_defaults() -> None:
    told = _told({"expr": "x^2", "start": {"x": 1}, "method": "sgd"})
    assert told["method"] == {"name": "sgd", "lr": 1e-3, "weight_decay": 0.0}
    assert (told["direction"], told["why"], told["schedule"], told["clip"]) == ("minimize", None, None, None)
    assert (told["variables"], told["bounds"], told["starts"]) == ({"x": []}, False, 1)
    assert told["stop"] == {
        "max_steps": 1000,
        "max_seconds": None,
        "grad_norm": 1e-8,
        "relative_change": None,
        "target": None,
        "patience": None,
    }
    assert told["record"] == {"every": 1, "grad_norm": True, "variables": False}
    assert told["objective"] == {"expr": "x^2"}


def test_null_is_as_if_absent() -> None:
    full = dict.fromkeys(["data", "direction", "schedule", "clip", "bounds", "stop", "record", "starts", "seed"])
    assert _told({**X, **full}) == _told(X)
    assert _told({**X, "stop": dict.fromkeys(["max_steps", "target", "patience"])}) == _told(X)
    assert _told({**X, "record": dict.fromkeys(["every", "variables", "grad_norm"])}) == _told(X)


def test_a_long_objective_is_told_by_its_beginning() -> None:
    text = "x + " * 100 + "x^2"
    told = _told({**X, "expr": text})
    assert told["objective"]["expr"] == text[:200] + "…"


def test_the_choice_of_a_method_is_told() -> None:
    told = _told({"expr": "x^2", "start": {"x": 1}, "clip": {"norm": 1}})
    assert told["method"]["name"] == "adam"
    assert told["why"]


@pytest.mark.parametrize(
    ("content", "pointers"),
    [
        ([], [""]),
        ("x^2", [""]),
        (None, [""]),
        ({}, ["/expr", "/start"]),
        ({"expr": "x^2"}, ["/start"]),
        ({**X, "program": "return x^2"}, ["/expr", "/program"]),
        ({**X, "expr": 1}, ["/expr"]),
        ({**X, "expr": None}, ["/expr"]),
        ({**X, "method": "adamm"}, ["/method/name"]),
        ({**X, "method": {"lr": 1}}, ["/method/name"]),
        ({**X, "method": {"name": 1}}, ["/method/name"]),
        ({**X, "method": 1}, ["/method"]),
        ({**X, "method": []}, ["/method"]),
        ({**X, "method": {**SGD, "lr": -1, "beta": 2, "weight_decay": "NaN"}}, [
            "/method/beta", "/method/lr", "/method/weight_decay",
        ]),
        ({**X, "method": {"name": "adam", "a/b~c": 1}}, ["/method/a~1b~0c"]),
        ({**X, "schedule": "cosin"}, ["/schedule/name"]),
        ({**X, "schedule": {"name": "cosine", "steps": 0}}, ["/schedule/steps"]),
        ({**X, "clip": {"norm": 0}}, ["/clip/norm"]),
        ({**X, "clip": 3}, ["/clip"]),
        ({**X, "direction": "up"}, ["/direction"]),
        ({**X, "direction": ["minimize"]}, ["/direction"]),
        ({**X, "direction": {}}, ["/direction"]),
        ({**X, "seed": -1}, ["/seed"]),
        ({**X, "seed": 2**53}, ["/seed"]),
        ({**X, "seed": True}, ["/seed"]),
        ({**X, "seed": 0.5}, ["/seed"]),
        ({**X, "stop": 5}, ["/stop"]),
        ({**X, "stop": {"max_steps": -1, "max_seconds": 0, "grad_norm": -1, "patience": 0, "steps": 1}}, [
            "/stop/grad_norm", "/stop/max_seconds", "/stop/max_steps", "/stop/patience", "/stop/steps",
        ]),
        ({**X, "stop": {"max_steps": "5"}}, ["/stop/max_steps"]),
        ({**X, "stop": {"max_steps": 1.5}}, ["/stop/max_steps"]),
        ({**X, "stop": {"max_steps": True}}, ["/stop/max_steps"]),
        ({**X, "stop": {"target": "NaN"}}, ["/stop/target"]),
        ({**X, "stop": {"max_steps": [1]}}, ["/stop/max_steps"]),
        ({**X, "record": 1}, ["/record"]),
        ({**X, "record": {"every": 0, "grad_norm": 1, "variables": "yes", "x": 1}}, [
            "/record/every", "/record/grad_norm", "/record/variables", "/record/x",
        ]),
        ({**X, "bounds": [0, 1]}, ["/bounds"]),
        ({**X, "bounds": {"x": [0], "y": [0, 1]}}, ["/bounds/x", "/bounds/y"]),
        ({**X, "bounds": {"x": [2, 1]}}, ["/bounds/x"]),
        ({**X, "bounds": {"x": ["NaN", [1, 2]]}}, ["/bounds/x/0", "/bounds/x/1"]),
        ({**X, "bounds": {"x": [0, True]}}, ["/bounds/x/1"]),
        ({**X, "bounds": {"x": ["a", None]}}, ["/bounds/x/0"]),
        ({**X, "bounds": {"x": {"low": 0}}}, ["/bounds/x"]),
        ({**X, "start": 5}, ["/start"]),
        ({**X, "start": [1]}, ["/start"]),
        ({**X, "start": {}}, ["/start"]),
        ({**X, "start": {"x": []}}, ["/start"]),
        ({**X, "start": {"x": "NaN"}}, ["/start/x"]),
        ({**X, "start": {"x": "Infinity"}}, ["/start/x"]),
        ({**X, "start": {"x": True}}, ["/start/x"]),
        ({**X, "start": {"x": "a"}}, ["/start/x"]),
        ({**X, "start": {"x": None}}, ["/start/x"]),
        ({**X, "start": {"x": [[1], [1, 2]]}}, ["/start/x/1"]),
        ({**X, "start": {"x": 1, "a b": 1}}, ["/start/a b"]),
        ({**X, "start": {"x": 1, "a/b": 1}}, ["/start/a~1b"]),
        ({**X, "start": {"dtype": "float64", "shape": [1], "base64": "AAAAAAAA8D8="}}, ["/start"]),
        ({**X, "data": []}, ["/data"]),
        ({**X, "data": {"x": 1}}, ["/data/x"]),
        ({**X, "data": {"c": "a", "d/e": 1}}, ["/data/c", "/data/d~1e"]),
        ({**X, "starts": []}, ["/starts"]),
        ({**X, "starts": 3}, ["/starts"]),
        ({**X, "starts": [{"x": 1}]}, ["/start"]),
        ({"expr": "x^2", "method": SGD, "starts": [{"x": 1}, {"x": [1]}, {"y": 1}, 5, {"x": "b"}]}, [
            "/starts/1/x", "/starts/2", "/starts/2/y", "/starts/3", "/starts/4/x",
        ]),
        ({"expr": "x^2", "method": SGD, "starts": [{"x": 1}, {"x": "NaN"}, {"x": "-Infinity"}]}, [
            "/starts/1/x", "/starts/2/x",
        ]),
        ({"expr": "x^2", "method": SGD, "starts": [{"x": "NaN"}]}, ["/starts/0/x"]),
        ({"expr": "x^2", "method": SGD, "starts": [5]}, ["/starts/0"]),
        ({**X, "starts": {}}, ["/starts/count", "/starts/high", "/starts/low"]),
        ({**X, "starts": {"count": 0, "low": 0, "high": 1}}, ["/starts/count"]),
        ({**X, "starts": {"count": 2, "low": 1, "high": 0}}, ["/starts"]),
        ({**X, "starts": {"count": 2, "low": "NaN", "high": 0}}, ["/starts"]),
        ({**X, "starts": {"count": 2, "low": -1e308, "high": 1e308}}, ["/starts"]),
        ({**X, "starts": {"count": 2, "low": {"y": 0}, "high": [1]}}, ["/starts/high", "/starts/low", "/starts/low/y"]),
        ({**X, "starts": {"count": 2, "low": 0, "high": 1, "seed": -1, "size": 3}}, ["/starts/seed", "/starts/size"]),
        ({"expr": "x^2", "method": SGD, "starts": {"count": 2, "low": 0, "high": 1}}, ["/start"]),
        ({**X, "precision": "high"}, ["/precision"]),
        ({**X, "at": {"x": 1}, "wrt": "x", "batch": True, "encoding": "json"}, ["/at", "/batch", "/encoding", "/wrt"]),
        ({**X, "stat": {"x": 1}}, ["/stat"]),
        # All at once.
        ({"expr": "x^2", "start": {"x": "NaN"}, "method": "adamm", "clip": {}, "stop": {"max_steps": -1}, "seed": -1,
          "bounds": {"z": [0, 1]}, "record": {"every": 0}, "direction": "up", "nonsense": 1}, [
            "/bounds/z", "/clip/norm", "/direction", "/method/name", "/nonsense", "/record/every", "/seed", "/start/x",
            "/stop/max_steps",
        ]),
    ],
)  # fmt: skip
def test_every_fault_has_its_place(content: Any, pointers: list[str]) -> None:
    assert _faults(content) == pointers


@pytest.mark.parametrize(
    ("content", "pointers"),
    [
        ({**X, "expr": "x^2 + sum(w)", "data": {"w": [[1], [2, 3]]}}, ["/data/w/1"]),
        ({**X, "expr": "zeros(3)[x]"}, ["/start/x"]),
    ],
)
def test_faults_of_inputs_point_to_where_they_stand(content: Any, pointers: list[str]) -> None:
    assert _faults(content) == pointers


@pytest.mark.parametrize("expr", ["x^2 + y", "y", "x + f(y)"])
def test_no_pointer_leads_out_of_the_body(expr: str) -> None:
    assert not [pointer for pointer in _faults({**X, "expr": expr}) if pointer.startswith("/at")]


def test_names_may_be_of_any_alphabet() -> None:
    task = _read({"expr": "β^2 + sum(größe)", "start": {"β": 1, "größe": [1, 2]}, "method": SGD}).task
    assert (task.variables, task.points.tolist()) == (("β", "größe"), [[1, 1, 2]])


@pytest.mark.parametrize("name", ["x" * 101, "x" * 100_000, "", "1x", "a-b", "\x00", "\ud800"])
def test_names_that_cannot_be(name: str) -> None:
    found = _faults({"expr": "x^2", "start": {"x": 1, name: 2}, "method": SGD})
    assert all(len(pointer) < 200 for pointer in found)


@pytest.mark.parametrize("depth", [5, 100, 2000])
def test_deep_values_are_refused(depth: int) -> None:
    value: Any = 1
    for _ in range(depth):
        value = {"a": [value]}
    for field in ("start", "data", "method", "schedule", "clip", "stop", "bounds", "record", "starts", "seed"):
        assert _faults({**X, field: value})


@pytest.mark.parametrize("odd", [True, 10**400, -(10**400), 1e308, "", "x" * 10_000, [], [[]], {}, {"": ""}, "\ud800"])
def test_odd_values_are_refused_or_taken(odd: Any) -> None:
    for field in ("expr", "start", "data", "method", "schedule", "clip", "stop", "bounds", "record", "starts", "seed"):
        for content in ({**X, field: odd}, {**X, field: {"name": odd}}, {**X, field: {"x": odd}}, {**X, field: [odd]}):
            with suppress(EngineError):
                accept(_read(content), Engine(), Budget.starting_now(30))
    for name in ("max_steps", "max_seconds", "grad_norm", "relative_change", "target", "patience"):
        with suppress(EngineError):
            _read({**X, "stop": {name: odd}})
    for name in ("count", "low", "high", "seed"):
        drawn = {"count": 2, "low": 0, "high": 1, "seed": 1, name: odd}
        with suppress(EngineError):
            assert np.isfinite(_read({**X, "starts": drawn}).task.points).all()


def test_the_bare_words_of_python_are_no_starts() -> None:
    assert _faults(decode(b'{"expr":"x^2","start":{"x":NaN},"method":"sgd"}')) == ["/start/x"]
    assert _faults(decode(b'{"expr":"x^2","start":{"x":1e999},"method":"sgd"}')) == ["/start/x"]


def test_a_list_of_starts() -> None:
    starts = [{"x": 1, "v": [2, 3]}, {"v": [5, 6], "x": 4}]
    posted = _read({"expr": "x^2 + sum(v^2)", "starts": starts, "method": SGD})
    assert posted.task.variables == ("x", "v")
    assert posted.task.points.tolist() == [[1, 2, 3], [4, 5, 6]]
    assert posted.places == {"x": ("starts", 0, "x"), "v": ("starts", 0, "v")}


def test_packed_starts() -> None:
    packed = {"dtype": "float32", "shape": [2], "base64": base64.b64encode(np.array([1, 2], "<f4").tobytes()).decode()}
    assert _read({"expr": "sum(x)", "start": {"x": packed}, "method": SGD}).task.points.tolist() == [[1, 2]]


def test_drawn_starts() -> None:
    content = {"expr": "x^2 + sum(v^2)", "start": {"x": 7, "v": [8, 9]}, "method": SGD}
    low, high = {"x": -1, "v": [0, 10]}, {"x": 1, "v": [1, 10]}
    points = _read({**content, "starts": {"count": 5, "low": low, "high": high}}).task.points
    assert points.shape == (5, 3)
    assert points[0].tolist() == [7, 8, 9]
    assert (np.abs(points[1:, 0]) <= 1).all()
    assert ((points[1:, 1] >= 0) & (points[1:, 1] <= 1)).all()
    assert (points[1:, 2] == 10).all()
    assert len(np.unique(points[:, 0])) == 5
    # The seed of the job and that of the starts are the same thing; each start depends on its number alone.
    seeded = _read({**content, "seed": 3, "starts": {"count": 5, "low": low, "high": high}}).task.points
    own = _read({**content, "seed": 4, "starts": {"count": 9, "low": low, "high": high, "seed": 3}}).task.points
    assert np.array_equal(seeded, own[:5])
    assert not np.array_equal(seeded, points)
    alone = _read({**content, "starts": {"count": 1, "low": low, "high": high}}).task.points
    assert alone.tolist() == [[7, 8, 9]]


def test_drawn_starts_without_a_start_have_the_shapes_of_their_ends() -> None:
    starts = {"count": 2, "low": {"x": [0, 0]}, "high": {"x": [1, 1]}}
    task = _read({"expr": "sum(x^2)", "starts": starts, "method": SGD}).task
    assert task.points.shape == (2, 2)
    assert not np.array_equal(task.points[0], [0, 0])


def test_bounds() -> None:
    content = {"expr": "x + sum(v) + y", "start": {"x": 1, "v": [1, 2], "y": 0}, "method": SGD}
    task = _read({**content, "bounds": {"x": [None, 2], "v": [[0, "-Infinity"], 5], "y": [None, None]}}).task
    found = {name: [low.tolist(), high.tolist()] for name, (low, high) in task.bounds.items()}
    inf = np.inf
    assert found == {"x": [-inf, 2], "v": [[0, -inf], [5, 5]], "y": [-inf, inf]}


def test_maximising_turns_the_target() -> None:
    content = {**X, "expr": "-x^2", "direction": "maximize", "stop": {"target": -0.5}}
    posted = _read(content)
    assert posted.task.sign == -1
    told = _told(content)
    assert (told["direction"], told["stop"]["target"]) == ("maximize", -0.5)


@pytest.mark.parametrize(
    ("steps", "starts", "kept", "every"),
    [(98, 1, False, 1), (99, 1, False, 2), (1000, 1, False, 11), (1000, 10, False, 125), (0, 1, True, 1)],
)
def test_the_history_fits(steps: int, starts: int, kept: bool, every: int) -> None:
    given = {"expr": "x^2", "starts": [{"x": i} for i in range(starts)], "method": SGD}
    stop, record = {"max_steps": steps}, {"variables": kept}
    task = _read({**given, "stop": stop, "record": record}, job_rows=100).task
    assert task.every == every
    assert (steps // task.every + 2) * starts <= 100


def test_the_history_that_is_asked_for_has_to_fit() -> None:
    with pytest.raises(LimitExceeded) as refused:
        _read({**X, "record": {"every": 5}}, job_rows=100)
    assert [fault.pointer for fault in refused.value.faults] == ["/record/every"]
    assert "11" in refused.value.faults[0].detail
    assert _read({**X, "record": {"every": 11}}, job_rows=100).task.every == 11
    assert _read({**X, "record": {"every": 10**9}}, job_rows=100).task.every == 10**9


def test_variables_in_the_history_count_as_numbers() -> None:
    content = {"expr": "sum(x^2)", "start": {"x": [1] * 10}, "method": SGD, "record": {"variables": True}}
    task = _read(content, job_variables=1000).task
    assert (1000 // task.every + 2) * 10 <= 1000
    assert _read(content).task.every == 1


@pytest.mark.parametrize(
    ("fields", "settings", "name", "pointer"),
    [
        ({"stop": {"max_steps": 11}}, {"job_steps": 10}, "job_steps", "/stop/max_steps"),
        ({"stop": {"max_steps": 1e300}}, {}, "job_steps", "/stop/max_steps"),
        ({"starts": {"count": 6, "low": 0, "high": 1}}, {"job_starts": 5}, "job_starts", "/starts"),
        ({"starts": [{"x": 0}] * 6, "start": None}, {"job_starts": 5}, "job_starts", "/starts"),
        ({"start": {"x": [0] * 6}, "expr": "sum(x)"}, {"job_variables": 5}, "job_variables", None),
        ({"starts": {"count": 1000, "low": 0, "high": 1}}, {"job_variables": 999}, "job_variables", None),
    ],
)
def test_limits(fields: Any, settings: Any, name: str, pointer: str | None) -> None:
    with pytest.raises(LimitExceeded) as refused:
        _read({**X, **fields}, **settings)
    assert refused.value.limit is not None
    assert refused.value.limit.name == name
    assert [fault.pointer for fault in refused.value.faults] == ([] if pointer is None else [pointer])


def test_starts_that_are_too_many_numbers_are_not_drawn(monkeypatch: pytest.MonkeyPatch) -> None:
    def drawn(*_: Any) -> Any:
        raise AssertionError("eight gigabytes")

    monkeypatch.setattr("service.jobs.request.drawn", drawn)
    zeros = {"dtype": "float64", "shape": [1_000_000], "base64": base64.b64encode(bytes(8_000_000)).decode()}
    content = {"expr": "sum(x)", "start": {"x": zeros}, "method": SGD, "starts": {"count": 1000, "low": 0, "high": 1}}
    with pytest.raises(LimitExceeded):
        _read(content)


def test_fewer_steps_are_the_default_where_fewer_are_allowed() -> None:
    posted = _read(X, job_steps=10)
    assert accept(posted, Engine(), Budget.starting_now(30))[2] == 10
    assert accept(_read(X), Engine(), Budget.starting_now(30))[2] == 1000


def test_a_stored_function_brings_its_data(tmp_path: Path) -> None:
    shop = Shop(tmp_path, job_workers=0)
    shop.post("/functions", SQUARES)
    body = {"function": "least-squares", "start": {"w": [0, 0]}, "method": SGD}
    job = shop.post("/jobs", body)
    assert job.status == 202, job.body
    assert job.json()["variables"] == {"w": [2]}
    assert job.json()["objective"] == {"expr": SQUARES["expr"]}
    for field, value in (("start", {"w": [0, 0], "X": [[1, 2]]}), ("data", {"X": [[1, 2]]})):
        clash = shop.post("/jobs", {**body, field: value})
        assert clash.status == 422, clash.body
        assert all(not pointer.startswith("/at") for pointer in clash.pointers)
    assert shop.post("/jobs", {**body, "function": "other"}).name == "not-found"
    assert shop.post("/jobs", {**body, "start": {"w": [0, 0, 0]}}).status == 422


def test_a_stored_function_and_a_text_are_two(tmp_path: Path) -> None:
    shop = Shop(tmp_path, job_workers=0)
    shop.post("/functions", SQUARES)
    answered = shop.post("/jobs", {"function": "least-squares", "expr": "x", "start": {"w": [0, 0]}, "method": SGD})
    assert answered.status == 422
    assert settings_of(tmp_path).job_workers == 0


def test_only_what_is_wrong_is_wrong() -> None:
    with pytest.raises(InvalidRequest) as refused:
        _read({**X, "seed": -1, "stop": {"patience": 0}})
    assert "2 things are wrong" in refused.value.detail
