"""Examples to train on: what they have to be, how they are divided, and in which order they come."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import ceil
from typing import Any

import numpy as np

from engine.errors import Fault, InvalidRequest
from engine.graph.types import Array
from engine.models.classes import true_class
from engine.models.initialisers import stream
from engine.models.model import INPUT, TARGET, Model
from engine.models.signal import Signal
from engine.models.standardise import fit
from engine.primitives.random_values import uniform

_LARGEST = 2.0**53
"""Below this, every integer is a float64."""


@dataclass(frozen=True, slots=True)
class Examples:
    """Examples with the axis over them first; `weight` (examples,) where they do not all count the same."""

    x: Array
    y: Array
    weight: Array | None = None

    def __len__(self) -> int:
        return len(self.x)

    def at(self, index: Any) -> Examples:
        """Some of them, by index or slice."""
        return Examples(self.x[index], self.y[index], None if self.weight is None else self.weight[index])

    def weighted(self, weight: Array) -> Examples:
        """The same with weights."""
        return Examples(self.x, self.y, weight)

    def named(self) -> dict[str, Array]:
        """The arrays as programs take them."""
        found = {INPUT: self.x, TARGET: self.y}
        return found if self.weight is None else {**found, "weight": self.weight}


def examples(model: Model, arrays: Mapping[str, Any], place: str = "/data") -> Examples:
    """The examples in arrays `x`, `y` and perhaps `weight`, in the dtypes that the model takes.

    A y of shape (examples,) is taken for (examples, 1) and the other way round.  Raises `InvalidRequest` with all
    faults; pointers begin at `place`.
    """
    faults: list[Fault] = []
    for name in (INPUT, TARGET):
        if name not in arrays:
            faults.append(Fault(f"{place}/{name}", f"`{name}` is missing."))
    for name in arrays:
        if name not in (INPUT, TARGET, "weight"):
            faults.append(Fault(f"{place}/{name}", "There are `x`, `y` and `weight`."))
    if faults:
        raise InvalidRequest(faults[0].detail, faults=faults)
    if np.shape(arrays[INPUT]) == np.shape(arrays[TARGET]) == (0,):
        # What an empty list is, whatever its rows would have been.
        detail = "There are no examples."
        raise InvalidRequest(f"{place.lstrip('/')}/{INPUT}: {detail}", faults=[Fault(f"{place}/{INPUT}", detail)])
    x = fitting(arrays[INPUT], model.input, f"{place}/{INPUT}", faults)
    y = fitting(arrays[TARGET], model.target, f"{place}/{TARGET}", faults)
    if not faults:
        _check_target(model, y, f"{place}/{TARGET}", faults)
        if len(x) != len(y):
            faults.append(Fault(f"{place}/{TARGET}", f"There are {len(x):,} examples in x and {len(y):,} in y."))
        if not len(x):
            faults.append(Fault(f"{place}/{INPUT}", "There are no examples."))
        _check_places(model, x, f"{place}/{INPUT}", faults)
    weight = None
    if arrays.get("weight") is not None and x.ndim:
        weight = np.asarray(arrays["weight"], dtype=np.float64)
        if weight.shape != np.shape(x)[:1] or not np.all(weight >= 0) or not 0 < _total(weight) < np.inf:
            detail = f"This has to be one number for each of the {len(x):,} examples: finite, not negative, not all 0."
            faults.append(Fault(f"{place}/weight", detail))
        elif model.objective.axes is None:
            detail = "Examples can only be weighted where the loss has a number for each of them; this one has not."
            faults.append(Fault(f"{place}/weight", detail))
    if faults:
        raise InvalidRequest(f"{faults[0].pointer.lstrip('/')}: {faults[0].detail}", faults=faults)
    return Examples(x, y, weight)


def fitting(given: Any, signal: Signal, place: str, faults: list[Fault]) -> Array:
    """An array of examples in the dtype and shape of a signal; a fault where it does not fit."""
    array = np.asarray(given)
    if array.dtype.kind == "b":
        array = array.astype(np.float64)
    wanted = signal.shape
    if array.ndim == 1 and wanted == (1,):
        array = array[:, None]
    elif array.ndim == 2 and wanted == () and array.shape[1] == 1:
        array = array[:, 0]
    if array.shape[1:] != wanted or not array.ndim:
        shape = ", ".join(["examples", *map(str, wanted)])
        faults.append(
            Fault(place, f"The shape is {_told(array.shape)}; the model takes ({shape}{',' * (not wanted)}).")
        )
        return array
    if not np.all(np.isfinite(array)):
        where = np.argwhere(~np.isfinite(array))[0].tolist()
        faults.append(Fault(place, f"The number at {where} is not finite."))
        return array
    if signal.dtype == "int":
        whole = (array == np.floor(array)) & (np.abs(array) < _LARGEST)
        if not np.all(whole):
            where = np.argwhere(~whole)[0].tolist()
            faults.append(Fault(place, f"These have to be whole numbers, and the one at {where} is not."))
            return array
        return np.ascontiguousarray(array, dtype=np.int64)
    return np.ascontiguousarray(array, dtype=np.float64)


def _total(weight: Array) -> float:
    with np.errstate(all="ignore"):
        return float(np.sum(weight))


def _told(shape: tuple[int, ...]) -> str:
    return str(shape) if shape else "that of a number"


def _check_target(model: Model, y: Array, place: str, faults: list[Fault]) -> None:
    """Refuse targets that the loss is not defined for."""
    record = model.objective.record
    allowed = None if record is None else record.allowed(model.objective.options, model.prediction)
    if record is None or allowed is None:
        return
    right, what = allowed
    wrong = ~right(y)
    if np.any(wrong):
        where = np.argwhere(wrong)[0].tolist()
        faults.append(Fault(place, f"With `{record.name}`, these are {what}; the one at {where} is not."))


def _check_places(model: Model, x: Array, place: str, faults: list[Fault]) -> None:
    """Refuse integers that are no rows of the table that they are looked up in."""
    for placed in model.layers:
        if placed.record.name == "embedding" and INPUT in placed.inputs:
            size = placed.options["size"]
            wrong = (x < 0) | (x >= size)
            if np.any(wrong):
                where = np.argwhere(wrong)[0].tolist()
                detail = f"`{placed.name}` takes integers from 0 to {size - 1}; the one at {where} is not."
                faults.append(Fault(place, detail))
                return


def divided(data: Examples, fraction: float, seed: int) -> tuple[Examples, Examples]:
    """The examples to train on and those to validate with: `fraction` of all, rounded, drawn by the seed.

    Raises `InvalidRequest` where one of the two would be empty.
    """
    count = round(len(data) * fraction)
    if not 0 < count < len(data):
        detail = f"{fraction:g} of {len(data):,} examples leaves none to {'train on' if count else 'validate with'}."
        raise InvalidRequest(detail, faults=[Fault("/validation", detail)])
    order = shuffled(len(data), stream(seed, "split"))
    parts = data.at(np.sort(order[count:])), data.at(np.sort(order[:count]))
    for part, what in zip(parts, ("train on", "validate with"), strict=True):
        if part.weight is not None and not np.any(part.weight):
            detail = f"All examples to {what} have the weight 0; another seed divides them differently."
            raise InvalidRequest(detail, faults=[Fault("/validation", detail)])
    return parts


def shuffled(count: int, seed: int) -> Array:
    """A permutation of `count` numbers, a function of the seed, the same on every machine."""
    return np.argsort(np.asarray(uniform(seed, shape=(count,))), kind="stable")


def batches(count: int, size: int) -> int:
    """How many batches there are in an epoch; the last one may be smaller."""
    return ceil(count / size)


def fitted(model: Model, data: Examples) -> dict[str, Array]:
    """The states that are fitted to the examples to train on: means and scales of what is standardised.

    Raises `InvalidRequest` for numbers so large that their scale is none.
    """
    fits = {placed.name: (INPUT, data.x) for placed in model.layers if placed.record.name == "standardise"}
    if model.standardised:
        fits[TARGET] = TARGET, data.y
    found: dict[str, Array] = {}
    for name, (source, values) in fits.items():
        with np.errstate(all="ignore"):
            mean, scale = map(np.asarray, fit(values))
        if not (np.all(np.isfinite(mean)) and np.all(np.isfinite(scale))):
            detail = "These numbers are too large to be standardised."
            raise InvalidRequest(detail, faults=[Fault(f"/data/{source}", detail)])
        found |= {f"{name}_mean": mean, f"{name}_scale": scale}
    return found


def balanced(model: Model, y: Array) -> dict[int, float]:
    """A weight for each class that occurs: the number of examples over that of classes and of examples of this one.

    With these, all classes weigh the same together.
    """
    found, counts = np.unique(true_class(model, y), return_counts=True)
    return {int(k): float(counts.sum() / (len(found) * n)) for k, n in zip(found, counts, strict=True)}
