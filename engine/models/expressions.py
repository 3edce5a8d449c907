"""Expressions inside of definitions: what comes out of them, found by the engine itself."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from engine.definition import Definition, read
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
    """What an expression gives: `shapes` with either number of examples, the inputs that it uses as integers, and the
    real ones that it depends on.
    """

    shapes: tuple[Shape, Shape]
    dtype: DType
    integer: frozenset[str]
    depends: frozenset[str]

    @property
    def axes(self) -> int | None:
        """How many axes there are beside that over examples; None where it is lost."""
        first, second = self.shapes
        if not first or (first[0], second[0]) != _EXAMPLES or first[1:] != second[1:]:
            return None
        return len(first) - 1

    def signal(self) -> Signal:
        """The signal for one example.  Raises `InvalidRequest` where the axis over examples is lost."""
        first, second = self.shapes
        if self.axes is None:
            raise InvalidRequest(
                f"For {_EXAMPLES[0]} examples this gives {first}, for {_EXAMPLES[1]} {second}: the first axis has to "
                "stay that over examples.",
                hint="reduce over axes from 1 on, as in mean(x, axis=-1)",
            )
        return Signal(first[1:], self.dtype)


def embedded(name: str, arguments: Sequence[str], text: str) -> str:
    """A function of a program that gives what an expression, which was `checked`, gives.

    The end of the line ends a comment of the expression, and not what stands after it.
    """
    return f"def {name}({', '.join(arguments)}):\n    return ({text}\n    )\n"


def checked(text: str, signals: Mapping[str, Signal], parameters: Mapping[str, Shape], limits: Limits) -> Expression:
    """What an expression gives of signals, with an axis over examples first, and parameters.

    Raises the `EngineError` that says what is wrong with it.  It is looked at alone, so that it is an expression
    whatever stands around it, and once more as a function of a program, which is how it is used.
    """
    try:
        found = read(text, "expr", limits)
        found.check({**signals, **parameters})
        outputs: list[Type] = []
        for examples in _EXAMPLES:
            types = _types(found, signals, parameters, examples)
            output, _ = _output(found, types, limits)
            outputs.append(output)
    except EngineError as error:
        error.text = text
        if error.hint and '"at"' in error.hint:
            # A definition has no `at`; what is there is all that there is.
            error.hint = f"there are {', '.join(f'`{name}`' for name in dict.fromkeys([*signals, *parameters]))}"
        raise
    inside = read(embedded("f", tuple(types), text), "program", limits)
    output, depends = _output(inside, types, limits)
    if output != outputs[-1]:
        raise InvalidRequest("This is another thing within a program than it is alone.")
    return Expression((outputs[0].shape, outputs[1].shape), output.dtype, found.uses.integer, depends)


def _types(
    found: Definition, signals: Mapping[str, Signal], parameters: Mapping[str, Shape], examples: int
) -> dict[str, Type]:
    types = {
        name: Type("int" if name in found.uses.integer else signal.dtype, (examples, *signal.shape))
        for name, signal in signals.items()
    }
    return types | {name: Type("real", shape) for name, shape in parameters.items()}


def _output(found: Definition, types: Mapping[str, Type], limits: Limits) -> tuple[Type, frozenset[str]]:
    """The type of what comes out, and the real inputs that it depends on."""
    builder = Builder(limits, rewrite=True)
    outputs, values = found.lower(builder, types, {})
    if len(outputs) != 1 or found.several:
        raise InvalidRequest("This has to be one array.")
    graph = builder.finish(outputs)
    depends = {
        name
        for name, value in values.items()
        if types[name].dtype == "real" and outputs[0] in depends_on(graph.nodes, {value}) | {value}
    }
    return outputs[0].type, frozenset(depends)
