"""Models as files of ONNX, in tests: what onnxruntime makes of them, and the models to try."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import onnxruntime

from engine.graph.types import Array
from engine.limits import Limits
from engine.models.exchange.export import exported
from engine.models.exchange.imports import imported
from engine.models.exchange.sheet import Precision
from engine.models.model import Model
from engine.models.read import read_model
from tests.models.parity.cases import CASES as PARITY
from tests.models.running import model, some
from tests.models.test_layers import CASES as LAYERS
from tests.models.test_parity import arrays_of, data_of, model_of

Trial = tuple[str, Model, Mapping[str, Array]]
"""A title, a model, and x with all parameters."""


def _trials() -> list[Trial]:
    found: list[Trial] = []
    for title, shape, layers, _ in LAYERS:
        made = model(shape, *layers)
        found.append((title, made, some(made)))
    for case in PARITY:
        found.append((f"parity {case.name}", model_of(case), {**data_of(case), **arrays_of(case)}))
    return found


TRIALS = _trials()
NAMES = [f"{k} {title}" for k, (title, _, _) in enumerate(TRIALS)]
onnxruntime.set_default_logger_severity(4)


def parameters_of(made: Model, at: Mapping[str, Array]) -> dict[str, Array]:
    """The parameters among all that a prediction takes."""
    return {parameter.name: at[parameter.name] for parameter in made.parameters}


def session_of(content: bytes) -> Any:
    """A file, opened by onnxruntime."""
    return onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"])


def run(content: bytes, made: Model, x: Array, precision: Precision) -> Array:
    """What onnxruntime makes of a file."""
    dtype: Any = np.int64 if made.input.dtype == "int" else np.dtype(precision)
    (found,) = session_of(content).run(None, {"x": np.asarray(x).astype(dtype)})
    return np.asarray(found)


def far(found: Array, expected: Array) -> float:
    """The largest distance, relative to the largest number."""
    assert found.shape == expected.shape
    return float(np.max(np.abs(found - expected)) / max(np.max(np.abs(expected)), 1e-300))


def back(made: Model, parameters: Mapping[str, Array], precision: Precision) -> tuple[Model, dict[str, Array]]:
    """A model and its parameters after they were written and read."""
    return taken(exported(made, parameters, precision))


def taken(content: bytes, loss: Any = "mse") -> tuple[Model, dict[str, Array]]:
    """The model in a file, and its parameters."""
    definition, arrays = imported(content, Limits())
    found = read_model({**definition, "loss": loss}, Limits())
    assert {p.name: p.shape for p in found.parameters} == {name: array.shape for name, array in arrays.items()}
    return found, arrays
