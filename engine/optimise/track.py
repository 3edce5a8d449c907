"""How far one start has come: its last point, its best one, and why it ended."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np

from engine.graph.types import Array
from engine.optimise.state import packed, unpacked
from engine.optimise.stopping import Stop, StopReason


class Row(NamedTuple):
    """One row of the history: the point of start number `start` after `step` steps.

    `value` is the client's: of what is maximised, if it is.  `rate` is the learning rate of the step that led there,
    or the damping, radius or step length of a method that has one; NaN where there is none.  `more` are numbers that
    only some runs have, NaN where there is none in this row.  One that is to be `kept` goes into every history.
    """

    start: int
    step: int
    value: float
    grad_norm: float
    rate: float
    x: Array
    more: tuple[float, ...] = ()
    kept: bool = False


@dataclass(slots=True)
class Place:
    """A point (n,) with what is known of it; `value` is that of what is minimised."""

    step: int
    x: Array
    value: float
    grad_norm: float

    def to_json(self) -> dict[str, Any]:
        """The same as JSON values, bit for bit."""
        numbers = packed(np.array([self.value, self.grad_norm]))
        return {"step": self.step, "x": packed(self.x), "numbers": numbers}

    @staticmethod
    def from_json(content: Mapping[str, Any]) -> Place:
        """What `to_json` wrote."""
        value, norm = unpacked(content["numbers"])
        return Place(content["step"], unpacked(content["x"]), float(value), float(norm))


@dataclass(slots=True)
class Track:
    """The way of one start.  `reason` is None while it goes on.

    `best` is the point with the lowest value; of a method that never goes up, but by rounding (by `slack` of the
    value), the last one.  `lowest` is the lowest value itself, met after `improved` steps.
    """

    start: int
    last: Place | None = None
    best: Place | None = None
    lowest: float = math.inf
    improved: int = 0
    reason: StopReason | None = None
    message: str = ""
    restarts: list[int] = field(default_factory=list)

    def enter(self, step: int, x: Array, value: float, norm: float, stop: Stop, slack: float = 0.0) -> None:
        """Go to a point, and end there if a criterion says so."""
        before = math.nan if self.last is None else self.last.value
        self.last = Place(step, x, value, norm)
        if math.isfinite(value) and math.isfinite(norm):
            as_good = slack > 0 and value <= self.lowest + slack * abs(self.lowest)
            if self.best is None or value < self.lowest or as_good:
                self.best = self.last
            if value < self.lowest:
                self.lowest, self.improved = value, step
        found = stop.reason(step, value, before, norm, step - self.improved)
        if found is not None:
            self.reason, self.message = found

    @property
    def outcome(self) -> Place | None:
        """The best point; the last one where none had a finite value; None before the first."""
        return self.best if self.best is not None else self.last

    def end(self, reason: StopReason, message: str) -> None:
        """End it where it is, unless it has ended."""
        if self.reason is None:
            self.reason, self.message = reason, message

    def to_json(self) -> dict[str, Any]:
        """The same as JSON values, bit for bit."""
        same = self.best is self.last
        return {
            "start": self.start,
            "last": None if self.last is None else self.last.to_json(),
            "best": "last" if same else None if self.best is None else self.best.to_json(),
            "improved": [self.improved, self.lowest.hex()],
            "reason": self.reason,
            "message": self.message,
            "restarts": self.restarts,
        }

    @staticmethod
    def from_json(content: Mapping[str, Any]) -> Track:
        """What `to_json` wrote."""
        last = None if content["last"] is None else Place.from_json(content["last"])
        best = content["best"]
        found = last if best == "last" else None if best is None else Place.from_json(best)
        improved, lowest = content["improved"]
        return Track(
            content["start"],
            last,
            found,
            float.fromhex(lowest),
            improved,
            content["reason"],
            content["message"],
            list(content["restarts"]),
        )


def norm_of(gradient: Array) -> float:
    """The Euclidean norm of a vector, without overflow or underflow on the way."""
    with np.errstate(all="ignore"):
        norm = math.sqrt(float(gradient @ gradient))
        if 1e-150 < norm < 1e150:
            return norm
        size = float(np.max(np.abs(gradient), initial=0.0))
        if not 0 < size < math.inf:
            return size
        return size * float(np.linalg.norm(gradient / size))
