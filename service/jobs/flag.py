"""A flag between processes."""

from __future__ import annotations

import multiprocessing


class Flag:
    """Raised by one process and seen by another.

    There is no lock in it: the `Event` of `multiprocessing` has one, and a process that is killed or stopped while it
    looks would keep it from all others for ever.
    """

    def __init__(self) -> None:
        self._raised = multiprocessing.get_context("spawn").Semaphore(0)

    def set(self) -> None:
        """Raise it."""
        self._raised.release()

    def is_set(self) -> bool:
        """Whether it was raised."""
        return self._raised.get_value() > 0

    def wait(self, seconds: float) -> bool:
        """Whether it was raised, as soon as it is, or after `seconds`."""
        raised = self._raised.acquire(True, seconds)
        if raised:
            self._raised.release()
        return raised
