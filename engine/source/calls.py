"""Calls in programs: of the program's own functions, and of what only programs know."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from engine.errors import SyntaxFault, TypeMismatch, UnknownName
from engine.graph.build import constant
from engine.graph.registry import PRIMITIVES
from engine.graph.values import Value
from engine.primitives.function import REQUIRED, Parameter
from engine.source import tree
from engine.source.applied import APPLICATIONS
from engine.source.arguments import array, read
from engine.source.derived import DERIVATIONS
from engine.source.iterables import as_array, enumerate_of, range_of, reversed_of, zip_of
from engine.source.merging import kind_of
from engine.source.names import find_function, near
from engine.source.results import FUNCTION, Closure, Function, Made, Result, Steps
from engine.source.special import APPLIED, DERIVED, signature
from engine.source.text import Span

if TYPE_CHECKING:
    from engine.source.interpreter import Interpreter

_ITERABLES: dict[str, Callable[[Interpreter, tree.Call], Steps]] = {
    "range": range_of,
    "zip": zip_of,
    "enumerate": enumerate_of,
    "reversed": reversed_of,
}


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


def call_special(interpreter: Interpreter, node: tree.Call) -> Result:
    """A call of something that only programs know."""
    name = node.name
    if name in _ITERABLES:
        return _ITERABLES[name](interpreter, node)
    if name in DERIVED:
        given = _arguments(interpreter, node, DERIVED[name])
        return DERIVATIONS[name](interpreter, given, node.span)
    if name in APPLIED:
        given = _arguments(interpreter, node, APPLIED[name])
        return APPLICATIONS[name](interpreter, given, node.span)
    if len(node.arguments) != 1 or node.keywords:
        raise SyntaxFault(f"{name} takes one argument.", span=node.span, hint=f"{name}(x)")
    found = interpreter.lower(node.arguments[0])
    if name == "bool":
        value = array(found, node.span, "the argument of bool")
        return value if value.type.dtype == "bool" else PRIMITIVES["not_equal"](value, constant(0, "int"))
    return as_array(found, node.span) if isinstance(found, Steps) else found


def _arguments(interpreter: Interpreter, node: tree.Call, parameters: tuple[Parameter, ...]) -> dict[str, Any]:
    """Arguments by name; those that are functions are checked."""
    names = [p.name for p in parameters]
    if len(node.arguments) > len(names):
        raise SyntaxFault(
            f"{node.name} takes {len(names)} argument{'s' if len(names) > 1 else ''}, {len(node.arguments)} are given.",
            span=node.span,
            hint=signature(node.name),
        )
    written = dict(zip(names, node.arguments, strict=False))
    for name, argument in node.keywords:
        if name not in names:
            raise UnknownName(
                f"{node.name} has no argument {name!r}; it is {signature(node.name)}.",
                span=argument.span,
                hint=near(name, names),
            )
        if name in written:
            raise SyntaxFault(f"The argument {name!r} of {node.name} is given twice.", span=argument.span)
        written[name] = argument
    missing = [p.name for p in parameters if p.default is REQUIRED and p.name not in written]
    if missing:
        what = "arguments" if len(missing) > 1 else "the argument"
        raise SyntaxFault(f"{node.name} needs {what} {', '.join(missing)}.", span=node.span, hint=signature(node.name))
    given = {name: interpreter.operand(argument) for name, argument in written.items()}
    for name in ("f", "df"):
        if name in given and not isinstance(given[name], FUNCTION):
            what = "a number" if isinstance(given[name], Value) and not given[name].rank else kind_of(given[name])
            raise TypeMismatch(
                f"{node.name} takes a function, and this is {what}.",
                span=written[name].span,
                hint=f"{node.name}(f), where f is a def or a lambda",
            )
    return {p.name: p.default for p in parameters if p.default is not REQUIRED} | given
