"""Sliding windows and their transpose: each against loops, against the other, and in every derivative."""

from __future__ import annotations

from itertools import product
from typing import Any

import mpmath
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.derive.batch import batched
from engine.derive.forward import jvp
from engine.derive.reverse import vjp
from engine.derive.sparsity import patterns
from engine.execute.compile import compile_graph
from engine.execute.ownership import ownership
from engine.graph.build import Builder
from engine.graph.check import check
from engine.graph.types import Type
from engine.graph.values import Graph
from engine.primitives import sliding
from engine.primitives.arithmetic import square
from engine.primitives.regions import put
from engine.verify.demand import demand


@st.composite
def slides(draw: st.DrawFn) -> tuple[tuple[int, ...], dict[str, Any]]:
    """A shape, and parameters of windows that fit into it."""
    rank = draw(st.integers(1, 3))
    count = draw(st.integers(1, min(rank, 2)))
    axes = tuple(draw(st.permutations(range(rank)))[:count])
    sizes, strides, dilations = (tuple(draw(st.integers(1, 3)) for _ in axes) for _ in range(3))
    shape = [draw(st.integers(1, 3)) for _ in range(rank)]
    for axis, size, dilation in zip(axes, sizes, dilations, strict=True):
        shape[axis] = sliding.extent(size, dilation) + draw(st.integers(0, 4))
    return tuple(shape), {"axes": axes, "sizes": sizes, "strides": strides, "dilations": dilations}


def by_hand(x: Any, params: dict[str, Any]) -> Any:
    """The windows, one element after the other."""
    axes, sizes = params["axes"], params["sizes"]
    shape = list(x.shape)
    for a, size, stride, dilation in zip(axes, sizes, params["strides"], params["dilations"], strict=True):
        shape[a] = len(range(0, x.shape[a] - (size - 1) * dilation, stride))
    found = np.empty((*shape, *sizes), dtype=x.dtype)
    for place in np.ndindex(*found.shape):
        at = list(place[: x.ndim])
        for i, axis in enumerate(axes):
            at[axis] = place[axis] * params["strides"][i] + place[x.ndim + i] * params["dilations"][i]
        found[place] = x[tuple(at)]
    return found


def drawn(shape: tuple[int, ...]) -> Any:
    return np.random.default_rng(len(shape) + sum(shape)).normal(size=shape)


def graph_of(shape: tuple[int, ...], params: dict[str, Any]) -> Graph:
    with Builder() as builder:
        graph = builder.finish([sliding.windows(builder.input(Type("real", shape)), **params)])
    check(graph)
    return graph


def run(graph: Graph, *arguments: Any) -> list[Any]:
    check(graph)
    return compile_graph(graph)(list(arguments))[0]


@settings(max_examples=150, deadline=None)
@given(slide=slides())
def test_windows_are_those_of_a_loop(slide: tuple[tuple[int, ...], dict[str, Any]]) -> None:
    shape, params = slide
    x = drawn(shape)
    np.testing.assert_array_equal(run(graph_of(shape, params), x)[0], by_hand(x, params))
    numbers = np.vectorize(mpmath.mpf, otypes=[object])(x)
    np.testing.assert_array_equal(sliding.windows.value(numbers, **params), by_hand(numbers, params))


@settings(max_examples=150, deadline=None)
@given(slide=slides())
def test_derivatives_are_each_others_transposes(slide: tuple[tuple[int, ...], dict[str, Any]]) -> None:
    shape, params = slide
    graph = graph_of(shape, params)
    x, v = drawn(shape), drawn(shape) + 1.0
    tangent = run(jvp(graph, [0]), x, v)[1]
    np.testing.assert_array_equal(tangent, by_hand(v, params))
    u = drawn(tangent.shape)
    pulled = run(vjp(graph, [0]), x, u)[1]
    np.testing.assert_allclose(np.vdot(u, tangent), np.vdot(pulled, v), rtol=1e-12, atol=1e-12)
    expected = np.zeros(shape)
    np.add.at(expected, tuple(by_hand(at, params) for at in np.indices(shape)), u)
    np.testing.assert_allclose(pulled, expected, rtol=1e-13, atol=1e-14)
    # The transpose of the transpose: windows again.
    back = vjp(graph, [0])
    again = run(vjp(back, [1]), x, u, np.zeros(tangent.shape), v)[2]
    np.testing.assert_array_equal(again, by_hand(v, params))


@settings(max_examples=60, deadline=None)
@given(slide=slides())
def test_many_points_at_once(slide: tuple[tuple[int, ...], dict[str, Any]]) -> None:
    shape, params = slide
    both = vjp(graph_of(shape, params), [0])
    together, _ = batched(both, [True, True], 3)
    xs = np.stack([drawn(shape) + k for k in range(3)])
    us = np.stack([drawn(both.inputs[1].shape) - k for k in range(3)])
    found = run(together, xs, us)
    for k in range(3):
        for one, alone in zip(found, run(both, xs[k], us[k]), strict=True):
            np.testing.assert_array_equal(one[k], alone)


@settings(max_examples=60, deadline=None)
@given(slide=slides())
def test_what_depends_on_what(slide: tuple[tuple[int, ...], dict[str, Any]]) -> None:
    """Of windows and of what puts them back: the exact pattern, and what is needed of the arguments for an element."""
    shape, params = slide
    graph = graph_of(shape, params)
    places = by_hand(np.arange(int(np.prod(shape))).reshape(shape), params)
    matrix = places.reshape(-1, 1) == np.arange(int(np.prod(shape)))
    back = vjp(graph, [0])
    for found, at, expected in ((graph, 0, matrix), (back, 1, matrix.T)):
        pattern = patterns(found, [at], 10**6)
        assert pattern is not None
        np.testing.assert_array_equal(pattern[-1].toarray(), expected)
        for row in range(0, len(expected), 3):
            wanted = [np.zeros(v.shape, dtype=bool) for v in found.outputs]
            wanted[-1].flat[row] = True
            needed = demand(found, wanted).get(found.inputs[at], np.zeros(found.inputs[at].shape))
            np.testing.assert_array_equal(np.ravel(needed), expected[row])


def test_windows_are_a_view_that_nobody_writes_to() -> None:
    x = np.arange(6.0)
    found = sliding.windows.value(x, axes=(0,), sizes=(3,), strides=(1,), dilations=(1,))
    assert np.shares_memory(found, x)
    assert not found.flags.writeable
    with Builder() as builder:
        own = square(builder.input(Type("real", (6,))))
        slid = sliding.windows(own, axes=(0,), sizes=(3,), strides=(1,), dilations=(1,))
        graph = builder.finish([put(slid, builder.input(Type("real", (1, 1))), region=((1, 1, 1), (0, 1, 1)))])
    assert not ownership(graph).in_place
    expected = found**2
    expected[1, 0] = 7.0
    np.testing.assert_array_equal(run(graph, x, np.array([[7.0]]))[0], expected)


@pytest.mark.parametrize(("n", "size"), [(40, 3), (40, 38), (9, 9)])
def test_few_windows_are_put_back_one_by_one(n: int, size: int) -> None:
    params = {"axes": (0,), "strides": (1,), "dilations": (1,)}
    x = drawn((n - size + 1, 2, size))
    expected = np.zeros((n, 2))
    for k, i in product(range(len(x)), range(size)):
        expected[k + i] += x[k, :, i]
    found = sliding.overlap_add.value(x, shape=(n, 2), **params)
    np.testing.assert_allclose(found, expected, rtol=1e-13, atol=1e-14)
