"""A routine that calls back, as a generator: strict turns, errors, and no thread left behind."""

from __future__ import annotations

import gc
import threading
import traceback
from collections.abc import Callable, Generator, Iterator

import numpy as np
import pytest

from engine.optimise.handover import Abandoned, Caller, stepwise


@pytest.fixture(autouse=True)
def no_thread_is_left() -> Iterator[None]:
    before = set(threading.enumerate())
    yield
    assert set(threading.enumerate()) == before


def counting(ends: list[str]) -> Callable[[Caller[int]], str]:
    """A routine that gives 0, 1, 2 and says how it ended."""

    def routine(caller: Caller[int]) -> str:
        try:
            for i in range(3):
                caller.give(i)
        except Abandoned:
            ends.append("abandoned")
            raise
        ends.append("done")
        return "that was all"

    return routine


def drain(points: Generator[int, None, str]) -> tuple[list[int], str]:
    found = []
    while True:
        try:
            found.append(next(points))
        except StopIteration as stop:
            return found, stop.value


def test_items_and_the_result() -> None:
    ends: list[str] = []
    assert drain(stepwise(counting(ends))) == ([0, 1, 2], "that was all")
    assert ends == ["done"]


def test_only_one_is_at_work() -> None:
    log: list[str] = []

    def routine(caller: Caller[None]) -> None:
        for i in range(3):
            log.append(f"routine {i}")
            caller.give(None)
        log.append("routine ends")

    for i, _ in enumerate(stepwise(routine)):
        log.append(f"caller {i}")
    assert log == ["routine 0", "caller 0", "routine 1", "caller 1", "routine 2", "caller 2", "routine ends"]


def test_calls_run_in_the_thread_of_the_caller() -> None:
    def routine(caller: Caller[bool]) -> None:
        here = threading.get_ident()
        caller.give(caller.call(threading.get_ident) == here)

    assert list(stepwise(routine)) == [False]
    answered: list[int] = []

    def asks(caller: Caller[None]) -> None:
        answered.append(caller.call(threading.get_ident))

    assert list(stepwise(asks)) == []
    assert answered == [threading.get_ident()]


def test_closed_before_the_first_item() -> None:
    before = threading.active_count()
    points = stepwise(counting([]))
    assert threading.active_count() == before
    points.close()
    with pytest.raises(StopIteration):
        next(points)


def test_closed_between_two_items() -> None:
    ends: list[str] = []
    points = stepwise(counting(ends))
    assert next(points) == 0
    assert threading.active_count() > 1
    points.close()
    assert ends == ["abandoned"]


def test_dropped() -> None:
    ends: list[str] = []
    points = stepwise(counting(ends))
    next(points)
    del points
    gc.collect()
    assert ends == ["abandoned"]


def test_dropped_in_a_cycle() -> None:
    ends: list[str] = []
    cycle: list[object] = []
    points = stepwise(counting(ends))
    next(points)
    cycle += [cycle, points]
    del cycle, points
    gc.collect()
    assert ends == ["abandoned"]


def test_interrupted_in_the_middle_of_a_call() -> None:
    """What is raised in the caller's thread comes out there, and the routine hears only that it is abandoned."""
    ends: list[str] = []

    def interrupted() -> None:
        raise KeyboardInterrupt

    def routine(caller: Caller[int]) -> None:
        try:
            caller.give(1)
            caller.call(interrupted)
        except BaseException as error:
            ends.append(type(error).__name__)
            raise

    points = stepwise(routine)
    assert next(points) == 1
    with pytest.raises(KeyboardInterrupt) as caught:
        next(points)
    assert "interrupted" in [frame.name for frame in traceback.extract_tb(caught.tb)]
    assert ends == ["Abandoned"]


def test_an_error_thrown_in_from_outside() -> None:
    ends: list[str] = []
    points = stepwise(counting(ends))
    next(points)
    with pytest.raises(KeyboardInterrupt):
        points.throw(KeyboardInterrupt())
    assert ends == ["abandoned"]


def test_a_routine_that_does_not_listen_is_told_again() -> None:
    told = 0

    def routine(caller: Caller[int]) -> None:
        nonlocal told
        for i in range(5):
            try:
                caller.give(i)
            except Abandoned:
                told += 1

    points = stepwise(routine)
    next(points)
    points.close()
    assert told == 5


def test_errors_of_the_routine_come_with_their_traceback() -> None:
    def broken() -> None:
        raise LookupError("gone")

    def routine(caller: Caller[int]) -> None:
        caller.give(1)
        broken()

    points = stepwise(routine)
    next(points)
    with pytest.raises(LookupError, match="gone") as caught:
        next(points)
    assert [frame.name for frame in traceback.extract_tb(caught.tb)][-2:] == ["routine", "broken"]


def test_arithmetic_is_silent_in_both_threads_and_the_caller_keeps_its_own() -> None:
    def divide() -> float:
        return float(np.divide(1.0, 0.0))

    def routine(caller: Caller[float]) -> None:
        caller.give(divide())
        caller.give(caller.call(divide))

    with np.errstate(divide="raise"):
        points = stepwise(routine)
        for value in points:
            assert value == np.inf
            with pytest.raises(FloatingPointError):
                divide()
