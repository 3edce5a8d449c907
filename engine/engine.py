"""The engine: a question is parsed, lowered, derived and compiled once, and answered at many points."""

from __future__ import annotations

import time
from collections.abc import Hashable
from dataclasses import dataclass

import numpy as np

import engine.primitives.table  # noqa: F401  (enters all records)
from engine.cache import Cache
from engine.compiled import Prepared, require_integers
from engine.derive.batch import batched
from engine.derive.reverse import gradient
from engine.errors import EngineError, Fault, InvalidRequest, NotDifferentiable, NotScalar
from engine.execute.compile import compile_graph, may_kink
from engine.graph.build import Builder
from engine.graph.check import check
from engine.graph.simplify import Rewrite
from engine.graph.types import DType, Type, describe
from engine.graph.values import Graph, Node, Value, depends_on
from engine.limits import Budget, Limits
from engine.primitives.arithmetic import cast
from engine.question import Array, Ask, Question, Warning
from engine.source import tree
from engine.source.lower import check_names, lower_expression
from engine.source.names import CONSTANTS, Uses, uses
from engine.source.parse import normal_name, parse_expression
from engine.source.text import Span

CACHE_BYTES = 256 * 2**20
NODE_BYTES = 1000
"""What a node of a compiled graph takes, measured roughly."""


@dataclass(frozen=True, slots=True)
class _Parsed:
    root: tree.Expression
    uses: Uses
    seconds: float


