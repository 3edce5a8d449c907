"""Many connections that watch one job, and somebody who asks a light question meanwhile."""

from __future__ import annotations

import json
import re
import selectors
import socket
import subprocess
import sys
import time
from pathlib import Path

from benchmarks.timing import duration, quantile
from tests.service.live import Live, read_answer, request_bytes

HEAD = ["", "events/s in all", "all have all after", "processor of the server", "light `/grad` p50", "p99", "most"]
WATCHERS = 200
ROWS = 10_000
EVERY = 0.02
ALONE = 5.0
LIGHT = request_bytes("/grad", {"expr": "x^2*sin(y)+exp(-x)", "at": {"x": 3, "y": 0.5}})
JOB = {
    "expr": "sum(softplus(-(A @ x))) + sum(x^2)",
    "start": {"x": [0.0] * 20},
    "data": {"A": [[((7 * i + 3 * j * j) % 19 - 9) / 9 for j in range(20)] for i in range(4000)]},
    "method": {"name": "adam", "lr": 1e-6},
    "stop": {"max_steps": ROWS - 1, "grad_norm": 0},
}
_ID = re.compile(rb"\nid: (\d+)\n")


def rows(server: Live) -> list[list[str]]:
    """Nobody watches; watching a job that runs; watching it once more when it has ended."""
    alone = _Light(server)
    time.sleep(ALONE)
    table = [["nobody watches", "", "", "", *alone.ended()]]
    status, job = server.post("/jobs", JOB)
    if status != 202:
        raise RuntimeError(f"the server answered {status}: {job}")
    for title in ("a job that runs", "one that has ended"):
        light, used = _Light(server), _processor_seconds(server.process.pid)
        seconds, count = _watch(server, job["links"]["events"])
        used = _processor_seconds(server.process.pid) - used
        table.append([title, f"{count / seconds:,.0f}", f"{seconds:.1f} s", f"{used:.1f} s", *light.ended()])
    return table


def _watch(server: Live, path: str) -> tuple[float, int]:
    """The seconds until all watchers had everything, and the number of events; each has to have each row once."""
    selector = selectors.DefaultSelector()
    received: dict[socket.socket, list[bytes]] = {}
    begun = time.perf_counter()
    for _ in range(WATCHERS):
        connection = server.connect()
        connection.sendall(f"GET {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n".encode())
        received[connection] = []
        selector.register(connection, selectors.EVENT_READ)
    left = WATCHERS
    while left:
        for key, _ in selector.select():
            connection = key.fileobj
            assert isinstance(connection, socket.socket)
            part = connection.recv(1 << 18)
            received[connection].append(part)
            if not part:
                selector.unregister(connection)
                left -= 1
    taken = time.perf_counter() - begun
    count = 0
    for connection, parts in received.items():
        connection.close()
        events = _dechunked(b"".join(parts))
        if [int(id) for id in _ID.findall(events)] != list(range(ROWS)):
            raise RuntimeError("a watcher did not get each row once, in order")
        if b'"succeeded"' not in events.rpartition(b"event: state")[2]:
            raise RuntimeError("a watcher was not told of the end")
        count += events.count(b"event: ")
    return taken, count


def _dechunked(answer: bytes) -> bytes:
    head, _, rest = answer.partition(b"\r\n\r\n")
    if b"chunked" not in head.lower():
        return rest
    parts, place = [], 0
    while True:
        end = rest.index(b"\r\n", place)
        size = int(rest[place:end], 16)
        if not size:
            return b"".join(parts)
        parts.append(rest[end + 2 : end + 2 + size])
        place = end + 4 + size


class _Light:
    """A process with one light question every 20 ms until it is ended."""

    def __init__(self, server: Live) -> None:
        command = [sys.executable, "-m", "benchmarks.job_watchers", str(server.port)]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert self._process.stdout is not None
        self._process.stdout.readline()

    def ended(self) -> list[str]:
        """Quantiles of its latencies."""
        out, _ = self._process.communicate("\n")
        latencies = json.loads(out)
        return [duration(quantile(latencies, p)) for p in (0.5, 0.99, 1.0)]


def _ask(port: int) -> None:
    """Ask until a line comes in; then print the latencies."""
    latencies: list[float] = []
    ended = selectors.DefaultSelector()
    ended.register(sys.stdin, selectors.EVENT_READ)
    with socket.create_connection(("127.0.0.1", port)) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        print("begun", flush=True)
        while not ended.select(max(0.0, EVERY - (latencies[-1] if latencies else 0.0))):
            begun = time.perf_counter()
            connection.sendall(LIGHT)
            status, answer = read_answer(connection)
            latencies.append(time.perf_counter() - begun)
            if status != 200:
                raise RuntimeError(f"a light question was answered {status}: {answer!r}")
    print(json.dumps(latencies))


def _processor_seconds(pid: int) -> float:
    """What the process has used so far, in all threads; 0 where the system does not tell."""
    tasks = Path(f"/proc/{pid}/task")
    if not tasks.exists():
        return 0.0
    return sum(int((task / "schedstat").read_text().split()[0]) for task in tasks.iterdir()) / 1e9


if __name__ == "__main__":
    _ask(int(sys.argv[1]))
