"""The body of `POST /jobs` from the arguments of a command."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from engine.errors import Fault, InvalidRequest
from service.arguments import content_of_file, named_values, text_of_file, told_apart
from service.errors import InvalidJson
from service.json_text import decode


def job_body(
    first: str | None,
    inputs: list[str],
    *,
    program: Path | None = None,
    function: str | None = None,
    file: Path | None = None,
    data: list[str],
    bounds: list[str],
    method: str | None = None,
    options: list[str],
    schedule: str | None = None,
    clip: str | None = None,
    starts: int | None = None,
    low: list[str],
    high: list[str],
    stop: Mapping[str, Any],
    record: Mapping[str, Any],
    fields: Mapping[str, Any],
) -> dict[str, Any]:
    """The body that the arguments stand for; what is given beside a `file` replaces what is in it.

    `fields` are sent as they are, those that are None left out.  Raises `InvalidRequest` and `InvalidJson`.
    """
    body = {} if file is None else _object(content_of_file(file), str(file))
    elsewhere = function is not None or file is not None
    expr, inputs, program = told_apart(first, inputs, program, elsewhere)
    given: dict[str, Any] = {"expr": expr, "function": function}
    if program is not None:
        given["program"] = text_of_file(program)
    start = named_values(inputs, "/start")
    if start or (file is None and starts is None):
        given["start"] = {**_part(body, "start"), **start}
    for name, values in (("data", data), ("bounds", bounds)):
        if values:
            given[name] = {**_part(body, name), **named_values(values, f"/{name}", f"--{name}")}
    given["method"] = _method(method, options)
    given["schedule"] = None if schedule is None else _named(schedule, "schedule")
    given["clip"] = None if clip is None else _clip(clip)
    if starts is not None or low or high:
        ends = {side: _end(values, side) for side, values in (("low", low), ("high", high)) if values}
        given["starts"] = ({} if starts is None else {"count": starts}) | ends
    for name, criteria in (("stop", stop), ("record", record)):
        kept = {key: value for key, value in criteria.items() if value is not None}
        if kept:
            given[name] = {**_part(body, name), **kept}
    given |= fields
    return body | {name: value for name, value in given.items() if value is not None}


def _part(body: Mapping[str, Any], name: str) -> dict[str, Any]:
    """An object in the body; nothing where something else stands, which is replaced."""
    found = body.get(name)
    return found if type(found) is dict else {}


def _method(name: str | None, options: list[str]) -> Any:
    found = None if name is None else _named(name, "method")
    if not options:
        return found
    if found is None:
        detail = "--option is of a method, and none is named."
        raise InvalidRequest(detail, faults=[Fault("/method", detail)], hint=f"--method adam --option {options[0]}")
    return ({"name": found} if isinstance(found, str) else found) | named_values(options, "/method", "--option")


def _named(text: str, field: str) -> Any:
    """A name, or an object with a name and options."""
    return _object(_json(text, field), f"--{field}") if text.lstrip().startswith("{") else text


def _clip(text: str) -> Any:
    return _named(text, "clip") if "=" not in text else named_values([text], "/clip", "--clip")


def _end(values: list[str], side: str) -> Any:
    """One end of random starts: for all variables, or by name."""
    if len(values) == 1 and "=" not in values[0]:
        return _json(values[0], f"starts/{side}")
    return named_values(values, f"/starts/{side}", f"--{side}")


def _json(text: str, field: str) -> Any:
    try:
        return decode(text.encode("utf-8", "replace"))
    except InvalidJson:
        detail = f"This is not JSON: {text!r}."
        raise InvalidRequest(detail, faults=[Fault(f"/{field}", detail)]) from None


def _object(content: Any, source: str) -> dict[str, Any]:
    if type(content) is not dict:
        raise InvalidRequest(f"{source} is no JSON object.")
    return content
