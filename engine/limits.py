"""What one question may cost."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

from engine.errors import BudgetExceeded, Limit


@dataclass(frozen=True, slots=True)
class Limits:
    """Limits on a question, checked before anything is allocated.  Sizes are in bytes, times in seconds."""

    source_chars: int = 65_536
    nesting: int = 100
    name_chars: int = 100
    recursion: int = 100
    nodes: int = 200_000
    array_bytes: int = 512 * 2**20
    run_bytes: int = 2 * 2**30
    run_seconds: float = 10.0
    escalation_seconds: float = 2.0
    loop_nesting: int = 12
    unrolled_steps: int = 1_000


@dataclass(slots=True)
class Budget:
    """The time that is left for one question.  `deadline` is on the clock of `time.perf_counter`.

    Setting `cancelled` from any thread ends the computation at its next check.
    """

    deadline: float
    seconds: float
    whole: Budget | None = None
    _withdrawn: bool = field(default=False, init=False)

    @staticmethod
    def starting_now(seconds: float) -> Budget:
        """A budget of `seconds` from now."""
        return Budget(time.perf_counter() + seconds, seconds)

    @property
    def cancelled(self) -> bool:
        """Whether the question was withdrawn; with a budget, all shares of it are."""
        return self._withdrawn or (self.whole is not None and self.whole.cancelled)

    @cancelled.setter
    def cancelled(self, withdrawn: bool) -> None:
        self._withdrawn = withdrawn

    @property
    def left(self) -> float:
        """The seconds that are left, 0 when the time is up."""
        return max(0.0, self.deadline - time.perf_counter())

    def share(self, seconds: float) -> Budget:
        """A budget of `seconds` from now, or of what is left of this one if that is less."""
        granted = min(seconds, self.left)
        return Budget(time.perf_counter() + granted, granted, self)

    def check(self) -> None:
        """Raise `BudgetExceeded` when the time is up or the question was withdrawn."""
        if self.cancelled:
            raise BudgetExceeded("The computation was withdrawn before it had finished.")
        if time.perf_counter() > self.deadline:
            raise BudgetExceeded(
                f"The computation did not finish within {self.seconds:g} s.",
                limit=Limit("run_seconds", self.seconds),
                hint="Ask for a smaller problem, or split it into several requests.",
            )
