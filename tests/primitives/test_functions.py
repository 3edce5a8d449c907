"""Functions of arrays against numpy, and the places where the derivative of the textbook formula goes wrong."""

from __future__ import annotations

import ast
from collections.abc import Callable, Mapping
from math import inf
from typing import Any

import numpy as np
import pytest

from engine.derive.reverse import gradient
from engine.engine import Engine
from engine.errors import EngineError, LimitExceeded, ShapeMismatch, TypeMismatch, Unsupported
from engine.execute.compile import compile_graph
from engine.graph.build import Builder
from engine.graph.check import check
from engine.graph.types import Type
from engine.graph.values import Graph, Value
from engine.limits import Limits
from engine.primitives.function import Example, Function
from engine.primitives.table import ALIASES, FUNCTIONS, lookup
from tests.asking import codes, grad, graph_of_text, value

OWN = [f for f in FUNCTIONS.values() if "functions_" in getattr(f.build, "__module__", "")]
CASES = [pytest.param(f, example, id=f"{example.expr}-{i}") for f in OWN for i, example in enumerate(f.examples)]


def reference(function: Function, example: Example) -> Any:
    """What the function's reference says of an example that is one call with names and literals as arguments."""
    tree = ast.parse(example.expr, mode="eval").body
    assert isinstance(tree, ast.Call)
    assert lookup(ast.unparse(tree.func)) is function
    assert function.reference is not None
    positional = [literal(argument, example.inputs) for argument in tree.args]
    return function.reference(
        *positional, **{str(keyword.arg): literal(keyword.value, example.inputs) for keyword in tree.keywords}
    )


def literal(node: ast.expr, inputs: Mapping[str, Any]) -> Any:
    """A name or a literal as numpy takes it."""
    if isinstance(node, ast.Name):
        return inf if node.id == "inf" else np.asarray(inputs[node.id])
    if isinstance(node, ast.UnaryOp):
        return -literal(node.operand, inputs)
    if isinstance(node, ast.Tuple):
        return tuple(literal(item, inputs) for item in node.elts)
    if isinstance(node, ast.List):
        items = [literal(item, inputs) for item in node.elts]
        return items if any(isinstance(item, ast.Name) for item in node.elts) else np.array(items)
    assert isinstance(node, ast.Constant)
    return node.value


@pytest.mark.parametrize(("function", "example"), CASES)
def test_value_is_that_of_the_reference(function: Function, example: Example) -> None:
    found, expected = np.asarray(value(example.expr, example.inputs).value), np.asarray(reference(function, example))
    assert found.shape == expected.shape
    np.testing.assert_allclose(found, expected, rtol=1e-14, atol=1e-15)
    if expected.dtype.kind == "b":
        assert found.dtype.kind == "b"


def test_every_function_has_examples_a_reference_and_a_summary() -> None:
    assert OWN
    assert [f.name for f in OWN if not f.examples or f.reference is None or not f.summary or not f.group] == []


def test_lookup_knows_names_and_aliases() -> None:
    found = lookup("amax")
    assert found is not None
    assert found.name == "max"
    assert lookup("max") is found
    assert lookup("no such function") is None
    assert all(lookup(alias) is FUNCTIONS[name] for alias, name in ALIASES.items())


def hessian(text: str, x: list[float]) -> Any:
    """The Hessian of a function of a vector called x, row by row."""
    graph, (argument,) = graph_of_text(text, {"x": x})
    return np.array([_second(graph, argument, unit) for unit in np.eye(len(x))])


def _second(graph: Graph, argument: Any, direction: Any) -> Any:
    first = gradient(graph, [0]).graph
    with Builder(start=first) as builder:
        along = FUNCTIONS["sum"].build(first.outputs[1] * builder.constant(direction))
        directional = builder.finish([along])
    derived = gradient(directional, [0]).graph
    check(derived)
    with np.errstate(all="ignore"):
        return compile_graph(derived)([argument])[0][1]


def _others(x: list[float], *left_out: int) -> float:
    return float(np.prod([v for i, v in enumerate(x) if i not in left_out]))


PRODUCTS: dict[str, list[float]] = {
    "no zero": [2.0, -3.0, 0.5, 4.0, -1.5],
    "one zero": [2.0, 0.0, 0.5, 4.0, -1.5],
    "two zeros": [2.0, 0.0, 0.5, 0.0, -1.5],
    "three zeros": [0.0, 0.0, 0.5, 0.0, -1.5],
    "two numbers": [0.0, 0.0],
    "one number": [0.0],
}


