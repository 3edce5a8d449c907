"""The result of a function that is a value: of the program, of the language, or made of others."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

from engine.errors import SyntaxFault, UnknownName
from engine.primitives.function import REQUIRED
from engine.source import tree
from engine.source.arguments import read
from engine.source.names import find_function, near
from engine.source.results import Closure, Function, Made, Result
from engine.source.text import Span

if TYPE_CHECKING:
    from engine.source.interpreter import Interpreter


def apply(
    interpreter: Interpreter,
    function: Function,
    positional: Sequence[Result],
    keywords: Mapping[str, Result],
    span: Span,
) -> Result:
    """The result of a function for arguments."""
    if isinstance(function, Made):
        return function.call(positional, keywords)
    if isinstance(function, Closure):
        return interpreter.enter(function, _bound(function, positional, keywords, span))
    table = find_function(function.name)
    assert table is not None
    place = tree.Nothing(span)
    parameters = list(table.parameters)
    given = []
    for argument in positional:
        if not parameters:
            raise SyntaxFault(f"{table.name} takes fewer arguments.", span=span, hint=table.signature)
        given.append(read(place, parameters[0], table, _already(argument)))
        if not parameters[0].variadic:
            parameters.pop(0)
    named = {p.name: p for p in table.parameters}
    for name in keywords:
        if name not in named:
            raise UnknownName(f"{table.name} has no argument {name!r}.", span=span, hint=table.signature)
    found_keywords = {name: read(place, named[name], table, _already(argument)) for name, argument in keywords.items()}
    missing = [p.name for p in parameters if p.default is REQUIRED and not p.variadic and p.name not in keywords]
    if missing:
        raise SyntaxFault(f"{table.name} needs {', '.join(missing)}.", span=span, hint=table.signature)
    return table.build(*given, **found_keywords)


def _already(result: Result) -> Callable[[tree.Expression], Result]:
    """What lowers an argument that has been lowered before."""
    return lambda node: result


def _bound(
    function: Closure, positional: Sequence[Result], keywords: Mapping[str, Result], span: Span
) -> dict[str, Result]:
    """Arguments by the names of the parameters."""
    names = [p.name for p in function.parameters]
    shown = f"{function.name}({', '.join(p.name for p in function.parameters)})"
    if len(positional) > len(names):
        many = f"{len(names)} argument{'s' if len(names) != 1 else ''}"
        raise SyntaxFault(f"{function.name} takes {many}, {len(positional)} are given.", span=span, hint=shown)
    found = dict(zip(names, positional, strict=False))
    for name, argument in keywords.items():
        if name not in names:
            raise UnknownName(f"{function.name} has no argument {name!r}.", span=span, hint=near(name, names) or shown)
        if name in found:
            raise SyntaxFault(f"The argument {name!r} of {function.name} is given twice.", span=span)
        found[name] = argument
    missing = [name for name in names if name not in found and name not in function.defaults]
    if missing:
        what = "arguments" if len(missing) > 1 else "the argument"
        raise SyntaxFault(f"{function.name} needs {what} {', '.join(missing)}.", span=span, hint=shown)
    return {**function.defaults, **found}
