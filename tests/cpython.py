"""Programs run by Python itself on numbers of high precision: a second implementation of the language.

Derivatives inside are differences.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import mpmath
import numpy as np

from tests.python_programs import Function, as_python

DIGITS = 80
STEP = 1e-15
INNER = 1e-12
"""The steps of differences of a program, and of derivatives inside of it."""

mp = mpmath.MPContext()
mp.dps = DIGITS


def function(text: str, names: Sequence[str]) -> Function:
    """The function of these inputs that a program is."""
    return as_python(text, names, NAMES, _copy_of, _array_of)


def _copy_of(value: Any) -> Any:
    if isinstance(value, tuple):
        return tuple(map(_copy_of, value))
    return value.copy() if isinstance(value, np.ndarray) else value


def _array_of(values: list[Any]) -> Any:
    return np.array([mp.mpf(v) if isinstance(v, int | float) else v for v in values], dtype=object)


def _elementwise(name: str) -> Function:
    function = getattr(mp, name)

    def found(x: Any) -> Any:
        return np.array([function(v) for v in x], dtype=object) if isinstance(x, np.ndarray) else function(x)

    return found


def _grad(function: Function) -> Function:
    def slope(t: Any, *others: Any, **named: Any) -> Any:
        h = mp.mpf(INNER)
        return (function(t + h, *others, **named) - function(t - h, *others, **named)) / (2 * h)

    return slope


NAMES: dict[str, Any] = {
    "grad": _grad,
    "zeros": lambda n: np.array([mp.mpf(0)] * n, dtype=object),
    **{name: _elementwise(name) for name in ("sin", "cos", "tanh", "exp", "sqrt")},
}


def moved(at: Mapping[str, Any], *moves: tuple[Mapping[str, Any], Any]) -> dict[str, Any]:
    """The inputs in high precision, moved by multiples of directions; whole numbers stay as they are."""
    made = {name: value if isinstance(value, int) else _exactly(value) for name, value in at.items()}
    for direction, by in moves:
        for name, way in direction.items():
            made[name] = made[name] + _exactly(way) * by
    return made


def _exactly(value: Any) -> Any:
    return _array_of(list(map(float, value))) if isinstance(value, list) else mp.mpf(float(value))


def derivative(function: Function, at: Mapping[str, Any], u: Mapping[str, Any]) -> Any:
    """The derivative along a direction."""
    h = mp.mpf(STEP)
    return (function(**moved(at, (u, h))) - function(**moved(at, (u, -h)))) / (2 * h)


def second(function: Function, at: Mapping[str, Any], u: Mapping[str, Any], w: Mapping[str, Any]) -> Any:
    """The second derivative along two directions."""
    h = mp.mpf(STEP)
    corners = [a * b * function(**moved(at, (u, a * h), (w, b * h))) for a in (1, -1) for b in (1, -1)]
    return mp.fsum(corners) / (4 * h * h)
