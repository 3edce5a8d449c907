"""Functions of values, and what can be made of them while a graph is built: derivatives, choices, loops, maps.

A function takes values and emits its nodes into the current builder.  It may use values from around it; what is made of
it here treats those as constants, so that a derivative is that in the arguments alone.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from engine.graph.build import Builder
from engine.graph.types import Type
from engine.graph.values import Value

Function = Callable[[Sequence[Value]], Sequence[Value]]


def child() -> Builder:
    """A builder for a graph inside the current one, with its limits, its budget and its rewrites."""
    raise NotImplementedError


class Branch:
    """One side of a choice, under construction: `with branch.builder:` emits into it."""

    def __init__(self) -> None:
        self.builder = child()
        self.outputs: list[Value] = []


def choose(predicate: Value, then: Branch, otherwise: Branch) -> tuple[Value, ...]:
    """The outputs of one branch, whose types are those of the other's; only that one runs."""
    raise NotImplementedError


class Body:
    """The body of a loop, under construction: `with body.builder:` emits into it.

    `index` counts the steps from 0 (an int), `carried` are what the step before left (types given).
    """

    def __init__(self, types: Sequence[Type]) -> None:
        self.builder = child()
        self.index: Value
        self.carried: tuple[Value, ...]


def repeat(
    body: Body,
    initial: Sequence[Value],
    results: Sequence[Value],
    *,
    count: Value | None = None,
    go: Value | None = None,
    go_on: Value | None = None,
) -> tuple[Value, tuple[Value, ...]]:
    """A loop: the number of steps that it took, and what the last one left (`initial` if there was none).

    `results` are what a step leaves, of the types of `carried`.  At most `count` steps (an int; None: no bound).  With
    `go` (a bool, whether there is a first step) and `go_on` (a bool of the body, whether there is another one after
    this), it ends when that is false.
    """
    raise NotImplementedError


def gradient_of(function: Function, arguments: Sequence[Value], wrt: Sequence[int]) -> tuple[Value, list[Value]]:
    """The value (one real number) and the gradients in the arguments numbered in `wrt`."""
    raise NotImplementedError


def jacobian_of(function: Function, arguments: Sequence[Value], wrt: Sequence[int]) -> list[list[Value]]:
    """By output, then by argument: arrays of the shape of the output, then that of the argument."""
    raise NotImplementedError


def hessian_of(function: Function, arguments: Sequence[Value], wrt: Sequence[int]) -> list[list[Value]]:
    """By argument and argument: arrays of the shape of the one, then that of the other."""
    raise NotImplementedError


def jvp_of(
    function: Function, arguments: Sequence[Value], tangents: Sequence[Value | None]
) -> tuple[list[Value], list[Value]]:
    """Outputs, and their tangents (zeros where there are none)."""
    raise NotImplementedError


def vjp_of(
    function: Function, arguments: Sequence[Value], cotangents: Sequence[Value], wrt: Sequence[int]
) -> tuple[list[Value], list[Value]]:
    """Outputs, and the cotangents of the arguments numbered in `wrt`."""
    raise NotImplementedError


def with_rule(function: Function, rule: Function, arguments: Sequence[Value]) -> tuple[Value, ...]:
    """The outputs of `function`, with `rule` for its derivative.

    `rule` takes the arguments, then the outputs, then their cotangents, and gives one cotangent per argument.
    """
    raise NotImplementedError


def solved(function: Function, start: Sequence[Value]) -> Value:
    """A root of a function of one array (of its own shape), found by Newton's method from `start`.

    It may use values from around it; the derivative of the root in those is the implicit one, to any order.
    """
    raise NotImplementedError


def mapped(function: Function, arguments: Sequence[Value], varies: Sequence[bool], size: int) -> list[Value]:
    """The outputs for `size` points at once, with a leading axis; so have the arguments that vary.

    Evaluated together where the function allows it, one after the other where it does not.
    """
    raise NotImplementedError
