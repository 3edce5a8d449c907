"""Guards: cheap tests at the nodes where relative errors can grow, to tell whether an answer may have lost digits.

An answer loses digits where a node hands on the rounding errors of its arguments much enlarged: differences of nearly
equal numbers, functions near their zeros, ill-conditioned matrices.  A guard fires when that may have happened; only
then is the rounding error estimated (`engine.derive.rounding`).  Arguments that are exact (inputs, and what is only
moved or negated) have no errors to enlarge.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from functools import partial
from math import prod
from typing import Any

import numpy as np

from engine.graph.exactness import EXACT, MOVES, WHOLE
from engine.graph.recipes import graph_steps
from engine.graph.types import Shape
from engine.graph.values import Graph, Node, Value
from engine.primitives.conditioning import ACCUMULATING, CONTROL, LOOSE, MATRIX, TAME
from engine.primitives.sliding import disjoint, overlap_add, taken

Guard = Callable[..., bool]
"""Of the output (the first, of several) and the arguments of a node."""

STEP = 2.0**-6
"""A result this much smaller than an argument has lost six bits to cancellation: worth a closer look."""
LEAST = 2.0**-30
"""Large arrays have some such elements by chance; the look is worth its price only where half of the digits are gone.
"""


def guards(graph: Graph, rare: bool = False) -> Mapping[Node, Guard]:
    """The guards of a graph, by node; `rare` ones see only cancellation, and fire where half of the digits are lost."""
    exact: set[Value] = set(graph.inputs)
    positive = _positive(graph)
    found: dict[Node, Guard] = {}
    for node in graph.nodes:
        name = node.primitive.name
        clean = all(
            v in exact or (v.constant is not None and v.recipe is None) or v.type.dtype != "real" for v in node.inputs
        )
        if name in EXACT:
            if clean or name in WHOLE:
                exact.update(node.outputs)
            continue
        if node.outputs[0].type.dtype != "real" or name in TAME | CONTROL or _of_one_term(node):
            continue
        if name in ADDING and all(v in positive for v in node.inputs if v.type.dtype == "real"):
            continue
        if clean and name not in ACCUMULATING | LOOSE and node.primitive.kind == "elementwise":
            continue
        if rare and name not in _CANCELLING:
            continue
        step = LEAST if rare else max(LEAST, STEP / max(1, *[v.type.size for v in (*node.inputs, node.outputs[0])]))
        guard = _guard(node, step)
        if guard is not None:
            found[node] = guard
    return found


POSITIVE = frozenset(
    ["square", "abs", "exp", "exp2", "sqrt", "sigmoid", "softplus", "relu", "norm", "hypot", "softmax"]
)
"""Never below 0, whatever their arguments."""
ADDING = frozenset(["add", "sum", "cumsum", "scatter_add", "overlap_add", "matmul"])
KEEPING = ADDING | MOVES | {"multiply", "chain", "divide", "reciprocal", "prod", "element", "gather", "select"}
"""Never below 0 where no argument is."""


def _positive(graph: Graph) -> set[Value]:
    """What is nowhere below 0, by the structure of the graph: sums of such numbers cannot cancel."""
    found: set[Value] = set()
    for node in graph.nodes:
        for value in node.inputs:
            if value.constant is not None and value.type.dtype == "real" and bool(np.all(value.constant >= 0.0)):
                found.add(value)
        reals = [v for v in node.inputs if v.type.dtype == "real"]
        name = node.primitive.name
        if name in POSITIVE or (name in KEEPING and reals and all(v in found for v in reals)):
            found.update(node.outputs)
    return found


SMALLEST_NORMAL = 2.0**-1022


def doubtful(graph: Graph) -> bool:
    """Whether digits may have been lost while constants of the graph, or of one inside, were folded."""
    nodes = graph_steps(graph)
    unruly = [node for node in nodes if node.primitive.name not in TAME]
    if not unruly:
        return any(_underflown(node) for node in nodes)
    with np.errstate(all="ignore"):
        found = guards(Graph((), tuple(unruly), ()))
        lost = (guard(node.outputs[0].constant, *[v.constant for v in node.inputs]) for node, guard in found.items())
        return any(lost) or any(_underflown(node) for node in nodes)


def _underflown(node: Node) -> bool:
    """Whether a constant is too small for all its digits, or for any."""
    out = node.outputs[0].constant
    assert out is not None
    if out.dtype.kind != "f" or node.primitive.name in EXACT:
        return False
    underflown = abs(out) < SMALLEST_NORMAL
    if not _any(underflown):
        return False
    if node.primitive.kind != "elementwise":
        return bool(np.any(underflown & (out != 0)))
    for x in [v.constant for v in node.inputs]:
        # What is made of a 0 may well be one.
        underflown = underflown & (x != 0)
    return bool(np.any(underflown))


def _of_one_term(node: Node) -> bool:
    """Whether nothing is added up: this is an outer product, or puts windows back that do not overlap."""
    if node.primitive.name == "overlap_add":
        windows = taken(node)
        return disjoint(windows["sizes"], windows["strides"], windows["dilations"])
    return node.primitive.name == "matmul" and node.inputs[0].shape[-1] == 1


def _guard(node: Node, step: float) -> Guard | None:
    name = node.primitive.name
    if name in _RULES:
        rule = _RULES[name]
        return partial(rule, step, **(node.params if name in _WITH_PARAMS else {}))
    return partial(_unruly, step)


def _any(mask: Any) -> bool:
    return bool(mask if mask.__class__ is np.bool_ or mask.__class__ is bool else mask.any())


SMALL = 4096
"""Smaller arrays are compared element by element at once: a first look would cost as much."""
BLOCK = 32_768
"""Large arrays are looked at in pieces that stay in the cache."""


def _cancels(step: float, out: Any, x: Any, y: Any) -> bool:
    # Of two numbers that cancel, both are large against the result.
    if out.size <= SMALL:
        return _any(abs(out) < step * abs(x))
    # A largest element tells, at a third of the price of comparing all of them, that none has cancelled: of either
    # argument, as each is at most 1 + 2 step times as large as its partner.
    one = next((a for a in (x, y) if a is not None and not any(a.strides)), None)
    if one is not None and not _may_cancel(step, out, one[(0,) * one.ndim]):
        return False
    if x.shape != out.shape or not (out.flags.c_contiguous and x.flags.c_contiguous):
        return _any(abs(out) < step * abs(x))
    flat, of = out.ravel(), x.ravel()
    pieces = ((flat[i : i + BLOCK], of[i : i + BLOCK]) for i in range(0, flat.size, BLOCK))
    return any(_may_cancel(step, a, b) and bool((abs(a) < step * abs(b)).any()) for a, b in pieces)


def _may_cancel(step: float, out: Any, x: Any) -> bool:
    """Whether the results may hold one that is much smaller than the largest argument."""
    largest = _largest(x)
    return not largest < math.inf or _any_below(out, step * (1.0 + 4.0 * step) * largest)


def _largest(x: Any) -> float:
    """The largest absolute value; NaN if there is one."""
    return float(max(x.max(), -x.min())) if x.size else 0.0


def _any_below(out: Any, bound: float) -> bool:
    """Whether any absolute value is below a bound.  Comparing twice and counting takes a third of the time of `abs`."""
    if not bound > 0.0:
        return False
    flat = out.ravel(order="K")
    return any(_between(flat[i : i + BLOCK], bound) for i in range(0, flat.size, BLOCK))


def _between(out: Any, bound: float) -> bool:
    return bool(np.count_nonzero(out < bound) != np.count_nonzero(out <= -bound))


def _length(x: Any) -> float:
    """The Euclidean norm of all elements, at the speed of memory: whatever their order, nothing is copied."""
    flat = x.ravel(order="K")
    # Not the dot product of BLAS, whose threads take longer to wake than this takes.
    return math.sqrt(float(np.einsum("i,i->", flat, flat)))


def _smallest_below(out: Any, bound: float) -> bool:
    return _any(np.abs(out) < bound) if out.size <= SMALL else _any_below(out, bound)


def _sum_cancels(step: float, out: Any, x: Any, *, axes: tuple[int, ...]) -> bool:
    count = x.size / max(1, out.size)
    # The sum of absolute values is at most the largest times their number, which is seen faster than the norm.
    if x.size > SMALL and _clearly_above(out, step * count * _largest(x)):
        return False
    # And at most the norm times the root of their number.
    return _smallest_below(out, step * count**0.5 * _length(x))


def _clearly_above(out: Any, bound: float) -> bool:
    """Whether no element is below the bound, which is a number."""
    return bound < math.inf and not _smallest_below(out, bound)


def _running_sum_cancels(step: float, out: Any, x: Any, *, axes: tuple[int, ...]) -> bool:
    return _smallest_below(out, step * _length(x))


def _scatter_cancels(step: float, out: Any, base: Any, *rest: Any) -> bool:
    return _smallest_below(out, step * _length(base))


def _overlap_cancels(step: float, out: Any, x: Any, *, shape: Shape, axes: tuple[int, ...], **params: Any) -> bool:
    if x.size > SMALL and _clearly_above(out, step * prod(x.shape[out.ndim :]) * _largest(x)):
        return False
    # Many are zeros to which nothing was added, or only zeros: these have lost nothing.
    rows = len(out) if 0 in axes else max(1, BLOCK * len(x) // max(1, x.size))
    for i in range(0, len(out), rows):
        some = out[i : i + rows]
        terms = np.abs(x if 0 in axes else x[i : i + rows])
        if _any(np.abs(some) < step * overlap_add.value(terms, shape=some.shape, axes=axes, **params)):
            return True
    return False


def _product_cancels(step: float, out: Any, x: Any, y: Any) -> bool:
    if x.size + y.size > SMALL and _clearly_above(out, step * x.shape[-1] * _largest(x) * _largest(y)):
        return False
    # An element is a row times a column, and neither is longer than its matrix.
    return _smallest_below(out, step * _length(x) * _length(y))


def _near_zero(step: float, out: Any, *arguments: Any) -> bool:
    return _any(abs(out) < 2.0**-6)


def _small_result(step: float, out: Any, x: Any, *rest: Any) -> bool:
    return _cancels(step, out, x, None)


def _near_end(step: float, out: Any, x: Any) -> bool:
    return _any(abs(x) > 0.99)


def _near_one(step: float, out: Any, x: Any) -> bool:
    return _any(abs(abs(x) - 1.0) < 2.0**-6)


def _steep(step: float, out: Any, x: Any) -> bool:
    return _any(abs(x) * (1.0 + out * out) > 64.0 * abs(out))


def _high_power(step: float, out: Any, x: Any, y: Any) -> bool:
    return _any(abs(y) > 2.0**14)


def _near_minus_one(step: float, out: Any, x: Any) -> bool:
    return _any(x < -0.99)


def _unruly(step: float, out: Any, x: Any, *rest: Any) -> bool:
    """For functions with zeros and poles that nobody has listed."""
    size = abs(x)
    return _any((abs(out) < step * size) | (abs(out) > 64.0 * (1.0 + size)))


def _always(step: float, out: Any, *arguments: Any) -> bool:
    return True


_CANCELLING = frozenset(("add", "subtract", "sum", "cumsum", "overlap_add", "matmul", "centre"))
_WITH_PARAMS = frozenset(("sum", "cumsum", "overlap_add"))
_RULES: dict[str, Guard] = {
    "add": _cancels,
    "subtract": _cancels,
    "sum": _sum_cancels,
    "cumsum": _running_sum_cancels,
    "scatter_add": _scatter_cancels,
    "overlap_add": _overlap_cancels,
    "add_region": _small_result,
    "add_at": _small_result,
    "matmul": _product_cancels,
    "centre": _small_result,
    "log": _near_one,
    "log2": _near_one,
    "log10": _near_one,
    "sin": _small_result,
    "cos": _small_result,
    "tan": _steep,
    "log1p": _near_minus_one,
    "power": _high_power,
    "asin": _near_one,
    "acos": _near_one,
    "acosh": _near_one,
    "atanh": _near_end,
    "erfinv": _near_end,
    "ndtri": _near_end,
    "erfcinv": _always,
    "log_softmax": _small_result,
    "logaddexp": _small_result,
    "logsumexp": _near_zero,
    "xlogy": _near_zero,
    "xlog1py": _near_zero,
    "entr": _near_zero,
    **dict.fromkeys([*MATRIX, "inverse_gaps", "recurrence", "digamma_difference"], _always),
}
