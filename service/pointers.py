"""JSON Pointers (RFC 6901): where in a request something is wrong."""

from __future__ import annotations

from collections.abc import Iterable


def pointer(parts: Iterable[str | int]) -> str:
    """The pointer to the place reached by `parts`, such as `/at/x/0`."""
    return "".join("/" + str(part).replace("~", "~0").replace("/", "~1") for part in parts)
