"""Arithmetic, comparison, logic and selection."""

from __future__ import annotations

import operator
from typing import Any

import numpy as np

from engine.graph.primitive import Primitive
from engine.graph.registry import register
from engine.graph.types import NUMPY, DType, Type
from engine.primitives.function import Points
from engine.primitives.record import Elementwise, Routed, elementwise

REALS = (-4.0, 4.0)
_TWO = Points((REALS, REALS), ((0.0, 0.0), (1e300, 1e300), (1e-300, -1e-300)))

add: Elementwise = elementwise(
    "add",
    np.add,
    (1.0, 1.0),
    numbers="number",
    group="arithmetic",
    summary="x + y.",
    precise=lambda mp, x, y: x + y,
    symbolic=lambda sp, x, y: x + y,
    points=_TWO,
    nanoseconds=0.8,
    scalar=operator.add,
)
subtract: Elementwise = elementwise(
    "subtract",
    np.subtract,
    (1.0, -1.0),
    numbers="number",
    group="arithmetic",
    summary="x - y.",
    aliases=("sub",),
    precise=lambda mp, x, y: x - y,
    symbolic=lambda sp, x, y: x - y,
    points=_TWO,
    nanoseconds=0.8,
    scalar=operator.sub,
)
multiply: Elementwise = elementwise(
    "multiply",
    np.multiply,
    (lambda x, y, out: y, lambda x, y, out: x),
    numbers="number",
    group="arithmetic",
    summary="x * y.",
    aliases=("mul",),
    precise=lambda mp, x, y: x * y,
    symbolic=lambda sp, x, y: x * y,
    points=Points((REALS, REALS), ((0.0, 0.0), (0.0, 3.0), (1e150, 1e-150))),
    nanoseconds=0.8,
    scalar=operator.mul,
)
# The product of a cotangent and a partial derivative.  It multiplies; what makes it different is the rule, applied when
# an answer comes out non-finite, that an exact zero in it beats infinity and NaN (see execute.careful).
chain: Elementwise = elementwise(
    "chain",
    np.multiply,
    (lambda cotangent, partial, out: partial, lambda cotangent, partial, out: cotangent),
    precise=lambda mp, x, y: mp.zero if x == 0 or y == 0 else x * y,
    symbolic=lambda sp, x, y: x * y,
    nanoseconds=0.8,
    public=False,
    scalar=operator.mul,
)
divide: Elementwise = elementwise(
    "divide",
    np.divide,
    (lambda x, y, out: 1.0 / y, lambda x, y, out: -(out / y)),
    group="arithmetic",
    summary="x / y; integers are divided as real numbers.",
    aliases=("div", "true_divide"),
    domain="y != 0",
    inside=lambda x, y: y != 0,
    precise=lambda mp, x, y: x / y,
    symbolic=lambda sp, x, y: x / y,
    points=Points((REALS, (0.2, 4.0)), ((0.0, -3.0), (1e300, 1e10), (1e-300, 1e-10), (1.0, -1e154))),
    nanoseconds=1.0,
    scalar=operator.truediv,
)
negative: Elementwise = elementwise(
    "negative",
    np.negative,
    -1.0,
    numbers="number",
    group="arithmetic",
    summary="-x.",
    aliases=("neg",),
    precise=lambda mp, x: -x,
    symbolic=lambda sp, x: -x,
    points=Points((REALS,), ((0.0,), (1e300,))),
    nanoseconds=0.6,
    scalar=operator.neg,
)
reciprocal: Elementwise = elementwise(
    "reciprocal",
    lambda x: 1.0 / x,
    lambda x, out: -(out * out),
    group="arithmetic",
    summary="1 / x.",
    domain="x != 0",
    inside=lambda x: x != 0,
    precise=lambda mp, x: 1 / x,
    symbolic=lambda sp, x: 1 / x,
    points=Points(((0.2, 4.0),), ((-3.0,), (1e-100,), (1e150,))),
)
square: Elementwise = elementwise(
    "square",
    np.square,
    lambda x, out: x * 2.0,
    numbers="number",
    group="arithmetic",
    summary="x^2.",
    aliases=("sqr", "sq"),
    precise=lambda mp, x: x * x,
    symbolic=lambda sp, x: x**2,
    points=Points((REALS,), ((0.0,), (-1e150,), (1e-160,))),
    nanoseconds=0.6,
    scalar=lambda x: x * x,
)


