"""The arrays of a layer, and what a definition says about them: what they begin as, and what they cost the loss."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from engine.graph.types import Shape
from engine.models.constraints import constraint
from engine.models.fields import Field, Named, Wrong, flag, maybe, named, number, read_fields
from engine.models.initialisers import INITIALISERS, Fans

_initialiser = named("an initialiser", {name: record.fields for name, record in INITIALISERS.items()})


@dataclass(frozen=True, slots=True)
class Chosen:
    """What a definition says about one array of a layer.

    `l1` and `l2` are factors of sum(|w|) and sum(w^2), which are added to the loss, as in Keras.
    """

    init: Named
    l1: float = 0.0
    l2: float = 0.0
    constraint: Named | None = None
    trainable: bool = True


FIELDS = (
    Field("init", _initialiser, None, "the initialiser."),
    Field("l1", number(0.0), 0.0, "a factor of sum(abs(w)), added to the loss."),
    Field("l2", number(0.0), 0.0, "a factor of sum(w^2), added to the loss."),
    Field("constraint", maybe(constraint), None, "what the values are held to."),
    Field("trainable", flag, True, "whether training changes it."),
)
"""What can be said about any array."""


def weight_field(role: str, init: Any, doc: str, optional: bool = False) -> Field:
    """The option for one array: an initialiser, or an object; `false` leaves it out where it is `optional`."""

    def read(value: Any) -> Chosen | None:
        if optional and value is False:
            return None
        if value is True:
            value = {}
        if isinstance(value, str) or (isinstance(value, dict) and "name" in value):
            value = {"init": value}
        if not isinstance(value, dict):
            what = "the name of an initialiser, an object with `init`, `l1`, `l2`, `constraint`, `trainable`"
            raise Wrong(f"This has to be {what}{', or false' if optional else ''}.")
        given = {name: part for name, part in value.items() if part is not None}
        options, faults = read_fields(role, FIELDS, {"init": init, **given})
        if faults:
            raise Wrong.all_of(faults)
        return Chosen(**options)

    return Field(role, read, True, doc)


@dataclass(frozen=True, slots=True)
class Weight:
    """One array of a layer: its `role` there, its shape, and what was chosen for it.

    `fans` are those of its initialiser, where they do not follow from the shape.  A `state` is not trained by gradients
    but kept by the layer: statistics.  `place` is the pointer to what says all that, within the layer, where it is not
    its role.  From the first to the second of `ones` along the last axis, it begins as 1 instead.
    """

    role: str
    shape: Shape
    chosen: Chosen
    fans: Fans | None = None
    state: bool = False
    place: str = ""
    ones: tuple[int, int] | None = None


def state(role: str, shape: Shape, value: float) -> Weight:
    """A state that begins with the same number everywhere."""
    return Weight(role, shape, Chosen(Named("constant", {"value": value}), trainable=False), state=True)
