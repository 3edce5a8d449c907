"""Reading JSON, and telling where it stops being JSON."""

from __future__ import annotations

import re
from typing import Any

from pydantic_core import from_json

from engine.source.text import Span, excerpt
from service.errors import InvalidJson

_PLACE = re.compile(r"^(.*) at line (\d+) column (\d+)$", re.DOTALL)


def decode(body: bytes | bytearray) -> Any:
    """The value of a JSON text in UTF-8; raises `InvalidJson` with the place of the fault.

    Beyond the standard it takes the bare words `NaN`, `Infinity` and `-Infinity`, which Python's `json` writes.
    """
    try:
        return from_json(body)
    except ValueError as error:
        raise _invalid(bytes(body), str(error)) from None


def _invalid(body: bytes, message: str) -> InvalidJson:
    if not body.strip():
        return InvalidJson("The body is empty.", hint='{"expr": "x^2", "at": {"x": 3}}')
    found = _PLACE.match(message)
    if found is None:
        return InvalidJson(f"The body is not JSON: {message}.")
    reason, number, column = found[1], int(found[2]), int(found[3])
    lines = body.split(b"\n", number)
    raw = lines[number - 1] if number <= len(lines) else b""
    # The reader counts bytes, and people count characters.  At the end of the text it names the last byte.
    before = column if reason.startswith("EOF") else max(column - 1, 0)
    start = len(raw[:before].decode("utf-8", "replace"))
    line = raw.decode("utf-8", "replace")
    return InvalidJson(
        f"The body is not JSON: {reason} at line {number}, column {start + 1}.",
        span={"line": number, "column": start + 1, "end_line": number, "end_column": start + 2},
        excerpt=excerpt(line, Span(start, start + 1)),
        hint=_hint(raw),
    )


def _hint(raw: bytes) -> str | None:
    if raw.startswith(b"\xef\xbb\xbf"):
        return "Send UTF-8 without a byte order mark."
    if raw.lstrip().startswith((b"'", b"{'")):
        return "JSON strings stand in double quotes."
    return None
