"""Floods of heavy, hostile and broken requests, with light ones answered meanwhile.

Measured: a server as `adjoint serve` starts it, default settings, one worker.  One client sends a light question
(`x^2*sin(y)+exp(-x)`, warm) every 20 ms on a kept connection, first alone and then during each flood of 10 s; its
latencies, the statuses that the flood was answered, and the memory of the server, at its peak and 2 s after the
flood.

Expected beforehand: no 500, and every light question answered 200; its median below 5 ms, its 99th percentile below
100 ms while numpy works in threads, more while Python compiles long texts in threads, since they share the
interpreter with the event loop.  Memory bounded by threads × 2 GiB (`run_bytes`) and in fact far below, and given
back.
"""

from __future__ import annotations

import socket
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path

from benchmarks.tables import table
from benchmarks.timing import duration, quantile
from tests.service.live import Live, read_answer, request_bytes, serving

SECONDS = 10.0
EVERY = 0.02
LIGHT = request_bytes("/grad", {"expr": "x^2*sin(y)+exp(-x)", "at": {"x": 3, "y": 0.5}})
Make = Callable[[Iterator[int]], bytes]


def _ask(expr: str, **at: object) -> bytes:
    return request_bytes("/grad", {"expr": expr, "at": at})


def _heavy(numbers: Iterator[int]) -> bytes:
    return _ask(f"sum(inv(eye(1000)*({next(numbers)}+x) + ones((1000, 1000))))", x=3.0)


def _elements(numbers: Iterator[int]) -> bytes:
    return _ask(f"sum(sin(x*arange(3000000)) + {next(numbers)})", x=3.0)


def _texts(numbers: Iterator[int]) -> bytes:
    start = next(numbers) * 10_000
    return _ask("+".join(f"sin(x*{start + i})" for i in range(2500)), x=3.0)


def _arrays(numbers: Iterator[int]) -> bytes:
    return _ask("sum(x^2)", x=[next(numbers) + i / 7 for i in range(300_000)])


BOMBS = [
    _ask("9^9^9^9"),
    _ask("(" * 30_000 + "x" + ")" * 30_000, x=1),
    _ask("-" * 60_000 + "x", x=1),
    _ask("[" * 30_000 + "x" + "]" * 30_000, x=1),
    _ask("x" * 1_000_000 + "+1", x=1),
    _ask("sum(ones(10**9))"),
    _ask("sum(zeros((100000, 100000)) @ zeros((100000, 100000)))"),
    _ask("outer(arange(10**8), arange(10**8))"),
    _ask("sum(arange(10**30))"),
    _ask("x" + "**x" * 20_000, x=1.1),
    _ask("+".join(["x"] * 30_000), x=1.1),
    _ask("repeat(x, 10**12)", x=1.1),
    _ask("sum(tile(ones(1000), 10**7))"),
    _ask("matrix_power(eye(2), 10**18)[0,0]"),
    _ask("a." * 20_000 + "b"),
    _ask("1" * 60_000),
    _ask("x[" * 5_000 + "0" + "]" * 5_000, x=[1.0]),
    request_bytes("/grad", {"expr": "x", "at": {f"x{i}": 1 for i in range(100_000)}}),
    b"POST /grad HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: 1000000\r\n\r\n"
    + b"[" * 1_000_000,
    b"POST /grad HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: 99999999999\r\n\r\n",
    b"GET /" + b"a" * 200_000 + b" HTTP/1.1\r\n\r\n",
    b"\x16\x03\x01\x02\x00 not HTTP at all\r\n\r\n",
]


def _bombs(numbers: Iterator[int]) -> bytes:
    return BOMBS[next(numbers) % len(BOMBS)]


FLOODS: dict[str, tuple[Make | None, int]] = {
    "none": (None, 0),
    "inverses of 1000 × 1000, 16 clients": (_heavy, 16),
    "sines of 3,000,000 numbers, 16 clients": (_elements, 16),
    "new texts of 2,500 terms, 16 clients": (_texts, 16),
    "arrays of 300,000 numbers as JSON (6 MB), 16 clients": (_arrays, 16),
    "22 kinds of bombs, 16 clients": (_bombs, 16),
}


