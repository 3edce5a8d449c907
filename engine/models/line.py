"""How far the run of one seed has come, and the points that it keeps."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from engine.graph.types import Array
from engine.models.curve import Curve, Scores
from engine.models.health import Health
from engine.optimise.plateau import Plateau
from engine.optimise.state import packed, unpacked
from engine.optimise.stopping import StopReason


@dataclass(slots=True)
class Point:
    """The parameters after an epoch: the trainable ones `x` (n,), the states, and the scores there."""

    epoch: int
    step: int
    value: float
    x: Array
    states: Mapping[str, Array]
    scores: Scores

    def to_json(self) -> dict[str, Any]:
        """The same as JSON values, bit for bit."""
        return {
            "epoch": self.epoch,
            "step": self.step,
            "value": self.value.hex(),
            "x": packed(self.x),
            "states": {name: packed(array) for name, array in self.states.items()},
            "scores": {name: v.hex() if isinstance(v, float) else v for name, v in self.scores.items()},
        }

    @staticmethod
    def from_json(content: Mapping[str, Any]) -> Point:
        """What `to_json` wrote."""
        states = {name: unpacked(array) for name, array in content["states"].items()}
        scores = {name: float.fromhex(v) if isinstance(v, str) else v for name, v in content["scores"].items()}
        value = float.fromhex(content["value"])
        return Point(content["epoch"], content["step"], value, unpacked(content["x"]), states, scores)


@dataclass(slots=True)
class Gathered:
    """What an epoch has seen so far: the sum of the losses, what they weigh, and the parts of its metrics."""

    sum: float = 0.0
    weight: float = 0.0
    parts: Mapping[str, Array] = field(default_factory=dict)

    @property
    def mean(self) -> float:
        """The loss of the epoch: the mean of those of its batches."""
        return self.sum / self.weight if self.weight else math.nan


@dataclass(slots=True)
class Line:
    """How far the run of one seed has come.  `reason` is None while it goes on.

    `former` is the best point before the best one, where this may yet turn out to be none.  `idle` epochs have not
    improved on the `lowest` value; `losses` are those of a search for a learning rate; `steps` were made.
    """

    number: int
    seed: int
    states: Mapping[str, Array]
    health: Health
    plateau: Plateau
    curve: Curve
    gathered: Gathered = field(default_factory=Gathered)
    value: float = math.nan
    norm: float = math.nan
    best: Point | None = None
    former: Point | None = None
    last: Point | None = None
    lowest: float = math.inf
    idle: int = 0
    losses: list[float] = field(default_factory=list)
    steps: int = 0
    reason: StopReason | None = None
    message: str = ""

    def end(self, reason: StopReason, message: str) -> None:
        """End it where it is, unless it has ended."""
        if self.reason is None:
            self.reason, self.message = reason, message

    def diverge(self, message: str, sure: bool) -> None:
        """End it where its numbers are not finite: a best point that is there, and is not `sure`, is none."""
        if not sure and self.best is not None and self.best.step == self.steps - 1:
            self.best = self.former
        self.end("diverged", message)

    def enter(self, point: Point, min_change: float, sure: bool) -> None:
        """Note the end of an epoch; `sure`: its value is that of its point, and not of the way there."""
        self.last = point
        self.curve.enter(point.epoch, point.scores)
        if math.isfinite(point.value) and (self.best is None or point.value < self.best.value):
            self.former, self.best = None if sure else self.best, point
        if point.value < self.lowest - min_change:
            self.lowest, self.idle = point.value, 0
        else:
            self.idle += 1

    def to_json(self) -> dict[str, Any]:
        """The same as JSON values, bit for bit."""
        numbers = [self.gathered.sum, self.gathered.weight, self.value, self.norm, self.lowest]
        best = None if self.best is None else "last" if self.best is self.last else self.best.to_json()
        plateau, former = self.plateau, self.former
        return {
            "states": {name: packed(array) for name, array in self.states.items()},
            "health": self.health.to_json(),
            "plateau": [plateau.lr, plateau.best.hex(), plateau.bad, plateau.cooling],
            "numbers": packed(np.array(numbers)),
            "curve": self.curve.to_json(),
            "parts": {name: packed(part) for name, part in self.gathered.parts.items()},
            "best": best,
            "former": None if former is None else former.to_json(),
            "last": None if self.last is None else self.last.to_json(),
            "idle": self.idle,
            "steps": self.steps,
            "losses": packed(np.array(self.losses)),
            "reason": self.reason,
            "message": self.message,
        }

    def resume(self, content: Mapping[str, Any]) -> None:
        """Go on from what `to_json` wrote."""
        self.states = {name: unpacked(array) for name, array in content["states"].items()}
        self.health.resume(content["health"])
        lr, best, bad, cooling = content["plateau"]
        self.plateau = Plateau(lr, float.fromhex(best), bad, cooling)
        total, weight, self.value, self.norm, self.lowest = unpacked(content["numbers"]).tolist()
        self.gathered = Gathered(total, weight, {name: unpacked(part) for name, part in content["parts"].items()})
        self.curve.resume(content["curve"])
        last, kept = content["last"], content["best"]
        self.last = None if last is None else Point.from_json(last)
        former = content["former"]
        self.former = None if former is None else Point.from_json(former)
        self.best = self.last if kept == "last" else None if kept is None else Point.from_json(kept)
        self.idle, self.steps = content["idle"], content["steps"]
        self.losses = unpacked(content["losses"]).tolist()
        self.reason, self.message = content["reason"], content["message"]
