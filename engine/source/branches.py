"""Choices: both branches are lowered, and what differs between them afterwards is chosen.

Where the condition is known when the program is compiled, only the branch that is taken is lowered: so recursion ends.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from engine.control.functions import Branch, choose
from engine.errors import EngineError, ShapeMismatch, TypeMismatch
from engine.graph.build import constant, current
from engine.graph.registry import PRIMITIVES
from engine.graph.types import broadcast
from engine.graph.values import Value
from engine.primitives.shape import broadcast_to
from engine.source import tree
from engine.source.exits import Exit
from engine.source.merging import MISSING, Differing, Merging, kind_of, merged_names
from engine.source.results import FUNCTION, Result, Undefined, differing, undefined
from engine.source.text import Span

if TYPE_CHECKING:
    from engine.source.interpreter import Interpreter


def truth(result: Result, node: tree.Expression) -> Value | bool:
    """A condition: known, or one truth value."""
    if result is None or isinstance(result, str | tuple):
        return bool(result)
    if isinstance(result, FUNCTION):
        return True
    if not isinstance(result, Value):
        raise TypeMismatch(f"A condition cannot be {kind_of(result)}.", span=node.span)
    if result.shape:
        raise TypeMismatch(
            f"The condition is an array of shape {result.shape}; it must be one truth value.",
            span=node.span,
            hint="all(…) or any(…) of it; where(condition, a, b) chooses element by element",
        )
    if result.constant is not None:
        return bool(result.constant)
    return result if result.type.dtype == "bool" else PRIMITIVES["not_equal"](result, constant(0, "int"))


def choose_exit(
    interpreter: Interpreter, test: Value, then: Callable[[], Exit], otherwise: Callable[[], Exit], span: Span
) -> Exit:
    """Both ways of going on, merged: the names of the scope, and how it ends."""
    scope = interpreter.scope
    before = scope.saved()
    branches, exits, states = (Branch(), Branch()), [], []
    try:
        for branch, way in zip(branches, (then, otherwise), strict=True):
            scope.load(before)
            with branch.builder:
                branch.builder.span = span
                exits.append(way())
            states.append(scope.saved())
    except EngineError:
        scope.load(before)
        raise
    merging = Merging(*branches)
    plans, where = merged_names(
        merging,
        states[0],
        states[1],
        lambda name, place: _absent(interpreter, name, place),
        lambda name, error, a, b: _differ(interpreter, name, error, a, b),
    )
    one, two = exits
    possible = one.possible | two.possible
    code = None
    if len(possible) > 1:
        with branches[0].builder:
            first = one.known()
        with branches[1].builder:
            second = two.known()
        code = merging.plan(first, second)
    result = _merged_result(merging, one, two, span)
    outputs = merging.choose(test)
    scope.load(({name: plan(outputs) for name, plan in plans.items()}, where))
    return Exit(possible, None if code is None else code(outputs), result(outputs))


def _merged_result(merging: Merging, one: Exit, two: Exit, span: Span) -> Callable[..., Result]:
    if one.result is MISSING and two.result is MISSING:
        return lambda outputs: MISSING
    try:
        return merging.plan(one.result, two.result)
    except Differing as error:
        raise error.kind(
            f"One way returns {error.first}, another one {error.second}: it depends on data which.",
            span=span,
            hint="return the same shapes in all cases",
        ) from None


def _absent(interpreter: Interpreter, name: str, place: Span) -> Undefined:
    return undefined(
        f"{name!r} has a value only if the branch in line {interpreter.line(place)} is taken.",
        f"give {name} a value before the if",
    )


def _differ(interpreter: Interpreter, name: str, error: Differing, a: Span, b: Span) -> Undefined:
    there = f"{name!r} is {error.first} in line {interpreter.line(a)} and {error.second} in line {interpreter.line(b)}"
    return differing(
        error.kind,
        f"{there}: it depends on data which, so it has to be the same in both branches.",
        f"give {name} one shape in both branches" if error.kind is ShapeMismatch else None,
        b,
    )


def conditional(interpreter: Interpreter, node: tree.Conditional) -> Result:
    """`a if test else b`: only one of them is computed."""
    test = truth(interpreter.operand(node.test), node.test)
    if isinstance(test, bool):
        return interpreter.lower(node.then if test else node.other)
    branches = (Branch(), Branch())
    found: list[Result] = []
    for branch, part in zip(branches, (node.then, node.other), strict=True):
        with branch.builder:
            found.append(interpreter.lower(part))
    a, b = found
    current().span = node.span
    if isinstance(a, Value) and isinstance(b, Value):
        if not any(branch.builder.nodes for branch in branches):
            return PRIMITIVES["select"](test, a, b)
        a, b = _alike(branches, a, b)
    merging = Merging(*branches)
    try:
        plan = merging.plan(a, b)
    except Differing as error:
        raise error.kind(
            f"This is {error.first} in one case and {error.second} in the other.", span=node.span
        ) from None
    return plan(merging.choose(test))


def _alike(branches: tuple[Branch, Branch], a: Value, b: Value) -> tuple[Value, Value]:
    """Both values in the shape that they have together."""
    shape = broadcast(a.shape, b.shape)
    made = []
    for branch, value in zip(branches, (a, b), strict=True):
        with branch.builder:
            made.append(broadcast_to(value, shape=shape))
    return made[0], made[1]


_INDEXING = frozenset(("gather", "read_region", "scatter_add", "put", "add_region", "add_at"))


def short_circuit(interpreter: Interpreter, node: tree.Logic) -> Result:
    """`and` and `or`: what comes after a part that decides the whole is not looked at."""
    decisive = node.operator == "or"
    result: Value | None = None
    for part in node.operands:
        value = _operand(interpreter, part) if result is None else _next(interpreter, part, result, decisive)
        if isinstance(value, bool):
            if value is decisive:
                return _spread(decisive, result)
            continue
        current().span = node.span
        join = PRIMITIVES["logical_or" if decisive else "logical_and"]
        result = value if result is None else join(result, value)
    return constant(not decisive) if result is None else result


def _operand(interpreter: Interpreter, part: tree.Expression) -> Value | bool:
    value = interpreter.operand(part)
    return value if isinstance(value, Value) and value.shape else truth(value, part)


def _next(interpreter: Interpreter, part: tree.Expression, before: Value, decisive: bool) -> Value | bool:
    """A later part: looked at only where it matters, if it could fail elsewhere, as in `i < n and x[i] > 0`."""
    inner, other = Branch(), Branch()
    with inner.builder:
        value = _operand(interpreter, part)
    if isinstance(value, bool):
        return value
    if before.shape or value.shape or not may_fail(inner):
        return _operand(interpreter, part)
    inner.outputs.append(value)
    with other.builder:
        other.outputs.append(constant(decisive))
    then, otherwise = (other, inner) if decisive else (inner, other)
    return choose(before, then, otherwise)[0]


def may_fail(branch: Branch) -> bool:
    """Whether what a branch does may be refused, or not end, where the branch was not meant to be taken."""
    nodes = branch.builder.nodes
    return any(n.effect or n.graphs or n.primitive.name in _INDEXING for n in nodes)


def _spread(known: bool, like: Value | None) -> Value:
    value = constant(known)
    return value if like is None or not like.shape else broadcast_to(value, shape=like.shape)
