"""Random numbers: functions of a seed, so that a graph with them is as deterministic as any other."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import nan
from typing import Any

import numpy as np

from engine.errors import ShapeMismatch, TypeMismatch
from engine.graph.build import constant
from engine.graph.primitive import Primitive
from engine.graph.registry import register
from engine.graph.simplify import number
from engine.graph.types import Array, Type, broadcast, describe
from engine.graph.types import Shape as Sizes
from engine.graph.values import Node, Value
from engine.primitives import random_values as values
from engine.primitives.arithmetic import less, less_equal, logical_and, select
from engine.primitives.function import Example, Shape, function
from engine.primitives.functions_reduce import as_real
from engine.primitives.functions_shape import sizes
from engine.primitives.shape import broadcast_to

Indices = Value
"""An array of integers."""

SAME = (
    "The same seed gives the same numbers, in every request and on every machine, also to the other functions of this "
    "group: use another seed, such as seed + 1, for numbers that are independent. "
)
ARRAYS = (
    "shape is that of the result for one seed; without it, that of the parameters. An array of seeds has one draw for "
    "each, along its axes, which come first."
)


def _random(name: str, value: Callable[..., Any], nanoseconds: float) -> Primitive:
    def numbers(seed: Any, convert: Callable[[float], Any], shape: Sizes) -> Array:
        drawn = np.asarray(value(np.asarray(seed, dtype=np.int64), shape=shape))
        made = np.empty(drawn.shape, dtype=object)
        for index in np.ndindex(drawn.shape):
            made[index] = convert(float(drawn[index]))
        return made

    def batch(node: Node, inputs: Sequence[Value], batched: Sequence[bool], size: int) -> Sequence[Value]:
        return [made(inputs[0], **node.params)]

    # The witnesses take the float64s as they are: it is these that are defined by the seed.
    made = register(
        Primitive(
            name=name,
            infer=lambda seed, *, shape: (Type("real", seed.shape + shape),),
            value=value,
            vjp=lambda node, cotangents, wanted: [None],
            batch=batch,
            precise=lambda mp, seed, *, shape: numbers(seed, mp.mpf, shape),
            symbolic=lambda sp, seed, *, shape: numbers(seed, sp.Rational, shape),
            whole_arrays=True,
            cost=lambda node: 8e3 + nanoseconds * node.outputs[0].type.size,
        )
    )
    return made


random_uniform: Primitive = _random("random_uniform", values.uniform, 30.0)
random_normal: Primitive = _random("random_normal", values.normal, 55.0)


def _draw(primitive: Primitive, seed: Value, shape: Shape, parameters: Sequence[Value], name: str) -> Value:
    """The numbers of a seed in a shape that the parameters have, or fit."""
    if seed.type.dtype != "int":
        raise TypeMismatch(f"The seed of {name} must be an integer, and is {seed.type.dtype}.", hint="int(seed)")
    common = broadcast(*[p.shape for p in parameters])
    wanted = sizes(shape)
    if not wanted and not seed.rank:
        wanted = common
    whole = seed.shape + wanted
    if broadcast(whole, common) != whole:
        raise ShapeMismatch(
            f"The parameters of {name} have shape {common}, and its result has {describe(whole)}: they must fit it.",
            hint=f"shape={common}",
        )
    return primitive(seed, shape=wanted)


def _operand(value: Value | float) -> Value:
    return as_real(value if isinstance(value, Value) else constant(value, "real"))


def _wanted(shape: Any, *parameters: Any) -> tuple[int, ...]:
    return sizes(shape) or np.broadcast_shapes(*map(np.shape, parameters))


def _uniform(seed: Any, shape: Any = (), low: Any = 0.0, high: Any = 1.0) -> Any:
    return low + (high - low) * values.uniform(seed, shape=_wanted(shape, low, high))


def _normal(seed: Any, shape: Any = (), mean: Any = 0.0, std: Any = 1.0) -> Any:
    return mean + std * values.normal(seed, shape=_wanted(shape, mean, std))


def _bernoulli(seed: Any, p: Any, shape: Any = ()) -> Any:
    return (values.uniform(seed, shape=_wanted(shape, p)) < p) * 1.0


@function(
    "random",
    name="random.uniform",
    note=SAME + ARRAYS + " The numbers are low + (high - low) u with 53 random bits in u, which is neither 0 nor 1 "
    "(Philox4x32-10: Salmon et al. 2011), and have derivatives in low and high.",
    examples=(
        Example("random.uniform(1)"),
        Example("random.uniform(7, (2, 3))"),
        Example("random.uniform(7, (3,), low, high)", {"low": [-1.0, 0.0, 1.0], "high": 2.5}),
        Example("random.uniform([1, 2], shape=(2,), high=high)", {"high": 0.5}),
    ),
    reference=_uniform,
)
def uniform(seed: Indices, shape: Shape = (), low: Value | float = 0, high: Value | float = 1) -> Value:
    """Independent numbers, uniformly distributed between low and high."""
    low, high = _operand(low), _operand(high)
    drawn = _draw(random_uniform, seed, shape, (low, high), "random.uniform")
    scaled = drawn * (high - low)
    return scaled if number(low) == 0.0 else low + scaled


@function(
    "random",
    name="random.normal",
    note=SAME + ARRAYS + " The numbers are mean + std z, where z is the inverse of the normal distribution function "
    "(Wichura 1988, AS 241) at the numbers of random.uniform, and have derivatives in mean and std.",
    examples=(
        Example("random.normal(1)"),
        Example("random.normal(7, 4)"),
        Example("random.normal(7, (2, 2), mean, std)", {"mean": 1.5, "std": [0.5, 2.0]}),
        Example("random.normal([[1, 2]], shape=(2,), std=std)", {"std": 0.5}),
        Example("random.normal(4, mean=mean)", {"mean": [0.5, -1.0]}),
    ),
    reference=_normal,
)
def normal(seed: Indices, shape: Shape = (), mean: Value | float = 0, std: Value | float = 1) -> Value:
    """Independent normally distributed numbers."""
    mean, std = _operand(mean), _operand(std)
    scaled = _draw(random_normal, seed, shape, (mean, std), "random.normal") * std
    return scaled if number(mean) == 0.0 else mean + scaled


@function(
    "random",
    name="random.bernoulli",
    domain="0 <= p <= 1",
    differentiable=False,
    note=SAME + ARRAYS + " It is 1 where the number of random.uniform is below p. The gradient in p is that of these "
    "numbers, not that of an expected value; for a smooth relaxation take sigmoid((logit(p) + logit(u))/t) with u = "
    "random.uniform(seed) and a small t, or weight by the log probability.",
    examples=(
        Example("random.bernoulli(1, 0.5)"),
        Example("random.bernoulli(7, p)", {"p": [0.0, 0.25, 0.5, 0.75, 1.0]}, smooth=False),
        Example("random.bernoulli(7, 0.5, (2, 3))"),
        Example("random.bernoulli([1, 2, 3], p)", {"p": 0.5}, smooth=False),
    ),
    reference=_bernoulli,
)
def bernoulli(seed: Indices, p: Value, shape: Shape = ()) -> Value:
    """1 with probability p and 0 otherwise, independently, as real numbers."""
    p = as_real(p)
    drawn = less(_draw(random_uniform, seed, shape, (p,), "random.bernoulli"), p)
    possible = broadcast_to(logical_and(less_equal(0.0, p), less_equal(p, 1.0)), shape=drawn.shape)
    return select(possible, as_real(drawn), nan)
