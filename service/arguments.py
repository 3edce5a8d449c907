"""Request bodies from the command line: from arguments, and from files."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from engine.errors import Fault, InvalidRequest
from service.errors import InvalidJson
from service.json_text import decode


def content_of_arguments(
    expr: str | None,
    inputs: list[str],
    wrt: list[str] | None,
    batch: list[str] | None,
    precision: str | None = None,
    program: Path | None = None,
    at: str | None = None,
) -> dict[str, Any]:
    """The request body that command-line arguments stand for; `inputs` are `name=JSON`.

    `program` is a file with one, `at` a JSON object of inputs, or a file with a request body, the rest of which counts
    too.  Raises `InvalidRequest` and `InvalidJson`.
    """
    content: dict[str, Any] = {} if at is None else _asked(at)
    content["at"] = {**content.get("at", {}), **_inputs(inputs)}
    if program is None:
        content["expr"] = expr
    else:
        content["program"] = _text(program)
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


def _inputs(given: list[str]) -> dict[str, Any]:
    at: dict[str, Any] = {}
    for argument in given:
        name, equals, text = argument.partition("=")
        if not equals:
            detail = f"An input is given as name=value; this is {argument!r}."
            raise InvalidRequest(detail, faults=[Fault("/at", detail)], hint=f"{name}=1")
        try:
            at[name.strip()] = decode(text.encode("utf-8", "replace"))
        except InvalidJson:
            detail = f"The value of {name.strip()} is not JSON: {text!r}."
            raise InvalidRequest(
                detail, faults=[Fault(f"/at/{name.strip()}", detail)], hint=f"{name}=[1,2,3]"
            ) from None
    return at


def _text(file: Path) -> str:
    try:
        return _bytes(file).decode("utf-8")
    except UnicodeDecodeError:
        raise InvalidRequest(f"{file} is not a text in UTF-8.") from None


def _bytes(file: Path) -> bytes:
    try:
        return sys.stdin.buffer.read() if str(file) == "-" else file.read_bytes()
    except OSError as error:
        raise InvalidRequest(f"{file} cannot be read: {error.strerror}.") from None
