"""What a worker carries out, whatever it is: an optimisation, or the training of a model."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Protocol

from engine.engine import Engine
from engine.limits import Budget
from engine.optimise.stopping import StopReason
from engine.optimise.track import Row

Outcome = tuple[Mapping[str, Any], bytes]
"""The result of a job as it is told, and the arrays that belong to it, as they are stored."""


class Going(Protocol):
    """An undertaking under way."""

    @property
    def best(self) -> float | None:
        """The best value so far, as the client's; None before there is one."""
        ...

    @property
    def remarks(self) -> Sequence[Mapping[str, Any]]:
        """What was noticed on the way, as it is told."""
        ...

    def steps(self) -> Iterator[list[Row]]:
        """The rows of one step after another."""
        ...

    def over(self, start: int) -> bool:
        """Whether this start has come to its end."""
        ...

    def end(self, reason: StopReason) -> None:
        """End what is still going on where it is."""
        ...

    def to_json(self) -> dict[str, Any]:
        """The state after the last step that was yielded, as JSON values."""
        ...

    def outcome(self, reason: str) -> Outcome:
        """What was found; `reason` is for starts that have none of their own."""
        ...


class Undertaking(Protocol):
    """All that a job depends on.

    `every`: of so many steps one is kept in the history, with its point (`width` numbers) if it says `keep`.  A state
    has about `numbers` numbers.  `max_seconds`: what the client allows, None for as long as the server does.
    """

    @property
    def every(self) -> int: ...

    @property
    def keep(self) -> bool: ...

    @property
    def width(self) -> int: ...

    @property
    def numbers(self) -> int: ...

    @property
    def max_seconds(self) -> float | None: ...

    def begin(self, engine: Engine, budget: Budget, state: Mapping[str, Any] | None) -> Going:
        """Begin it, or go on from a state.  Raises the `EngineError` of what is wrong with it."""
        ...

    def left(self, state: Mapping[str, Any] | None, reason: str | None) -> Outcome:
        """What was found by a run that was left in this state, without computing."""
        ...

    def to_json(self) -> dict[str, Any]:
        """The same as JSON values."""
        ...
