"""A process that computes in high precision, so that it can be stopped: `python -m engine.precision.worker`.

mpmath and sympy are written in Python, may take for ever, and cannot be interrupted from outside; in a process of their
own they neither hold up the server nor outlive their deadline.  A first line on standard output says that it is ready;
then a request is a line of JSON on standard input, its answer a line on standard output.  When standard input ends, so
does the process, whatever it is doing.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
from collections.abc import Callable
from queue import SimpleQueue
from typing import Any

from engine.engine import Engine
from engine.errors import BudgetExceeded, EngineError
from engine.limits import Budget, Limits
from engine.precision import wire

LAST_SECONDS = 1.0
"""How long after its deadline it ends by itself, when nobody has killed it."""
READY = b"ready\n"
"""What it writes before the first answer, when its imports are over."""
MEMORY_BYTES = 4 * 2**30
"""Address space of the process; a computation that wants more fails, and the process with it."""


class Worker:
    """The answers of one process."""

    def __init__(self, limits: Limits) -> None:
        self._engine = Engine(limits, cache_entries=256)
        self._tasks: dict[str, Callable[[dict[str, Any], Budget], Any]] = {
            "resolve": self._resolve,
            "examine": self._examine,
            "symbolic": self._symbolic,
            "adjoints": self._adjoints,
        }

    def answer(self, request: dict[str, Any]) -> dict[str, Any]:
        """The answer to one request: `{"result": …}`, or in words `{"refused": …}` or `{"late": …}`."""
        budget = Budget.starting_now(request["seconds"])
        try:
            return {"result": self._tasks[request["task"]](request, budget)}
        except BudgetExceeded as error:
            # With time left, it was known beforehand that it would take too long, and the reason says so.
            return {"late": error.detail if budget.left else None}
        except EngineError as error:
            return {"refused": error.detail}
        except Exception as error:
            # mpmath and sympy raise of everything; whatever it is, the next question finds the process as it was.
            return {"refused": f"it failed with a {type(error).__name__}"}

    def _resolve(self, request: dict[str, Any], budget: Budget) -> Any:
        question, ask = wire.question_from(request["question"]), request["ask"]
        needed = None if request["needed"] is None else wire.list_from(request["needed"])
        return wire.resolved_to(self._engine.resolve(question, ask, budget, needed))

    def _examine(self, request: dict[str, Any], budget: Budget) -> Any:
        question, ask = wire.question_from(request["question"]), request["ask"]
        return wire.examination_to(self._engine.examine(question, ask, budget))

    def _symbolic(self, request: dict[str, Any], budget: Budget) -> Any:
        question = wire.question_from(request["question"])
        return wire.arrays_to(self._engine.symbolic(question, budget))

    def _adjoints(self, request: dict[str, Any], budget: Budget) -> Any:
        question = wire.question_from(request["question"])
        return wire.settled_to(self._engine.adjoints(question, budget))


def main() -> None:
    """Answer requests until standard input ends."""
    _bound_memory()
    worker = Worker(Limits(**json.loads(sys.argv[1]) if len(sys.argv) > 1 else {}))
    requests: SimpleQueue[bytes] = SimpleQueue()
    threading.Thread(target=_read, args=(requests,), daemon=True).start()
    output = sys.stdout.buffer
    output.write(READY)
    output.flush()
    while True:
        request = json.loads(requests.get())
        _die_in(request["seconds"] + LAST_SECONDS)
        answer = worker.answer(request)
        _die_in(0.0)
        output.write(json.dumps(answer).encode() + b"\n")
        output.flush()


def _read(requests: SimpleQueue[bytes]) -> None:
    for line in sys.stdin.buffer:
        requests.put(line)
    os._exit(0)


def _die_in(seconds: float) -> None:
    """Have the system end this process then, whatever it is doing; 0 takes it back.

    A multiplication of numbers of a million digits lets no other thread run, neither the one that sees the input end.
    """
    if hasattr(signal, "setitimer"):
        signal.setitimer(signal.ITIMER_REAL, seconds)


def _bound_memory() -> None:
    try:
        import resource
    except ImportError:  # not on this platform
        return
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, resource.getrlimit(resource.RLIMIT_AS)[1]))


if __name__ == "__main__":
    main()
