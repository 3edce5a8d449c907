"""When a run ends, and why."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, get_args

from engine.errors import InvalidRequest
from engine.optimise.options import Option, read_options

StopReason = Literal["converged", "target", "max-steps", "max-seconds", "patience", "diverged", "cancelled"]
REASONS: tuple[StopReason, ...] = get_args(StopReason)

_MOST = 2**53
OPTIONS = (
    Option("max_steps", 1000, "No more steps than this.", high=_MOST, kind="integer"),
    Option("max_seconds", math.inf, "No more time than this, all attempts together.", open="low"),
    Option("grad_norm", 0.0, "The norm of the gradient (of its free part, with bounds) is at most this."),
    Option("relative_change", -1.0, "A step changes the value by at most this part of it.", low=0.0),
    Option("target", -math.inf, "The value is as good as this.", low=-math.inf),
    Option("patience", _MOST, "So many steps in a row have not improved on the best value.", low=1, kind="integer"),
)
"""What a client may ask for; the defaults of those that it leaves out never stop a run, but for `max_steps`."""
SMALL_GRADIENT = 1e-8
"""Where first-order methods stop unless they are told otherwise."""


@dataclass(frozen=True, slots=True)
class Stop:
    """The criteria.  `relative_change` is negative where it is not one; `target` is for what is minimised.

    `stationary`: a gradient of 0 is an end.  It is not for a method that can leave a saddle.
    """

    max_steps: int = 1000
    max_seconds: float = math.inf
    grad_norm: float = 0.0
    relative_change: float = -1.0
    target: float = -math.inf
    patience: int = _MOST
    stationary: bool = True

    def reason(self, step: int, value: float, before: float, norm: float, idle: int) -> tuple[StopReason, str] | None:
        """Why the run ends at a point with this value and gradient norm, or None.

        `before` is the value one step earlier (NaN at the start), `idle` the steps since the best one.
        """
        if not (math.isfinite(value) and math.isfinite(norm)):
            return "diverged", "The value or the gradient is not finite."
        if value <= self.target:
            return "target", "The value has reached its target."
        if norm == 0 and self.stationary:
            return "converged", "The gradient is 0."
        if norm <= self.grad_norm and norm > 0:
            return "converged", f"The norm of the gradient is {norm:.3g}, at most {self.grad_norm:g}."
        if abs(value - before) <= self.relative_change * max(abs(value), abs(before)):
            return "converged", f"A step has changed the value by no more than {self.relative_change:g} of it."
        if idle >= self.patience:
            return "patience", f"{idle:,} steps have not improved the best value."
        if step >= self.max_steps:
            return "max-steps", f"{step:,} steps were made, as many as were allowed."
        return None


def read_stop(given: Mapping[str, object], sign: float, grad_norm: float) -> Stop:
    """The criteria with defaults.  `target` is turned by `sign`.  Raises `InvalidRequest` with all faults."""
    read, faults = read_options("stop", OPTIONS, given)
    if faults:
        raise InvalidRequest(faults[0].detail, faults=faults)
    return Stop(
        int(read["max_steps"]),
        float(read["max_seconds"]),
        float(read["grad_norm"]) if given.get("grad_norm") is not None else grad_norm,
        float(read["relative_change"]),
        -math.inf if given.get("target") is None else sign * float(read["target"]),
        int(read["patience"]),
    )
