"""Functions with several outputs: a text that is a tuple, and what every question makes of it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from engine.errors import InvalidRequest, NotDifferentiable, NotScalar
from engine.question import Ask
from tests.test_asks import ask

TEXT = "a*x, sum(x^2)*a, outer(x, x)"
SINGLE = ("a*x", "sum(x^2)*a", "outer(x, x)")
AT: dict[str, Any] = {"a": 1.5, "x": np.array([1.0, -2.0, 0.5])}
SHAPES: tuple[tuple[int, ...], ...] = ((3,), (), (3, 3))
POINTS: dict[str, Any] = {"a": 1.5, "x": np.array([[1.0, -2.0, 0.5], [0.25, 3.0, -1.0]])}
DRAW = np.random.default_rng(3)


def weights(*lead: int) -> dict[str, Any]:
    return {str(i): DRAW.uniform(-1, 1, lead + shape) for i, shape in enumerate(SHAPES)}


def close(found: Any, expected: Any) -> None:
    np.testing.assert_allclose(found, expected, rtol=1e-13, atol=1e-14)


@pytest.mark.parametrize("text", [TEXT, f"({TEXT})", f"(\n{TEXT},\n)"])
def test_the_value_of_a_tuple_is_a_tuple(text: str) -> None:
    answer = ask("value", text, AT)
    assert type(answer.value) is tuple
    for found, single in zip(answer.value, SINGLE, strict=True):
        np.testing.assert_array_equal(found, ask("value", single, AT).value)


@pytest.mark.parametrize(("at", "batch"), [(AT, False), (POINTS, ("x",))])
def test_every_derivative_is_that_of_each_output(at: dict[str, Any], batch: Any) -> None:
    lead = (2,) if batch else ()
    cotangents = weights(*lead)
    tangent = {"x": DRAW.uniform(-1, 1, np.shape(at["x"])), "a": 0.5}
    jacobian = ask("jacobian", TEXT, at, batch=batch).parts["jacobian"]
    pushed = ask("jvp", TEXT, at, along=tangent, batch=batch).parts["jvp"]
    pulled = ask("vjp", TEXT, at, along=cotangents, batch=batch).parts["vjp"]
    sums: dict[str, Any] = {"a": 0.0, "x": 0.0}
    for o, single in enumerate(SINGLE):
        one = ask("jacobian", single, at, batch=batch).parts["jacobian"]
        close(pushed[o], ask("jvp", single, at, along=tangent, batch=batch).parts["jvp"])
        back = ask("vjp", single, at, along={"": cotangents[str(o)]}, batch=batch).parts["vjp"]
        for name in ("a", "x"):
            assert jacobian[name][o].shape == lead + SHAPES[o] + (np.shape(AT[name]))
            close(jacobian[name][o], one[name])
            sums[name] = sums[name] + back[name]
    for name in ("a", "x"):
        close(pulled[name], sums[name])


def test_several_cotangents_and_tangents_at_once() -> None:
    many = weights(4)
    pulled = ask("vjp", TEXT, AT, along=many, many=True).parts["vjp"]
    tangents = {"x": DRAW.uniform(-1, 1, (4, 3))}
    pushed = ask("jvp", TEXT, AT, along=tangents, many=True).parts["jvp"]
    for k in range(4):
        one = ask("vjp", TEXT, AT, along={n: c[k] for n, c in many.items()}).parts["vjp"]
        close(pulled["x"][k], one["x"])
        close(pulled["a"][k], one["a"])
        for part, single in zip(pushed, ask("jvp", TEXT, AT, along={"x": tangents["x"][k]}).parts["jvp"], strict=True):
            close(part[k], single)


def test_one_output_in_a_tuple_is_still_told_apart() -> None:
    answer = ask("jacobian", "x^2,", {"x": 3.0})
    assert answer.value == (9.0,)
    assert answer.parts["jacobian"] == {"x": (6.0,)}
    assert ask("vjp", "(x^2,)", {"x": 3.0}, along={"0": 2.0}).parts["vjp"] == {"x": 12.0}
    assert ask("jvp", "(x^2,)", {"x": 3.0}, along={"x": 2.0}).parts["jvp"] == (12.0,)


def test_a_tuple_inside_the_text_stays_what_it_is() -> None:
    assert np.shape(ask("value", "reshape(x, (3, 1))", AT).value) == (3, 1)
    assert ask("value", "(x, a)[1]", AT).value == 1.5
    assert np.shape(ask("value", "[a, a]", AT).value) == (2,)


def test_zeros_where_an_output_does_not_depend_on_an_input() -> None:
    answer = ask("jacobian", "a^2, x", {**AT, "unused": [1.0, 2.0]})
    jacobian = answer.parts["jacobian"]
    np.testing.assert_array_equal(jacobian["x"][0], np.zeros(3))
    np.testing.assert_array_equal(jacobian["a"][1], np.zeros(3))
    assert [part.shape for part in jacobian["unused"]] == [(2,), (3, 2)]


def test_outputs_that_are_not_real_keep_their_value_and_have_derivative_zero() -> None:
    at = {"x": [1.0, 2.0], "n": 1}
    text = "x[n]^2, n + 1, [n > 0, n > 1]"
    answer = ask("jacobian", text, at)
    assert [np.asarray(v).dtype.kind for v in answer.value] == ["f", "i", "b"]
    np.testing.assert_array_equal(answer.parts["jacobian"]["x"][0], [0.0, 4.0])
    np.testing.assert_array_equal(answer.parts["jacobian"]["x"][1], [0.0, 0.0])
    assert answer.parts["jacobian"]["x"][2].shape == (2, 2)
    pulled = ask("vjp", text, at, along={"0": 1.0, "1": 5.0, "2": [1.0, 1.0]}).parts["vjp"]
    np.testing.assert_array_equal(pulled["x"], [0.0, 4.0])
    with pytest.raises(NotDifferentiable) as caught:
        ask("jacobian", "x^2, argmax(x)", at)
    assert caught.value.span is not None
    assert "x^2, argmax(x)"[caught.value.span.start : caught.value.span.end] == "argmax(x)"


@pytest.mark.parametrize("what", ["grad", "hessian", "hvp"])
def test_a_gradient_is_that_of_one_number(what: Ask) -> None:
    with pytest.raises(NotScalar) as caught:
        ask(what, "a, a^2", AT, along={"a": 1.0} if what == "hvp" else {})
    assert "tuple of 2" in caught.value.detail
    assert "/jacobian" in (caught.value.hint or "")
    assert ("cotangent" in (caught.value.hint or "")) is (what == "hvp")


@pytest.mark.parametrize(
    ("text", "along", "many", "pointer"),
    [
        ("a, x", {"": 1.0}, False, "/cotangent"),
        ("a, x", {"0": 1.0}, False, "/cotangent"),
        ("a, x", {"0": 1.0, "1": [1.0, 2.0]}, False, "/cotangent/1"),
        ("a, x", {"0": 1.0, "1": [1.0, 2.0, 3.0], "2": 1.0}, False, "/cotangent/2"),
        ("a, x", {"0": [1.0], "1": [[1.0, 2.0]]}, True, "/cotangents/0/1"),
        ("x", {"0": 1.0}, False, "/cotangent"),
        ("x", {"": [[1.0, 2.0]]}, True, "/cotangents/0"),
    ],
)
def test_cotangents_that_do_not_fit_are_refused(text: str, along: dict[str, Any], many: bool, pointer: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        ask("vjp", text, AT, along=along, many=many)
    assert caught.value.faults[0].pointer == pointer


def test_a_value_that_is_nan_has_no_derivative() -> None:
    at = {"x": [-1.0, 1.0]}
    answer = ask("jacobian", "log(x), x^2", at)
    np.testing.assert_array_equal(np.isnan(answer.parts["jacobian"]["x"][0]), [[True, True], [False, False]])
    np.testing.assert_array_equal(answer.parts["jacobian"]["x"][1], [[-2.0, 0.0], [0.0, 2.0]])
    tangents = ask("jvp", "log(x), x^2", at, along={"x": [[1.0, 1.0]] * 3}, many=True).parts["jvp"]
    np.testing.assert_array_equal(np.isnan(tangents[0]), [[True, False]] * 3)
    np.testing.assert_array_equal(tangents[1], [[-2.0, 2.0]] * 3)


def test_weights_of_0_take_a_value_that_is_nan_out_of_the_sum() -> None:
    at = {"x": [-1.0, 1.0]}
    kept = ask("vjp", "log(x)", at, along={"": [0.0, 1.0]}).parts["vjp"]["x"]
    np.testing.assert_array_equal(kept, [0.0, 1.0])
    lost = ask("vjp", "log(x)", at, along={"": [[1.0, 1.0], [0.0, 1.0]]}, many=True).parts["vjp"]["x"]
    np.testing.assert_array_equal(np.isnan(lost), [[True, True], [False, False]])
    points = {"x": [[-1.0, 1.0], [2.0, 4.0]]}
    lost = ask("vjp", "log(x)", points, along={"": np.ones((2, 2))}, batch=True).parts["vjp"]["x"]
    np.testing.assert_array_equal(lost, [[np.nan, np.nan], [0.5, 0.25]])
    lost = ask("hvp", "sum(log(x))", points, along={"x": np.ones((2, 2, 2))}, batch=True, many=True).parts["hvp"]["x"]
    np.testing.assert_array_equal(lost, [[[np.nan, np.nan], [-0.25, -0.0625]]] * 2)
