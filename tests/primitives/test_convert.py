"""stop_gradient, float, int; and sizes as static arguments."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest

from engine.errors import EngineError, LimitExceeded, ShapeMismatch, TypeMismatch
from engine.graph.registry import PRIMITIVES
from tests.asking import grad, graph_of_text, value


def result(text: str, at: Mapping[str, Any] | None = None) -> Any:
    """The value of an expression."""
    return value(text, at).value


@pytest.mark.parametrize(
    ("text", "slope"),
    [("x*stop_gradient(x)", 3.0), ("x - stop_gradient(x)", 1.0), ("stop_gradient(x)^2 + x*0", 0.0)],
)
def test_stop_gradient_is_a_constant(text: str, slope: float) -> None:
    found = grad(text, {"x": 3.0})
    assert found.grad is not None
    assert found.grad["x"] == slope


def test_stop_gradient_is_never_simplified_away_and_can_be_found() -> None:
    graph, _ = graph_of_text("stop_gradient(x) + 0*x", {"x": 3.0}, rewrite=True)
    assert [n.primitive.name for n in graph.nodes if n.primitive.fields.get("overrides")] == ["stop_gradient"]
    assert [p.name for p in PRIMITIVES.values() if p.fields.get("overrides")] == ["stop_gradient"]


def test_stop_gradient_of_integers_and_truth_values_leaves_them() -> None:
    assert result("x[stop_gradient(1)]", {"x": [1.0, 2.0]}) == 2
    assert result("stop_gradient(x > 1)", {"x": 2.0}).dtype == bool


def test_int_truncates_to_integers() -> None:
    found = result("int(x)", {"x": [2.75, -2.75, -0.5, 2.0**62, -(2.0**62)]})
    assert found.dtype == np.int64
    assert found.tolist() == [2, -2, 0, 2**62, -(2**62)]
    assert result("x[int(y)]", {"x": [1.0, 2.0, 3.0], "y": 1.9}) == 2
    assert result("zeros(int(2.5))").shape == (2,)
    assert result("int(7)") == 7
    assert result("int(x > 1)", {"x": 2.0}).dtype == np.int64


def test_the_derivative_through_int_is_0() -> None:
    found = grad("x*int(x)", {"x": 2.5})
    assert found.grad is not None
    assert found.grad["x"] == 2


@pytest.mark.parametrize("text", ["int(x)", "int(x*1.0)", "sum(int([x, 1]))"])
@pytest.mark.parametrize(
    ("x", "error"), [(np.nan, TypeMismatch), (np.inf, LimitExceeded), (-np.inf, LimitExceeded), (1e19, LimitExceeded)]
)
def test_int_refuses_what_no_integer_is(text: str, x: float, error: type[EngineError]) -> None:
    with pytest.raises(error):
        value(text, {"x": x})
    with pytest.raises(error):
        value(text.replace("x", "(" + repr(x).replace("nan", "0*inf").replace("inf", "(1e308*10)") + ")"))


def test_float_gives_real_numbers() -> None:
    assert result("float(3)").dtype == np.float64
    assert result("float(x > 1)", {"x": [0.5, 2.0]}).tolist() == [0.0, 1.0]
    found = grad("float(x)", {"x": 2.0})
    assert found.grad is not None
    assert found.grad["x"] == 1


SIZES: dict[str, tuple[int, ...]] = {
    "zeros(len(x))": (2,),
    "zeros(shape(x))": (2, 3),
    "zeros((len(x), 1))": (2, 1),
    "zeros(shape(x)[1])": (3,),
    "zeros(shape(x)[0:1])": (2,),
    "zeros((shape(x)[1], len(x)))": (3, 2),
    "reshape(x, (len(x)*shape(x)[1], 1))": (6, 1),
    "zeros(ndim(x))": (2,),
    "sum(x, axis=ndim(x) - 1)": (2,),
    "random.normal(1, shape(x))": (2, 3),
}


@pytest.mark.parametrize("text", SIZES)
def test_sizes_are_static(text: str) -> None:
    found = result(text, {"x": [[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]})
    assert found.shape == SIZES[text]


def test_a_number_has_no_length() -> None:
    with pytest.raises(ShapeMismatch, match="len needs an array"):
        value("len(x)", {"x": 1.0})
    assert result("ndim(x)", {"x": 1.0}) == 0
