"""Where values come from: the inputs that make them up, as opposed to those that they were computed from by functions.

`2 * n + 1` has the origin n, `sin(x)` has none.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from engine.source import statement, tree


@dataclass(frozen=True)
class Origin:
    """The inputs that make up a value; `items` are those of a tuple's parts, `functions` what it may call.

    `rounded` are inputs that int() made whole: they need not be whole numbers themselves.
    """

    names: frozenset[str] = frozenset()
    items: tuple[Origin, ...] | None = None
    functions: frozenset[Callee] = frozenset()
    rounded: frozenset[str] = frozenset()

    def all(self) -> frozenset[str]:
        """The inputs of the value and of its parts."""
        return self.names.union(*(item.all() for item in self.items or ()))

    def known(self) -> frozenset[str]:
        """The inputs that have to be known for the value to be known."""
        return self.names.union(self.rounded, *(item.known() for item in self.items or ()))

    def whole(self) -> Origin:
        """The origin of the value without its structure."""
        names = self.all()
        return Origin(names, None, self.functions, self.known() - names)

    def part(self, index: int, count: int) -> Origin:
        """One part of a value that is taken apart into `count`."""
        if self.items is not None and len(self.items) == count:
            return self.items[index]
        return self.whole()

    def any(self) -> Origin:
        """What an element may be, when it is not known which."""
        return join(self.items) if self.items else self.whole()


NONE = Origin()


@dataclass(eq=False)
class Scope:
    """Names and their origins; `maybe`: those that one way to this place does not bind."""

    parent: Scope | None
    names: dict[str, Origin] = field(default_factory=dict)
    maybe: set[str] = field(default_factory=set)


@dataclass(eq=False)
class Callee:
    """A function of the program, and where it was defined."""

    parameters: tuple[tree.Parameter, ...]
    body: statement.Block | tree.Expression
    scope: Scope
    defaults: dict[str, Origin]


def join(origins: Iterable[Origin]) -> Origin:
    """What is one of several."""
    found = list(origins)
    if not found:
        return NONE
    sizes = {None if o.items is None else len(o.items) for o in found}
    if len(sizes) == 1 and found[0].items is not None:
        plain = join([Origin(o.names, None, o.functions, o.rounded) for o in found])
        parts = zip(*(o.items or () for o in found), strict=True)
        return Origin(plain.names, tuple(join(part) for part in parts), plain.functions, plain.rounded)
    return together(found)


def together(origins: Iterable[Origin]) -> Origin:
    """What is made up of several."""
    found = [o.whole() for o in origins]
    return Origin(
        frozenset[str]().union(*(o.names for o in found)),
        None,
        frozenset[Callee]().union(*(o.functions for o in found)),
        frozenset[str]().union(*(o.rounded for o in found)),
    )
