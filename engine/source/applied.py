"""What applies a function to something: products with its Jacobian, its roots, its integral, its trajectories."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np

from engine.control.functions import gradient_of, jvp_of, mapped, solved, vjp_of
from engine.errors import NotScalar, ShapeMismatch, TypeMismatch
from engine.graph.build import constant, current
from engine.graph.registry import PRIMITIVES
from engine.graph.types import describe
from engine.graph.values import Value
from engine.primitives.arithmetic import cast
from engine.primitives.shape import broadcast_to, reshape, stack0
from engine.source.applying import apply
from engine.source.arguments import array, static
from engine.source.iterables import steps_of
from engine.source.lifting import Lifted, alike
from engine.source.merging import kind_of, zeros_like
from engine.source.prelude import prelude
from engine.source.results import Closure, Function, Made, Result, Scope, leaves, rebuilt
from engine.source.text import Span

if TYPE_CHECKING:
    from engine.source.interpreter import Interpreter

Arguments = Mapping[str, Any]
MOST_NODES = 10_000
"""Points of a quadrature."""


def _listed(found: Result) -> tuple[tuple[Result, ...], bool]:
    """Arguments as a tuple, and whether they were one."""
    return (found, True) if isinstance(found, tuple) else ((found,), False)


def _jvp(interpreter: Interpreter, given: Arguments, span: Span) -> Result:
    """The value, and how it changes along the tangents of the arguments."""
    arguments, several = _listed(given["arguments"])
    tangents = given["tangents"] if several else (given["tangents"],)
    lifted = Lifted(interpreter, given["f"], arguments, range(len(arguments)), span)
    moved = alike(lifted.opened, tangents, "the tangent", span)
    outputs, changes = jvp_of(lifted, lifted.values, moved)
    return rebuilt(lifted.result, outputs), rebuilt(lifted.result, changes)


def _vjp(interpreter: Interpreter, given: Arguments, span: Span) -> Result:
    """The value, and the cotangents of the arguments from that of the value."""
    arguments, _ = _listed(given["arguments"])
    lifted = Lifted(interpreter, given["f"], arguments, range(len(arguments)), span)
    with current().child():
        lifted(lifted.values)  # for the structure of its result
    weights = alike(lifted.result, given["cotangent"], "the cotangent", span)
    kept = [w for w, v in zip(weights, leaves(lifted.result), strict=True) if v.type.dtype == "real"]
    outputs, pulled = vjp_of(lifted, lifted.values, kept, range(len(lifted.values)))
    found = rebuilt(lifted.opened, pulled)
    return rebuilt(lifted.result, outputs), found if len(arguments) > 1 else found[0]


def _hvp(interpreter: Interpreter, given: Arguments, span: Span) -> Result:
    """The product of the Hessian with a vector: how the gradient changes along it."""
    lifted = Lifted(interpreter, given["f"], [given["x"]], [0], span)
    vector = alike(lifted.opened, (given["vector"],), "the vector", span)
    numbers = range(len(lifted.values))

    def slopes(values: Sequence[Value]) -> list[Value]:
        return gradient_of(checked, values, numbers)[1]

    def checked(values: Sequence[Value]) -> list[Value]:
        found = lifted(values)
        if not isinstance(lifted.result, Value) or lifted.result.shape:
            raise NotScalar(
                f"hvp is about a function that gives one number; this one gives {kind_of(lifted.result)}.",
                span=span,
                hint="let f return a sum",
            )
        return found

    _, changes = jvp_of(slopes, lifted.values, vector)
    return rebuilt(lifted.opened[0], changes)


def _root(interpreter: Interpreter, given: Arguments, span: Span) -> Result:
    """Where a function is 0, near a start."""
    return _solved(interpreter, given, span, lambda x, found: found)


def _fixed_point(interpreter: Interpreter, given: Arguments, span: Span) -> Result:
    """What a function leaves as it is, near a start."""
    return _solved(interpreter, given, span, lambda x, found: PRIMITIVES["subtract"](found, x))


def _solved(
    interpreter: Interpreter, given: Arguments, span: Span, equation: Callable[[Value, Value], Value]
) -> Result:
    start = array(given["start"], span, "the start")
    lifted = Lifted(interpreter, given["f"], [start], [0], span)

    def function(values: Sequence[Value]) -> list[Value]:
        lifted(values)
        found = cast(array(lifted.result, span, "what the function gives"), dtype="real")
        if found.shape != start.shape:
            raise ShapeMismatch(
                f"There have to be as many equations as unknowns: the function makes {describe(found.shape)} "
                f"of {describe(start.shape)}.",
                span=span,
                hint="let it return an array of the shape of its argument",
            )
        return [equation(values[0], found)]

    return solved(function, lifted.values)


def _quad(interpreter: Interpreter, given: Arguments, span: Span) -> Result:
    """The integral from a to b, by Gauss and Legendre's rule with n points."""
    count = static(given["n"], "int", span, "n of quad")
    if not 1 <= count <= MOST_NODES:
        raise TypeMismatch(f"quad takes 1 to {MOST_NODES:,} points.", span=span)
    a, b = (_number(given[name], name, span) for name in ("a", "b"))
    nodes, weights = _rule(count)
    half = (b - a) * constant(0.5)
    points = (a + b) * constant(0.5) + half * constant(nodes)
    lifted = Lifted(interpreter, given["f"], [a], [0], span)

    def function(values: Sequence[Value]) -> list[Value]:
        return [cast(v, dtype="real") for v in lifted(values)]

    sums = []
    for found in mapped(function, [points], [True], count):
        weighted = found * reshape(constant(weights), shape=(count,) + (1,) * (found.rank - 1))
        sums.append(half * PRIMITIVES["sum"](weighted, axes=(0,)))
    return rebuilt(lifted.result, sums)


