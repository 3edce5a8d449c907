"""What parameters begin as: functions of a seed, the same bits on every machine."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import prod, sqrt

import numpy as np

from engine.graph.types import Array, Shape
from engine.models.fields import Field, Named, Options, count, number
from engine.primitives.random_values import normal, uniform

Fans = tuple[int, int]
"""How many numbers an element of the output is made of, and how many an element of the input goes into."""
Draw = Callable[[Options, int, Shape, Fans], Array]
FINITE = 1e150
"""Up to here products and differences of options and what is drawn are finite."""


@dataclass(frozen=True, slots=True)
class Initialiser:
    """One initialiser: from options, seed, shape and fans to the array.

    `random`: it depends on the seed.  `rank`: it is for arrays with at least so many axes.
    """

    name: str
    draw: Draw
    fields: tuple[Field, ...] = ()
    random: bool = True
    doc: str = ""
    rank: int = 0


def stream(seed: int, *names: str | int) -> int:
    """A seed for one purpose, made of a seed and what the purpose is called: below 2^53, independent of the others."""
    text = "/".join(map(str, (seed, *names))).encode()
    return int.from_bytes(hashlib.sha256(text).digest()[:8], "big") >> 11


def fans(shape: Shape) -> Fans:
    """The fans of a kernel whose last two axes are input and output: those before them count for both."""
    if len(shape) < 2:
        return (prod(shape), prod(shape))
    window = prod(shape[:-2])
    return shape[-2] * window, shape[-1] * window


def _uniform(seed: int, shape: Shape, bound: float) -> Array:
    return np.asarray(bound * (2.0 * np.asarray(uniform(seed, shape=shape)) - 1.0))


def _normal(seed: int, shape: Shape, std: float) -> Array:
    return np.asarray(std * np.asarray(normal(seed, shape=shape)))


def _scaled(name: str, variance: Callable[[Fans], float], source: str) -> list[Initialiser]:
    """The uniform and the normal distribution with mean 0 and a variance that depends on the fans."""
    gain = (Field("gain", number(0.0, FINITE, above=True), 1.0, "a factor on all numbers."),)

    def from_uniform(options: Options, seed: int, shape: Shape, fans: Fans) -> Array:
        return _uniform(seed, shape, options["gain"] * sqrt(3.0 * variance(fans)))

    def from_normal(options: Options, seed: int, shape: Shape, fans: Fans) -> Array:
        return _normal(seed, shape, options["gain"] * sqrt(variance(fans)))

    return [
        Initialiser(f"{name}_uniform", from_uniform, gain, doc=f"uniform, {source}"),
        Initialiser(f"{name}_normal", from_normal, gain, doc=f"normal, not truncated, {source}"),
    ]


def _orthogonal(options: Options, seed: int, shape: Shape, fans: Fans) -> Array:
    """Gram-Schmidt, twice, on normal numbers (Saxe, McClelland & Ganguli 2014): of rows or columns, what there is less
    of.  Only sums in a fixed order, no LAPACK, whose last digits depend on the machine.
    """
    rows, columns = prod(shape[:-1]), shape[-1] if shape else 1
    drawn = np.reshape(np.asarray(normal(seed, shape=(rows * columns,))), (rows, columns))
    vectors = np.array(drawn if rows <= columns else drawn.T)
    for i, vector in enumerate(vectors):
        before = vectors[:i]
        for _ in range(2):
            # Sums over axis 0 of a C-ordered array go row by row, whatever the machine.
            along = np.add.reduce(np.ascontiguousarray((before * vector).T), axis=0)
            vector = vector - np.add.reduce(before * along[:, None], axis=0)
        vectors[i] = vector / sqrt(float(np.add.reduce((vector * vector)[:, None], axis=0)[0]))
    found = vectors if rows <= columns else vectors.T
    return np.ascontiguousarray(options["gain"] * found).reshape(shape)


def _identity(options: Options, seed: int, shape: Shape, fans: Fans) -> Array:
    return np.ascontiguousarray(np.broadcast_to(options["gain"] * np.eye(shape[-2], shape[-1]), shape))


_GAIN = (Field("gain", number(0.0, FINITE, above=True), 1.0, "a factor on all numbers."),)

INITIALISERS: Mapping[str, Initialiser] = {
    record.name: record
    for record in (
        *_scaled("glorot", lambda f: 2.0 / (f[0] + f[1]), "variance 2/(fan_in + fan_out) (Glorot & Bengio 2010)"),
        *_scaled("he", lambda f: 2.0 / f[0], "variance 2/fan_in (He et al. 2015)"),
        *_scaled("lecun", lambda f: 1.0 / f[0], "variance 1/fan_in (LeCun et al. 1998)"),
        Initialiser("orthogonal", _orthogonal, _GAIN, doc="rows or columns orthonormal (Saxe et al. 2014)", rank=2),
        Initialiser("identity", _identity, _GAIN, False, "ones on the diagonal of the last two axes", 2),
        Initialiser("zeros", lambda o, seed, shape, fans: np.zeros(shape), random=False, doc="all 0"),
        Initialiser("ones", lambda o, seed, shape, fans: np.ones(shape), random=False, doc="all 1"),
        Initialiser(
            "constant",
            lambda o, seed, shape, fans: np.full(shape, o["value"]),
            (Field("value", number(), 0.0, "the number."),),
            False,
            "all the same number",
        ),
        Initialiser(
            "uniform",
            lambda o, seed, shape, fans: o["low"] + (o["high"] - o["low"]) * np.asarray(uniform(seed, shape=shape)),
            (
                Field("low", number(-FINITE, FINITE), -0.05, "the lower end."),
                Field("high", number(-FINITE, FINITE), 0.05, "the upper end."),
            ),
            doc="uniform between `low` and `high`",
        ),
        Initialiser(
            "normal",
            lambda o, seed, shape, fans: o["mean"] + _normal(seed, shape, o["std"]),
            (
                Field("mean", number(-FINITE, FINITE), 0.0, "the mean."),
                Field("std", number(0.0, FINITE), 0.05, "the standard deviation."),
            ),
            doc="normal",
        ),
    )
}
"""All initialisers by name."""


def drawn(chosen: Named, seed: int, shape: Shape, fan: Fans) -> Array:
    """What a chosen initialiser makes: float64, the same bits on every machine."""
    return np.asarray(INITIALISERS[chosen.name].draw(chosen.options, seed, shape, fan), dtype=np.float64)


LARGEST_SEED = 2**53 - 1
SEED = count(0, LARGEST_SEED)
"""Reads a seed."""
