"""Servers on one store that are killed at random, with everything that they start.

Processes are found by the folder in their environment, so that nobody else's is ever touched and no orphan is missed.
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Literal

from tests.service.live import Live

ROOT = Path(__file__).parents[3]
AVAILABLE = Path("/proc/self/environ").exists()
"""Whether processes can be found by their environment."""
PATIENCE = 240.0
PAUSE = 0.02
LEASE = 1.0
Kind = Literal["worker", "server", "both", "terminate", "pause"]
KINDS: tuple[Kind, ...] = ("worker", "server", "pause", "both", "worker", "terminate", "pause")


def until(condition: Callable[[], bool], what: str, seconds: float = PATIENCE) -> None:
    """Ask again and again until `condition` holds."""
    end, pause = time.monotonic() + seconds, threading.Event()
    while not condition():
        assert time.monotonic() < end, f"waited {seconds} s in vain: {what}"
        pause.wait(PAUSE)


@dataclass(eq=False)
class Server:
    """A server process; `port` is None before it listens and once it was killed."""

    process: subprocess.Popen[str]
    port: int | None = None

    @property
    def live(self) -> Live:
        """The same, to ask."""
        return Live(self.process, self.port or 0, "")


class Cluster:
    """Servers that share a data folder; `settings` are environment variables of all of them."""

    def __init__(self, folder: Path, **settings: str) -> None:
        self.folder = folder
        self.data, self.temporary, self.log = folder / "data", folder / "temporary", folder / "log"
        self.temporary.mkdir()
        self.servers: list[Server] = []
        self.environment = {
            **os.environ,
            "ADJOINT_DATA_DIR": str(self.data),
            "ADJOINT_JOB_WORKERS": "1",
            "ADJOINT_JOB_LEASE_SECONDS": str(LEASE),
            "ADJOINT_JOB_POLL_SECONDS": "0.1",
            # The driver hits the same job more often than any accident would.
            "ADJOINT_JOB_ATTEMPTS": "30",
            "ADJOINT_LOG_FORMAT": "json",
            "ADJOINT_LOG_LEVEL": "warning",
            "TMPDIR": str(self.temporary),
            **settings,
        }
        self._mark = f"ADJOINT_DATA_DIR={self.data}\0".encode()

    def start(self) -> Server:
        """One more server, which listens."""
        with self.log.open("a") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", "service.cli", "serve", "--port", "0"],
                cwd=ROOT,
                env=self.environment,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
            )
        server = Server(process)
        self.servers.append(server)
        assert process.stdout is not None
        lines = [process.stdout.readline() for _ in range(4)]
        found = re.search(r"http://127\.0\.0\.1:(\d+)", lines[0])
        assert found is not None, f"the server did not start: {lines}"
        server.port = int(found[1])
        return server

    @property
    def ports(self) -> list[int]:
        """Where servers listen."""
        return [server.port for server in self.servers if server.port is not None]

    def end(self, server: Server, number: signal.Signals) -> int:
        """End a server by a signal; its exit code."""
        server.port = None
        server.process.send_signal(number)
        try:
            return server.process.wait(PATIENCE)
        finally:
            self.servers.remove(server)
            if server.process.stdout is not None:
                server.process.stdout.close()

    def processes(self) -> list[int]:
        """All processes that belong here, orphans included."""
        return [number for number in _numbers() if self._mark in _read(number, "environ") + b"\0"]

    def workers(self, server: Server) -> list[int]:
        """The processes of a server that run its jobs."""
        own = [number for number in self.processes() if b"multiprocessing.spawn" in _read(number, "cmdline")]
        parents = {number: _parent(number) for number in own}
        return [number for number in own if server.process.pid in (parents[number], parents.get(parents[number], 0))]

    def kill_all(self) -> None:
        """Kill whatever is left, so that nothing survives a test that fails."""
        for number in self.processes():
            with suppress(ProcessLookupError):
                os.kill(number, signal.SIGKILL)
        for server in list(self.servers):
            server.process.wait(PATIENCE)
            self.servers.remove(server)
            if server.process.stdout is not None:
                server.process.stdout.close()

    def logged(self) -> str:
        """What the servers have said that was more than news."""
        return self.log.read_text("utf-8") if self.log.exists() else ""


@dataclass
class Driver:
    """Kills servers and what they start, and starts others, until it is told that it is `over`.

    `busy` says whether a server runs a job: it strikes while one does, mostly.  `hit` is told before it strikes.
    `faults` are servers that did not end as they were asked to.
    """

    cluster: Cluster
    random: Random
    waits: tuple[float, float] = (0.1, 0.6)
    busy: Callable[[Server], bool] = lambda _: True
    hit: Callable[[Kind, Server], None] = lambda *_: None
    over: threading.Event = field(default_factory=threading.Event)
    done: Counter[Kind] = field(default_factory=Counter)
    faults: list[str] = field(default_factory=list)
    _starting: list[threading.Thread] = field(default_factory=list)

    def run(self) -> None:
        """Do one thing after another at random times, all kinds before any comes again."""
        try:
            while not self.over.is_set():
                for kind in self.random.sample(KINDS, len(KINDS)):
                    server = self._aim()
                    if server is None:
                        break
                    self.hit(kind, server)
                    self._do(kind, server)
                    self.done[kind] += 1
        except Exception as error:
            self.faults.append(f"the driver failed: {error!r}")
        finally:
            for thread in self._starting:
                thread.join(PATIENCE)

    def _aim(self) -> Server | None:
        """The server that is hit next, at the time when it is; None when it is over."""
        if self.over.wait(self.random.uniform(*self.waits)):
            return None
        soon = time.monotonic() + 10
        while not (found := [s for s in self.cluster.servers if s.port and (self.busy(s) or time.monotonic() > soon)]):
            if self.over.wait(PAUSE):
                return None
        return None if self.over.wait(self.random.uniform(0, 0.03)) else self.random.choice(found)

    def _do(self, kind: Kind, server: Server) -> None:
        workers = self.cluster.workers(server)
        worker = self.random.choice(workers) if workers else None
        match kind:
            case "worker":
                _send(worker, signal.SIGKILL)
            case "server" | "both":
                if kind == "both":
                    _send(worker, signal.SIGKILL)
                self.cluster.end(server, signal.SIGKILL)
                self._start()
            case "terminate":
                code = self.cluster.end(server, signal.SIGTERM)
                if code != 0:
                    self.faults.append(f"a server that was asked to end ended with {code}")
                self._start()
            case "pause":
                # Longer than its lease: when it wakes up, the job is somebody else's.
                _send(worker, signal.SIGSTOP)
                self.over.wait(LEASE * self.random.uniform(1.2, 2))
                _send(worker, signal.SIGCONT)

    def _start(self) -> None:
        """Have another server started, while this goes on."""
        thread = threading.Thread(target=self._started, daemon=True)
        self._starting.append(thread)
        thread.start()

    def _started(self) -> None:
        try:
            self.cluster.start()
        except Exception as error:
            self.faults.append(f"a server was not started: {error!r}")


def _send(process: int | None, number: signal.Signals) -> None:
    with suppress(ProcessLookupError):
        if process is not None:
            os.kill(process, number)


def _numbers() -> list[int]:
    return [int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit()]


def _read(number: int, name: str) -> bytes:
    """A file about a process; empty when it is gone, or somebody else's."""
    try:
        return Path(f"/proc/{number}/{name}").read_bytes()
    except OSError:
        return b""


def _parent(number: int) -> int:
    fields = _read(number, "stat").rpartition(b")")[2].split()
    return int(fields[1]) if fields else 0
