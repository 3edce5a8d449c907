"""Trees to graphs: indexing, types, names, arguments, static values, and refusals with their places."""

from __future__ import annotations

import math
from collections.abc import Callable
from difflib import get_close_matches
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from engine.engine import Engine
from engine.errors import (
    EngineError,
    LimitExceeded,
    ShapeMismatch,
    SyntaxFault,
    TypeMismatch,
    UnknownName,
    Unsupported,
)
from engine.graph.types import NUMPY
from engine.question import Answer
from tests.asking import budget, codes, grad, question, value

MATRIX = [[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]


def refusal(text: str, at: dict[str, Any] | None = None) -> EngineError:
    """How the question is refused, at whatever stage."""
    with pytest.raises(EngineError) as caught:
        value(text, at)
    assert caught.value.text == text
    return caught.value


def gradient_of(text: str, at: dict[str, Any], name: str) -> Any:
    """One gradient."""
    found = grad(text, at).grad
    assert found is not None
    return found[name]


# ---- indexing, against numpy ----

Item = tuple[str, Any]
"""An item of an index: its text, and what numpy takes."""


def _integer(size: int) -> st.SearchStrategy[Item]:
    return st.integers(-size, size - 1).map(lambda i: (str(i), i))


def _slice(size: int) -> st.SearchStrategy[Item]:
    bound = st.none() | st.integers(-size - 2, size + 2)
    step = st.none() | st.sampled_from((-3, -2, -1, 1, 2, 3))

    def text(part: slice) -> str:
        bounds = ["" if b is None else str(b) for b in (part.start, part.stop)]
        return ":".join(bounds) + ("" if part.step is None else f":{part.step}")

    return st.builds(slice, bound, bound, step).map(lambda part: (text(part), part))


@st.composite
def _array(draw: st.DrawFn, size: int, common: tuple[int, ...]) -> Item:
    keep = draw(st.integers(0, len(common)))
    shape = tuple(n if draw(st.booleans()) else 1 for n in common[keep:])
    flat = draw(st.lists(st.integers(-size, size - 1), min_size=math.prod(shape), max_size=math.prod(shape)))
    array = np.array(flat, dtype=np.int64).reshape(shape)
    return str(array.tolist()), array


@st.composite
def indexed(draw: st.DrawFn) -> tuple[tuple[int, ...], list[Item]]:
    """A shape, and items for it."""
    shape = tuple(draw(st.lists(st.integers(1, 4), max_size=4)))
    common = tuple(draw(st.lists(st.integers(1, 3), min_size=1, max_size=2)))
    used = draw(st.integers(0, len(shape)))
    dots = draw(st.booleans())
    split = draw(st.integers(0, used)) if dots else used
    sizes = [*shape[:split], *shape[len(shape) - (used - split) :]] if used > split else list(shape[:split])
    items: list[Item] = []
    for number, size in enumerate(sizes):
        if dots and number == split:
            items.append(("...", ...))
        if draw(st.integers(0, 5)) == 0:
            items.append(("None", None))
        items.append(draw(st.one_of(_integer(size), _slice(size), _array(size, common))))
    if dots and split == len(sizes):
        items.append(("...", ...))
    if draw(st.integers(0, 5)) == 0:
        items.append(("None", None))
    assume(items)
    return shape, items


def _takes(array: Any, items: list[Item]) -> Any:
    return array[tuple(item for _, item in items)]


def _check_index(shape: tuple[int, ...], items: list[Item], *, as_inputs: bool) -> None:
    x = np.arange(math.prod(shape), dtype=np.float64).reshape(shape)
    texts, at = [], {"x": x}
    for number, (text, item) in enumerate(items):
        if as_inputs and isinstance(item, int | np.ndarray) and not isinstance(item, bool):
            at[f"i{number}"] = np.asarray(item)
            text = f"i{number}"
        texts.append(text)
    expected = np.asarray(_takes(x, items))
    found = value(f"x[{', '.join(texts)}]", at).value
    assert np.shape(found) == expected.shape, texts
    np.testing.assert_array_equal(found, expected)
    weights = np.arange(1.0, 1.0 + expected.size).reshape(expected.shape)
    true = np.zeros(shape)
    np.add.at(true, tuple(item for _, item in items), weights)
    np.testing.assert_array_equal(gradient_of(f"sum(x[{', '.join(texts)}] * w)", {**at, "w": weights}, "x"), true)


@given(indexed(), st.booleans())
@settings(max_examples=150, deadline=None)
@example(((2, 3, 4), [("[0, 1]", np.array([0, 1])), (":", slice(None)), ("[1, 2]", np.array([1, 2]))]), False)
@example(((2, 3, 4), [(":", slice(None)), ("[0, 1]", np.array([0, 1])), ("1", 1)]), False)
@example(((2, 3, 4), [("1", 1), (":", slice(None)), ("[1, 2]", np.array([1, 2]))]), False)
@example(((2, 3, 4), [("1", 1), (":", slice(None)), ("1", 1)]), True)
@example(((2, 3), [("[0, 1]", np.array([0, 1])), ("None", None), ("[1, 2]", np.array([1, 2]))]), False)
@example(((3,), [("::-1", slice(None, None, -1))]), False)
@example(((3,), [("5:", slice(5, None))]), False)
def test_indexing_is_that_of_numpy(case: tuple[tuple[int, ...], list[Item]], as_inputs: bool) -> None:
    _check_index(*case, as_inputs=as_inputs)


@pytest.mark.parametrize(
    ("text", "at", "kind", "place", "detail"),
    [
        ("x[3]", {"x": [1.0, 2.0]}, ShapeMismatch, "x[3]", "out of range for an axis of size 2"),
        ("x[-3]", {"x": [1.0, 2.0]}, ShapeMismatch, "x[-3]", "Index -3 is out of range"),
        ("x[i]", {"x": [1.0, 2.0], "i": 2}, ShapeMismatch, "x[i]", "Index 2 is out of range"),
        ("1 + x[[0, 7]]", {"x": [1.0, 2.0]}, ShapeMismatch, "x[[0, 7]]", "Index 7 is out of range"),
        ("x[0, 1]", {"x": [1.0, 2.0]}, ShapeMismatch, "x[0, 1]", "2 indices for (2,)"),
        ("y + x[0]", {"x": 1.0, "y": 2.0}, ShapeMismatch, "x[0]", "which has none"),
        ("x[..., 0, ...]", {"x": [1.0]}, ShapeMismatch, "...", "more than once"),
        ("x[0.5]", {"x": [1.0, 2.0]}, TypeMismatch, "0.5", "must be an integer"),
        ("x[inf]", {"x": [1.0, 2.0]}, TypeMismatch, "inf", "must be an integer"),
        ("x[x > 1]", {"x": [1.0, 2.0]}, Unsupported, "x > 1", "booleans"),
        ("x[::0]", {"x": [1.0, 2.0]}, TypeMismatch, "::0", "step"),
        ("x[:1.5]", {"x": [1.0, 2.0]}, TypeMismatch, "1.5", "integer"),
        ("x[:sum(x)]", {"x": [1.0, 2.0]}, TypeMismatch, "sum(x)", "known when the expression is compiled"),
        ("x['a']", {"x": [1.0, 2.0]}, TypeMismatch, "'a'", "text"),
        ("x[[0, 1], [0, 1, 1]]", {"x": MATRIX}, ShapeMismatch, "x[[0, 1], [0, 1, 1]]", "do not broadcast"),
        ("x + ...", {"x": 1.0}, SyntaxFault, "...", "only inside an index"),
        ("(x, x)[1:]", {"x": 1.0}, SyntaxFault, "1:", "only inside an index"),
        ("(x, x)[2]", {"x": 1.0}, TypeMismatch, "(x, x)[2]", "There are 2 results"),
    ],
)
def test_indices_that_are_refused(
    text: str, at: dict[str, Any], kind: type[EngineError], place: str, detail: str
) -> None:
    error = refusal(text, at)
    assert type(error) is kind
    assert detail in error.detail
    assert error.span is not None
    assert text[error.span.start : error.span.end] == place


def test_one_of_several_results() -> None:
    at = {"A": [[2.0, 0.0], [0.0, 3.0]]}
    assert value("slogdet(A)[1]", at).value == pytest.approx(math.log(6.0), abs=1e-15)
    assert value("slogdet(A)[-1]", at).value == value("slogdet(A)[1]", at).value


def test_several_results_have_one_axis() -> None:
    refusal("(x, y)[0, 1]", {"x": 1.0, "y": 2.0})


# ---- types ----


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1 + 2", np.int64(3)),
        ("1 + 2.0", np.float64(3.0)),
        ("7 / 2", np.float64(3.5)),
        ("7 // 2", np.int64(3)),
        ("-7 // 2", np.int64(-4)),
        ("-7 % 3", np.int64(2)),
        ("2^3", np.int64(8)),
        ("2^-1", np.float64(0.5)),
        ("2^0.5", np.float64(2.0**0.5)),
        ("True + True", np.int64(2)),
        ("-True", np.int64(-1)),
        ("1 < 2", np.bool_(True)),
        ("not 0.5", np.bool_(False)),
        ("[1, 2.5, True]", np.array([1.0, 2.5, 1.0])),
        ("[1, True]", np.array([1, 1])),
        ("[[1, 2], [3, 4]]", np.array([[1, 2], [3, 4]])),
        ("[[[1]], [[2]]]", np.array([[[1]], [[2]]])),
        ("[]", np.zeros(0)),
        ("[[], []]", np.zeros((2, 0))),
        ("[[1, 2], [3, 4]][1]", np.array([3, 4])),
        ("sum((1, 2.5))", np.float64(3.5)),
        ("[1, 2] + [[10], [20]]", np.array([[11, 12], [21, 22]])),
        ("[1 < 2, 2 < 1]", np.array([True, False])),
        ("1 if 2 > 1 else 2.5", np.float64(1.0)),
        ("1 if 0 else 2", np.int64(2)),
        ("[1, 2] if 1 else [3, 4]", np.array([1, 2])),
        ("1 < 2 < 3", np.bool_(True)),
        ("1 < 3 < 2", np.bool_(False)),
        ("3 > 2 > 2", np.bool_(False)),
        ("1 == 1 != 2 <= 2", np.bool_(True)),
        ("0 < [0, 1, 2] < 2", np.array([False, True, False])),
        ("1 and 0", np.bool_(False)),
        ("0 or 0.5 or 0", np.bool_(True)),
        ("[1, 0] and [1, 1]", np.array([True, False])),
        ("not [1, 0] or [0, 0]", np.array([False, True])),
        ("+[1, 2]", np.array([1, 2])),
    ],
)
def test_types_and_values_of_constants(text: str, expected: Any) -> None:
    found = value(text).value
    assert np.asarray(found).dtype == expected.dtype
    assert np.shape(found) == np.shape(expected)
    np.testing.assert_array_equal(found, expected)


