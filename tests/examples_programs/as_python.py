"""A program as Python itself runs it, with numpy: a second implementation of the language, for values.

Complex numbers give derivatives too (`complex_step`).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from tests import python_programs

Array = np.ndarray[Any, Any]


def as_python(text: str, inputs: Sequence[str]) -> Callable[..., Any]:
    """The main function of a program; of a program of statements, a function of these inputs."""
    return python_programs.as_python(text, inputs, NAMES, _copy_of, _array_of)


def _copy_of(value: Any) -> Any:
    if isinstance(value, tuple):
        return tuple(_copy_of(v) for v in value)
    if not isinstance(value, np.ndarray):
        return value
    return value.astype(complex) if value.dtype.kind == "f" else value.copy()


def _array_of(values: list[Any]) -> Any:
    """An array that takes complex numbers, unless its elements are integers, functions, or of several shapes."""
    if not values or any(callable(v) or isinstance(v, tuple) for v in values) or len({np.shape(v) for v in values}) > 1:
        return values
    found = np.array(values)
    return found if found.dtype.kind in "bi" else found.astype(complex)


def _sum(x: Any, axis: Any = None) -> Any:
    return np.sum(x, axis=axis) if isinstance(x, np.ndarray) else sum(x)


def _extreme(choose: Callable[..., Any]) -> Callable[..., Any]:
    def extreme(x: Any, *others: Any) -> Any:
        among = list(x) if not others else [x, *others]
        return among[choose([np.real(v) for v in among])]

    return extreme


def _maximum(a: Any, b: Any) -> Any:
    return np.where(np.real(a) > np.real(b), a, b)[()]


def _abs(x: Any) -> Any:
    return np.where(np.real(x) < 0, -x, x)[()]


NUMPYS = "exp log sqrt sin cos tan tanh dot outer transpose cumsum prod diag trace where mean ravel mod cosh sinh"
NAMES: dict[str, Any] = {
    "sum": _sum,
    "max": _extreme(lambda values: int(np.argmax(np.array(values)))),
    "min": _extreme(lambda values: int(np.argmin(np.array(values)))),
    "maximum": _maximum,
    "minimum": lambda a, b: -_maximum(-a, -b),
    "abs": _abs,
    "norm": lambda x: np.sqrt(np.sum(np.asarray(x) * x)),
    "zeros": lambda shape: np.zeros(shape, complex),
    "ones": lambda shape: np.ones(shape, complex),
    "eye": lambda n: np.eye(n, dtype=complex),
    "zeros_like": lambda x: np.zeros(np.shape(x), complex),
    "ones_like": lambda x: np.ones(np.shape(x), complex),
    "concatenate": lambda arrays, axis=0: np.concatenate([np.asarray(a) for a in arrays], axis),
    "stack": lambda arrays, axis=0: np.stack(list(arrays), axis),
    "shape": np.shape,
    "linspace": np.linspace,
    "arange": np.arange,
    "pi": math.pi,
    "e": math.e,
    "sigmoid": lambda z: 1 / (1 + np.exp(-z)),
    "logsumexp": lambda x: np.log(np.sum(np.exp(x))),
    "relu": lambda x: np.where(np.real(x) > 0, x, 0)[()],
    **{name: getattr(np, name) for name in NUMPYS.split()},
}
