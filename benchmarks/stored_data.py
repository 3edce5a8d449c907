"""Requests per second of `POST /grad` on a stored function with 10^6 numbers bound, over sending them every time.

Measured: one server process with one worker, pinned to one core, and one client on the other, which sends one request
after another and takes turns between the two ways, 15 times.  `a` has 10^6 numbers, and `x` is one number that changes
from request to request.  Sent along, `a` is packed (10.7 MB of base64), which is the quicker of the two forms.  The
computation, which both ways have, is told apart by the server's own account (`Server-Timing`, phase `run`).

Expected beforehand, for the function with the sine: computing takes about 25 ms, and to send, read and decode the data
as long again, so that the stored function answers about twice as many.  For the other one, after the first was seen to
spend 60 ms on the data and 6 without them: about seven times as many.
"""

from __future__ import annotations

import base64
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from http.client import HTTPConnection
from statistics import median
from typing import Any

import numpy as np

from benchmarks.tables import table
from benchmarks.timing import duration, pin

EXPRS = ("sum(a*sin(x*a))", "sum((a*x - 1)^2)")
NUMBERS = 1_000_000
ROUNDS = 15
JSON = {"content-type": "application/json"}


def main() -> None:
    """Print the table."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "benchmarks.throughput_server"]
        environment = {**os.environ, "ADJOINT_DATA_DIR": folder}
        server = subprocess.Popen(
            command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        )
        try:
            assert server.stdout is not None
            port = int(server.stdout.readline())
            pin(1)
            connection = HTTPConnection("127.0.0.1", port, timeout=60)
            rows = [row for expr in EXPRS for row in _measure(connection, expr)]
            print(table(["", "requests/s", "a request", "of which computing", "the rest"], rows))
        finally:
            server.send_signal(signal.SIGINT)
            server.wait(30)


def _measure(connection: HTTPConnection, expr: str) -> list[list[str]]:
    numbers = np.random.default_rng(0).uniform(-1, 1, NUMBERS)
    packed = {"dtype": "float64", "shape": [NUMBERS], "base64": base64.b64encode(numbers.tobytes()).decode()}
    function, _, _ = _post(connection, "/functions", {"expr": expr, "inputs": {"x": {}}, "data": {"a": packed}})

    def stored(x: float) -> dict[str, Any]:
        return {"function": function["id"], "at": {"x": x}}

    def sent(x: float) -> dict[str, Any]:
        return {"expr": expr, "at": {"x": x, "a": packed}, "wrt": "x"}

    ways = {f"`{expr}`, `a` bound": stored, f"`{expr}`, `a` sent": sent}
    answers = [_post(connection, "/grad", ask(1.0))[0] for ask in ways.values()]
    assert answers[0] == answers[1], "the two ways differ"
    seconds: dict[str, list[float]] = {way: [] for way in ways}
    inside: dict[str, list[float]] = {way: [] for way in ways}
    for number in range(ROUNDS):
        for way, ask in ways.items():
            _, taken, run = _post(connection, "/grad", ask(1.0 + number / 97))
            seconds[way].append(taken)
            inside[way].append(run)
    rows = [
        [
            way,
            f"{1 / median(seconds[way]):.1f}",
            duration(median(seconds[way])),
            duration(median(inside[way])),
            duration(median(t - r for t, r in zip(seconds[way], inside[way], strict=True))),
        ]
        for way in ways
    ]
    bound, along = seconds.values()
    ratios = sorted(b / a for a, b in zip(bound, along, strict=True))
    rows.append(["ratio", f"{median(ratios):.2f} ({ratios[0]:.2f} to {ratios[-1]:.2f})", "", "", ""])
    return rows


def _post(connection: HTTPConnection, path: str, content: Any) -> tuple[Any, float, float]:
    """The decoded answer to a request, the seconds that it took, and those that the server computed."""
    body = json.dumps(content).encode()
    begun = time.perf_counter()
    connection.request("POST", path, body, JSON)
    response = connection.getresponse()
    raw = response.read()
    taken = time.perf_counter() - begun
    if response.status not in (200, 201):
        raise RuntimeError(f"the server answered {response.status}: {raw[:500]!r}")
    run = re.search(r"run;dur=([\d.]+)", response.getheader("server-timing", ""))
    return json.loads(raw), taken, float(run[1]) / 1e3 if run else 0.0


if __name__ == "__main__":
    main()
