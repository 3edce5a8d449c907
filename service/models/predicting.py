"""`POST /models/{reference}/predict`: what is asked, and what is answered."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from engine.compiled import require_integers
from engine.engine import Engine
from engine.errors import EngineError, Fault, Limit, LimitExceeded, ShapeMismatch, TypeMismatch
from engine.limits import Budget, Limits
from engine.models.model import Model
from engine.models.predict import CLASSIFYING, predict, rows_at_once, told_classes
from engine.question import Array
from service.answers import BYTES_PER_NUMBER, warning_content
from service.arrays import ArrayFault, from_array, to_array
from service.models.binding import LARGEST_VERSION, whole
from service.models.catalogue import Models
from service.models.stored import StoredModel
from service.reader import Reader

FIELDS = ("x", "version", "encoding", "batch_size", "probabilities")


@dataclass(frozen=True, slots=True)
class Wanted:
    """A prediction that is asked for: of `x`, by a `version`, at most `rows` examples at a time."""

    x: Array
    version: int | None
    encoding: str
    rows: int | None
    probabilities: bool


def read_wanted(content: Any, limits: Limits) -> Wanted:
    """What a decoded request body asks for.  Raises `InvalidRequest` with all faults, and `LimitExceeded`."""
    reader = Reader(limits)
    fields = reader.fields(content, FIELDS)
    x = np.zeros(())
    if "x" not in fields:
        reader.fault(("x",), "The examples are missing: an array, with an axis over them first.")
    else:
        try:
            x = to_array(fields["x"], limits.array_bytes)
        except ArrayFault as fault:
            reader.faults.append(fault.under("x"))
        except LimitExceeded as error:
            error.faults = [Fault("/x", error.detail)]
            raise
    version = whole(fields.get("version"), "/version", LARGEST_VERSION, reader.faults)
    rows = fields.get("batch_size")
    rows = None if rows is None else reader.integer(rows, 1, LARGEST_VERSION, ("batch_size",))
    encoding, probabilities = fields.get("encoding", "json"), fields.get("probabilities", False)
    if encoding not in ("json", "base64"):
        reader.fault(("encoding",), "This has to be `json` or `base64`.")
    if type(probabilities) is not bool:
        reader.fault(("probabilities",), "This has to be true or false.")
    reader.refuse()
    return Wanted(x, version, encoding, rows, probabilities)


def answer(reference: str, wanted: Wanted, models: Models, engine: Engine, most: int, budget: Budget) -> dict[str, Any]:
    """The content of the answer, of about `most` bytes at most.  Raises what the engine and the store raise."""
    stored, version, parameters = models.opened(reference, wanted.version)
    model = stored.model
    if wanted.probabilities and (model.objective.record is None or model.objective.record.name not in CLASSIFYING):
        detail = f"Only models with a loss of {', '.join(CLASSIFYING)} tell of classes."
        raise TypeMismatch(detail, faults=[Fault("/probabilities", detail)])
    x, alone = _examples(wanted.x, model)
    size = BYTES_PER_NUMBER * len(x) * int(np.prod(model.prediction.shape)) * (3 if wanted.probabilities else 1)
    if size > most:
        raise LimitExceeded(
            f"The answer would be about {size:,} bytes, larger than the {most:,} that one answer may have.",
            limit=Limit("answer_bytes", most, size),
            hint="Send the examples in several requests.",
        )
    text = models.text(stored, "prediction")
    own = rows_at_once(_example_bytes(stored))
    rows = own if wanted.rows is None else min(own, wanted.rows)
    try:
        found = predict(engine, model, text, parameters, x, rows, budget)
    except EngineError as error:
        error.faults = error.faults or [Fault("/x", error.detail)]
        raise
    arrays: dict[str, Array] = {"prediction": found.values}
    if wanted.probabilities and (told := told_classes(model, found.values)) is not None:
        arrays["probabilities"], arrays["class"] = told
    content: dict[str, Any] = _written(arrays, alone, wanted.encoding)
    content |= {"version": version.version, "model": stored.id}
    return content | {"warnings": [warning_content(warning, text) for warning in found.warnings]}


def _written(arrays: Mapping[str, Array], alone: bool, encoding: str) -> dict[str, Any]:
    return {name: from_array(np.asarray(array[0] if alone else array), encoding) for name, array in arrays.items()}


def _example_bytes(stored: StoredModel) -> float:
    estimate = stored.estimate
    return (estimate.prediction_bytes - estimate.parameter_bytes) / estimate.examples


def _examples(x: Array, model: Model) -> tuple[Array, bool]:
    """The examples as the engine takes them, and whether there is one without an axis over examples."""
    shape = model.input.shape
    if x.shape == (0,) and shape != (0,):
        # No examples: an empty list does not tell more of its shape.
        x = np.zeros((0, *shape))
    alone = x.shape == shape
    if not alone and (x.ndim != len(shape) + 1 or x.shape[1:] != shape):
        sizes = f"({', '.join(['examples', *map(str, shape)])})"
        one = f"one example of shape {shape}" if shape else "one number"
        detail = f"`x` has the shape {x.shape}; this model takes {sizes}, or {one}."
        raise ShapeMismatch(detail, faults=[Fault("/x", detail)])
    if model.input.dtype == "int":
        try:
            require_integers("x", x)
        except TypeMismatch as error:
            detail = "`x` has to be integers, and is not."
            raise TypeMismatch(detail, faults=[Fault("/x", detail)]) from error
        x = x.astype(np.int64)
    else:
        x = x.astype(np.float64)
    return (x[None] if alone else x), alone
