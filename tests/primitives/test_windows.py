"""Convolution and pooling against loops, recorded results of PyTorch, closed forms, and what they refuse."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.errors import EngineError, LimitExceeded, ShapeMismatch, TypeMismatch
from engine.primitives import sliding_plain
from engine.primitives.table import FUNCTIONS
from engine.question import Question
from tests.asking import ENGINE, budget, grad, value

PLAIN_POOLS: dict[str, Callable[..., Any]] = {"max": np.max, "mean": np.mean}


def drawn(*shape: int) -> Any:
    return np.random.default_rng(sum(shape) + 7 * len(shape)).normal(size=shape)


@st.composite
def convolutions(draw: st.DrawFn) -> tuple[int, Any, Any, dict[str, Any]]:
    """The number of axes, x, a kernel that fits, and the static arguments."""
    count = draw(st.integers(1, 2))
    groups, own, per = (draw(st.integers(1, 2)) for _ in range(3))
    sizes = [draw(st.integers(1, 3)) for _ in range(count)]
    dilation = tuple(draw(st.integers(1, 2)) for _ in sizes)
    pairs = st.tuples(st.integers(0, 2), st.integers(0, 2))
    forms = [st.sampled_from(["valid", "same"]), st.integers(0, 2), st.tuples(*[pairs] * count)]
    padding = draw(st.one_of(*forms, *([st.just("causal")] if count == 1 else [])))
    lengths = [(size - 1) * d + 1 + draw(st.integers(0, 3)) for size, d in zip(sizes, dilation, strict=True)]
    lead = draw(st.sampled_from([(), (2,), (2, 1)]))
    static = {"stride": tuple(draw(st.integers(1, 3)) for _ in sizes), "padding": padding, "dilation": dilation}
    x, kernel = drawn(*lead, *lengths, groups * own), drawn(*sizes, own, groups * per)
    return count, x, kernel, {**static, "groups": groups}


def asked(name: str, static: dict[str, Any], *arguments: str) -> str:
    """The call as a client writes it."""
    words = [f'{key}="{v}"' if isinstance(v, str) else f"{key}={v}" for key, v in static.items()]
    return f"{name}({', '.join([*arguments, *words])})"


@settings(max_examples=150, deadline=None)
@given(case=convolutions())
def test_convolution_and_its_gradient_are_those_of_a_loop(case: tuple[int, Any, Any, dict[str, Any]]) -> None:
    count, x, w, static = case
    plain = sliding_plain.convolution(count)
    text = asked(f"conv{count}d", static, "x", "w")
    expected = plain(x, w, **static)
    found = value(text, {"x": x, "w": w}).value
    np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-12)
    u = drawn(*expected.shape)
    answer = grad(f"sum(u*{text})", {"x": x, "w": w, "u": u}, wrt=("x", "w"))
    assert answer.grad is not None
    # Linear in either: the derivative is what the units become.
    of_x = [np.vdot(u, plain(unit.reshape(x.shape), w, **static)) for unit in np.eye(x.size)]
    of_w = [np.vdot(u, plain(x, unit.reshape(w.shape), **static)) for unit in np.eye(w.size)]
    np.testing.assert_allclose(np.ravel(answer.grad["x"]), of_x, rtol=1e-11, atol=1e-12)
    np.testing.assert_allclose(np.ravel(answer.grad["w"]), of_w, rtol=1e-11, atol=1e-12)


@st.composite
def pools(draw: st.DrawFn) -> tuple[int, Any, dict[str, Any]]:
    """The number of axes, x with some ties, and the static arguments."""
    count = draw(st.integers(1, 2))
    size = tuple(draw(st.integers(1, 3)) for _ in range(count))
    stride = draw(st.one_of(st.none(), st.tuples(*[st.integers(1, 3)] * count)))
    explicit = st.tuples(*[st.tuples(st.integers(0, n - 1), st.just(0)) for n in size])
    padding = draw(st.one_of(st.sampled_from(["valid", "same"]), explicit))
    lengths = [n + draw(st.integers(0, 3)) for n in size]
    lead = draw(st.sampled_from([(), (2,)]))
    x = np.round(drawn(*lead, *lengths, draw(st.integers(1, 2))) * 2.0) / 2.0
    return count, x, {"size": size, "stride": stride, "padding": padding}


@pytest.mark.parametrize("kind", PLAIN_POOLS)
@settings(max_examples=80, deadline=None)
@given(case=pools())
def test_pooling_and_its_gradient_are_those_of_a_loop(kind: str, case: tuple[int, Any, dict[str, Any]]) -> None:
    count, x, static = case
    size, stride, padding = static["size"], static["stride"], static["padding"]
    text = asked(f"{kind}_pool{count}d", {k: v for k, v in static.items() if v is not None}, "x")
    expected = sliding_plain.pooling(count, PLAIN_POOLS[kind])(x, size, stride, padding)
    np.testing.assert_allclose(value(text, {"x": x}).value, expected, rtol=1e-14, atol=1e-15)
    u = drawn(*expected.shape)
    slopes = np.zeros(x.size)
    # A pool of the places instead of the numbers tells who shares a cotangent.
    members: list[Any] = []

    def collect(rows: list[Any], axis: int) -> Any:
        members.append(np.stack(rows))
        return rows[0]

    sliding_plain.pooling(count, collect)(np.arange(x.size).reshape(x.shape), size, stride, padding)
    shares = u.reshape(*x.shape[: x.ndim - count - 1], len(members), x.shape[-1])
    for k, places in enumerate(members):
        for at in np.ndindex(*places.shape[1:]):
            window = places[(slice(None), *at)]
            inside = x.ravel()[window]
            chosen = window[inside == np.max(inside)] if kind == "max" else window
            slopes[chosen] += shares[..., k, :][at] / len(chosen)
    answer = grad(f"sum(u*{text})", {"x": x, "u": u}, wrt=("x",))
    assert answer.grad is not None
    np.testing.assert_allclose(np.ravel(answer.grad["x"]), slopes, rtol=1e-13, atol=1e-14)


X = (np.arange(24.0) % 7 - 3).reshape(2, 4, 3).transpose(1, 2, 0)
W = (np.arange(24.0) % 5 - 2).reshape(4, 1, 2, 3)[..., :2].transpose(2, 3, 1, 0)
STRIDED = "conv2d(x, w, stride=(2, 1), padding=(1, 0), dilation=(1, 2), groups=2)"


def test_a_convolution_of_pytorch() -> None:
    """torch.nn.functional.conv2d 2.x, with its axes in our order; all numbers are whole."""
    expected = [[[-5, -4, -1, -2]], [[-3, 10, -5, -3]], [[1, 1, -1, -5]]]
    np.testing.assert_array_equal(value(STRIDED, {"x": X, "w": W}).value, expected)
    u = (np.arange(12.0) % 3 + 1).reshape(3, 1, 4)
    found = grad(f"sum(u*{STRIDED})", {"x": X, "w": W, "u": u}, wrt=("x", "w")).grad
    assert found is not None
    of_x = [
        [[5, -7], [0, 0], [-2, -3]],
        [[-7, 2], [0, 0], [-2, 5]],
        [[8, -4], [0, 0], [-2, -1]],
        [[-7, 3], [0, 0], [-3, 8]],
    ]
    of_w = [[[[-3, -1, -8, -13]], [[7, 7, -2, -3]]], [[[3, 3, 7, 4]], [[-5, -8, -6, 3]]]]
    np.testing.assert_array_equal(found["x"], of_x)
    np.testing.assert_array_equal(found["w"], of_w)


P = np.array([[1.0, 5.0, 2.0], [4.0, 3.0, -6.0], [-7.0, -8.0, 9.0]]).reshape(3, 3, 1)
ONES = np.ones((3, 1, 1))
ROW = np.array([[1.0], [2.0], [3.0], [4.0]])


@pytest.mark.parametrize(
    ("text", "at", "expected"),
    [
        # Of PyTorch; padded places are not counted (count_include_pad=False).
        ("max_pool2d(x, 2, padding=1)", {"x": P}, [[1, 5], [4, 9]]),
        ("avg_pool2d(x, 2, padding=1)", {"x": P}, [[1, 3.5], [-1.5, -0.5]]),
        # Of Keras: the odd one is added at the end.
        ("conv1d(x, w, stride=2, padding='same')", {"x": ROW, "w": ONES}, [6, 7]),
        ("conv1d(x, w, padding='same')", {"x": ROW, "w": ONES}, [3, 6, 9, 7]),
        ("conv1d(x, w, padding='causal')", {"x": ROW, "w": ONES}, [1, 3, 6, 9]),
        ("conv1d(x, w, padding='causal', dilation=2)", {"x": ROW, "w": ONES[:2]}, [1, 2, 4, 6]),
        ("conv1d(x, w, stride=3, padding='same')", {"x": ROW, "w": ONES[:1]}, [1, 4]),
        ("max_pool1d(x, 3, padding='same')", {"x": -ROW}, [-1, -3]),
        ("mean_pool1d(x, 3, stride=2, padding='same')", {"x": ROW}, [2, 3.5]),
        ("max_pool1d(floor(x), 2, padding=(1, 0))", {"x": ROW}, [1, 3]),
        ("max_pool1d([[3], [4], [2]], 2, padding='same')", {}, [4, 2]),
        ("max_pool1d(x > 2, 2)", {"x": ROW}, [0, 1]),
        ("conv1d([[3], [4], [2]], [[[1]], [[10]]])", {}, [43, 24]),
        ("conv1d(x, w)", {"x": np.exp(np.arange(5.0))[:, None], "w": [[[-np.e]], [[1.0]]]}, 0),
    ],
)
def test_known_values(text: str, at: dict[str, Any], expected: Any) -> None:
    found = np.asarray(value(text, at).value)
    np.testing.assert_allclose(np.ravel(found), np.broadcast_to(np.ravel(expected), found.size), rtol=1e-15, atol=1e-14)


def test_ties_share_the_derivative_equally() -> None:
    found = grad("max_pool1d(x, 3)[0, 0]", {"x": [[2.0], [1.0], [2.0]]})
    assert found.grad is not None
    np.testing.assert_array_equal(found.grad["x"], [[0.5], [0.0], [0.5]])
    assert [warning.code for warning in found.warnings] == ["kink"]


def test_many_points_at_once() -> None:
    xs, w = drawn(3, 6, 2), drawn(2, 2, 3)
    together = grad("sum(max_pool1d(conv1d(x, w), 2)^2)", {"x": xs, "w": w}, wrt=("x", "w"), batch=("x",))
    assert together.grad is not None
    for k in range(3):
        alone = grad("sum(max_pool1d(conv1d(x, w), 2)^2)", {"x": xs[k], "w": w}, wrt=("x", "w"))
        assert alone.grad is not None
        for name in ("x", "w"):
            np.testing.assert_allclose(together.grad[name][k], alone.grad[name], rtol=1e-13)


def test_a_convolution_inside_of_a_loop() -> None:
    """In a program whose steps are counted by the data; padding, stride and a size are static inputs."""
    text = "for i in range(n):\n    x = tanh(conv1d(x, w, padding=p))\nreturn sum(max_pool1d(x, k, stride=None))"
    at = {"x": drawn(5, 2), "w": drawn(3, 2, 2), "n": np.asarray(2), "p": np.asarray(1), "k": np.asarray(2)}
    looped = ENGINE.answer(Question(text, at, kind="program", wrt=("x", "w")), "grad", budget())
    nested = "sum(max_pool1d(tanh(conv1d(tanh(conv1d(x, w, padding=1)), w, padding=1)), 2))"
    plain = grad(nested, {"x": at["x"], "w": at["w"]})
    assert looped.grad is not None
    assert plain.grad is not None
    for name in ("x", "w"):
        np.testing.assert_allclose(looped.grad[name], plain.grad[name], rtol=1e-13)


REFUSED: list[tuple[str, type[EngineError], list[str]]] = [
    ("conv1d(x, w)", ShapeMismatch, ["conv1d", "(3,)", "(2,)", "does not fit"]),
    ("conv1d(x, w, padding=(0, 0))", ShapeMismatch, ["does not fit"]),
    ("conv1d(x, w, dilation=9, padding=1)", ShapeMismatch, ["(19,)", "1 and 1 more"]),
    ("conv1d(x, x)", ShapeMismatch, ["(size, channels, filters)", "(2, 2)"]),
    ("conv1d(x[0], w)", ShapeMismatch, ["(…, n, channels)", "(2,)"]),
    ("conv2d(x, zeros((1, 1, 2, 1)))", ShapeMismatch, ["(…, height, width, channels)"]),
    ("conv1d(x, w[:, :1], padding=1)", ShapeMismatch, ["(2, 2)", "(3, 1, 4)", "2 channels", "for 1"]),
    ("conv1d(x, w, padding=1, groups=2)", ShapeMismatch, ["2 groups of 1", "for 2"]),
    ("conv1d(x, w, groups=3)", ShapeMismatch, ["2 channels", "4 filters", "3 groups"]),
    ("conv1d(x, w[:, :1, :3], groups=2)", ShapeMismatch, ["3 filters", "2 groups"]),
    ("conv1d(x, w, groups=0)", ShapeMismatch, ["0 groups"]),
    ("conv1d(x, w, groups=-1)", ShapeMismatch, ["-1 groups"]),
    ("conv1d(x, w[:0])", ShapeMismatch, ["no elements", "(0, 2, 4)"]),
    ("conv1d(x, w, stride=0)", ShapeMismatch, ["stride", "at least 1"]),
    ("conv1d(x, w, stride=(1, 1))", ShapeMismatch, ["one axis", "(1, 1)"]),
    ("conv1d(x, w, padding='full')", ShapeMismatch, ["'full'", '"causal"']),
    ("conv1d(x, w, padding=-1)", ShapeMismatch, ["-1"]),
    ("conv1d(x, w, padding=((1, 2), (3, 4)))", ShapeMismatch, ["1 axis"]),
    ("conv1d(x, w, padding=1.5)", TypeMismatch, ["integer"]),
    ("conv1d(x, w, padding=x)", ShapeMismatch, ["padding"]),
    ("conv1d(x, w, padding=None)", TypeMismatch, ["integer"]),
    ("conv2d(I, w, padding=(1, 2, 3))", ShapeMismatch, ["kernel"]),
    ("max_pool2d(I, 2, padding='causal')", ShapeMismatch, ["'causal'"]),
    ("max_pool2d(I, 2, padding=(1, 2, 3))", ShapeMismatch, ["2 axes", "(1, 2, 3)"]),
    ("max_pool2d(I, 4)", ShapeMismatch, ["(4, 4)", "(3, 3)"]),
    ("max_pool1d(x, 2, padding=2)", ShapeMismatch, ["holds none"]),
    ("mean_pool1d(x, 1, padding=((0, 1),))", ShapeMismatch, ["holds none"]),
    ("max_pool1d(x, 0)", ShapeMismatch, ["size", "at least 1"]),
    ("windows(x, 0)", ShapeMismatch, ["at least 1"]),
    ("windows(x, 3)", ShapeMismatch, ["(3,)", "(2,)"]),
    ("windows(x, (1, 1, 1))", ShapeMismatch, ["3 axes"]),
    ("windows(x, 2, axis=2)", ShapeMismatch, ["no axis 2"]),
    ("windows(x, 2, axis=(0, 0))", ShapeMismatch, ["each axis once"]),
    ("windows(x, (2, 2), axis=0)", ShapeMismatch, ["one size per axis"]),
    ("windows(2.0, 1)", ShapeMismatch, ["a number"]),
    ("windows(x, sum(x))", TypeMismatch, ["known when"]),
    ("max_pool1d(x, 10^12, padding=((10^12 - 1, 10^12 - 1),))", LimitExceeded, []),
    ("mean_pool1d(x, 10^12, padding=((10^12 - 1, 10^12 - 1),))", LimitExceeded, []),
    ("conv1d(x, w, padding=10^15)", LimitExceeded, []),
    ("conv1d(x, w, padding='same', dilation=10^15)", LimitExceeded, []),
    ("windows(zeros(100000), 50000)", LimitExceeded, []),
]


@pytest.mark.parametrize(("text", "error", "words"), REFUSED, ids=[row[0] for row in REFUSED])
def test_what_is_refused(text: str, error: type[EngineError], words: list[str]) -> None:
    at = {"x": [[1.0, 2.0], [3.0, 4.0]], "w": np.ones((3, 2, 4)), "I": np.ones((3, 3, 1))}
    with pytest.raises(error) as caught:
        grad(f"sum({text})", {name: array for name, array in at.items() if f"{name}" in text.replace("max", "")})
    assert [word for word in words if word not in caught.value.detail] == []
    assert caught.value.span is not None


def test_every_function_of_the_group_is_here() -> None:
    names = {f.name for f in FUNCTIONS.values() if f.group == "windows"}
    pooled = {f"{kind}_pool{count}d" for kind in ("max", "mean") for count in (1, 2)}
    assert names == {"windows", "conv1d", "conv2d"} | pooled
