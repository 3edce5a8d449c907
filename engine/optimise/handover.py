"""A routine that calls back, turned into a generator."""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import dataclass
from queue import SimpleQueue
from threading import Thread
from typing import Any, Generic, TypeVar

import numpy as np

T = TypeVar("T")
R = TypeVar("R")


class Abandoned(BaseException):
    """Raised in a routine that nobody waits for any more.  No `except Exception` of a library catches it."""


@dataclass(frozen=True, slots=True)
class _Item:
    item: Any


@dataclass(frozen=True, slots=True)
class _Wish:
    do: Callable[[], Any]


@dataclass(frozen=True, slots=True)
class _Raised:
    error: BaseException


@dataclass(frozen=True, slots=True)
class _Result:
    result: Any


class Caller(Generic[T]):
    """The generator's caller, as the routine sees it.  Both methods raise `Abandoned` once the generator is closed."""

    def __init__(self) -> None:
        self.asked: SimpleQueue[_Item | _Wish | _Raised | _Result] = SimpleQueue()
        self.answers: SimpleQueue[Any] = SimpleQueue()
        self.gone = False

    def give(self, item: T) -> None:
        """Make `item` the next one of the generator; returns when the one after it is asked for."""
        self._ask(_Item(item))

    def call(self, do: Callable[[], R]) -> R:
        """What `do` returns, called in the thread of the caller; what it raises goes to the caller alone."""
        answer: R = self._ask(_Wish(do))
        return answer

    def _ask(self, wish: _Item | _Wish) -> Any:
        if self.gone:
            raise Abandoned
        self.asked.put(wish)
        answer = self.answers.get()
        if self.gone:
            raise Abandoned
        return answer

    def leave(self) -> None:
        """Let the routine end at its next call, or at the one in which it waits."""
        self.gone = True
        self.answers.put(None)


def stepwise(routine: Callable[[Caller[T]], R]) -> Generator[T, None, R]:
    """The items that `routine` gives to its caller one after another, and then what it returns.

    The routine has a thread of its own, which runs only while the generator's caller waits in `next`: never are both
    at work.  It computes with floating-point warnings ignored; what it asks the caller to do runs in the caller's
    thread, with the warnings ignored as well.  Errors of either come out of `next` with their traceback.  Closing the
    generator, or dropping it, ends the routine where it waits and joins the thread; there is none before the first
    `next`.
    """
    caller: Caller[T] = Caller()
    # A daemon, so that a generator that is still open at the end of the program does not hold it up.
    thread = Thread(target=_run, args=(routine, caller), name="stepwise", daemon=True)
    thread.start()
    try:
        while True:
            asked = caller.asked.get()
            if isinstance(asked, _Wish):
                with np.errstate(all="ignore"):
                    answer = asked.do()
                caller.answers.put(answer)
            elif isinstance(asked, _Item):
                yield asked.item
                caller.answers.put(None)
            elif isinstance(asked, _Result):
                found: R = asked.result
                return found
            else:
                try:
                    raise asked.error
                finally:
                    del asked  # The error refers to this frame, which should not refer back to it.
    finally:
        caller.leave()
        thread.join()


def _run(routine: Callable[[Caller[T]], R], caller: Caller[T]) -> None:
    ended: _Result | _Raised
    try:
        with np.errstate(all="ignore"):
            ended = _Result(routine(caller))
    except Abandoned:
        return
    except BaseException as error:  # Whatever it is, the caller has to hear of it: else it would wait for ever.
        ended = _Raised(error)
    caller.asked.put(ended)
