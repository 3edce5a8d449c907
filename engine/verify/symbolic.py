"""The symbolic witness: a graph as sympy expressions, built node by node, to be differentiated and evaluated by sympy.

Nothing that a client wrote reaches sympy: symbols have generated names, and no text is ever parsed.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import sympy
from sympy.core.evalf import PrecisionExhausted

from engine.errors import EngineFault
from engine.graph.recipes import rounded_constants, steps
from engine.graph.values import Graph, Node, Value
from engine.verify.rounded import symbols_of

DIGITS = 50
MOST_DIGITS = 1000
ALGEBRA = frozenset(["add", "subtract", "multiply", "chain", "divide", "negative", "reciprocal", "square", "sqrt"])


class NoTwin(Exception):
    """There is nothing to compare with: a primitive without a symbolic twin, one that needs numbers (sorting, ties), or
    an expression that sympy cannot evaluate."""


def expressions(graph: Graph) -> tuple[list[Any], list[Any]]:
    """Object arrays of symbols for the inputs, and of expressions for the outputs."""
    values: dict[Value, Any] = {}
    symbols = []
    for number, value in enumerate(graph.inputs):
        made = np.empty(value.shape, dtype=object)
        for index in np.ndindex(value.shape):
            made[index] = sympy.Symbol("_".join(["x", str(number), *map(str, index)]), real=True)
        symbols.append(made)
        values[value] = made

    def read(value: Value) -> Any:
        return values[value] if value in values else exactly(value.constant)

    for node in steps(rounded_constants(graph)):
        values.update(zip(node.outputs, _rounded(node, [read(v) for v in node.inputs]), strict=True))
    for node in graph.nodes:
        for value, result in zip(node.outputs, _apply(node, [read(v) for v in node.inputs]), strict=True):
            values[value] = result
    return symbols, [read(v) for v in graph.outputs]


def _rounded(node: Node, inputs: list[Any]) -> list[Any]:
    """The constants that a recipe makes: arithmetic is shown to sympy, of the rest only the digits are."""
    if node.primitive.name in ALGEBRA or node.primitive.kind == "linear":
        return _apply(node, inputs)
    try:
        return [symbols_of(v) for v in node.outputs]
    except ValueError as error:
        raise NoTwin(str(error)) from error


def exactly(array: Any) -> Any:
    """An object array of sympy numbers equal to the given ones; integers and booleans stay as they are."""
    array = np.asarray(array)
    if array.dtype.kind != "f":
        return array
    made = np.empty(array.shape, dtype=object)
    for index in np.ndindex(array.shape):
        number = float(array[index])
        made[index] = sympy.Rational(number) if np.isfinite(number) else sympy.Float(number)
    return made


def evaluate(expression: Any, symbols: Sequence[Any], arguments: Sequence[Any]) -> Any:
    """A sympy expression at a point, to 50 digits.  Raises `NoTwin` where sympy cannot get there."""
    point = {}
    for array, argument in zip(symbols, arguments, strict=True):
        numbers = exactly(np.asarray(argument, dtype=np.float64))
        for index in np.ndindex(array.shape):
            point[array[index]] = numbers[index]
    try:
        found = sympy.Add(expression, 0).subs(point).evalf(DIGITS, maxn=MOST_DIGITS, strict=True)
    except PrecisionExhausted as error:
        raise NoTwin("sympy could not evaluate it to enough digits") from error
    if not found.is_Float and not found.is_Integer:
        raise NoTwin(f"sympy has no number for {type(found).__name__}")
    return found


def _apply(node: Node, inputs: list[Any]) -> list[Any]:
    primitive = node.primitive
    try:
        if primitive.whole_arrays:
            twin = primitive.symbolic
            result = primitive.value(*inputs, **node.params) if twin is None else twin(sympy, *inputs, **node.params)
            results = result if len(node.outputs) > 1 else [result]
            return [np.asarray(r) for r in results]
        if primitive.symbolic is None:
            raise NoTwin(primitive.name)
        return [_elementwise(node, inputs)]
    except (TypeError, AttributeError) as error:
        raise NoTwin(f"{primitive.name}: {error}") from error


def _elementwise(node: Node, inputs: list[Any]) -> Any:
    twin = node.primitive.symbolic
    assert twin is not None
    made = np.empty(node.outputs[0].shape, dtype=object)
    spread = np.broadcast_arrays(*inputs) if len(inputs) > 1 else inputs
    for index in np.ndindex(made.shape):
        items = [_number(array[index]) for array in spread]
        made[index] = twin(sympy, *items, **node.params)
    return made


def _number(item: Any) -> Any:
    if isinstance(item, bool | np.bool_):
        return bool(item)
    if isinstance(item, int | np.integer):
        return sympy.Integer(int(item))
    if isinstance(item, sympy.Basic | float):
        return item
    raise EngineFault(f"{type(item).__name__} in a symbolic graph")
