"""The stored functions that are in use, in the memory of each worker."""

from __future__ import annotations

import asyncio
import time
from concurrent.futures import ThreadPoolExecutor
from threading import Lock
from typing import Any

from engine.cache import Cache
from engine.source.parse import normal_name
from service.functions import rows
from service.functions.binding import Binding
from service.functions.catalogue import Catalogue, missing, sane
from service.settings import Settings
from service.store.database import Database

THREADS = 2
"""Threads that read functions for the event loop."""
KEPT = 4096
"""Most functions in memory, whatever their size."""


class Library:
    """The stored functions, ready for questions.  Thread-safe; all but `find` and `obtain` may wait for the database.

    A function in memory is used without a look at the database for `function_seconds`, then after a look at one number
    that grows with every deletion.  What this process deletes, it forgets at once.
    """

    def __init__(self, settings: Settings, database: Database) -> None:
        self._settings, self._database = settings, database
        self.catalogue = Catalogue(settings, database)
        self._limits = settings.limits()
        self._lock = Lock()
        self._pool: ThreadPoolExecutor | None = None
        self._revision = -1
        self._fresh_until = 0.0
        self._forget()

    async def obtain(self, content: Any) -> Binding | None:
        """The function that a decoded request body names as `function`, loaded by a thread where it is not in memory.

        None where it names none, or something besides.  Raises `NotFound`, `Gone` and `Unavailable`.
        """
        reference = named_in(content)
        if reference is None:
            return None
        reference = normal_name(reference)
        found = self.find(reference)
        if found is None:
            if self._pool is None:
                self._pool = ThreadPoolExecutor(THREADS, thread_name_prefix="store")
            found = await asyncio.get_running_loop().run_in_executor(self._pool, self.load, reference)
        return found

    def named(self, content: Any) -> Binding | None:
        """What `obtain` gives, for a thread that may wait."""
        reference = named_in(content)
        return None if reference is None else self.load(reference)

    def find(self, reference: str) -> Binding | None:
        """The function with this id or normalised name if it is in memory and known to be there still."""
        if time.monotonic() >= self._fresh_until:
            return None
        return self._loaded.get(self._ids.get(reference) or reference)

    def load(self, reference: str) -> Binding:
        """The function with this id or name.  Raises `NotFound`, `Gone` and `Unavailable`."""
        reference = sane(reference)
        found = self.find(reference)
        if found is not None:
            return found
        # One at a time: many who want the same function then read its data once.
        with self._lock:
            begun = time.monotonic()
            with self._database.read() as connection:
                revision = rows.revision(connection)
                if revision != self._revision:
                    self._forget()
                    self._revision = revision
                self._fresh_until = begun + self._settings.function_seconds
                found = self._loaded.get(self._ids.get(reference) or reference)
                if found is not None:
                    return found
                stored = rows.find(connection, reference, data=True)
                if stored is None:
                    raise missing(connection, reference)
            found = Binding.of(stored, self._limits)
            self._loaded.put(stored.id, found, found.bytes)
            if stored.name is not None:
                self._ids.put(stored.name, stored.id, 1)
            return found

    def remove(self, reference: str) -> None:
        """Delete the function with this id or name.  Raises `NotFound`, `Gone` and `Unavailable`."""
        self.catalogue.remove(reference)
        with self._lock:
            self._fresh_until = 0.0

    def close(self) -> None:
        """End the threads and the connections; what is asked afterwards opens them again."""
        pool, self._pool = self._pool, None
        if pool is not None:
            pool.shutdown(wait=False, cancel_futures=True)
        self._database.close()

    def _forget(self) -> None:
        self._loaded: Cache[Binding] = Cache(KEPT, self._settings.function_cache_bytes)
        self._ids: Cache[str] = Cache(KEPT, 2 * KEPT)


def named_in(content: Any) -> str | None:
    """What a decoded request body names as its function, if that is all that it names."""
    if type(content) is not dict:
        return None
    reference = content.get("function")
    if type(reference) is not str or content.get("expr") is not None or content.get("program") is not None:
        return None
    return reference
