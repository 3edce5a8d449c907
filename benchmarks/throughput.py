"""Requests per second of warm `POST /grad` over those of a do-nothing typed FastAPI endpoint on the same core.

Measured: one server process with one worker, pinned to one core, holds both (`throughput_server.py`).  The client, on
the other core, keeps eight connections busy with raw sockets.  The two endpoints take turns of 0.2 s, 60 times; the
median of the ratios counts.  Next to it stands the processor time of the server per request, which a busy neighbour
disturbs less.  The question is `x^2*sin(y)+exp(-x)` with `x` and `y` that change from request to request; the
do-nothing endpoint takes a body of the same form, validates it with pydantic, and returns a constant through
pydantic.

Expected beforehand: at least 1.5 times as many, with 2 as the goal.  A route of FastAPI spends about 200 µs in
routing, dependency solving, two rounds of validation and middleware, which the lean route of the service does
without; the gradient itself was expected to cost 15 µs, and reading and writing numbers as much.
"""

from __future__ import annotations

import select
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from statistics import median

from benchmarks.tables import table
from benchmarks.timing import pin, ratio

CONNECTIONS = 8
ROUNDS = 60
SECONDS = 0.2
BODIES = 256


def main() -> None:
    """Print the table."""
    command = [sys.executable, "-m", "benchmarks.throughput_server"]
    server = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    try:
        assert server.stdout is not None
        port = int(server.stdout.readline())
        pin(1)
        _print(server.pid, port)
    finally:
        server.send_signal(signal.SIGINT)
        server.wait(30)


def _print(pid: int, port: int) -> None:
    requests = {path: _requests(path) for path in ("/grad", "/nothing")}
    for path in requests:
        _load(port, requests[path], 1.0)
    rates: dict[str, list[float]] = {path: [] for path in requests}
    costs: dict[str, list[float]] = {path: [] for path in requests}
    for _ in range(ROUNDS):
        for path, messages in requests.items():
            before = _processor_seconds(pid)
            count, seconds = _load(port, messages, SECONDS)
            rates[path].append(count / seconds)
            costs[path].append((_processor_seconds(pid) - before) / count)
    rows = [
        [
            f"`POST {path}`",
            f"{median(rates[path]):,.0f}",
            f"{min(rates[path]):,.0f}",
            f"{max(rates[path]):,.0f}",
            f"{median(costs[path]) * 1e6:.0f} µs",
        ]
        for path in requests
    ]
    ratios = sorted(a / b for a, b in zip(rates["/grad"], rates["/nothing"], strict=True))
    rows.append(
        [
            "ratio",
            f"{median(ratios):.2f}",
            f"{ratios[0]:.2f}",
            f"{ratios[-1]:.2f}",
            f"{ratio(costs['/nothing'], costs['/grad']):.2f}",
        ]
    )
    print(table(["endpoint", "requests/s (median)", "least", "most", "processor time of the server"], rows))


def _requests(path: str) -> list[bytes]:
    made = []
    for i in range(BODIES):
        x, y = 1.0 + i / 97, 0.5 + i / 131
        body = f'{{"expr":"x^2*sin(y)+exp(-x)","at":{{"x":{x!r},"y":{y!r}}}}}'
        head = f"POST {path} HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n"
        made.append(f"{head}content-length: {len(body)}\r\n\r\n{body}".encode())
    return made


def _load(port: int, messages: list[bytes], seconds: float) -> tuple[int, float]:
    """How many requests were answered in how many seconds, with all connections busy."""
    sockets = {}
    poll = select.poll()
    for _ in range(CONNECTIONS):
        connection = socket.create_connection(("127.0.0.1", port))
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        sockets[connection.fileno()] = connection
        poll.register(connection, select.POLLIN)
    count = 0
    start = time.perf_counter()
    for connection in sockets.values():
        connection.sendall(messages[0])
    while (now := time.perf_counter()) - start < seconds:
        for number, _ in poll.poll(1000):
            _complete(sockets[number])
            count += 1
            sockets[number].sendall(messages[count % BODIES])
    for connection in sockets.values():
        _complete(connection)
        connection.close()
    return count, now - start


def _complete(connection: socket.socket) -> None:
    """Read one answer, which must be a success."""
    data = connection.recv(65_536)
    while True:
        head, end, body = data.partition(b"\r\n\r\n")
        if end and len(body) >= int(head.lower().partition(b"content-length: ")[2].split(b"\r", 1)[0]):
            break
        part = connection.recv(65_536)
        if not part:
            raise RuntimeError(f"the server closed the connection after {data!r}")
        data += part
    if not data.startswith(b"HTTP/1.1 200"):
        raise RuntimeError(f"the server answered {data!r}")


def _processor_seconds(pid: int) -> float:
    """What the process has used so far, in all threads; 0 where the system does not tell."""
    tasks = Path(f"/proc/{pid}/task")
    return (
        sum(int((task / "schedstat").read_text().split()[0]) for task in tasks.iterdir()) / 1e9
        if tasks.exists()
        else 0.0
    )


if __name__ == "__main__":
    main()
