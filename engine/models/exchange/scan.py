"""Files of Protocol Buffers are looked through before they are read.

A message of two bytes becomes an object of a hundred: what a file would take in memory follows from how many fields it
has.  They are counted here on the bytes alone, and the arrays, which are most of a file, are passed over.
"""

from __future__ import annotations

from collections.abc import Mapping

from engine.errors import InvalidRequest, LimitExceeded

MOST_FIELDS = 250_000
"""Fields that a file may have, beside the bytes of arrays: a model of 200 layers has some thousands."""
_BULK = -1
"""Fields of bytes whose size in memory is their own."""
_INSIDE: Mapping[str, Mapping[int, str]] = {
    "model": {7: "graph", 8: "few", 14: "few", 25: "few"},
    "graph": {1: "node", 5: "tensor", 11: "few", 12: "few", 13: "few", 15: "few"},
    "node": {5: "attribute"},
    "attribute": {5: "tensor", 6: "graph", 10: "tensor", 11: "graph"},
    "tensor": {},
    "few": {},
}
"""The messages within messages, by the numbers of their fields in onnx.proto."""
_WIDE = {"tensor": (4, 9, 10)}
"""Fields with numbers of a fixed size: float_data, raw_data, double_data."""
_DEEPEST = 20
_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5


def check_bytes(content: bytes) -> None:
    """Raise `InvalidRequest` for what is no message, and `LimitExceeded` for one of too many fields."""
    left = MOST_FIELDS
    stack = [("model", 0, len(content), 0)]
    while stack:
        kind, place, end, depth = stack.pop()
        inside, wide = _INSIDE[kind], _WIDE.get(kind, ())
        while place < end:
            tag, place = _varint(content, place, end)
            number, wire = tag >> 3, tag & 7
            left -= 1
            if wire == _VARINT:
                _, place = _varint(content, place, end)
            elif wire == _FIXED64:
                place += 8
            elif wire == _FIXED32:
                place += 4
            elif wire == _BYTES:
                length, place = _varint(content, place, end)
                if number in inside:
                    if depth >= _DEEPEST:
                        raise InvalidRequest("This file has graphs within graphs, deeper than any model.")
                    stack.append((inside[number], place, min(place + length, end), depth + 1))
                elif number not in wide:
                    # Packed integers, and messages that are not looked into, take more than they have here.
                    left -= length // 8
                place += length
            else:
                raise _unreadable()
            if place > end or not number:
                raise _unreadable()
            if left < 0:
                raise LimitExceeded(
                    f"This file has more than {MOST_FIELDS:,} fields beside its arrays.",
                    hint="export it without doc strings and metadata",
                )


def _varint(content: bytes, place: int, end: int) -> tuple[int, int]:
    value = shift = 0
    while place < end and shift < 64:
        byte = content[place]
        place += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, place
        shift += 7
    raise _unreadable()


def _unreadable() -> InvalidRequest:
    return InvalidRequest("This cannot be read as a file of ONNX.")
