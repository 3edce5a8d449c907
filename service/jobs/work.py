"""What a worker process does: one job at a time, step by step, telling the store as it goes."""

from __future__ import annotations

import json
import os
import resource
import signal
import sys
import threading
import time
import traceback
from collections.abc import Mapping
from dataclasses import replace
from multiprocessing import parent_process
from pathlib import Path
from typing import Any, Literal

import numpy as np

from engine.engine import Engine
from engine.errors import BudgetExceeded, EngineError, Limit, LimitExceeded
from engine.limits import Budget
from engine.optimise.track import Row
from service.datasets.library import Datasets
from service.errors import Gone, Internal, NotFound, Unavailable
from service.jobs.flag import Flag
from service.jobs.history import History, length, packed, unpacked
from service.jobs.job import Progress
from service.jobs.jobs import Claim, Jobs, LostClaim
from service.jobs.machine import Advanced, Alive, Failed, Released, Stopped, Succeeded
from service.jobs.rows import DatabaseShelf
from service.jobs.shelf import Chunk
from service.jobs.undertaking import Going
from service.jobs.undertakings import Store, read, settling
from service.models.catalogue import Models
from service.problems import problem_of
from service.settings import Settings
from service.store.database import Database

Interruption = Literal["cancelled", "released", "lost"]
LOOK_SECONDS = 0.05
"""How often a worker looks whether it is to stop."""
FLUSH_SECONDS = 0.1
"""How often rows and state are stored, at most."""
FLUSH_PART = 40
"""Storing takes at most one part in so many of the time."""
STATE_SECONDS = 4e-7
"""What it takes to store the state of one variable, until that is measured; 0.4 s were for 10^6 of them with Adam."""
NICE = 5
"""Questions that somebody waits for go first."""
NOWHERE = np.empty(0)
"""The point of a row that is not to be kept."""

_worker: Worker | None = None


def begin(settings: Mapping[str, Any], stop: Flag) -> None:
    """Make this process a worker; `stop` tells it to give its job back."""
    global _worker
    # Ctrl-C in a terminal reaches all processes, and so does the end of a service; the server says what is to be done.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    os.nice(NICE)
    found = Settings.model_validate(settings)
    if found.job_bytes:
        _limit_memory(found.job_bytes)
    _worker = Worker(found, stop)
    threading.Thread(target=_end_with_parent, args=(_worker,), daemon=True).start()


def work(claim: Claim) -> str | None:
    """Run a job to its end, or until it has to stop; a story for the log where something went wrong."""
    assert _worker is not None
    return _worker.work(claim)


def ready() -> int:
    """The number of this process, once it can work."""
    return os.getpid()


def _limit_memory(extra: int) -> None:
    """Have allocations fail beyond what the process has now and `extra` bytes."""
    try:
        pages = int(Path("/proc/self/statm").read_text().split()[0])
    except OSError:
        pages = 0
    soft = pages * resource.getpagesize() + extra
    _, hard = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (soft if hard == resource.RLIM_INFINITY else min(soft, hard), hard))


def _end_with_parent(worker: Worker) -> None:
    """When the server is gone, give the job back and end: nobody else would end this process."""
    parent = parent_process()
    if parent is not None:
        parent.join()
        worker.leave()
        os._exit(0)


class Worker:
    """One process's engine and its way to the store."""

    def __init__(self, settings: Settings, stop: Flag) -> None:
        self.settings, self.stop = settings, stop
        self.engine = Engine(settings.limits(), 64)
        database = Database(settings, migrated=True)
        self.store = Store(Datasets(settings, database), Models(settings, database))
        self.jobs = Jobs(DatabaseShelf(database), settings, settling(settings.limits()))
        self._idle = threading.Event()
        self._idle.set()

    def work(self, claim: Claim) -> str | None:
        """Run a job; a story for the log where something went wrong."""
        self._idle.clear()
        try:
            return Attempt(self, claim).run()
        finally:
            self._idle.set()

    def leave(self) -> None:
        """Wait until the job under way is given back."""
        self.stop.set()
        self._idle.wait(self.settings.job_grace_seconds)


