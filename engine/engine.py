"""The engine: a question is parsed, lowered, derived and compiled once, and answered at many points."""

from __future__ import annotations

from collections.abc import Hashable, Sequence

import engine.primitives.table  # noqa: F401  (enters all records)
from engine.cache import Cache
from engine.compiled import Prepared, layout_bytes
from engine.errors import EngineError
from engine.limits import Budget, Limits
from engine.precision.escalate import decide, undecided
from engine.precision.examine import Examination, examine
from engine.precision.resolve import resolve
from engine.precision.resolved import Resolved
from engine.precision.subject import Subject, subject
from engine.precision.symbolic_answer import symbolic_answer
from engine.preparation import Parsed, Preparation, parse
from engine.question import Answer, Array, Ask, Question
from engine.source.lower import written_outputs
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
        self._subjects: Cache[Subject] = Cache(cache_entries, CACHE_BYTES // 4)
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
                weight = len(found.graph.nodes) * NODE_BYTES + constants + layout_bytes(found.layout)
                self._prepared.put(key, found, weight)
            return found
        except EngineError as error:
            error.text = question.text
            raise

    def outputs(self, text: str) -> int | None:
        """How many outputs a text has that is a tuple, None for one whose result is a single array.

        Raises `SyntaxFault` or `LimitExceeded`.
        """
        return written_outputs(self._parse(text).root)

    def resolve(self, question: Question, ask: Ask, budget: Budget, needed: Sequence[Array] | None = None) -> Resolved:
        """The answer in as many digits as it takes, in this process; see `engine.precision.resolve`."""
        prepared = self.prepare(question, ask, budget)
        return resolve(prepared, self.subject(question, budget), question, ask, budget, needed)

    def examine(self, question: Question, ask: Ask, budget: Budget) -> Examination:
        """All that high precision has to say, in this process; see `engine.precision.examine`."""
        prepared = self.prepare(question, ask, budget)
        return examine(prepared, self.subject(question, budget), question, ask, budget)

    def symbolic(self, question: Question, budget: Budget) -> dict[str, Array]:
        """The gradient as sympy has it, in this process, which it may hold up for ever."""
        return symbolic_answer(self.subject(question, budget), question, budget)

    def answer(self, question: Question, ask: Ask, budget: Budget) -> Answer:
        """The whole way of a question, in this process."""
        prepared = self.prepare(question, ask, budget)
        answer = prepared.run(question, budget)
        if undecided(question, answer):
            answer = decide(prepared, question, ask, answer, self.resolve, budget)
        return answer

    def subject(self, question: Question, budget: Budget) -> Subject:
        """The function of a question as the witnesses take it.  Raises what `prepare` raises for a faulty text."""
        try:
            parsed = self._parse(question.text)
            key = _key(question, "subject", parsed.uses)
            found = self._subjects.get(key)
            if found is None:
                found = subject(question, parsed, self.limits, budget)
                self._subjects.put(key, found, len(found.graph.nodes) * NODE_BYTES)
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


def _key(question: Question, ask: str, found: Uses) -> Hashable:
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
        return (question.text, ask, question.wrt, question.batch, types, question.format)
    along = tuple((name, a.shape) for name, a in question.along.items())
    return (question.text, ask, question.wrt, question.batch, types, question.many, along)
