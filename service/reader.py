"""Reads the parts of a request body, and finds all that is wrong with them before anything is refused."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from engine.errors import Fault, InvalidRequest, LimitExceeded
from engine.limits import Limits
from engine.question import Array
from service.arrays import ArrayFault, to_array
from service.pointers import pointer

MOST_FAULTS = 100
ALONE = "x"
"""What the input is called where the point is one array without a name."""
Path = tuple[str | int, ...]


class Reader:
    """Reads the parts of a request and collects what is wrong with them."""

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
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
                self.fault((*path, short(name)), f"There is no such field{hint}")
        return {name: content[name] for name in names if content.get(name) is not None}

    def arrays(self, value: Any, path: Path) -> dict[str, Array] | None:
        """An array under the name `ALONE`, or arrays by name, as float64; None and a fault for anything else."""
        if type(value) is not dict or is_packed(value):
            array = self.array(value, path)
            return None if array is None else {ALONE: array}
        if long := [name for name in value if len(name) > self.limits.name_chars]:
            self.fault((*path, short(long[0])), f"A name has at most {self.limits.name_chars} characters.")
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
        named = type(value) is dict and not is_packed(value)
        if not named and list(x) != [ALONE]:
            self.fault(path, f"This has to be an object of arrays by name, as the point is: {_listed(x)}.")
            return None
        before = len(self.faults)
        for name, array in x.items():
            where = (*path, name) if named else path
            if name not in arrays:
                self.fault(path, f"There is nothing for `{short(name)}`.")
            elif arrays[name].shape != array.shape:
                shapes = f"{_shape(arrays[name])}, and in the point it is {_shape(array)}"
                self.fault(where, f"The shape is {shapes}.")
        for name in arrays:
            if name not in x:
                self.fault((*path, short(name)), f"The point has no input of this name; it has {_listed(x)}.")
        return {name: arrays[name] for name in x} if len(self.faults) == before else None

    def made(self, value: Any, path: Path, make: Callable[[Any], Any]) -> Any:
        """What `make` makes of an object, its faults noted under `path`; None with a fault."""
        if type(value) is not dict:
            self.fault(path, "This has to be a JSON object.")
            return None
        try:
            return make(value)
        except InvalidRequest as error:
            self.faults += [Fault(pointer(path) + fault.pointer, fault.detail) for fault in error.faults]
            return None

    def named(self, value: Any, path: Path, make: Callable[[str, dict[str, Any]], Any]) -> Any:
        """What `make` makes of a name, or of an object with a `name` and options; None with a fault."""
        if type(value) is str:
            value = {"name": value}
        if type(value) is not dict:
            self.fault(path, 'This has to be a name, or {"name": …} with options.')
            return None
        if type(value.get("name")) is not str:
            self.fault((*path, "name"), "The name is missing, or is no string.")
            return None
        options = {name: option for name, option in value.items() if name != "name"}
        return self.made(options, path, lambda given: make(value["name"], given))


def is_packed(value: dict[str, Any]) -> bool:
    """Whether an object is one array in base64, and not arrays by name."""
    return type(value.get("base64")) is str


def _shape(array: Array) -> str:
    return str(list(array.shape)) if array.ndim else "that of a number"


def _listed(x: dict[str, Array]) -> str:
    names = [f"`{short(name)}`" for name in x]
    return ", ".join(names[:10]) + (", …" if len(names) > 10 else "")


def short(name: str) -> str:
    """A name as it is shown in a fault."""
    return name if len(name) <= 100 else name[:100] + "…"