@given(
    st.lists(st.tuples(st.integers(1, 3), st.booleans(), st.booleans()), max_size=4),
    st.integers(0, 4),
    st.integers(0, 4),
)
@settings(max_examples=120, deadline=None)
def test_broadcasting_is_that_of_numpy(axes: list[tuple[int, bool, bool]], left: int, right: int) -> None:
    a = tuple(1 if one else n for n, one, _ in axes)[left:]
    b = tuple(1 if one else n for n, _, one in axes)[right:]
    x, y = (np.arange(1.0, 1.0 + math.prod(shape)).reshape(shape) for shape in (a, b))
    answer = grad("sum(x * y)", {"x": x, "y": y})
    np.testing.assert_array_equal(value("x * y", {"x": x, "y": y}).value, x * y)
    assert answer.grad is not None
    for name, array, other in (("x", x, y), ("y", y, x)):
        spread = np.broadcast_to(other, np.broadcast_shapes(a, b))
        true = np.zeros(array.shape)
        places = np.broadcast_to(np.arange(array.size).reshape(array.shape), spread.shape)
        np.add.at(true.reshape(-1), places.reshape(-1), spread.reshape(-1))
        np.testing.assert_array_equal(answer.grad[name], true)


def test_an_axis_of_size_1_may_meet_one_of_size_0() -> None:
    assert gradient_of("sum(x*y)", {"x": [1.0], "y": np.zeros(0)}, "x") == [0.0]


