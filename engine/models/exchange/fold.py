"""Functions of constants, which are computed while a file is read."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import scipy.special

from engine.graph.types import Array
from engine.models.exchange.faults import Refused

FUNCTIONS: Mapping[str, Callable[[Any], Any]] = {
    "Abs": np.abs,
    "Ceil": np.ceil,
    "Cos": np.cos,
    "Erf": scipy.special.erf,
    "Exp": np.exp,
    "Floor": np.floor,
    "Log": np.log,
    "Neg": np.negative,
    "Reciprocal": np.reciprocal,
    "Relu": lambda x: np.maximum(x, 0),
    "Round": np.round,
    "Sigmoid": scipy.special.expit,
    "Sign": np.sign,
    "Sin": np.sin,
    "Softplus": lambda x: np.logaddexp(x, 0),
    "Sqrt": np.sqrt,
    "Tanh": np.tanh,
}
"""By the names of their operators."""


def folded(op: str, array: Array) -> Array:
    """A function of a constant.  Raises `Refused`."""
    function = FUNCTIONS.get(op)
    if function is None or array.dtype.kind not in "fi":
        raise Refused("gets a constant, and not what the model computes.")
    with np.errstate(all="ignore"):
        return np.asarray(function(array))
