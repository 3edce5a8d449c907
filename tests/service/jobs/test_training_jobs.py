"""Trainings as jobs: accepted or refused, carried out, interrupted, and what becomes of them."""

from __future__ import annotations

import csv
import io
import json
import os
import re
import signal
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine.limits import Budget
from engine.models.regime import FIELDS
from engine.models.step import Arrays, Program, Stepped
from service.jobs import work
from service.jobs.work import Attempt
from tests.service.jobs.chaos import AVAILABLE, Cluster, Server, until
from tests.service.jobs.customers import JSON, Customer
from tests.service.jobs.schools import NET, School, data_of

VALIDATED: dict[str, Any] = {"validation": 0.25, "metrics": ["accuracy", "confusion"]}


@pytest.fixture
def school(tmp_path: Path) -> School:
    """An application with a model."""
    return School(tmp_path)


def _stepping(monkeypatch: pytest.MonkeyPatch, after: int, do: Callable[[], object]) -> None:
    """Have something done at the beginning of the step of training that comes after so many."""
    count, original = 0, Program.__call__

    def call(self: Program, at: Arrays, budget: Budget) -> Stepped:
        nonlocal count
        if self._training:
            count += 1
            if count == after + 1:
                do()
        return original(self, at, budget)

    monkeypatch.setattr(Program, "__call__", call)


def test_a_training_makes_a_version(school: School) -> None:
    job = school.trained(**VALIDATED)
    result = job["result"]
    assert (job["state"], result["version"], result["model"], result["seed"]) == ("succeeded", 1, school.model, 0)
    assert result["stop_reason"] == "max-steps"
    assert result["value"] == result["scores"]["validation_value"]
    assert sum(map(sum, result["scores"]["validation_confusion"])) == job["training"]["validation_examples"] == 6
    assert (job["training"]["steps_per_epoch"], job["training"]["monitor"]) == (4, "validation_value")
    assert (job["progress"]["max_steps"], result["steps"], result["last"]["epoch"]) == (12, 12, 3)
    assert "variables" not in result
    (_, version) = school.get(f"/models/{school.model}/versions").json()["versions"]
    assert (version["version"], version["job"]) == (1, job["id"])
    assert school.trained(**VALIDATED)["result"]["version"] == 2
    assert school.parameters(1) == school.parameters(2) != school.parameters(0)


@pytest.mark.parametrize(("method", "ours"), [(None, True), ("auto", True), ({"name": "auto"}, True), ("adam", False)])
def test_why_it_is_adam_is_told_where_nobody_named_a_method(school: School, method: Any, ours: bool) -> None:
    job = school.trained(method=method)
    assert (job["method"]["name"], job["why"] is not None) == ("adam", ours)


