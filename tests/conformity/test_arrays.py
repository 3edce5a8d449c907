"""Arrays on the wire."""

from __future__ import annotations

import base64
import struct
from collections.abc import Sequence
from typing import Any

import pytest

from tests.conformity.server import Server, pointers

CODES = {"float64": "d", "float32": "f", "int64": "q", "bool": "?"}


def packed(dtype: str, shape: Sequence[int], numbers: Sequence[Any]) -> dict[str, Any]:
    """A packed array, made from the words of the contract."""
    data = struct.pack(f"<{len(numbers)}{CODES[dtype]}", *numbers)
    return {"dtype": dtype, "shape": list(shape), "base64": base64.b64encode(data).decode()}


def unpacked(array: Any) -> list[Any]:
    """The elements of a packed array in C order."""
    data = base64.b64decode(array["base64"], validate=True)
    return [found for (found,) in struct.iter_unpack(f"<{CODES[array['dtype']]}", data)]


NESTED = [[1, 2, 3], [4, 5, 6]]
PACKED = packed("float64", [2, 3], [1, 2, 3, 4, 5, 6])


def test_arrays_are_nested_lists_in_row_major_order(server: Server) -> None:
    """“Arrays are nested lists (row-major, rectangular) or packed”"""
    answer = server.ask("/value", expr="reshape(X, (3, 2)), transpose(X)", at={"X": NESTED})
    assert answer["value"] == [[[1, 2], [3, 4], [5, 6]], [[1, 4], [2, 5], [3, 6]]]


def test_packed_arrays_are_little_endian_and_in_c_order(server: Server) -> None:
    """“packed: {"dtype","shape","base64"}, little-endian, C order”"""
    assert server.ask("/value", expr="X", at={"X": PACKED})["value"] == NESTED


@pytest.mark.parametrize(
    ("dtype", "given", "read"),
    [
        ("float64", [0.1, -0.0], [0.1, 0.0]),
        ("float32", [0.5, 0.1], [0.5, 0.10000000149011612]),
        ("int64", [3, -(2**40)], [3, -(2**40)]),
        ("bool", [True, False], [1, 0]),
    ],
)
def test_four_dtypes_are_taken(server: Server, dtype: str, given: list[Any], read: list[float]) -> None:
    """“(float64, float32, int64, bool)”"""
    assert server.ask("/value", expr="1.0*x", at={"x": packed(dtype, [2], given)})["value"] == read


@pytest.mark.parametrize(
    ("path", "fields", "where"),
    [
        ("/value", {}, "/at"),
        ("/jvp", {"tangent": {"X": PACKED}}, "/tangent"),
        ("/vjp", {"cotangent": packed("float64", [], [1.0])}, "/cotangent"),
        ("/hvp", {"vector": {"X": PACKED}}, "/vector"),
        ("/check", {"claimed": {"grad": {"X": packed("float64", [2, 3], [2, 4, 6, 8, 10, 12])}}}, "/claimed/grad"),
    ],
)
def test_both_forms_are_taken_wherever_an_array_is(
    server: Server, path: str, fields: dict[str, Any], where: str
) -> None:
    """“Both are accepted wherever an array is.”"""
    answer = server.ask(path, expr="sum(X^2)", at={"X": PACKED}, **fields)
    assert answer.get("value") == 91 if path != "/check" else answer["verdict"] == "correct"


def test_answers_are_nested_lists_unless_the_request_says_base64(server: Server) -> None:
    """“Answers are nested lists unless the request says "encoding":"base64".”"""
    question = {"expr": "sum(X^2)", "at": {"X": PACKED}}
    doubled = [[2, 4, 6], [8, 10, 12]]
    assert server.ask("/grad", **question)["grad"]["X"] == doubled
    assert server.ask("/grad", **question, encoding="json")["grad"]["X"] == doubled
    made = server.ask("/grad", **question, encoding="base64")["grad"]["X"]
    assert set(made) == {"dtype", "shape", "base64"}
    assert (made["dtype"], made["shape"], unpacked(made)) == ("float64", [2, 3], [2, 4, 6, 8, 10, 12])


