"""Hessian-vector products of weighted sums of the results: `/hvp` with a cotangent."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from engine.errors import InvalidRequest
from tests.test_asks import ask

AT: dict[str, Any] = {"a": 1.5, "x": np.array([1.0, -2.0, 0.5])}
W = np.array([0.5, -1.0, 2.0])
V = {"x": np.array([1.0, 0.25, -2.0]), "a": 0.5}


def close(found: Any, expected: Any) -> None:
    np.testing.assert_allclose(found, expected, rtol=1e-13, atol=1e-14)


def test_it_is_the_product_of_the_hessian_of_the_weighted_sum() -> None:
    answer = ask("hvp", "a^2*x^3", AT, along={**V, "": W})
    same = ask("hvp", "sum(w*a^2*x^3)", {**AT, "w": W}, along=V)
    np.testing.assert_array_equal(answer.value, 2.25 * AT["x"] ** 3)
    for part in ("grad", "hvp"):
        assert answer.parts[part].keys() == {"x", "a"}
        for name in ("x", "a"):
            close(answer.parts[part][name], same.parts[part][name])


def test_several_outputs_have_a_weight_each() -> None:
    answer = ask("hvp", "a*x^2, sin(a)*sum(x)", AT, along={"0": W, **V, "1": 3.0})
    same = ask("hvp", "sum(w*a*x^2) + 3*sin(a)*sum(x)", {**AT, "w": W}, along=V)
    assert type(answer.value) is tuple
    for part in ("grad", "hvp"):
        for name in ("x", "a"):
            close(answer.parts[part][name], same.parts[part][name])


def test_a_scalar_may_be_weighted_too() -> None:
    answer = ask("hvp", "sum(x^3)", AT, along={"": 2.0, "x": V["x"]})
    close(answer.parts["hvp"]["x"], 12 * AT["x"] * V["x"])


@pytest.mark.parametrize("batch", [False, ("x",)])
def test_several_vectors_share_the_cotangent(batch: Any) -> None:
    x = np.stack([AT["x"], 2 * AT["x"]]) if batch else AT["x"]
    at = {"a": 1.5, "x": x}
    vectors = np.random.default_rng(1).uniform(-1, 1, (4, *x.shape))
    w = np.stack([W, W[::-1]]) if batch else W
    answer = ask("hvp", "a*x^3", at, along={"x": vectors, "": w}, many=True, batch=batch)
    close(answer.parts["hvp"]["x"], 6 * 1.5 * w * x * vectors)
    close(answer.parts["grad"]["x"], 3 * 1.5 * w * x**2)


def test_a_value_that_is_nan_counts_only_where_its_weight_does() -> None:
    at = {"x": [-1.0, 1.0]}
    kept = ask("hvp", "log(x)", at, along={"": [0.0, 1.0], "x": np.ones((3, 2))}, many=True)
    np.testing.assert_array_equal(kept.parts["hvp"]["x"], [[0.0, -1.0]] * 3)
    lost = ask("hvp", "log(x)", at, along={"": [1.0, 1.0], "x": np.ones((3, 2))}, many=True)
    assert np.all(np.isnan(lost.parts["hvp"]["x"]))
    assert np.all(np.isnan(lost.parts["grad"]["x"]))


@pytest.mark.parametrize(
    ("text", "along", "many", "pointer"),
    [
        ("x^2", {"": [1.0, 2.0], "x": [1.0, 1.0, 1.0]}, False, "/cotangent"),
        ("x^2, a", {"0": W, "1": [1.0], "x": [1.0, 1.0, 1.0]}, False, "/cotangent/1"),
        ("x^2, a", {"": W, "x": [1.0, 1.0, 1.0]}, False, "/cotangent"),
        ("x^2", {"": [W, W], "x": [[1.0, 1.0, 1.0]] * 2}, True, "/cotangent"),
        ("x^2", {"": W, "x": [[1.0, 1.0]] * 2}, True, "/vectors/0/x"),
        ("x^2", {"": W}, False, "/vector"),
    ],
)
def test_what_does_not_fit_is_refused(text: str, along: dict[str, Any], many: bool, pointer: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        ask("hvp", text, AT, along=along, many=many)
    assert caught.value.faults[0].pointer == pointer