@pytest.mark.parametrize(
    ("text", "at", "kind", "place", "detail"),
    [
        ("1 + x*y", {"x": [1.0, 2.0], "y": [1.0, 2.0, 3.0]}, ShapeMismatch, "x*y", "sizes 2 and 3 differ on axis -1"),
        ("2*[[1, 2], [3]]", {}, ShapeMismatch, "[[1, 2], [3]]", "cannot be stacked"),
        ("[x, [y]]", {"x": 1.0, "y": 2.0}, ShapeMismatch, "[x, [y]]", "a number and (1,)"),
        ("[x, y, z]", {"x": 1.0, "y": 2.0, "z": [3.0]}, ShapeMismatch, "[x, y, z]", "cannot be stacked"),
        ("x @ y", {"x": [1.0], "y": [1.0, 2.0]}, ShapeMismatch, "x @ y", "inner sizes 1 and 2"),
        ("2 + 1 @ x", {"x": [1.0]}, ShapeMismatch, "1 @ x", "a number"),
        ("1 if [1, 0] else 2", {}, TypeMismatch, "[1, 0]", "one truth value"),
        ("x + 'a'", {"x": 1.0}, TypeMismatch, "'a'", "a text"),
        ("x + None", {"x": 1.0}, TypeMismatch, "None", "nothing"),
        ("-'a'", {}, TypeMismatch, "'a'", "a text"),
        ("'a' < 2", {}, TypeMismatch, "'a'", "a text"),
        ("1 and 'a'", {}, TypeMismatch, "'a'", "a text"),
        ("[1, 'a']", {}, TypeMismatch, "'a'", "a text"),
        ("'abc'", {}, TypeMismatch, "'abc'", "a text"),
        ("None", {}, TypeMismatch, "None", "nothing"),
        ("()", {}, TypeMismatch, "()", "0 results"),
        ("x, 'a'", {"x": 1.0}, TypeMismatch, "'a'", "output 1 must be a number or an array, and is a text"),
        ("x, (x, 2)", {"x": 1.0}, TypeMismatch, "(x, 2)", "Output 1 is itself a tuple of 2"),
        ("slogdet(A), 1", {"A": [[1.0]]}, TypeMismatch, "slogdet(A)", "Output 0 is itself a tuple of 2"),
        ("slogdet(A)", {"A": [[1.0]]}, TypeMismatch, "slogdet(A)", "2 results, and one is needed"),
        ("1 + ()", {}, TypeMismatch, "()", "several values"),
        ("sum('a')", {}, TypeMismatch, "'a'", "x of sum must be a number or an array"),
    ],
)
def test_types_and_shapes_that_are_refused(
    text: str, at: dict[str, Any], kind: type[EngineError], place: str, detail: str
) -> None:
    error = refusal(text, at)
    assert type(error) is kind
    assert detail in error.detail
    assert error.span is not None
    assert text[error.span.start : error.span.end] == place


