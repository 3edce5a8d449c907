"""Which folds are exact: the test against fractions, for numbers and for arrays."""

from __future__ import annotations

import math
from collections.abc import Callable
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.graph.exactness import is_exact
from engine.primitives.table import PRIMITIVES

FLOATS = st.one_of(
    st.floats(allow_nan=False, allow_infinity=False),
    st.integers(-100, 100).map(float),
    st.integers(-(2**53), 2**53).map(lambda n: n / 2**20),
    st.sampled_from([0.0, -0.0, 5e-324, 2.0**-1022, 2.0**-1060, 1.7976931348623157e308, 2.0**53, 1 / 3, 3.0]),
)
OF_TWO: dict[str, Callable[[Fraction, Fraction], Fraction]] = {
    "add": lambda a, b: a + b,
    "subtract": lambda a, b: a - b,
    "multiply": lambda a, b: a * b,
    "divide": lambda a, b: a / b,
}


def folded(name: str, *arguments: Any, **params: Any) -> bool:
    """Whether the fold of a primitive is called exact."""
    given_ = [np.asarray(a, dtype=None if np.asarray(a).dtype.kind in "ib" else np.float64)[()] for a in arguments]
    with np.errstate(all="ignore"):
        result = PRIMITIVES[name].value(*given_, **params)
        results = result if isinstance(result, tuple) else (result,)
        return is_exact(name, given_, [np.asarray(r)[()] for r in results])


@pytest.mark.parametrize("name", sorted(OF_TWO))
@settings(max_examples=300, deadline=None, derandomize=True)
@given(a=FLOATS, b=FLOATS)
def test_arithmetic_is_exact_where_fractions_agree(name: str, a: float, b: float) -> None:
    with np.errstate(all="ignore"):
        result = float(PRIMITIVES[name].value(np.float64(a), np.float64(b)))
    if not math.isfinite(result):
        return
    exact = OF_TWO[name](Fraction(a), Fraction(b)) == Fraction(result)
    for called in (folded(name, a, b), folded(name, [a, a], [b, b])):
        # Near the largest number, exactness is not always seen.
        assert called == exact or (exact and max(abs(a), abs(b), abs(result)) > 1e300)


SLIDING = {"axes": (0,), "strides": (1,), "dilations": (1,)}


@pytest.mark.parametrize(
    ("name", "arguments", "params", "exact"),
    [
        ("sqrt", (4.0,), {}, True),
        ("sqrt", (2.0,), {}, False),
        ("sqrt", ([4.0, 2.25],), {}, True),
        ("sqrt", ([4.0, 2.0],), {}, False),
        ("cbrt", (27.0,), {}, True),
        ("cbrt", (2.0,), {}, False),
        ("square", (3.0,), {}, True),
        ("square", (0.1,), {}, False),
        ("square", (1e-200,), {}, False),
        ("reciprocal", (8.0,), {}, True),
        ("reciprocal", (3.0,), {}, False),
        ("power", (10.0, 5.0), {}, True),
        ("power", (10.0, 23.0), {}, False),
        ("power", (2.0, -3.0), {}, True),
        ("power", (4.0, 0.5), {}, False),
        ("power", (2.0, 1000.0), {}, False),
        ("sum", ([1.0, 2.5, 3.0],), {"axes": (0,)}, True),
        ("sum", ([0.1, 0.2],), {"axes": (0,)}, False),
        ("sum", ([1e16, 1.0],), {"axes": (0,)}, False),
        ("cumsum", ([1.0, 2.0, 3.0],), {"axes": (0,)}, True),
        ("overlap_add", ([[1.0, 2.5], [3.0, 0.5]],), {"shape": (3,), **SLIDING}, True),
        ("overlap_add", ([[0.1, 0.2], [0.3, 0.4]],), {"shape": (3,), **SLIDING}, False),
        ("windows", ([0.1, 0.2, 0.3],), {"sizes": (2,), **SLIDING}, True),
        ("matmul", ([[1.0, 2.0]], [[3.0], [4.0]]), {}, True),
        ("matmul", ([[0.1, 2.0]], [[3.0], [4.0]]), {}, False),
        ("prod", ([2.0, 3.0, 4.0],), {"axes": (0,)}, True),
        ("prod", ([2.0, 0.1],), {"axes": (0,)}, False),
        ("prod", ([1e10, 1e10, 0.0],), {"axes": (0,)}, False),
        ("exp", (0.0,), {}, True),
        ("exp", (1.0,), {}, False),
        ("exp", (-1000.0,), {}, False),
        ("sin", ([0.0, 0.0],), {}, True),
        ("sin", ([0.0, 1.0],), {}, False),
        ("log", (1.0,), {}, True),
        ("log", (2.0,), {}, False),
        ("lgamma", (1e15,), {}, False),
        ("floor", (2.5,), {}, True),
        ("less", (2.5, 0.1), {}, True),
        ("add", (2, 3), {}, True),
        ("cast", (2**53,), {"dtype": "real"}, True),
        ("cast", (2**53 + 1,), {"dtype": "real"}, False),
        ("mod", (7.0, 3.0), {}, True),
        ("mod", (0.7, 0.3), {}, False),
    ],
)
def test_other_folds(name: str, arguments: tuple[Any, ...], params: dict[str, Any], exact: bool) -> None:
    assert folded(name, *arguments, **params) == exact
