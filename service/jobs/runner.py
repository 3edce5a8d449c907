"""Jobs under way: claimed from the store, and done by executors, each with one process of its own.

One thread decides.  With a process for each, the death of one takes no other job with it; a broken executor is replaced
and its job goes back to the queue.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import queue
import secrets
import signal
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import BrokenExecutor, Executor, Future, ProcessPoolExecutor
from dataclasses import dataclass, field
from typing import Any

from service.errors import Gone, NotFound, ServiceError
from service.jobs import work
from service.jobs.flag import Flag
from service.jobs.job import Job
from service.jobs.jobs import Claim, Jobs
from service.jobs.machine import Released
from service.settings import Settings

SWEEP_SECONDS = 60.0
RESULT_SECONDS = 2.0
"""What the last words of a process may take to arrive."""
SINGLE = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
"""Linear algebra on one thread: as many jobs as there are processes run at a time, and all sums have one order."""
_spawning = threading.Lock()

Report = Callable[..., None]
"""Takes what is to be logged: the event, and fields by name."""


@dataclass(eq=False)
class Slot:
    """One place where a job can run: an executor with one process, made when it is first needed."""

    executor: Executor | None = None
    stop: Flag | None = None
    pid: Future[int] | None = None
    claim: Claim | None = None
    future: Future[str | None] | None = None
    killed: bool = False
    astray: float | None = None
    """Since when it works on what is not its own any more."""

    @property
    def ready(self) -> bool:
        """Whether its process has started, as far as is known."""
        return self.pid is not None and self.pid.done() and self.pid.exception() is None

    @property
    def failed(self) -> bool:
        """Whether its process has ended before it was ready."""
        return self.pid is not None and self.pid.done() and self.pid.exception() is not None


Make = Callable[[Settings, Flag], Executor]


def process_executor(settings: Settings, stop: Flag) -> Executor:
    """An executor with one process that works on jobs."""
    context = multiprocessing.get_context("spawn")
    given = (settings.model_dump(), stop)
    return ProcessPoolExecutor(1, mp_context=context, initializer=work.begin, initargs=given)


@dataclass
class Inbox:
    """What the thread waits for: that there may be something to do."""

    items: queue.SimpleQueue[Slot | None] = field(default_factory=queue.SimpleQueue)

    def wait(self, seconds: float) -> list[Slot]:
        """The slots whose futures are done, as soon as there is anything to do, or after `seconds`."""
        found: list[Slot] = []
        with contextlib.suppress(queue.Empty):
            item = self.items.get(timeout=seconds)
            while True:
                if item is not None:
                    found.append(item)
                item = self.items.get_nowait()
        return found


class Runner:
    """Runs the jobs of a store in `settings.job_workers` processes.  `ended` is called after each job."""

    def __init__(
        self,
        jobs: Jobs,
        settings: Settings,
        there_may_be_jobs: Callable[[], bool],
        ended: Callable[[], None],
        report: Report = lambda *_, **__: None,
        make: Make = process_executor,
    ) -> None:
        self._jobs, self._settings, self._exists = jobs, settings, there_may_be_jobs
        self._ended, self.report, self._make = ended, report, make
        # Clients are told who has run their job, and need not know the names of our machines.
        self._owner = secrets.token_hex(4)
        self._slots = [Slot() for _ in range(settings.job_workers)]
        # The one that worked last is taken first: it is warm.
        self._idle = list(reversed(self._slots))
        self._inbox = Inbox()
        self._closing = threading.Event()
        self._thread: threading.Thread | None = None
        self._swept = 0.0
        self.lost = 0

    @property
    def running(self) -> int:
        """How many jobs run here."""
        return len(self._slots) - len(self._idle)

    def open(self) -> None:
        """Begin to work."""
        self._closing.clear()
        if self._slots:
            self._thread = threading.Thread(target=self._loop, name="jobs", daemon=True)
            self._thread.start()

    def wake(self) -> None:
        """There may be a job to claim, or one to stop."""
        self._inbox.items.put(None)

    def close(self) -> None:
        """Have all jobs given back to the queue, and end all processes."""
        self._closing.set()
        self.wake()
        if self._thread is not None:
            self._thread.join()
            self._thread = None

    def _loop(self) -> None:
        with self._told():
            self._start(self._settings.job_ready)
        while not self._closing.is_set():
            with self._told():
                self._fill()
            for slot in self._inbox.wait(self._settings.job_poll_seconds):
                with self._told():
                    self._done(slot)
            with self._told():
                self._look()
        self._stop()

    @contextlib.contextmanager
    def _told(self) -> Iterator[None]:
        """Tell the log of what goes wrong, and go on: the store may be away for a while."""
        try:
            yield
        except ServiceError as error:
            self.report("jobs-unavailable", reason=error.detail)
            self._closing.wait(self._settings.job_poll_seconds)
        except Exception as error:
            self.report("jobs-failed", reason=repr(error))
            self._closing.wait(self._settings.job_poll_seconds)

    def _fill(self) -> None:
        """Give all idle slots something to do.

        A job is claimed for a process that is ready: while one starts, nobody would give a sign of life for the job.
        """
        while self._idle and not self._closing.is_set() and self._exists():
            waiting = self._jobs.waiting()
            if not waiting:
                return
            slot = next((slot for slot in reversed(self._idle) if slot.ready and self._works(slot)), None)
            if slot is None:
                self._start(waiting)
                return
            claim = self._jobs.claim(self._owner)
            if claim is None:
                return
            try:
                slot.future = self._started(slot).submit(work.work, claim)
            except BrokenExecutor:
                # The process died while it was idle, which is no fault of the job.
                self._replace(slot)
                self._jobs.give_up(claim.job, Released("its process had ended before"))
                continue
            slot.claim, slot.killed, slot.astray = claim, False, None
            self._idle.remove(slot)
            slot.future.add_done_callback(lambda _, slot=slot: self._inbox.items.put(slot))  # type: ignore[misc]

    def _works(self, slot: Slot) -> bool:
        """Whether the process of an idle slot is still there."""
        try:
            self._started(slot).submit(work.ready)
        except BrokenExecutor:
            self._replace(slot)
            return False
        return True

    def _start(self, count: int) -> None:
        """Have processes started for `count` jobs, as far as there are slots; those that start count."""
        for slot in self._idle[max(0, len(self._idle) - count) :]:
            if slot.failed:
                self.report("worker-not-started", reason=repr(slot.pid and slot.pid.exception()))
                self._replace(slot)
                self._closing.wait(self._settings.job_poll_seconds)
            self._started(slot)

    def _started(self, slot: Slot) -> Executor:
        if slot.executor is None:
            stop = Flag()
            executor = self._make(self._settings, stop)
            try:
                with _environment(SINGLE):
                    pid = executor.submit(work.ready)
            except BaseException:
                executor.shutdown(wait=False, cancel_futures=True)
                raise
            slot.executor, slot.stop, slot.pid = executor, stop, pid
            slot.pid.add_done_callback(lambda _: self.wake())
        return slot.executor

    def _done(self, slot: Slot) -> None:
        """A job has left its process, one way or another."""
        claim, future = slot.claim, slot.future
        assert claim is not None
        assert future is not None
        slot.claim = slot.future = None
        self._idle.append(slot)
        error = future.exception() if not future.cancelled() else None
        if isinstance(error, BrokenExecutor):
            self._replace(slot)
            self.lost += 1
            reason = "its process was killed after the cancel" if slot.killed else "its process ended unexpectedly"
            self._jobs.give_up(claim.job, self._jobs.lost(reason))
            self.report("worker-lost", job=claim.job.id, attempt=claim.job.attempts)
        elif error is not None:
            self._jobs.give_up(claim.job, self._jobs.lost(f"its process failed: {type(error).__name__}"))
            self.report("job-failed", job=claim.job.id, reason=repr(error))
        elif (story := future.result()) is not None:
            self.report("job-failed", job=claim.job.id, reason=story)
        self._ended()

    def _replace(self, slot: Slot) -> None:
        if slot.executor is not None:
            slot.executor.shutdown(wait=False, cancel_futures=True)
        slot.executor = slot.stop = slot.pid = None

    def _look(self) -> None:
        """Take back what others have left, kill the processes that do not stop, and forget old jobs."""
        if not self._exists():
            return
        now = time.monotonic()
        for slot in self._slots:
            if slot.claim is not None and not slot.killed and self._overdue(slot, slot.claim.job, now):
                self.report("worker-killed", job=slot.claim.job.id)
                slot.killed = _kill(slot)
        if self._jobs.take_back():
            self._ended()
        if now - self._swept > SWEEP_SECONDS:
            self._swept = now
            self._jobs.sweep()

    def _overdue(self, slot: Slot, claim: Job, now: float) -> bool:
        """Whether a process should have stopped longer ago than the grace that a job has.

        A cancel was asked for; or nothing was heard of it, and the job is somebody else's by now, or gone.
        """
        grace = self._settings.job_grace_seconds
        with contextlib.suppress(NotFound, Gone):
            job = self._jobs.get(claim.id)
            if job.state == "running" and job.attempts == claim.attempts and job.lease >= self._jobs.now():
                slot.astray = None
                return job.cancelling is not None and self._jobs.now() - job.cancelling > 1000 * grace
        if slot.astray is None:
            slot.astray = now
        return now - slot.astray > grace

    def _stop(self) -> None:
        """Have the processes give their jobs back; kill those that do not."""
        busy = [slot for slot in self._slots if slot.future is not None]
        for slot in self._slots:
            if slot.stop is not None:
                slot.stop.set()
        deadline = time.monotonic() + self._settings.job_grace_seconds
        for slot in busy:
            assert slot.future is not None
            with contextlib.suppress(Exception):
                slot.future.result(max(0.0, deadline - time.monotonic()))
        for slot in self._slots:
            if slot.future is not None and not slot.future.done():
                _kill(slot)
                with contextlib.suppress(Exception):
                    slot.future.result(RESULT_SECONDS)
        for slot in busy:
            with self._told():
                self._done(slot)
        for slot in self._slots:
            if slot.executor is not None:
                # One that does not move any more is not waited for.
                late = threading.Timer(self._settings.job_grace_seconds, _kill, [slot])
                late.start()
                slot.executor.shutdown(wait=True, cancel_futures=True)
                late.cancel()
            slot.executor = slot.stop = slot.pid = None


@contextlib.contextmanager
def _environment(values: dict[str, str]) -> Iterator[None]:
    """Environment variables for the processes that are started inside."""
    with _spawning:
        before: dict[str, Any] = {name: os.environ.get(name) for name in values}
        os.environ.update(values)
        try:
            yield
        finally:
            for name, value in before.items():
                if value is None:
                    del os.environ[name]
                else:
                    os.environ[name] = value


def _kill(slot: Slot) -> bool:
    """Kill the process of a slot; whether that was possible."""
    if slot.pid is None or not slot.ready:
        return False
    with contextlib.suppress(ProcessLookupError):
        os.kill(slot.pid.result(), signal.SIGKILL)
    return True