# ---- integers ----


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("3000000000*4000000000", 1.2e19),
        ("3000000000*4000000000*1000", 1.2e22),
        ("9007199254740992 + 9007199254740992", 2.0**54),
        ("-9007199254740992 - 9007199254740992", -(2.0**54)),
        ("9223372036854775807 + 1", 2.0**63),
        ("9007199254740993", 2.0**53),
        ("10^18 * 10^18", 1e36),
        ("4000000000^2", 1.6e19),
        ("2^63", 2.0**63),
        ("(-2)^63", -(2.0**63)),
        ("9^9^9^9", math.inf),
        ("1//0", math.inf),
        ("-1//0", -math.inf),
        ("5 % 0", math.nan),
        ("[5, -5] // 0", [math.inf, -math.inf]),
        ("[5] % [0]", [math.nan]),
        ("5 // (0*1)", math.inf),
        ("prod([1000000, 1000000, 1000000, 1000000])", 1e24),
        ("1" * 400, math.inf),
        ("1" + "0" * 308, 1e308),
        ("0x" + "f" * 256 + " * 0", math.nan),
    ],
)
def test_whole_numbers_go_on_in_float64_where_int64_ends(text: str, expected: Any) -> None:
    found = value(text).value
    assert np.asarray(found).dtype == np.float64
    np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize(
    "text",
    [
        "square(4000000000)",
        "[3000000000] * [4000000000]",
        "[3000000000] * 4000000000",
        "sum([3000000000, 1] * 4000000000)",
        "dot([4000000000], [4000000000])",
        "[[4000000000]] @ [[4000000000]]",
        "outer([4000000000], [4000000000])",
        "sum([9007199254740992] * 4096)",
        "x[i - 4000000000] * (i*i)",
    ],
)
def test_integers_do_not_wrap_round(text: str) -> None:
    error = refusal(text, {"x": [1.0], "i": 4000000000})
    assert isinstance(error, LimitExceeded)
    assert error.span is not None


@pytest.mark.parametrize(("text", "same"), [("mod(5, 0)", "5 % 0"), ("floor_divide(5, 0)", "5 // 0")])
def test_functions_and_operators_agree(text: str, same: str) -> None:
    np.testing.assert_array_equal(value(text).value, value(same).value)


def test_an_input_is_an_integer_by_its_use() -> None:
    at = {"x": [1.0, 2.0, 4.0], "i": 2.0}
    answer = grad("x[i] * i", at)
    assert answer.value == 8.0
    assert answer.grad is not None
    np.testing.assert_array_equal(answer.grad["x"], [0.0, 0.0, 2.0])
    assert "integer-gradient" not in codes(answer)
    answer = grad("x[i] * i", at, wrt=("x", "i"))
    assert answer.grad is not None
    assert answer.grad["i"] == 0.0
    assert codes(answer) == ["integer-gradient"]


def test_an_input_of_whole_numbers_is_real_unless_used_as_an_index() -> None:
    assert gradient_of("i^2", {"i": np.int64(3)}, "i") == 6.0
    np.testing.assert_array_equal(gradient_of("sum(i*i)", {"i": np.array([1, 2], dtype=np.int64)}, "i"), [2.0, 4.0])
    assert value("i/2", {"i": 3}).value == 1.5
    assert value("i*i", {"i": 4000000000}).value == 1.6e19


