"""Heavy work: in a bounded number of threads, behind a bounded queue, and only as long as somebody waits for it."""

from __future__ import annotations

import asyncio
import contextlib
import math
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from threading import RLock
from typing import Any, TypeVar

from starlette.types import Receive

from engine.errors import BudgetExceeded, Limit
from engine.limits import Budget
from service.errors import Overloaded
from service.exchange import ClientGone

T = TypeVar("T")

GRACE = 0.25
"""Seconds beyond the deadline that a running computation has to notice it."""


class Gate:
    """Admits `threads` computations at a time and lets `queue` more wait."""

    def __init__(self, threads: int, queue: int) -> None:
        self.threads, self.queue = threads, queue
        self.waiting = self.running = self.refused = 0
        # Re-entrant: a task that is collected as garbage withdraws its work from wherever its thread stands.
        self._lock = RLock()
        self._mean_seconds = 0.1
        self._open: dict[int, Budget] = {}
        self.open()

    @property
    def full(self) -> bool:
        """Whether one more would be refused."""
        return self.waiting + self.running >= self.threads + self.queue

    async def run(self, work: Callable[[], T], budget: Budget, receive: Receive) -> T:
        """What `work` returns or raises, computed in a thread.

        Raises `Overloaded` when the queue is full or the whole deadline was spent in it, `BudgetExceeded` when the
        computation does not notice its deadline itself, and `ClientGone` when the client leaves; then the computation
        is withdrawn, so that its thread is free at its next check of the budget.
        """
        future = self._submit(work, budget)
        result = asyncio.wrap_future(future)
        gone = asyncio.ensure_future(_disconnected(receive))
        try:
            left = budget.deadline - time.perf_counter() + GRACE
            watched: set[asyncio.Future[Any]] = {result, gone}
            done, _ = await asyncio.wait(watched, timeout=left, return_when=asyncio.FIRST_COMPLETED)
            if result in done:
                return result.result()
            if gone in done:
                raise ClientGone
            if future.cancel():
                raise self._overloaded()
            raise BudgetExceeded(
                f"The computation did not finish within {budget.seconds:g} s.",
                limit=Limit("run_seconds", budget.seconds),
            )
        finally:
            budget.cancelled = not future.done()
            result.cancel()
            gone.cancel()
            with contextlib.suppress(asyncio.CancelledError, Exception):
                await gone

    def open(self) -> None:
        """Take work, again after `close`."""
        self._pool = ThreadPoolExecutor(self.threads, thread_name_prefix="heavy")

    def close(self) -> None:
        """Withdraw everything that waits or runs, and wait for nothing."""
        for budget in list(self._open.values()):
            budget.cancelled = True
        self._pool.shutdown(wait=False, cancel_futures=True)

    def _submit(self, work: Callable[[], T], budget: Budget) -> Future[T]:
        with self._lock:
            if self.full:
                self.refused += 1
                raise self._overloaded()
            self.waiting += 1
        try:
            future = self._pool.submit(self._work, work, budget)
        except RuntimeError:
            self._left_queue()
            raise Overloaded("The server is stopping.", headers={"Retry-After": "1"}) from None
        future.add_done_callback(lambda ended: self._left_queue() if ended.cancelled() else None)
        return future

    def _work(self, work: Callable[[], T], budget: Budget) -> T:
        with self._lock:
            self.waiting -= 1
            self.running += 1
            self._open[id(budget)] = budget
        begun = time.perf_counter()
        try:
            budget.check()
            return work()
        finally:
            with self._lock:
                self.running -= 1
                self._open.pop(id(budget), None)
                self._mean_seconds += 0.2 * (time.perf_counter() - begun - self._mean_seconds)

    def _left_queue(self) -> None:
        with self._lock:
            self.waiting -= 1

    def _overloaded(self) -> Overloaded:
        seconds = max(1, math.ceil((self.waiting + 1) * self._mean_seconds / self.threads))
        return Overloaded(
            f"{self.running} heavy questions are being computed and {self.waiting} wait; the server takes no more.",
            hint=f"Try again in {seconds} s, or ask for less.",
            headers={"Retry-After": str(seconds)},
        )


async def _disconnected(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
