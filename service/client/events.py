"""Server-sent events from the bytes of a stream."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from http.client import HTTPResponse

PIECE = 65536


@dataclass(frozen=True, slots=True)
class Event:
    """One event; `id` is None for those that have none."""

    name: str
    data: str
    id: str | None = None


def events(lines: Iterable[str]) -> Iterator[Event]:
    """The events that lines make; one that the end of the stream cuts off is none."""
    name, data, id = "", list[str](), None
    for line in lines:
        field, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if not line:
            if data:
                yield Event(name or "message", "\n".join(data), id)
            name, data, id = "", [], None
        elif field == "event":
            name = value
        elif field == "data":
            data.append(value)
        elif field == "id":
            id = value


def lines_of(response: HTTPResponse) -> Iterator[str]:
    """The whole lines of an answer, each as soon as it is there."""
    rest = b""
    while piece := response.read1(PIECE):
        *lines, rest = (rest + piece).split(b"\n")
        for line in lines:
            yield line.removesuffix(b"\r").decode("utf-8", "replace")
