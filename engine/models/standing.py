"""How a training stands between two steps: all that it takes to go on, and to tell what was found."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from engine.graph.types import Array
from engine.models.curve import Curve
from engine.models.finder import suggested
from engine.models.health import Health, Remark
from engine.models.line import Line, Point
from engine.models.model import Model
from engine.models.regime import Regime
from engine.objective import Variables
from engine.optimise.plateau import Plateau
from engine.optimise.run import WITHDRAWN
from engine.optimise.state import State
from engine.optimise.stopping import StopReason

MOST_REMARKS = 100


class Standing:
    """The lines of all seeds, and the parameters that they have come to: a row of `state.x` for each in `active`.

    `starts` are all parameters by name that each seed begins with.  `epoch` epochs were finished, and `batch` batches
    of the next one.  `scores` are the numbers that are known at the end of an epoch, by name.
    """

    def __init__(
        self, model: Model, regime: Regime, starts: Sequence[Mapping[str, Array]], scores: tuple[str, ...] = ()
    ) -> None:
        self.model, self.regime = model, regime
        self.layout = Variables({p.name: p.shape for p in model.trainable})
        self.layers = tuple(dict.fromkeys(p.layer for p in model.trainable))
        lr = float(regime.method.options["lr"])
        sizes = np.array(self.sizes, dtype=np.float64)
        states = [{p.name: np.asarray(start[p.name]) for p in model.parameters if not p.trainable} for start in starts]
        self.lines = [
            Line(i, seed, states[i], Health(self.layers, sizes), Plateau(lr), Curve(scores))
            for i, seed in enumerate(regime.seeds)
        ]
        self.state = regime.method.start(np.stack([self.layout.join(start) for start in starts]))
        self.active = list(range(len(self.lines)))
        self.epoch = self.batch = 0
        self.seconds = 0.0
        self.remarks: list[Remark] = []

    @staticmethod
    def left(model: Model, regime: Regime, content: Mapping[str, Any]) -> Standing:
        """How a training stood that was left in a state that `to_json` wrote."""
        nothing = {p.name: np.zeros(p.shape) for p in model.parameters}
        standing = Standing(model, regime, [nothing] * len(regime.seeds))
        standing.resume(content)
        return standing

    @property
    def sizes(self) -> list[int]:
        """How many trainable numbers each layer has."""
        return [sum(p.size for p in self.model.trainable if p.layer == layer) for layer in self.layers]

    @property
    def ended(self) -> bool:
        """Whether all seeds have come to their end."""
        return all(line.reason is not None for line in self.lines)

    @property
    def best(self) -> Line:
        """The seed whose parameters are kept: that with the lowest value; the first, of those that did not diverge if
        there are any, where none has a value.
        """

        def rank(line: Line) -> tuple[float, bool]:
            point, diverged = self.point(line), line.reason == "diverged"
            # One that diverged before the end of a good epoch has nothing to show.
            known = math.isfinite(point.value) and not (diverged and line.best is None)
            return (point.value if known else math.inf), diverged

        return min(self.lines, key=rank)

    def point(self, line: Line) -> Point:
        """The parameters of a seed that are kept: the best ones at the end of an epoch, also where it has diverged, or
        the last ones.

        Before the end of the first epoch there are only those where it is.  Its value is then the mean of the losses
        of this epoch so far.
        """
        if line.best is not None and (self.regime.keep == "best" or line.reason == "diverged"):
            return line.best
        here = line.number in self.active and self.state.step > (0 if line.last is None else line.last.step)
        if line.last is None or (here and self.regime.keep == "last"):
            return self._here(line)
        return line.last

    def _here(self, line: Line) -> Point:
        """Where a seed is that has not been taken out."""
        x = self.state.x[self.active.index(line.number)]
        return Point(self.epoch, self.state.step, line.gathered.mean, x, line.states, {})

    def suggestion(self) -> float | None:
        """The learning rate that a search has found."""
        finder = self.regime.finder
        if finder is None:
            return None
        return suggested([finder.rate(i) for i in range(finder.steps)], self.lines[0].losses)

    def parameters(self, point: Point) -> dict[str, Array]:
        """All parameters at a point, by name, in the order of the model."""
        found = {**self.layout.split(point.x), **point.states}
        return {p.name: np.array(found[p.name]) for p in self.model.parameters}

    def end(self, reason: StopReason) -> None:
        """End all seeds that are still going on where they are."""
        for line in self.lines:
            line.end(reason, WITHDRAWN[reason])

    def remark(self, line: Line, step: int, epoch: int, news: Sequence[tuple[str, str, str]]) -> None:
        """Note what was seen of the gradients of a seed: kind, layer and detail."""
        found = [Remark(step, epoch, line.number, kind, layer, detail) for kind, layer, detail in news]
        self.remarks += found[: MOST_REMARKS - len(self.remarks)]

    def drop(self) -> None:
        """Take out the seeds that have ended, unless all have."""
        keep = [k for k, i in enumerate(self.active) if self.lines[i].reason is None]
        if len(keep) in (0, len(self.active)):
            return
        state = self.state
        for k, i in enumerate(self.active):
            line = self.lines[i]
            if line.reason is not None and line.last is None:
                line.last = Point(self.epoch, state.step, line.gathered.mean, state.x[k], line.states, {})
        self.state, self.active = state.rows(keep), [self.active[k] for k in keep]

    def to_json(self) -> dict[str, Any]:
        """The state as JSON values, bit for bit."""
        return {
            "method": self.regime.method.rule.name,
            "seconds": self.seconds,
            "state": self.state.to_json(),
            "active": list(self.active),
            "epoch": self.epoch,
            "batch": self.batch,
            "lines": [line.to_json() for line in self.lines],
            "remarks": [remark.to_json() for remark in self.remarks],
        }

    def resume(self, content: Mapping[str, Any]) -> None:
        """Go on from a state that `to_json` wrote."""
        self.seconds = content["seconds"]
        self.state, self.active = State.from_json(content["state"]), list(content["active"])
        self.epoch, self.batch = content["epoch"], content["batch"]
        for line, kept in zip(self.lines, content["lines"], strict=True):
            line.resume(kept)
        self.remarks = [Remark(**remark) for remark in content["remarks"]]
