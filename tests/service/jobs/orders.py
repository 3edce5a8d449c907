"""Jobs for servers that are killed at random: what is posted, and what has to come of it whatever happens."""

from __future__ import annotations

import itertools
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from random import Random
from typing import Any

from engine.engine import Engine
from engine.limits import Budget
from service.jobs.accept import accept
from service.jobs.request import read_job
from service.jobs.results import result_of, with_points
from service.serialise import json_bytes
from service.settings import Settings

Content = dict[str, Any]
CHAIN = "sum(100*(x[1:] - x[:-1]^2)^2 + (1 - x[:-1])^2)"
ENDLESS = 1_000_000
"""Steps of a job that is going to be cancelled."""
FINAL = {"Succeeded": "succeeded", "Failed": "failed", "Cancelled": "cancelled"}
"""The entries of a story that tell a final state."""
TAKEN_OVER = "nothing was heard of the worker"


@dataclass(frozen=True, slots=True)
class Order:
    """One job to post.  `aborted`: the client leaves before the answer the first time, and posts it again."""

    body: Content
    key: str | None = None
    cancelled: bool = False
    watched: bool = False
    aborted: bool = False

    @property
    def exact(self) -> bool:
        """Whether interruptions leave no trace in its numbers."""
        return self.body["method"] != "lbfgs" and not self.cancelled


def orders(random: Random, count: int, different: int = 20, longest: int = 5000) -> list[Order]:
    """`count` orders with `different` bodies that run to their end, and one in 25 that is cancelled."""
    bodies = [_body(random, i, longest) for i in range(different)]
    made = []
    for i in range(count):
        key = f"order-{random.getrandbits(64):x}" if i % 3 == 0 else None
        if i % 25 == 7:
            body = _body(random, i % 4, longest) | {"stop": {"max_steps": ENDLESS, "grad_norm": 0}}
            made.append(Order(body | {"record": {"every": 23}}, key, cancelled=True))
        else:
            made.append(Order(bodies[i % different], key, watched=i % 20 == 1, aborted=i % 6 == 0))
    return made


