"""A stored model as it is told on the wire."""

from __future__ import annotations

from collections.abc import Mapping
from math import prod
from typing import Any
from urllib.parse import quote

from engine.models.estimate import Estimate
from engine.models.model import Model, Parameter, Placed
from engine.models.signal import Signal
from engine.question import Array
from service.arrays import from_array
from service.functions.signature import DTYPE_NAMES
from service.models.stored import StoredModel, Version
from service.times import written


def summary(stored: StoredModel) -> dict[str, Any]:
    """What a list tells of a model."""
    model = stored.model
    return {
        "id": stored.id,
        "name": stored.name,
        "created": written(stored.created),
        "input": _signal(model.input),
        "output": _signal(model.prediction),
        "target": _signal(model.target),
        "loss": model.definition["loss"],
        "seed": model.seed,
        "count": _count(model),
        "versions": stored.versions,
        "links": _links(stored),
    }


def told(stored: StoredModel, program: str, predict: str) -> dict[str, Any]:
    """The content of an answer about a model; `program` is the text of its loss, `predict` that of its prediction."""
    model = stored.model
    return {
        **summary(stored),
        "layers": [_layer(placed) for placed in model.layers],
        "parameters": [_parameter(parameter) for parameter in model.parameters],
        "memory": _memory(stored.estimate),
        "cost": _cost(stored.estimate),
        "program": program,
        "predict": predict,
        "definition": stored.definition,
    }


def version_told(stored: StoredModel, version: Version, whole: bool = False) -> dict[str, Any]:
    """The content of an answer about a version; with the history of its training where it is `whole`."""
    place = f"{address(stored)}/versions/{version.version}"
    links = {"self": place, "model": address(stored)}
    links["parameters"] = f"{address(stored)}/parameters?version={version.version}"
    if version.job is not None:
        links["job"] = f"/jobs/{quote(version.job)}"
    return {
        "version": version.version,
        "created": written(version.created),
        "job": version.job,
        "summary": {name: known for name, known in version.summary.items() if whole or name != "history"},
        "links": links,
    }


def parameters_told(
    stored: StoredModel, version: Version, parameters: Mapping[str, Array], encoding: str
) -> dict[str, Any]:
    """The content of an answer with parameters: as the program takes them, and values under constraints."""
    return {
        "model": stored.id,
        "version": version.version,
        "parameters": {name: from_array(array, encoding) for name, array in parameters.items()},
        "values": {name: from_array(array, encoding) for name, array in values(stored.model, parameters).items()},
    }


def values(model: Model, parameters: Mapping[str, Array]) -> dict[str, Array]:
    """The values of the parameters that are held by a constraint, by their own names."""
    return {
        parameter.value_name: parameter.values(parameters[parameter.name])
        for parameter in model.parameters
        if parameter.constraint is not None
    }


def address(stored: StoredModel) -> str:
    """Where a model is found."""
    return f"/models/{quote(stored.id)}"


def _links(stored: StoredModel) -> dict[str, str]:
    own = address(stored)
    return {"self": own} | {name: f"{own}/{name}" for name in ("versions", "parameters", "predict", "onnx")}


def _signal(signal: Signal) -> dict[str, Any]:
    return {"shape": list(signal.shape), "dtype": DTYPE_NAMES[signal.dtype]}


def _count(model: Model) -> dict[str, int]:
    trainable = sum(parameter.size for parameter in model.trainable)
    return {"trainable": trainable, "fixed": sum(parameter.size for parameter in model.parameters) - trainable}


def _layer(placed: Placed) -> dict[str, Any]:
    return {
        "name": placed.name,
        "type": placed.record.name,
        "inputs": list(placed.inputs),
        "shape": list(placed.output.shape),
        "parameters": sum(prod(weight.shape) for weight in placed.weights),
    }


def _parameter(parameter: Parameter) -> dict[str, Any]:
    found: dict[str, Any] = {
        "name": parameter.name,
        "layer": parameter.layer,
        "shape": list(parameter.shape),
        "count": parameter.size,
        "trainable": parameter.trainable,
        "state": parameter.state,
    }
    chosen = parameter.weight.chosen.constraint
    if chosen is not None:
        found["constraint"] = {"name": chosen.name, **chosen.options}
        found["values"] = parameter.value_name
    return found


def _memory(estimate: Estimate) -> dict[str, Any]:
    return {
        "parameters": estimate.parameter_bytes,
        "prediction": estimate.prediction_bytes,
        "gradient": estimate.gradient_bytes,
        "batch": estimate.examples,
    }


def _cost(estimate: Estimate) -> dict[str, Any]:
    prediction, gradient = estimate.prediction_seconds, estimate.gradient_seconds
    return {
        "prediction_seconds": prediction,
        "gradient_seconds": gradient,
        "nanoseconds_per_example": {
            "prediction": round(1e9 * prediction / estimate.examples),
            "gradient": round(1e9 * gradient / estimate.examples),
        },
        "batch": estimate.examples,
    }
