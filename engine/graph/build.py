"""Building graphs: nodes are folded, simplified and shared as they are emitted.

`with Builder(...) as builder:` makes it the graph that operators on values and calls of primitives emit into, for this
thread.  Builders nest (the innermost wins), so a rule that needs a sub-graph can build one.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from math import isfinite, prod
from typing import TYPE_CHECKING, Any

import numpy as np

from engine.errors import EngineError, EngineFault, Limit, LimitExceeded
from engine.graph.exactness import is_exact
from engine.graph.integers import GROWING, checked
from engine.graph.rewire import superseded
from engine.graph.simplify import REWRITES, Rewrite, identity
from engine.graph.types import NUMPY, Array, DType, Type, type_of
from engine.graph.values import Graph, Node, Operand, Value, live_nodes
from engine.limits import Budget, Limits
from engine.source.text import Span

if TYPE_CHECKING:
    from engine.graph.primitive import Primitive

MOST_AXES = 64
"""What numpy allows."""
FOLD_SIZE = 1024
"""Constants up to this many elements are computed while the graph is built."""


class Builder:
    """A graph under construction.

    Limits on nodes and array sizes are checked at every node, and the budget's deadline now and then.  `rewrite` turns
    on the numerically stable rewrites, which belong on the client's function and not on what is derived from it;
    `derived` marks what is emitted as such.  A node can be superseded by values that equal its outputs; `image` then
    tells what stands for the values of the nodes emitted before, once the graph is finished.
    """

    def __init__(
        self,
        limits: Limits | None = None,
        budget: Budget | None = None,
        rewrite: bool = False,
        start: Graph | None = None,
        derived: bool = False,
    ) -> None:
        self.limits = limits or Limits()
        self.budget = budget
        self.span: Span | None = None
        self.inputs: list[Value] = []
        self.nodes: list[Node] = []
        self.rewritten: list[tuple[Rewrite, Value, Span | None]] = []
        self.derived = derived
        self.loops = 0
        self.in_place = start is not None and any(n.graphs for n in start.nodes)
        self.superseded: dict[Node, tuple[Value, ...]] = {}
        self.image: Mapping[Value, Value] = {}
        self._rewrite = rewrite
        self._derived = derived
        self._constants: dict[Any, Value] = {}
        self._known: dict[Any, tuple[Value, ...]] = {}
        if start is not None:
            self.inputs.extend(start.inputs)
            self.nodes.extend(start.nodes)
            for node in start.nodes:
                self._known[_key(node.primitive, node.inputs, node.params, node.graphs)] = node.outputs

    def __enter__(self) -> Builder:
        _stack().append(self)
        return self

    def __exit__(self, *error: object) -> None:
        _stack().pop()

    @contextmanager
    def at(self, span: Span | None) -> Iterator[None]:
        """Nodes emitted inside belong to this stretch of the source."""
        before = self.span
        self.span = span if span is not None else before
        try:
            yield
        finally:
            self.span = before

    def child(self) -> Builder:
        """A builder for a graph inside this one."""
        if self.budget is not None:
            self.budget.check()
        inner = Builder(self.limits, self.budget, self._rewrite, derived=self._derived)
        inner.span, inner.derived = self.span, self.derived
        inner.loops = self.loops
        inner.rewritten, inner.in_place = self.rewritten, self.in_place
        return inner

    def follow(self, node: Node) -> None:
        """What is emitted next stands for `node`: it has its place, and is derived if that is."""
        self.span = node.span
        self.derived = self._derived or node.derived

    def supersede(self, node: Node, outputs: Sequence[Value]) -> None:
        """Have these values used for the outputs of `node`; the node itself is dropped when the graph is finished."""
        self.superseded[node] = tuple(outputs)

    def input(self, type: Type, span: Span | None = None) -> Value:
        """A new input of the graph."""
        value = Value(type, span)
        self.inputs.append(value)
        return value

    def constant(self, array: Any, dtype: DType | None = None) -> Value:
        """A constant, exactly this number; equal small constants are one value."""
        given = np.asarray(array, dtype=NUMPY[dtype] if dtype else None)
        type = Type(dtype, given.shape) if dtype else type_of(given)
        return self._shared(type, given if dtype else np.asarray(given, dtype=NUMPY[type.dtype]))

    def _shared(self, type: Type, given: Any) -> Value:
        key = (type, given.tobytes()) if given.size <= FOLD_SIZE else None
        value = self._constants.get(key) if key is not None else None
        if value is None:
            value = Value(type, self.span, constant=_frozen(given))
            if key is not None:
                self._constants[key] = value
        return value

    def finish(self, outputs: Sequence[Value]) -> Graph:
        """The graph of what the outputs need."""
        if self.superseded:
            graph, self.image = superseded(self.inputs, self.nodes, tuple(outputs), self.superseded)
            return graph
        return Graph(tuple(self.inputs), live_nodes(self.nodes, tuple(outputs)), tuple(outputs))

    def emit(
        self, primitive: Primitive, inputs: Sequence[Operand], params: Mapping[str, Any], graphs: tuple[Graph, ...] = ()
    ) -> tuple[Value, ...]:
        """The outputs of `primitive` on `inputs`: folded, simplified, shared with an equal node, or a new node."""
        values = tuple([v if isinstance(v, Value) else self.constant(v) for v in inputs])
        if self._rewrite and primitive.name in REWRITES:
            better = self._rewritten(primitive, values, params)
            if better is not None:
                return (better,)
        simpler = identity(primitive.name, values, params)
        if simpler is not None:
            return (simpler,)
        key = _key(primitive, values, params, graphs)
        known = self._known.get(key)
        if known is not None:
            return known
        try:
            types = inferred(primitive, [v.type for v in values], params, graphs)
        except EngineError as error:
            if error.span is None:
                error.span = self.span
            raise
        self._check(types)
        foldable = not graphs and not primitive.effect and primitive.kind != "stack"
        if foldable and all(v.constant is not None for v in values) and all(t.size <= FOLD_SIZE for t in types):
            outputs = self._fold(primitive, values, params, types)
        else:
            outputs = self._append(primitive, values, params, graphs, types)
        self._known[key] = outputs
        return outputs

    def _append(
        self,
        primitive: Primitive,
        values: tuple[Value, ...],
        params: Mapping[str, Any],
        graphs: tuple[Graph, ...],
        types: tuple[Type, ...],
    ) -> tuple[Value, ...]:
        node = Node(primitive, values, params, graphs, types, self.span, self.derived)
        self.nodes.append(node)
        return node.outputs

    def _rewritten(self, primitive: Primitive, values: tuple[Value, ...], params: Mapping[str, Any]) -> Value | None:
        # What a rewrite emits is in its final form: it is not rewritten again.
        self._rewrite = False
        try:
            for rewrite in REWRITES[primitive.name]:
                better = rewrite.apply(values, params)
                if better is not None:
                    self.rewritten.append((rewrite, better, self.span))
                    return better
        finally:
            self._rewrite = True
        return None

    def _fold(
        self, primitive: Primitive, values: tuple[Value, ...], params: Mapping[str, Any], types: tuple[Type, ...]
    ) -> tuple[Value, ...]:
        value = checked(primitive.value) if types[0].dtype == "int" and primitive.name in GROWING else primitive.value
        given = [v.constant for v in values]
        with np.errstate(all="ignore"):
            result = value(*given, **params)
            results = result if len(types) > 1 else (result,)
            arrays = [np.asarray(r, dtype=NUMPY[t.dtype])[()] for r, t in zip(results, types, strict=True)]
            if not _finite(arrays) and _finite(given):
                # Not a constant but a node, so that a run can tell where the value that is not finite was born.
                return self._append(primitive, values, params, (), types)
            if any(v.recipe is not None for v in values) or not is_exact(primitive.name, given, arrays):
                return self._rounded(primitive, values, params, types, arrays)
        return tuple([self._shared(t, array) for t, array in zip(types, arrays, strict=True)])

    def _rounded(
        self,
        primitive: Primitive,
        values: tuple[Value, ...],
        params: Mapping[str, Any],
        types: tuple[Type, ...],
        arrays: Sequence[Array],
    ) -> tuple[Value, ...]:
        """Constants that keep their recipe."""
        folded = [_frozen(array) for array in arrays]
        return Node(primitive, values, params, (), types, self.span, self.derived, folded).outputs

    def _check(self, types: tuple[Type, ...]) -> None:
        for type in types:
            if type.shape and type.bytes > self.limits.array_bytes:
                raise LimitExceeded(
                    f"This would make an array of shape {type.shape}, {type.bytes:,} bytes; "
                    f"{self.limits.array_bytes:,} are allowed.",
                    span=self.span,
                    limit=Limit("array_bytes", self.limits.array_bytes, type.bytes),
                )
            if len(type.shape) > MOST_AXES or prod(max(n, 1) for n in type.shape) >= 2**60:
                raise LimitExceeded(
                    f"An array has at most {MOST_AXES} axes, and fewer than 2^60 positions.", span=self.span
                )
        count = len(self.nodes)
        if count >= self.limits.nodes:
            raise LimitExceeded(
                f"The expression and its derivative need more than {self.limits.nodes:,} operations.",
                span=self.span,
                limit=Limit("nodes", self.limits.nodes),
                hint="Use arrays instead of many scalar operations.",
            )
        if self.budget is not None and not count & 255:
            self.budget.check()


def _frozen(array: Array) -> Any:
    """A view that cannot be written to; a number of numpy where there are no axes."""
    if array.ndim:
        array = array.view()
        array.flags.writeable = False
    return array[()]


def _finite(arrays: Sequence[Any]) -> bool:
    return all(isfinite(array) if not array.ndim else bool(np.isfinite(array).all()) for array in arrays)


def _key(
    primitive: Primitive, values: tuple[Value, ...], params: Mapping[str, Any], graphs: tuple[Graph, ...] = ()
) -> Any:
    if graphs:
        return (primitive, values, tuple(params.items()), graphs)
    return (primitive, values, tuple(params.items())) if params else (primitive, values)


def inferred(
    primitive: Primitive, types: Sequence[Type], params: Mapping[str, Any], graphs: tuple[Graph, ...]
) -> tuple[Type, ...]:
    """The types of the outputs, as the primitive's record has them."""
    return tuple(primitive.infer(*types, graphs=graphs, **params) if graphs else primitive.infer(*types, **params))


class _Stack(threading.local):
    def __init__(self) -> None:
        self.builders: list[Builder] = []


_local = _Stack()


def _stack() -> list[Builder]:
    return _local.builders


def current() -> Builder:
    """The builder that this thread emits into."""
    if not _local.builders:
        raise EngineFault("a primitive was called while no graph is being built")
    return _local.builders[-1]


def emit(primitive: Primitive, inputs: Sequence[Operand], params: Mapping[str, Any]) -> tuple[Value, ...]:
    """Emit into the current builder."""
    return current().emit(primitive, inputs, params)


def constant(array: Any, dtype: DType | None = None) -> Value:
    """A constant of the current builder."""
    return current().constant(array, dtype)
