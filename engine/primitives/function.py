"""What the language calls: functions by name, each with its signature, its documentation and its test cases.

A function is either an elementwise primitive (made by `record.elementwise`) or a Python function on values decorated
with `@function`.  Its annotations say which arguments are arrays and which are static, and are all that the parser, the
documentation page and `GET /primitives` know about its signature.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, TypeVar

Kind = Literal[
    "Value", "Values", "Indices", "Axis", "Axes", "Shape", "Widths", "Padding", "int", "float", "bool", "str", "Order"
]
"""How an argument is read.

`Value`: an array expression.  `Values`: a list or tuple of them.  The others are static: known when the expression is
compiled.  `Axis`: an integer or None; `Axes`: an integer, a tuple of integers or None; `Shape`: an integer or a tuple
of integers; `Widths`: the same, or a tuple of such tuples; `Order`: a number or one of the strings `fro`, `nuc`;
`Padding`: widths, or a word; `Indices`: integers, static or an input.  What is None by default may be given as None.
"""

Axis = int | None
Axes = int | tuple[int, ...] | None
Shape = int | tuple[int, ...]
Widths = int | tuple[int, ...] | tuple[tuple[int, ...], ...]
Padding = str | int | tuple[int, ...] | tuple[tuple[int, ...], ...]
Order = float | str | None

REQUIRED: Any = inspect.Parameter.empty


@dataclass(frozen=True, slots=True)
class Parameter:
    """One parameter of a function."""

    name: str
    kind: Kind
    default: Any = REQUIRED
    variadic: bool = False
    keyword: bool = True


@dataclass(frozen=True, slots=True)
class Example:
    """An expression and inputs for it: shown in the documentation and differentiated by the table test.

    `smooth` False: at this point there is a kink or a tie, and only the stated convention is checked (`grad`).
    """

    expr: str
    inputs: Mapping[str, Any] = field(default_factory=dict)
    smooth: bool = True
    grad: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Points:
    """Where the table test looks at an elementwise function.

    `intervals`: one open interval per argument in which everything is smooth.  `special`: points (tuples for several
    arguments) that are treacherous and still smooth: zeros, ends of the domain, huge and tiny arguments.
    """

    intervals: tuple[tuple[float, float], ...]
    special: tuple[tuple[float, ...], ...] = ()


@dataclass(frozen=True, slots=True)
class Function:
    """One name of the language."""

    name: str
    parameters: tuple[Parameter, ...]
    build: Callable[..., Any]
    summary: str
    group: str
    aliases: tuple[str, ...] = ()
    domain: str = ""
    kink: str = ""
    differentiable: bool = True
    note: str = ""
    points: Points | None = None
    examples: tuple[Example, ...] = ()
    reference: Callable[..., Any] | None = None

    @property
    def signature(self) -> str:
        """`var(x, axis=None, ddof=0)`."""
        parts = []
        for parameter in self.parameters:
            if parameter.variadic:
                parts.append(f"*{parameter.name}")
            elif parameter.default is REQUIRED:
                parts.append(parameter.name)
            else:
                parts.append(f"{parameter.name}={parameter.default!r}")
        return f"{self.name}({', '.join(parts)})"


FUNCTIONS: dict[str, Function] = {}
"""Every function by its own name; aliases are in `ALIASES`."""
ALIASES: dict[str, str] = {}

F = TypeVar("F", bound=Callable[..., Any])


def enter(function: Function) -> Function:
    """Put a function into the table; a name or alias is entered once."""
    for name in (function.name, *function.aliases):
        if name in FUNCTIONS or name in ALIASES:
            raise ValueError(f"function {name!r} is entered twice")
    FUNCTIONS[function.name] = function
    ALIASES.update(dict.fromkeys(function.aliases, function.name))
    return function


def function(group: str, *, name: str | None = None, **record: Any) -> Callable[[F], F]:
    """Enter a Python function on values under its own name less a trailing `_`; its docstring is the summary."""

    def decorate(build: F) -> F:
        own = name or build.__name__.rstrip("_")
        summary = inspect.cleandoc(build.__doc__ or "").split("\n\n")[0].replace("\n", " ")
        enter(Function(own, tuple(_parameters(build)), build, summary, group, **record))
        return build

    return decorate


def _parameters(build: Callable[..., Any]) -> Sequence[Parameter]:
    found = []
    for parameter in inspect.signature(build).parameters.values():
        variadic = parameter.kind is inspect.Parameter.VAR_POSITIONAL
        kind = str(parameter.annotation).removesuffix(" | None").removesuffix(" | float")
        found.append(Parameter(parameter.name, kind, parameter.default, variadic))  # type: ignore[arg-type]
    return found
