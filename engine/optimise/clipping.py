"""Gradients that are cut to a size."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from engine.errors import InvalidRequest
from engine.graph.types import Array
from engine.optimise.options import Option, Options, read_options

BY_NORM = (
    Option("norm", None, "The largest norm.", open="low"),
    Option("eps", 1e-6, "Added to the norm that is divided by: 1e-6 in torch, 0 in the paper."),
)
BY_VALUE = (Option("value", None, "The largest size of a component.", open="low"),)


def by_norm(gradients: Mapping[str, Array], norm: float, eps: float = 1e-6) -> dict[str, Array]:
    """All gradients times min(1, norm / (‖g‖ + eps)), where ‖g‖ is the norm of all of them together.

    Pascanu, Mikolov and Bengio, On the Difficulty of Training Recurrent Neural Networks, 2013, algorithm 1, has no eps;
    torch's clip_grad_norm_ has 1e-6.  The norm is computed without overflow; a component that is NaN makes all so,
    and an infinite one becomes NaN and the others 0.
    """
    with np.errstate(all="ignore"):
        factor = np.minimum(1.0, np.divide(norm, _norm(gradients) + eps))
        return {name: array * factor for name, array in gradients.items()}


def _norm(gradients: Mapping[str, Array]) -> float:
    largest = max((float(np.max(np.abs(a))) for a in gradients.values() if a.size), default=0.0)
    if not 0 < largest < np.inf:
        return largest
    return largest * float(np.sqrt(sum(float(np.sum((a / largest) ** 2)) for a in gradients.values())))


def by_value(gradients: Mapping[str, Array], value: float) -> dict[str, Array]:
    """Every component of the gradients, cut to the interval from −value to value; torch's clip_grad_value_."""
    return {name: np.clip(array, -value, value) for name, array in gradients.items()}


def clipping(given: Mapping[str, object]) -> Options:
    """The options of a clipping, of which `norm` or `value` says which.  Raises `InvalidRequest` with all faults."""
    kind = BY_VALUE if "value" in given else BY_NORM
    read, faults = read_options("clip", kind, given)
    if faults:
        raise InvalidRequest(faults[0].detail, faults=faults)
    return read


def clipped(gradients: Mapping[str, Array], options: Options | None) -> Mapping[str, Array]:
    """The gradients as `clipping` says; as they are without."""
    if options is None:
        return gradients
    if "value" in options:
        return by_value(gradients, options["value"])
    return by_norm(gradients, options["norm"], options["eps"])
