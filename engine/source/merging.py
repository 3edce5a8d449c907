"""What two branches leave becomes one: the outputs of a choice, where they differ."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from engine.control.functions import Branch, choose
from engine.errors import EngineError, ShapeMismatch, TypeMismatch
from engine.graph.build import constant
from engine.graph.types import Type, promote
from engine.graph.values import Value
from engine.primitives.arithmetic import cast
from engine.primitives.shape import broadcast_to
from engine.source.arguments import array
from engine.source.results import Result, Steps, Undefined, same
from engine.source.text import Span

MISSING: Any = object()
"""What a branch leaves that does not return anything, where the other one does: zeros stand for it."""

Plan = Callable[[Sequence[Value]], Result]
"""From the outputs of the choice to a merged result."""


class Differing(Exception):
    """Two results that do not fit together."""

    def __init__(self, kind: type[ShapeMismatch | TypeMismatch], first: str, second: str) -> None:
        super().__init__(first, second)
        self.kind = kind
        self.first = first
        self.second = second


class Merging:
    """Two branches whose results are merged one by one; `choose` then makes the choice."""

    def __init__(self, then: Branch, otherwise: Branch) -> None:
        self._branches = (then, otherwise)
        self.outputs = 0

    def plan(self, a: Result, b: Result) -> Plan:
        """How the result that is `a` in one branch and `b` in the other comes out.  Raises `Differing`."""
        if same(a, b):
            return lambda outputs: a
        if isinstance(a, Undefined) or isinstance(b, Undefined):
            found = a if isinstance(a, Undefined) else b
            return lambda outputs: found
        if a is MISSING or b is MISSING:
            return self._filled(a, b)
        if isinstance(a, tuple) and isinstance(b, tuple):
            return self._tuples(a, b)
        if isinstance(a, Value | tuple) and isinstance(b, Value | tuple):
            return self._values(self._value(0, a), self._value(1, b))
        second = kind_of(b) if kind_of(b) != kind_of(a) else kind_of(b).replace("a ", "another ", 1)
        raise Differing(TypeMismatch, kind_of(a), second)

    def choose(self, predicate: Value) -> tuple[Value, ...]:
        """The outputs, when all results are planned."""
        if not self.outputs:
            if not self._effects():
                return ()
            # A node has an output, and this one is there for what its branches do.
            for branch in self._branches:
                branch.outputs.append(constant(True))
        return choose(predicate, *self._branches)

    def _effects(self) -> bool:
        return any(node.effect or node.graphs for branch in self._branches for node in branch.builder.nodes)

    def _tuples(self, a: tuple[Result, ...], b: tuple[Result, ...]) -> Plan:
        if len(a) != len(b):
            raise Differing(ShapeMismatch, kind_of(a), kind_of(b))
        plans = [self.plan(x, y) for x, y in zip(a, b, strict=True)]
        return lambda outputs: tuple(plan(outputs) for plan in plans)

    def _value(self, side: int, result: Result) -> Value:
        """A tuple as an array, where the other branch has one."""
        if isinstance(result, Value):
            return result
        with self._branches[side].builder:
            try:
                return array(result, Span(0, 0), "this")
            except EngineError:
                raise Differing(TypeMismatch, kind_of(result), "an array") from None

    def _values(self, a: Value, b: Value) -> Plan:
        if a.shape != b.shape:
            raise Differing(ShapeMismatch, kind_of(a), kind_of(b))
        if (a.type.dtype == "bool") is not (b.type.dtype == "bool"):
            raise Differing(TypeMismatch, kind_of(a), kind_of(b))
        dtype = promote(a.type.dtype, b.type.dtype)
        for branch, value in zip(self._branches, (a, b), strict=True):
            with branch.builder:
                branch.outputs.append(cast(value, dtype=dtype))
        return self._next()

    def _next(self) -> Plan:
        number = self.outputs
        self.outputs += 1
        return lambda outputs: outputs[number]

    def _filled(self, a: Result, b: Result) -> Plan:
        there, side = (b, 0) if a is MISSING else (a, 1)
        if isinstance(there, tuple):
            plans = [self._filled(*((MISSING, x) if a is MISSING else (x, MISSING))) for x in there]
            return lambda outputs: tuple(plan(outputs) for plan in plans)
        if not isinstance(there, Value):
            return lambda outputs: there
        with self._branches[side].builder:
            zeros = zeros_like(there.type)
        for number, branch in enumerate(self._branches):
            branch.outputs.append(zeros if number == side else there)
        return self._next()


def zeros_like(type: Type) -> Value:
    """Zeros of a type, in the current builder."""
    zero = constant(0, "int") if type.dtype == "int" else constant(False) if type.dtype == "bool" else constant(0.0)
    return broadcast_to(zero, shape=type.shape)


def kind_of(result: Result) -> str:
    """What a result is, in a sentence."""
    if isinstance(result, Value):
        if result.type.dtype == "bool":
            return "a truth value" if not result.shape else f"truth values of shape {result.shape}"
        return f"an array of shape {result.shape}" if result.shape else "a number"
    if isinstance(result, tuple):
        return f"a tuple of {len(result)}"
    if isinstance(result, Steps):
        return "a range"
    return "nothing" if result is None else "a text" if isinstance(result, str) else str(result.told)


def merged_names(
    merging: Merging,
    then: tuple[Mapping[str, Result], Mapping[str, Span]],
    other: tuple[Mapping[str, Result], Mapping[str, Span]],
    absent: Callable[[str, Span], Undefined],
    differ: Callable[[str, Differing, Span, Span], Undefined],
) -> tuple[dict[str, Plan], dict[str, Span]]:
    """The plans of all names, and where each got its value.

    A name that only one branch binds, or whose values do not fit together, may not be used afterwards.
    """
    plans: dict[str, Plan] = {}
    where: dict[str, Span] = {}
    for name in dict.fromkeys((*then[0], *other[0])):
        here, there = then[1].get(name), other[1].get(name)
        place = here or there
        if place is not None:
            where[name] = place
        if name not in then[0] or name not in other[0]:
            found = (then[0] if name in then[0] else other[0])[name]
            gone = found if isinstance(found, Undefined) else absent(name, place or Span(0, 0))
            plans[name] = _fixed(gone)
            continue
        try:
            plans[name] = merging.plan(then[0][name], other[0][name])
        except Differing as error:
            plans[name] = _fixed(differ(name, error, here or Span(0, 0), there or Span(0, 0)))
    return plans, where


def _fixed(result: Result) -> Plan:
    return lambda outputs: result
