"""Jobs: posted, waited for, listed, followed, cancelled and forgotten, and the refusals of each."""

from __future__ import annotations

import csv
import io
import json
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.conformity.server import JSON, PATIENCE, Answer, Server, pointers

SGD = {"name": "sgd", "lr": 0.1}
QUICK: dict[str, Any] = {
    "expr": "sum((X @ w - y)^2) / 2",
    "start": {"w": [0, 0]},
    "data": {"X": [[1, 2], [3, 4], [5, 6]], "y": [1, 2, 3]},
    "method": {"name": "sgd", "lr": 0.01},
    "stop": {"max_steps": 25, "grad_norm": 0},
}
ENDLESS: dict[str, Any] = {
    "expr": "x^2",
    "start": {"x": 1},
    "method": {"name": "sgd", "lr": 1e-9},
    "stop": {"max_steps": 5_000_000, "grad_norm": 0},
}
STATES = {"queued", "running", "succeeded", "failed", "cancelled"}
FINISHED = {"succeeded", "failed", "cancelled"}
Post = Callable[..., Any]


@pytest.fixture
def post(server: Server) -> Iterator[Post]:
    """Posts jobs, and leaves none behind."""
    made: list[str] = []

    def post(content: dict[str, Any], status: int | None = None, **headers: str) -> Any:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        answer = server.send("POST", "/jobs", json.dumps(content).encode(), {**JSON, **named})
        assert answer.status in ((200, 202) if status is None else (status,)), answer.text
        assert answer.headers["location"] == f"/jobs/{answer.content['id']}"
        made.append(answer.content["id"])
        return answer.content

    yield post
    for id in set(made):
        if server.send("POST", f"/jobs/{id}/cancel", None, {"Prefer": "wait=30"}).status == 200:
            assert server.send("DELETE", f"/jobs/{id}").status == 204


@pytest.fixture
def finished(post: Post) -> Any:
    """A job that has ended."""
    return post(QUICK, 200, Prefer="wait=30")


def _until(server: Server, id: str, condition: Callable[[Any], bool]) -> Any:
    """The job, as soon as it is as it should be."""
    end = time.monotonic() + PATIENCE
    while not condition(found := server.get(f"/jobs/{id}").content):
        assert time.monotonic() < end, found
    return found


def _history(server: Server, id: str, limit: int = 10_000) -> dict[str, list[Any]]:
    """All columns, by as many pages as it takes."""
    found: dict[str, list[Any]] = {}
    after = -1
    while True:
        page = server.get(f"/jobs/{id}/history?after={after}&limit={limit}").content
        following = page.pop("next")
        assert len(page["index"]) <= limit
        for name, column in page.items():
            found.setdefault(name, []).extend(column)
        if following is None:
            return found
        assert following > after
        after = following


def _events(answer: Answer) -> list[tuple[str, str | None, Any]]:
    found = []
    for block in answer.text.split("\n\n")[:-1]:
        if not block.startswith(":"):
            fields = dict(line.split(": ", 1) for line in block.split("\n"))
            found.append((fields["event"], fields.get("id"), json.loads(fields["data"])))
    return found


def test_a_job_is_accepted(server: Server, post: Post) -> None:
    """“Answer 202 with Location and the job”"""
    job = post(QUICK, 202)
    assert {"id", "state", "created", "started", "finished", "attempts"} <= set(job)
    assert {"progress", "result", "error", "links"} <= set(job)
    assert {"step", "max_steps", "value", "best"} <= set(job["progress"])
    assert job["state"] in STATES
    assert job["progress"]["max_steps"] == 25
    for name in ("self", "history"):
        assert server.get(job["links"][name]).status == 200
    assert job["links"]["events"] == f"/jobs/{job['id']}/events"


def test_a_finished_job(server: Server, finished: Any) -> None:
    """“200 and the finished job if it finished in time”; “result”"""
    assert (finished["state"], finished["error"], finished["attempts"]) == ("succeeded", None, 1)
    assert finished["created"] <= finished["started"] <= finished["finished"]
    result = finished["result"]
    assert {"value", "variables", "grad_norm", "stop_reason", "steps"} <= set(result)
    assert (result["stop_reason"], result["steps"]) == ("max-steps", 25)
    assert finished["progress"]["best"] == result["value"]
    assert server.get(f"/jobs/{finished['id']}").content == finished
    again = server.ask("/grad", expr=QUICK["expr"], at={**QUICK["data"], **result["variables"]}, wrt="w")
    assert again["value"] == result["value"]


