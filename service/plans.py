"""Plans on the wire: read and written, with every fault of a request found before it is refused."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

from engine.errors import Fault, InvalidRequest, Limit, LimitExceeded
from engine.limits import Limits
from engine.question import Array
from engine.verify.plan import LEVELS, VERSION, Plan, checked, default_directions
from service.answers import BYTES_PER_NUMBER
from service.arrays import ArrayFault, from_array, to_array
from service.pointers import pointer

MOST_FAULTS = 100
MOST_DIRECTIONS = 1000
MOST_NOISE = 0.1
LEVELS_ALLOWED = (2, 8)
ALONE = "x"
"""What the input is called where the point is one array without a name."""
ASKED = ("x", "directions", "precision", "noise", "scale", "levels", "seed")
Path = tuple[str | int, ...]


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


class Reader:
    """Reads the parts of a request and collects what is wrong with them."""

    def __init__(self, limits: Limits, answer_bytes: int) -> None:
        self.limits, self.answer_bytes = limits, answer_bytes
        self.faults: list[Fault] = []

    def fault(self, path: Path, detail: str) -> None:
        """Note that something is wrong at `path`."""
        if len(self.faults) < MOST_FAULTS:
            self.faults.append(Fault(pointer(path), detail))

    def refuse(self) -> None:
        """Raise `InvalidRequest` if anything was wrong."""
        if self.faults:
            first = self.faults[0]
            detail = f"{first.pointer}: {first.detail}" if first.pointer else first.detail
            if len(self.faults) > 1:
                detail = f"{len(self.faults)} things are wrong with this request; the first one is {detail}"
            raise InvalidRequest(detail, faults=self.faults)

    def fields(self, content: Any, known: Iterable[str], path: Path = ()) -> dict[str, Any]:
        """The known fields of an object; a fault for each of the others, and for what is no object."""
        if type(content) is not dict:
            self.fault(path, "This has to be a JSON object.")
            if not path:
                self.refuse()
            return {}
        names = list(known)
        for name in content:
            if name not in names:
                near = difflib.get_close_matches(name[:20], names, 1)
                hint = f"; did you mean `{near[0]}`?" if near else "."
                self.fault((*path, _short(name)), f"There is no such field{hint}")
        return {name: content[name] for name in names if content.get(name) is not None}

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
        return Planned(self._checked(plan, path), type(asked) is dict and not _packed(asked))

    def arrays(self, value: Any, path: Path) -> dict[str, Array] | None:
        """An array under the name `ALONE`, or arrays by name, as float64; None and a fault for anything else."""
        if type(value) is not dict or _packed(value):
            array = self.array(value, path)
            return None if array is None else {ALONE: array}
        if long := [name for name in value if len(name) > self.limits.name_chars]:
            self.fault((*path, _short(long[0])), f"A name has at most {self.limits.name_chars} characters.")
            return None
        arrays = {name: self.array(part, (*path, name)) for name, part in value.items()}
        found = {name: array for name, array in arrays.items() if array is not None}
        return found if len(found) == len(arrays) else None

    def array(self, value: Any, path: Path) -> Array | None:
        """One array of numbers as float64."""
        try:
            array = to_array(value, self.limits.array_bytes)
        except ArrayFault as fault:
            self.fault((*path, *fault.path), fault.detail)
            return None
        except LimitExceeded as error:
            error.faults = [Fault(pointer(path), error.detail)]
            raise
        if array.dtype.kind == "b":
            self.fault(path, "These are booleans; numbers are needed.")
            return None
        return array.astype(np.float64)

    def number(self, value: Any, path: Path) -> float | None:
        """One number, not necessarily finite."""
        array = self.array(value, path)
        if array is not None and array.ndim:
            self.fault(path, "This has to be a single number.")
            return None
        return None if array is None else float(array)

    def integer(self, value: Any, low: int, high: int, path: Path, what: str = "") -> int:
        """An integer from `low` to `high`, which may be written as 3.0; `low` with a fault for anything else."""
        if type(value) is float and value.is_integer():
            value = int(value)
        if type(value) is not int or not low <= value <= high:
            self.fault(path, f"This has to be {what or f'an integer from {low} to {high}'}.")
            return low
        return value

    def like(self, value: Any, x: dict[str, Array], path: Path) -> dict[str, Array] | None:
        """Arrays with the names and shapes of those in `x`."""
        arrays = self.arrays(value, path)
        if arrays is None:
            return None
        named = type(value) is dict and not _packed(value)
        if not named and list(x) != [ALONE]:
            self.fault(path, f"This has to be an object of arrays by name, as the point is: {_listed(x)}.")
            return None
        before = len(self.faults)
        for name, array in x.items():
            where = (*path, name) if named else path
            if name not in arrays:
                self.fault(path, f"There is nothing for `{_short(name)}`.")
            elif arrays[name].shape != array.shape:
                shapes = f"{_shape(arrays[name])}, and in the point it is {_shape(array)}"
                self.fault(where, f"The shape is {shapes}.")
        for name in arrays:
            if name not in x:
                self.fault((*path, _short(name)), f"The point has no input of this name; it has {_listed(x)}.")
        return {name: arrays[name] for name in x} if len(self.faults) == before else None

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


def _packed(value: dict[str, Any]) -> bool:
    """Whether an object is one array in base64, and not arrays by name."""
    return type(value.get("base64")) is str


def _shape(array: Array) -> str:
    return str(list(array.shape)) if array.ndim else "that of a number"


def _listed(x: dict[str, Array]) -> str:
    names = [f"`{_short(name)}`" for name in x]
    return ", ".join(names[:10]) + (", …" if len(names) > 10 else "")


def _short(name: str) -> str:
    return name if len(name) <= 100 else name[:100] + "…"
