"""How a block ends: at its end, by continue, by break or by return; which may depend on data."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from engine.graph.build import constant
from engine.graph.registry import PRIMITIVES
from engine.graph.values import Value
from engine.source.merging import MISSING
from engine.source.results import Result

END, CONTINUE, BREAK, RETURN = range(4)


@dataclass(frozen=True, slots=True)
class Exit:
    """The ways in which a block may end; `code` says which, where there are several.

    `result` is what is returned, `MISSING` where nothing is.
    """

    possible: frozenset[int]
    code: Value | None = None
    result: Result = MISSING

    def known(self) -> Value:
        """The code as a value of the current builder."""
        return self.code if self.code is not None else constant(next(iter(self.possible)), "int")

    def among(self, *ways: int) -> Value | bool:
        """Whether the block ends in one of these ways."""
        if self.possible <= set(ways):
            return True
        wanted = [way for way in ways if way in self.possible]
        if not wanted:
            return False
        found: Any = None
        for way in wanted:
            one = PRIMITIVES["equal"](self.known(), constant(way, "int"))
            found = one if found is None else PRIMITIVES["logical_or"](found, one)
        return found if found.constant is None else bool(found.constant)

    def without(self, *ways: int) -> Exit:
        """The exit where it is known to be none of these ways."""
        left = self.possible - set(ways)
        return Exit(left, self.code if len(left) > 1 else None, self.result)

    def of_loop(self) -> Exit:
        """What a break or the last step of a loop is to the block that the loop stands in."""
        if RETURN not in self.possible:
            return Exit(frozenset((END,)))
        returned = self.among(RETURN)
        if returned is True:
            return Exit(frozenset((RETURN,)), None, self.result)
        assert isinstance(returned, Value)
        code = PRIMITIVES["select"](returned, constant(RETURN, "int"), constant(END, "int"))
        return Exit(frozenset((END, RETURN)), code, self.result)


def only(way: int, result: Result = MISSING) -> Exit:
    """The exit of a block that always ends in one way."""
    return Exit(frozenset((way,)), None, result)
