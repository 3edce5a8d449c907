"""Guards: cheap tests at the nodes where relative errors can grow, to tell whether an answer may have lost digits.

An answer loses digits where a node hands on the rounding errors of its arguments much enlarged: differences of nearly
equal numbers, functions near their zeros, ill-conditioned matrices.  A guard fires when that may have happened; only
then is the rounding error estimated (`engine.derive.rounding`).  Arguments that are exact (inputs, and what is only
moved or negated) have no errors to enlarge.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import numpy as np

from engine.graph.values import Graph, Node, Value
from engine.primitives.conditioning import ACCUMULATING, EXACT, LOOSE, MATRIX, TAME

Guard = Callable[..., bool]
"""Of the output (the first, of several) and the arguments of a node."""

STEP = 2.0**-6
"""A result this much smaller than an argument has lost six bits to cancellation: worth a closer look."""
LEAST = 2.0**-30
"""Large arrays have some such elements by chance; the look is worth its price only where half of the digits are gone.
"""


def guards(graph: Graph) -> Mapping[Node, Guard]:
    """The guards of a graph, by node."""
    exact: set[Value] = set(graph.inputs)
    found: dict[Node, Guard] = {}
    for node in graph.nodes:
        name = node.primitive.name
        clean = all(v in exact or v.constant is not None or v.type.dtype != "real" for v in node.inputs)
        if name in EXACT:
            if clean:
                exact.update(node.outputs)
            continue
        if node.outputs[0].type.dtype != "real" or name in TAME:
            continue
        if clean and name not in ACCUMULATING | LOOSE and node.primitive.kind == "elementwise":
            continue
        step = max(LEAST, STEP / max(1, *[v.type.size for v in (*node.inputs, node.outputs[0])]))
        guard = _guard(node, step)
        if guard is not None:
            found[node] = guard
    return found


def _guard(node: Node, step: float) -> Guard | None:
    name = node.primitive.name
    if name in _RULES:
        rule = _RULES[name]
        return partial(rule, step, **({"axes": node.params["axes"]} if name in _WITH_AXES else {}))
    return partial(_unruly, step)


def _any(mask: Any) -> bool:
    return bool(mask if mask.__class__ is np.bool_ or mask.__class__ is bool else mask.any())


def _cancels(step: float, out: Any, x: Any, y: Any) -> bool:
    # Of two numbers that cancel, both are large against the result.
    return _any(abs(out) < step * abs(x))


def _sum_cancels(step: float, out: Any, x: Any, *, axes: tuple[int, ...]) -> bool:
    return _any(np.abs(out) < step * np.sum(np.abs(x), axis=axes))


def _running_sum_cancels(step: float, out: Any, x: Any, *, axes: tuple[int, ...]) -> bool:
    return _any(np.abs(out) < step * np.max(np.abs(x), axis=axes, keepdims=True, initial=0.0))


def _scatter_cancels(step: float, out: Any, base: Any, *rest: Any) -> bool:
    return _any(np.abs(out) < step * np.max(np.abs(base), initial=0.0))


def _product_cancels(step: float, out: Any, x: Any, y: Any) -> bool:
    # Rows of x times columns of y, each term bounded by the largest in its row.
    if x.ndim == 1 or y.ndim == 1:
        bound = np.sum(np.abs(x), axis=-1) * np.max(np.abs(y), initial=0.0)
    else:
        bound = np.max(np.abs(x), axis=-1, keepdims=True, initial=0.0) * np.sum(np.abs(y), axis=-2, keepdims=True)
    return _any(np.abs(out) < step * bound)


def _near_zero(step: float, out: Any, *arguments: Any) -> bool:
    return _any(abs(out) < 2.0**-6)


def _small_result(step: float, out: Any, x: Any, *rest: Any) -> bool:
    return _any(abs(out) < step * abs(x))


def _near_end(step: float, out: Any, x: Any) -> bool:
    return _any(abs(x) > 0.99)


def _near_one(step: float, out: Any, x: Any) -> bool:
    return _any(abs(abs(x) - 1.0) < 2.0**-6)


def _steep(step: float, out: Any, x: Any) -> bool:
    return _any(abs(x) * (1.0 + out * out) > 64.0 * abs(out))


def _unruly(step: float, out: Any, x: Any, *rest: Any) -> bool:
    """For functions with zeros and poles that nobody has listed."""
    size = abs(x)
    return _any((abs(out) < step * size) | (abs(out) > 64.0 * (1.0 + size)))


def _always(step: float, out: Any, *arguments: Any) -> bool:
    return True


_WITH_AXES = frozenset(("sum", "cumsum"))
_RULES: dict[str, Guard] = {
    "add": _cancels,
    "subtract": _cancels,
    "sum": _sum_cancels,
    "cumsum": _running_sum_cancels,
    "scatter_add": _scatter_cancels,
    "matmul": _product_cancels,
    "centre": _small_result,
    "log": _near_one,
    "log2": _near_one,
    "log10": _near_one,
    "sin": _small_result,
    "cos": _small_result,
    "tan": _steep,
    "asin": _near_one,
    "acos": _near_one,
    "acosh": _near_one,
    "atanh": _near_end,
    "erfinv": _near_end,
    "ndtri": _near_end,
    "erfcinv": _always,
    "log_softmax": _small_result,
    "logaddexp": _small_result,
    "xlogy": _near_zero,
    "xlog1py": _near_zero,
    "entr": _near_zero,
    **dict.fromkeys([*MATRIX, "inverse_gaps", "recurrence", "digamma_difference"], _always),
}
