"""What is said of a gradient from values of a function that was never seen: the report, and three kinds of row."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from engine.verify.report import Component, Report


@dataclass(frozen=True, slots=True)
class Estimated(Component):
    """A component whose expected number is an estimate, and what that may be off by: None where nothing is known."""

    error_bar: float | None


@dataclass(frozen=True, slots=True)
class OneSided:
    """Where there is no derivative: its limits from the left and right, None where there are none either."""

    input: str
    index: tuple[int, ...]
    left: float | None
    right: float | None


@dataclass(frozen=True, slots=True)
class Noise:
    """The noise of the function: its standard deviation at the point, that relative to the values near the point, and
    the decimal digits that this leaves.  `measured`, or told by the client, or the rounding of its precision."""

    absolute: float
    relative: float
    digits: float
    measured: bool


@dataclass(frozen=True, slots=True)
class PlanReport(Report):
    """A report on the values at the points of a plan."""

    kinks: tuple[OneSided, ...] = ()
    noise: Noise = field(default_factory=lambda: Noise(math.nan, math.nan, 0.0, False))
