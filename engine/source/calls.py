"""Calls of what only programs know."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from engine.errors import SyntaxFault, TypeMismatch, UnknownName
from engine.graph.build import constant
from engine.graph.registry import PRIMITIVES
from engine.graph.values import Value
from engine.primitives.function import REQUIRED, Parameter
from engine.source import tree
from engine.source.applied import APPLICATIONS
from engine.source.arguments import array
from engine.source.derived import DERIVATIONS
from engine.source.iterables import as_array, enumerate_of, range_of, reversed_of, zip_of
from engine.source.merging import kind_of
from engine.source.names import near
from engine.source.results import FUNCTION, Result, Steps
from engine.source.special import APPLIED, DERIVED, signature

if TYPE_CHECKING:
    from engine.source.interpreter import Interpreter

_ITERABLES: dict[str, Callable[[Interpreter, tree.Call], Steps]] = {
    "range": range_of,
    "zip": zip_of,
    "enumerate": enumerate_of,
    "reversed": reversed_of,
}


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
