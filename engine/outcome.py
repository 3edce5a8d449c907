"""What a run has found: told from its state alone, at any time, without another evaluation."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from engine.graph.types import Array
from engine.objective import Variables
from engine.optimise.stopping import StopReason
from engine.optimise.track import Place, Track


@dataclass(frozen=True, slots=True)
class Found:
    """A point of a start: the client's value, the norm of the gradient, the variables by name, after `step` steps."""

    step: int
    value: float
    grad_norm: float
    variables: Mapping[str, Array]


@dataclass(frozen=True, slots=True)
class Ended:
    """How one start has ended: its best point, its last one, and why; None where nothing was evaluated."""

    start: int
    best: Found | None
    last: Found | None
    reason: StopReason | None
    message: str
    restarts: Sequence[int]

    @property
    def steps(self) -> int:
        """How many steps were made."""
        return 0 if self.last is None else self.last.step


def outcome(tracks: Sequence[Track], variables: Variables, sign: float) -> list[Ended]:
    """What the starts have found; `sign` is −1 where something is maximised."""
    return [
        Ended(
            track.start,
            _found(track.outcome, variables, sign),
            _found(track.last, variables, sign),
            track.reason,
            track.message,
            tuple(track.restarts),
        )
        for track in tracks
    ]


def best(ended: Sequence[Ended], sign: float) -> Ended:
    """The start with the best value; the first where none has one."""
    found = [each for each in ended if each.best is not None and not math.isnan(each.best.value)]
    return min(found, key=lambda each: sign * each.best.value if each.best else math.inf, default=ended[0])


def _found(place: Place | None, variables: Variables, sign: float) -> Found | None:
    if place is None:
        return None
    return Found(place.step, sign * place.value, place.grad_norm, variables.split(place.x))
