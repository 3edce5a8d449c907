"""Types: broadcasting and promotion are numpy's."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.errors import ShapeMismatch
from engine.graph.types import DType, Type, broadcast, promote, type_of

shapes = st.lists(st.integers(0, 3), max_size=4).map(tuple)


@given(st.lists(shapes, min_size=1, max_size=4))
@settings(max_examples=400, deadline=None)
def test_broadcasting_is_that_of_numpy(given_shapes: list[tuple[int, ...]]) -> None:
    try:
        expected = np.broadcast_shapes(*given_shapes)
    except ValueError:
        with pytest.raises(ShapeMismatch):
            broadcast(*given_shapes)
    else:
        assert broadcast(*given_shapes) == expected


@pytest.mark.parametrize(
    ("a", "b", "detail"),
    [
        ((2,), (3,), "(2,) and (3,) do not broadcast: sizes 2 and 3 differ on axis -1 (counted from the last)."),
        (
            (2, 3),
            (3, 3),
            "(2, 3) and (3, 3) do not broadcast: sizes 2 and 3 differ on axis -2 (counted from the last).",
        ),
        (
            (4, 2, 3),
            (3, 1),
            "(4, 2, 3) and (3, 1) do not broadcast: sizes 2 and 3 differ on axis -2 (counted from the last).",
        ),
        ((0,), (2,), "(0,) and (2,) do not broadcast: sizes 0 and 2 differ on axis -1 (counted from the last)."),
    ],
)
def test_the_axis_that_does_not_fit_is_named(a: tuple[int, ...], b: tuple[int, ...], detail: str) -> None:
    with pytest.raises(ShapeMismatch) as caught:
        broadcast(a, b)
    assert caught.value.detail == detail


@pytest.mark.parametrize(
    ("dtypes", "widest"),
    [
        (("bool",), "bool"),
        (("bool", "int"), "int"),
        (("real", "bool"), "real"),
        (("int", "real", "bool"), "real"),
        (("int", "int"), "int"),
    ],
)
def test_promotion(dtypes: tuple[DType, ...], widest: DType) -> None:
    assert promote(*dtypes) == widest


@pytest.mark.parametrize(
    ("array", "expected", "size"),
    [
        (1.5, Type("real", ()), 8),
        (3, Type("int", ()), 8),
        (True, Type("bool", ()), 1),
        (np.zeros((2, 3), dtype=np.float32), Type("real", (2, 3)), 48),
        (np.zeros(3, dtype=np.uint8), Type("int", (3,)), 24),
        (np.zeros((0, 3), dtype=bool), Type("bool", (0, 3)), 0),
    ],
)
def test_the_type_of_an_array_and_its_bytes(array: Any, expected: Type, size: int) -> None:
    assert type_of(array) == expected
    assert expected.bytes == size


def test_types_are_shown_shortly() -> None:
    assert str(Type("real", ())) == "real"
    assert str(Type("int", (2, 3))) == "int[2,3]"
