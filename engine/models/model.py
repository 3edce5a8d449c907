"""A model: layers in their order with all shapes, a loss, and what it is as a program."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from math import prod
from typing import Any

from engine.graph.types import Array, Shape
from engine.models.constraints import CONSTRAINTS, Constraint
from engine.models.fields import Options
from engine.models.initialisers import INITIALISERS, drawn, fans, stream
from engine.models.layer import Layer, Signals
from engine.models.losses import Loss
from engine.models.signal import Signal
from engine.models.weights import Weight, state

INPUT, TARGET = "x", "y"
"""What programs call the data."""
RESERVED = frozenset((INPUT, TARGET, "seed", "weight", "prediction", "loss", "loss_of", "model", "predict", "total"))
"""Names in programs that no layer can have."""


@dataclass(frozen=True, slots=True)
class Placed:
    """A layer where it stands: `inputs` are the names of layers, or `x`; `index` its place in the definition."""

    name: str
    index: int
    record: Layer
    options: Options
    inputs: tuple[str, ...]
    signals: Signals
    output: Signal
    weights: tuple[Weight, ...]


@dataclass(frozen=True, slots=True)
class Parameter:
    """An array of a model: what its program has as an input of this `name`.

    Under a constraint these are the free numbers that the values are made of.  A `state` is not trained but kept.
    """

    name: str
    layer: str
    weight: Weight

    @property
    def value_name(self) -> str:
        """What its program calls the values: the same, but under a constraint."""
        return value_name(self.layer, self.weight)

    @property
    def shape(self) -> Shape:
        """Its shape."""
        return self.weight.shape

    @property
    def size(self) -> int:
        """How many numbers it has."""
        return prod(self.weight.shape)

    @property
    def state(self) -> bool:
        """Whether it is kept by its layer rather than trained."""
        return self.weight.state

    @property
    def trainable(self) -> bool:
        """Whether training changes it along its gradient."""
        return self.weight.chosen.trainable and not self.weight.state

    @property
    def constraint(self) -> Constraint | None:
        """What holds its values."""
        chosen = self.weight.chosen.constraint
        return None if chosen is None else CONSTRAINTS[chosen.name]

    def initial(self, seed: int) -> Array:
        """What it begins as, for a model with this seed.

        Under a constraint, initialisers that are random draw the free numbers, and the others give the values.
        """
        weight, chosen = self.weight, self.weight.chosen
        found = drawn(chosen.init, stream(seed, self.name), weight.shape, weight.fans or fans(weight.shape))
        if weight.ones is not None:
            found[..., slice(*weight.ones)] = 1.0
        if self.constraint is not None and chosen.constraint and not INITIALISERS[chosen.init.name].random:
            return self.constraint.inverse(found, chosen.constraint.options)
        return found

    def initial_corner(self) -> Array:
        """Some of what it begins as: all kinds of values that an initialiser without randomness makes are among them,
        and it is small.
        """
        few = tuple(min(size, 2) for size in self.shape)
        return replace(self, weight=replace(self.weight, shape=few)).initial(0)

    def values(self, free: Array) -> Array:
        """The values that free numbers stand for; the same without a constraint."""
        chosen, constraint = self.weight.chosen.constraint, self.constraint
        return free if chosen is None or constraint is None else constraint.values(free, chosen.options)


@dataclass(frozen=True, slots=True)
class Objective:
    """The loss of a model: a record with options, or an expression of `y` and `prediction`.

    `axes` is how many axes the losses of one example have; None where an expression gives only that of all examples.
    """

    record: Loss | None
    options: Options
    expr: str | None
    target: Signal
    axes: int | None = None

    @property
    def classes(self) -> str:
        """How a prediction tells of classes, as the record has it; empty for an expression."""
        return "" if self.record is None else self.record.classes


@dataclass(frozen=True, slots=True)
class Model:
    """A definition that was read.

    `definition` is its normal form in JSON: names filled in, defaults left out.  `layers` are in an order in which each
    comes after its inputs; the last is the output.
    """

    definition: Mapping[str, Any]
    input: Signal
    layers: tuple[Placed, ...]
    objective: Objective
    seed: int
    standardised: bool
    parameters: tuple[Parameter, ...] = field(init=False)

    def __post_init__(self) -> None:
        found = [
            Parameter(parameter_name(placed.name, weight), placed.name, weight)
            for placed in self.layers
            for weight in placed.weights
        ]
        if self.standardised:
            shape = self.target.shape[-1:]
            scaling = (state("mean", shape, 0.0), state("scale", shape, 1.0))
            found += [Parameter(f"{TARGET}_{weight.role}", TARGET, weight) for weight in scaling]
        object.__setattr__(self, "parameters", tuple(found))

    @property
    def output(self) -> Placed:
        """The layer whose output is the prediction."""
        return self.layers[-1]

    @property
    def prediction(self) -> Signal:
        """What the model predicts for one example."""
        return self.output.output

    @property
    def target(self) -> Signal:
        """What y is for one example."""
        return self.objective.target

    @property
    def trainable(self) -> tuple[Parameter, ...]:
        """The parameters that training changes along their gradients."""
        return tuple(p for p in self.parameters if p.trainable)

    @property
    def random(self) -> bool:
        """Whether training draws numbers."""
        return any(placed.record.random for placed in self.layers)

    def initial(self, seed: int | None = None) -> dict[str, Array]:
        """All parameters as they begin, by name; with the seed of the definition, or another."""
        own = self.seed if seed is None else seed
        return {parameter.name: parameter.initial(own) for parameter in self.parameters}


def value_name(layer: str, weight: Weight) -> str:
    """What a program calls the values of an array of a layer."""
    return f"{layer}_{weight.role}"


def parameter_name(layer: str, weight: Weight) -> str:
    """What a program calls an array of a layer among its inputs: under a constraint, the free numbers."""
    return value_name(layer, weight) + ("" if weight.chosen.constraint is None else "_free")
