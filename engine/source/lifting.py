"""A function of a program as a function of values: what it takes and gives is flattened, and put together again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from engine.errors import ShapeMismatch, SyntaxFault, TypeMismatch
from engine.graph.types import describe
from engine.graph.values import Value
from engine.primitives.arithmetic import cast
from engine.source.applying import apply
from engine.source.arguments import array
from engine.source.merging import kind_of
from engine.source.results import Closure, Function, Result, leaves, rebuilt
from engine.source.text import Span

if TYPE_CHECKING:
    from engine.source.interpreter import Interpreter


class Lifted:
    """A function with some of its arguments left open: those numbered in `moving`.

    The others stay what they are, so that what is known about them stays known.  After a call, `result` is what the
    function gave, whose values are to be replaced by those that come out.
    """

    def __init__(
        self,
        interpreter: Interpreter,
        function: Function,
        arguments: Sequence[Result],
        moving: Sequence[int],
        span: Span,
    ) -> None:
        self._interpreter = interpreter
        self._function = function
        self._arguments = list(arguments)
        self._moving = list(moving)
        self._span = span
        self.opened = tuple(real(arguments[i], span) for i in moving)
        self.values = leaves(self.opened)
        self.result: Result = None

    def __call__(self, values: Sequence[Value]) -> list[Value]:
        arguments = list(self._arguments)
        for i, argument in zip(self._moving, rebuilt(self.opened, values), strict=True):
            arguments[i] = argument
        found = apply(self._interpreter, self._function, arguments, {}, self._span)
        self.result = self._checked(found)
        return leaves(self.result)

    def _checked(self, found: Result) -> Result:
        if isinstance(found, tuple):
            return tuple(self._checked(item) for item in found)
        if not isinstance(found, Value):
            raise TypeMismatch(f"The function gives {kind_of(found)} where a number is needed.", span=self._span)
        # A whole number that is written down has the derivative of a real one.
        return cast(found, dtype="real") if found.type.dtype == "int" and found.constant is not None else found


def real(argument: Result, span: Span) -> Result:
    """An argument that is differentiated: real numbers."""
    if isinstance(argument, tuple):
        return tuple(real(item, span) for item in argument)
    if not isinstance(argument, Value):
        raise TypeMismatch(f"There is no derivative in {kind_of(argument)}.", span=span)
    if argument.type.dtype == "bool":
        raise TypeMismatch("There is no derivative in a truth value.", span=span)
    return cast(argument, dtype="real")


def arranged(
    function: Function, positional: Sequence[Result], keywords: Mapping[str, Result], span: Span
) -> list[Result]:
    """Positional arguments, with those that were given by name in their places."""
    found = list(positional)
    if not keywords:
        return found
    if not isinstance(function, Closure):
        raise SyntaxFault("Here arguments are given by position.", span=span, hint="grad(f)(x, y)")
    names = [p.name for p in function.parameters]
    for name in names[len(found) :]:
        if name in keywords:
            found.append(keywords[name])
        elif name in function.defaults:
            found.append(function.defaults[name])
        else:
            break
    unknown = [name for name in keywords if name not in names]
    if unknown:
        raise SyntaxFault(f"{function.name} has no argument {unknown[0]!r}.", span=span, hint=", ".join(names))
    return found


def alike(like: Result, given: Result, what: str, span: Span) -> list[Value]:
    """The values of a direction, which has the structure and the shapes of `like`."""
    if isinstance(like, tuple):
        parts = given if isinstance(given, tuple) else None
        if parts is None or len(parts) != len(like):
            raise ShapeMismatch(
                f"{what} is {kind_of(given)} where {kind_of(like)} is needed.", span=span, hint="one for each argument"
            )
        return [value for a, b in zip(like, parts, strict=True) for value in alike(a, b, what, span)]
    value = array(given, span, what)
    assert isinstance(like, Value)
    if value.shape != like.shape:
        raise ShapeMismatch(f"{what} is {describe(value.shape)} where {describe(like.shape)} is needed.", span=span)
    return [cast(value, dtype="real")]
