"""The query of `POST /datasets`, and the choice of columns."""

from __future__ import annotations

import csv
import difflib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import parse_qsl

from engine.errors import Fault, InvalidRequest
from engine.source.parse import normal_name
from service.datasets.table import PREFIX, refuse
from service.functions.content import is_name
from service.pointers import pointer
from service.reader import short

MOST_FAULTS = 100
MOST_PARAMETERS = 1000
HEADERS: Mapping[str, bool | None] = {"auto": None, "true": True, "false": False}
DELIMITERS: Mapping[str, str | None] = {
    "auto": None,
    "comma": ",",
    "semicolon": ";",
    "tab": "\t",
    ",": ",",
    ";": ";",
    "\t": "\t",
}
PARAMETERS = ("name", "columns", "header", "delimiter")


@dataclass(frozen=True, slots=True)
class Options:
    """What to call a dataset, which columns to keep (None: all), and how to read CSV (None: as it looks)."""

    name: str | None = None
    columns: tuple[str, ...] | None = None
    header: bool | None = None
    delimiter: str | None = None


def read_options(query: bytes, name_chars: int) -> Options:
    """The options in a query string.  Raises `InvalidRequest` with all faults."""
    faults: list[Fault] = []
    given: dict[str, list[str]] = {}
    try:
        pairs = parse_qsl(query.decode(), keep_blank_values=True, errors="strict", max_num_fields=MOST_PARAMETERS)
    except ValueError:
        raise InvalidRequest(
            "The query is not one of names and values in UTF-8.", hint="/datasets?name=iris&columns=a,b"
        ) from None
    for name, value in pairs:
        if name in PARAMETERS:
            given.setdefault(name, []).append(value)
        elif len(faults) < MOST_FAULTS:
            near = difflib.get_close_matches(name[:20], PARAMETERS, 1)
            hint = f"; did you mean {near[0]}?" if near else f"; there are {', '.join(PARAMETERS)}."
            faults.append(Fault(pointer((short(name),)), f"There is no such parameter{hint}"))
    for name, values in given.items():
        if name != "columns" and len(values) > 1:
            faults.append(Fault(pointer((name,)), "This is given more than once."))
    called = _name(given["name"][0], name_chars, faults) if "name" in given else None
    columns = _columns(given["columns"], faults) if "columns" in given else None
    header = given.get("header", ["auto"])[0]
    if header not in HEADERS:
        faults.append(Fault("/header", f"This has to be one of {', '.join(HEADERS)}."))
    delimiter = given.get("delimiter", ["auto"])[0]
    if delimiter not in DELIMITERS:
        faults.append(Fault("/delimiter", "This has to be one of auto, comma, semicolon, tab."))
    refuse(faults)
    return Options(called, columns, HEADERS[header], DELIMITERS[delimiter])


def _name(given: str, name_chars: int, faults: list[Fault]) -> str:
    name = normal_name(given)
    if not is_name(name):
        faults.append(Fault("/name", "A name has letters, digits, _, - and ., and begins with a letter or _."))
    elif name.startswith(PREFIX):
        faults.append(Fault("/name", f"Names that begin with {PREFIX} are kept for ids."))
    elif len(name) > name_chars:
        faults.append(Fault("/name", f"A name has at most {name_chars} characters."))
    return name


def _columns(values: Sequence[str], faults: list[Fault]) -> tuple[str, ...]:
    try:
        # As in a CSV file, a header with a comma in it stands in quotes.
        found = [text.strip() for row in csv.reader(values, strict=True, skipinitialspace=True) for text in row]
    except csv.Error as error:
        faults.append(Fault("/columns", f'This is no list of columns such as a,b or "a, b",c: {error}.'))
        return ()
    if not found or not all(found):
        faults.append(Fault("/columns", "One of these is empty; columns are told as a,b,c."))
    return tuple(found)


def split_columns(text: str) -> tuple[str, ...] | None:
    """The columns that a query parameter lists, None for all.  Raises `InvalidRequest`."""
    if not text:
        return None
    faults: list[Fault] = []
    columns = _columns([text], faults)
    refuse(faults)
    return columns


def chosen(columns: Sequence[str] | None, names: Sequence[str], headers: Sequence[str | None]) -> list[int]:
    """Where the columns that are asked for, by name or by header, stand; all for None.  Raises `InvalidRequest`."""
    if columns is None:
        return list(range(len(names)))
    places = {header: place for place, header in enumerate(headers) if header is not None}
    places |= {name: place for place, name in enumerate(names)}
    faults: list[Fault] = []
    found: dict[int, str] = {}
    for text in columns:
        place = places.get(text, places.get(normal_name(text)))
        if place is None:
            near = difflib.get_close_matches(text[:100], list(places)[:MOST_PARAMETERS], 1)
            there = f"did you mean {near[0]!r}?" if near else "there are " + _listed(names)
            faults.append(Fault("/columns", f"There is no column {short(text)!r}; {there}"))
        elif place in found:
            faults.append(Fault("/columns", f"The column {short(text)!r} is named twice."))
        else:
            found[place] = text
        if len(faults) >= MOST_FAULTS:
            break
    if not columns:
        faults.append(Fault("/columns", "This names no column."))
    refuse(faults)
    return list(found)


def _listed(names: Sequence[str]) -> str:
    return ", ".join(short(name) for name in names[:10]) + (", …" if len(names) > 10 else ".")