@pytest.mark.parametrize("dtype", [np.int8, np.uint8, np.int32, np.uint64, np.float32, np.float64, np.int64])
def test_any_number_type_of_an_input_is_taken(dtype: type[Any]) -> None:
    x = np.array([1, 2, 3], dtype=dtype)
    np.testing.assert_array_equal(value("x*2", {"x": x}).value, [2.0, 4.0, 6.0])
    np.testing.assert_array_equal(value("y[x - 1]", {"x": x, "y": [5.0, 6.0, 7.0]}).value, [5.0, 6.0, 7.0])


@pytest.mark.parametrize("i", [0.5, math.nan, math.inf, 2.0**60, [0.0, 0.5]])
def test_an_index_that_is_not_a_whole_number_is_refused(i: Any) -> None:
    error = refusal("x[i] + sum(i)", {"x": [1.0, 2.0], "i": i})
    assert isinstance(error, TypeMismatch)
    assert [fault.pointer for fault in error.faults] == ["/at/i"]
    assert "'i' is used as an integer" in error.detail


def test_the_same_question_checks_its_indices_again() -> None:
    engine = Engine(verify=True)
    first, second = (question("x[i]", {"x": [1.0, 2.0], "i": np.float64(i)}) for i in (1.0, 0.5))
    prepared = engine.prepare(first, "value", budget())
    assert prepared.run(first, budget()).value == 2.0
    with pytest.raises(TypeMismatch):
        engine.prepare(second, "value", budget()).run(second, budget())


# ---- static values ----


@pytest.mark.parametrize(
    ("text", "at", "expected"),
    [
        ("sum(x, axis=n)", {"x": MATRIX, "n": 1}, [6.0, 15.0]),
        ("sum(x, axis=n)", {"x": MATRIX, "n": -2}, [5.0, 7.0, 9.0]),
        ("zeros(n)", {"n": 2}, [0.0, 0.0]),
        ("zeros((n, n + 1))", {"n": 1}, [[0.0, 0.0]]),
        ("x[:n]", {"x": [1.0, 2.0, 3.0], "n": 2}, [1.0, 2.0]),
        ("x[n:n + 1]", {"x": [1.0, 2.0, 3.0], "n": 1}, [2.0]),
        ("x[::n]", {"x": [1.0, 2.0, 3.0], "n": -1}, [3.0, 2.0, 1.0]),
        ("reshape(x, (3, n))", {"x": MATRIX, "n": 2}, [[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]]),
        ("reshape(x, shape)", {"x": MATRIX, "shape": [3, 2]}, [[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]]),
        ("x[:n] * n", {"x": [1.0, 2.0, 3.0], "n": 2}, [2.0, 4.0]),
        ("x[2*n - 1]", {"x": [1.0, 2.0, 3.0], "n": 1}, 2.0),
        ("zeros(2^1)", {}, [0.0, 0.0]),
        ("zeros(2.0)", {}, [0.0, 0.0]),
        ("x[:n] + sum(y[:n])", {"x": [1.0, 2.0], "y": [3.0, 4.0], "n": 1}, [4.0]),
    ],
)
def test_an_input_may_set_a_shape_or_an_axis(text: str, at: dict[str, Any], expected: Any) -> None:
    np.testing.assert_array_equal(value(text, at).value, expected)


def test_each_value_of_a_static_input_has_its_own_graph() -> None:
    for n in (1, 2, 3, 1):
        np.testing.assert_array_equal(value("x[:n]", {"x": [1.0, 2.0, 3.0], "n": n}).value, [1.0, 2.0, 3.0][:n])


def test_the_gradient_in_a_static_input_is_zero_and_says_so() -> None:
    answer = grad("sum(x[:n]*n)", {"x": [1.0, 2.0, 3.0], "n": 2.0}, wrt=("x", "n"))
    assert answer.grad is not None
    np.testing.assert_array_equal(answer.grad["x"], [2.0, 2.0, 0.0])
    assert answer.grad["n"] == 0.0
    assert codes(answer) == ["integer-gradient"]


