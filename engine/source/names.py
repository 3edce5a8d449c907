"""Names: constants, near names, and how inputs are used."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from difflib import get_close_matches

from engine.primitives.function import ALIASES, FUNCTIONS, Function
from engine.source import tree

CONSTANTS = {"pi": math.pi, "e": math.e, "tau": math.tau, "inf": math.inf, "nan": math.nan}

_FOREIGN = {
    "sigm": "sigmoid",
    "lnGamma": "lgamma",
    "if_": "where",
    "ifelse": "where",
    "cond": "where",
    "ite": "where",
    "avg": "mean",
    "length": "norm",
    "mm": "matmul",
    "sumsq": "norm(x)^2",
    "transp": "transpose",
    "range": "arange",
    "array": "a list, as in [1, 2]",
    "float": "nothing: numbers are float64",
    "int": "floor",
    "print": "nothing: what is returned is shown",
    "str": "nothing: results are numbers",
    "isinstance": "nothing: the kinds of values are known",
}


def find_function(name: str) -> Function | None:
    """The function of this name or alias."""
    return FUNCTIONS.get(name) or FUNCTIONS.get(ALIASES.get(name, ""))


def near(name: str, known: Iterable[str]) -> str | None:
    """A hint for a name that is not known, or None."""
    if len(name) > 60:
        return None
    known = list(known)
    by_case = {k.lower(): k for k in known}
    if name.lower() in by_case:
        return f"did you mean {by_case[name.lower()]}?"
    found = get_close_matches(name, known, 1, 0.72)
    return f"did you mean {found[0]}?" if found else None


def near_function(name: str) -> str | None:
    """A hint for a function that does not exist."""
    if name in _FOREIGN:
        return f"write {_FOREIGN[name]}"
    return near(name, [*FUNCTIONS, *ALIASES])


@dataclass(frozen=True, slots=True)
class Uses:
    """The names that an expression mentions, in the order of their first mention, and how.

    `integer`: used as an index.  `static`: used where a value must be known when the expression is compiled (a shape,
    an axis, a slice bound).  `places` holds the first mention of each.
    """

    places: dict[str, tree.Name]
    integer: frozenset[str]
    static: frozenset[str]


STATIC_INTEGERS = {"Axis", "Axes", "Shape", "Widths", "Padding", "int"}
STATIC_OTHERS = {"float", "bool", "Order", "str"}
INTEGER_FUNCTIONS = {"minimum", "maximum", "min", "max", "abs", "mod", "floor_divide", "clip"}


def uses(root: tree.Expression) -> Uses:
    """How the names in an expression are used."""
    places: dict[str, tree.Name] = {}
    integer: set[str] = set()
    static: set[str] = set()
    for node in tree.walk(root):
        if isinstance(node, tree.Name):
            places.setdefault(node.name, node)
        elif isinstance(node, tree.Index):
            for item in node.items:
                integer.update(_names(item))
                if isinstance(item, tree.Slice):
                    static.update(_names(item))
        elif isinstance(node, tree.Call):
            _call_uses(node, integer, static)
    return Uses(places, frozenset(integer), frozenset(static))


def _call_uses(node: tree.Call, integer: set[str], static: set[str]) -> None:
    function = find_function(node.name)
    if function is None:
        return
    positional = list(function.parameters)
    for argument in node.arguments:
        if not positional:
            break
        parameter = positional[0]
        if not parameter.variadic:
            positional.pop(0)
        _note(parameter.kind, argument, integer, static)
    kinds = {p.name: p.kind for p in function.parameters}
    for name, argument in node.keywords:
        _note(kinds.get(name, "Value"), argument, integer, static)


def _note(kind: str, argument: tree.Expression, integer: set[str], static: set[str]) -> None:
    if kind in STATIC_INTEGERS or kind == "Indices":
        integer.update(_names(argument))
    if kind in STATIC_INTEGERS or kind in STATIC_OTHERS:
        static.update(_names(argument))


def _names(node: tree.Expression) -> set[str]:
    """Names whose value makes up the value of the expression, as opposed to arguments of functions in it."""
    found: set[str] = set()
    todo = [node]
    while todo:
        part = todo.pop()
        if isinstance(part, tree.Name):
            found.add(part.name)
        elif isinstance(part, tree.Index):
            continue
        elif isinstance(part, tree.Conditional):
            todo += [part.then, part.other]
        elif isinstance(part, tree.Compare) or (isinstance(part, tree.Call) and part.name not in INTEGER_FUNCTIONS):
            continue
        else:
            todo += list(tree.children(part))
    return found
