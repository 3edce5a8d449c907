"""The domain of golden vectors, read from a request body."""

from __future__ import annotations

import math
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from engine.checking.vectors import Range
from engine.errors import Fault, InvalidRequest, Limit, LimitExceeded
from engine.graph.types import Shape
from service.pointers import pointer

FORMATS = ("json", "csv", "npz")
FIELDS = ("domain", "count", "seed", "format")
_RANGE = ("low", "high", "shape", "integer")


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which vectors are wanted, and how they are written."""

    domain: Mapping[str, Range]
    count: int
    seed: int
    format: str


def read_wanted(
    content: Mapping[str, Any], shapes: Mapping[str, Shape], accept: str, points: int, elements: int
) -> Wanted:
    """What a request body wants; `shapes` are those that a stored function declares, `accept` the header.

    `points` and `elements` are the most that are allowed, of random points and of numbers in each.

    Raises `InvalidRequest` with all faults, and `LimitExceeded`.
    """
    faults: list[Fault] = []
    domain = content.get("domain")
    ranges: dict[str, Range] = {}
    if type(domain) is not dict or not domain:
        faults.append(Fault("/domain", 'This has to be an object: a range by input, as in {"x": [-1, 1]}.'))
    else:
        for name, given in domain.items():
            found = _range(given, name, shapes.get(name, ()), faults)
            if found is not None:
                ranges[name] = found
    count = _integer(content.get("count", 20), "count", 1, faults)
    seed = _integer(content.get("seed", 0), "seed", 0, faults)
    form = _accepted(accept) if content.get("format") is None else content["format"]
    if type(form) is not str or form not in FORMATS:
        faults.append(Fault("/format", f"The format has to be one of {', '.join(FORMATS)}."))
    if faults:
        raise InvalidRequest(faults[0].detail, faults=faults[:100])
    _limit("points", count, points, "/count")
    _limit("elements", sum(math.prod(r.shape) for r in ranges.values()), elements, "/domain")
    return Wanted(ranges, count, seed, form)


def _limit(name: str, given: int, most: int, where: str) -> None:
    if given > most:
        detail = f"At most {most:,} {name} are allowed; here are {given:,}."
        raise LimitExceeded(detail, faults=[Fault(where, detail)], limit=Limit(f"vectors_{name}", most, given))


def _accepted(accept: str) -> str:
    return "csv" if "text/csv" in accept else "npz" if "application/x-npz" in accept else "json"


def _integer(value: Any, name: str, low: int, faults: list[Fault]) -> int:
    if type(value) is int and low <= value < 2**63:
        return value
    faults.append(Fault(f"/{name}", f"This has to be a whole number, {low} or more."))
    return low


def _range(given: Any, name: str, shape: Shape, faults: list[Fault]) -> Range | None:
    """A range as `[low, high]`, or an object that may tell the shape, and that numbers are whole."""
    where = ("domain", name[:100])
    before = len(faults)
    fields = {"low": given[0], "high": given[1]} if type(given) is list and len(given) == 2 else given
    if type(fields) is not dict:
        faults.append(Fault(pointer(where), 'This has to be [low, high] or {"low", "high", "shape"?, "integer"?}.'))
        return None
    faults += [
        Fault(pointer((*where, field[:100])), "There is no such field.") for field in fields if field not in _RANGE
    ]
    bounds = []
    for bound in ("low", "high"):
        number: Any = fields.get(bound)
        if type(number) not in (int, float) or not abs(number) <= sys.float_info.max:
            faults.append(Fault(pointer((*where, bound)), "This has to be a finite number."))
        else:
            bounds.append(float(number))
    sizes = fields.get("shape", list(shape))
    if type(sizes) is not list or any(type(n) is not int or not 0 <= n < 2**31 for n in sizes) or len(sizes) > 32:
        faults.append(Fault(pointer((*where, "shape")), "A shape has to be a list of sizes."))
        sizes = []
    integer = fields.get("integer", False)
    if type(integer) is not bool:
        faults.append(Fault(pointer((*where, "integer")), "This has to be true or false."))
    if len(faults) > before:
        return None
    low, high = bounds
    if not (low < high or (integer and low <= high)) or not math.isfinite(high - low):
        faults.append(Fault(pointer(where), "`low` has to be less than `high`, and their difference finite."))
        return None
    if integer and (math.ceil(low) > math.floor(high) or max(abs(low), abs(high)) > 2**53):
        faults.append(Fault(pointer(where), "There is no whole number in this range, or it is beyond 2^53."))
        return None
    return Range(low, high, tuple(sizes), integer)