@pytest.mark.parametrize(
    ("text", "at", "kind", "place"),
    [
        ("1 + zeros(2.5)", {}, TypeMismatch, "2.5"),
        ("zeros(None)", {}, TypeMismatch, "None"),
        ("zeros('a')", {}, TypeMismatch, "'a'"),
        ("zeros(-1)", {}, ShapeMismatch, "zeros(-1)"),
        ("zeros(1e300)", {}, TypeMismatch, "1e300"),
        ("sum(x, axis=1.5)", {"x": MATRIX}, TypeMismatch, "1.5"),
        ("sum(x, axis=2)", {"x": MATRIX}, ShapeMismatch, "sum(x, axis=2)"),
        ("sum(x, axis=(0, 0))", {"x": MATRIX}, ShapeMismatch, "sum(x, axis=(0, 0))"),
        ("sum(x, keepdims=2)", {"x": MATRIX}, TypeMismatch, "2"),
        ("zeros(sum(x))", {"x": MATRIX}, TypeMismatch, "sum(x)"),
        ("norm(x, 'abc')", {"x": MATRIX}, Unsupported, "norm(x, 'abc')"),
        ("norm(x, [1])", {"x": MATRIX}, TypeMismatch, "[1]"),
        ("einsum(x, 'ij->i')", {"x": MATRIX}, TypeMismatch, "x"),
        ("sum(zeros(10^9))", {}, LimitExceeded, "zeros(10^9)"),
        ("ones((10^9, 10^9, 10^9))", {}, LimitExceeded, "ones((10^9, 10^9, 10^9))"),
        ("eye(10^6)", {}, LimitExceeded, "eye(10^6)"),
        ("arange(10^12)", {}, LimitExceeded, "arange(10^12)"),
        ("1 + linspace(0, 1, 10^10)", {}, LimitExceeded, "linspace(0, 1, 10^10)"),
        ("tile(x, 10^10)", {"x": 1.0}, LimitExceeded, "tile(x, 10^10)"),
        ("x[:, None] * ones(10^8)", {"x": [1.0, 2.0]}, LimitExceeded, "ones(10^8)"),
        ("outer(x, ones(10^7))", {"x": np.zeros(100)}, LimitExceeded, "outer(x, ones(10^7))"),
    ],
)
def test_static_arguments_that_are_refused(text: str, at: dict[str, Any], kind: type[EngineError], place: str) -> None:
    error = refusal(text, at)
    assert type(error) is kind
    assert error.span is not None
    assert text[error.span.start : error.span.end] == place
    assert (error.limit is not None) == (kind is LimitExceeded)


def test_a_shape_is_flat() -> None:
    refusal("zeros((2, (3, 4)))")


@pytest.mark.parametrize(
    "text",
    [
        "[" * 70 + "x" + "]" * 70,
        "zeros((" + "1," * 70 + "))",
        "x[" + "None," * 70 + "]",
        "reshape(x, (" + "1," * 70 + "))",
    ],
    ids=["lists", "zeros", "None", "reshape"],
)
def test_too_many_axes_are_refused(text: str) -> None:
    refusal(text, {"x": 1.0})


def test_an_empty_array_of_huge_axes_is_refused() -> None:
    assert isinstance(refusal("zeros((10^18, 10^18, 0))"), LimitExceeded)


# ---- names ----


@pytest.mark.parametrize(
    ("name", "function"), [("gamma", "gamma"), ("beta", "beta"), ("sum", "sum"), ("max", "max"), ("exp", "exp")]
)
def test_what_is_called_is_a_function_and_what_is_given_is_an_input(name: str, function: str) -> None:
    text = f"{function}({name}) + {name}" if function != "beta" else f"{function}({name}, 2) + {name}"
    renamed = text.replace(f"({name}", "(x").replace(f"+ {name}", "+ x")
    assert value(text, {name: 3.0}).value == value(renamed, {"x": 3.0}).value
    assert gradient_of(text, {name: 3.0}, name) == gradient_of(renamed, {"x": 3.0}, "x")


@pytest.mark.parametrize(
    ("name", "constant"),
    [("pi", math.pi), ("e", math.e), ("tau", math.tau), ("inf", math.inf), ("nan", math.nan)],
)
def test_an_input_wins_over_a_constant(name: str, constant: float) -> None:
    np.testing.assert_array_equal(value(f"{name} * 1").value, constant)
    assert value(f"{name} * 2", {name: 3.0}).value == 6.0
    assert gradient_of(f"{name} * 2", {name: 3.0}, name) == 2.0


@pytest.mark.parametrize("name", ["x", "_", "__class__", "lambda_", "é", "变量", "𐐀", "ﬁ", "𝑥", "Å", "x٣"])
def test_inputs_of_any_name_are_found_as_they_are_spelled(name: str) -> None:
    answer = grad(f"{name}^2", {name: 3.0})
    assert answer.value == 9.0
    assert [(key, float(slope)) for key, slope in (answer.grad or {}).items()] == [(name, 6.0)]


@pytest.mark.parametrize(("typed", "given_as"), [("fi", "ﬁ"), ("𝑥", "x"), ("Å", "A\u030a")])
def test_names_are_the_same_when_nfkc_says_so(typed: str, given_as: str) -> None:
    answer = grad(f"{typed}^2", {given_as: 3.0})
    assert [(key, float(slope)) for key, slope in (answer.grad or {}).items()] == [(given_as, 6.0)]


