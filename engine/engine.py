"""The engine: a question is parsed, lowered, derived and compiled once, and answered at many points."""

from __future__ import annotations

from collections.abc import Hashable

import engine.primitives.table  # noqa: F401  (enters all records)
from engine.cache import Cache
from engine.compiled import Prepared
from engine.errors import EngineError
from engine.limits import Budget, Limits
from engine.preparation import Parsed, Preparation, parse
from engine.question import Ask, Question
from engine.source.names import Uses
from engine.source.parse import normal_name

CACHE_BYTES = 256 * 2**20
NODE_BYTES = 1000
"""What a node of a compiled graph takes, measured roughly."""


class Engine:
    """Answers questions within `limits`; compiled functions are kept in a bounded cache.  Thread-safe.

    `verify` turns on the graph verifier after every transform, as the tests do.
    """

    def __init__(self, limits: Limits | None = None, cache_entries: int = 2048, verify: bool = False) -> None:
        self.limits = limits or Limits()
        self._verify = verify
        self._parsed: Cache[Parsed] = Cache(cache_entries, CACHE_BYTES // 4)
        self._prepared: Cache[Prepared] = Cache(cache_entries, CACHE_BYTES)

    def find(self, question: Question, ask: Ask) -> Prepared | None:
        """The compiled question if it is in the cache.  Takes microseconds and never compiles."""
        parsed = self._parsed.get(question.text)
        return None if parsed is None else self._prepared.get(_key(question, ask, parsed.uses))

    def prepare(self, question: Question, ask: Ask, budget: Budget) -> Prepared:
        """The compiled question, from the cache or made now.  Raises an `EngineError` that says what is wrong where."""
        try:
            parsed = self._parse(question.text)
            key = _key(question, ask, parsed.uses)
            found = self._prepared.get(key)
            if found is None:
                found = Preparation(question, ask, parsed, self.limits, budget, self._verify).prepare()
                constants = sum(v.type.bytes for n in found.graph.nodes for v in n.inputs if v.constant is not None)
                self._prepared.put(key, found, len(found.graph.nodes) * NODE_BYTES + constants)
            return found
        except EngineError as error:
            error.text = question.text
            raise

    def cache_info(self) -> dict[str, int]:
        """Entries, hits and misses of the cache of compiled questions."""
        return {"entries": len(self._prepared), "hits": self._prepared.hits, "misses": self._prepared.misses}

    def _parse(self, text: str) -> Parsed:
        found = self._parsed.get(text)
        if found is None:
            found = parse(text, self.limits)
            self._parsed.put(text, found, len(text) * 200)
        return found


def _key(question: Question, ask: Ask, found: Uses) -> Hashable:
    """Everything that the compiled question depends on: types of inputs, and values of those that are static."""
    types: Hashable
    if not found.static:
        types = tuple([(name, a.dtype.char, a.shape) for name, a in question.at.items()])
    else:
        types = tuple(
            (name, a.dtype.char, a.shape, a.tobytes() if normal_name(name) in found.static else b"")
            for name, a in question.at.items()
        )
    if not question.along:
        return (question.text, ask, question.wrt, question.batch, types)
    along = tuple((name, a.shape) for name, a in question.along.items())
    return (question.text, ask, question.wrt, question.batch, types, question.many, along)