def _body(random: Random, kind: int, longest: int) -> Content:
    """A body of one of ten kinds, from a start and with a length of its own."""
    start = {"x": [round(random.uniform(-1, 1), 6) for _ in range(8)]}
    steps = random.choice((longest // 8, longest // 6, longest // 4, longest // 2, longest))
    long = {"expr": CHAIN, "start": start, "stop": {"max_steps": steps, "grad_norm": 0}}
    match kind % 10:
        case 0:
            return long | {"method": {"name": "sgd", "lr": 1e-4}, "record": {"every": 7}}
        case 1:
            return long | {"method": {"name": "adam", "lr": 0.002}}
        case 2:
            return long | {"method": {"name": "momentum", "lr": 1e-5, "momentum": 0.9}, "record": {"every": 10}}
        case 3:
            return long | {"method": {"name": "lion", "lr": 1e-4}}
        case 4:
            return long | {"method": {"name": "nadam", "lr": 0.01}, "schedule": {"name": "reduce-on-plateau"}}
        case 5:
            return long | {"expr": f"-({CHAIN})", "direction": "maximize", "method": {"name": "adam", "lr": 0.001}}
        case 6:
            starts = {"starts": {"count": 3, "low": -1, "high": 1, "seed": kind}, "record": {"every": 3}}
            return long | starts | {"method": {"name": "adam", "lr": 0.003}}
        case 7:
            starts = {"starts": {"count": 4, "low": -1, "high": 1, "seed": kind}, "stop": {"max_steps": steps // 2}}
            return long | starts | {"method": {"name": "momentum", "lr": 1e-4, "momentum": 0.8}}
        case 8:
            # More steps are allowed than it needs: it ends by itself.
            kept = {"record": {"every": 5, "variables": True}, "stop": {"max_steps": 100_000, "grad_norm": 1e-3}}
            return long | kept | {"expr": "sum((x - 2)^2*arange(1, 9))", "method": {"name": "sgd", "lr": 1e-4}}
        case _:
            wide = {"x": [round(random.uniform(0.5, 1.5), 6) for _ in range(400)]}
            return long | {"start": wide, "method": "lbfgs", "stop": {"max_steps": 10_000}}


@dataclass(frozen=True, slots=True)
class Calm:
    """What an undisturbed run of a body comes to: the columns of its history and its result, as they are answered."""

    history: Content
    result: Content


class Expected:
    """Undisturbed runs in this process, one for each body."""

    def __init__(self) -> None:
        self._settings = Settings()
        self._engine = Engine(self._settings.limits(), 64)
        self._known: dict[str, Calm] = {}

    def of(self, body: Content) -> Calm:
        """The undisturbed run of a body."""
        text = json.dumps(body)
        if text not in self._known:
            self._known[text] = self._run(body)
        return self._known[text]

    def _run(self, body: Content) -> Calm:
        budget = Budget.starting_now(600)
        posted = read_job(body, self._settings, self._engine.limits, None)
        task, _, _ = accept(posted, self._engine, budget)
        run, _ = task.run(self._engine, budget)
        rows = [
            row
            for step in run.steps()
            for row in step
            if row.step % task.every == 0 or run.tracks[row.start].reason is not None
        ]
        columns: Content = {
            "index": list(range(len(rows))),
            "start": [row.start for row in rows],
            "step": [row.step for row in rows],
            "value": [row.value for row in rows],
            "grad_norm": [row.grad_norm for row in rows],
            "learning_rate": [None if math.isnan(row.rate) else row.rate for row in rows],
        }
        if task.keep:
            columns["variables"] = {"x": [row.x.tolist() for row in rows]}
        result, points = result_of(task, task.outcome(run.to_json()))
        return Calm(json.loads(json_bytes(columns)), json.loads(json_bytes(with_points(result, points, "json"))))


def faults(order: Order, job: Content, history: Content, expected: Expected) -> list[str]:
    """What is wrong with a job that has ended."""
    found = _story_faults(order, job) + _history_faults(job, history)
    if order.exact:
        calm = expected.of(order.body)
        columns = {name: column for name, column in calm.history.items() if name in history}
        found += [f"other {name}s than undisturbed" for name in columns if history[name] != columns[name]]
        result = {name: value for name, value in (job["result"] or {}).items() if name != "warnings"}
        found += [f"other {name} than undisturbed" for name in result if result[name] != calm.result[name]]
    elif not order.cancelled and job["state"] == "succeeded":
        found += _anew_faults(job)
    return found


def _story_faults(order: Order, job: Content) -> list[str]:
    events = [entry["event"] for entry in job["story"]]
    final = [event for event in events if event in FINAL]
    right = "cancelled" if order.cancelled else "succeeded"
    found = [] if job["state"] == right else [f"it is {job['state']} and not {right}: {job['error']}"]
    if [FINAL[event] for event in final] != [job["state"]] or events[-1] not in FINAL:
        found.append(f"the story does not have one end: {events}")
    if events[0] != "Posted" or (len(events) < 50 and events.count("Claimed") != job["attempts"]):
        found.append(f"the story does not tell of {job['attempts']} attempts: {events}")
    if order.cancelled and job["result"] is not None and job["result"]["stop_reason"] != "cancelled":
        found.append(f"it was cancelled, and its end is {job['result']['stop_reason']}")
    return found


def _history_faults(job: Content, history: Content) -> list[str]:
    """Faults of any history: gaps, repetitions, an end that is not the end of the run."""
    found, result = [], job["result"]
    if history["index"] != list(range(job["progress"]["rows"])):
        found.append(f"{job['progress']['rows']} rows are told, and there are {len(history['index'])}, or not in order")
    starts = history.get("start", [0] * len(history["index"]))
    for start in set(starts):
        steps = [step for step, own in zip(history["step"], starts, strict=True) if own == start]
        if any(later <= step for step, later in itertools.pairwise(steps)):
            found.append(f"the steps of start {start} do not grow")
        ended = result and (result["starts"][start] if "starts" in result else result)
        if ended and ended["last"] is not None and steps[-1] != ended["last"]["step"]:
            found.append(f"the last row of start {start} is of step {steps[-1]}, its end of {ended['last']['step']}")
    if result is None:
        found.append("there is no result")
    elif result["last"] is None and job["progress"]["rows"]:
        found.append("there are rows and no last point")
    return found


def _anew_faults(job: Content) -> list[str]:
    """Faults of a run that begins anew at its last point when it is interrupted, and tells so."""
    result, found = job["result"], []
    if result["stop_reason"] != "converged" or result["grad_norm"] > 1e-2:
        found.append(f"it has not converged: {result['stop_reason']}, |gradient| = {result['grad_norm']}")
    restarts: Sequence[int] = result["restarts"]
    if list(restarts) != sorted(restarts) or len(restarts) >= max(1, job["attempts"]):
        found.append(f"restarts {restarts} in {job['attempts']} attempts")
    return found


def row_faults(rows: Sequence[Mapping[str, Any]], history: Content) -> list[str]:
    """What is wrong with the rows that somebody watched, each as it was sent."""
    found = []
    if [row["index"] for row in rows] != history["index"]:
        found.append(f"{len(rows)} rows were watched of {len(history['index'])}, or not in order")
    for name in ("step", "value", "grad_norm", "learning_rate"):
        if [row[name] for row in rows] != history[name]:
            found.append(f"other {name}s were watched than are told")
    return found
