"""Derivatives of numpy functions by a step into the complex plane: as exact as the function itself.

W. Squire and G. Trapp, "Using complex variables to estimate derivatives of real functions" (1998).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

STEP = 1e-200

Array = np.ndarray[Any, Any]


def value(function: Callable[..., Any], at: Mapping[str, Any]) -> Array:
    """The function at a point given by name."""
    return np.asarray(function(**at)).real


def derivative(function: Callable[..., Any], at: Mapping[str, Any], wrt: Sequence[str]) -> dict[str, Array]:
    """By input: an array of the shape of the output, then that of the input."""
    shape = np.shape(function(**at))
    return {name: _in_one(function, at, name, shape) for name in wrt}


def along(function: Callable[..., Any], at: Mapping[str, Any], direction: Mapping[str, Any]) -> Array:
    """The derivative in one direction, given by input."""
    moved = {name: np.asarray(at[name]) + 1j * STEP * np.asarray(move) for name, move in direction.items()}
    return np.asarray(np.asarray(function(**{**at, **moved})).imag / STEP)


def _in_one(function: Callable[..., Any], at: Mapping[str, Any], name: str, shape: tuple[int, ...]) -> Array:
    point = np.asarray(at[name], dtype=complex)
    found = np.empty((*shape, point.size))
    for i in range(point.size):
        moved = point.copy()
        moved.ravel()[i] += 1j * STEP
        found[..., i] = np.asarray(function(**{**at, name: moved[()]})).imag / STEP
    return found.reshape(shape + point.shape)
