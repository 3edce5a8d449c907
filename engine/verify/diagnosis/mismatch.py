"""What is diagnosed: a function, a point, and a claim about its gradient there."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from engine.graph.types import Array
from engine.graph.values import Graph, Value
from engine.limits import Budget
from engine.verify.diagnosis.words import Words
from engine.verify.report import Claim

Arrays = Mapping[str, Array]
"""Arrays by the name of an input."""


@dataclass(frozen=True, slots=True)
class Mismatch:
    """A claimed gradient that is wrong.

    `graph` has one output, a real number, and is a function of one point.  `arguments`: float64, int64 or bool, one
    per input of the graph, in order; `names` those of the inputs.  `points`: the number of points, if the function is
    a sum over a batch; a mean over it is then told from other factors.  `text`: of a program, whose operations may run
    many times, and are told by what is written there.
    """

    graph: Graph
    arguments: Sequence[Any]
    names: Sequence[str]
    wrt: tuple[str, ...]
    claim: Claim
    points: int | None = None
    text: str | None = None

    @property
    def asked(self) -> tuple[str, ...]:
        """The inputs that the claim is about, in the order of `wrt`."""
        return tuple(name for name in self.wrt if name in self.claim.claimed)

    @property
    def sources(self) -> list[Value]:
        """The inputs that the claim is about."""
        by_name = dict(zip(self.names, self.graph.inputs, strict=True))
        return [by_name[name] for name in self.asked]

    @property
    def places(self) -> list[int]:
        """Their numbers among the inputs of the graph."""
        by_name = {name: i for i, name in enumerate(self.names)}
        return [by_name[name] for name in self.asked]

    def words(self) -> Words:
        """What writes the values of the graph."""
        return Words(dict(zip(self.graph.inputs, self.names, strict=True)), self.text)

    def without(self, names: set[str]) -> Mismatch:
        """The same, with nothing claimed about these inputs."""
        return replace(self, claim=narrowed(self.claim, names), wrt=tuple(n for n in self.wrt if n not in names))


def narrowed(claim: Claim, names: set[str]) -> Claim:
    """The claim without what it says about these inputs."""

    def rest(arrays: Arrays) -> Arrays:
        return {n: a for n, a in arrays.items() if n not in names}

    return Claim(rest(claim.claimed), rest(claim.expected), rest(claim.allowed))


def in_time(budget: Budget) -> bool:
    """Whether there is time to try another hypothesis; diagnosis ends early instead of failing."""
    return not budget.cancelled and time.perf_counter() < budget.deadline