@pytest.mark.parametrize("x", PRODUCTS.values(), ids=PRODUCTS)
def test_product_with_zeros(x: list[float]) -> None:
    found = grad("prod(x)", {"x": x})
    assert found.grad is not None
    assert found.warnings == []
    np.testing.assert_array_equal(found.grad["x"], [_others(x, i) for i in range(len(x))])
    expected = [[0.0 if i == j else _others(x, i, j) for j in range(len(x))] for i in range(len(x))]
    np.testing.assert_array_equal(hessian("prod(x)", x), expected)


@pytest.mark.parametrize("x", PRODUCTS.values(), ids=PRODUCTS)
def test_running_product_with_zeros(x: list[float]) -> None:
    n = len(x)
    weights = [float(2 + k) for k in range(n)]
    text = f"sum({weights} * cumprod(x))"
    first = [sum(weights[k] * _others(x[: k + 1], i) for k in range(i, n)) for i in range(n)]
    second = [
        [0.0 if i == j else sum(weights[k] * _others(x[: k + 1], i, j) for k in range(max(i, j), n)) for j in range(n)]
        for i in range(n)
    ]
    found = grad(text, {"x": x})
    assert found.grad is not None
    assert found.warnings == []
    np.testing.assert_allclose(found.grad["x"], first, rtol=1e-15)
    np.testing.assert_allclose(hessian(text, x), second, rtol=1e-15)


def test_third_derivative_of_a_product_at_zeros() -> None:
    graph, (x,) = graph_of_text("prod(x)", {"x": [0.0, 0.0, 0.0, 7.0]})
    for axis in (0, 1):
        derived = gradient(graph, [0]).graph
        with Builder(start=derived) as builder:
            pick = builder.constant(np.eye(4)[axis])
            graph = builder.finish([FUNCTIONS["sum"].build(derived.outputs[1] * pick)])
    third = compile_graph(gradient(graph, [0]).graph)([x])[0][1]
    np.testing.assert_array_equal(third, [0.0, 0.0, 7.0, 0.0])


@pytest.mark.parametrize(
    ("x", "expected"),
    [
        ([1e200, 1e200, 1e-200, 1e-200], 1.0),
        ([1e-200, 1e-200, 1e200, 1.0], 1e-200),
        ([1e-200, 1.5, 1e-200, 1e200, 1e200], 1.5),
        ([1e-160, 1e-160, 1e160], 1e-160),
        ([1e200, 1e200, 0.0], 0.0),
        ([1e200, 1e200, 1e200], inf),
        ([inf, -2.0], -inf),
        ([], 1.0),
    ],
)
def test_product_meets_neither_overflow_nor_underflow_on_the_way(x: list[float], expected: float) -> None:
    np.testing.assert_allclose(value("prod(x)", {"x": x}).value, expected, rtol=1e-15)


@pytest.mark.parametrize("count", range(1, 12))
def test_derivatives_of_products_of_numbers_far_apart(count: int) -> None:
    """Powers of two: every product is exact, unless it overflowed or underflowed on the way."""
    draw = np.random.default_rng(count)
    exponents = draw.integers(-80, 80, count) * np.where(np.arange(count) % 2, -9, 9)
    exponents[-1] -= np.sum(exponents)
    exponents = np.clip(exponents, -1000, 1000)
    total = int(np.sum(exponents))
    found = grad("prod(x)", {"x": np.ldexp(1.0, exponents)})
    assert found.grad is not None
    assert found.value == np.ldexp(1.0, total)
    with np.errstate(over="ignore"):
        np.testing.assert_array_equal(found.grad["x"], np.ldexp(1.0, total - exponents))


@pytest.mark.parametrize("count", range(1, 10))
def test_second_derivatives_of_products(count: int) -> None:
    x = list(np.random.default_rng(count).integers(1, 9, count) / 4.0)
    expected = [[0.0 if i == j else _others(x, i, j) for j in range(count)] for i in range(count)]
    np.testing.assert_allclose(hessian("prod(x)", x), expected, rtol=1e-15)


