"""What the expressions of a program give beside values and tuples: functions, what loops run over, and nothing.

Such results exist only while the program is lowered.  A function keeps the scope in which it was defined, and finds the
names that it uses there when it is called, as Python does.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

from engine.errors import EngineError, ShapeMismatch, TypeMismatch, UnknownName
from engine.graph.values import Value
from engine.source import tree
from engine.source.statement import Block
from engine.source.text import Span

Result = Any
"""A value, a tuple of results, None, a string, or one of the classes below."""


@dataclass(eq=False)
class Scope:
    """The names of one function, or of the program itself (`parent` None).

    `own` are those that are assigned anywhere in it, and which are therefore not looked up further out; `where` says
    where each got its present value.
    """

    parent: Scope | None
    own: frozenset[str]
    names: dict[str, Result] = field(default_factory=dict)
    where: dict[str, Span] = field(default_factory=dict)

    def bind(self, name: str, result: Result, span: Span) -> None:
        """Give a name a result."""
        self.names[name] = result
        self.where[name] = span

    def saved(self) -> tuple[dict[str, Result], dict[str, Span]]:
        """The state of the names, to come back to."""
        return dict(self.names), dict(self.where)

    def load(self, state: tuple[dict[str, Result], dict[str, Span]]) -> None:
        """Come back to a saved state."""
        self.names, self.where = dict(state[0]), dict(state[1])


@dataclass(frozen=True)
class Closure:
    """A function of the program: `def` or `lambda`.  Two are the same if they are one text in one scope."""

    told: ClassVar[str] = "a function"
    name: str
    parameters: tuple[tree.Parameter, ...]
    body: Block | tree.Expression
    scope: Scope
    span: Span
    defaults: Mapping[str, Result] = field(compare=False)

    def __hash__(self) -> int:
        return hash((self.name, id(self.body)))


@dataclass(frozen=True)
class Named:
    """A function of the language, used as a value."""

    told: ClassVar[str] = "a function"
    name: str


Call = Callable[[Sequence[Result], Mapping[str, Result]], Result]


@dataclass(frozen=True)
class Made:
    """A function that was made of others, such as a gradient: `key` tells it apart."""

    told: ClassVar[str] = "a function"
    key: tuple[Any, ...]
    call: Call = field(compare=False)


Function = Closure | Named | Made
FUNCTION = (Closure, Named, Made)


@dataclass(frozen=True, eq=False)
class Steps:
    """What a loop runs over: how many steps, and what it gets in each, by a number that is known or computed.

    `whole`, where there is one, gives arrays with an axis over all steps in front.
    """

    told: ClassVar[str] = "a range"
    count: int | Value
    at: Callable[[int | Value], Result]
    whole: Callable[[], Result] | None = None


@dataclass(frozen=True, eq=False)
class Undefined:
    """A name without a value that can be used; `refusal` says why."""

    told: ClassVar[str] = "nothing"
    refusal: Callable[[], EngineError]


def undefined(detail: str, hint: str | None, span: Span | None = None) -> Undefined:
    """A name that has no value in some case."""
    return Undefined(lambda: UnknownName(detail, hint=hint, span=span))


def differing(kind: type[ShapeMismatch | TypeMismatch], detail: str, hint: str | None, span: Span | None) -> Undefined:
    """A name whose values in different cases do not fit together."""
    return Undefined(lambda: kind(detail, hint=hint, span=span))


def leaves(result: Result) -> list[Value]:
    """The values in a result, from left to right."""
    if isinstance(result, Value):
        return [result]
    return [value for item in result for value in leaves(item)] if isinstance(result, tuple) else []


def rebuilt(result: Result, values: Sequence[Value]) -> Result:
    """A result with other values in the places of its own."""
    given = iter(values)

    def fill(part: Result) -> Result:
        if isinstance(part, Value):
            return next(given)
        return tuple(fill(item) for item in part) if isinstance(part, tuple) else part

    return fill(result)


def same(a: Result, b: Result) -> bool:
    """Whether two results are one and the same, constants by what they hold."""
    if a is b:
        return True
    if isinstance(a, tuple) and isinstance(b, tuple):
        return len(a) == len(b) and all(same(x, y) for x, y in zip(a, b, strict=True))
    if isinstance(a, Value) and isinstance(b, Value):
        if a.constant is None or b.constant is None or a.type != b.type or a.recipe is not b.recipe:
            return False
        return bytes(a.constant.tobytes()) == bytes(b.constant.tobytes())
    if isinstance(a, Value | tuple | Undefined | Steps) or isinstance(b, Value | tuple | Undefined | Steps):
        return False
    return type(a) is type(b) and bool(a == b)
