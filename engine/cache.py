"""A bounded, thread-safe cache of compiled functions: least recently used out, by count and by weight in bytes."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Hashable
from typing import Generic, TypeVar

T = TypeVar("T")


class Cache(Generic[T]):
    """At most `entries` entries of together at most `weight` bytes; one that is heavier than half is not kept."""

    def __init__(self, entries: int, weight: int) -> None:
        self._entries = entries
        self._weight = weight
        self._held = 0
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
        if weight > self._weight // 2 or not self._entries:
            return
        with self._lock:
            before = self._items.pop(key, None)
            self._held += weight - (before[1] if before else 0)
            self._items[key] = (item, weight)
            while len(self._items) > self._entries or self._held > self._weight:
                _, (_, dropped) = self._items.popitem(last=False)
                self._held -= dropped

    def __len__(self) -> int:
        return len(self._items)
