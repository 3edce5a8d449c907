"""Heavy work: bounded, withdrawn when nobody waits, and counted down whatever happens."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Awaitable, Callable

import pytest

from engine.errors import BudgetExceeded, NotScalar
from engine.limits import Budget
from service import gate as gates
from service.errors import Overloaded
from service.exchange import ClientGone
from service.gate import Gate
from tests.service.asgi import Wire

PATIENCE = 20


class Held:
    """Work that begins, then waits until it is let go or withdrawn."""

    def __init__(self, budget: Budget) -> None:
        self.budget = budget
        self.begun = threading.Event()
        self.free = threading.Event()

    def __call__(self) -> str:
        """Begin and wait."""
        self.begun.set()
        while not self.free.wait(0.001):
            self.budget.check()
        return "done"


def budget(seconds: float = PATIENCE) -> Budget:
    """A budget that starts now."""
    return Budget.starting_now(seconds)


async def begun(held: Held) -> None:
    """Wait until the work has begun."""
    assert await asyncio.to_thread(held.begun.wait, PATIENCE)


async def idle(gate: Gate) -> None:
    """Wait until nothing runs or waits: the thread's own `finally` comes after its result."""
    end = time.monotonic() + PATIENCE
    while gate.running or gate.waiting:
        assert time.monotonic() < end
        await asyncio.sleep(0)


def run(story: Callable[[Gate], Awaitable[None]], threads: int = 1, queue: int = 1) -> None:
    """Play a story with a gate, after which nothing may be left in it."""

    async def play() -> None:
        gate = Gate(threads, queue)
        try:
            await story(gate)
            await idle(gate)
        finally:
            gate.close()

    asyncio.run(play())


def test_results_and_refusals_come_back() -> None:
    async def story(gate: Gate) -> None:
        assert await gate.run(lambda: 5, budget(), Wire([]).receive) == 5

        def refuse() -> None:
            raise NotScalar("no")

        with pytest.raises(NotScalar):
            await gate.run(refuse, budget(), Wire([]).receive)

    run(story)


def test_one_more_than_threads_and_queue_is_refused() -> None:
    async def story(gate: Gate) -> None:
        works = [Held(budget()), Held(budget())]
        tasks = [asyncio.ensure_future(gate.run(work, work.budget, Wire([]).receive)) for work in works]
        await begun(works[0])
        assert (gate.running, gate.waiting, gate.full) == (1, 1, True)
        with pytest.raises(Overloaded) as caught:
            await gate.run(lambda: "never", budget(), Wire([]).receive)
        assert int(caught.value.headers["Retry-After"]) >= 1
        assert gate.refused == 1
        for work in works:
            work.free.set()
        assert await asyncio.gather(*tasks) == ["done", "done"]

    run(story)


def test_a_client_that_leaves_frees_its_thread() -> None:
    async def story(gate: Gate) -> None:
        held, wire = Held(budget()), Wire([])
        task = asyncio.ensure_future(gate.run(held, held.budget, wire.receive))
        await begun(held)
        wire.gone.set()
        with pytest.raises(ClientGone):
            await task
        assert held.budget.cancelled
        await idle(gate)
        assert await gate.run(lambda: "next", budget(), Wire([]).receive) == "next"

    run(story)


def test_a_client_that_leaves_the_queue_is_not_computed() -> None:
    async def story(gate: Gate) -> None:
        first, second, wire = Held(budget()), Held(budget()), Wire([])
        running = asyncio.ensure_future(gate.run(first, first.budget, Wire([]).receive))
        await begun(first)
        waiting = asyncio.ensure_future(gate.run(second, second.budget, wire.receive))
        wire.gone.set()
        with pytest.raises(ClientGone):
            await waiting
        assert (gate.running, gate.waiting) == (1, 0)
        first.free.set()
        assert await running == "done"
        assert not second.begun.is_set()

    run(story)


def test_a_deadline_spent_in_the_queue_is_overload() -> None:
    async def story(gate: Gate) -> None:
        held, wire = Held(budget()), Wire([])
        running = asyncio.ensure_future(gate.run(held, held.budget, wire.receive))
        await begun(held)
        with pytest.raises(Overloaded):
            await gate.run(lambda: "never", budget(0.01), Wire([]).receive)
        assert gate.waiting == 0
        held.free.set()
        await running

    run(story)


def test_work_that_does_not_look_at_its_deadline_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gates, "GRACE", 0.0)

    async def story(gate: Gate) -> None:
        free = threading.Event()
        with pytest.raises(BudgetExceeded):
            await gate.run(lambda: free.wait(PATIENCE), budget(0.01), Wire([]).receive)
        assert gate.running == 1, "it still holds its thread, and is counted as long as it does"
        free.set()

    run(story)


def test_a_request_that_is_cancelled_frees_its_thread() -> None:
    async def story(gate: Gate) -> None:
        held = Held(budget())
        task = asyncio.ensure_future(gate.run(held, held.budget, Wire([]).receive))
        await begun(held)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert held.budget.cancelled

    run(story)


def test_closing_withdraws_what_runs() -> None:
    async def story(gate: Gate) -> None:
        held = Held(budget())
        task = asyncio.ensure_future(gate.run(held, held.budget, Wire([]).receive))
        await begun(held)
        gate.close()
        with pytest.raises(BudgetExceeded):
            await task

    run(story)
