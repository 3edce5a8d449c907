"""What a warm `/grad` costs next to a do-nothing typed endpoint of FastAPI in the same process.

    python -m tests.service.hot_route [rounds]

The server runs on the first core and the load on the last.  On a machine with other work the rates wander; the
processor time per request is what stays, so both are shown, and the ratio of the medians of the latter.
"""

from __future__ import annotations

import os
import selectors
import socket
import statistics
import subprocess
import sys
import time
from pathlib import Path

import uvicorn
from fastapi import FastAPI
from pydantic import BaseModel

from service.app import build, edged
from service.context import Context
from service.protocol import Protocol
from service.settings import Settings

PATHS = ("/grad", "/nothing", "/nothing-in-a-thread")
BODY = b'{"expr":"x^2*sin(y)+exp(-x)","at":{"x":3,"y":0.5}}'
CONNECTIONS = 8
SECONDS = 2.0


class Given(BaseModel):
    """The body of the do-nothing endpoint."""

    expr: str
    at: dict[str, float]


class Returned(BaseModel):
    """Its answer."""

    value: float
    grad: dict[str, float]
    warnings: list[str]


RETURNED = Returned(value=4.3, grad={"x": 2.8, "y": 7.9}, warnings=[])


def serve(port: int) -> None:
    """Serve the whole application, and the do-nothing endpoints in it, before all other routes."""
    context = Context.build(Settings())
    framework = build(context)
    idle = FastAPI()

    @idle.post("/nothing")
    async def nothing(given: Given) -> Returned:
        return RETURNED

    @idle.post("/nothing-in-a-thread")
    def nothing_in_a_thread(given: Given) -> Returned:
        return RETURNED

    framework.router.routes[:0] = [route for route in idle.routes if getattr(route, "path", "").startswith("/nothing")]
    app = edged(framework, context)
    uvicorn.run(app, port=port, http=Protocol, access_log=False, proxy_headers=False, log_config=None)


def load(path: str, port: int, seconds: float) -> int:
    """How many answers come in `seconds` over a few connections that each wait for the last answer."""
    request = (
        f"POST {path} HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: {len(BODY)}\r\n\r\n"
    ).encode() + BODY
    selector = selectors.DefaultSelector()
    for _ in range(CONNECTIONS):
        connection = socket.create_connection(("127.0.0.1", port))
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        selector.register(connection, selectors.EVENT_READ, [])
        connection.sendall(request)
    count, end = 0, time.perf_counter() + seconds
    while time.perf_counter() < end:
        for key, _ in selector.select(1):
            key.data.append(key.fileobj.recv(65536))  # type: ignore[union-attr]
            # Head and body may come apart; every answer here ends with a brace, and no head does.
            if key.data[-1].endswith(b"}"):
                assert key.data[0].startswith(b"HTTP/1.1 200"), key.data
                key.data.clear()
                count += 1
                key.fileobj.sendall(request)  # type: ignore[union-attr]
    for key in list(selector.get_map().values()):
        key.fileobj.close()  # type: ignore[union-attr]
    return count


def processor_microseconds(pid: int) -> float:
    """The processor time of a process so far, all its threads together; Linux only."""
    return sum(int(file.read_text().split()[0]) for file in Path(f"/proc/{pid}/task").glob("*/schedstat")) / 1e3


def main(rounds: int = 5) -> None:
    """Measure in turns and print."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "tests.service.hot_route", "--serve", str(port)]
    cores = sorted(os.sched_getaffinity(0))
    server = subprocess.Popen(command, stderr=subprocess.DEVNULL, preexec_fn=lambda: os.sched_setaffinity(0, cores[:1]))
    os.sched_setaffinity(0, cores[-1:])
    try:
        while socket.socket().connect_ex(("127.0.0.1", port)):
            time.sleep(0.1)
        rates: dict[str, list[float]] = {path: [] for path in PATHS}
        costs: dict[str, list[float]] = {path: [] for path in PATHS}
        for path in PATHS:
            load(path, port, 0.5)
        for _ in range(rounds):
            for path in PATHS:
                before = processor_microseconds(server.pid)
                count = load(path, port, SECONDS)
                rates[path].append(count / SECONDS)
                costs[path].append((processor_microseconds(server.pid) - before) / count)
    finally:
        server.terminate()
    for path in PATHS:
        rate, cost = statistics.median(rates[path]), statistics.median(costs[path])
        times = cost / statistics.median(costs["/grad"])
        print(f"{path:22} {rate:8.0f} requests/s  {cost:6.1f} µs of processor each  {times:5.2f} times /grad")


if __name__ == "__main__":
    if sys.argv[1:2] == ["--serve"]:
        serve(int(sys.argv[2]))
    else:
        main(*map(int, sys.argv[1:2]))