def test_long_products() -> None:
    draw = np.random.default_rng(0)
    logs = draw.normal(0.0, 40.0, (3, 1801))
    x = np.exp(logs - np.mean(logs, axis=1, keepdims=True))
    np.testing.assert_allclose(value("log(prod(x, axis=1))", {"x": x}).value, 0.0, atol=1e-9)
    found = grad("prod(x)", {"x": np.full(2001, 1.0)})
    assert found.grad is not None
    np.testing.assert_array_equal(found.grad["x"], np.ones(2001))


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_running_product_along_each_axis(axis: int) -> None:
    x = np.random.default_rng(1).normal(size=(3, 4, 5))
    np.testing.assert_allclose(value(f"cumprod(x, {axis})", {"x": x}).value, np.cumprod(x, axis), rtol=1e-14)
    # The derivative of the sum of a running product, by the textbook formula where nothing is 0.
    running = np.cumprod(x, axis)
    tail = np.flip(np.cumsum(np.flip(running, axis), axis), axis)
    found = grad(f"sum(cumprod(x, {axis}))", {"x": x})
    assert found.grad is not None
    np.testing.assert_allclose(found.grad["x"], tail / x, rtol=1e-12)


def test_running_product_takes_numbers_that_are_not_finite() -> None:
    found = value("cumprod(x)", {"x": [2.0, inf, 0.0, 3.0]}).value
    np.testing.assert_array_equal(found, [2.0, inf, np.nan, np.nan])


@pytest.mark.parametrize("x", [[3.0] * 4, [0.1] * 3, [1e300] * 7, [-1e-300] * 10, [0.1] * 1000, [2.5]])
def test_equal_numbers_have_no_spread(x: list[float]) -> None:
    for name in ("var", "std"):
        found = grad(f"{name}(x)", {"x": x})
        assert found.grad is not None
        assert found.value == 0.0
        np.testing.assert_array_equal(found.grad["x"], np.zeros(len(x)))
    assert codes(grad("std(x)", {"x": x})) == ["kink"]
    assert np.all(np.isfinite(hessian("std(x)", x[:4])))


def test_spread_is_that_of_the_data_however_far_they_are() -> None:
    x = 1e15 + np.array([0.125, 0.25, 0.625, 1.0, 3.5])
    centred = np.array([0.125, 0.25, 0.625, 1.0, 3.5]) - 1.1
    found = grad("var(x)", {"x": x})
    assert found.grad is not None
    np.testing.assert_allclose(found.value, np.mean(centred**2), rtol=1e-15)
    np.testing.assert_allclose(found.grad["x"], 2 * centred / 5, rtol=1e-14)
    deviation = grad("std(x, ddof=1)", {"x": x})
    assert deviation.grad is not None
    np.testing.assert_allclose(deviation.value, np.sqrt(np.sum(centred**2) / 4), rtol=1e-15)
    np.testing.assert_allclose(deviation.grad["x"], centred / (4 * deviation.value), rtol=1e-14)


def test_spread_of_huge_and_tiny_numbers() -> None:
    found = grad("std(x)", {"x": [1e200, -1e200]})
    assert found.grad is not None
    assert found.value == pytest.approx(1e200, rel=1e-15)
    np.testing.assert_allclose(found.grad["x"], [0.5, -0.5], rtol=1e-15)
    assert value("std(x)", {"x": [1e-200, -1e-200]}).value == pytest.approx(1e-200, rel=1e-15)