def test_a_history_has_columns_of_its_own(school: School) -> None:
    job = school.trained(**VALIDATED, seeds=2)
    columns = job["record"]["columns"]
    assert columns[:5] == ["epoch", "epoch_value", "accuracy", "validation_value", "validation_accuracy"]
    assert "update_ratio.dense_2" in columns
    page = school.history(job["id"])
    assert list(page) == ["index", "start", "step", "value", "grad_norm", "learning_rate", *columns, "next"]
    ends = [v is not None for v in page["validation_value"]]
    assert ends == [step % 4 == 0 for step in page["step"]]
    assert page["epoch"] == [1 + (step - 1) // 4 for step in page["step"]]
    lines = school.get(f"/jobs/{job['id']}/history", accept="application/x-ndjson").body.splitlines()
    rows = [json.loads(line) for line in lines]
    assert {name: [row[name] for row in rows] for name in page if name != "next"} | {"next": None} == page
    text = school.get(f"/jobs/{job['id']}/history", accept="text/csv").body.decode()
    table = list(csv.DictReader(io.StringIO(text, newline="")))
    for name in columns:
        assert [None if row[name] == "" else float(row[name]) for row in table] == page[name]
    events = school.get(f"/jobs/{job['id']}/events").body.decode().split("\n\n")
    sent = [json.loads(event.split("data: ")[1]) for event in events if event.startswith("event: step")]
    assert sent == rows
    empty = school.get(f"/jobs/{job['id']}/history?after=1000").json()
    assert empty == {name: None if name == "next" else [] for name in page}


def test_a_key_again_is_the_same_training(school: School) -> None:
    first, again = school.asked("k"), school.asked("k")
    assert first.json()["id"] == again.json()["id"]
    assert school.asked("k", epochs=4).name == "conflict"


def test_a_training_goes_on_from_a_version(school: School) -> None:
    assert school.trained()["result"]["version"] == 1
    on, anew, zero = (school.trained(version=v)["result"]["version"] for v in (1, None, 0))
    assert school.parameters(anew) == school.parameters(zero) == school.parameters(1)
    assert school.parameters(on) != school.parameters(1)
    assert school.asked(version=9).name == "not-found"


def test_a_search_for_a_rate_leaves_the_model_as_it_is(school: School) -> None:
    result = school.trained(find_learning_rate={"low": 1e-4, "high": 1.0, "steps": 30})["result"]
    assert 1e-4 <= result["suggested_learning_rate"] <= 1.0
    assert (result["version"], "variables" in result) == (None, False)
    assert school.job(school.began())["result"] is None
    assert len(school.get(f"/models/{school.model}/versions").json()["versions"]) == 1


def test_a_cancel_before_the_first_attempt(school: School) -> None:
    job = school.request("POST", f"/jobs/{school.began(seeds=2)}/cancel").json()
    assert (job["state"], job["result"]["stop_reason"], job["result"]["steps"]) == ("cancelled", "cancelled", 0)
    assert (job["result"]["value"], job["result"]["version"]) == (None, None)


def test_a_cancel_while_it_runs_keeps_what_was_learned(school: School, monkeypatch: pytest.MonkeyPatch) -> None:
    id = school.began(seeds=2)
    _stepping(monkeypatch, 17, lambda: _cancelled(school, id))
    school.work()
    job = school.job(id)
    assert (job["state"], job["result"]["stop_reason"], job["result"]["version"]) == ("cancelled", "cancelled", 1)
    assert job["result"]["epoch"] == 1
    assert job["result"]["steps"] == school.history(id)["step"][-1] == 8


def _cancelled(school: School, id: str) -> None:
    """Cancel a job and wait until the watcher has withdrawn its budget: it looks now and then."""
    school.context.jobs.cancel(id)
    time.sleep(4 * work.LOOK_SECONDS)


def test_a_cancel_in_the_first_step_makes_no_version(school: School, monkeypatch: pytest.MonkeyPatch) -> None:
    id = school.began()
    _stepping(monkeypatch, 0, lambda: _cancelled(school, id))
    school.work()
    job = school.job(id)
    assert (job["state"], job["result"]["version"], job["result"]["step"]) == ("cancelled", None, 0)
    assert job["result"]["value"] is None
    assert job["result"]["variables"].keys() >= {"dense_1_kernel"}


def test_what_was_left_while_it_waits_again_is_kept_with_the_job(
    school: School, monkeypatch: pytest.MonkeyPatch
) -> None:
    id, claim = school.began(), school.claim
    attempt = Attempt(school.worker, claim())
    _stepping(monkeypatch, 7, lambda: attempt._interrupt("released"))
    assert attempt.run() is None
    job = school.request("POST", f"/jobs/{id}/cancel").json()
    assert (job["state"], job["result"]["version"], job["result"]["epoch"]) == ("cancelled", None, 1)
    assert job["result"]["variables"].keys() == school.parameters(0).keys()
    assert job["result"]["last"]["step"] == 6


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"seeds": 3, "validation": 0.25, "early_stopping": 1},
        {"method": {"name": "nadam", "lr": 0.1}, "record": {"every": 5}, "class_weight": "balanced"},
        {"find_learning_rate": {"steps": 12}},
        {"method": {"name": "sgd", "lr": 1e300}, "epochs": 1},
    ],
)
def test_interruptions_change_no_bit(school: School, fields: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(work, "FLUSH_SECONDS", 0.0)
    monkeypatch.setattr(work, "FLUSH_PART", 0)
    expected = school.outcome(school.trained(**fields)["id"])
    id, attempts = school.began(**fields), 0
    while school.job(id)["state"] in ("queued", "running"):
        attempts += 1
        attempt = Attempt(school.worker, school.claim())
        with monkeypatch.context() as patch:
            # Each gets some steps further, and the last one to the end.
            _stepping(patch, 7, lambda attempt=attempt: attempt._interrupt("released"))  # type: ignore[misc]
            assert attempt.run() is None
    assert attempts > 1 or fields.get("epochs") == 1
    assert _exact(school.outcome(id)) == _exact(expected)


def _exact(outcome: tuple[Any, ...]) -> tuple[Any, ...]:
    """An outcome without what overflowed first, by which matrix products differ from call to call: their order of sums
    follows from where their arguments are in memory.
    """
    state, result, *rest = outcome
    return state, re.sub(r"matmul\(\S+ \S+ is -?(Infinity|NaN)\.", "", result), *rest


class Killed(BaseException):
    """The process of a worker ends here and now."""


def _kill() -> None:
    raise Killed


def test_a_worker_that_is_lost_before_the_end_is_told_makes_one_version(
    school: School, monkeypatch: pytest.MonkeyPatch
) -> None:
    id = school.began()
    claim = school.claim()
    with monkeypatch.context() as patch:
        patch.setattr(type(school.worker.jobs), "finish", lambda *_: _kill())
        with pytest.raises(Killed):
            school.worker.work(claim)
    assert len(school.get(f"/models/{school.model}/versions").json()["versions"]) == 2
    school.worker.jobs.give_up(claim.job, school.worker.jobs.lost("gone"))
    school.work()
    assert school.job(id)["result"]["version"] == 1
    assert len(school.get(f"/models/{school.model}/versions").json()["versions"]) == 2


def test_the_model_is_deleted_meanwhile(school: School) -> None:
    id = school.began()
    assert school.request("DELETE", f"/models/{school.model}").status == 204
    school.work()
    job = school.job(id)
    assert (job["state"], job["result"]["version"]) == ("succeeded", None)
    assert "deleted" in job["result"]["message"]
    assert "dense_2_kernel" in job["result"]["variables"]
    assert school.asked().status in (404, 410)


def _uploaded(school: School) -> str:
    rows = [",".join(map(repr, [*x, y])) for x, y in zip(*data_of().values(), strict=True)]
    body = ("a,b,kind\n" + "\n".join(rows)).encode()
    answered = school.request("POST", "/datasets", [body], {"content-type": "text/csv"})
    assert answered.status == 201, answered.body
    return str(answered.json()["id"])


def test_a_dataset_is_what_it_holds(school: School) -> None:
    id = _uploaded(school)
    for x in (None, ["a", "b"]):
        job = school.trained(data={"dataset": id, "y": "kind"} | ({} if x is None else {"x": x}))
        assert job["state"] == "succeeded", job["error"]
    inline = school.trained()
    assert school.parameters(1) == school.parameters(2) == school.parameters(inline["result"]["version"])


def test_the_dataset_is_deleted_while_it_waits(school: School) -> None:
    dataset = _uploaded(school)
    id = school.began(data={"dataset": dataset, "y": "kind"})
    assert school.request("DELETE", f"/datasets/{dataset}").status == 204
    school.work()
    job = school.job(id)
    assert job["state"] == "failed"
    assert job["error"]["type"].endswith("/gone")
    assert "dataset" in job["error"]["detail"]


@pytest.mark.parametrize(
    ("columns", "status", "place"),
    [
        ({"y": "species"}, 422, "/data"),
        ({"x": ["a", "c"], "y": "kind"}, 422, "/data"),
        ({"x": [], "y": "kind"}, 422, "/data/x"),
        ({"x": [1], "y": "kind"}, 422, "/data/x"),
        ({"x": "a", "y": "kind"}, 422, "/data/x"),
        ({"x": ["a", "b", "kind"], "y": "kind"}, 422, "/data/x"),
        ({"y": ["a", "b", "kind"]}, 422, "/data"),
    ],
)
def test_columns_that_do_not_fit(school: School, columns: dict[str, Any], status: int, place: str) -> None:
    refused = school.asked(data={"dataset": _uploaded(school), **columns})
    assert (refused.status, refused.pointers[0]) == (status, place), refused.body


def test_a_dataset_that_is_not_there(school: School) -> None:
    assert school.asked(data={"dataset": "nothing"}).name == "not-found"


def test_a_divergence_makes_no_version(school: School) -> None:
    # The loss of the first epoch is that of the beginning, and at its end there is none.
    job = school.trained(method={"name": "sgd", "lr": 1e308}, batch_size="all")
    result = job["result"]
    assert (job["state"], result["stop_reason"], result["version"]) == ("succeeded", "diverged", None)
    assert "in step 2" in result["message"]
    assert school.trained()["result"]["version"] == 1


def test_there_is_no_room_for_a_version(tmp_path: Path) -> None:
    school = School(tmp_path, model_versions=1)
    assert school.trained()["result"]["version"] == 1
    job = school.trained()
    assert (job["state"], job["result"]["version"]) == ("succeeded", None)
    assert "as many as one may have" in job["result"]["message"]
    assert "dense_1_kernel" in job["result"]["variables"]


@pytest.mark.parametrize(
    ("own", "fields", "limit"),
    [
        ({"job_steps": 10}, {}, "job_steps"),
        ({"job_rows": 20}, {"epochs": 30}, "job_rows"),
        ({"job_rows": 20}, {"record": {"every": 1}}, "job_rows"),
        ({"job_variables": 100}, {"seeds": 5}, "job_variables"),
        ({"job_task_bytes": 1000}, {}, "job_task_bytes"),
    ],
)
def test_limits(tmp_path: Path, own: dict[str, Any], fields: dict[str, Any], limit: str) -> None:
    refused = School(tmp_path, **own).asked(**fields)
    assert (refused.status, refused.name, refused.problem["limit"]["name"]) == (422, "limit-exceeded", limit)


def test_a_history_keeps_within_its_rows(tmp_path: Path) -> None:
    school = School(tmp_path, job_rows=20)
    job = school.trained(seeds=2)
    assert job["record"]["every"] > 1
    assert job["progress"]["rows"] <= 20
    assert [v is not None for v in school.history(job["id"])["epoch_value"]].count(True) == 6


def test_a_body_may_be_too_large_and_a_batch_may_not(tmp_path: Path) -> None:
    school = School(tmp_path, body_bytes=2048)
    assert school.asked(data=data_of(100)).status == 413
    assert school.trained(batch_size=2**31)["training"]["batch_size"] == 22


def test_all_faults_are_told_at_once(school: School) -> None:
    refused = school.asked(data={"x": [[1, 2]], "y": ["a"], "z": 1}, epochs=0, keep="x", lr=3, validation={"x": 1})
    assert sorted(refused.pointers) == ["/data/y/0", "/data/z", "/epochs", "/keep", "/lr"], refused.body


JSONS = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.integers(-2, 5)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.sampled_from([1e308, -1e308, 5e-324, "NaN", "Infinity", "adam", "lbfgs", "all", "x", "y", "ﬁ\u202e\x00"])
    | st.text(max_size=6),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(
                ["x", "y", "weight", "dataset", "name", "lr", "base64", "dtype", "shape", "norm", "0", "steps"]
            )
            | st.text(max_size=4),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)