class Engine:
    """Answers questions within `limits`; compiled functions are kept in a bounded cache.  Thread-safe.

    `verify` turns on the graph verifier after every transform, as the tests do.
    """

    def __init__(self, limits: Limits | None = None, cache_entries: int = 2048, verify: bool = False) -> None:
        self.limits = limits or Limits()
        self._verify = verify
        self._parsed: Cache[_Parsed] = Cache(cache_entries, CACHE_BYTES // 4)
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
                found = _Preparation(question, ask, parsed, self.limits, budget, self._verify).prepare()
                constants = sum(v.type.bytes for n in found.graph.nodes for v in n.inputs if v.constant is not None)
                self._prepared.put(key, found, len(found.graph.nodes) * NODE_BYTES + constants)
            return found
        except EngineError as error:
            error.text = question.text
            raise

    def cache_info(self) -> dict[str, int]:
        """Entries, hits and misses of the cache of compiled questions."""
        return {"entries": len(self._prepared), "hits": self._prepared.hits, "misses": self._prepared.misses}

    def _parse(self, text: str) -> _Parsed:
        found = self._parsed.get(text)
        if found is None:
            start = time.perf_counter()
            root = parse_expression(text, self.limits)
            found = _Parsed(root, uses(root), time.perf_counter() - start)
            self._parsed.put(text, found, len(text) * 200)
        return found


def _key(question: Question, ask: Ask, found: Uses) -> Hashable:
    types: Hashable
    if not found.static:
        types = tuple([(name, a.dtype.char, a.shape) for name, a in question.at.items()])
    else:
        types = tuple(
            (name, a.dtype.char, a.shape, a.tobytes() if normal_name(name) in found.static else b"")
            for name, a in question.at.items()
        )
    return (question.text, ask, question.wrt, question.batch, types)


class _Preparation:
    """The way of one question from its tree to its executable."""

    def __init__(
        self, question: Question, ask: Ask, parsed: _Parsed, limits: Limits, budget: Budget, verify: bool
    ) -> None:
        self._question = question
        self._ask = ask
        self._parsed = parsed
        self._limits = limits
        self._budget = budget
        self._verify = verify
        self._notices: list[Warning] = []
        self._given: dict[str, Array] = {normal_name(name): array for name, array in question.at.items()}
        self._spelled: dict[str, str] = {normal_name(name): name for name in question.at}

    def prepare(self) -> Prepared:
        start = time.perf_counter()
        found = self._parsed.uses
        check_names(self._parsed.root, found, self._given)
        size, flags = self._batch()
        used = [name for name in found.places if name in self._given]
        moving = [name for name in used if name not in found.static]
        types = {name: self._type(name, flags.get(name, False)) for name in self._given}
        constants = {name: self._constant(name, flags) for name in used if name in found.static}
        builder = Builder(self._limits, self._budget, rewrite=True)
        output, inputs = lower_expression(self._parsed.root, builder, {name: types[name] for name in moving}, constants)
        function = self._checked(builder.finish([output]))
        self._note_rewrites(builder.rewritten, function)
        wrt = self._wrt(types) if self._ask == "grad" else ()
        sources = [name for name in wrt if name in inputs and types[name].dtype == "real"]
        graph, cotangents = self._derive(function, [moving.index(name) for name in sources])
        watched = self._watched(function, [inputs[name] for name in sources])
        forward = frozenset(function.nodes)
        if size is not None:
            marks = [flags.get(name, False) for name in moving]
            graph, image = batched(graph, marks, size, self._limits, self._budget)
            self._checked(graph)
            forward = frozenset(
                v.node for n in forward for o in n.outputs if o in image and (v := image[o]).node is not None
            )
            watched = frozenset(
                v.node for n in watched for o in n.outputs if o in image and (v := image[o]).node is not None
            )
            cotangents = {image[v]: image.get(c, c) for v, c in cotangents.items() if v in image}
        executable = compile_graph(graph, self._limits, watched & set(graph.nodes))
        gradients: dict[str, int | tuple[int, ...]] | None = None
        if self._ask == "grad":
            lead = () if size is None else (size,)
            places = {name: 1 + i for i, name in enumerate(sources)}
            gradients = {self._spelled[n]: places.get(n, lead + types[n].shape) for n in wrt}
        return Prepared(
            self._question.text,
            graph,
            executable,
            tuple(self._spelled[name] for name in moving),
            gradients,
            forward,
            cotangents,
            tuple(self._notices),
            {"parse": self._parsed.seconds, "derive": time.perf_counter() - start},
        )

    def _checked(self, graph: Graph) -> Graph:
        if self._verify:
            check(graph)
        return graph

    def _derive(self, function: Graph, wrt: list[int]) -> tuple[Graph, dict[Value, Value]]:
        if self._ask == "value":
            return function, {}
        (output,) = function.outputs
        if output.shape:
            raise NotScalar(
                f"The result has shape {describe(output.shape)}; a gradient is that of one number.",
                span=self._parsed.root.span,
                hint=f"sum({self._question.text.strip()})" if len(self._question.text) < 60 else "sum(…)",
            )
        if output.type.dtype != "real":
            sources = {function.inputs[i] for i in wrt}
            if output in depends_on(function.nodes, sources):
                raise NotDifferentiable(
                    f"The result is {'a truth value' if output.type.dtype == 'bool' else 'an integer'}; "
                    "it has no derivative.",
                    span=self._parsed.root.span,
                )
            with Builder(start=function) as builder:
                function = builder.finish([cast(output, dtype="real")])
        derived = gradient(function, wrt, self._limits, self._budget)
        for i in derived.disconnected:
            name = self._spelled_input(function, i)
            self._notices.append(
                Warning(
                    "disconnected", f"The result does not depend on {name!r}; its gradient is 0.", None, {"input": name}
                )
            )
        return self._checked(derived.graph), dict(derived.cotangents)

    def _spelled_input(self, function: Graph, i: int) -> str:
        moving = [n for n in self._parsed.uses.places if n in self._given and n not in self._parsed.uses.static]
        return self._spelled[moving[i]]

    def _watched(self, function: Graph, sources: list[Value]) -> frozenset[Node]:
        """Nodes of the function with kinks or comparisons of values that are being differentiated."""
        if not sources:
            return frozenset()
        active = depends_on(function.nodes, set(sources))
        return frozenset(n for n in function.nodes if may_kink(n) and any(v in active for v in n.inputs))

    def _note_rewrites(self, rewritten: list[tuple[Rewrite, Value]], function: Graph) -> None:
        live = {*function.nodes}
        seen: set[tuple[str, Span | None]] = set()
        for rewrite, value in rewritten:
            used = value in function.outputs or value.node in live or value.node is None
            if used and (rewrite.before, value.span) not in seen:
                seen.add((rewrite.before, value.span))
                self._notices.append(
                    Warning(
                        "rewritten",
                        f"{rewrite.before} was computed as {rewrite.after}, which keeps its digits.",
                        value.span,
                        {"before": rewrite.before, "after": rewrite.after},
                    )
                )

    def _type(self, name: str, flag: bool) -> Type:
        """The type of one point of an input: integer if it is used as one, else as given, with integers as reals."""
        array = self._given[name]
        dtype: DType = "int" if name in self._parsed.uses.integer else "bool" if array.dtype.kind == "b" else "real"
        if dtype == "int":
            require_integers(self._spelled[name], array)
        return Type(dtype, array.shape[1:] if flag else array.shape)

    def _constant(self, name: str, flags: dict[str, bool]) -> Array:
        if flags.get(name):
            self._refuse(f"/at/{self._spelled[name]}", f"{name!r} sets a shape or an axis and cannot vary in a batch.")
        array = self._given[name]
        integral = name in self._parsed.uses.integer
        return np.asarray(array, dtype=np.int64 if integral else None)

    def _batch(self) -> tuple[int | None, dict[str, bool]]:
        """The number of points, None without a batch, and which inputs have a first axis that runs over them."""
        batch = self._question.batch
        if batch is False:
            return None, {}
        names = tuple(self._given) if batch is True else tuple(normal_name(n) for n in batch)
        if not names:
            self._refuse("/batch", "A batch needs at least one input whose first axis runs over its points.")
        faults, sizes = [], {}
        for i, name in enumerate(names):
            pointer = f"/at/{self._spelled.get(name, name)}"
            if name not in self._given:
                faults.append(Fault(f"/batch/{i}", f"{name!r} is not an input."))
            elif not self._given[name].ndim:
                faults.append(
                    Fault(pointer, f"{name!r} is one number; in a batch it needs a first axis over the points.")
                )
            else:
                sizes[name] = self._given[name].shape[0]
        if len(set(sizes.values())) > 1:
            listed = ", ".join(f"{name}: {size}" for name, size in sizes.items())
            faults.append(Fault("/batch", f"The first axes of a batch differ in size: {listed}."))
        if faults:
            raise InvalidRequest(faults[0].detail, faults=faults)
        return next(iter(sizes.values())), dict.fromkeys(names, True)

    def _wrt(self, types: dict[str, Type]) -> tuple[str, ...]:
        """The inputs to differentiate with respect to; notes those that have no derivative, or no influence."""
        static, places = self._parsed.uses.static, self._parsed.uses.places
        if self._question.wrt is None:
            wrt = tuple(n for n, t in types.items() if t.dtype == "real" and n not in static)
        else:
            wrt = tuple(normal_name(name) for name in self._question.wrt)
            faults = [
                Fault(f"/wrt/{i}", f"{name!r} is a constant." if name in CONSTANTS else f"{name!r} is not an input.")
                for i, name in enumerate(wrt)
                if name not in types
            ]
            if faults:
                raise InvalidRequest(faults[0].detail, faults=faults)
        for name in wrt:
            spelled = self._spelled[name]
            if types[name].dtype != "real" or name in static:
                message = f"{spelled!r} is used as {'an integer' if types[name].dtype != 'bool' else 'a truth value'}"
                message += ", or fixes a shape; its gradient is 0." if name in static else "; its gradient is 0."
                self._notices.append(Warning("integer-gradient", message, None, {"input": spelled}))
            elif name not in places:
                self._notices.append(
                    Warning(
                        "disconnected",
                        f"The text does not use {spelled!r}; its gradient is 0.",
                        None,
                        {"input": spelled},
                    )
                )
        return tuple(dict.fromkeys(wrt))

    def _refuse(self, pointer: str, detail: str) -> None:
        raise InvalidRequest(detail, faults=[Fault(pointer, detail)])
