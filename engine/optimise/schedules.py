"""Learning rates as functions of the number of steps that were made."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from engine.optimise.options import Option, Options, chosen

Rate = Callable[[int, float, Options], float]
"""From the number of steps made before (0 in the first), the learning rate of the method, and options to the rate."""


@dataclass(frozen=True, slots=True)
class Schedule:
    """One schedule with its options."""

    name: str
    rate: Rate
    options: tuple[Option, ...]


@dataclass(frozen=True, slots=True)
class Scheduled:
    """A schedule with all of its options."""

    schedule: Schedule
    options: Options

    def rate(self, step: int, lr: float) -> float:
        """The learning rate of the step after `step` others."""
        return self.schedule.rate(step, lr, self.options)


def constant(step: int, lr: float, options: Options) -> float:
    """Always `lr`."""
    return lr


def stepwise(step: int, lr: float, options: Options) -> float:
    """`lr` times `gamma` for every `size` steps; torch's StepLR."""
    return float(lr * options["gamma"] ** (step // int(options["size"])))


def exponential(step: int, lr: float, options: Options) -> float:
    """`lr` times `gamma` for every step; torch's ExponentialLR."""
    return float(lr * options["gamma"] ** step)


def cosine(step: int, lr: float, options: Options) -> float:
    """Half a cosine from `lr` to `minimum` in `steps` steps: Loshchilov and Hutter, SGDR, 2017, equation 5.

    It stays at `minimum` then; torch's CosineAnnealingLR would rise again.
    """
    low = options["minimum"]
    return low + (lr - low) * (1 + math.cos(math.pi * min(step / options["steps"], 1.0))) / 2


def warmup(step: int, lr: float, options: Options) -> float:
    """A straight line from `start` times `lr` to `lr` in `steps` steps, then `lr`; torch's LinearLR."""
    start = options["start"]
    return lr * (start + (1 - start) * min(step / options["steps"], 1.0))


def one_cycle(step: int, lr: float, options: Options) -> float:
    """Up to `lr` and down again in `steps` steps, by cosines: Smith and Topin, Super-Convergence, 2018.

    From `lr / divisor`, for the part `rise` of the steps, and down to `lr / divisor / final_divisor`; torch's
    OneCycleLR with two phases, which leaves the momentum as it is.
    """
    low = lr / options["divisor"]
    top, end = options["rise"] * options["steps"] - 1, options["steps"] - 1
    if step <= top:
        return _eased(low, lr, step / top if top else 1.0)
    return _eased(lr, low / options["final_divisor"], min((step - top) / (end - top), 1.0) if end > top else 1.0)


def _eased(start: float, end: float, part: float) -> float:
    return end + (start - end) / 2 * (math.cos(math.pi * part) + 1)


_STEPS = Option("steps", None, "How many steps it takes.", low=1, high=2**53, kind="integer")
_GAMMA = Option("gamma", 0.1, "The factor.", high=1.0, open="low")
SCHEDULES: Mapping[str, Schedule] = {
    schedule.name: schedule
    for schedule in (
        Schedule("constant", constant, ()),
        Schedule("step", stepwise, (Option("size", None, "Steps between factors.", 1, 2**53, kind="integer"), _GAMMA)),
        Schedule("exponential", exponential, (Option("gamma", None, "The factor.", high=1.0, open="low"),)),
        Schedule("cosine", cosine, (_STEPS, Option("minimum", 0.0, "The last rate."))),
        Schedule("warmup", warmup, (_STEPS, Option("start", 0.0, "The first rate, as a part of lr.", high=1.0))),
        Schedule(
            "one-cycle",
            one_cycle,
            (
                _STEPS,
                Option("rise", 0.3, "The part of the steps that goes up.", high=1.0, open="both"),
                Option("divisor", 25.0, "lr over the first rate.", low=1.0),
                Option("final_divisor", 1e4, "The first rate over the last.", low=1.0),
            ),
        ),
    )
}
"""The schedules by name."""


def schedule(name: str, options: Mapping[str, object] | None = None) -> Scheduled:
    """The schedule called `name`.  Raises `InvalidRequest` with all faults, whose pointers begin at the schedule."""
    return Scheduled(*chosen("schedule", name, SCHEDULES, options))
