"""Plans on the wire: read and written, with every fault of a request found before it is refused."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from engine.errors import Fault, InvalidRequest, Limit, LimitExceeded
from engine.limits import Limits
from engine.question import Array
from engine.verify.plan import LEVELS, VERSION, Plan, checked, default_directions
from service.answers import BYTES_PER_NUMBER
from service.arrays import from_array
from service.pointers import pointer
from service.reader import ALONE, Path, Reader, is_packed

MOST_DIRECTIONS = 1000
MOST_NOISE = 0.1
LEVELS_ALLOWED = (2, 8)
ASKED = ("x", "directions", "precision", "noise", "scale", "levels", "seed")


@dataclass(frozen=True, slots=True)
class Planned:
    """A plan, and whether its point was sent as arrays by name."""

    plan: Plan
    named: bool

    def written(self, arrays: dict[str, Array], encoding: str = "json") -> Any:
        """Arrays by name in the form in which the point was sent."""
        if not self.named:
            return from_array(arrays[ALONE], encoding)
        return {name: from_array(array, encoding) for name, array in arrays.items()}


def plan_content(planned: Planned, encoding: str = "json") -> dict[str, Any]:
    """A plan as it goes to the client."""
    plan = planned.plan
    return {
        "version": VERSION,
        "x": planned.written(dict(plan.x), encoding),
        "precision": plan.precision,
        "directions": "coordinates" if plan.random is None else plan.random,
        "levels": plan.levels,
        "noise": plan.noise,
        "scale": None if plan.scale is None else planned.written(dict(plan.scale), encoding),
        "seed": plan.seed,
        "digest": plan.digest(),
    }


class PlanReader(Reader):
    """Reads plans; one whose answer would be larger than `answer_bytes` is refused."""

    def __init__(self, limits: Limits, answer_bytes: int) -> None:
        super().__init__(limits)
        self.answer_bytes = answer_bytes

    def plan(self, content: Any, path: Path = ()) -> Planned | None:
        """The plan that `content`, known fields only, asks for; refuses one that has too many points."""
        before = len(self.faults)
        if "x" not in content:
            self.fault((*path, "x"), "The point is missing: send an array, or arrays by name, as `x`.")
        x = self.arrays(content.get("x", 0.0), (*path, "x"))
        scale = None
        if "scale" in content and x is not None:
            scale = self._scale(content["scale"], x, (*path, "scale"))
        size = sum(array.size for array in x.values()) if x else 0
        directions = content.get("directions", default_directions(size))
        if directions == "coordinates":
            directions = None
        elif directions is not None:
            what = f"`coordinates`, or a number of random directions from 1 to {MOST_DIRECTIONS}"
            directions = self.integer(directions, 1, MOST_DIRECTIONS, (*path, "directions"), what)
        precision = content.get("precision", "float64")
        if precision not in ("float64", "float32"):
            self.fault((*path, "precision"), "The precision has to be `float64` or `float32`.")
        noise = None
        if "noise" in content:
            noise = self.number(content["noise"], (*path, "noise"))
            if noise is not None and not 0 <= noise <= MOST_NOISE:
                self.fault((*path, "noise"), f"The relative noise has to be a number from 0 to {MOST_NOISE}.")
        levels = self.integer(content.get("levels", LEVELS), *LEVELS_ALLOWED, (*path, "levels"))
        seed = self.integer(content.get("seed", 0), 0, 2**53 - 1, (*path, "seed"))
        if len(self.faults) > before or x is None:
            return None
        asked = content["x"]
        plan = Plan(x, precision, directions, levels, noise, scale, seed)
        return Planned(self._checked(plan, path), type(asked) is dict and not is_packed(asked))

    def _scale(self, value: Any, x: dict[str, Array], path: Path) -> dict[str, Array] | None:
        if type(value) in (int, float):
            number = self.number(value, path)
            return None if number is None else {name: np.full(array.shape, number) for name, array in x.items()}
        return self.like(value, x, path)

    def _checked(self, plan: Plan, path: Path) -> Plan:
        try:
            checked(plan)
        except InvalidRequest as error:
            error.faults = [Fault(pointer(path) + fault.pointer, fault.detail) for fault in error.faults]
            raise
        size = BYTES_PER_NUMBER * plan.base.size * plan.count
        if size > self.answer_bytes:
            most = self.answer_bytes // (BYTES_PER_NUMBER * plan.base.size)
            few = (most - 1 - plan.noise_points) // (2 * plan.levels)
            detail = f"{plan.count:,} points of {plan.base.size:,} numbers would be about {size:,} bytes, larger than "
            raise LimitExceeded(
                f"{detail}the {self.answer_bytes:,} that one answer may have.",
                faults=[Fault(pointer((*path, "directions")), "These are too many points for one answer.")],
                limit=Limit("answer_bytes", self.answer_bytes, size),
                hint=f"Ask for random directions, at most {min(few, MOST_DIRECTIONS)} here."
                if few >= 1
                else "Check a part of the components at a time, with the others fixed.",
            )
        return plan