@pytest.mark.parametrize(
    ("path", "fields", "part"),
    [
        ("/value", {"expr": "outer(x, x)"}, "value"),
        ("/jacobian", {"expr": "x^2"}, "jacobian"),
        ("/hessian", {"expr": "sum(x^3)"}, "hessian"),
        ("/jvp", {"expr": "x^2", "tangent": {"x": [1, 1]}}, "jvp"),
        ("/vjp", {"expr": "x^2", "cotangent": [1, 1]}, "vjp"),
        ("/hvp", {"expr": "sum(x^3)", "vector": {"x": [1, 1]}}, "hvp"),
    ],
)
def test_every_answer_can_be_packed(server: Server, path: str, fields: dict[str, Any], part: str) -> None:
    """“Answers are nested lists unless the request says "encoding":"base64".”"""

    def arrays(found: Any, listed: Any) -> None:
        if isinstance(found, dict) and "base64" not in found:
            for name, inner in found.items():
                arrays(inner, listed[name])
        else:
            flat = [listed]
            while any(isinstance(item, list) for item in flat):
                flat = [inner for item in flat for inner in item]
            assert unpacked(found) == flat

    plain = server.ask(path, at={"x": [3, 0.5]}, **fields)
    arrays(server.ask(path, at={"x": [3, 0.5]}, **fields, encoding="base64")[part], plain[part])


def test_numbers_that_are_not_finite_are_packed_as_they_are(server: Server) -> None:
    """“little-endian”: packed, what is not finite has its own bits."""
    infinite = packed("float64", [2], [float("inf"), float("nan")])
    assert server.ask("/value", expr="x", at={"x": infinite})["value"] == ["Infinity", "NaN"]
    answer = server.ask("/value", expr="x", at={"x": infinite}, encoding="base64")["value"]
    assert unpacked(answer)[0] == float("inf")
    assert unpacked(answer)[1] != unpacked(answer)[1]


def test_empty_arrays_have_a_shape(server: Server) -> None:
    """Arrays of no elements are arrays."""
    assert server.ask("/value", expr="sum(x) + 1", at={"x": []})["value"] == 1
    assert server.ask("/value", expr="x", at={"x": packed("float64", [0, 3], [])}, encoding="base64")["value"] == {
        "dtype": "float64",
        "shape": [0, 3],
        "base64": "",
    }


@pytest.mark.parametrize(
    ("array", "pointer"),
    [
        ([[1, 2], [3]], "/at/x/1"),
        ([1, [2]], "/at/x/1"),
        ([[1], 2], "/at/x/1"),
        ([1, None], "/at/x/1"),
        (None, "/at/x"),
        ({}, "/at/x"),
        ({"dtype": "float64", "shape": [2]}, "/at/x"),
        ({**PACKED, "dtype": "complex128"}, "/at/x/dtype"),
        ({**PACKED, "shape": [2, 2]}, "/at/x/base64"),
        ({**PACKED, "shape": [-1]}, "/at/x/shape/0"),
        ({**PACKED, "base64": "?" * 64}, "/at/x/base64"),
    ],
)
def test_what_is_not_an_array_is_refused_with_its_place(server: Server, array: Any, pointer: str) -> None:
    """“errors (… each {"pointer":"/at/x","detail":…} with a JSON Pointer)”"""
    problem = server.refused("/value", 422, "invalid-request", expr="x", at={"x": array})
    assert pointer in pointers(problem)


@pytest.mark.parametrize("name", ["a/b", "a~b"])
def test_a_pointer_escapes_what_pointers_have_to(server: Server, name: str) -> None:
    """“with a JSON Pointer” (RFC 6901)"""
    problem = server.refused("/value", 422, "invalid-request", expr="1", at={name: "two"})
    escaped = name.replace("~", "~0").replace("/", "~1")
    assert all(pointer.startswith(f"/at/{escaped}") for pointer in pointers(problem))
    assert pointers(problem)
