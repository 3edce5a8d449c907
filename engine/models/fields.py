"""The options of layers, losses and the like: how each is read from JSON, and what is wrong with what was given."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from engine.errors import Fault
from engine.optimise.options import escaped, near

Options = Mapping[str, Any]
"""Options by name, read: each has the type that its reader makes."""
Read = Callable[[Any], Any]
"""From a JSON value to that of an option.  Raises `Wrong`."""


class Wrong(Exception):
    """What is wrong with a value: a detail and where in the value it is, as the parts of a pointer; or several faults,
    whose pointers begin at the value.
    """

    def __init__(self, detail: str, *at: str | int, faults: Sequence[Fault] = ()) -> None:
        super().__init__(detail)
        pointer = "".join(f"/{escaped(str(part))}" for part in at)
        self.faults = tuple(faults) or (Fault(pointer, detail),)

    @staticmethod
    def all_of(faults: Sequence[Fault]) -> Wrong:
        """Several things that are wrong with one value."""
        return Wrong(faults[0].detail, faults=faults)


def below(place: str, faults: Sequence[Fault]) -> list[Fault]:
    """Faults whose pointers begin at `place`, as faults of what it is in."""
    return [Fault(place + fault.pointer, fault.detail) for fault in faults]


class _Required:
    pass


REQUIRED = _Required()
"""The default of an option that has none."""


@dataclass(frozen=True, slots=True)
class Field:
    """An option: its name, reader, default as JSON (`REQUIRED` for none), and one line about it."""

    name: str
    read: Read
    default: Any
    doc: str


def read_fields(owner: str, fields: Sequence[Field], given: Mapping[str, Any]) -> tuple[dict[str, Any], list[Fault]]:
    """The options of `owner` with defaults for those not given, and all faults; pointers begin at the options."""
    known = {field.name: field for field in fields}
    faults = [
        Fault(f"/{escaped(name)}", f"`{owner}` has no such option" + (near(name, known) if known else "; it has none."))
        for name in given
        if name not in known
    ]
    read: dict[str, Any] = {}
    for field in fields:
        value = given.get(field.name)
        if value is None and field.default is REQUIRED:
            faults.append(Fault("", f"`{owner}` needs `{field.name}`: {field.doc}"))
            continue
        try:
            read[field.name] = field.read(field.default if value is None else value)
        except Wrong as wrong:
            faults += below(f"/{field.name}", wrong.faults)
    return read, faults


def number(low: float = -math.inf, high: float = math.inf, *, above: bool = False, below: bool = False) -> Read:
    """A finite number from `low` to `high`; `above` and `below` leave out the ends."""

    def read(value: Any) -> float:
        if isinstance(value, bool) or not isinstance(value, int | float) or abs(value) > 1e308 or value != value:
            raise Wrong("This has to be a number.")
        found = float(value)
        if found < low or found > high or (above and found == low) or (below and found == high):
            raise Wrong(f"This has to be a number {_range(low, high, above, below)}.")
        return found

    return read


def _range(low: float, high: float, above: bool, below: bool) -> str:
    words = []
    if low > -math.inf:
        words.append(f"above {low:g}" if above else f"of at least {low:g}")
    if high < math.inf:
        words.append(f"below {high:g}" if below else f"of at most {high:g}")
    return " and ".join(words)


def count(least: int = 1, most: int = 2**31) -> Read:
    """An integer, which may be written as 3.0."""

    def read(value: Any) -> int:
        if isinstance(value, float) and value.is_integer():
            value = int(value)
        if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
            raise Wrong(f"This has to be an integer from {least} to {most}.")
        return value

    return read


def flag(value: Any) -> bool:
    """True or false."""
    if not isinstance(value, bool):
        raise Wrong("This has to be true or false.")
    return value


def choice(*names: str) -> Read:
    """One of several words."""

    def read(value: Any) -> str:
        if not isinstance(value, str) or value not in names:
            tail = near(value, names) if isinstance(value, str) else near("", names)
            raise Wrong(f"This is none of its values{tail}")
        return value

    return read


def maybe(inner: Read) -> Read:
    """Null, or what `inner` reads."""
    return lambda value: None if value is None else inner(value)


def counts(length: int, least: int = 1) -> Read:
    """So many integers, or one that stands for all."""
    one = count(least)

    def read(value: Any) -> tuple[int, ...]:
        if not isinstance(value, list):
            return (one(value),) * length
        if len(value) != length:
            raise Wrong(f"This has to be an integer, or a list of {length}.")
        return tuple(items(value, one))

    return read


def shape(value: Any) -> tuple[int, ...]:
    """A list of sizes."""
    if not isinstance(value, list) or len(value) > 8:
        raise Wrong("This has to be a list of at most 8 sizes, as [28, 28, 1].")
    return tuple(items(value, count()))


def items(values: Sequence[Any], read: Read) -> list[Any]:
    """The items of a list, each read by `read`.  Raises `Wrong` with the faults of all."""
    found, faults = [], []
    for i, value in enumerate(values):
        try:
            found.append(read(value))
        except Wrong as wrong:
            faults += below(f"/{i}", wrong.faults)
    if faults:
        raise Wrong.all_of(faults)
    return found


@dataclass(frozen=True, slots=True)
class Named:
    """A choice from a table, with its options: an initialiser, a loss."""

    name: str
    options: Options


def named(what: str, table: Mapping[str, Sequence[Field]]) -> Read:
    """A name from a table, or an object with `name` and options; `what` it is, in words."""

    def read(value: Any) -> Named:
        content = {"name": value} if isinstance(value, str) else value
        if not isinstance(content, dict) or not isinstance(content.get("name"), str):
            raise Wrong(f'This has to be the name of {what}, or {{"name": …}} with options.')
        fields = table.get(content["name"])
        if fields is None:
            raise Wrong(f"There is no such {what.split(' ', 1)[1]}{near(content['name'], table)}", *_place(value))
        options, faults = read_fields(content["name"], fields, {k: v for k, v in content.items() if k != "name"})
        if faults:
            raise Wrong.all_of(faults)
        return Named(content["name"], options)

    return read


def _place(value: Any) -> tuple[str, ...]:
    return () if isinstance(value, str) else ("name",)