@cache
def _rule(count: int) -> tuple[Any, Any]:
    return np.polynomial.legendre.leggauss(count)


def _number(found: Result, name: str, span: Span) -> Value:
    value = array(found, span, name)
    if value.shape:
        raise TypeMismatch(f"{name} must be a number, and is an array of shape {value.shape}.", span=span)
    if value.constant is not None and not np.isfinite(value.constant):
        raise TypeMismatch(
            f"{name} is not finite.", span=span, hint="substitute: x = t/(1 - t^2) maps (-1, 1) to all numbers"
        )
    return cast(value, dtype="real")


def _map(interpreter: Interpreter, given: Arguments, span: Span) -> Result:
    """The function of each element of an array."""
    steps = steps_of(given["xs"], span)
    count = static(steps.count, "int", span, "the number of elements")
    if steps.whole is None or not count:
        return tuple(apply(interpreter, given["f"], [steps.at(i)], {}, span) for i in range(count))
    whole = steps.whole()
    values = leaves(whole)
    left: list[Result] = []

    def function(own: Sequence[Value]) -> list[Value]:
        left[:] = [apply(interpreter, given["f"], [rebuilt(whole, own)], {}, span)]
        return leaves(left[0])

    found = mapped(function, values, [True] * len(values), count)
    return rebuilt(left[0], found)


def _odeint(interpreter: Interpreter, given: Arguments, span: Span) -> Result:
    """The states at the times t of what begins as y and changes by f(y, t), as in scipy."""
    method = static(given["method"], "str", span, "method of odeint")
    solvers = _solvers(span)
    if method not in solvers:
        raise TypeMismatch(f"odeint has no method {method!r}.", span=span, hint='method="rk4" or method="dopri5"')
    y = cast(array(given["y"], span, "the start of odeint"), dtype="real")
    t = cast(array(given["t"], span, "the times of odeint"), dtype="real")
    if t.rank != 1 or not t.shape[0]:
        raise ShapeMismatch(
            f"odeint needs an array of times, and this is {describe(t.shape)}.", span=span, hint="[0, 1], or linspace"
        )
    function = _checked(interpreter, given["f"], y, span)
    states = zeros_like(y.type._replace(shape=(t.shape[0], *y.shape)))
    if method == "rk4":
        options = [constant(static(given["steps"], "int", span, "steps of odeint"), "int")]
    else:
        options = [cast(_value(given[name]), dtype="real") for name in ("rtol", "atol")] + [_value(given["max_steps"])]
    rewritten = current().rewritten
    before = len(rewritten)
    found = apply(interpreter, solvers[method], [function, states, y, t, *options], {}, span)
    # The formulas of the solver are none of the client's.
    rewritten[before:] = [note for note in rewritten[before:] if note[2] != span]
    return found


def _value(found: Result) -> Value:
    return found if isinstance(found, Value) else constant(found)


def _checked(interpreter: Interpreter, function: Function, y: Value, span: Span) -> Function:
    """The function, with its result as an array of the shape of the state."""

    def call(positional: Sequence[Result], keywords: Mapping[str, Result]) -> Result:
        found = apply(interpreter, function, positional, keywords, span)
        if isinstance(found, tuple) and all(isinstance(item, Value) for item in found):
            found = stack0(*[cast(item, dtype="real") for item in found])
        value = cast(array(found, span, "what f of odeint gives"), dtype="real")
        if value.shape != y.shape:
            raise ShapeMismatch(
                f"f(y, t) of odeint gives {describe(value.shape)}, and the state is {describe(y.shape)}.",
                span=span,
                hint="f gives the rate of change of each element of y",
            )
        return broadcast_to(value, shape=y.shape)

    return Made(("odeint", function), call)


def _solvers(span: Span) -> dict[str, Closure]:
    """The solvers by method, as if they had been written where they are called."""
    scope = Scope(None, frozenset())
    for part in prelude(span):
        scope.names[part.name] = Closure(part.name, part.parameters, part.body, scope, span, {})
    return {"rk4": scope.names["runge_kutta"], "dopri5": scope.names["dormand_prince"]}


APPLICATIONS: dict[str, Callable[[Interpreter, Arguments, Span], Result]] = {
    "jvp": _jvp,
    "vjp": _vjp,
    "hvp": _hvp,
    "root": _root,
    "fixed_point": _fixed_point,
    "quad": _quad,
    "map": _map,
    "odeint": _odeint,
}
"""By name: what each makes of its arguments."""
