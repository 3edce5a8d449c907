"""The engine: a question is parsed, lowered, derived and compiled once, and answered at many points."""

from __future__ import annotations

from collections.abc import Hashable, Sequence

import engine.control.records
import engine.primitives.table  # noqa: F401  (both enter all records)
from engine.cache import Cache
from engine.compiled import Prepared, layout_bytes
from engine.definition import Definition, read
from engine.errors import EngineError
from engine.graph.recipes import rounded_constants, steps
from engine.graph.values import Graph
from engine.limits import Budget, Limits
from engine.precision.adjoints import adjoints_of, settled
from engine.precision.escalate import decide, undecided
from engine.precision.examine import Examination, examine
from engine.precision.resolve import resolve
from engine.precision.resolved import Resolved
from engine.precision.subject import Subject, subject
from engine.preparation import Preparation
from engine.question import Answer, Array, Ask, Kind, Question
from engine.source.names import Uses
from engine.source.parse import normal_name
from engine.verify.ziv import Settled

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
        self._definitions: Cache[Definition] = Cache(cache_entries, CACHE_BYTES // 4)
        self._subjects: Cache[Subject] = Cache(cache_entries, CACHE_BYTES // 4)
        self._prepared: Cache[Prepared] = Cache(cache_entries, CACHE_BYTES)

    def find(self, question: Question, ask: Ask) -> Prepared | None:
        """The compiled question if it is in the cache.  Takes microseconds and never compiles."""
        definition = self._definitions.get((question.kind, question.text))
        return None if definition is None else self._prepared.get(_key(question, ask, definition.uses))

    def prepare(self, question: Question, ask: Ask, budget: Budget) -> Prepared:
        """The compiled question, from the cache or made now.  Raises an `EngineError` that says what is wrong where."""
        try:
            definition = self.definition(question.text, question.kind)
            key = _key(question, ask, definition.uses)
            found = self._prepared.get(key)
            if found is None:
                found = Preparation(question, ask, definition, self.limits, budget, self._verify).prepare()
                weight = graph_bytes(found.graph) + layout_bytes(found.layout)
                self._prepared.put(key, found, weight)
            return found
        except EngineError as error:
            error.text = question.text
            raise

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
        # Most processes never ask sympy, which takes a quarter of a second to load.
        from engine.precision.symbolic_answer import symbolic_answer

        return symbolic_answer(self.subject(question, budget), question, budget)

    def answer(self, question: Question, ask: Ask, budget: Budget) -> Answer:
        """The whole way of a question, in this process."""
        prepared = self.prepare(question, ask, budget)
        answer = prepared.run(question, budget)
        if undecided(question, answer):
            answer = decide(prepared, question, ask, answer, self.resolve, budget)
        return answer

    def adjoints(self, question: Question, budget: Budget) -> Settled:
        """The adjoints of what a program assigns, in as many digits as they take; see `engine.precision.adjoints`."""
        marked = self.subject(question, budget, recorded=True)
        arguments = marked.arguments(question)
        return settled(adjoints_of(marked.graph, arguments, self.limits, budget), arguments, budget)

    def subject(self, question: Question, budget: Budget, recorded: bool = False) -> Subject:
        """The function of a question as the witnesses take it; `recorded` with marks on what a program assigns.

        Raises what `prepare` raises for a faulty text.
        """
        try:
            definition = self.definition(question.text, question.kind)
            key = _key(question, "recorded" if recorded else "subject", definition.uses)
            found = self._subjects.get(key)
            if found is None:
                found = subject(question, definition, self.limits, budget, recorded)
                self._subjects.put(key, found, graph_bytes(found.graph))
            return found
        except EngineError as error:
            error.text = question.text
            raise

    def cache_info(self) -> dict[str, int]:
        """Entries, hits and misses of the cache of compiled questions."""
        return {"entries": len(self._prepared), "hits": self._prepared.hits, "misses": self._prepared.misses}

    def is_read(self, text: str, kind: Kind) -> bool:
        """Whether `definition` has the answer in its cache."""
        return self._definitions.get((kind, text)) is not None

    def definition(self, text: str, kind: Kind = "expr") -> Definition:
        """What a text says, from the cache or read now.  Raises `SyntaxFault` or `LimitExceeded`."""
        found = self._definitions.get((kind, text))
        if found is None:
            found = read(text, kind, self.limits)
            self._definitions.put((kind, text), found, len(text) * 200)
        return found


def graph_bytes(graph: Graph) -> int:
    """What a graph takes, about, with the graphs inside."""
    nodes = (*graph.nodes, *steps(rounded_constants(graph)))
    constants = sum(v.type.bytes for n in nodes for v in n.inputs if v.constant is not None)
    inner = sum(graph_bytes(inside) for node in graph.nodes for inside in node.graphs)
    return len(nodes) * NODE_BYTES + constants + inner


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
        return (question.text, question.kind, ask, question.wrt, question.batch, types, question.format)
    along = tuple((name, a.shape) for name, a in question.along.items())
    return (question.text, question.kind, ask, question.wrt, question.batch, types, question.many, along)