@pytest.mark.parametrize(
    ("alias", "name"),
    [
        ("ln(x)", "log(x)"),
        ("arcsin(x)", "asin(x)"),
        ("arctan2(x, 2)", "atan2(x, 2)"),
        ("fabs(x)", "abs(x)"),
        ("sgn(x)", "sign(x)"),
        ("pow(x, 3)", "x^3"),
        ("fmax(x, 0.1)", "maximum(x, 0.1)"),
        ("average(x)", "mean(x)"),
        ("sub(x, 1)", "x - 1"),
    ],
)
def test_aliases(alias: str, name: str) -> None:
    assert value(alias, {"x": 0.3}).value == value(name, {"x": 0.3}).value


def test_all_unknown_names_are_reported_at_once() -> None:
    text = "foo + sin + bar(x) * foo + quux(bar(e)) - X + pi(2)"
    error = refusal(text, {"x": 1.0})
    assert isinstance(error, UnknownName)
    assert [(fault.pointer, fault.detail) for fault in error.faults] == [
        ("/at/foo", "'foo' is neither an input nor a constant."),
        ("/expr", "'sin' is a function."),
        ("/expr", "There is no function 'bar'."),
        ("/expr", "There is no function 'quux'."),
        ("/at/X", "'X' is neither an input nor a constant."),
        ("/expr", "'pi' is a number or an array and cannot be called."),
    ]
    assert error.span is not None
    assert text[error.span.start : error.span.end] == "foo"
    assert error.detail == error.faults[0].detail


@pytest.mark.parametrize(
    ("text", "place", "hint"),
    [
        ("1 + Sin(x)", "Sin", "did you mean sin?"),
        ("sine(x)", "sine", "did you mean sin?"),
        ("ifelse(x, 1, 2)", "ifelse", "write where"),
        ("2*X", "X", "did you mean x?"),
        ("weights", "weights", "did you mean weight?"),
        ("foo + x", "foo", 'give it in "at": {"foo": …}'),
        ("2 + sin", "sin", "call it: sin(x)"),
        ("x(2)", "x", "write x * (…) for a product"),
        ("x·weight", "x·weight", "'·' is part of a name here: write * for a product"),
        ("__import__('os')", "__import__", None),
    ],
)
def test_unknown_names_have_a_place_and_a_hint(text: str, place: str, hint: str | None) -> None:
    error = refusal(text, {"x": 1.0, "weight": 2.0})
    assert isinstance(error, UnknownName)
    assert error.span is not None
    assert text[error.span.start : error.span.end] == place
    assert error.hint == hint


def test_inputs_that_are_not_used_do_no_harm() -> None:
    answer = grad("x^2", {"x": 3.0, "y": [1.0, 2.0], "n": 0.5})
    assert answer.grad is not None
    assert answer.grad["x"] == 6.0
    np.testing.assert_array_equal(answer.grad["y"], [0.0, 0.0])
    assert sorted(codes(answer)) == ["disconnected", "disconnected"]


@pytest.mark.parametrize("call", ["", "()"])
def test_of_many_unknown_names_only_the_first_gets_a_hint(call: str, monkeypatch: pytest.MonkeyPatch) -> None:
    # Looking for a near name is what takes long.
    looked_for: list[str] = []

    def counted(name: str, *rest: Any) -> list[str]:
        looked_for.append(name)
        return get_close_matches(name, *rest)

    monkeypatch.setattr("engine.source.names.get_close_matches", counted)
    text = "[" + ", ".join(f"q{number}{call}" for number in range(2_500)) + "]"
    refusal(text, {f"input{number}": 1.0 for number in range(200)})
    assert looked_for == ["q0"]


# ---- arguments ----


@pytest.mark.parametrize(
    ("text", "kind", "place", "detail", "hint"),
    [
        ("1 + sum(x, axs=0)", UnknownName, "0", "sum has no argument 'axs'", "did you mean axis?"),
        ("sum(x, 0, axis=1)", SyntaxFault, "1", "'axis' of sum is given twice", None),
        ("1 + sum()", SyntaxFault, "sum()", "sum needs the argument x.", "sum(x, axis=None, keepdims=False)"),
        ("where(x > 0)", SyntaxFault, "where(x > 0)", "where needs arguments", None),
        ("1 + sum(x, 0, True, 4)", SyntaxFault, "sum(x, 0, True, 4)", "takes 3 arguments, 4 are given", None),
        ("sin(x, x)", SyntaxFault, "sin(x, x)", "takes 1 argument, 2 are given", "sin(x)"),
        ("sin(1, x=2)", SyntaxFault, "2", "'x' of sin is given twice", None),
        ("sin(y=2)", UnknownName, "2", "sin has no argument 'y'; it is sin(x).", None),
        ("max(1, 2, axis=0)", TypeMismatch, "max(1, 2, axis=0)", "several arguments", None),
        ("stack([1, 2], 'a')", TypeMismatch, "'a'", "axis of stack", None),
    ],
)
def test_arguments_that_are_refused(
    text: str, kind: type[EngineError], place: str, detail: str, hint: str | None
) -> None:
    error = refusal(text, {"x": MATRIX})
    assert type(error) is kind
    assert detail in error.detail
    assert error.span is not None
    assert text[error.span.start : error.span.end] == place
    assert hint is None or error.hint == hint


