"""Options by name: their defaults and ranges, and what is wrong with those that somebody gave."""

from __future__ import annotations

import difflib
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol, TypeVar

from engine.errors import Fault, InvalidRequest

Number = float | int | bool
Options = Mapping[str, Number]
SHOWN = 60


@dataclass(frozen=True, slots=True)
class Option:
    """One option: a number from `low` to `high`, the ends themselves left out where they are `open`; or a flag.

    A `default` of None means that it has to be given.
    """

    name: str
    default: Number | None
    doc: str
    low: float = 0.0
    high: float = math.inf
    open: Literal["", "low", "high", "both"] = ""
    kind: Literal["number", "integer", "flag"] = "number"

    @property
    def range(self) -> str:
        """The values that are allowed, in words."""
        if self.kind == "flag":
            return "true or false"
        what = "an integer" if self.kind == "integer" else "a number"
        if math.isinf(self.low) and math.isinf(self.high):
            return what
        above = f"above {self.low:g}" if self.open in ("low", "both") else f"from {self.low:g}"
        if math.isinf(self.high):
            return f"{what} {above}" + ("" if self.open in ("low", "both") else " on")
        below = f"below {self.high:g}" if self.open in ("high", "both") else f"to {self.high:g}"
        join = " and " if self.open in ("high", "both") else " "
        return f"{what} {above}{join}{below}"

    def allows(self, value: object) -> bool:
        """Whether `value` is in the range."""
        if self.kind == "flag":
            return isinstance(value, bool)
        if isinstance(value, bool) or not isinstance(value, int | float) or not _finite(value):
            return False
        if self.kind == "integer" and value != int(value):
            return False
        above = value > self.low if self.open in ("low", "both") else value >= self.low
        below = value < self.high if self.open in ("high", "both") else value <= self.high
        return above and below

    def read(self, value: object) -> Number:
        """An allowed value in its type."""
        if isinstance(value, bool):
            return value
        assert isinstance(value, int | float)
        return int(value) if self.kind == "integer" else float(value)


def _finite(value: float) -> bool:
    try:
        return math.isfinite(value)
    except OverflowError:
        return False


def near(name: str, known: Iterable[str]) -> str:
    """The end of a sentence that says that `name` is not known: the nearest that is, or a list."""
    names = list(known)
    found = difflib.get_close_matches(name[:SHOWN].lower(), names, 1, 0.5)
    return f"; did you mean `{found[0]}`?" if found else f"; there are {', '.join(f'`{n}`' for n in names)}."


def read_options(owner: str, options: Sequence[Option], given: Mapping[str, object]) -> tuple[Options, list[Fault]]:
    """The options of `owner`, with defaults for those not given, and all that is wrong with these."""
    by_name = {option.name: option for option in options}
    faults: list[Fault] = []
    read: dict[str, Number] = {}
    for name in given:
        if name not in by_name:
            tail = near(name, by_name) if by_name else "; it has none."
            faults.append(Fault(f"/{escaped(name)}", f"`{owner}` has no such option{tail}"))
    for name, option in by_name.items():
        value = given.get(name)
        if value is None:
            if option.default is None:
                faults.append(Fault(f"/{name}", f"`{owner}` needs this: {option.range}."))
            else:
                read[name] = option.default
        elif option.allows(value):
            read[name] = option.read(value)
        else:
            faults.append(Fault(f"/{name}", f"This has to be {option.range}."))
    return read, faults


def escaped(name: str) -> str:
    """A name as a part of a JSON Pointer, cut where it is long."""
    short = name if len(name) <= SHOWN else name[:SHOWN] + "…"
    return short.replace("~", "~0").replace("/", "~1")


class Named(Protocol):
    """A record with options."""

    @property
    def name(self) -> str: ...

    @property
    def options(self) -> Sequence[Option]: ...


R = TypeVar("R", bound=Named)


def chosen(what: str, name: str, table: Mapping[str, R], options: Mapping[str, object] | None) -> tuple[R, Options]:
    """The record called `name`, and its options with defaults for the rest; `what` it is, in words.

    Raises `InvalidRequest` with all faults, whose pointers begin at the record: `/name`, `/lr`.
    """
    found = table.get(name)
    if found is None:
        detail = f"There is no {what} of this name{near(name, table)}"
        raise InvalidRequest(detail, faults=[Fault("/name", detail)])
    read, faults = read_options(found.name, found.options, options or {})
    if faults:
        raise InvalidRequest(faults[0].detail, faults=faults)
    return found, read
