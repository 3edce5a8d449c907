"""The source tree of programs: statements, each with its place in the text.

The target of an assignment or a loop is an expression of names, tuples of targets, and indexed names.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from engine.source.text import Span
from engine.source.tree import BinaryOperator, Expression, Index, Name, Parameter, Sequence


@dataclass(slots=True, eq=False)
class Assign:
    """`a = b = value`: one target or several that get the same value."""

    targets: tuple[Expression, ...]
    value: Expression
    span: Span


@dataclass(slots=True, eq=False)
class Augment:
    """`target += value`."""

    target: Expression
    operator: BinaryOperator
    value: Expression
    span: Span


@dataclass(slots=True, eq=False)
class If:
    """A choice; `elif` is an `If` alone in `otherwise`."""

    test: Expression
    then: Block
    otherwise: Block
    span: Span


@dataclass(slots=True, eq=False)
class For:
    """A loop over a range, an array or what `zip` and its like make."""

    target: Expression
    source: Expression
    body: Block
    span: Span


@dataclass(slots=True, eq=False)
class While:
    """A loop as long as a condition holds."""

    test: Expression
    body: Block
    span: Span


@dataclass(slots=True, eq=False)
class Break:
    """The end of the innermost loop."""

    span: Span


@dataclass(slots=True, eq=False)
class Continue:
    """The end of a step of the innermost loop."""

    span: Span


@dataclass(slots=True, eq=False)
class Pass:
    """Nothing."""

    span: Span


@dataclass(slots=True, eq=False)
class Return:
    """The result of a function or of the program; `names` are those of a dictionary, whose values are a tuple."""

    value: Expression
    names: tuple[str, ...] | None
    span: Span


@dataclass(slots=True, eq=False)
class Assert:
    """A condition that has to hold, and what is said if it does not."""

    test: Expression
    message: str | None
    span: Span


@dataclass(slots=True, eq=False)
class Close:
    """`assert_close(a, b)`: two values that have to agree."""

    left: Expression
    right: Expression
    keywords: tuple[tuple[str, Expression], ...]
    span: Span


@dataclass(slots=True, eq=False)
class Define:
    """`def name(parameters):`"""

    name: str
    parameters: tuple[Parameter, ...]
    body: Block
    span: Span
    name_span: Span


Statement = Assign | Augment | If | For | While | Break | Continue | Pass | Return | Assert | Close | Define
Block = tuple[Statement, ...]
Target = Expression


@dataclass(slots=True, eq=False)
class Program:
    """A whole text.  `main` is its last function where it has no `return` of its own: its parameters are the inputs."""

    body: Block
    main: Define | None
    span: Span
    text: str = ""


def blocks(statement: Statement) -> tuple[Block, ...]:
    """The blocks inside a statement, those of a nested function excepted."""
    match statement:
        case If():
            return statement.then, statement.otherwise
        case For() | While():
            return (statement.body,)
    return ()


def expressions(statement: Statement) -> Iterator[Expression]:
    """The expressions that a statement itself consists of, in the order of the text, targets included."""
    match statement:
        case Assign():
            yield from statement.targets
            yield statement.value
        case Augment():
            yield statement.target
            yield statement.value
        case If() | While() | Assert():
            yield statement.test
        case For():
            yield statement.target
            yield statement.source
        case Return():
            yield statement.value
        case Close():
            yield statement.left
            yield statement.right
            yield from (value for _, value in statement.keywords)
        case Define():
            yield from (p.default for p in statement.parameters if p.default is not None)


def statements(block: Block, nested: bool = False) -> Iterator[Statement]:
    """All statements of a block and of the blocks inside it; with those of `nested` functions, if they are wanted."""
    todo = list(reversed(block))
    while todo:
        statement = todo.pop()
        yield statement
        inner = blocks(statement)
        if nested and isinstance(statement, Define):
            inner = (statement.body,)
        for part in reversed(inner):
            todo.extend(reversed(part))


def target_names(target: Expression) -> Iterator[Name]:
    """The names that an assignment to a target binds; `x` for `x[i]`."""
    match target:
        case Name():
            yield target
        case Sequence():
            for item in target.items:
                yield from target_names(item)
        case Index():
            yield from target_names(target.base)
