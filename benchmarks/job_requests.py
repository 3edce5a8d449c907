"""Short jobs over HTTP: how long one takes from request to answer, and how many are done in a second."""

from __future__ import annotations

import json
import random
import threading
import time
from datetime import datetime
from http.client import HTTPConnection
from statistics import mean
from typing import Any

from benchmarks.timing import duration, quantile
from tests.service.live import Live

HEAD = ["request", "first", "p50", "p95", "p99", "longest"]
ROUNDS = 200
WARM = 5
JOBS = 500
CLIENTS = 4
JSON = {"content-type": "application/json"}
PHASES = ("compile and store", "until it is claimed", "run, with its end stored", "notice and answer")
_phases: dict[str, list[float]] = {phase: [] for phase in PHASES}


def latencies(server: Live) -> list[list[str]]:
    """Those of a job of 100 steps, and of the endpoint that does nothing."""
    connection = HTTPConnection("127.0.0.1", server.port, timeout=60)
    jobs, nothing, draw = [], [], random.Random(5)
    for number in range(ROUNDS + WARM):
        body = _job(draw, 100)
        sent, begun = time.time(), time.perf_counter()
        job = _exchange(connection, "POST", "/jobs", body, {**JSON, "prefer": "wait=10"}, 200)
        jobs.append(time.perf_counter() - begun)
        answered = time.time()
        if job["state"] != "succeeded" or job["progress"]["step"] != 100:
            raise RuntimeError(f"a job did not come to its end: {job}")
        if number >= WARM:
            # Times are cut to milliseconds, by half of one at the mean.
            stamps = [sent, *(_seconds(job[name]) + 5e-4 for name in ("created", "started", "finished")), answered]
            for phase, before, after in zip(PHASES, stamps, stamps[1:], strict=False):
                _phases[phase].append(after - before)
        begun = time.perf_counter()
        _exchange(connection, "GET", "/healthz", None, {}, 200)
        nothing.append(time.perf_counter() - begun)
    connection.close()
    return [_row("`POST /jobs`, 100 steps", jobs), _row("`GET /healthz`", nothing)]


def parts() -> list[str]:
    """Where the time of the jobs went, at the mean."""
    return [f"{phase} {duration(mean(seconds))}" for phase, seconds in _phases.items()]


def throughput(server: Live) -> str:
    """So many jobs, posted as fast as they are taken, and all of them done."""
    draws = [random.Random(i) for i in range(CLIENTS)]
    threads = [threading.Thread(target=_post, args=(server, draw, JOBS // CLIENTS)) for draw in draws]
    begun = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    posted = time.perf_counter() - begun
    for state in ("queued", "running"):
        while server.get(f"/jobs?limit=1&state={state}")[1]["jobs"]:
            time.sleep(0.05)
    done = time.perf_counter() - begun
    return f"{JOBS} posted in {posted:.2f} s, done after {done:.2f} s: {JOBS / done:.0f} per second"


def _post(server: Live, draw: random.Random, count: int) -> None:
    connection = HTTPConnection("127.0.0.1", server.port, timeout=60)
    for _ in range(count):
        _exchange(connection, "POST", "/jobs", _job(draw, 10), JSON, 202)
    connection.close()


def _job(draw: random.Random, steps: int) -> bytes:
    start = {"x": draw.uniform(-2, 2), "y": draw.uniform(-1, 3)}
    method = {"name": "adam", "lr": 0.01}
    asked = {"expr": "(1 - x)^2 + 100*(y - x^2)^2", "start": start, "method": method, "stop": {"max_steps": steps}}
    return json.dumps(asked).encode()


def _exchange(
    connection: HTTPConnection, method: str, path: str, body: bytes | None, headers: dict[str, str], status: int
) -> Any:
    connection.request(method, path, body, headers)
    response = connection.getresponse()
    raw = response.read()
    if response.status != status:
        raise RuntimeError(f"the server answered {response.status}: {raw[:500]!r}")
    return json.loads(raw)


def _row(title: str, seconds: list[float]) -> list[str]:
    first, warm = seconds[0], seconds[WARM:]
    return [title, *map(duration, (first, *(quantile(warm, p) for p in (0.5, 0.95, 0.99)), max(warm)))]


def _seconds(time: str) -> float:
    return datetime.fromisoformat(time).timestamp()