TIES: list[tuple[str, dict[str, Any], dict[str, Any]]] = [
    ("max(x)", {"x": [3.0, 3.0, 1.0, 3.0]}, {"x": [1 / 3, 1 / 3, 0.0, 1 / 3]}),
    ("min(x)", {"x": [0.0, -0.0]}, {"x": [0.5, 0.5]}),
    ("sum(max(x, axis=0))", {"x": [[1.0, 2.0], [1.0, 0.0]]}, {"x": [[0.5, 1.0], [0.5, 0.0]]}),
    ("max(x, y, z)", {"x": 1.0, "y": 1.0, "z": 1.0}, {"x": 1 / 3, "y": 1 / 3, "z": 1 / 3}),
    ("ptp(x)", {"x": [2.0, 2.0]}, {"x": [0.0, 0.0]}),
    ("median(x)", {"x": [1.0, 2.0, 2.0, 2.0, 5.0]}, {"x": [0.0, 1 / 3, 1 / 3, 1 / 3, 0.0]}),
    ("median(x)", {"x": [2.0, 1.0, 2.0, 5.0]}, {"x": [0.5, 0.0, 0.5, 0.0]}),
    ("sum([1, 2, 4] * sort(x))", {"x": [5.0, 1.0, 5.0]}, {"x": [3.0, 1.0, 3.0]}),
    ("sum([1, 2, 4] * sort(x))", {"x": [7.0, 7.0, 7.0]}, {"x": [7 / 3, 7 / 3, 7 / 3]}),
    ("clip(x, 0, y)", {"x": 2.0, "y": 2.0}, {"x": 0.5, "y": 0.5}),
    ("norm(x)", {"x": [0.0, 0.0]}, {"x": [0.0, 0.0]}),
    ("norm(x)", {"x": [[0.0], [0.0]]}, {"x": [[0.0], [0.0]]}),
    ("norm(x, 1)", {"x": [0.0, 2.0]}, {"x": [0.0, 1.0]}),
    ("norm(x, inf)", {"x": [-2.0, 2.0]}, {"x": [-0.5, 0.5]}),
    ("norm(x, inf)", {"x": [0.0, 0.0]}, {"x": [0.0, 0.0]}),
    ("norm(x, 1.5)", {"x": [0.0, 0.0]}, {"x": [0.0, 0.0]}),
    ("norm(x, 0.5)", {"x": [0.0, 4.0]}, {"x": [0.0, 1.0]}),
    ("norm(x, -1)", {"x": [0.0, 4.0]}, {"x": [0.0, 0.0]}),
    ("norm(x, 4)", {"x": [0.0, 0.0]}, {"x": [0.0, 0.0]}),
]


@pytest.mark.parametrize(("text", "at", "expected"), TIES, ids=[f"{t[0]} at {t[1]}" for t in TIES])
def test_conventions_at_kinks(text: str, at: dict[str, Any], expected: dict[str, Any]) -> None:
    found = grad(text, at)
    assert found.grad is not None
    for name, derivative in expected.items():
        np.testing.assert_allclose(found.grad[name], derivative, rtol=1e-15)
    assert "kink" in codes(found)


def test_second_derivatives_at_ties() -> None:
    """Sums of squares of the order statistics are the sum of squares, whatever the order."""
    np.testing.assert_allclose(hessian("sum(square(sort(x)))", [3.0, 1.0, 2.0]), 2 * np.eye(3))
    np.testing.assert_array_equal(hessian("norm(x)", [0.0, 0.0]), np.zeros((2, 2)))
    np.testing.assert_allclose(
        hessian("max(x)^2", [2.0, 1.0, 2.0]), [[0.5, 0.0, 0.5], [0.0, 0.0, 0.0], [0.5, 0.0, 0.5]]
    )


def test_norms_have_no_kink_where_one_element_is_zero() -> None:
    for order in ("2", "3", "4", "1.5"):
        assert codes(grad(f"norm(x, {order})", {"x": [0.0, 2.0]})) == []


@pytest.mark.parametrize("order", ["None", "1", "2", "3", "0.5", "-1", "inf", "-inf"])
@pytest.mark.parametrize("scale", [1e-300, 1.0, 1e300])
def test_norms_scale(order: str, scale: float) -> None:
    x = np.array([3.0, -4.0, 1.0])
    name = {"None": None, "inf": inf, "-inf": -inf}.get(order, order)
    expected = np.linalg.norm(x, None if name is None else float(name))
    found = grad(f"norm(x, {order})", {"x": x * scale})
    plain = grad(f"norm(x, {order})", {"x": x})
    assert found.grad is not None
    assert plain.grad is not None
    np.testing.assert_allclose(found.value, expected * scale, rtol=1e-14)
    np.testing.assert_allclose(found.grad["x"], plain.grad["x"], rtol=1e-14)


@pytest.mark.parametrize("p", [0.5, 1.5, 2.0, 3.0, 4.0, 5.0, -1.0, -2.0])
def test_gradients_of_norms(p: float) -> None:
    x = np.array([3.0, -4.0, 1.5])
    found = grad(f"norm(x, {p})", {"x": x})
    assert found.grad is not None
    ratio = np.abs(x) / np.linalg.norm(x, p)
    np.testing.assert_allclose(found.grad["x"], np.sign(x) * ratio ** (p - 1), rtol=1e-13)


