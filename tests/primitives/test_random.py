"""Random numbers: published vectors, the distributions that they should have, the same numbers by every road."""

from __future__ import annotations

from collections.abc import Mapping
from math import inf
from typing import Any

import mpmath
import numpy as np
import pytest
from scipy import special, stats

from engine.derive.batch import batched
from engine.errors import EngineError, ShapeMismatch, SyntaxFault, TypeMismatch
from engine.execute.compile import compile_graph
from engine.graph.build import Builder
from engine.graph.check import check
from engine.graph.types import Type
from engine.primitives import random_values
from engine.primitives.functions_random import random_normal, random_uniform
from engine.verify import precise, symbolic
from tests.asking import grad, value

ONES = 0xFFFFFFFF
VECTORS = [
    ((0, 0, 0, 0), (0, 0), (0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8)),
    ((ONES, ONES, ONES, ONES), (ONES, ONES), (0x408F276D, 0x41C83B0E, 0xA20BC7C6, 0x6D5451FD)),
    (
        (0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344),
        (0xA4093822, 0x299F31D0),
        (0xD16CFE09, 0x94FDCCEB, 0x5001E420, 0x24126EA1),
    ),
]


@pytest.mark.parametrize(("counter", "key", "words"), VECTORS)
def test_philox_gives_the_words_that_its_authors_published(counter: Any, key: Any, words: Any) -> None:
    assert random_values.philox(counter, key) == words
    arrays = random_values.philox(
        [np.full(3, w, dtype=np.uint64) for w in counter], [np.full(3, w, dtype=np.uint64) for w in key]
    )
    assert [a.tolist() for a in arrays] == [[w] * 3 for w in words]


@pytest.mark.parametrize("seed", [0, 1, -1, 2**40 + 5, -(2**63), 2**63 - 1])
@pytest.mark.parametrize("draw", [random_values.uniform, random_values.normal])
def test_few_numbers_and_many_are_the_same_numbers(draw: Any, seed: int) -> None:
    many = draw(np.int64(seed), shape=(20_000,))
    few = draw(np.int64(seed), shape=(random_values.FEW,))
    np.testing.assert_array_equal(few, many[: random_values.FEW])
    assert draw(np.int64(seed), shape=()) == many[0]
    np.testing.assert_array_equal(draw(np.int64(seed), shape=(200, 100)).ravel(), many)
    seeds = np.array([[seed, 3], [4, seed]])
    np.testing.assert_array_equal(draw(seeds, shape=(50,))[1, 1], many[:50])
    np.testing.assert_array_equal(draw(seeds, shape=(9000,))[0, 0], many[:9000])


def test_these_numbers_never_change() -> None:
    # A seed that someone has written down goes on meaning what it meant.
    assert [x.hex() for x in random_values.uniform(np.int64(1), shape=(2,))] == UNIFORM
    assert [x.hex() for x in random_values.normal(np.int64(1), shape=(2,))] == NORMAL


UNIFORM = ["0x1.c7d00ce1ca141p-1", "0x1.58102837bf8b9p-1"]
NORMAL = ["0x1.3a5827212ea90p+0", "0x1.c820d3008a01bp-2"]


def result(text: str, at: Mapping[str, Any] | None = None) -> Any:
    """The value of an expression."""
    return value(text, at).value


def tails() -> Any:
    powers = np.exp2(-np.arange(1.0, 55.0))
    return np.concatenate([powers, 1.0 - powers[:53], np.linspace(0.0625, 0.9375, 1001), [0.075, 0.925, 1.4e-11]])


def test_the_inverse_normal_distribution_function_is_that_of_mathematics() -> None:
    u = tails()
    found = random_values.standard_normal(u)
    np.testing.assert_allclose(found, special.ndtri(u), rtol=2e-15, atol=0)
    with mpmath.workdps(40):
        for x, y in zip(u.tolist(), found.tolist(), strict=True):
            true = mpmath.sqrt(2) * mpmath.erfinv(2 * mpmath.mpf(x) - 1)
            assert abs(y - true) <= 1e-15 * abs(true), x


def test_uniform_numbers_are_never_0_or_1(monkeypatch: pytest.MonkeyPatch) -> None:
    zero = random_values.philox
    monkeypatch.setattr(random_values, "philox", lambda counter, key: [w * 0 for w in zero(counter, key)])
    for shape in ((3,), (100,)):
        assert set(random_values.uniform(np.int64(1), shape=shape).tolist()) == {2.0**-54}
        assert np.all(np.isfinite(random_values.normal(np.int64(1), shape=shape)))
    monkeypatch.setattr(random_values, "philox", lambda counter, key: [w * 0 + ONES for w in zero(counter, key)])
    for shape in ((3,), (100,)):
        assert set(random_values.uniform(np.int64(1), shape=shape).tolist()) == {1.0 - 2.0**-53}
        assert np.all(np.isfinite(random_values.normal(np.int64(1), shape=shape)))


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_numbers_have_the_distribution_that_they_should_have(seed: int) -> None:
    u, z = (draw(np.int64(seed), shape=(100_000,)) for draw in (random_values.uniform, random_values.normal))
    assert stats.kstest(u, "uniform").pvalue > 1e-4
    assert stats.kstest(z, "norm").pvalue > 1e-4
    # Neighbouring positions, and neighbouring seeds.
    assert abs(np.corrcoef(u[1:], u[:-1])[0, 1]) < 0.02
    assert abs(np.corrcoef(u, random_values.uniform(np.int64(seed + 1), shape=(100_000,)))[0, 1]) < 0.02


