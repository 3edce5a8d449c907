"""The record of a layer type, and what its rules see of one layer of a model."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from engine.models.fields import Field, Options
from engine.models.signal import Signal
from engine.models.weights import Weight

Signals = tuple[Signal, ...]


@dataclass(slots=True)
class Call:
    """One layer on its way into a program: its rule writes lines and ends with `result`.

    `inputs` are the names of its inputs there, arrays with the axis over examples first; `weights` the names of its
    arrays by role.  `seed` is the text of a seed of its own, for what is drawn in `training`.
    """

    name: str
    options: Options
    inputs: tuple[str, ...]
    signals: Signals
    output: Signal
    weights: Mapping[str, str]
    training: bool
    seed: str
    lines: list[str] = field(default_factory=list)
    states: dict[str, str] = field(default_factory=dict)
    helpers: list[str] = field(default_factory=list)

    @property
    def x(self) -> str:
        """The first input."""
        return self.inputs[0]

    @property
    def examples(self) -> str:
        """The text of the number of examples."""
        return f"len({self.x})"

    def line(self, text: str) -> None:
        """Write one line, or several."""
        self.lines += text.split("\n")

    def result(self, text: str) -> None:
        """Write the line that gives the layer its output."""
        self.line(f"{self.name} = {text}")

    def local(self, name: str) -> str:
        """A name in the program for something of this layer alone: no layer, nor an array of one, has such a name."""
        return f"{self.name}__{name}"

    def keep(self, role: str, text: str) -> None:
        """In training: the text of what a state becomes."""
        self.states[self.weights[role]] = text


def no_weights(options: Options, signals: Signals) -> tuple[Weight, ...]:
    """For layers that have no arrays."""
    return ()


@dataclass(frozen=True, slots=True)
class Layer:
    """One type of layer.

    `output` gives the signal that comes out for those that go in, and raises `Misfit`; `weights` the arrays;
    `lower` writes the program.  `summary` is one line, `formula` its mathematics, `shapes` from what to what, and
    `conventions` where Keras and PyTorch differ and what holds here: all are told by the documentation.  `inputs` is
    the least and the largest number of inputs.  `random`: draws in training.  `on_input`: takes nothing but the input
    of the model.
    """

    name: str
    summary: str
    output: Callable[[Options, Signals], Signal]
    lower: Callable[[Call], None]
    fields: tuple[Field, ...] = ()
    weights: Callable[[Options, Signals], tuple[Weight, ...]] = no_weights
    inputs: tuple[int, int] = (1, 1)
    random: bool = False
    on_input: bool = False
    formula: str = ""
    shapes: str = ""
    conventions: str = ""
    aliases: tuple[str, ...] = ()
