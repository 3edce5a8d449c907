"""Reading JSON, and telling where it stops being JSON."""

from __future__ import annotations

import pytest

from service.errors import InvalidJson
from service.json_text import decode


@pytest.mark.parametrize(
    ("body", "line", "column"),
    [
        (b"{", 1, 2),
        (b'{"a": [1,\n 2', 2, 3),
        (b'{"a": 01}', 1, 8),
        (b'{"a": 1} x', 1, 10),
        (b"{'a': 1}", 1, 2),
        (b'{\n  "a": 1,\n  b: 2}', 3, 3),
        ('{"ä": q}'.encode(), 1, 7),
        (b'{"a": "\xff"}', 1, 8),
        (b'{"a": "\\ud800"}', 1, 14),
        (b"[" * 5000, 1, 202),
        (b"\xef\xbb\xbf{}", 1, 1),
        (b"\x00", 1, 1),
    ],
)
def test_a_fault_has_its_place(body: bytes, line: int, column: int) -> None:
    with pytest.raises(InvalidJson) as caught:
        decode(body)
    span = caught.value.span
    assert span is not None
    assert (span["line"], span["column"]) == (line, column)
    assert caught.value.excerpt is not None
    assert "^" in caught.value.excerpt
    assert len(caught.value.excerpt) < 500


@pytest.mark.parametrize("body", [b"", b"  \n"])
def test_an_empty_body_is_told_so(body: bytes) -> None:
    with pytest.raises(InvalidJson, match="empty") as caught:
        decode(body)
    assert caught.value.hint is not None


def test_hints_name_what_people_get_wrong() -> None:
    with pytest.raises(InvalidJson) as quotes:
        decode(b"{'a': 1}")
    assert quotes.value.hint == "JSON strings stand in double quotes."
    with pytest.raises(InvalidJson) as mark:
        decode(b"\xef\xbb\xbf{}")
    assert mark.value.hint == "Send UTF-8 without a byte order mark."


def test_a_number_of_a_million_digits_is_refused_quickly() -> None:
    with pytest.raises(InvalidJson, match="out of range"):
        decode(b"[" + b"9" * 10**6 + b"]")


def test_the_words_that_pythons_json_writes_are_taken() -> None:
    assert str(decode(b"[NaN, Infinity, -Infinity]")) == "[nan, inf, -inf]"
