"""Times as they are told on the wire."""

from __future__ import annotations

import time


def written(milliseconds: int) -> str:
    """A time in milliseconds since 1970 as ISO 8601, UTC."""
    seconds, rest = divmod(milliseconds, 1000)
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(seconds)) + f".{rest:03d}Z"