@pytest.mark.parametrize("primitive", [random_uniform, random_normal])
def test_witnesses_and_batches_see_the_same_numbers(primitive: Any) -> None:
    with Builder() as builder:
        seed = builder.input(Type("int", (2,)))
        graph = builder.finish([primitive(seed, shape=(3, 2))])
    check(graph)
    seeds = np.array([5, -6])
    (found,), *_ = compile_graph(graph)([seeds])
    assert found.shape == (2, 3, 2)
    (exact,) = precise.evaluate(graph, [seeds], precise.context(50))
    assert exact.dtype == object
    np.testing.assert_array_equal(exact.astype(np.float64), found)
    with pytest.raises(symbolic.NoTwin):
        symbolic.expressions(graph)
    many, _ = batched(graph, [True], 3)
    check(many)
    (each,), *_ = compile_graph(many)([np.stack([seeds, seeds + 1, seeds])])
    np.testing.assert_array_equal(each[0], found)
    np.testing.assert_array_equal(each[2], found)
    assert not np.any(each[1] == found)


def test_a_seed_may_be_computed() -> None:
    whole = result("random.uniform(s + [0, 1, 2])", {"s": 4})
    for i in range(3):
        assert result("random.uniform(4 + i)", {"i": i}) == whole[i]
    assert result("random.uniform(int(x))", {"x": 4.75}) == whole[0]


def test_derivatives_are_those_of_location_and_scale() -> None:
    at = {"m": 0.5, "s": [1.0, 2.0, 3.0]}
    z = random_values.normal(np.int64(9), shape=(3,))
    found = grad("sum(random.normal(9, mean=m, std=s)^2)", at).grad
    assert found is not None
    draws = 0.5 + z * at["s"]
    np.testing.assert_allclose(found["m"], np.sum(2 * draws), rtol=1e-14)
    np.testing.assert_allclose(found["s"], 2 * draws * z, rtol=1e-14)
    u = random_values.uniform(np.int64(9), shape=())
    found = grad("random.uniform(9, low=a, high=b)", {"a": 1.0, "b": 3.0}).grad
    assert found is not None
    np.testing.assert_allclose([found["a"], found["b"]], [1 - u, u], rtol=1e-14)


def test_parameters_have_the_shape_or_fit_it() -> None:
    assert result("random.normal(1, mean=[1, 2, 3])").shape == (3,)
    assert result("random.normal(1, (2, 3), mean=[1, 2, 3])").shape == (2, 3)
    assert result("random.normal([1, 2, 3], mean=[1, 2, 3])").shape == (3,)
    assert result("random.uniform(1, (0,))").shape == (0,)


def test_bernoulli_has_its_ends_and_refuses_to_invent_others() -> None:
    assert np.all(result("random.bernoulli(1, 1, 1000)") == 1)
    assert np.all(result("random.bernoulli(1, 0, 1000)") == 0)
    assert abs(np.mean(result("random.bernoulli(1, 0.3, 10000)")) - 0.3) < 0.02
    found = result("random.bernoulli(1, [-0.1, 0.5, 1.1, p])", {"p": inf})
    assert np.isnan(found).tolist() == [True, False, True, True]
    answer = grad("sum(random.bernoulli(1, p, 5))", {"p": 0.5})
    assert answer.grad is not None
    assert answer.grad["p"] == 0


@pytest.mark.parametrize(
    ("text", "at", "error"),
    [
        ("random.uniform(x > 1)", {"x": 1.0}, TypeMismatch),
        ("random.uniform(x*1.0)", {"x": 1}, TypeMismatch),
        ("random.uniform(x)", {"x": 1.5}, EngineError),
        ("random.normal(1, 2, mean=[1, 2, 3])", {}, ShapeMismatch),
        ("random.normal(1, (3,), mean=[[1, 2, 3], [4, 5, 6]])", {}, ShapeMismatch),
        ("random.normal([1, 2], mean=[1, 2, 3])", {}, ShapeMismatch),
        ("random.uniform()", {}, SyntaxFault),
        ("random.uniform(1, (-1,))", {}, ShapeMismatch),
    ],
)
def test_refusals(text: str, at: dict[str, Any], error: type[EngineError]) -> None:
    with pytest.raises(error):
        value(text, at)
