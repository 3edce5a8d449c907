"""Cursors of pages: what an answer gives as `next`, and a client sends as `after`."""

from __future__ import annotations

from engine.errors import Fault, InvalidRequest


def number_of(cursor: str) -> int | None:
    """The number that a cursor stands for, None for the empty one.  Raises `InvalidRequest`."""
    if not cursor:
        return None
    if not is_number(cursor):
        detail = "This is not what an answer gave as `next`."
        raise InvalidRequest(detail, faults=[Fault("/after", detail)])
    return int(cursor)


def is_number(text: str) -> bool:
    """Whether a text is a number that a database can have: digits alone, and not too many."""
    return text.isascii() and text.isdigit() and len(text) <= 18
