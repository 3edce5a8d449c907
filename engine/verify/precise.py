"""The precise witness: a graph interpreted in mpmath at any number of digits.

It knows the values of primitives and none of their derivative rules, so what it says of a derivative, by differences in
high precision, is independent of the engine.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import Any

import mpmath
import numpy as np

from engine.errors import EngineFault
from engine.execute.interpret import interpreted
from engine.graph.recipes import steps
from engine.graph.values import Graph, Node, Value
from engine.limits import Budget
from engine.verify.demand import Demand

_contexts = threading.local()
_NOTHING = np.zeros((), dtype=bool)
Context = Any
"""An mpmath context: it holds the precision, so that threads do not share one."""

MOST_BITS = 1 << 16
"""The largest exponent (of 2) of an argument: the exponential of a larger number might never end."""
ANY_SIZE = frozenset(
    (
        "add",
        "subtract",
        "multiply",
        "chain",
        "divide",
        "negative",
        "reciprocal",
        "square",
        "abs",
        "sign",
        "minimum",
        "maximum",
        "relu",
        "leaky_relu",
        "step",
        "select",
        "less",
        "less_equal",
        "greater",
        "greater_equal",
        "equal",
        "not_equal",
        "logical_and",
        "logical_or",
        "logical_not",
        "logical_xor",
        "isfinite",
        "isnan",
        "log",
        "log2",
        "log10",
        "log1p",
        "sqrt",
        "cbrt",
    )
)
"""Elementwise primitives that take numbers of any size."""
OUTSIDE = (ZeroDivisionError, ValueError, OverflowError, mpmath.libmp.NoConvergence, mpmath.libmp.ComplexResult)
"""What mpmath raises outside the domain of a function, or where it finds no value."""


def context(digits: int) -> Context:
    """The context of this thread with this many decimal digits.

    Making one takes half a millisecond, as long as evaluating a small function ten times.
    """
    known: dict[str, Context] = _contexts.__dict__
    found = known.get(str(digits))
    if found is None:
        found = known[str(digits)] = mpmath.MPContext()
        found.dps = digits
    return found


def evaluate(
    graph: Graph,
    arguments: Sequence[Any],
    mp: Context,
    budget: Budget | None = None,
    only: Demand | None = None,
    made: dict[Value, Any] | None = None,
) -> list[Any]:
    """The outputs as object arrays of mpf (0-d for numbers); booleans and integers stay what they are.

    `arguments` are numpy arrays or numbers (converted exactly) or object arrays of mpf.  Outside the domain of an
    operation, at its poles, and for numbers beyond 2^65536, the result is NaN.  With `only`, just those elements are
    computed; the others hold numbers without a meaning.  `made` are the constants with recipes found so far.
    """
    made = {} if made is None else made
    values: dict[Value, Any] = {}
    for value, argument in zip(graph.inputs, arguments, strict=True):
        mask = None if only is None else only.get(value, _NOTHING)
        if value.type.stacked:
            values[value] = argument
        else:
            values[value] = exactly(argument, mp, mask) if value.type.dtype == "real" else np.asarray(argument)

    def read(value: Value) -> Any:
        if value.constant is None:
            return values[value]
        if value.recipe is not None:
            if value not in made:
                _follow(value, made, mp, budget)
            return made[value]
        mask = None if only is None else only.get(value, _NOTHING)
        return exactly(value.constant, mp, mask) if value.type.dtype == "real" else np.asarray(value.constant)

    def inner(graph: Graph, given: Sequence[Any], step: int | None) -> list[Any]:
        return evaluate(graph, given, mp, budget, made=made)

    for node in graph.nodes:
        if budget is not None:
            budget.check()
        if only is not None and not any(v in only for v in node.outputs):
            for value in node.outputs:
                values[value] = np.zeros(value.shape)
            continue
        if node.graphs:
            # Inside, everything is computed: what of it is needed differs from step to step.
            results = interpreted(node, [read(v) for v in node.inputs], inner)
            values.update(zip(node.outputs, results, strict=True))
            continue
        mask = None if only is None else only.get(node.outputs[0])
        results = _apply(node, [read(v) for v in node.inputs], mp, mask)
        for value, result in zip(node.outputs, results, strict=True):
            values[value] = result
    return [read(v) for v in graph.outputs]


def _follow(constant: Value, made: dict[Value, Any], mp: Context, budget: Budget | None) -> None:
    """Compute a constant, and all that its recipe needs, from numbers that are exact."""
    for node in steps([constant]):
        if node.outputs[0] in made:
            continue
        if budget is not None:
            budget.check()
        given = [made[v] if v.recipe is not None else _constant(v, mp) for v in node.inputs]
        made.update(zip(node.outputs, _apply(node, given, mp), strict=True))


def of_constant(value: Value, mp: Context) -> Any:
    """A constant as an object array of mpf, by its recipe if it has one; integers and booleans stay what they are."""
    made: dict[Value, Any] = {}
    if value.recipe is None:
        return _constant(value, mp)
    _follow(value, made, mp, None)
    return made[value]


def _constant(value: Value, mp: Context) -> Any:
    return exactly(value.constant, mp) if value.type.dtype == "real" else np.asarray(value.constant)


def exactly(array: Any, mp: Context, only: Any = None) -> Any:
    """An object array of mpf equal to the given numbers; zeros where a mask `only` is False."""
    array = np.asarray(array)
    if array.dtype == object:
        return array
    made = np.full(array.shape, mp.zero, dtype=object)
    if only is not None and not np.shape(only):
        only = np.broadcast_to(only, array.shape)
    for index in np.ndindex(array.shape) if only is None else map(tuple, np.argwhere(only).tolist()):
        made[index] = mp.mpf(array[index].item())
    return made


def _apply(node: Node, inputs: list[Any], mp: Context, only: Any = None) -> list[Any]:
    primitive = node.primitive
    if primitive.name == "cast":
        dtype = node.params["dtype"]
        return [exactly(inputs[0], mp, only) if dtype == "real" else np.asarray(inputs[0]).astype(np.int64)]
    if primitive.kind == "stack":
        return [primitive.value(*inputs, **node.params)]
    if primitive.whole_arrays:
        try:
            if primitive.precise is not None:
                result = primitive.precise(mp, *inputs, **node.params)
            else:
                result = primitive.value(*inputs, **node.params)
        except OUTSIDE:
            return [np.full(v.shape, mp.nan, dtype=object) for v in node.outputs]
        results = result if len(node.outputs) > 1 else [result]
    elif primitive.precise is not None:
        results = [_elementwise(node, inputs, mp, only)]
    else:
        raise EngineFault(f"{primitive.name} has no precise twin")
    return [np.asarray(r) for r in results]


def _as_number(x: Any, mp: Context) -> Any:
    if isinstance(x, mp.mpf | bool | np.bool_):
        return x
    # Floats come from the fast values of primitives that work on any sort of numbers, such as a zero that they fill in.
    return mp.mpf(x) if isinstance(x, float) or hasattr(x, "_mpf_") else mp.mpf(int(x))


def _elementwise(node: Node, inputs: list[Any], mp: Context, only: Any = None) -> Any:
    """The scalar twin on every element (of `only`); integers are given to it as mpf, and come back as integers."""
    output = node.outputs[0]
    twin = node.primitive.precise
    assert twin is not None
    spread = np.broadcast_arrays(*inputs) if len(inputs) > 1 else inputs
    made = np.full(output.shape, mp.zero, dtype=object)
    if only is not None:
        spread = [np.broadcast_to(array, output.shape)[only] for array in spread]
    numbers = [[_as_number(x, mp) for x in array.flat] for array in spread]
    bounded = node.primitive.name not in ANY_SIZE

    def number(*items: Any) -> Any:
        if bounded and any(mp.isfinite(x) and x and mp.mag(x) > MOST_BITS for x in items):
            return mp.nan
        try:
            found = twin(mp, *items, **node.params)
        except OUTSIDE:
            return mp.nan
        return found if not isinstance(found, mp.mpc) else found.real if found.imag == 0 else mp.nan

    flat = [number(*items) for items in zip(*numbers, strict=True)]
    places = np.ndindex(output.shape) if only is None else map(tuple, np.argwhere(only).tolist())
    for index, item in zip(places, flat, strict=True):
        made[index] = item
    if output.type.dtype == "bool":
        return made.astype(np.bool_)
    if output.type.dtype == "int":
        return np.array([int(x) for x in made.flat], dtype=np.int64).reshape(output.shape)
    return made
