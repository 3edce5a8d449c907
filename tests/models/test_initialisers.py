"""What parameters begin as: distributions, shapes that are special, the same bits everywhere; and what holds them."""

from __future__ import annotations

from math import sqrt
from typing import Any

import numpy as np
import pytest

from engine.graph.types import Array, Shape
from engine.models.constraints import CONSTRAINTS
from engine.models.fields import Wrong
from engine.models.initialisers import INITIALISERS, drawn, fans, stream
from engine.models.weights import Chosen, weight_field
from tests.models.running import answer, faults, model

SHAPE = (3, 3, 40, 60)
IN, OUT = 9 * 40, 9 * 60


def _chosen(value: Any, init: Any = "zeros") -> Chosen:
    found = weight_field("kernel", init, "").read(value)
    assert isinstance(found, Chosen)
    return found


def _drawn(value: Any, shape: Shape = SHAPE, seed: int = 0) -> Array:
    return drawn(_chosen(value).init, seed, shape, fans(shape))


SCALED = [
    ("glorot", 2 / (IN + OUT)),
    ("he", 2 / IN),
    ("lecun", 1 / IN),
]


def test_fans_are_those_of_keras_and_pytorch() -> None:
    assert fans((5, 7)) == (5, 7)
    assert fans((3, 2, 5, 7)) == (30, 42)
    assert fans((4,)) == (4, 4)


@pytest.mark.parametrize("inside", [1, 2, 4])
def test_fans_of_groups(inside: int) -> None:
    groups = 4 // inside
    read = model([9, 4], {"type": "conv1d", "filters": 8, "size": 3, "groups": groups})
    kernel = read.initial(0)["conv1d_1_kernel"]
    bound = sqrt(6 / (3 * inside + 3 * 8))
    assert kernel.shape == (3, inside, 8)
    assert 0.8 * bound < np.max(np.abs(kernel)) <= bound


@pytest.mark.parametrize(("name", "variance"), SCALED)
@pytest.mark.parametrize("gain", [1.0, 2.5])
def test_uniform_with_a_variance(name: str, variance: float, gain: float) -> None:
    found = _drawn({"name": f"{name}_uniform", "gain": gain})
    bound = gain * sqrt(3 * variance)
    assert np.max(np.abs(found)) <= bound
    assert np.max(found) == pytest.approx(bound, rel=1e-3)
    assert np.min(found) == pytest.approx(-bound, rel=1e-3)
    # Four standard errors: of the mean, and of the variance of uniform numbers (kurtosis 9/5).
    size = found.size
    assert abs(np.mean(found)) < 4 * gain * sqrt(variance / size)
    assert abs(np.var(found) / (gain**2 * variance) - 1) < 4 * sqrt(0.8 / size)


@pytest.mark.parametrize(("name", "variance"), SCALED)
@pytest.mark.parametrize("gain", [1.0, 0.5])
def test_normal_with_a_variance(name: str, variance: float, gain: float) -> None:
    found = _drawn({"name": f"{name}_normal", "gain": gain}) / (gain * sqrt(variance))
    _is_normal(found)


def _is_normal(found: Array) -> None:
    assert abs(np.mean(found)) < 4 / sqrt(found.size)
    assert abs(np.var(found) - 1) < 4 * sqrt(2 / found.size)
    assert abs(np.mean(found**4) - 3) < 4 * sqrt(96 / found.size)
    # Not truncated.
    assert 3.5 < np.max(np.abs(found)) < 6.5


def test_plain_distributions() -> None:
    _is_normal((_drawn({"name": "normal", "mean": 2, "std": 0.1}) - 2) / 0.1)
    found = _drawn({"name": "uniform", "low": -1, "high": 3})
    assert -1 <= np.min(found) < -0.999
    assert 2.999 < np.max(found) < 3
    assert abs(np.mean(found) - 1) < 4 * sqrt(16 / 12 / found.size)


@pytest.mark.parametrize("shape", [(5, 5), (3, 8), (8, 3), (2, 3, 4), (1, 1), (40, 30), (7, 1)])
@pytest.mark.parametrize("gain", [1.0, 2.0])
def test_orthogonal(shape: Shape, gain: float) -> None:
    matrix = _drawn({"name": "orthogonal", "gain": gain}, shape, 3).reshape(-1, shape[-1]) / gain
    few = matrix @ matrix.T if len(matrix) <= shape[-1] else matrix.T @ matrix
    np.testing.assert_allclose(few, np.eye(len(few)), rtol=0, atol=1e-14)


