"""Loops: the body is lowered once, on what a step before has left; short ones, and ones that need it, are written out.

What a loop carries from step to step are the names that its body assigns.  Their types are found by trying: where a
step leaves a wider number than it was given (an integer that becomes real), the body is lowered again with that.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING

from engine.control.functions import Body, Branch, choose, repeat
from engine.errors import EngineError, LimitExceeded, ShapeMismatch
from engine.graph.build import constant, current
from engine.graph.registry import PRIMITIVES
from engine.graph.types import promote
from engine.graph.values import Value
from engine.source import statement, tree
from engine.source.arguments import not_known
from engine.source.branches import choose_exit, may_fail, truth
from engine.source.carrying import Attempt, Carried, Changing, as_value, cast_all, difference
from engine.source.exits import CONTINUE, END, RETURN, Exit, only
from engine.source.iterables import iterable
from engine.source.merging import MISSING, kind_of, zeros_like
from engine.source.results import (
    Result,
    Scope,
    Steps,
    Undefined,
    differing,
    leaves,
    rebuilt,
    same,
    undefined,
)
from engine.source.scopes import assigned, written_first

if TYPE_CHECKING:
    from engine.source.interpreter import Interpreter

FEW = 3
"""Loops of up to this many steps are written out."""
MOST_NESTED = 50
"""Steps of a loop that is written out and may end in each of them: each is a choice inside the one before."""


def lower_for(interpreter: Interpreter, node: statement.For) -> Exit:
    """`for`: the statements of its body for each element."""
    steps = iterable(interpreter, node.source)
    if isinstance(steps.count, Value) and steps.count.constant is not None:
        steps = Steps(max(0, int(steps.count.constant)), steps.at)
    if isinstance(steps.count, int) and steps.count <= FEW:
        return _written_out(interpreter, node, steps, steps.count)
    before = interpreter.scope.saved()
    try:
        return _Loop(interpreter, node, steps).lower()
    except EngineError as error:
        interpreter.scope.load(before)
        if not _may_help(error) or not isinstance(steps.count, int) or steps.count > current().limits.unrolled_steps:
            raise
        try:
            return _written_out(interpreter, node, steps, steps.count)
        except EngineError as other:
            interpreter.scope.load(before)
            raise (error if not_known(other) or isinstance(other, LimitExceeded) else other) from None


def _may_help(error: EngineError) -> bool:
    """Whether the body may be possible to lower step by step: where something has to be known, or shapes change."""
    return not_known(error) or isinstance(error, Changing)


def lower_while(interpreter: Interpreter, node: statement.While) -> Exit:
    """`while`: the statements of its body as long as a condition holds."""
    return _Loop(interpreter, node, None).lower()


def _written_out(interpreter: Interpreter, node: statement.For, steps: Steps, count: int, first: int = 0) -> Exit:
    """The steps of a loop one after the other."""
    for number in range(first, count):
        interpreter.bind(node.target, steps.at(number))
        found = interpreter.run(node.body)
        goes_on = found.among(END, CONTINUE)
        if goes_on is True:
            continue
        left = found.without(END, CONTINUE)
        if goes_on is False:
            return left.of_loop()
        if number - first >= MOST_NESTED:
            raise LimitExceeded(
                f"A loop that is written out and may end early has at most {MOST_NESTED} steps.", span=node.span
            )
        # Whether there is another step depends on data: all that follow are inside a choice.
        more = partial(_written_out, interpreter, node, steps, count, number + 1)
        return choose_exit(interpreter, goes_on, more, left.of_loop, node.span)
    return only(END)


class _Loop:
    """One loop being lowered."""

    def __init__(self, interpreter: Interpreter, node: statement.For | statement.While, steps: Steps | None) -> None:
        self._interpreter = interpreter
        self._node = node
        self._steps = steps
        self._scope: Scope = interpreter.scope
        self._before = self._scope.saved()
        names = assigned((node,))
        # Helpers inside of a step: given a value in it before they are read, and of no use afterwards.
        inner = {name for name in written_first(node) if not interpreter.read_outside(name, node)}
        start = {
            name: result
            for name, result in self._before[0].items()
            if name in names - inner and not isinstance(result, Undefined)
        }
        self._names = names
        self._fixed = {name: result for name, result in start.items() if not leaves(result)}
        self._carried = Carried(
            {name: result for name, result in start.items() if leaves(result)},
            {name: [v.type for v in leaves(result)] for name, result in start.items() if leaves(result)},
        )

    def lower(self) -> Exit:
        count = self._count()
        go: Value | bool = True
        if isinstance(self._node, statement.While):
            go = truth(self._interpreter.operand(self._node.test), self._node.test)
            if go is False:
                return only(END)
        attempt = self._stable(sure=self._sure(go))
        return self._emitted(attempt, count, go)

    def _count(self) -> Value | None:
        if self._steps is None:
            return None
        count = self._steps.count
        if isinstance(count, int):
            return constant(count, "int")
        return PRIMITIVES["maximum"](count, constant(0, "int"))

    def _sure(self, go: Value | bool) -> bool:
        """Whether there is at least one step."""
        return go is True if self._steps is None else isinstance(self._steps.count, int)

    def _stable(self, sure: bool) -> Attempt:
        """The body, lowered until what it leaves has the types of what it is given."""
        rewritten = current().rewritten
        before = len(rewritten)
        while True:
            del rewritten[before:]  # what an attempt that is given up has noted
            attempt = self._attempt()
            again = self._compare(attempt)
            again |= self._take_late(attempt, sure)
            again |= self._take_result(attempt)
            if not again:
                return attempt

    def _attempt(self) -> Attempt:
        carried, scope, node = self._carried, self._scope, self._node
        body = Body(carried.all_types())
        scope.load(self._before)
        given: dict[str, Result] = {}
        values = list(body.carried)
        try:
            with body.builder:
                body.builder.span = node.span
                for name, types in carried.types.items():
                    own, values = values[: len(types)], values[len(types) :]
                    if name in carried.late:
                        given[name] = rebuilt(carried.late[name], own)
                        continue
                    given[name] = rebuilt(carried.start[name], own)
                    scope.bind(name, given[name], self._before[1].get(name, node.span))
                for name, gone in carried.dropped.items():
                    scope.names[name] = gone
                kept = rebuilt(carried.result, values[1:]) if carried.returns else MISSING
                if self._steps is not None and isinstance(node, statement.For):
                    self._interpreter.bind(node.target, self._steps.at(body.index))
                found = self._interpreter.run(node.body)
                after, where = scope.saved()
                go_on = self._going_on(found)
        finally:
            scope.load(self._before)
        return Attempt(body, found, after, where, go_on, given, kept)

    def _going_on(self, found: Exit) -> Value | None:
        """Whether there is another step after this one; None where only the number of steps bounds the loop."""
        goes_on = found.among(END, CONTINUE)
        if isinstance(self._node, statement.For):
            return None if goes_on is True else as_value(goes_on)
        if goes_on is False:
            return constant(False)
        if goes_on is True:
            return as_value(self._test())
        inner, other = Branch(), Branch()
        with inner.builder:
            inner.outputs.append(as_value(self._test()))
        if not may_fail(inner):
            return PRIMITIVES["logical_and"](goes_on, as_value(self._test()))
        with other.builder:
            other.outputs.append(constant(False))
        return choose(goes_on, inner, other)[0]

    def _test(self) -> Value | bool:
        assert isinstance(self._node, statement.While)
        return truth(self._interpreter.operand(self._node.test), self._node.test)

    def _compare(self, attempt: Attempt) -> bool:
        """Whether the body has to be lowered again, because it leaves something of another type than it was given."""
        again = False
        carried = self._carried
        for name, before in self._fixed.items():
            left = attempt.after.get(name)
            if name not in carried.dropped and not same(before, left):
                place = attempt.where.get(name)
                detail = f"{name!r} is {kind_of(before)} before the loop and {kind_of(left)} after a step of it."
                carried.dropped[name] = differing(Changing, detail, None, place)
                again = True
        for name, given in attempt.given.items():
            left = attempt.after.get(name)
            if name in carried.late and name not in attempt.after:
                continue
            if same(given, left):
                self._drop_unchanged(name)
                again = True
                continue
            problem = self._problem(name, given, left, attempt)
            if problem is not None:
                self._set_aside(name, problem)
                again = True
                continue
            types = [
                type._replace(dtype=promote(type.dtype, value.type.dtype))
                for type, value in zip(carried.types[name], leaves(left), strict=True)
            ]
            again |= types != carried.types[name]
            carried.types[name] = types
        return again

    def _drop_unchanged(self, name: str) -> None:
        """A name that the body assigns and leaves as it was."""
        del self._carried.types[name]
        self._carried.start.pop(name, None)
        self._carried.late.pop(name, None)

    def _set_aside(self, name: str, problem: Undefined) -> None:
        """A name whose values do not fit together: it may be no more than a helper inside of a step."""
        self._drop_unchanged(name)
        self._carried.dropped[name] = problem

    def _problem(self, name: str, given: Result, left: Result, attempt: Attempt) -> Undefined | None:
        """What keeps a name from being carried."""
        if isinstance(left, Undefined):
            return left
        here, there = self._before[1].get(name), attempt.where.get(name)
        kind = difference(given, left)
        if kind is None:
            return None
        before, after = kind_of(given), kind_of(left)
        line = self._interpreter.line(here) if here is not None else 0
        hint = None
        if kind is Changing:
            hint = "a loop keeps shapes as they are: give it its final shape before the loop"
            if isinstance(left, Value) and left.shape and isinstance(given, Value) and not given.shape:
                shape = str(left.shape[0]) if left.rank == 1 else str(left.shape)
                hint = f"start with {name} = zeros({shape})"
        lead = f"{name!r} is {before} in line {line}" if line else f"{name!r} is {before} before"
        return differing(kind, f"{lead} and becomes {after} in the loop; each step needs the same.", hint, there)

    def _take_late(self, attempt: Attempt, sure: bool) -> bool:
        """Carry names that only the body gives a value, for what comes after the loop."""
        again = False
        for name in sorted(self._names):
            if name in self._before[0] and not isinstance(self._before[0][name], Undefined):
                continue
            if name in self._carried.late or name in self._carried.dropped:
                continue
            left = attempt.after.get(name)
            if left is None or isinstance(left, Undefined) or not leaves(left):
                continue
            if not sure or not self._interpreter.read_outside(name, self._node):
                continue
            self._carried.late[name] = left
            self._carried.types[name] = [v.type for v in leaves(left)]
            again = True
        return again

    def _take_result(self, attempt: Attempt) -> bool:
        """Carry whether something was returned, and what."""
        carried, found = self._carried, attempt.exit
        if RETURN not in found.possible:
            return False
        types = [v.type for v in leaves(found.result)]
        if carried.returns:
            if difference(carried.result, found.result) is not None:
                raise ShapeMismatch("The loop returns different things in different steps.", span=self._node.span)
            pairs = zip(carried.result_types, types, strict=True)
            types = [old._replace(dtype=promote(old.dtype, new.dtype)) for old, new in pairs]
            if types == carried.result_types:
                return False
        carried.returns, carried.result, carried.result_types = True, found.result, types
        return True

    def _emitted(self, attempt: Attempt, count: Value | None, go: Value | bool) -> Exit:
        carried, found = self._carried, attempt.exit
        initial: list[Value] = []
        results: list[Value] = []
        for name, types in carried.types.items():
            if name in carried.late:
                initial += [zeros_like(type) for type in types]
            else:
                initial += cast_all(leaves(carried.start[name]), types)
        with attempt.body.builder:
            for name, types in carried.types.items():
                results += cast_all(leaves(attempt.after.get(name, attempt.given[name])), types)
        if carried.returns:
            initial += [constant(False), *[zeros_like(type) for type in carried.result_types]]
            with attempt.body.builder:
                returned = found.among(RETURN)
                results += [as_value(returned)]
                # It may have been possible only while other things were known, in an earlier attempt.
                results += (
                    cast_all(leaves(found.result), carried.result_types)
                    if RETURN in found.possible
                    else [zeros_like(type) for type in carried.result_types]
                )
        with current().at(self._node.span):
            conditional = attempt.go_on is not None
            _, left = repeat(
                attempt.body,
                initial,
                results,
                count=count,
                go=as_value(go) if conditional else None,
                go_on=attempt.go_on,
            )
        left = tuple(left)
        self._leave(attempt, left)
        if not carried.returns:
            return self._end(only(END))
        number = sum(len(types) for types in carried.types.values())
        code = PRIMITIVES["select"](left[number], constant(RETURN, "int"), constant(END, "int"))
        result = rebuilt(carried.result, left[number + 1 :])
        return self._end(Exit(frozenset((END, RETURN)), code, result))

    def _end(self, found: Exit) -> Exit:
        """A loop without a condition is left by break or return alone."""
        node = self._node
        if isinstance(node, statement.While) and isinstance(node.test, tree.Number) and node.test.value:
            breaks = any(isinstance(s, statement.Break) for s in own_statements(node.body))
            if not breaks and RETURN in found.possible:
                return Exit(frozenset((RETURN,)), None, found.result)
        return found

    def _leave(self, attempt: Attempt, left: Sequence[Value]) -> None:
        """Bind the names after the loop."""
        carried, scope = self._carried, self._scope
        values = list(left)
        scope.load(self._before)
        for name, types in carried.types.items():
            own, values = values[: len(types)], values[len(types) :]
            template = carried.late[name] if name in carried.late else carried.start[name]
            scope.bind(name, rebuilt(template, own), attempt.where.get(name, self._node.span))
        for name, gone in carried.dropped.items():
            scope.names[name] = gone
        for name in self._names:
            if name not in carried.types and name not in carried.dropped:
                self._leave_other(name, attempt)

    def _leave_other(self, name: str, attempt: Attempt) -> None:
        """A name that the loop does not carry: unchanged, or without a value afterwards."""
        scope = self._scope
        before = self._before[0].get(name)
        if name not in attempt.after or (name in self._before[0] and same(before, attempt.after[name])):
            return
        found = attempt.after[name]
        if isinstance(found, Undefined):
            scope.names[name] = found
            return
        line = self._interpreter.line(self._node.span)
        scope.names[name] = undefined(
            f"{name!r} has a value only if the loop in line {line} takes a step."
            if name not in self._before[0]
            else f"{name!r} changes in the loop in line {line} to {kind_of(found)}, which a loop cannot carry.",
            f"give {name} a value before the loop",
        )


def own_statements(block: statement.Block) -> list[statement.Statement]:
    """The statements of a loop's body that a break could belong to."""
    found: list[statement.Statement] = []
    for part in block:
        found.append(part)
        if isinstance(part, statement.If):
            found += own_statements(part.then) + own_statements(part.otherwise)
    return found
