"""The inputs of a question: which run over points, which are differentiated, and the directions sent along."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NoReturn

import numpy as np

from engine.compiled import require_integers
from engine.errors import EngineFault, Fault, InvalidRequest
from engine.graph.types import DType, Shape, Type
from engine.question import Array, Question, Warning
from engine.source.names import CONSTANTS, Uses
from engine.source.parse import normal_name


def refuse(pointer: str, detail: str) -> NoReturn:
    """Raise `InvalidRequest` for one fault."""
    raise InvalidRequest(detail, faults=[Fault(pointer, detail)])


def is_cotangent(name: str) -> bool:
    """Whether a name in `Question.along` is that of a cotangent and not of an input, which is an identifier."""
    return not name or name.isdigit()


def cotangent_names(outputs: int, several: bool) -> tuple[str, ...]:
    """The names of the cotangents in `Question.along`: the empty one, or the numbers of several outputs."""
    return tuple(map(str, range(outputs))) if several else ("",)


def _told(shape: Shape) -> str:
    return f"an array of shape {shape}" if shape else "a number"


class Inputs:
    """The inputs of one question by their normalised names, checked.

    `size` is the number of points of a batch (None without one), `varies` the inputs that have an axis over them;
    `types` are those of one point.
    """

    def __init__(self, question: Question, found: Uses) -> None:
        self.arrays: dict[str, Array] = {normal_name(name): array for name, array in question.at.items()}
        self._spelled = {normal_name(name): name for name in question.at}
        if len(self.arrays) < len(question.at):
            self._refuse_twins(question)
        self._question = question
        self._uses = found
        self.size, self.varies = self._batch()
        used = [name for name in found.places if name in self.arrays]
        self.moving = [name for name in used if name not in found.static]
        self.types = {name: self._type(name) for name in self.arrays}
        self.constants = {name: self._constant(name) for name in used if name in found.static}

    def _refuse_twins(self, question: Question) -> NoReturn:
        """Refuse names that differ only in how their characters are encoded (NFKC): one would hide the other."""
        first: dict[str, str] = {}
        for name in question.at:
            before = first.setdefault(normal_name(name), name)
            if before != name:
                refuse(f"/at/{name}", f"{name!r} and {before!r} are the same name, written with other characters.")
        raise EngineFault("inputs were lost without twins")

    def spelled(self, name: str) -> str:
        """The name as the client wrote it."""
        return self._spelled.get(name, name)

    def lead(self, name: str) -> Shape:
        """The axes that the array of an input has before those of one point."""
        return (self.size,) if self.size is not None and name in self.varies else ()

    def _type(self, name: str) -> Type:
        """The type of one point: integer if it is used as one, else as given, with integers as reals."""
        array = self.arrays[name]
        dtype: DType = "int" if name in self._uses.integer else "bool" if array.dtype.kind == "b" else "real"
        if dtype == "int":
            require_integers(self.spelled(name), array)
        return Type(dtype, array.shape[1:] if name in self.varies else array.shape)

    def _constant(self, name: str) -> Array:
        if name in self.varies:
            refuse(f"/at/{self.spelled(name)}", f"{name!r} sets a shape or an axis and cannot vary in a batch.")
        return np.asarray(self.arrays[name], dtype=np.int64 if name in self._uses.integer else None)

    def _batch(self) -> tuple[int | None, frozenset[str]]:
        batch = self._question.batch
        if batch is False:
            return None, frozenset()
        names = tuple(self.arrays) if batch is True else tuple(normal_name(n) for n in batch)
        if not names:
            refuse("/batch", "A batch needs at least one input whose first axis runs over its points.")
        faults, sizes = [], {}
        for i, name in enumerate(names):
            if name not in self.arrays:
                faults.append(Fault(f"/batch/{i}", f"{name!r} is not an input."))
            elif not self.arrays[name].ndim:
                detail = f"{name!r} is one number; in a batch it needs a first axis over the points."
                faults.append(Fault(f"/at/{self.spelled(name)}", detail))
            else:
                sizes[name] = self.arrays[name].shape[0]
        if len(set(sizes.values())) > 1:
            listed = ", ".join(f"{name}: {size}" for name, size in sizes.items())
            faults.append(Fault("/batch", f"The first axes of a batch differ in size: {listed}."))
        if faults:
            raise InvalidRequest(faults[0].detail, faults=faults)
        return next(iter(sizes.values())), frozenset(names)

    def wrt(self, notices: list[Warning]) -> tuple[str, ...]:
        """The inputs to differentiate; notes those that have no derivative, or that the text does not use."""
        static, places = self._uses.static, self._uses.places
        if self._question.wrt is None:
            names = tuple(n for n, t in self.types.items() if t.dtype == "real" and n not in static)
        else:
            names = tuple(normal_name(name) for name in self._asked())
            self._known(names)
        for name in names:
            spelled = self.spelled(name)
            told = {"input": spelled}
            if not self.differentiable(name):
                what = "a truth value" if self.types[name].dtype == "bool" else "an integer, or fixes a shape"
                notices.append(Warning("integer-gradient", f"{spelled!r} is {what}; its gradient is 0.", None, told))
            elif name not in places:
                text = f"The text does not use {spelled!r}; its gradient is 0."
                notices.append(Warning("disconnected", text, None, told))
        return tuple(dict.fromkeys(names))

    def differentiable(self, name: str) -> bool:
        """Whether an input is real, and not fixed when the text is compiled."""
        return self.types[name].dtype == "real" and name not in self._uses.static

    def _asked(self) -> tuple[str, ...]:
        """The names of `wrt`, which may be a single one."""
        wrt = self._question.wrt
        return () if wrt is None else (wrt,) if isinstance(wrt, str) else wrt

    def _known(self, names: tuple[str, ...]) -> None:
        single = isinstance(self._question.wrt, str)
        faults = [
            Fault(
                "/wrt" if single else f"/wrt/{i}",
                f"{name!r} is a constant." if name in CONSTANTS else f"{name!r} is not an input.",
            )
            for i, name in enumerate(names)
            if name not in self.types
        ]
        if faults:
            raise InvalidRequest(faults[0].detail, faults=faults)

    def moved(self, field: str) -> tuple[str, ...]:
        """The inputs that tangents or vectors are given for."""
        along = self._along()
        names = tuple(along)
        for spelled in self._question.along:
            if not is_cotangent(spelled) and (other := along[normal_name(spelled)]) != spelled:
                refuse(f"/{field}/{spelled}", f"{spelled!r} and {other!r} are the same name.")
        if not names:
            refuse(f"/{field}", f"There is no {field}: give one for at least one input.")
        if self._question.wrt is not None and field == "tangent":
            listed = [normal_name(name) for name in self._asked()]
            for name in names:
                if name not in listed:
                    refuse(f"/{field}/{name}", f"{name!r} is not among the inputs of `wrt`.")
        for name in names:
            if name not in self.types:
                refuse(f"/{field}/{name}", f"{name!r} is not an input.")
            if not self.differentiable(name):
                refuse(
                    f"/{field}/{name}", f"{name!r} is an integer or a truth value, or fixes a shape; it cannot move."
                )
        return names

    def _along(self) -> dict[str, str]:
        """The inputs that move by their names, with the spelling of each in the question."""
        found: dict[str, str] = {}
        for spelled in self._question.along:
            if not is_cotangent(spelled):
                found[normal_name(spelled)] = spelled
        return found

    def moves(self, names: Sequence[str]) -> tuple[str, ...]:
        """Inputs as they are spelled where a tangent or vector is given for them."""
        along = self._along()
        return tuple(along[name] for name in names)

    def directions(self, field: str) -> int | None:
        """How many tangents or vectors there are at once (None for one); refuses those of a wrong shape."""
        many, along = self._question.many, self._along()
        counts: set[int] = set()
        for name, spelled in along.items():
            given = self._question.along[spelled].shape
            if many and given:
                counts.add(given[0])
                given = given[1:]
            needed = self.lead(name) + self.types[name].shape
            if given != needed:
                pointer = f"/{field}s/0/{spelled}" if many else f"/{field}/{spelled}"
                refuse(pointer, f"This is {_told(given)}; {_told(needed)} is needed.")
        if not many:
            return None
        if len(counts) != 1:
            refuse(f"/{field}s", "Each of several directions has to name the same inputs.")
        return next(iter(counts))

    def cotangents(self, outputs: Sequence[Shape], several: bool, many: bool) -> int | None:
        """How many cotangents there are at once (None for one); refuses those that do not fit the outputs' shapes.

        `several`: the outputs are told apart, and there is one array for each.
        """
        field, along = ("/cotangents/0" if many else "/cotangent"), self._question.along
        names = cotangent_names(len(outputs), several)
        given = [name for name in along if is_cotangent(name)]
        if several and given == [""]:
            refuse(
                field, f"The result is a tuple: a list of {len(outputs)} cotangents, one for each output, is needed."
            )
        if not several and given != [""]:
            refuse(field, "The result is a single array, and so is its cotangent.")
        for name in given:
            if name not in names:
                refuse(f"{field}/{name}", f"There are {len(outputs)} outputs, and {len(given)} cotangents.")
        if len(given) < len(names):
            refuse(field, f"There are {len(outputs)} outputs, and {len(given)} cotangents.")
        counts: set[int] = set()
        for name, output in zip(names, outputs, strict=True):
            shape = along[name].shape
            if many and shape:
                counts.add(shape[0])
                shape = shape[1:]
            needed = output if self.size is None else (self.size, *output)
            if shape != needed:
                refuse(f"{field}/{name}" if name else field, f"This is {_told(shape)}; {_told(needed)} is needed.")
        return next(iter(counts)) if many else None