def test_orthogonal_turns_in_both_directions() -> None:
    signs = {int(np.sign(np.linalg.det(_drawn("orthogonal", (3, 3), seed)))) for seed in range(20)}
    assert signs == {-1, 1}


def test_identity_and_constants() -> None:
    np.testing.assert_array_equal(_drawn({"name": "identity", "gain": 3}, (2, 3)), [[3, 0, 0], [0, 3, 0]])
    for name, value in (("zeros", 0.0), ("ones", 1.0), ("constant", 0.25)):
        chosen = {"name": name, "value": 0.25} if name == "constant" else name
        np.testing.assert_array_equal(_drawn(chosen, (2, 3)), np.full((2, 3), value))


def test_seeds_and_names() -> None:
    assert stream(0, "a") != stream(1, "a")
    assert stream(0, "a", 1) != stream(0, "a", 2)
    assert 0 <= stream(0, "a") < 2**53
    read = model([4], {"type": "dense", "units": 4}, {"type": "dense", "units": 4})
    one, other = read.initial(0), read.initial(1)
    np.testing.assert_array_equal(one["dense_1_kernel"], read.initial(0)["dense_1_kernel"])
    assert np.all(one["dense_1_kernel"] != one["dense_2_kernel"])
    assert np.all(one["dense_1_kernel"] != other["dense_1_kernel"])


GOLDEN = {
    "glorot_normal": ["0x1.76f76e2db2802p-2", "-0x1.86c940d98d6acp-2", "0x1.49d2354fbd97ep-1"],
    "glorot_uniform": ["0x1.db5fa54818fccp-2", "-0x1.ebe72d5dba5f1p-2", "0x1.63c79352a2cd9p-1"],
    "he_normal": ["0x1.3228acb9a21d5p-1", "-0x1.3f13575e9883dp-1", "0x1.0d4c3e0a81d96p+0"],
    "he_uniform": ["0x1.8424141d482fdp-1", "-0x1.91a31c114d56dp-1", "0x1.227e2976f6e45p+0"],
    "lecun_normal": ["0x1.b0f95b396ecedp-2", "-0x1.c33db066c70f8p-2", "0x1.7cd839c8e3cc5p-1"],
    "lecun_uniform": ["0x1.12750386119f0p-1", "-0x1.1c0016f40b1b2p-1", "0x1.9ad1a284fce50p-1"],
    "normal": ["0x1.2bf924f15b99bp-5", "-0x1.38a100ae0abbdp-5", "0x1.07db5dd964798p-4"],
    "orthogonal": ["0x1.337f59784a47bp-2", "-0x1.19a1530046de5p-2", "-0x1.c3758e9a19081p-7"],
    "uniform": ["0x1.b7219f3ce8fe8p-6", "-0x1.c6668b2011c50p-6", "0x1.48a7b53730b74p-5"],
}
"""The first number, one in the middle, and the last."""


@pytest.mark.parametrize("name", sorted(name for name, record in INITIALISERS.items() if record.random))
def test_the_same_bits_everywhere(name: str) -> None:
    found = _drawn(name, (3, 5), 20)
    assert [number.hex() for number in found.ravel()[[0, 7, 14]].tolist()] == GOLDEN[name]


SETS = [
    ({"name": "positive"}, lambda v: np.all(v >= 0.0)),
    ({"name": "bounded"}, lambda v: np.all((v >= 0.0) & (v <= 1.0))),
    ({"name": "bounded", "low": -0.1, "high": 0.7}, lambda v: np.all((v >= -0.1) & (v <= 0.7))),
    ({"name": "bounded", "low": -0.7, "high": 0.4}, lambda v: np.all((v >= -0.7) & (v <= 0.4))),
    ({"name": "bounded", "low": 1e10, "high": 1e10 + 0.1}, lambda v: np.all((v >= 1e10) & (v <= 1e10 + 0.1))),
    ({"name": "bounded", "low": -1e16, "high": 1 / 3}, lambda v: np.all((v >= -1e16) & (v <= 1 / 3))),
    ({"name": "simplex"}, lambda v: np.all(v >= 0.0) and np.allclose(np.sum(v, axis=-1), 1.0, rtol=0, atol=1e-15)),
]