def test_matrix_norms() -> None:
    x = np.random.default_rng(2).normal(size=(2, 3, 4))
    orders: list[Any] = [None, "fro", "nuc", 1, -1, 2, inf, -inf]
    for order in orders:
        for axis in ((0, 1), (1, 0), (2, 0)):
            for keep in (False, True):
                text = f"norm(x, {order!r}, axis={axis}, keepdims={keep})"
                expected = np.linalg.norm(x, order, axis, keep)
                np.testing.assert_allclose(value(text, {"x": x}).value, expected, rtol=1e-13)
        np.testing.assert_allclose(value(f"norm(x, {order!r})", {"x": x[0]}).value, np.linalg.norm(x[0], order))


def test_median_of_nan_is_nan() -> None:
    assert np.isnan(value("median(x)", {"x": [1.0, np.nan, 2.0]}).value)


def test_chosen_branch_only() -> None:
    found = grad("sum(where(x > 0, sqrt(x), 0))", {"x": [0.0, 4.0, -1.0]})
    assert found.grad is not None
    np.testing.assert_array_equal(found.grad["x"], [0.0, 0.25, 0.0])


DTYPES: list[tuple[str, dict[str, Any], str]] = [
    ("sum([True, False, True])", {}, "i"),
    ("sum([1, 2])", {}, "i"),
    ("mean([1, 2])", {}, "f"),
    ("median([1, 2, 4])", {}, "f"),
    ("arange(4)", {}, "i"),
    ("arange(0.0, 4)", {}, "f"),
    ("argmax(x)", {"x": [1.0, 2.0]}, "i"),
    ("prod([2, 3])", {}, "f"),
    ("max(1, 2)", {}, "i"),
    ("zeros(2)", {}, "f"),
    ("zeros_like([1, 2])", {}, "i"),
    ("pow(3, 4)", {}, "i"),
    ("pow(arange(4), 2)", {}, "i"),
    ("pow(argmax(x), 2)", {"x": [1.0, 2.0]}, "i"),
    ("pow(argmax(x), 9)", {"x": [1.0, 2.0]}, "f"),
    ("pow(3, -1)", {}, "f"),
    ("pow(10, 30)", {}, "f"),
    ("pow(x, 2)", {"x": 3}, "f"),
]


@pytest.mark.parametrize(("text", "at", "kind"), DTYPES, ids=[d[0] for d in DTYPES])
def test_dtypes(text: str, at: dict[str, Any], kind: str) -> None:
    assert np.asarray(value(text, at).value).dtype.kind == kind


POWERS: list[tuple[str, dict[str, float], dict[str, float]]] = [
    ("pow(x, 0)", {"x": 0.0}, {"x": 0.0}),
    ("pow(x, 1)", {"x": 0.0}, {"x": 1.0}),
    ("pow(x, 3)", {"x": -2.0}, {"x": 12.0}),
    ("pow(x, -2)", {"x": -2.0}, {"x": 0.25}),
    ("pow(x, y)", {"x": 0.0, "y": 2.0}, {"x": 0.0, "y": 0.0}),
    ("pow(10, 30) * x", {"x": 1.0}, {"x": 1e30}),
    ("pow(9, pow(9, 9)) * x", {"x": 1.0}, {"x": inf}),
]


@pytest.mark.parametrize(("text", "at", "expected"), POWERS, ids=[f"{p[0]} at {p[1]}" for p in POWERS])
def test_powers(text: str, at: dict[str, float], expected: dict[str, float]) -> None:
    found = grad(text, at)
    assert found.grad is not None
    for name, derivative in expected.items():
        np.testing.assert_allclose(found.grad[name], derivative, rtol=1e-15)


def test_linspace_meets_both_ends_exactly() -> None:
    for num in (2, 3, 7, 50):
        points = np.asarray(value(f"linspace(a, b, {num})", {"a": 0.1, "b": 0.7}).value)
        assert (points[0], points[-1]) == (0.1, 0.7)
        assert np.all(np.diff(points) > 0)
    found = grad("sum([1, 10, 100, 1000] * linspace(a, b, 4))", {"a": 0.1, "b": 0.7})
    assert found.grad is not None
    assert found.grad["a"] == pytest.approx(1 + 20 / 3 + 100 / 3, rel=1e-15)
    assert found.grad["b"] == pytest.approx(10 / 3 + 200 / 3 + 1000, rel=1e-15)