def main() -> None:
    """Print both tables."""
    rows, statuses = [], []
    with serving() as server:
        Light(server).ask(1.0)
        for title, (make, clients) in FLOODS.items():
            light = Light(server)
            flood = Flood(server, make, clients)
            latencies = light.ask(SECONDS)
            peak, answered = flood.end()
            time.sleep(2.0)
            rows.append(
                [
                    title,
                    f"{len(latencies)}",
                    *[duration(quantile(latencies, p)) for p in (0.5, 0.99, 1.0)],
                    f"{peak / 2**20:.0f} MiB",
                    f"{_memory(server.process.pid) / 2**20:.0f} MiB",
                ]
            )
            if make is not None:
                statuses.append(
                    [title, f"{sum(answered.values())}", ", ".join(f"{n} × {s}" for s, n in sorted(answered.items()))]
                )
        slow = _slow(server)
        rows.append(slow)
    head = ["flood", "light questions", "p50", "p99", "largest", "memory, peak", "2 s later"]
    print(table(head, rows), "\n")
    print("All light questions were answered 200.  What the floods were answered (0: the connection was closed):\n")
    print(table(["flood", "requests", "count × status"], statuses))


class Light:
    """A client with one light question every 20 ms."""

    def __init__(self, server: Live) -> None:
        self._connection = server.connect()

    def ask(self, seconds: float) -> list[float]:
        """The latencies; anything but 200 is an error."""
        latencies = []
        end = time.perf_counter() + seconds
        while (start := time.perf_counter()) < end:
            self._connection.sendall(LIGHT)
            status, data = read_answer(self._connection)
            latencies.append(time.perf_counter() - start)
            if status != 200:
                raise RuntimeError(f"a light question was answered {status}: {data!r}")
            time.sleep(max(0.0, EVERY - latencies[-1]))
        self._connection.close()
        return latencies


class Flood:
    """Clients that send one request after the other, each on a connection of its own, until `end`."""

    def __init__(self, server: Live, make: Make | None, clients: int) -> None:
        self._server, self._make, self._numbers = server, make, count()
        self._answered: Counter[int] = Counter()
        self._ended, self._peak, self._lock = False, 0, threading.Lock()
        self._threads = [threading.Thread(target=self._send, daemon=True) for _ in range(clients)]
        self._threads.append(threading.Thread(target=self._watch, daemon=True))
        for thread in self._threads:
            thread.start()

    def end(self) -> tuple[int, Counter[int]]:
        """The peak of the server's memory in bytes, and how many requests had which status."""
        self._ended = True
        for thread in self._threads:
            thread.join()
        return self._peak, self._answered

    def _send(self) -> None:
        assert self._make is not None
        while not self._ended:
            with self._lock:
                message = self._make(self._numbers)
            self._answered[status := self._exchange(message)] += 1
            if status == 503:
                time.sleep(0.05)

    def _exchange(self, message: bytes) -> int:
        try:
            with self._server.connect() as connection:
                connection.sendall(message)
                return read_answer(connection)[0]
        except OSError:
            return 0

    def _watch(self) -> None:
        while not self._ended:
            self._peak = max(self._peak, _memory(self._server.process.pid))
            time.sleep(0.02)


def _slow(server: Live) -> list[str]:
    """500 connections that send half a request and then nothing."""
    connections: list[socket.socket] = []
    for _ in range(500):
        connections.append(server.connect())
        connections[-1].sendall(LIGHT[:100])
    latencies = Light(server).ask(SECONDS)
    peak = _memory(server.process.pid)
    for connection in connections:
        connection.close()
    time.sleep(2.0)
    return [
        "500 connections with half a request",
        f"{len(latencies)}",
        *[duration(quantile(latencies, p)) for p in (0.5, 0.99, 1.0)],
        f"{peak / 2**20:.0f} MiB",
        f"{_memory(server.process.pid) / 2**20:.0f} MiB",
    ]


def _memory(pid: int) -> int:
    """The resident bytes of a process; 0 where the system does not tell."""
    status = Path(f"/proc/{pid}/statm")
    return int(status.read_text().split()[1]) * 4096 if status.exists() else 0


if __name__ == "__main__":
    main()
