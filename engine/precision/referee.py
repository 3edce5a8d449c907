"""A pool of processes for the witnesses: started when they are needed, killed when they are late or nobody waits
for them, and replaced."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
import weakref
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from types import TracebackType
from typing import Any

from engine.errors import BudgetExceeded, EngineError, Limit
from engine.limits import Budget, Limits
from engine.precision import wire
from engine.precision.examine import Examination
from engine.precision.resolved import Resolved
from engine.question import Array, Ask, Question
from engine.verify.ziv import Settled

NO_TIME = "No time was left for high precision."
GRACE = 0.3
"""Seconds beyond its deadline that a process has to notice it, before it is killed."""
LOOK = 0.1
"""Seconds between two looks at whether somebody still waits for the answer."""
START_SECONDS = 20.0
"""What a fresh process may take for its imports, until it says that it is ready."""


class Refused(EngineError):
    """A witness that has nothing to say, and why."""


class Process:
    """One process that answers requests one after another."""

    def __init__(self, limits: Limits) -> None:
        root = str(Path(__file__).resolve().parents[2])
        path = os.pathsep.join(filter(None, (root, os.environ.get("PYTHONPATH"))))
        self._child = subprocess.Popen(
            [sys.executable, "-m", "engine.precision.worker", json.dumps(asdict(limits))],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={**os.environ, "PYTHONPATH": path, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"},
        )
        self._ready = False

    def ask(self, request: Mapping[str, Any], budget: Budget) -> dict[str, Any] | None:
        """The answer; None when the process died, or was killed at the end of its time or for want of a client."""
        seconds = budget.left
        if not self._ready:
            # Its imports are over when it says so; until then the time of the question does not run.
            self._ready = self._line(START_SECONDS) is not None
        content = json.dumps({**request, "seconds": seconds}).encode() + b"\n"
        line = self._line(seconds + GRACE, content, budget) if self._ready else None
        return None if line is None else json.loads(line)

    def _line(self, seconds: float, request: bytes = b"", budget: Budget | None = None) -> bytes | None:
        """The next line that it writes, after it was sent `request`; None if it is dead or had to be killed."""
        assert self._child.stdin is not None
        assert self._child.stdout is not None
        done = threading.Event()
        threading.Thread(target=self._watch, args=(done, seconds, budget), daemon=True).start()
        try:
            if request:
                self._child.stdin.write(request)
                self._child.stdin.flush()
            line = self._child.stdout.readline()
        except (OSError, ValueError):
            # The pipe is broken, or was closed by `end` in another thread.
            return None
        finally:
            done.set()
        return line if line.endswith(b"\n") else None

    def _watch(self, done: threading.Event, seconds: float, budget: Budget | None) -> None:
        """Kill it unless it is done in time, or when nobody waits for it any more."""
        end = time.perf_counter() + seconds
        while not done.wait(min(LOOK, max(0.0, end - time.perf_counter()))):
            if time.perf_counter() >= end or (budget is not None and budget.cancelled):
                self._child.kill()
                return

    @property
    def alive(self) -> bool:
        """Whether it can be asked again."""
        return self._child.poll() is None

    def end(self) -> None:
        """Kill it and wait until it is gone; from any thread, and any number of times."""
        self._child.kill()
        self._child.wait()
        for pipe in (self._child.stdin, self._child.stdout):
            # What was not sent any more has nowhere to go.
            with suppress(OSError):
                if pipe is not None:
                    pipe.close()


class Referee:
    """Asks the witnesses, each in a process of its own.  Thread-safe; `close` ends the processes.

    At most `most` questions are asked at a time; more wait.
    """

    def __init__(self, limits: Limits | None = None, most: int = 2) -> None:
        self._limits = limits or Limits()
        self._free = threading.Semaphore(most)
        self._lock = threading.Lock()
        self._idle: list[Process] = []
        self._all: set[Process] = set()
        # Also when it is dropped without having been closed, no process is left.
        self._finalizer = weakref.finalize(self, _end_all, self._all)
        self._closed = False
        self.killed = 0

    def __enter__(self) -> Referee:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def resolve(self, question: Question, ask: Ask, budget: Budget, needed: Sequence[Array] | None = None) -> Resolved:
        """The answer in as many digits as it takes; see `engine.precision.resolve`."""
        masks = None if needed is None else wire.list_to(needed)
        content = {"task": "resolve", "question": wire.question_to(question), "ask": ask, "needed": masks}
        return wire.resolved_from(self._ask(content, budget))

    def examine(self, question: Question, ask: Ask, budget: Budget) -> Examination:
        """All that high precision has to say; see `engine.precision.examine`."""
        content = {"task": "examine", "question": wire.question_to(question), "ask": ask}
        return wire.examination_from(self._ask(content, budget))

    def symbolic(self, question: Question, budget: Budget) -> dict[str, Array]:
        """The gradient as sympy has it, by input.  Raises `Refused` with the reason where it has none."""
        content = {"task": "symbolic", "question": wire.question_to(question)}
        return wire.arrays_from(self._ask(content, budget))

    def adjoints(self, question: Question, budget: Budget) -> Settled:
        """The adjoints of what a program assigns; see `engine.precision.adjoints`."""
        content = {"task": "adjoints", "question": wire.question_to(question)}
        return wire.settled_from(self._ask(content, budget))

    def close(self) -> None:
        """End all processes, also those that are busy; whoever waits for one gets `BudgetExceeded`."""
        with self._lock:
            self._closed = True
            processes, self._idle = list(self._all), []
            self._all.clear()
        for process in processes:
            process.end()

    def open(self) -> None:
        """Take questions, again after `close`, and start one process ahead of the first; does not wait for it."""
        with self._lock:
            self._closed = False
            if not self._all:
                self._idle.append(self._started())

    def _ask(self, request: dict[str, Any], budget: Budget) -> Any:
        """The result of one request.  Raises `BudgetExceeded` and `Refused`."""
        if not budget.left:
            raise BudgetExceeded(NO_TIME, limit=Limit("escalation_seconds", budget.seconds))
        while not self._free.acquire(timeout=min(LOOK, budget.left)):
            if budget.cancelled:
                budget.check()
            if not budget.left:
                raise _late(budget)
        try:
            answer = self._once(request, budget)
            if answer is None and budget.left > 0 and not budget.cancelled:
                # Somebody killed the process, idle or under way; or the question did, and will kill this one too.
                answer = self._once(request, budget)
        finally:
            self._free.release()
        if budget.cancelled:
            budget.check()
        if answer is None and budget.left > 0:
            raise Refused("The process that computes in high precision was lost.")
        if answer is None:
            raise _late(budget)
        if "late" in answer:
            raise _late(budget, answer["late"])
        if "refused" in answer:
            raise Refused(answer["refused"])
        return answer["result"]

    def _once(self, request: dict[str, Any], budget: Budget) -> dict[str, Any] | None:
        """The answer of one process, None where it died on the way."""
        process = self._take()
        answer = process.ask(request, budget)
        self._give_back(process, answer is not None)
        return answer

    def _take(self) -> Process:
        with self._lock:
            if self._closed:
                raise BudgetExceeded("The server is stopping.")
            while self._idle:
                process = self._idle.pop()
                if process.alive:
                    return process
                self._all.discard(process)
                process.end()
            return self._started()

    def _started(self) -> Process:
        process = Process(self._limits)
        self._all.add(process)
        return process

    def _give_back(self, process: Process, healthy: bool) -> None:
        with self._lock:
            if healthy and not self._closed:
                self._idle.append(process)
                return
            self._all.discard(process)
            self.killed += 1
            if not self._closed:
                # In its place, so that the next question does not wait for the imports.
                self._idle.append(self._started())
        process.end()


def _end_all(processes: set[Process]) -> None:
    for process in list(processes):
        process.end()


def _late(budget: Budget, estimate: str | None = None) -> BudgetExceeded:
    return BudgetExceeded(
        estimate or f"High precision did not get there within {budget.seconds:.3g} s.",
        limit=Limit("escalation_seconds", budget.seconds),
    )