@pytest.mark.parametrize("k", range(-4, 5))
def test_diagonals_and_triangles(k: int) -> None:
    for shape in ((3, 4), (4, 3), (2, 2)):
        x = np.random.default_rng(3).normal(size=shape)
        expected: dict[str, Callable[..., Any]] = {"diag": np.diag, "tril": np.tril, "triu": np.triu}
        for name, of in expected.items():
            np.testing.assert_array_equal(value(f"{name}(x, {k})", {"x": x}).value, of(x, k))
    vector = np.array([1.0, 2.0])
    np.testing.assert_array_equal(value(f"diag(x, {k})", {"x": vector}).value, np.diag(vector, k))


def test_broadcasting_of_indices_along_an_axis() -> None:
    x, index = np.arange(6.0).reshape(2, 3), np.array([[2], [0]])
    found = value("take_along_axis(x, i, 1)", {"x": x, "i": index}).value
    np.testing.assert_array_equal(found, np.take_along_axis(x, index, 1))
    index = np.array([[1, 0, 1, 1]])
    x = np.arange(2.0).reshape(2, 1)
    found = value("take_along_axis(x, i, 0)", {"x": x, "i": index}).value
    np.testing.assert_array_equal(found, np.take_along_axis(x, index, 0))


@pytest.mark.parametrize("axis", [0, 1, 2, -1, None])
def test_take_puts_the_axes_of_the_indices_where_the_axis_was(axis: int | None) -> None:
    x, index = np.random.default_rng(4).normal(size=(3, 4, 5)), np.array([[0, 2], [-1, 1], [1, 1]])
    found = value(f"take(x, i, {axis})", {"x": x, "i": index}).value
    np.testing.assert_array_equal(found, np.take(x, index, axis))


REFUSALS: list[tuple[str, dict[str, Any], type[EngineError]]] = [
    ("mean(x)", {"x": []}, ShapeMismatch),
    ("max(x)", {"x": []}, ShapeMismatch),
    ("median(x)", {"x": []}, ShapeMismatch),
    ("var(x, ddof=1)", {"x": [1.0]}, ShapeMismatch),
    ("sum(x, axis=1)", {"x": [1.0]}, ShapeMismatch),
    ("sum(x, axis=(0, 0))", {"x": [1.0]}, ShapeMismatch),
    ("max(x, x, axis=0)", {"x": [1.0]}, TypeMismatch),
    ("norm(x, 0)", {"x": [1.0]}, Unsupported),
    ("norm(x, 3)", {"x": [[1.0]]}, Unsupported),
    ("norm(x, 'nuc')", {"x": [1.0]}, TypeMismatch),
    ("norm(x, 'two')", {"x": [1.0]}, TypeMismatch),
    ("norm(x, 1)", {"x": [[[1.0]]]}, ShapeMismatch),
    ("reshape(x, 2, 2)", {"x": [1.0, 2.0, 3.0]}, ShapeMismatch),
    ("reshape(x, -1, 2)", {"x": [1.0, 2.0, 3.0]}, ShapeMismatch),
    ("reshape(x, -1, -1)", {"x": [1.0]}, ShapeMismatch),
    ("reshape(x, -1, 0)", {"x": [1.0]}, ShapeMismatch),
    ("transpose(x, (0, 0))", {"x": [[1.0]]}, ShapeMismatch),
    ("moveaxis(x, 0, (0, 1))", {"x": [[1.0]]}, ShapeMismatch),
    ("squeeze(x, 0)", {"x": [1.0, 2.0]}, ShapeMismatch),
    ("broadcast_to(x, (2, 2))", {"x": [1.0, 2.0, 3.0]}, ShapeMismatch),
    ("concatenate([x, [[1]]])", {"x": [1.0]}, ShapeMismatch),
    ("concatenate([x, x])", {"x": 1.0}, ShapeMismatch),
    ("stack([x, [1, 2]])", {"x": [1.0]}, ShapeMismatch),
    ("stack(x)", {"x": 1.0}, ShapeMismatch),
    ("pad(x, (1, 2, 3))", {"x": [1.0]}, ShapeMismatch),
    ("pad(x, -1)", {"x": [1.0]}, ShapeMismatch),
    ("pad(x, 1, [1, 2])", {"x": [1.0]}, ShapeMismatch),
    ("tile(x, -1)", {"x": [1.0]}, ShapeMismatch),
    ("zeros(-1)", {}, ShapeMismatch),
    ("diag(x)", {"x": 1.0}, ShapeMismatch),
    ("tril(x)", {"x": [1.0]}, ShapeMismatch),
    ("diff(x, -1)", {"x": [1.0]}, ShapeMismatch),
    ("len(x)", {"x": 1.0}, ShapeMismatch),
    ("arange(0, 1, 0)", {}, TypeMismatch),
    ("arange(inf)", {}, TypeMismatch),
    ("take(x, [0, 5])", {"x": [1.0, 2.0]}, ShapeMismatch),
    ("take(x, i)", {"x": [1.0, 2.0], "i": [5]}, ShapeMismatch),
    ("take(x, [0.5])", {"x": [1.0, 2.0]}, TypeMismatch),
    ("take(x, x > 1)", {"x": [1.0, 2.0]}, TypeMismatch),
    ("take_along_axis(x, [0], 0)", {"x": [[1.0, 2.0]]}, ShapeMismatch),
]


