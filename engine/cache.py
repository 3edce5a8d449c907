"""A bounded, thread-safe cache of compiled functions: least recently used out, by count and by weight in bytes."""

from __future__ import annotations

import gc
import threading
from collections import OrderedDict
from collections.abc import Hashable
from typing import Generic, TypeVar

T = TypeVar("T")

COLLECT_BYTES = 64 * 2**20
"""How much may be dropped before it is given back; see `put`."""


class Cache(Generic[T]):
    """At most `entries` entries of together at most `weight` bytes; one that is heavier than half is not kept."""

    def __init__(self, entries: int, weight: int) -> None:
        self._entries = entries
        self._weight = weight
        self._held = 0
        self._dropped = 0
        self._items: OrderedDict[Hashable, tuple[T, int]] = OrderedDict()
        self._lock = threading.Lock()
        self.hits = 0
        self.misses = 0

    def get(self, key: Hashable) -> T | None:
        """The entry, now the most recently used one, or None."""
        with self._lock:
            found = self._items.get(key)
            if found is None:
                self.misses += 1
                return None
            self.hits += 1
            self._items.move_to_end(key)
            return found[0]

    def put(self, key: Hashable, item: T, weight: int) -> None:
        """Enter an item and drop the oldest ones until the bounds hold."""
        with self._lock:
            if weight > self._weight // 2 or not self._entries:
                self._dropped += weight
            else:
                before = self._items.pop(key, None)
                self._held += weight - (before[1] if before else 0)
                self._items[key] = (item, weight)
                while len(self._items) > self._entries or self._held > self._weight:
                    _, (_, dropped) = self._items.popitem(last=False)
                    self._held -= dropped
                    self._dropped += dropped
            collect = self._dropped > COLLECT_BYTES
            if collect:
                self._dropped = 0
        if collect:
            # Nodes and values refer to each other: only the garbage collector frees them, and their constants.
            gc.collect()

    def __len__(self) -> int:
        return len(self._items)
