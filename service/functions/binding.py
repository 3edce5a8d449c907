"""What is stored put into a question: its data merged in, what was declared checked, `wrt` and `batch` filled in."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from engine.compiled import require_integers
from engine.errors import EngineError, Fault, InvalidRequest, ShapeMismatch, TypeMismatch, UnknownName
from engine.limits import Limits
from engine.question import Array, Question
from engine.source.parse import normal_name
from service.functions.signature import mentioned
from service.functions.stored import Input, Stored
from service.pointers import pointer

Batch = bool | tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Binding:
    """A stored function, or the program of a model, in memory, ready for questions.  Thread-safe.

    `data` are its bound arrays, `free` the inputs that a question gives, of which `optional` may be left out; what is
    both has a value unless it is given.  `real` are those that are differentiated unless a question says otherwise; of
    those in `unsure` only the point tells whether they are.  `several` tells that outputs are told apart, even if there
    is only one.  `noun`: what it is called.
    """

    stored: Stored
    data: Mapping[str, Array]
    free: Mapping[str, Input]
    real: tuple[str, ...]
    unsure: frozenset[str]
    optional: frozenset[str]
    several: bool
    noun: str = "function"

    @staticmethod
    def of(stored: Stored, limits: Limits) -> Binding:
        """The binding of a function that was read with its data."""
        free = {found.name: found for found in stored.signature.inputs if found.source != "data"}
        data = dict(stored.data or {})
        uses = mentioned(stored.text, stored.kind, limits, frozenset(free) | frozenset(data))
        fixed = uses.integer | uses.static
        real = tuple(n for n, found in free.items() if found.dtype in ("float64", None) and n not in fixed)
        unsure = frozenset(name for name in real if free[name].dtype is None)
        optional = frozenset(name for name, found in free.items() if found.source == "default")
        ready = {name: _ready(array, name, uses.integer) for name, array in data.items()}
        return Binding(stored, ready, free, real, unsure, optional, uses.several)

    @property
    def bytes(self) -> int:
        """What it takes in memory, about."""
        return sum(array.nbytes for array in self.data.values()) + 200 * len(self.stored.text) + 2000

    def question(
        self, at: Mapping[str, Array], wrt: tuple[str, ...] | str | None, batch: Batch, moves: bool
    ) -> Question:
        """The question about this function at a point.

        `moves` says that the inputs to differentiate are those that the question has directions for.  Raises, with all
        faults of the kind, `InvalidRequest` for an input that is bound, `UnknownName` for one that is missing or that
        there is not, `TypeMismatch` and `ShapeMismatch` for what is not as it was declared.
        """
        names = {normal_name(name): name for name in at}
        if batch is True:
            batch = tuple(at)
        self._check_names(at, names)
        self._check_batch(batch or (), names)
        self._check_types(at, names, frozenset(map(normal_name, batch)) if batch else frozenset())
        if wrt is None and not moves:
            wrt = self.real
            if self.unsure:
                given = [n for n in wrt if n in names]
                wrt = tuple(n for n in given if n not in self.unsure or at[names[n]].dtype.kind != "b")
        # Merging copies references, never numbers.
        return Question(self.stored.text, {**self.data, **at}, self.stored.kind, wrt=wrt, batch=batch)

    def _check_names(self, at: Mapping[str, Array], names: Mapping[str, str]) -> None:
        free = self.free
        if names.keys() == free.keys() and len(at) == len(names):
            return
        clashes = [
            Fault(pointer(("at", spelled)), f"{name!r} is bound to data of the {self.noun} and cannot be given.")
            for name, spelled in names.items()
            if name in self.data and name not in free
        ]
        _refuse(InvalidRequest, clashes, None)
        unknown = [name for name in names if name not in free]
        faults = [
            Fault(pointer(("at", names[name])), f"{name!r} is not an input of the {self.noun}.") for name in unknown
        ]
        faults += [
            Fault(pointer(("at", name)), f"The {self.noun} needs the input {name!r}, {_told(found)}.")
            for name, found in free.items()
            if name not in names and name not in self.optional
        ]
        near = difflib.get_close_matches(unknown[0], free, 1) if unknown else []
        _refuse(UnknownName, faults, f"did you mean {near[0]}?" if near else None)

    def _check_batch(self, batch: tuple[str, ...], names: Mapping[str, str]) -> None:
        faults = [
            Fault(pointer(("batch", index)), f"{name!r} is bound to data of the {self.noun}, the same at every point.")
            for index, name in enumerate(batch)
            if normal_name(name) in self.data and normal_name(name) not in names
        ]
        _refuse(InvalidRequest, faults, None)

    def _check_types(self, at: Mapping[str, Array], names: Mapping[str, str], over: frozenset[str]) -> None:
        types, shapes = [], []
        counts: dict[str, int] = {}
        for name, spelled in names.items():
            found, array = self.free.get(name), at[spelled]
            if found is None or found.source != "declared":
                continue
            if (array.dtype.kind == "b") is not (found.dtype == "bool"):
                what = "truth values" if array.dtype.kind == "b" else "numbers"
                detail = f"{spelled!r} is declared as {_told(found)}; these are {what}."
                types.append(Fault(pointer(("at", spelled)), detail))
            elif found.dtype == "int64":
                require_integers(spelled, array)
            shape = array.shape[1:] if name in over else array.shape
            if (shape[1:] if found.examples and shape else shape) != found.shape or (found.examples and not shape):
                each = "for each point of the batch, this" if name in over else "this"
                detail = f"{spelled!r} is declared as {_told(found)}; {each} has shape {list(shape)}."
                shapes.append(Fault(pointer(("at", spelled)), detail))
            elif found.examples:
                counts[spelled] = shape[0]
        _refuse(TypeMismatch, types, None)
        _refuse(ShapeMismatch, shapes, _hint(self.free, names, at))
        if len(set(counts.values())) > 1:
            listed = ", ".join(f"{name}: {count}" for name, count in counts.items())
            detail = f"The numbers of examples differ: {listed}."
            _refuse(ShapeMismatch, [Fault(pointer(("at", name)), detail) for name in counts], None)


def _ready(array: Array, name: str, integer: frozenset[str]) -> Array:
    """An array as the engine takes it, so that it need not be converted for every question."""
    if name in integer and array.dtype.kind == "f":
        require_integers(name, array)
        return array.astype(np.int64)
    if name not in integer and array.dtype.kind == "i":
        return array.astype(np.float64)
    return array


def _told(found: Input) -> str:
    if found.shape is None:
        return "of which nothing is declared"
    if found.examples:
        sizes = ", ".join(["examples", *map(str, found.shape)])
        return f"{found.dtype} of shape [{sizes}]"
    return f"{found.dtype} of shape {list(found.shape)}" if found.shape else f"one {found.dtype}"


def _hint(free: Mapping[str, Input], names: Mapping[str, str], at: Mapping[str, Array]) -> str | None:
    """What helps where there is one example without the axis over examples."""
    for name, spelled in names.items():
        found = free.get(name)
        if found is not None and found.examples and found.shape == at[spelled].shape:
            return f"One example is a list of one: [{spelled}]."
    return None


def _refuse(kind: type[EngineError], faults: list[Fault], hint: str | None) -> None:
    if faults:
        raise kind(faults[0].detail, hint=hint, faults=faults)