@pytest.mark.parametrize(("text", "at", "error"), REFUSALS, ids=[f"{r[0]} at {r[1]}" for r in REFUSALS])
def test_refusals_say_where_and_why(text: str, at: dict[str, Any], error: type[EngineError]) -> None:
    with pytest.raises(error) as caught:
        value(text, at)
    assert type(caught.value) is error
    assert caught.value.span is not None
    assert caught.value.detail.endswith(".")


HUGE = [
    "sum(zeros(10^9))",
    "ones((10^5, 10^5))",
    "full((10^5, 10^5), x)",
    "eye(10^5)",
    "diag(ones(10^5))",
    "arange(10^15)",
    "arange(0.0, 1.0, 1e-300)",
    "linspace(0, x, 10^10)",
    "tile(x, 10^10)",
    "repeat(x, 10^10)",
    "pad([x], 10^10)",
    "broadcast_to(x, 10^10)",
    "outer(arange(10^5), arange(10^5))",
]


@pytest.mark.parametrize("text", HUGE)
def test_large_arrays_are_refused_before_they_are_made(text: str) -> None:
    with pytest.raises(LimitExceeded) as caught:
        value(text, {"x": 1.0})
    assert caught.value.limit is not None
    assert caught.value.limit.name == "array_bytes"


def test_nothing_large_is_made_while_the_graph_is_built() -> None:
    with Builder(Limits()) as builder:
        x: Value = builder.input(Type("real", (1000, 1000)))
        made = [
            FUNCTIONS["zeros"].build((1000, 1000)),
            FUNCTIONS["eye"].build(1000),
            FUNCTIONS["tril"].build(x),
            FUNCTIONS["diag"].build(FUNCTIONS["ones"].build(1000)),
        ]
    assert all(v.constant is None for v in made)
    constants = [v for node in builder.nodes for v in node.inputs if v.constant is not None]
    assert max(v.type.size for v in constants) <= 1000


BATCHED = [
    "prod(x)",
    "sum(prod(x, axis=1))",
    "sum(cumprod(x, axis=1)[:, 2])",
    "sum(cumprod(x)[2:])",
    "var(x)",
    "sum(std(x, axis=0))",
    "median(x)",
    "sum(norm(x, 3, axis=0))",
    "norm(x, 1)",
    "sum(sort(x, axis=0)[0])",
    "max(x, 0.5, -x)[0, 1]",
    "logsumexp(x)",
    "sum(softmax(x)[0]^2)",
    "sum(take(x, [1, 0, 1], axis=1)^3)",
    "sum(pad(x, 1, value=2)^2)",
    "sum(diag(x, 1)^2) + sum(tril(x)^3)",
    "sum(roll(tile(x, 2), 1)[0] * arange(6))",
    "sum(linspace(x[0], x[1], 4)^2)",
]


@pytest.mark.parametrize("text", BATCHED)
def test_a_batch_gives_what_its_points_give(text: str) -> None:
    x = np.random.default_rng(5).normal(size=(4, 2, 3))
    x[1, 0, 1] = 0.0
    together = grad(text, {"x": x}, batch=True, engine=Engine(verify=True))
    assert together.grad is not None
    for i, point in enumerate(x):
        alone = grad(text, {"x": point})
        assert alone.grad is not None
        np.testing.assert_allclose(np.asarray(together.value)[i], alone.value, rtol=1e-14, atol=1e-15)
        np.testing.assert_allclose(together.grad["x"][i], alone.grad["x"], rtol=1e-13, atol=1e-15)
