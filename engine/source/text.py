"""The client's text and places in it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Span:
    """A stretch of source text: character offsets, `end` exclusive."""

    start: int
    end: int

    def to(self, other: Span) -> Span:
        """The smallest span that covers both."""
        return Span(min(self.start, other.start), max(self.end, other.end))


@dataclass(frozen=True, slots=True)
class Place:
    """A span in lines and columns, 1-based, as editors count; `end_column` is exclusive."""

    line: int
    column: int
    end_line: int
    end_column: int


def locate(text: str, span: Span) -> Place:
    """Lines and columns of `span` in `text`."""
    line, column = _line_and_column(text, span.start)
    end_line, end_column = _line_and_column(text, max(span.end, span.start))
    return Place(line, column, end_line, end_column)


def excerpt(text: str, span: Span, width: int = 160) -> str:
    """The line on which `span` begins and, below it, a line of carets under the span.

    A line longer than `width` is cut around the span, with `…` where something is missing.
    """
    begin = text.rfind("\n", 0, span.start) + 1
    stop = text.find("\n", span.start)
    stop = len(text) if stop < 0 else stop
    start, end = span.start, min(max(span.end, span.start + 1), max(stop, span.start + 1))
    left, right = begin, stop
    if stop - begin > width:
        left = max(begin, min(start - width // 3, stop - width))
        right = min(stop, left + width)
        end = min(end, right)
    lead = "…" if left > begin else ""
    tail = "…" if right < stop else ""
    line = lead + text[left:right].replace("\t", " ") + tail
    return line + "\n" + " " * (start - left + len(lead)) + "^" * max(1, end - start)


def _line_and_column(text: str, offset: int) -> tuple[int, int]:
    offset = min(offset, len(text))
    return text.count("\n", 0, offset) + 1, offset - (text.rfind("\n", 0, offset) + 1) + 1
