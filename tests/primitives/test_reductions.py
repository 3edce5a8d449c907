"""Reductions over a few elements at many places, which have a way of their own."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from engine.graph.primitive import Primitive
from engine.primitives.reductions import FEW, MANY, max_, min_, sum_

LIBRARY: dict[str, tuple[Primitive, Callable[..., Any]]] = {
    "sum": (sum_, np.sum),
    "max": (max_, np.max),
    "min": (min_, np.min),
}
SHAPES = [
    ((MANY, 3), (1,)),
    ((MANY, FEW), (1,)),
    ((MANY, FEW + 1), (1,)),
    ((MANY - 1, 3), (1,)),
    ((64, MANY // 64, 3, 2), (2, 3)),
    ((MANY, 3, 2), (2,)),
    ((MANY, 3, 2), (1,)),
    ((3, MANY), (0,)),
    ((MANY, 1), (1,)),
    ((MANY, 3), ()),
    ((3,), (0,)),
]


@pytest.mark.parametrize("dtype", [float, int, bool])
@pytest.mark.parametrize(("shape", "axes"), SHAPES)
@pytest.mark.parametrize("name", LIBRARY)
def test_is_that_of_numpy(name: str, shape: tuple[int, ...], axes: tuple[int, ...], dtype: type) -> None:
    primitive, plain = LIBRARY[name]
    whole: Any = np.random.default_rng(1).integers(-(10**6), 10**6, shape)
    x = whole % 3 == 0 if dtype is bool else whole.astype(dtype)
    before = x.copy()
    found, expected = primitive.value(x, axes=axes), plain(x, axis=axes)
    np.testing.assert_array_equal(found, expected)
    assert found.dtype == expected.dtype
    np.testing.assert_array_equal(x, before)


def test_nan_is_the_largest_and_the_smallest() -> None:
    x = np.zeros((MANY, 3))
    x[5, 1] = np.nan
    for primitive in (max_, min_, sum_):
        assert np.flatnonzero(np.isnan(primitive.value(x, axes=(1,)))).tolist() == [5]