@pytest.mark.parametrize("wait", ["wait=0", "wait=x", "wait", "", "return=minimal", "wait=-1"])
def test_who_does_not_wait_is_answered_at_once(server: Server, post: Post, wait: str) -> None:
    """“with Prefer: wait=N”"""
    begun = time.monotonic()
    job = post(ENDLESS, 202, Prefer=wait)
    assert time.monotonic() - begun < 10
    assert job["state"] in ("queued", "running")


@pytest.mark.parametrize("wait", ["wait=30", "wait=31", "wait=100000000", "respond-async, wait=20"])
def test_who_waits_gets_the_finished_job(post: Post, wait: str) -> None:
    """“Prefer: wait=N (seconds, at most 30)”"""
    assert post(QUICK, 200, Prefer=wait)["state"] == "succeeded"


def test_one_who_waits_too_short_gets_the_job_as_it_is(server: Server, post: Post) -> None:
    """“if it finished in time”"""
    job = post(ENDLESS, 202, Prefer="wait=1")
    assert job["result"] is None
    assert server.send("GET", f"/jobs/{job['id']}", None, {"Prefer": "wait=1"}).content["state"] in (
        "queued",
        "running",
    )


def test_the_same_job_twice_gives_the_same_bits(server: Server, post: Post) -> None:
    """“the same job twice gives the same bits”"""
    content = {
        **QUICK,
        "method": {"name": "adam", "lr": 0.05},
        "starts": {"count": 3, "low": -1, "high": 1},
        "seed": 7,
        "record": {"variables": True},
    }
    first, second = (post(content, 200, Prefer="wait=30") for _ in range(2))
    assert first["id"] != second["id"]
    assert first["result"] == second["result"]
    assert _history(server, first["id"]) == _history(server, second["id"])
    other = post({**content, "seed": 8}, 200, Prefer="wait=30")
    assert other["result"]["starts"][0] == first["result"]["starts"][0]
    assert other["result"]["starts"][1] != first["result"]["starts"][1]


def test_the_same_key_and_body_are_the_same_job(server: Server, post: Post, unique: str) -> None:
    """“the same key and body give the same job, another body 409”"""
    first = post(QUICK, Idempotency_Key=unique)
    assert post(QUICK, Idempotency_Key=unique)["id"] == first["id"]
    assert post(dict(reversed(QUICK.items())), Idempotency_Key=unique)["id"] == first["id"]
    other = json.dumps({**QUICK, "seed": 1}).encode()
    server.send("POST", "/jobs", other, {**JSON, "Idempotency-Key": unique}).problem(409, "conflict")


@pytest.mark.parametrize("key", ["", "two words", "x" * 256, "é"])
def test_a_key_has_visible_characters(server: Server, key: str) -> None:
    """“422: invalid-request”"""
    body, headers = json.dumps(QUICK).encode(), {**JSON, "Idempotency-Key": key}
    server.send("POST", "/jobs", body, headers).problem(422, "invalid-request")


@pytest.mark.parametrize(
    ("content", "name", "places"),
    [
        ({}, "invalid-request", ["/expr", "/start"]),
        (
            {**QUICK, "start": {"w": "a"}, "method": "x", "seed": -1},
            "invalid-request",
            ["/method/name", "/seed", "/start/w"],
        ),
        ({**QUICK, "direction": ["up"]}, "invalid-request", ["/direction"]),
        ({**QUICK, "starts": [{"w": [0, 0]}]}, "invalid-request", ["/start"]),
        ({**QUICK, "expr": "sum(X @ w - y"}, "syntax-error", []),
        ({**QUICK, "expr": "sm(w)"}, "unknown-name", []),
        ({**QUICK, "expr": "X @ w - y"}, "not-scalar", []),
        ({**QUICK, "start": {"w": [0, 0, 0]}}, "shape-mismatch", []),
        ({**QUICK, "stop": {"max_steps": 10**15}}, "limit-exceeded", ["/stop/max_steps"]),
    ],
)
def test_what_is_wrong_is_told_at_once(server: Server, content: Any, name: str, places: list[str]) -> None:
    """“422”; “all faults at once, each with a JSON Pointer”"""
    problem = server.refused("/jobs", 422, name, **content)
    assert sorted(pointers(problem)) == places or not places


def test_bodies_that_are_no_json(server: Server) -> None:
    """“400: invalid-json”, “415: unsupported-media-type”"""
    server.send("POST", "/jobs", b"{", JSON).problem(400, "invalid-json")
    server.send("POST", "/jobs", b"", JSON).problem(400, "invalid-json")
    body = json.dumps(QUICK).encode()
    server.send("POST", "/jobs", body, {"content-type": "text/plain"}).problem(415, "unsupported-media-type")


