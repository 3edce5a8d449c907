"""Arrays between JSON and numpy."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from engine.errors import LimitExceeded
from service.arrays import ArrayFault, from_array, to_array
from service.json_text import decode
from service.packed import pack
from service.serialise import json_bytes

ROOM = 10**6


@pytest.mark.parametrize(
    ("value", "dtype", "expected"),
    [
        (3, "float64", 3.0),
        (3.5, "float64", 3.5),
        (-0.0, "float64", -0.0),
        (True, "bool", True),
        ("NaN", "float64", float("nan")),
        ("Infinity", "float64", float("inf")),
        ("-Infinity", "float64", float("-inf")),
        (2**53 + 1, "float64", 2.0**53),
        (10**300, "float64", 1e300),
        ([], "float64", []),
        ([[], []], "float64", [[], []]),
        ([1, 2.5], "float64", [1.0, 2.5]),
        ([[1, 2], [3, 4]], "float64", [[1.0, 2.0], [3.0, 4.0]]),
        ([True, False], "bool", [True, False]),
        ([[1, "NaN"], ["-Infinity", 2]], "float64", [[1.0, float("nan")], [float("-inf"), 2.0]]),
        ([2**64, 1], "float64", [2.0**64, 1.0]),
    ],
)
def test_json_values_become_arrays(value: Any, dtype: str, expected: Any) -> None:
    array = to_array(value, ROOM)
    assert array.dtype == dtype
    np.testing.assert_array_equal(array, np.array(expected, dtype=dtype), strict=True)


@pytest.mark.parametrize(
    ("value", "pointer", "part"),
    [
        (None, "/at/x", "null"),
        ("1.5", "/at/x", "'1.5' is not a number"),
        ("nan", "/at/x", "not a number"),
        ("y" * 1000, "/at/x", "…"),
        (10**400, "/at/x", "float64"),
        ([1, None], "/at/x/1", "null"),
        ([[1, 2], [3, "a"]], "/at/x/1/1", "'a'"),
        ([1, {}], "/at/x/1", "object"),
        ([1, True], "/at/x/1", "boolean"),
        ([1, 10**400], "/at/x/1", "float64"),
        ([[1, 2], [3]], "/at/x/1", "1 entries and the ones before it have 2"),
        ([[[1], [2]], [[3], [4, 5]]], "/at/x/1/1", "rectangular"),
        ([[1], 2], "/at/x/1", "number stands among lists"),
        ([1, [2]], "/at/x/1", "list stands among numbers"),
        ([[], [1]], "/at/x/1", "rectangular"),
        ({}, "/at/x", "dtype, shape and base64"),
        ({"dtype": "float64", "shape": [1]}, "/at/x", "base64"),
        ({"dtype": "f8", "shape": [1], "base64": ""}, "/at/x/dtype", "float64, float32, int64, bool"),
        ({"dtype": 8, "shape": [1], "base64": ""}, "/at/x/dtype", "one of"),
        ({"dtype": "float64", "shape": 1, "base64": ""}, "/at/x/shape", "list"),
        ({"dtype": "float64", "shape": [1] * 33, "base64": ""}, "/at/x/shape", "32"),
        ({"dtype": "float64", "shape": [1, -1], "base64": ""}, "/at/x/shape/1", "integer"),
        ({"dtype": "float64", "shape": [True], "base64": ""}, "/at/x/shape/0", "integer"),
        ({"dtype": "float64", "shape": [1.5], "base64": ""}, "/at/x/shape/0", "integer"),
        ({"dtype": "float64", "shape": [1], "base64": 5}, "/at/x/base64", "string"),
        ({"dtype": "float64", "shape": [1], "base64": "AAAA"}, "/at/x/base64", "8 bytes"),
        ({"dtype": "float64", "shape": [1], "base64": "AAAAAAAA8D8!"}, "/at/x/base64", "not base64"),
        ({"dtype": "float64", "shape": [1], "base64": "AAAAAA==8D8="}, "/at/x/base64", "base64"),
        ({"dtype": "float64", "shape": [1], "base64": "ÄAAAAAAA8D8="}, "/at/x/base64", "base64"),
        ({"dtype": "float64", "shape": [1], "base64": "AAAAAAAA8D8A"}, "/at/x/base64", "9 bytes"),
        ({"dtype": "bool", "shape": [2], "base64": "AQI="}, "/at/x/base64", "byte 0 or the byte 1"),
        ({"dtype": "float64", "shape": [0], "base64": "", "order": "F"}, "/at/x/order", "no such field"),
    ],
)
def test_what_is_no_array_is_refused_at_its_place(value: Any, pointer: str, part: str) -> None:
    with pytest.raises(ArrayFault) as caught:
        to_array(value, ROOM)
    fault = caught.value.under("at", "x")
    assert fault.pointer == pointer
    assert part in fault.detail
    assert len(fault.detail) < 300


def test_an_array_has_at_most_32_dimensions() -> None:
    value: Any = 1.0
    for _ in range(32):
        value = [value]
    assert to_array(value, ROOM).ndim == 32
    with pytest.raises(ArrayFault, match="32"):
        to_array([value], ROOM)


@pytest.mark.parametrize(
    "value",
    [
        [0.0] * 13,
        [[0.0]] * 13,
        {"dtype": "float64", "shape": [13], "base64": ""},
        {"dtype": "float64", "shape": [10**9, 10**9, 10**9], "base64": ""},
        {"dtype": "float64", "shape": [0, 2**61, 2**61], "base64": ""},
        {"dtype": "bool", "shape": [13], "base64": ""},
    ],
)
def test_an_array_above_the_limit_is_refused_before_it_is_made(value: Any) -> None:
    with pytest.raises(LimitExceeded) as caught:
        to_array(value, 100)
    assert caught.value.limit is not None
    assert caught.value.limit.name == "array_bytes"
    assert caught.value.limit.value == 100


ARRAYS = hnp.arrays(
    st.sampled_from([np.float64, np.bool_, np.int64]), hnp.array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=4)
)


@given(ARRAYS)
def test_packed_arrays_come_back_bit_for_bit(array: np.ndarray[Any, np.dtype[Any]]) -> None:
    back = to_array(decode(json_bytes(pack(array))), ROOM)
    assert back.dtype == array.dtype
    assert back.shape == array.shape
    assert back.tobytes() == array.tobytes()
    assert back.flags.writeable


@given(hnp.arrays(np.float64, hnp.array_shapes(min_dims=0, max_dims=4, max_side=4)))
def test_nested_lists_come_back_with_the_same_numbers(array: np.ndarray[Any, np.dtype[Any]]) -> None:
    back = to_array(decode(json_bytes(from_array(array))), ROOM)
    np.testing.assert_array_equal(back, array, strict=True)
    np.testing.assert_array_equal(np.signbit(back[~np.isnan(back)]), np.signbit(array[~np.isnan(array)]))


def test_float32_is_widened_and_int64_is_kept() -> None:
    assert to_array({"dtype": "float32", "shape": [2], "base64": "AAAAPwAAgD8="}, ROOM).tolist() == [0.5, 1.0]
    large = np.array([2**62 + 1, -5])
    assert to_array(pack(large), ROOM).tolist() == [2**62 + 1, -5]


def test_a_single_number_is_never_packed() -> None:
    assert from_array(np.array(2.5), "base64") == 2.5
    assert from_array(np.float64(2.5), "base64") == 2.5  # type: ignore[arg-type]
    assert from_array(np.array([2.5]), "base64")["shape"] == [1]


def test_a_fortran_array_is_packed_in_c_order() -> None:
    array = np.asfortranarray(np.arange(6.0).reshape(2, 3))
    assert to_array(pack(array), ROOM).tolist() == [[0, 1, 2], [3, 4, 5]]
