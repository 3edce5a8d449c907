"""What parameters begin as: the distributions of torch.nn.init, as far as so many numbers can tell."""

from __future__ import annotations

from collections.abc import Mapping
from math import prod, sqrt
from typing import Any

import numpy as np
import pytest
from scipy import stats

from engine.graph.types import Array
from engine.limits import Limits
from engine.models.fields import Named
from engine.models.initialisers import INITIALISERS, drawn, fans
from engine.models.read import read_model

DENSE, CONV = (300, 200), (3, 5, 40, 50)
FANS = {DENSE: (300, 200), CONV: (3 * 5 * 40, 3 * 5 * 50)}
"""fan_in and fan_out as torch counts them: of numbers that an output is made of, and that an input goes into."""
SIGMAS = 5.0
"""How far from its mean a statistic may be, in its standard deviations: further by chance once in 2 million times."""


def made(name: str, shape: tuple[int, ...], seed: int = 1, **options: Any) -> Array:
    defaults = {field.name: field.default for field in INITIALISERS[name].fields}
    return drawn(Named(name, {**defaults, **options}), seed, shape, fans(shape))


def variance(name: str, fan_in: int, fan_out: int) -> float:
    """The closed forms of torch.nn.init: xavier_ and kaiming_ with the gain of relu; and LeCun's, kaiming_ with 1."""
    return {"glorot": 2 / (fan_in + fan_out), "he": 2 / fan_in, "lecun": 1 / fan_in}[name]


@pytest.mark.parametrize("gain", [1.0, 5 / 3])
@pytest.mark.parametrize("shape", [DENSE, CONV])
@pytest.mark.parametrize("kind", ["uniform", "normal"])
@pytest.mark.parametrize("name", ["glorot", "he", "lecun"])
def test_mean_deviation_bounds_and_distribution_are_those_of_torch(
    name: str, kind: str, shape: tuple[int, ...], gain: float
) -> None:
    found, n = np.ravel(made(f"{name}_{kind}", shape, gain=gain)), prod(shape)
    std = gain * sqrt(variance(name, *FANS[shape]))
    assert abs(np.mean(found)) <= SIGMAS * std / sqrt(n)
    # The variance of a sample varies by the fourth moment: 9/5 of the square of the second, and 3 times it.
    kurtosis = {"uniform": 1.8, "normal": 3.0}[kind]
    assert abs(np.mean(found**2) / std**2 - 1) <= SIGMAS * sqrt((kurtosis - 1) / n)
    bound = sqrt(3) * std
    if kind == "uniform":
        assert bound * (1 - 40 / n) <= np.max(np.abs(found)) <= bound
    law = stats.uniform(-bound, 2 * bound) if kind == "uniform" else stats.norm(0, std)
    assert stats.kstest(found, law.cdf).pvalue > 1e-6


@pytest.mark.parametrize("shape", [(40, 40), (24, 60), (60, 24), (3, 5, 8, 16), (1, 1), (1, 7)])
def test_orthogonal_rows_or_columns_are_orthonormal(shape: tuple[int, ...]) -> None:
    matrix = made("orthogonal", shape, gain=2.0).reshape(-1, shape[-1]) / 2.0
    product = matrix @ matrix.T if matrix.shape[0] <= matrix.shape[1] else matrix.T @ matrix
    assert np.max(np.abs(product - np.eye(len(product)))) <= 1e-14


def test_orthogonal_matrices_favour_no_direction() -> None:
    """A component of a random unit vector in n dimensions: its square is of a beta distribution."""
    n = 4
    found = np.array([made("orthogonal", (n, n), seed) for seed in range(400)])
    law = stats.beta(0.5, (n - 1) / 2)
    for i, j in np.ndindex(n, n):
        assert stats.kstest(found[:, i, j] ** 2, law.cdf).pvalue > 1e-6
        assert stats.binomtest(int(np.sum(found[:, i, j] > 0)), len(found)).pvalue > 1e-6


@pytest.mark.parametrize(
    ("name", "options", "expected"),
    [
        ("zeros", {}, np.zeros((2, 3))),
        ("ones", {}, np.ones((2, 3))),
        ("constant", {"value": -2.5}, np.full((2, 3), -2.5)),
        ("identity", {"gain": 3.0}, [[3, 0, 0], [0, 3, 0]]),
    ],
)
def test_what_is_not_drawn(name: str, options: Mapping[str, Any], expected: Any) -> None:
    assert made(name, (2, 3), **options).tolist() == np.asarray(expected).tolist()


def test_uniform_and_normal_are_what_they_say() -> None:
    low, high = made("uniform", DENSE, low=2.0, high=3.0), made("normal", DENSE, mean=-1.0, std=0.25)
    assert stats.kstest(np.ravel(low), stats.uniform(2.0, 1.0).cdf).pvalue > 1e-6
    assert stats.kstest(np.ravel(high), stats.norm(-1.0, 0.25).cdf).pvalue > 1e-6


def test_arrays_are_independent_of_each_other_and_depend_on_the_seed_alone() -> None:
    layers = [{"type": "dense", "units": 100}, {"type": "dense", "units": 100}]
    model = read_model({"input": {"shape": [100]}, "layers": layers, "loss": "mse"}, Limits())
    first, again, other = model.initial(1), model.initial(1), model.initial(2)
    kernels = [np.ravel(found[f"dense_{k}_kernel"]) for found in (first, other) for k in (1, 2)]
    correlations = np.corrcoef(kernels) - np.eye(4)
    assert np.max(np.abs(correlations)) <= SIGMAS / sqrt(kernels[0].size)
    assert all(first[name].tobytes() == again[name].tobytes() for name in first)


def test_the_bits_are_the_same_everywhere() -> None:
    found = [float(np.ravel(made(name, (3, 2), seed=7))[4]).hex() for name in ("glorot_uniform", "he_normal")]
    assert found == ["-0x1.d74a06d5d2948p-2", "-0x1.cedaec056b347p-2"]
    assert float(made("orthogonal", (3, 2), seed=7)[2, 1]).hex() == "-0x1.76fd8e22e5c24p-1"


def test_every_initialiser_is_here() -> None:
    scaled = {f"{name}_{kind}" for name in ("glorot", "he", "lecun") for kind in ("uniform", "normal")}
    assert set(INITIALISERS) == scaled | {"orthogonal", "zeros", "ones", "constant", "identity", "uniform", "normal"}