def test_a_stored_function_is_an_objective(server: Server, post: Post, store: Callable[..., Any]) -> None:
    """“function (the id or name of a stored one)”"""
    function = store(QUICK["expr"], inputs={"w": {"shape": [2]}}, data=QUICK["data"])
    job = post(
        {"function": function["id"], **{k: QUICK[k] for k in ("start", "method", "stop")}}, 200, Prefer="wait=30"
    )
    assert job["result"]["value"] == post(QUICK, 200, Prefer="wait=30")["result"]["value"]
    server.refused("/jobs", 404, "not-found", function="nowhere", start={"w": [0, 0]}, method=SGD)


def test_what_is_maximised(post: Post) -> None:
    """“direction”, “bounds”"""
    content = {
        "expr": "2*x - x^2",
        "start": {"x": 0},
        "method": SGD,
        "direction": "maximize",
        "bounds": {"x": [None, 0.5]},
    }
    job = post(content, 200, Prefer="wait=30")
    assert (job["result"]["variables"], job["result"]["value"]) == ({"x": 0.5}, 0.75)
    assert job["result"]["stop_reason"] == "converged"


@pytest.mark.parametrize(
    ("stop", "reason"),
    [
        ({"target": 0.5}, "target"),
        ({"max_steps": 3}, "max-steps"),
        ({"relative_change": 0.5}, "converged"),
        ({"grad_norm": 0.1}, "converged"),
        ({"max_steps": 5_000_000, "max_seconds": 0.2, "grad_norm": 0, "target": -1}, "max-seconds"),
    ],
)
def test_why_a_run_ended(post: Post, stop: Any, reason: str) -> None:
    """“stop_reason”"""
    rate = 1e-9 if reason == "max-seconds" else 0.1
    content = {"expr": "x^2", "start": {"x": 1}, "method": {"name": "sgd", "lr": rate}, "stop": stop}
    assert post(content, 200, Prefer="wait=30")["result"]["stop_reason"] == reason


@pytest.mark.parametrize(("stop", "lr", "reason"), [({"patience": 2}, 2.0, "patience"), ({}, 1e200, "diverged")])
def test_runs_that_lead_nowhere(post: Post, stop: Any, lr: float, reason: str) -> None:
    """“stop_reason”: `patience`, `diverged`; the best point is told"""
    content = {"expr": "x^2", "start": {"x": 1}, "method": {"name": "sgd", "lr": lr}, "stop": stop}
    result = post(content, 200, Prefer="wait=30")["result"]
    assert (result["stop_reason"], result["value"], result["variables"]) == (reason, 1, {"x": 1})


def test_a_running_job_is_cancelled(server: Server, post: Post) -> None:
    """“`cancelled` is said only once the computation has stopped, with its last point and history”"""
    id = post(ENDLESS, 202)["id"]
    _until(server, id, lambda job: job["progress"]["rows"] > 0)
    answer = server.send("POST", f"/jobs/{id}/cancel", None, {"Prefer": "wait=30"})
    assert answer.status == 200, answer.text
    job = answer.content
    assert (job["state"], job["result"]["stop_reason"], job["error"]) == ("cancelled", "cancelled", None)
    history = _history(server, id)
    assert history["step"][-1] == job["result"]["steps"] == job["progress"]["step"]
    assert history["value"][-1] == job["result"]["last"]["value"]
    # “idempotent”
    again = server.send("POST", f"/jobs/{id}/cancel")
    assert (again.status, again.content) == (200, job)


def test_a_finished_job_is_not_cancelled(server: Server, finished: Any) -> None:
    """“idempotent”"""
    answer = server.send("POST", f"/jobs/{finished['id']}/cancel")
    assert (answer.status, answer.content) == (200, finished)


def test_only_a_finished_job_is_forgotten(server: Server, post: Post) -> None:
    """“DELETE /jobs/{id} forgets a finished one”"""
    path = f"/jobs/{post(ENDLESS, 202)['id']}"
    server.send("DELETE", path).problem(409, "conflict")
    assert server.send("POST", f"{path}/cancel", None, {"Prefer": "wait=30"}).status == 200
    gone = server.send("DELETE", path)
    assert (gone.status, gone.body) == (204, b"")
    for method, rest in (("GET", ""), ("DELETE", ""), ("POST", "/cancel"), ("GET", "/history"), ("GET", "/events")):
        server.send(method, path + rest).problem(410, "gone")
    assert path.rsplit("/", 1)[1] not in [job["id"] for job in server.get("/jobs?limit=100").content["jobs"]]


