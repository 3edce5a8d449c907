"""Every question about a function: parts by name, batches, several directions at once, zeros where there is nothing."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from engine.errors import InvalidRequest, NotScalar
from engine.question import Answer, Ask, Question
from tests.asking import ENGINE, budget


def ask(what: Ask, text: str, at: dict[str, Any], **rest: Any) -> Answer:
    along = {name: np.asarray(a, dtype=np.float64) for name, a in rest.pop("along", {}).items()}
    question = Question(text, {n: np.asarray(a) for n, a in at.items()}, along=along, **rest)
    return ENGINE.prepare(question, what, budget()).run(question, budget())


X: Any = np.array([1.0, 2.0, 3.0])
Y = 0.5


def test_jacobian_has_the_shape_of_the_output_and_then_of_the_input() -> None:
    answer = ask("jacobian", "x*y + n", {"x": X, "y": Y, "n": 4})
    jacobian = answer.parts["jacobian"]
    np.testing.assert_array_equal(jacobian["x"], np.eye(3) * Y)
    np.testing.assert_array_equal(jacobian["y"], X)
    assert answer.parts["mode"] in ("forward", "reverse")


def test_jacobian_of_an_input_without_influence_is_zeros() -> None:
    jacobian = ask("jacobian", "x[i]*[1, 2]", {"x": X, "i": 1, "z": [1.0, 1.0]}, wrt=("z", "i", "x")).parts["jacobian"]
    assert list(jacobian) == ["z", "i", "x"]
    assert jacobian["z"].shape == (2, 2)
    assert jacobian["i"].shape == (2,)
    np.testing.assert_array_equal(jacobian["x"], [[0, 1, 0], [0, 2, 0]])


def test_hessian_by_input_and_input() -> None:
    answer = ask("hessian", "sum(x^2)*y^3", {"x": X, "y": Y, "z": 1.0})
    hessian = answer.parts["hessian"]
    np.testing.assert_allclose(hessian["x"]["x"], 2 * Y**3 * np.eye(3))
    np.testing.assert_allclose(hessian["x"]["y"], 6 * X * Y**2)
    np.testing.assert_allclose(hessian["y"]["x"], 6 * X * Y**2)
    np.testing.assert_allclose(hessian["y"]["y"], 6 * 14.0 * Y)
    assert hessian["z"]["x"].shape == (3,)
    assert hessian["x"]["z"].shape == (3,)
    np.testing.assert_allclose(answer.parts["grad"]["y"], 3 * 14.0 * Y**2)


def test_products_agree_with_the_matrices() -> None:
    at = {"x": X, "y": Y}
    text = "[sum(x^2)*y, prod(x), exp(y)*x[1]]"
    jacobian = ask("jacobian", text, at).parts["jacobian"]
    u = np.array([1.0, -2.0, 0.5])
    v: dict[str, Any] = {"y": 2.0, "x": np.array([0.1, 0.2, -0.3])}
    pushed = ask("jvp", text, at, along=v).parts["jvp"]
    np.testing.assert_allclose(pushed, jacobian["x"] @ v["x"] + jacobian["y"] * v["y"])
    pulled = ask("vjp", text, at, along={"": u}).parts["vjp"]
    np.testing.assert_allclose(pulled["x"], u @ jacobian["x"])
    np.testing.assert_allclose(pulled["y"], u @ jacobian["y"])
    scalar = "sum(x^3)*y + sin(y)"
    hessian = ask("hessian", scalar, at).parts["hessian"]
    product = ask("hvp", scalar, at, along=v).parts["hvp"]
    np.testing.assert_allclose(product["x"], hessian["x"]["x"] @ v["x"] + hessian["x"]["y"] * v["y"])
    np.testing.assert_allclose(product["y"], hessian["y"]["x"] @ v["x"] + hessian["y"]["y"] * v["y"])


@pytest.mark.parametrize("batch", [False, ("x",)])
def test_several_directions_are_the_stack_of_single_ones(batch: Any) -> None:
    at: dict[str, Any] = {"x": np.stack([X, 2 * X]) if batch else X, "y": Y}
    draw = np.random.default_rng(1)
    many = {"x": draw.uniform(-1, 1, (4, *np.shape(at["x"]))), "y": draw.uniform(-1, 1, (4,))}
    out = (4, 2) if batch else (4,)
    together = {
        "jvp": ask("jvp", "sum(x^2)*y", at, along=many, many=True, batch=batch).parts["jvp"],
        "hvp": ask("hvp", "sum(x^2)*y^2", at, along=many, many=True, batch=batch).parts["hvp"]["x"],
        "vjp": ask("vjp", "sum(x^2)*y", at, along={"": np.ones(out)}, many=True, batch=batch).parts["vjp"]["x"],
    }
    assert together["jvp"].shape == out
    assert together["vjp"].shape == (4, *np.shape(at["x"]))
    for k in range(4):
        one = {name: a[k] for name, a in many.items()}
        np.testing.assert_allclose(
            together["jvp"][k], ask("jvp", "sum(x^2)*y", at, along=one, batch=batch).parts["jvp"]
        )
        hvp = ask("hvp", "sum(x^2)*y^2", at, along=one, batch=batch).parts["hvp"]["x"]
        np.testing.assert_allclose(together["hvp"][k], hvp)


def test_a_part_that_does_not_depend_on_the_direction_still_has_its_axes() -> None:
    product = ask("hvp", "3*x + y^2", {"x": 1.0, "y": 2.0}, along={"x": [1.0, 2.0]}, many=True).parts["hvp"]
    np.testing.assert_array_equal(product["x"], [0.0, 0.0])


def test_batches_of_matrices() -> None:
    at: dict[str, Any] = {"x": np.stack([X, 2 * X]), "y": Y}
    together = ask("hessian", "sum(x^3)*y^2", at, batch=("x",)).parts["hessian"]
    for k in range(2):
        one = ask("hessian", "sum(x^3)*y^2", {"x": at["x"][k], "y": Y}).parts["hessian"]
        for row in ("x", "y"):
            for column in ("x", "y"):
                np.testing.assert_allclose(together[row][column][k], one[row][column])


@pytest.mark.parametrize(
    ("what", "text", "along", "pointer"),
    [
        ("jvp", "x*2", {"z": 1.0}, "/tangent/z"),
        ("jvp", "x*2", {}, "/tangent"),
        ("jvp", "x*2", {"x": [1.0, 2.0]}, "/tangent/x"),
        ("hvp", "sum(x)", {"x": 1.0}, "/vector/x"),
        ("hvp", "sum(x)*y[i]", {"i": 1.0}, "/vector/i"),
        ("vjp", "x*2", {"": 1.0}, "/cotangent"),
    ],
)
def test_directions_that_do_not_fit_are_refused(what: Ask, text: str, along: dict[str, Any], pointer: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        ask(what, text, {"x": X, "y": X, "i": 1}, along=along)
    assert caught.value.faults[0].pointer == pointer


def test_only_scalars_have_hessians() -> None:
    with pytest.raises(NotScalar):
        ask("hessian", "x^2", {"x": X})
    with pytest.raises(NotScalar):
        ask("hvp", "x^2", {"x": X}, along={"x": X})


def test_kinks_are_told_for_every_derivative() -> None:
    for what, along in (("jvp", {"x": 1.0}), ("vjp", {"": 1.0}), ("jacobian", {}), ("hessian", {})):
        answer = ask(what, "abs(x)", {"x": 0.0}, along=along)  # type: ignore[arg-type]
        assert [w.code for w in answer.warnings] == ["kink"]
