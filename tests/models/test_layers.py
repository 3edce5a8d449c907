"""What layers compute, against formulas in NumPy that know nothing of them; and their gradients."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from engine.errors import EngineError
from engine.graph.types import Array
from engine.models.layers.table import LAYERS
from engine.models.lower import program
from engine.models.standardise import fit
from engine.primitives.random_values import uniform
from tests.models.running import answer, model, predicted, slopes_agree, some, trained

At = dict[str, Array]


def _norm(x: Array, at: At, name: str, axes: int, epsilon: float) -> Array:
    rows = x.reshape(*x.shape[: x.ndim - axes], -1)
    mean = rows.sum(-1) / rows.shape[-1]
    variance = ((rows - mean[..., None]) ** 2).sum(-1) / rows.shape[-1]
    scaled = ((rows - mean[..., None]) / np.sqrt(variance[..., None] + epsilon)).reshape(x.shape)
    return np.asarray(scaled * at.get(f"{name}_scale", 1.0) + at.get(f"{name}_bias", 0.0))


def _kept(x: Array, at: At) -> Array:
    """Batch norm in inference."""
    name = "batch_norm_1"
    scaled = (x - at[f"{name}_mean"]) / np.sqrt(at[f"{name}_variance"] + 1e-5)
    return np.asarray(scaled * at[f"{name}_scale"] + at[f"{name}_bias"])


def _framed(x: Array, *widths: tuple[int, int]) -> Array:
    return np.pad(x, ((0, 0), *widths, (0, 0)))


def _conv1d(x: Array, kernel: Array, stride: int = 1, dilation: int = 1, groups: int = 1) -> Array:
    """By its definition, one number after the other."""
    size, inside, filters = kernel.shape
    count = (x.shape[1] - dilation * (size - 1) - 1) // stride + 1
    out = np.zeros((len(x), count, filters))
    for n, i, f in np.ndindex(*out.shape):
        first = f // (filters // groups) * inside
        for k in range(size):
            out[n, i, f] += x[n, i * stride + k * dilation, first : first + inside] @ kernel[k, :, f]
    return out


def _conv2d(x: Array, kernel: Array, stride: tuple[int, int] = (1, 1)) -> Array:
    h, w, _, filters = kernel.shape
    counts = [(n - k) // s + 1 for n, k, s in zip(x.shape[1:3], (h, w), stride, strict=True)]
    out = np.zeros((len(x), *counts, filters))
    for n, i, j, f in np.ndindex(*out.shape):
        part = x[n, i * stride[0] : i * stride[0] + h, j * stride[1] : j * stride[1] + w]
        out[n, i, j, f] = np.sum(part * kernel[..., f])
    return out


def _pool(x: Array, reduce: Callable[..., Any], size: int, stride: int) -> Array:
    """Windows along the first axis of an example."""
    count = (x.shape[1] - size) // stride + 1
    return np.stack([reduce(x[:, i * stride : i * stride + size], axis=1) for i in range(count)], axis=1)


def _pool2(x: Array, reduce: Callable[..., Any]) -> Array:
    n, h, w, c = x.shape
    return np.asarray(reduce(x.reshape(n, h // 2, 2, w // 2, 2, c), axis=(2, 4)))


Case = tuple[str, list[int], list[dict[str, Any]], Callable[[Array, At], Array]]


def _joined(axis: int) -> Case:
    own = axis if axis < 0 else axis + 1
    layers: list[dict[str, Any]] = [
        {"type": "activation", "function": "tanh", "name": "t"},
        {"type": "concatenate", "inputs": ["x", "t"], "axis": axis},
    ]
    return f"concatenate along {axis}", [2, 3], layers, lambda x, at: np.concatenate([x, np.tanh(x)], own)


CASES: list[Case] = [
    ("dense", [3], [{"type": "dense", "units": 2}], lambda x, at: x @ at["dense_1_kernel"] + at["dense_1_bias"]),
    ("linear, no bias", [3], [{"type": "linear", "units": 2, "bias": False}], lambda x, at: x @ at["dense_1_kernel"]),
    ("activation", [3], [{"type": "activation", "function": "tanh"}], lambda x, at: np.tanh(x)),
    ("flatten", [2, 3], [{"type": "flatten"}], lambda x, at: x.reshape(len(x), 6)),
    ("flatten, one number", [], [{"type": "flatten"}], lambda x, at: x.reshape(len(x), 1)),
    ("reshape", [2, 6], [{"type": "reshape", "shape": [3, -1, 1]}], lambda x, at: x.reshape(len(x), 3, 4, 1)),
    ("reshape to none", [1], [{"type": "reshape", "shape": []}], lambda x, at: x.reshape(len(x))),
    ("layer_norm", [4, 5], [{"type": "layer_norm"}], lambda x, at: _norm(x, at, "layer_norm_1", 1, 1e-5)),
    (
        "layer_norm, two axes",
        [3, 4, 5],
        [{"type": "layer_norm", "axes": 2, "epsilon": 1e-3, "scale": False}],
        lambda x, at: _norm(x, at, "layer_norm_1", 2, 1e-3),
    ),
    ("batch_norm", [3], [{"type": "batch_norm"}], _kept),
    ("batch_norm of images", [2, 4, 3], [{"type": "batch_norm"}], _kept),
    ("dropout", [3], [{"type": "dropout", "rate": 0.3}], lambda x, at: x),
    (
        "standardise",
        [4, 3],
        [{"type": "standardise"}],
        lambda x, at: (x - at["standardise_1_mean"]) / at["standardise_1_scale"],
    ),
    (
        "add",
        [3],
        [{"type": "activation", "function": "tanh", "name": "t"}, {"type": "residual", "inputs": ["x", "t", "t"]}],
        lambda x, at: x + 2 * np.tanh(x),
    ),
    (
        "multiply",
        [3],
        [{"type": "activation", "function": "tanh", "name": "t"}, {"type": "multiply", "inputs": ["x", "t"]}],
        lambda x, at: x * np.tanh(x),
    ),
    *(_joined(axis) for axis in (-2, -1, 0, 1)),
    (
        "expr",
        [3],
        [{"type": "expr", "expr": "a*x^2 + b # done", "parameters": {"a": {"shape": [3]}, "b": {}}}],
        lambda x, at: at["expr_1_a"] * x**2 + at["expr_1_b"],
    ),
    (
        "expr of several",
        [3],
        [
            {"type": "dense", "units": 2, "name": "d"},
            {
                "type": "expr",
                "inputs": ["d", "x"],
                "expr": "x[:, 0]*w + mean(\nx2, axis=-1) - x1[:, 1]",
                "parameters": {"w": 0.5},
            },
        ],
        lambda x, at: (lambda d: d[:, 0] * at["expr_1_w"] + x.mean(-1) - d[:, 1])(x @ at["d_kernel"] + at["d_bias"]),
    ),
    (
        "expr, x1 of one",
        [3],
        [{"type": "expr", "expr": "x1 - x"}],
        lambda x, at: np.zeros_like(x),
    ),
    (
        "conv1d",
        [7, 2],
        [{"type": "conv1d", "filters": 3, "size": 3, "stride": 2}],
        lambda x, at: _conv1d(x, at["conv1d_1_kernel"], 2) + at["conv1d_1_bias"],
    ),
    (
        "conv1d, same",
        [6, 2],
        [{"type": "conv1d", "filters": 3, "size": 4, "padding": "same", "activation": "tanh"}],
        lambda x, at: np.tanh(_conv1d(_framed(x, (1, 2)), at["conv1d_1_kernel"]) + at["conv1d_1_bias"]),
    ),
    (
        "conv1d, causal, dilated",
        [6, 2],
        [{"type": "conv1d", "filters": 1, "size": 2, "padding": "causal", "dilation": 3}],
        lambda x, at: _conv1d(_framed(x, (3, 0)), at["conv1d_1_kernel"], 1, 3) + at["conv1d_1_bias"],
    ),
    (
        "conv1d, groups, padded",
        [4, 4],
        [{"type": "conv1d", "filters": 6, "size": 2, "padding": [1, 0], "groups": 2, "bias": False}],
        lambda x, at: _conv1d(_framed(x, (1, 0)), at["conv1d_1_kernel"], groups=2),
    ),
    (
        "conv2d",
        [5, 4, 2],
        [{"type": "conv2d", "filters": 3, "size": [3, 2], "stride": [2, 1]}],
        lambda x, at: _conv2d(x, at["conv2d_1_kernel"], (2, 1)) + at["conv2d_1_bias"],
    ),
    (
        "conv2d, padded",
        [3, 3, 1],
        [{"type": "conv2d", "filters": 2, "size": 3, "padding": [1, [0, 2]]}],
        lambda x, at: _conv2d(_framed(x, (1, 1), (0, 2)), at["conv2d_1_kernel"]) + at["conv2d_1_bias"],
    ),
    ("max_pool1d", [7, 2], [{"type": "max_pool1d"}], lambda x, at: _pool(x, np.max, 2, 2)),
    ("mean_pool1d", [7, 2], [{"type": "avg_pool1d", "size": 3, "stride": 1}], lambda x, at: _pool(x, np.mean, 3, 1)),
    ("max_pool2d", [4, 6, 2], [{"type": "max_pool2d"}], lambda x, at: _pool2(x, np.max)),
    ("mean_pool2d", [4, 6, 2], [{"type": "mean_pool2d"}], lambda x, at: _pool2(x, np.mean)),
    (
        "mean_pool1d, same",
        [3, 1],
        [{"type": "mean_pool1d", "padding": "same"}],
        lambda x, at: np.stack([(x[:, 0] + x[:, 1]) / 2, x[:, 2]], axis=1),
    ),
    ("global_max_pool", [4, 3, 2], [{"type": "global_max_pool"}], lambda x, at: x.max(axis=(1, 2))),
    ("global_mean_pool", [4, 3], [{"type": "global_mean_pool"}], lambda x, at: x.mean(axis=1)),
]


@pytest.mark.parametrize(("shape", "layers", "formula"), [case[1:] for case in CASES], ids=[case[0] for case in CASES])
def test_prediction(shape: list[int], layers: list[dict[str, Any]], formula: Callable[[Array, At], Array]) -> None:
    for examples in (1, 4):
        read = model(shape, *layers)
        at = some(read, 1, examples)
        found = predicted(read, at)
        assert found.shape == (examples, *read.prediction.shape)
        np.testing.assert_allclose(found, formula(at["x"], at), rtol=1e-13, atol=1e-13)


@pytest.mark.parametrize(("shape", "layers"), [case[1:3] for case in CASES], ids=[case[0] for case in CASES])
def test_gradient(shape: list[int], layers: list[dict[str, Any]]) -> None:
    for training in (False, True):
        # Behind the layer there is something that is not linear in it.
        slopes_agree(model(shape, *layers, {"type": "activation", "function": "sin"}), training)


@pytest.mark.parametrize(
    ("shape", "layers", "formula"),
    [case[1:] for case in CASES if case[2][0]["type"] not in ("batch_norm", "dropout")],
    ids=[case[0] for case in CASES if case[2][0]["type"] not in ("batch_norm", "dropout")],
)
def test_training_is_inference(
    shape: list[int], layers: list[dict[str, Any]], formula: Callable[[Array, At], Array]
) -> None:
    read = model(shape, *layers)
    at = some(read, 2)
    found = trained(read, at)
    assert set(found) == {"loss", "prediction"}
    np.testing.assert_allclose(found["prediction"], formula(at["x"], at), rtol=1e-13, atol=1e-13)
    np.testing.assert_allclose(found["loss"], np.mean((found["prediction"] - at["y"]) ** 2), rtol=1e-13)


def test_every_layer_has_a_case() -> None:
    tried = {model(case[1], *case[2]).layers[k].record.name for case in CASES for k in range(len(case[2]))}
    assert {"embedding", *tried} >= set(LAYERS) - {"rnn", "gru", "lstm", "attention"}


@pytest.mark.parametrize("shape", [[3], [2, 4, 3], [5, 3]])
def test_batch_norm_in_training(shape: list[int]) -> None:
    read = model(shape, {"type": "batch_norm", "momentum": 0.75, "epsilon": 1e-3})
    at = some(read)
    found = trained(read, at)
    rows = at["x"].reshape(-1, 3)
    mean = rows.sum(0) / len(rows)
    variance = ((rows - mean) ** 2).sum(0) / len(rows)
    scaled = (at["x"] - mean) / np.sqrt(variance + 1e-3)
    expected = scaled * at["batch_norm_1_scale"] + at["batch_norm_1_bias"]
    np.testing.assert_allclose(found["prediction"], expected, rtol=1e-13, atol=1e-13)
    unbiased = variance * len(rows) / (len(rows) - 1)
    for name, batch in (("batch_norm_1_mean", mean), ("batch_norm_1_variance", unbiased)):
        np.testing.assert_allclose(found[name], 0.75 * at[name] + 0.25 * batch, rtol=1e-13)
    assert {p.name for p in read.parameters if p.state} == {"batch_norm_1_mean", "batch_norm_1_variance"}


def test_batch_norm_of_one_number_is_that_of_inference() -> None:
    read = model([3], {"type": "batch_norm"})
    at = some(read, examples=1)
    found = trained(read, at)
    np.testing.assert_array_equal(found["prediction"], predicted(read, at))
    for name in ("batch_norm_1_mean", "batch_norm_1_variance"):
        np.testing.assert_array_equal(found[name], at[name])


def test_batch_norm_of_one_image_has_statistics() -> None:
    read = model([2, 2, 1], {"type": "batch_norm", "scale": False, "bias": False})
    found = trained(read, some(read, examples=1))
    assert abs(np.mean(found["prediction"])) < 1e-15
    assert np.all(found["batch_norm_1_mean"] != 0.0)


@pytest.mark.parametrize("index", [0, 1])
def test_dropout_draws_with_its_place(index: int) -> None:
    read = model([400], {"type": "dropout", "rate": 0.5}, {"type": "dropout", "rate": 0.2})
    at = some(read)
    found = trained(read, at, 5)["prediction"]
    masks = [np.asarray(uniform(5 + k, shape=(4, 400))) < keep for k, keep in ((0, 0.5), (1, 0.8))]
    np.testing.assert_allclose(found, at["x"] * masks[0] * masks[1] / 0.4, rtol=1e-13)
    assert abs(np.mean(masks[index]) - (0.5, 0.8)[index]) < 0.03
    assert np.any(trained(read, at, 6)["prediction"] != found)
    np.testing.assert_array_equal(trained(read, at, 5)["prediction"], found)
    np.testing.assert_array_equal(predicted(read, at), at["x"])


def test_dropout_keeps_the_mean() -> None:
    read = model([10_000], {"type": "dropout", "rate": 0.25})
    at = {"x": np.ones((4, 10_000)), "y": np.zeros((4, 10_000))}
    assert np.mean(trained(read, at)["prediction"]) == pytest.approx(1.0, abs=0.02)


def test_dropout_of_nothing_draws_nothing() -> None:
    read = model([3], {"type": "dropout", "rate": 0})
    np.testing.assert_array_equal(trained(read, some(read))["prediction"], some(read)["x"])


def test_embedding() -> None:
    read = model([2], {"type": "embedding", "size": 3, "units": 4})
    assert read.input.dtype == "int"
    at = some(read)
    np.testing.assert_array_equal(predicted(read, at), at["embedding_1_table"][at["x"]])
    slopes_agree(model([2], {"type": "embedding", "size": 3, "units": 4}, {"type": "activation", "function": "sin"}))


@pytest.mark.parametrize("index", [-1, 3, 2**40])
def test_embedding_refuses_what_is_out_of_range(index: int) -> None:
    read = model([], {"type": "embedding", "size": 3, "units": 4})
    given = {"x": np.array([0, index]), "embedding_1_table": np.zeros((3, 4))}
    with pytest.raises(EngineError, match="embedding_1 takes integers from 0 to 2"):
        answer(program(read, "prediction"), given)


def test_embedding_after_flatten() -> None:
    read = model([2, 2], {"type": "flatten"}, {"type": "embedding", "size": 3, "units": 1}, dtype="int")
    at = some(read)
    np.testing.assert_array_equal(predicted(read, at), at["embedding_1_table"][at["x"].reshape(4, 4)])


def test_fit() -> None:
    rng = np.random.default_rng(0)
    x = rng.normal(3.0, 2.0, size=(50, 4, 3))
    x[..., 1] = 0.1
    mean, scale = fit(x)
    np.testing.assert_allclose(mean, x.reshape(-1, 3).mean(0), rtol=1e-13)
    np.testing.assert_allclose(scale, [x[..., 0].std(), 1.0, x[..., 2].std()], rtol=1e-13)
    assert mean[1] == 0.1


@pytest.mark.parametrize("unit", [1e-307, 1e-200, 1.0, 1e307])
def test_fit_in_any_unit(unit: float) -> None:
    mean, scale = fit(np.array([[-8.0], [4.0], [7.0]]) * unit)
    np.testing.assert_allclose([mean / unit, scale / unit], [[1.0], [np.sqrt(42.0)]], rtol=1e-13)


@pytest.mark.parametrize("value", [0.0, 0.1, -0.3, 5e-324, 1e308, 1 / 3])
def test_fit_of_what_is_the_same_everywhere(value: float) -> None:
    for count in (1, 7, 1000):
        assert [found.tolist() for found in fit(np.full((count, 1), value))] == [[value], [1.0]]


def test_fit_of_rounding_errors() -> None:
    mean, scale = fit(np.array([[0.1 + 0.2], [0.3], [0.3]]))
    assert (mean[0], scale[0]) == (pytest.approx(0.3), 1.0)


def test_fit_of_numbers_and_of_nothing() -> None:
    assert [float(found) for found in fit(np.array([1.0, 3.0]))] == [2.0, 1.0]
    assert [found.tolist() for found in fit(np.zeros((0, 2)))] == [[0.0, 0.0], [1.0, 1.0]]