def _compare(
    name: str, ufunc: Any, summary: str, aliases: tuple[str, ...], twin: Any, *, public: bool = True
) -> Primitive:
    return elementwise(
        name,
        ufunc,
        (0.0, 0.0),
        numbers="compare",
        group="comparison",
        summary=summary,
        aliases=aliases,
        precise=lambda mp, x, y: twin(x, y),
        symbolic=lambda sp, x, y: twin(x, y),
        nanoseconds=0.8,
        public=public,
    )


less: Primitive = _compare("less", np.less, "x < y.", ("lt",), lambda x, y: x < y)
less_equal: Primitive = _compare("less_equal", np.less_equal, "x <= y.", ("le",), lambda x, y: x <= y)
greater: Primitive = _compare("greater", np.greater, "x > y.", ("gt",), lambda x, y: x > y)
greater_equal: Primitive = _compare("greater_equal", np.greater_equal, "x >= y.", ("ge",), lambda x, y: x >= y)
equal: Primitive = _compare("equal", np.equal, "x == y.", ("eq",), lambda x, y: x == y)
not_equal: Primitive = _compare("not_equal", np.not_equal, "x != y.", ("ne",), lambda x, y: x != y)


def _logic(name: str, ufunc: Any, summary: str, twin: Any, arity: int = 2) -> Primitive:
    return elementwise(
        name,
        ufunc,
        (0.0,) * arity,
        numbers="logic",
        group="comparison",
        summary=summary,
        precise=lambda mp, *x: twin(*x),
        symbolic=lambda sp, *x: twin(*x),
        nanoseconds=0.5,
    )


logical_and = _logic(
    "logical_and", np.logical_and, "Both true; numbers other than 0 are true.", lambda x, y: bool(x and y)
)
logical_or = _logic("logical_or", np.logical_or, "Either true.", lambda x, y: bool(x or y))
logical_not = _logic("logical_not", np.logical_not, "True where x is false.", lambda x: not x, 1)
logical_xor = _logic("logical_xor", np.logical_xor, "Exactly one true.", lambda x, y: bool(x) != bool(y))
isfinite: Elementwise = elementwise(
    "isfinite",
    np.isfinite,
    (0.0,),
    numbers="compare",
    group="comparison",
    summary="True where x is neither infinite nor NaN.",
    precise=lambda mp, x: mp.isfinite(x),
)
isnan: Elementwise = elementwise(
    "isnan",
    np.isnan,
    (0.0,),
    numbers="compare",
    group="comparison",
    summary="True where x is NaN.",
    precise=lambda mp, x: mp.isnan(x),
)


# The branch that was not taken gets a zero that no partial derivative can turn into a NaN (see execute.careful).
select: Elementwise = elementwise(
    "select",
    lambda condition, a, b: np.asarray(np.where(condition, a, b))[()],
    (
        0.0,
        Routed(lambda cotangent, condition, a, b, out: select(condition, cotangent, 0.0)),
        Routed(lambda cotangent, condition, a, b, out: select(condition, 0.0, cotangent)),
    ),
    numbers="select",
    public=False,
    nanoseconds=3.0,
    precise=lambda mp, condition, a, b: a if condition else b,
)


def _cast_types(x: Type, *, dtype: DType) -> tuple[Type]:
    return (Type(dtype, x.shape),)


def _cast_value(x: Any, *, dtype: DType) -> Any:
    if getattr(x, "dtype", None) == np.dtype(object):
        return x
    return np.asarray(x).astype(NUMPY[dtype])[()]


# Only integers and booleans are ever cast, so no derivative passes through.
cast: Primitive = register(
    Primitive(
        name="cast",
        infer=_cast_types,
        value=_cast_value,
        vjp=lambda node, cotangents, wanted: [None],
        batch=lambda node, inputs, batched, size: [cast(inputs[0], **node.params)],
        whole_arrays=True,
        cost=lambda node: node.outputs[0].type.size * 0.5,
    )
)