@pytest.mark.parametrize(
    ("text", "same"),
    [
        ("sum(x=x, axis=0)", "sum(x, 0)"),
        ("sum(x, keepdims=True, axis=1)", "sum(x, 1, True)"),
        ("sum(x, axis=(0, 1))", "sum(x)"),
        ("sum(x, axis=[0, 1])", "sum(x)"),
        ("sum(x, axis=None)", "sum(x)"),
        ("clip(x, 2, high=5)", "clip(x, 2, 5)"),
        ("clip(x, low=None, high=5)", "clip(x, None, 5)"),
        ("max(x, axis=-1)", "max(x, axis=1)"),
        ("stack((x, x), axis=1)", "stack([x, x], 1)"),
        ("sum(x, keepdims=1)", "sum(x, keepdims=True)"),
    ],
)
def test_keywords_and_positions_are_the_same(text: str, same: str) -> None:
    np.testing.assert_array_equal(value(text, {"x": MATRIX}).value, value(same, {"x": MATRIX}).value)


@pytest.mark.parametrize(
    ("text", "same"), [("sin(x=x)", "sin(x)"), ("hypot(x, y=2)", "hypot(x, 2)"), ("hypot(x=x, y=2)", "hypot(x, 2)")]
)
def test_elementwise_functions_take_arguments_by_name_in_their_order(text: str, same: str) -> None:
    np.testing.assert_array_equal(value(text, {"x": MATRIX}).value, value(same, {"x": MATRIX}).value)


def test_elementwise_functions_refuse_another_order() -> None:
    error = refusal("hypot(y=2, x=3)")
    assert isinstance(error, SyntaxFault)
    assert "come in the order of hypot(x, y)" in error.detail


# ---- whatever is asked ----

NAMES = st.sampled_from(("x", "v", "A", "n", "b", "pi", "unknown"))
CALLS = st.sampled_from(
    (
        "sum",
        "sin",
        "max",
        "where",
        "zeros",
        "reshape",
        "einsum",
        "norm",
        "stack",
        "clip",
        "take",
        "det",
        "softmax",
        "foo",
    )
)


def _expressions(parts: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    several = st.lists(parts, min_size=1, max_size=3)
    operators = st.sampled_from(("+", "-", "*", "/", "^", "@", "//", "%", "<", "==", " and ", ", "))
    return st.one_of(
        st.tuples(parts, operators, parts).map(lambda t: f"({t[0]}{t[1]}{t[2]})"),
        st.tuples(CALLS, several).map(lambda t: f"{t[0]}({', '.join(t[1])})"),
        st.tuples(parts, several).map(lambda t: f"{t[0]}[{', '.join(t[1])}]"),
        st.tuples(parts, parts).map(lambda t: f"{t[0]}[{t[1]}:]"),
        st.tuples(parts, parts).map(lambda t: f"sum({t[0]}, axis={t[1]})"),
        several.map(lambda t: f"[{', '.join(t)}]"),
        st.tuples(parts, parts, parts).map(lambda t: f"({t[0]} if {t[1]} else {t[2]})"),
        parts.map(lambda t: f"-{t}"),
    )


leaves = st.one_of(
    NAMES, NAMES, st.sampled_from(("0", "1", "-1", "2.5", "True", "None", "'ij->i'", "...", "1e300", ":"))
)
AT = {"x": 0.5, "v": [1.0, -2.0, 3.0], "A": MATRIX, "n": 1, "b": True}


@given(st.recursive(leaves, _expressions, max_leaves=8))
@settings(max_examples=300, deadline=None)
def test_whatever_is_asked_is_answered_or_refused(text: str) -> None:
    for ask in (value, grad):
        found = outcome(ask, text)
        if isinstance(found, EngineError):
            assert found.text == text
            assert found.detail
            assert found.span is not None or found.faults or found.limit is not None
            assert str(found)
        elif isinstance(found, Answer):
            values = found.value if isinstance(found.value, tuple) else (found.value,)
            assert all(np.asarray(value).dtype in NUMPY.values() for value in values)


KNOWN_CRASHES = ("recursion", "'tuple'")
"""Each has a test of its own above, which is expected to fail: with the defect, its entry goes."""


def outcome(ask: Callable[..., Answer], text: str) -> Answer | EngineError | None:
    """The answer, the refusal, or None for a known crash."""
    try:
        return ask(text, AT)
    except EngineError as error:
        return error
    except (RecursionError, TypeError) as error:
        if any(known in str(error) for known in KNOWN_CRASHES):
            return None
        raise
