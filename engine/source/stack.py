"""Room on Python's stack for programs whose functions call each other deeply."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager

DEEP = 10_000
"""Frames: those of a hundred calls inside each other, each in expressions and statements."""


class _Users:
    """How many are at it, and what the limit was before the first of them."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.count = 0
        self.before = 0


_USERS = _Users()


@contextmanager
def deep_stack() -> Iterator[None]:
    """Allow more frames for a while; the limit is one for all threads, so the last one to leave puts it back."""
    with _USERS.lock:
        if not _USERS.count:
            _USERS.before = sys.getrecursionlimit()
            sys.setrecursionlimit(max(DEEP, _USERS.before))
        _USERS.count += 1
    try:
        yield
    finally:
        with _USERS.lock:
            _USERS.count -= 1
            if not _USERS.count:
                sys.setrecursionlimit(_USERS.before)
