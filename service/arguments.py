"""Request bodies from the command line: from arguments, and from files."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from engine.errors import Fault, InvalidRequest
from service.errors import InvalidJson
from service.json_text import decode

PROGRAM_SUFFIX = ".adj"
"""How the names of files with programs end."""


def told_apart(
    first: str | None, inputs: list[str], program: Path | None, elsewhere: bool = False
) -> tuple[str | None, list[str], Path | None]:
    """Expression, inputs and file with a program: the `first` argument is any of these.

    `elsewhere`: what is asked about is told otherwise, so that it has to be an input.
    """
    if first is None:
        return None, inputs, program
    if program is None and not elsewhere:
        return (None, inputs, Path(first)) if first.endswith(PROGRAM_SUFFIX) else (first, inputs, None)
    return None, [first, *inputs], program


def content_of_arguments(
    expr: str | None,
    inputs: list[str],
    wrt: list[str] | None,
    batch: list[str] | None,
    precision: str | None = None,
    program: Path | None = None,
    at: str | None = None,
) -> dict[str, Any]:
    """The request body that command-line arguments stand for; `inputs` are `name=JSON` or `name=@file`.

    `program` is a file with one, `at` a JSON object of inputs, or a file with a request body, the rest of which counts
    too.  Raises `InvalidRequest` and `InvalidJson`.
    """
    content: dict[str, Any] = {} if at is None else _asked(at)
    content["at"] = {**content.get("at", {}), **named_values(inputs)}
    if program is None:
        content["expr"] = expr
    else:
        content["program"] = text_of_file(program)
    given = {"wrt": wrt, "batch": batch, "precision": precision}
    return content | {name: value for name, value in given.items() if value}


def content_of_file(file: Path) -> Any:
    """The request body in a file, `-` for standard input."""
    return decode(_bytes(file))


def _asked(at: str) -> dict[str, Any]:
    """A request body with the inputs that stand in `at`, or the one in a file of this name."""
    if at.lstrip().startswith("{"):
        content = {"at": decode(at.encode("utf-8", "replace"))}
    else:
        content = content_of_file(Path(at))
    if type(content) is not dict or type(content.get("at")) is not dict:
        detail = f"{at[:100]} has no object of inputs by name as `at`."
        raise InvalidRequest(detail, faults=[Fault("/at", detail)], hint='{"at": {"x": 1}}')
    return content


def named_values(given: list[str], where: str = "/at", noun: str = "An input") -> dict[str, Any]:
    """What `name=JSON` and `name=@file` stand for, by name; a fault points to a name below `where`.

    Raises `InvalidRequest`.
    """
    found: dict[str, Any] = {}
    for argument in given:
        name, equals, text = argument.partition("=")
        name = name.strip()
        if name.startswith("-"):
            detail = f"There is no option {name}."
            raise InvalidRequest(detail, faults=[Fault(where, detail)], hint="--help lists them.")
        if not equals:
            detail = f"{noun} is given as name=value; this is {argument!r}."
            raise InvalidRequest(detail, faults=[Fault(where, detail)], hint=f"{name}=1")
        if text.startswith("@"):
            text, source = text_of_file(Path(text[1:])), f"what is in {text[1:]}"
        else:
            source = repr(text)
        try:
            found[name] = decode(text.encode("utf-8", "replace"))
        except InvalidJson:
            detail = f"The value of {name} is not JSON: {source}."
            raise InvalidRequest(detail, faults=[Fault(f"{where}/{name}", detail)], hint=f"{name}=[1,2,3]") from None
    return found


def text_of_file(file: Path) -> str:
    """The text in a file, `-` for standard input.  Raises `InvalidRequest`."""
    try:
        return _bytes(file).decode("utf-8")
    except UnicodeDecodeError:
        raise InvalidRequest(f"{file} is not a text in UTF-8.") from None


def _bytes(file: Path) -> bytes:
    try:
        return sys.stdin.buffer.read() if str(file) == "-" else file.read_bytes()
    except OSError as error:
        raise InvalidRequest(f"{file} cannot be read: {error.strerror}.") from None