@pytest.mark.parametrize(("given", "contains"), SETS)
def test_constraints_hold(given: Any, contains: Any) -> None:
    chosen = _chosen({"constraint": given}).constraint
    assert chosen is not None
    constraint = CONSTRAINTS[chosen.name]
    free = np.concatenate([np.random.default_rng(0).normal(size=(200, 4)) * 10, [[-800.0, 800, 0, 40]]])
    values = constraint.values(free, chosen.options)
    assert contains(values)
    text = f"def f(w):\n    return {constraint.text('w', chosen.options)}\n"
    computed = np.asarray(answer(text, {"w": free}).value)
    assert contains(computed)
    # Where the ends are far from 0, so are the numbers that are added.
    ends = [abs(chosen.options.get(end, 0.0)) for end in ("low", "high")]
    np.testing.assert_allclose(computed, values, rtol=1e-13, atol=4 * np.spacing(max(ends)))


@pytest.mark.parametrize(("given", "values"), [
    ({"name": "positive"}, [1e-300, 1e-8, 0.5, 1.0, 40.0, 1e8]),
    ({"name": "bounded", "low": -2, "high": 3}, [-1.999, -1.0, 0.0, 0.5, 2.999]),
    ({"name": "simplex"}, [0.1, 0.2, 0.3, 0.4]),
    ({"name": "simplex"}, [1e-200, 0.5, 0.25, 0.25]),
])  # fmt: skip
def test_inverse(given: Any, values: list[float]) -> None:
    chosen = _chosen({"constraint": given}).constraint
    assert chosen is not None
    constraint = CONSTRAINTS[chosen.name]
    free = constraint.inverse(np.array(values), chosen.options)
    np.testing.assert_allclose(constraint.values(free, chosen.options), values, rtol=1e-13)


@pytest.mark.parametrize(("given", "values"), [
    ({"name": "positive"}, [0.0, -1.0]),
    ({"name": "bounded"}, [0.0, 1.0, -0.5, 1.5]),
    ({"name": "simplex"}, [0.0, 1.0]),
])  # fmt: skip
def test_what_is_not_in_the_set(given: Any, values: list[float]) -> None:
    chosen = _chosen({"constraint": given}).constraint
    assert chosen is not None
    free = CONSTRAINTS[chosen.name].inverse(np.array(values), chosen.options)
    assert not np.all(np.isfinite(free))


def test_a_model_begins_with_what_was_said() -> None:
    weight = {"init": {"name": "constant", "value": 2}, "constraint": "positive"}
    read = model([3], {"type": "dense", "units": 2, "kernel": weight})
    (kernel, _) = read.parameters
    free = read.initial(0)["dense_1_kernel_free"]
    np.testing.assert_allclose(kernel.values(free), np.full((3, 2), 2.0), rtol=1e-15)


def test_constraints_that_cannot_be_met() -> None:
    def definition(weight: Any) -> Any:
        layers = [{"type": "dense", "units": 2, "kernel": weight}]
        return {"input": {"shape": [3]}, "layers": layers, "loss": "mse"}

    begin = {"init": {"name": "constant", "value": 2}, "constraint": "bounded"}
    assert faults(definition(begin))[0][0] == "/layers/0/kernel"
    ends = {"constraint": {"name": "bounded", "low": 1, "high": 1}}
    assert faults(definition(ends)) == [("/layers/0/kernel/constraint/low", "`low` has to be below `high`.")]


def test_null_is_the_default() -> None:
    assert _chosen({"init": None, "l1": None}, "he_normal").init.name == "he_normal"
    assert _chosen(True, "he_normal").init.name == "he_normal"


@pytest.mark.parametrize("value", [3, [], {"init": 3}, {"init": {"name": "normal", "std": -1}}, "no", {"l2": -1}])
def test_what_no_array_can_be(value: Any) -> None:
    with pytest.raises(Wrong):
        _chosen(value)
