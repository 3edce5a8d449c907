"""Arguments of a call to what a function takes: arrays as values, everything else known when the graph is built."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from engine.errors import EngineError, SyntaxFault, TypeMismatch, UnknownName
from engine.graph.values import Value
from engine.primitives.function import REQUIRED, Function, Kind, Parameter
from engine.primitives.shape import same_dtype, stack0
from engine.source import tree
from engine.source.names import near
from engine.source.text import Span

Lower = Callable[[tree.Expression], Any]


_NOT_KNOWN = "must be known when the expression is compiled"


def not_known(error: EngineError) -> bool:
    """Whether a refusal is that of a computed value where one is needed that is known without running anything."""
    return isinstance(error, TypeMismatch) and _NOT_KNOWN in error.detail


def bind_arguments(call: tree.Call, function: Function, lower: Lower) -> tuple[list[Any], dict[str, Any]]:
    """Positional and keyword arguments for `function.build`."""
    positional, keywords = [], {}
    parameters = list(function.parameters)
    keyword_only = False
    given: set[str] = set()
    for argument in call.arguments:
        if not parameters or keyword_only:
            raise _too_many(call, function)
        parameter = parameters[0]
        if not parameter.variadic:
            parameters.pop(0)
            given.add(parameter.name)
        positional.append(read(argument, parameter, function, lower))
    by_name = {p.name: p for p in function.parameters if not p.variadic}
    order = [p.name for p in function.parameters]
    for name, argument in call.keywords:
        found = by_name.get(name)
        if found is None:
            raise UnknownName(
                f"{function.name} has no argument {name!r}; it is {function.signature}.",
                span=argument.span,
                hint=near(name, by_name),
            )
        if name in given:
            raise SyntaxFault(f"The argument {name!r} of {function.name} is given twice.", span=argument.span)
        given.add(name)
        value = read(argument, found, function, lower)
        if found.keyword:
            keywords[name] = value
        elif order.index(name) == len(positional):
            positional.append(value)
        else:
            raise SyntaxFault(
                f"The arguments of {function.name} come in the order of {function.signature}.", span=argument.span
            )
    missing = [p.name for p in function.parameters if p.default is REQUIRED and not p.variadic and p.name not in given]
    if missing:
        raise SyntaxFault(
            f"{function.name} needs {'arguments' if len(missing) > 1 else 'the argument'} {', '.join(missing)}.",
            span=call.span,
            hint=function.signature,
        )
    return positional, keywords


def _too_many(call: tree.Call, function: Function) -> SyntaxFault:
    return SyntaxFault(
        f"{function.name} takes {len(function.parameters)} argument{'s' if len(function.parameters) != 1 else ''}, "
        f"{len(call.arguments)} are given.",
        span=call.span,
        hint=function.signature,
    )


def read(argument: tree.Expression, parameter: Parameter, function: Function, lower: Lower) -> Any:
    """One argument as its kind wants it."""
    kind: Kind = parameter.kind
    where = f"{parameter.name} of {function.name}"
    if kind == "Values" and isinstance(argument, tree.Sequence):
        return [array(lower(item), item.span, where) for item in argument.items]
    found = lower(argument)
    if found is None and parameter.default is None:
        return None
    if kind in ("Value", "Indices"):
        if isinstance(found, tuple) and parameter.variadic:
            return found
        return array(found, argument.span, where)
    if kind == "Values":
        if isinstance(found, tuple):
            return [array(item, argument.span, where) for item in found]
        return array(found, argument.span, where)
    return static(found, kind, argument.span, where)


def array(found: Any, span: Span, where: str) -> Value:
    """A value that is an array or a number; a tuple of them is stacked into one."""
    if isinstance(found, Value):
        return found
    if isinstance(found, tuple) and found:
        parts = [array(item, span, where) if isinstance(item, tuple) else item for item in found]
        if all(isinstance(item, Value) for item in parts):
            return stack0(*same_dtype(parts))
    what = "nothing" if found is None else "a text" if isinstance(found, str) else "several values"
    what = getattr(found, "told", what)
    raise TypeMismatch(f"{where} must be a number or an array, and is {what}.", span=span)


def static(found: Any, kind: Kind, span: Span, where: str) -> Any:
    """A static argument: Python integers, floats, tuples, strings, None."""
    plain = _plain(found, span, where)
    if kind == "str":
        if isinstance(plain, str):
            return plain
        raise TypeMismatch(f'{where} must be a text in quotes, as in "ij->i".', span=span)
    if kind == "bool":
        if isinstance(plain, bool) or plain in (0, 1):
            return bool(plain)
        raise TypeMismatch(f"{where} must be True or False.", span=span)
    if kind in ("float", "Order"):
        if isinstance(plain, int | float) or (kind == "Order" and (plain is None or isinstance(plain, str))):
            return plain
        raise TypeMismatch(f"{where} must be a number.", span=span)
    if kind == "Padding" and isinstance(plain, str):
        return plain
    if plain is None and kind in ("Axis", "Axes"):
        return None
    if isinstance(plain, tuple) and kind in ("Axes", "Shape", "Widths", "Padding"):
        return _integers(plain, kind, span, where)
    return _integer(plain, span, where)


def _integers(items: tuple[Any, ...], kind: Kind, span: Span, where: str) -> tuple[Any, ...]:
    return tuple(
        _integers(item, kind, span, where)
        if isinstance(item, tuple) and kind in ("Widths", "Padding")
        else _integer(item, span, where)
        for item in items
    )


def _integer(plain: Any, span: Span, where: str) -> int:
    if isinstance(plain, bool) or not isinstance(plain, int | float) or plain != plain or abs(plain) >= 2**62:
        raise TypeMismatch(f"{where} must be an integer.", span=span)
    if plain != int(plain):
        raise TypeMismatch(f"{where} must be an integer, and is {plain!r}.", span=span)
    return int(plain)


def _plain(found: Any, span: Span, where: str) -> Any:
    if isinstance(found, tuple):
        return tuple(_plain(item, span, where) for item in found)
    if not isinstance(found, Value):
        return found
    if found.constant is None:
        raise TypeMismatch(f"{where} {_NOT_KNOWN}; here it is computed.", span=span)
    listed = found.constant.tolist()
    return _tuples(listed)


def _tuples(listed: Any) -> Any:
    return tuple(_tuples(item) for item in listed) if isinstance(listed, list) else listed