class Attempt:
    """One attempt at one job."""

    def __init__(self, worker: Worker, claim: Claim) -> None:
        self._worker, self._jobs, self._claim = worker, worker.jobs, claim.job
        self._task = read(claim.job.id, claim.task, worker.engine.limits, worker.store)
        self._state: Mapping[str, Any] | None = None if claim.state is None else json.loads(claim.state)
        self._budget = Budget.starting_now(self._seconds())
        self._run: Going | None = None
        self._rows: list[Row] = []
        self._unwritten = self._pending(claim)
        self._latest: Row | None = None
        self._stored = claim.job.progress.rows
        self._interruption: Interruption | None = None
        self._stepping, self._over = False, threading.Event()
        self._stored_at = time.perf_counter()
        self._pause = max(FLUSH_SECONDS, FLUSH_PART * STATE_SECONDS * self._task.numbers)

    def run(self) -> str | None:
        """Go on until the run has ended or has to stop; a story for the log where something went wrong."""
        watcher = threading.Thread(target=self._watch, daemon=True)
        watcher.start()
        try:
            try:
                self._stepping = True
                try:
                    self._steps()
                finally:
                    self._stepping = False
                self._end()
            except BudgetExceeded:
                if self._interruption is None and self._budget.left:
                    # Not the time of the job: what it computes is refused, however long it may take.
                    raise
                # Withdrawn by the watcher, or the time was over in the middle of a step.
                self._end()
        except LostClaim:
            return None
        except (EngineError, NotFound, Gone) as error:
            # What a training is made of may have been deleted since it was posted.
            self._fail(error)
        except MemoryError:
            most = self._worker.settings.job_bytes
            detail = f"The job needs more than the {most:,} bytes that one may take."
            self._fail(LimitExceeded(detail, limit=Limit("job_bytes", most), hint="Make it smaller."))
        except Unavailable:
            # The job is found again when its lease is over, and goes on from what was stored.
            return traceback.format_exc()
        except Exception:
            self._fail(Internal("This is our fault, not yours. The log of the server has the story."))
            return traceback.format_exc()
        finally:
            self._over.set()
            watcher.join()
        return None

    def _seconds(self) -> float:
        spent = 0.0 if self._state is None else float(self._state["seconds"])
        most = self._task.max_seconds
        limit = self._worker.settings.job_seconds
        return max(0.0, (limit if most is None else min(limit, most)) - spent)

    def _steps(self) -> None:
        run = self._run = self._task.begin(self._worker.engine, self._budget, self._state)
        every, keep = self._task.every, self._task.keep
        for rows in run.steps():
            for row in rows:
                if row.step % every == 0 or run.over(row.start) or row.kept:
                    # The points of all rows until the next store may be more than memory holds.
                    self._rows.append(row if keep else row._replace(x=NOWHERE))
                    if self._unwritten:
                        self._unwritten.pop(row.start, None)
                else:
                    self._unwritten[row.start] = row
            self._latest = rows[-1]
            if self._interruption is not None:
                return
            if time.perf_counter() - self._stored_at > self._pause:
                self._store()

    def _store(self) -> None:
        """Store the rows that are new, with the state that belongs to them."""
        begun = time.perf_counter()
        self._jobs.work(self._claim, Advanced(self._progress(), self._jobs.deadline()), *self._news())
        self._stored, self._rows = self._stored + len(self._rows), []
        self._stored_at = time.perf_counter()
        self._pause = max(FLUSH_SECONDS, FLUSH_PART * (self._stored_at - begun))

    def _pending(self, claim: Claim) -> dict[int, Row]:
        """The rows that the attempt before has left, by start: to be recorded where this one gets no further."""
        if claim.pending is None:
            return {}
        rows = unpacked(Chunk(0, length(claim.pending), claim.pending), 0, length(claim.pending))
        return {row.start: row for row in rows.rows(self._task.width)}

    def _progress(self) -> Progress:
        count, latest = self._stored + len(self._rows), self._latest
        if self._run is None or latest is None:
            return replace(self._claim.progress, rows=count)
        return Progress(latest.step, latest.value, self._run.best, count, tuple(self._run.remarks))

    def _news(self) -> tuple[History, bytes | None, bytes | None]:
        rows = History.of(self._stored, self._rows, self._task.keep)
        state = self._state if self._run is None else self._run.to_json()
        pending = packed(History.of(0, [*self._unwritten.values()], self._task.keep)) if self._unwritten else None
        return rows, None if state is None else json.dumps(state).encode(), pending

    def _end(self) -> None:
        """Tell how it ended: by itself, because it was interrupted, or because its time is over."""
        run, why = self._run, self._interruption
        if why == "lost":
            return
        if why == "released":
            self._jobs.work(self._claim, Advanced(self._progress(), self._jobs.deadline()), *self._news())
            self._jobs.work(self._claim, Released("the server was stopped"))
            return
        if run is not None:
            run.end("cancelled" if why == "cancelled" else "max-seconds")
            # What was not to be recorded, and is now the end.
            self._rows += self._unwritten.values()
        reason = why or "max-seconds"
        result, points = self._task.left(self._state, reason) if run is None else run.outcome(reason)
        kind = Stopped if why == "cancelled" else Succeeded
        rows = History.of(self._stored, self._rows, self._task.keep)
        self._jobs.finish(self._claim, kind(self._progress(), result), rows, points)

    def _fail(self, error: EngineError | NotFound | Gone | Internal) -> None:
        self._rows, self._unwritten = [*self._rows, *self._unwritten.values()], {}
        try:
            self._jobs.work(self._claim, Failed(problem_of(error).body, self._progress()), *self._news())
        except (LostClaim, Unavailable):
            return

    def _watch(self) -> None:
        """Look whether the job is to stop, and give a sign of life now and then, also in the middle of a step."""
        lease, grace = self._worker.settings.job_lease_seconds, self._worker.settings.job_grace_seconds
        told = time.perf_counter()
        while not self._over.wait(LOOK_SECONDS):
            try:
                if self._worker.stop.is_set():
                    self._interrupt("released")
                    return
                if self._stepping and time.perf_counter() > self._budget.deadline + grace:
                    # What computes looks at no clock, as the arithmetic of high precision may not for years.
                    print("a worker ends itself: its job does not notice that its time is over", file=sys.stderr)
                    os._exit(1)
                if self._jobs.look(self._claim):
                    self._interrupt("cancelled")
                    return
                if time.perf_counter() - max(told, self._stored_at) > lease / 3:
                    self._jobs.work(self._claim, Alive(self._jobs.deadline()))
                    told = time.perf_counter()
            except LostClaim:
                if not self._over.is_set():
                    self._interrupt("lost")
                return
            except Unavailable as error:
                print(f"a worker could not look after its job: {error}", file=sys.stderr)

    def _interrupt(self, why: Interruption) -> None:
        self._interruption = why
        self._budget.cancelled = True
