"""Witnesses in processes of their own: answers are those of this process, and whoever hangs is killed and replaced."""

from __future__ import annotations

import gc
import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from engine.errors import BudgetExceeded, EngineError, Limit
from engine.limits import Budget, Limits
from engine.precision import wire
from engine.precision.referee import Process, Referee, Refused
from engine.precision.worker import READY, Worker
from engine.question import Question
from tests.asking import ENGINE, budget, question

EASY = question("sin(x)/x + y", {"x": 0.0, "y": 0.1})
# mpmath takes a minute for this and does not look at the clock on the way.
ENDLESS = replace(question("sum(inv(A))", {"A": np.cos(np.arange(200.0**2)).reshape(200, 200)}), precision="exact")


@pytest.fixture(scope="module")
def referee() -> Iterator[Referee]:
    """A referee whose processes are warm."""
    with Referee(most=2) as made:
        made.resolve(EASY, "grad", budget())
        yield made


def children(referee: Referee) -> list[subprocess.Popen[bytes]]:
    """The processes that a referee has."""
    return [process._child for process in referee._all]


def is_gone(pid: int) -> bool:
    """Whether a child has ended and was waited for: no zombie is left."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return False


def late(ask: Callable[[], Any]) -> EngineError:
    """The refusal that a question gets."""
    with pytest.raises(EngineError) as caught:
        ask()
    return caught.value


def same(a: Any, b: Any) -> None:
    """Equal arrays, NaN included."""
    for x, y in zip(a, b, strict=True):
        np.testing.assert_array_equal(x, y)


def test_a_process_says_what_this_one_says(referee: Referee) -> None:
    for asked in (EASY, question("abs(x)*y", {"x": 0.0, "y": 2.0}), question("log(x) + y", {"x": -1.0, "y": 1.0})):
        there, here = referee.resolve(asked, "grad", budget()), ENGINE.resolve(asked, "grad", budget())
        same(there.outputs, here.outputs)
        same(there.sure, here.sure)
        assert (there.digits, there.limits, there.moved, there.sides) == (
            here.digits,
            here.limits,
            here.moved,
            here.sides,
        )


def test_examinations_and_symbolic_gradients_come_through(referee: Referee) -> None:
    asked = question("x^2*sin(y)", {"x": 3.0, "y": 0.5})
    there, here = referee.examine(asked, "grad", budget()), ENGINE.examine(asked, "grad", budget())
    same([*there.differences, *there.spread], [*here.differences, *here.spread])
    symbolic = referee.symbolic(asked, budget())
    np.testing.assert_allclose([symbolic["x"], symbolic["y"]], here.resolved.outputs[1:], rtol=1e-15)


@pytest.mark.parametrize(
    ("asked", "word"),
    [
        (question("erfinv(v[0])*digamma(v[1])", {"v": np.full(100, 0.3)}), "components"),
        (question("sum(v^2)", {"v": [[1.0, 2.0]]}, batch=True), "batch"),
        (Question("x +", {"x": np.array(1.0)}), ""),
        (Question("nobody(x)", {"x": np.array(1.0)}), "nobody"),
    ],
)
def test_a_refusal_comes_through(referee: Referee, asked: Question, word: str) -> None:
    error = late(lambda: referee.symbolic(asked, budget()))
    assert isinstance(error, Refused)
    assert word in error.detail
    assert error.detail


@pytest.mark.parametrize("error", [ValueError, TypeError, ZeroDivisionError, MemoryError, RecursionError, KeyError])
def test_a_worker_outlives_its_own_mistakes(monkeypatch: pytest.MonkeyPatch, error: type[Exception]) -> None:
    worker = Worker(Limits())

    def fails(*_: Any) -> Any:
        raise error("the secret story")

    monkeypatch.setitem(worker._tasks, "resolve", fails)
    request = {"task": "resolve", "question": wire.question_to(EASY), "ask": "grad", "needed": None, "seconds": 5.0}
    answer = worker.answer(request)
    assert set(answer) == {"refused"}
    assert "secret" not in answer["refused"]
    assert error.__name__ in answer["refused"]


def test_a_worker_tells_whether_it_was_late_or_saw_that_it_would_be(monkeypatch: pytest.MonkeyPatch) -> None:
    worker = Worker(Limits())

    def answer(seconds: float, limit: Limit | None) -> dict[str, Any]:
        def exceeds(*_: Any) -> Any:
            raise BudgetExceeded("It would take 40 s.", limit=limit)

        monkeypatch.setitem(worker._tasks, "resolve", exceeds)
        return worker.answer({"task": "resolve", "seconds": seconds})

    limit = Limit("run_seconds", 10.0, 40.0)
    assert answer(5.0, None) == answer(5.0, limit) == {"late": "It would take 40 s."}
    assert answer(0.0, limit) == {"late": None}


def test_nobody_is_asked_when_no_time_is_left() -> None:
    with Referee(most=1) as referee:
        error = late(lambda: referee.resolve(EASY, "grad", Budget.starting_now(0.0)))
        assert isinstance(error, BudgetExceeded)
        assert "within 0 s" not in error.detail
        assert children(referee) == []


def test_a_process_that_hangs_is_killed_and_replaced(referee: Referee) -> None:
    before = referee.killed
    error = late(lambda: referee.resolve(ENDLESS, "value", Budget.starting_now(1.0)))
    assert isinstance(error, BudgetExceeded)
    assert referee.killed == before + 1
    assert referee.resolve(EASY, "grad", budget()).limits > 0


def test_a_process_that_is_stopped_is_killed_at_the_deadline(referee: Referee) -> None:
    referee.resolve(EASY, "grad", budget())
    stopped = children(referee)
    for child in stopped:
        child.send_signal(signal.SIGSTOP)
    assert isinstance(late(lambda: referee.resolve(EASY, "grad", Budget.starting_now(0.3))), EngineError)
    for child in stopped:
        child.send_signal(signal.SIGCONT)
    assert referee.resolve(EASY, "grad", budget()).limits > 0


def test_a_process_killed_while_it_is_idle_is_replaced(referee: Referee) -> None:
    referee.resolve(EASY, "grad", budget())
    pids = [child.pid for child in children(referee)]
    for child in children(referee):
        child.kill()
        child.wait()
    assert referee.resolve(EASY, "grad", budget()).limits > 0
    assert all(is_gone(pid) for pid in pids)


def test_a_question_whose_process_is_killed_goes_to_another() -> None:
    with Referee(most=1) as referee, ThreadPoolExecutor(1) as pool:
        referee.resolve(EASY, "grad", budget())
        (child,) = children(referee)
        child.send_signal(signal.SIGSTOP)
        waiting = pool.submit(lambda: referee.resolve(EASY, "grad", budget()))
        while referee._idle:
            os.sched_yield()
        child.kill()
        assert waiting.result(30).limits > 0
        assert is_gone(child.pid)


@pytest.mark.parametrize("waits", [False, True], ids=["computed", "in the queue"])
def test_a_question_that_is_withdrawn_holds_nobody_up(waits: bool) -> None:
    whole = budget(60.0)
    with Referee(most=1) as referee, ThreadPoolExecutor(1) as pool:
        referee.resolve(EASY, "grad", budget())
        (child,) = children(referee)
        if waits:
            assert referee._free.acquire(blocking=False)
        waiting = pool.submit(lambda: late(lambda: referee.resolve(ENDLESS, "value", whole.share(50.0))))
        while not waits and referee._idle:
            os.sched_yield()
        whole.cancelled = True
        assert "withdrawn" in waiting.result(20).detail
        assert waits or is_gone(child.pid)
        if waits:
            referee._free.release()
        assert referee.resolve(EASY, "grad", budget()).limits > 0


def test_a_question_that_kills_two_processes_is_refused() -> None:
    with Referee(most=1) as referee, ThreadPoolExecutor(1) as pool:
        referee.resolve(EASY, "grad", budget())
        waiting = pool.submit(lambda: late(lambda: referee.resolve(ENDLESS, "value", budget(60.0))))
        killed: set[int] = set()
        while not waiting.done():
            for child in children(referee):
                if not referee._idle and len(killed) < 2 and child.pid not in killed:
                    killed.add(child.pid)
                    child.kill()
            os.sched_yield()
        assert "lost" in waiting.result().detail
        assert len(killed) == 2
        assert all(is_gone(pid) for pid in killed)
        assert referee.resolve(EASY, "grad", budget()).limits > 0


def test_close_while_busy_ends_everything() -> None:
    referee = Referee(most=2)
    with ThreadPoolExecutor(3) as pool:
        referee.resolve(EASY, "grad", budget())
        waiting = [pool.submit(lambda: late(lambda: referee.resolve(ENDLESS, "value", budget(60.0)))) for _ in range(3)]
        while len(referee._all) < 2 or referee._idle:
            os.sched_yield()
        pids = [child.pid for child in children(referee)]
        referee.close()
        for each in waiting:
            assert isinstance(each.result(30), EngineError)
    assert len(pids) == 2
    assert all(is_gone(pid) for pid in pids)
    assert isinstance(late(lambda: referee.resolve(EASY, "grad", budget())), BudgetExceeded)
    assert children(referee) == []


def test_a_closed_referee_can_be_opened_again() -> None:
    referee = Referee(most=1)
    referee.close()
    referee.close()
    referee.open()
    try:
        assert len(children(referee)) == 1
        assert referee.resolve(EASY, "grad", budget()).limits > 0
        assert len(children(referee)) == 1
    finally:
        referee.close()


def test_many_threads_share_few_processes(referee: Referee) -> None:
    points = [0.0, 1e-9, 0.5, 1.0, 2.0, -3.0] * 5
    asked = [question("sin(x)/x*y", {"x": x, "y": 2.0}) for x in points]
    with ThreadPoolExecutor(12) as pool:
        found = list(pool.map(lambda q: referee.resolve(q, "grad", budget(60.0)), asked))
    for q, resolved in zip(asked, found, strict=True):
        same(resolved.outputs, ENGINE.resolve(q, "grad", budget()).outputs)
    assert 1 <= len(children(referee)) <= 2


def test_who_waits_too_long_for_a_process_is_late() -> None:
    referee = Referee(most=1)
    assert referee._free.acquire(blocking=False)
    try:
        assert isinstance(late(lambda: referee.resolve(EASY, "grad", Budget.starting_now(0.01))), BudgetExceeded)
        assert children(referee) == []
    finally:
        referee._free.release()
        referee.close()


def started() -> subprocess.Popen[bytes]:
    """A worker as the referee starts it."""
    return subprocess.Popen(
        [sys.executable, "-m", "engine.precision.worker", json.dumps(asdict(Limits()))],
        cwd=Path(__file__).parents[2],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )


@pytest.mark.parametrize("asked", [None, EASY, ENDLESS], ids=["idle", "answered", "hung"])
def test_a_worker_ends_with_its_input(asked: Question | None) -> None:
    child = started()
    try:
        assert child.stdin is not None
        assert child.stdout is not None
        assert child.stdout.readline() == READY
        if asked is not None:
            request = {
                "task": "resolve",
                "question": wire.question_to(asked),
                "ask": "value",
                "needed": None,
                "seconds": 600.0,
            }
            child.stdin.write(json.dumps(request).encode() + b"\n")
            child.stdin.flush()
        if asked is EASY:
            assert b"result" in child.stdout.readline()
        child.stdin.close()
        assert child.wait(20) == 0
    finally:
        child.kill()
        child.wait()
        for pipe in (child.stdin, child.stdout):
            assert pipe is not None
            with suppress(BrokenPipeError):
                pipe.close()


def test_a_worker_that_nobody_kills_ends_after_its_deadline() -> None:
    child = started()
    try:
        assert child.stdin is not None
        assert child.stdout is not None
        assert child.stdout.readline() == READY
        request = {
            "task": "resolve",
            "question": wire.question_to(ENDLESS),
            "ask": "value",
            "needed": None,
            "seconds": 1.0,
        }
        child.stdin.write(json.dumps(request).encode() + b"\n")
        child.stdin.flush()
        assert child.wait(20) == -signal.SIGALRM
    finally:
        child.kill()
        child.wait()
        for pipe in (child.stdin, child.stdout):
            assert pipe is not None
            pipe.close()


def test_a_process_ends_once_however_often_it_is_told() -> None:
    process = Process(Limits())
    threads = [threading.Thread(target=process.end) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    process.end()
    assert not process.alive
    assert process.ask({"task": "resolve"}, budget()) is None
    assert is_gone(process._child.pid)


def test_a_referee_that_is_dropped_leaves_no_process() -> None:
    referee = Referee()
    referee.open()
    children = [process._child for process in referee._all]
    assert len(children) == 1
    del referee
    gc.collect()
    assert children[0].wait(20) != 0
