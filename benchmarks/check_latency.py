"""The time of `POST /check` with all witnesses, over HTTP, warm, on an expression of ten operations.

Measured: one server process with one worker and its processes for the witnesses, started for it; one client sends
one request after another on one connection, at another point every time.  Four kinds take turns: a right claim, a wrong
sign (with its diagnosis), a gradient off at random (for which nothing is found after everything was tried), and no
claim, where the service checks itself.  The first request of each kind is told apart; the very first one compiles in
three processes.  In every answer all three witnesses have to have spoken.  Nothing is pinned to a core: the witnesses
are meant to have the others.

Expected beforehand: the precise witness evaluates the function some dozens of times with 100 digits and more, at 10 µs
an operation, and the gradient at up to three precisions, 15 ms in all; the symbolic one evaluates with 50 digits what
it derived before, 5 ms; the engine 1 ms; a diagnosis 10 ms.  So p50 of 25 ms without and 35 ms with a diagnosis; the
goal is 60 ms.
"""

from __future__ import annotations

import json
import os
import random
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from http.client import HTTPConnection
from typing import Any

from benchmarks.tables import table
from benchmarks.timing import duration, quantile

EXPR = "x^2*sin(y) + exp(-x*z)/(1 + y^2) + log(x)*z"
ROUNDS = 150
JSON = {"content-type": "application/json"}
Grad = dict[str, float]


def main() -> None:
    """Print the table."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "service.cli", "serve", "--port", "0"]
        environment = {**os.environ, "ADJOINT_DATA_DIR": folder}
        server = subprocess.Popen(
            command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        )
        try:
            assert server.stdout is not None
            found = re.search(r"http://127\.0\.0\.1:(\d+)", server.stdout.readline())
            assert found is not None, "the server did not start"
            connection = HTTPConnection("127.0.0.1", int(found[1]), timeout=60)
            print(f"`{EXPR}`\n")
            print(table(["claim", "first", "p50", "p95", "longest"], _measure(connection)))
        finally:
            server.send_signal(signal.SIGINT)
            server.wait(30)


def _measure(connection: HTTPConnection) -> list[list[str]]:
    draw = random.Random(7)
    kinds: dict[str, Callable[[Grad], Grad | None]] = {
        "right": lambda grad: grad,
        "one wrong sign": lambda grad: grad | {"y": -grad["y"]},
        "off at random": lambda grad: {name: slope * draw.uniform(0.5, 1.5) for name, slope in grad.items()},
        "none": lambda grad: None,
    }
    verdicts = {"right": "correct", "one wrong sign": "incorrect", "off at random": "incorrect", "none": "correct"}
    times: dict[str, list[float]] = {kind: [] for kind in kinds}
    for _ in range(ROUNDS + 1):
        for kind, claim in kinds.items():
            at = {"x": draw.uniform(0.5, 2), "y": draw.uniform(-1, 1), "z": draw.uniform(-2, 2)}
            grad, _ = _post(connection, "/grad", {"expr": EXPR, "at": at})
            claimed = claim(grad["grad"])
            body = {"expr": EXPR, "at": at} | ({} if claimed is None else {"claimed": {"grad": claimed}})
            report, seconds = _post(connection, "/check", body)
            assert report["verdict"] == verdicts[kind], report
            assert all(witness["status"] == "agree" for witness in report["witnesses"].values()), report
            assert (kind == "one wrong sign") == bool(report["diagnosis"]), report
            times[kind].append(seconds)
    rows = []
    for kind, (first, *warm) in times.items():
        rows.append([kind, *map(duration, (first, quantile(warm, 0.5), quantile(warm, 0.95), max(warm)))])
    return rows


def _post(connection: HTTPConnection, path: str, content: Any) -> tuple[Any, float]:
    """The decoded answer to a request, and the seconds that it took."""
    body = json.dumps(content).encode()
    begun = time.perf_counter()
    connection.request("POST", path, body, JSON)
    response = connection.getresponse()
    raw = response.read()
    taken = time.perf_counter() - begun
    if response.status != 200:
        raise RuntimeError(f"the server answered {response.status}: {raw[:500]!r}")
    return json.loads(raw), taken


if __name__ == "__main__":
    main()
