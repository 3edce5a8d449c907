"""A learning rate that falls when the objective no longer does."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace

from engine.errors import InvalidRequest
from engine.optimise.options import Option, Options, read_options

OPTIONS = (
    Option("factor", 0.1, "What the rate is multiplied by.", high=1.0, open="high"),
    Option("patience", 10, "Losses in a row that may be no better.", high=2**53, kind="integer"),
    Option("threshold", 1e-4, "What counts as better, as a part of the best loss.", high=1.0),
    Option("cooldown", 0, "Losses after a fall that are not counted.", high=2**53, kind="integer"),
    Option("minimum", 0.0, "The least rate."),
    Option("eps", 1e-8, "A fall that is smaller does not happen."),
)


@dataclass(frozen=True, slots=True)
class Plateau:
    """The rate, the best loss so far, and how long ago that was."""

    lr: float
    best: float = math.inf
    bad: int = 0
    cooling: int = 0


def options(given: Mapping[str, object] | None = None) -> Options:
    """The options with defaults.  Raises `InvalidRequest` with all faults."""
    read, faults = read_options("plateau", OPTIONS, given or {})
    if faults:
        raise InvalidRequest(faults[0].detail, faults=faults)
    return read


def reduced(state: Plateau, loss: float, options: Options) -> Plateau:
    """The state after one more loss, as torch's ReduceLROnPlateau with mode `min` and a relative threshold has it."""
    better = loss < state.best * (1 - options["threshold"])
    best, bad = (loss, 0) if better else (state.best, state.bad + 1)
    cooling = state.cooling
    if cooling > 0:
        cooling, bad = cooling - 1, 0
    lr = state.lr
    if bad > options["patience"]:
        fallen = max(lr * options["factor"], options["minimum"])
        lr = fallen if lr - fallen > options["eps"] else lr
        cooling, bad = int(options["cooldown"]), 0
    return replace(state, lr=lr, best=best, bad=bad, cooling=cooling)
