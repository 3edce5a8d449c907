"""Expressions inside of definitions: what comes out of them, found by the engine itself."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from engine.definition import read
from engine.errors import EngineError, InvalidRequest
from engine.graph.build import Builder
from engine.graph.types import DType, Shape, Type
from engine.graph.values import depends_on
from engine.limits import Limits
from engine.models.signal import Signal

_EXAMPLES = (7, 11)
"""Numbers of examples that an expression is looked at with."""


@dataclass(frozen=True, slots=True)
class Expression:
    """What an expression gives: `shapes` with either number of examples, and the inputs that it uses as integers."""

    shapes: tuple[Shape, Shape]
    dtype: DType
    integer: frozenset[str]
    differentiable: bool

    def signal(self) -> Signal:
        """The signal for one example.  Raises `InvalidRequest` where the axis over examples is lost."""
        first, second = self.shapes
        if not first or (first[0], second[0]) != _EXAMPLES or first[1:] != second[1:]:
            raise InvalidRequest(
                f"For {_EXAMPLES[0]} examples this gives {first}, for {_EXAMPLES[1]} {second}: the first axis has to "
                "stay that over examples.",
                hint="reduce over axes from 1 on, as in mean(x, axis=1)",
            )
        return Signal(first[1:], self.dtype)


def checked(text: str, signals: Mapping[str, Signal], parameters: Mapping[str, Shape], limits: Limits) -> Expression:
    """What an expression gives of signals, with an axis over examples first, and parameters.

    Raises the `EngineError` that says what is wrong with it.
    """
    try:
        found = read(text, "expr", limits)
        given = {**signals, **parameters}
        found.check(given)
        shapes, dtype, depends = [], set[DType](), True
        for examples in _EXAMPLES:
            types = {
                name: Type("int" if name in found.uses.integer else signal.dtype, (examples, *signal.shape))
                for name, signal in signals.items()
            }
            types |= {name: Type("real", shape) for name, shape in parameters.items()}
            builder = Builder(limits, rewrite=True)
            outputs, values = found.lower(builder, types, {})
            if len(outputs) != 1 or found.several:
                raise InvalidRequest("This has to be one array.")
            shapes.append(outputs[0].shape)
            dtype.add(outputs[0].type.dtype)
            graph = builder.finish(outputs)
            reals = {value for name, value in values.items() if types[name].dtype == "real"}
            depends = depends and outputs[0] in depends_on(graph.nodes, reals) | reals
    except EngineError as error:
        error.text = text
        raise
    return Expression((shapes[0], shapes[1]), dtype.pop(), found.uses.integer, depends)