@pytest.mark.parametrize("id", ["job_nothing", "x", "job_%00", "job_%ED%A0%80", "job_" + "a" * 500, "%2e"])
def test_what_never_was(server: Server, id: str) -> None:
    """“404: not-found”"""
    for method, rest in (("GET", ""), ("DELETE", ""), ("POST", "/cancel"), ("GET", "/history"), ("GET", "/events")):
        server.send(method, f"/jobs/{id}{rest}").problem(404, "not-found")
    server.send("GET", f"/jobs/{id}", None, {"Prefer": "wait=1"}).problem(404, "not-found")


def test_pages_of_jobs(server: Server, post: Post) -> None:
    """“GET /jobs?state=&after=&limit=”"""
    ids = [post(QUICK, 200, Prefer="wait=30")["id"] for _ in range(3)]
    found, query = list[str](), "limit=1"
    while len(found) < 3:
        page = server.get(f"/jobs?state=succeeded&{query}").content
        assert len(page["jobs"]) == 1
        found += [job["id"] for job in page["jobs"]]
        query = f"limit=1&after={page['next']}"
    # Others may post at the same time.
    assert found == ids[::-1] or set(found) - set(ids)
    everything = server.get("/jobs?limit=100").content["jobs"]
    assert set(ids) <= {job["id"] for job in everything}
    assert {job["state"] for job in server.get("/jobs?state=succeeded").content["jobs"]} == {"succeeded"}
    assert not set(ids) & {job["id"] for job in server.get("/jobs?state=failed").content["jobs"]}


@pytest.mark.parametrize("query", ["state=done", "limit=0", "limit=101", "limit=x", "after=x", "after=-1"])
def test_queries_that_are_none(server: Server, query: str) -> None:
    """“422: invalid-request”"""
    server.get(f"/jobs?{query}").problem(422, "invalid-request")


@pytest.mark.parametrize("limit", [1, 7, 25, 26, 27])
def test_a_history_page_by_page(server: Server, finished: Any, limit: int) -> None:
    """“GET /jobs/{id}/history?after=N&limit=M”"""
    columns = _history(server, finished["id"], limit)
    assert columns == _history(server, finished["id"])
    assert columns["index"] == columns["step"] == list(range(26))
    assert columns["learning_rate"] == [None] + [0.01] * 25
    assert {"value", "grad_norm"} <= set(columns)
    assert min(columns["value"]) == finished["result"]["value"]


@pytest.mark.parametrize("query", ["after=-2", "after=x", "limit=0", "limit=10001", "after=1.5"])
def test_history_queries_that_are_none(server: Server, finished: Any, query: str) -> None:
    """“422: invalid-request”"""
    server.get(f"/jobs/{finished['id']}/history?{query}").problem(422, "invalid-request")


def test_the_history_in_other_forms(server: Server, finished: Any) -> None:
    """“Accept: application/x-ndjson streams rows; text/csv too”"""
    columns, path = _history(server, finished["id"]), f"/jobs/{finished['id']}/history"
    lines = server.send("GET", path, None, {"Accept": "application/x-ndjson"})
    assert lines.headers["content-type"].startswith("application/x-ndjson")
    rows = [json.loads(line) for line in lines.text.splitlines()]
    assert rows == [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]
    table = server.send("GET", path, None, {"Accept": "text/csv"})
    assert table.headers["content-type"].startswith("text/csv")
    read = list(csv.DictReader(io.StringIO(table.text, newline="")))
    assert [[float(row[name]) if row[name] else None for name in columns] for row in read] == [
        list(row.values()) for row in rows
    ]
    rest = server.send("GET", f"{path}?after=23", None, {"Accept": "application/x-ndjson"})
    assert [json.loads(line)["index"] for line in rest.text.splitlines()] == [24, 25]


def test_what_the_history_keeps(server: Server, post: Post) -> None:
    """“record: {every, grad_norm, variables} what the history keeps”"""
    record = {"every": 10, "grad_norm": False, "variables": True}
    job = post({**QUICK, "record": record}, 200, Prefer="wait=30")
    columns = server.get(f"/jobs/{job['id']}/history").content
    assert (columns["step"], columns["index"]) == ([0, 10, 20, 25], [0, 1, 2, 3])
    assert "grad_norm" not in columns
    assert columns["variables"]["w"][0] == [0, 0]
    assert columns["variables"]["w"][-1] == job["result"]["last"]["variables"]["w"]