ATTACKED = ["model", "version", "data", *FIELDS, "start", "direction", "expr", "precision", "bounds"]


@pytest.fixture(scope="module")
def attacked(tmp_path_factory: pytest.TempPathFactory) -> School:
    """An application that is attacked."""
    return School(tmp_path_factory.mktemp("attacked"), job_queue=10**6)


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.dictionaries(st.sampled_from(ATTACKED), JSONS, min_size=1, max_size=4), st.sampled_from(["x", "y", None]))
def test_no_request_is_our_fault(attacked: School, fields: dict[str, Any], inside: str | None) -> None:
    if inside is not None and "data" in fields:
        fields["data"] = {**data_of(), inside: fields["data"]}
    body = {"model": attacked.model, "data": data_of(), **fields}
    answered = attacked.post("/jobs", json.dumps(body).encode())
    assert answered.status < 500, answered.body
    if answered.status >= 300:
        assert answered.problem["detail"]


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[Cluster]:
    """Servers, none of whose processes outlives the test."""
    made = Cluster(tmp_path)
    try:
        yield made
    finally:
        made.kill_all()


def _killed(cluster: Cluster, server: Server, customer: Customer, body: dict[str, Any], kills: int) -> dict[str, Any]:
    """A job that has ended, whose worker was killed so many times."""
    _, job = customer.ask("POST", "/jobs", json.dumps(body).encode(), JSON)
    id = str(job["id"])

    def further(rows: int) -> bool:
        return bool(customer.job(id)["progress"]["rows"] > rows)

    for k in range(kills):
        until(partial(further, customer.job(id)["progress"]["rows"] + 50), "it gets on")
        (worker,) = cluster.workers(server)
        os.kill(worker, signal.SIGKILL)
        until(lambda k=k: customer.job(id)["attempts"] == k + 2, "it is taken over")  # type: ignore[misc]
    until(lambda: customer.job(id)["finished"] is not None, "it ends")
    return dict(customer.job(id))


@pytest.mark.skipif(not AVAILABLE, reason="processes are found by their environment, in /proc")
def test_a_worker_that_is_killed_changes_no_bit(cluster: Cluster) -> None:
    server, customer = cluster.start(), Customer(cluster)
    _, model = customer.ask("POST", "/models", json.dumps(NET).encode(), JSON)
    body = {"model": model["id"], "data": data_of(40), "epochs": 400, "batch_size": 4, "seeds": 2, "validation": 0.2}
    jobs = [_killed(cluster, server, customer, body, kills) for kills in (0, 3)]
    calm, disturbed = jobs
    assert (calm["attempts"], disturbed["attempts"]) == (1, 4)
    assert [job["result"].pop("version") for job in jobs] == [1, 2]
    assert disturbed["result"] == calm["result"]
    assert customer.history(disturbed["id"]) == customer.history(calm["id"])
    found = [customer.ask("GET", f"/models/{model['id']}/parameters?version={v}")[1] for v in (1, 2)]
    assert found[0]["parameters"] == found[1]["parameters"]
