"""The right gradient of another point."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import combinations
from typing import Any

import numpy as np

from engine.execute.compile import as_argument
from engine.verify.diagnosis.fit import Judge
from engine.verify.diagnosis.mismatch import Arrays, Mismatch

RATES = (1.0, 0.1, 0.01, 0.001)
MOST_PAIRS = 40
MOST_SINGLE = 20

Arguments = Sequence[Any]
GradientAt = Callable[[Arguments], Arrays]
Move = Callable[[Arguments, Arrays], list[Any]]
"""The arguments of the other point, from those of this one and the gradient here."""


def other_points(mismatch: Mismatch, judge: Judge) -> Iterator[tuple[str, Move, bool]]:
    """Sentences and moves; the flag tells whether a move is the same at all points."""
    asked = mismatch.places
    yield from _exchanged(mismatch)
    yield from _stepped(mismatch, asked)
    yield from _rearranged(mismatch, asked)
    for rate in RATES:
        step = "a gradient step" if rate == 1.0 else f"a step of {rate:g} times the gradient"
        yield f"This is the gradient after {step}.", _along(mismatch, asked, -rate), True
        yield f"This is the gradient after {step} uphill.", _along(mismatch, asked, rate), True
        yield f"This is the gradient before {step}.", _along(mismatch, asked, rate, judge.claimed), False
        yield f"This is the gradient before {step} uphill.", _along(mismatch, asked, -rate, judge.claimed), False


def _exchanged(mismatch: Mismatch) -> Iterator[tuple[str, Move, bool]]:
    inputs = [i for i, v in enumerate(mismatch.graph.inputs) if v.type.dtype == "real"]
    for count, (i, j) in enumerate(combinations(inputs, 2)):
        if count >= MOST_PAIRS:
            return
        if mismatch.graph.inputs[i].type != mismatch.graph.inputs[j].type:
            continue

        def swap(arguments: Arguments, gradient: Arrays, i: int = i, j: int = j) -> list[Any]:
            result = list(arguments)
            result[i], result[j] = result[j], result[i]
            return result

        names = f"{mismatch.names[i]} and {mismatch.names[j]}"
        yield f"This is the gradient at the point where {names} are swapped.", swap, True


def _stepped(mismatch: Mismatch, asked: Sequence[int]) -> Iterator[tuple[str, Move, bool]]:
    groups = [([i], mismatch.names[i]) for i in asked[:MOST_SINGLE]]
    if len(asked) > 1:
        groups.insert(0, (list(asked), "every input"))
    changes: tuple[tuple[str, Callable[[Any], Any]], ...] = (
        ("{} is one larger", lambda x: x + 1.0),
        ("{} is one smaller", lambda x: x - 1.0),
        ("{} is 0", lambda x: x * 0.0),
        ("{} is 1", lambda x: x * 0.0 + 1.0),
        ("{} has the other sign", lambda x: -x),
    )
    for text, change in changes:
        for places, name in groups:
            yield f"This is the gradient at the point where {text.format(name)}.", _changed(places, change), True


def _rearranged(mismatch: Mismatch, asked: Sequence[int]) -> Iterator[tuple[str, Move, bool]]:
    for i in asked[:MOST_SINGLE]:
        name, shape = mismatch.names[i], mismatch.graph.inputs[i].shape
        if len(shape) == 1 and shape[0] > 1:
            for step, how in ((1, "shifted by one place"), (-1, "shifted back by one place")):
                text = f"This is the gradient at the point where the components of {name} are {how}."
                yield text, _changed([i], lambda x, s=step: np.roll(x, s)), True  # type: ignore[misc]
            text = f"This is the gradient at the point where {name} is reversed."
            yield text, _changed([i], lambda x: x[::-1].copy()), True
    for i, value in enumerate(mismatch.graph.inputs):
        if value.rank == 2 and value.shape[0] == value.shape[1] > 1 and value.type.dtype == "real":
            text = f"This is the gradient at the point where {mismatch.names[i]} is transposed."
            yield text, _changed([i], lambda x: x.T.copy()), True


def _changed(places: Sequence[int], change: Callable[[Any], Any]) -> Move:
    def move(arguments: Arguments, gradient: Arrays) -> list[Any]:
        return [change(a) if i in places else a for i, a in enumerate(arguments)]

    return move


def _along(mismatch: Mismatch, asked: Sequence[int], step: float, direction: Arrays | None = None) -> Move:
    def move(arguments: Arguments, gradient: Arrays) -> list[Any]:
        result = list(arguments)
        for i in asked:
            slope = (direction or gradient)[mismatch.names[i]]
            result[i] = as_argument(result[i] + step * slope, mismatch.graph.inputs[i])
        return result

    return move


def free_steps(mismatch: Mismatch, judge: Judge, at: GradientAt) -> Iterator[tuple[str, Arrays]]:
    """The gradient somewhere along the claimed, or the right, one, found by a search."""
    asked = mismatch.places
    weights = {n: judge.claimed[n] - judge.expected[n] for n in mismatch.asked}
    for direction, text in ((judge.claimed, "claimed"), (judge.expected, "right")):

        def there(step: float, direction: Arrays = direction) -> Arrays:
            return at(_along(mismatch, asked, step, direction)(mismatch.arguments, direction))

        def short(step: float, there: Callable[[float], Arrays] = there) -> float:
            found = there(step)
            return float(sum(np.sum((found[n] - judge.claimed[n]) * weights[n]) for n in weights))

        for sign in (1.0, -1.0):
            for root in _roots(short, [sign * 10.0**e for e in np.linspace(-5.0, 0.5, 34)]):
                yield f"This is the gradient at another point, {root:.6g} times the {text} gradient away.", there(root)


def _roots(function: Callable[[float], float], steps: Sequence[float]) -> Iterator[float]:
    """Where a function changes its sign between two of the steps."""
    before, low = 0.0, function(0.0)
    for after in steps:
        high = function(after)
        if not np.isfinite(high):
            return
        if low * high < 0:
            yield _bracketed(function, before, low, after, high)
        before, low = after, high


def _bracketed(function: Callable[[float], float], a: float, fa: float, b: float, fb: float) -> float:
    """The root between two points of opposite sign, by the method of Illinois."""
    for _ in range(60):
        c = b - fb * (b - a) / (fb - fa)
        fc = function(c)
        if fc == 0.0 or abs(b - a) <= 1e-15 * abs(b):
            return c
        if fc * fb < 0:
            a, fa = b, fb
        else:
            fa *= 0.5
        b, fb = c, fc
        if fb == fa:
            break
    return b