def test_events_are_the_rows_and_the_states(server: Server, finished: Any) -> None:
    """“server-sent events `step` and `state`; ids are history indices; ends after a final `state`”"""
    answer = server.get(f"/jobs/{finished['id']}/events")
    assert answer.headers["content-type"].startswith("text/event-stream")
    *steps, (kind, _, job) = _events(answer)
    assert kind == "state"
    assert job["state"] == "succeeded"
    assert [(event, id) for event, id, _ in steps] == [("step", str(i)) for i in range(26)]
    columns = _history(server, finished["id"])
    assert [row for _, _, row in steps] == [
        dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)
    ]


@pytest.mark.parametrize("last", [0, 13, 24, 25, 26, 1000])
def test_events_are_resumed(server: Server, finished: Any, last: int) -> None:
    """“Last-Event-ID resumes without loss or repetition”"""
    path = f"/jobs/{finished['id']}/events"
    answer = server.send("GET", path, None, {"Last-Event-ID": str(last)})
    found = _events(answer)
    assert [id for event, id, _ in found if event == "step"] == [str(i) for i in range(last + 1, 26)]
    assert found[-1][0] == "state"
    assert server.get(f"{path}?after={last}").body == answer.body


@pytest.mark.parametrize("last", ["x", "-1", "1.5", "9" * 30])
def test_an_id_that_no_event_has(server: Server, finished: Any, last: str) -> None:
    """“422: invalid-request”"""
    path = f"/jobs/{finished['id']}/events"
    server.send("GET", path, None, {"Last-Event-ID": last}).problem(422, "invalid-request")


def test_a_job_is_followed_while_it_runs(server: Server, post: Post) -> None:
    """“ends after a final `state`”"""
    content = {**ENDLESS, "stop": {"max_steps": 20_000, "grad_norm": 0}, "record": {"every": 100}}
    job = post(content, 202)
    found = _events(server.get(f"/jobs/{job['id']}/events"))
    assert [int(id or -1) for event, id, _ in found if event == "step"] == list(range(201))
    assert found[-1][2]["state"] == "succeeded"
    states = [data["state"] for event, _, data in found if event == "state"]
    assert states in (["succeeded"], ["running", "succeeded"], ["queued", "running", "succeeded"])


@pytest.mark.parametrize("rest", ["", "/history", "/events"])
def test_head_of_a_job(server: Server, finished: Any, rest: str) -> None:
    """HEAD has the status of GET where it is taken, and Allow names it where it is not."""
    answer = server.send("HEAD", f"/jobs/{finished['id']}{rest}")
    assert answer.body == b""
    assert answer.status == 200 or "HEAD" not in answer.headers["allow"]


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("DELETE", "/jobs", {"GET", "POST"}),
        ("PUT", "/jobs", {"GET", "POST"}),
        ("OPTIONS", "/jobs", {"GET", "POST"}),
        ("POST", "/jobs/x", {"GET", "DELETE"}),
        ("OPTIONS", "/jobs/x", {"GET", "DELETE"}),
        ("GET", "/jobs/x/cancel", {"POST"}),
        ("POST", "/jobs/x/history", {"GET"}),
        ("DELETE", "/jobs/x/events", {"GET"}),
    ],
)
def test_other_methods(server: Server, method: str, path: str, allowed: set[str]) -> None:
    """“405: method-not-allowed”; Allow tells which are."""
    answer = server.send(method, path)
    answer.problem(405, "method-not-allowed")
    assert {name.strip() for name in answer.headers["allow"].split(",")} - {"HEAD"} == allowed


def test_arrays_are_packed_where_that_is_asked_for(server: Server, finished: Any) -> None:
    """“Answers are nested lists unless the request says base64”"""
    packed = server.get(f"/jobs/{finished['id']}?encoding=base64").content["result"]["variables"]["w"]
    assert (packed["dtype"], packed["shape"]) == ("float64", [2])
    server.get(f"/jobs/{finished['id']}?encoding=hex").problem(422, "invalid-request")


def test_the_examples_of_the_document_work(server: Server, post: Post) -> None:
    """“Every example must work as written against a running server”"""
    document = server.get("/openapi.json").content
    body = document["paths"]["/jobs"]["post"]["requestBody"]["content"]["application/json"]["schema"]
    examples = document["components"]["schemas"][body["$ref"].rsplit("/", 1)[1]]["examples"]
    assert examples
    for example in examples:
        assert post(example, 200, Prefer="wait=30")["state"] == "succeeded"
