"""Words and numbers as a terminal shows them."""

from __future__ import annotations

import math
from typing import Any

Value = float | str | None
"""A number as JSON has it: `"NaN"`, `"Infinity"` and `"-Infinity"` are words, and null is none."""


def plain(text: str) -> str:
    """A line without characters that would steer the terminal: what jobs contain was written by others."""
    return "".join(character if character.isprintable() else "�" for character in text)


def first_line(text: str, width: int) -> str:
    """The first line of a text that says anything, in at most `width` characters."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    line = plain(lines[0]) if lines else ""
    if len(lines) > 1 and len(line) < width - 1:
        return f"{line} …"
    return line if len(line) <= width else line[: width - 1] + "…"


def number(value: Value) -> float | None:
    """A number of a JSON text, whose words are numbers that are not finite."""
    return None if value is None else float(value)


def shown(value: Value, digits: int = 6) -> str:
    """A number in at most so many digits."""
    found = number(value)
    if found is None:
        return "–"
    if not math.isfinite(found):
        return "NaN" if found != found else "Infinity" if found > 0 else "-Infinity"
    return f"{found:.{digits}g}"


def array(value: Any, most: int = 6) -> str:
    """An array with all digits, and with a mark in place of what goes beyond the first numbers."""
    if not isinstance(value, list):
        return plain(str(value))
    inner = [array(each, most) for each in value[:most]]
    return "[" + ", ".join(inner + ["…"] * (len(value) > most)) + "]"


def duration(seconds: float) -> str:
    """A time as people say it."""
    if seconds < 60:
        return f"{seconds:.2f} s" if seconds < 10 else f"{seconds:.0f} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {rest} s"
