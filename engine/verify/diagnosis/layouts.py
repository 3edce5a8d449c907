"""Right numbers in the wrong places: transposed, permuted, shifted, swapped between inputs, or not yet summed."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from itertools import permutations

import numpy as np

from engine.graph.types import Array, Shape
from engine.verify.diagnosis.arrays import Reductions, Rule, list_of, sentence, signs_and_factors, some_signs, tested
from engine.verify.diagnosis.candidate import MOST, Candidate, Prior, chosen
from engine.verify.diagnosis.fit import ROUGH, Fit, Judge, finite
from engine.verify.diagnosis.mismatch import Arrays, narrowed
from engine.verify.diagnosis.rounding import single_precision
from engine.verify.report import Claim, Hypothesis, Kind

MOST_INPUTS = 200
"""Inputs among which gradients are compared each with each."""

Move = Callable[[Array], Array]


def explain_arrays(claim: Claim, sizes: Mapping[str, int] | None = None) -> list[Hypothesis]:
    """The mistakes that the numbers alone show, best first; `sizes`: counts that may be factors, by what they count.

    The shapes may differ.  Nothing is said about numbers that are not finite.
    """
    if not claim.wrong or not finite(claim):
        return []
    with np.errstate(all="ignore"):
        judge = Judge(claim)
        found = chosen(from_arrays(judge, sizes or {}, (), None) + single_precision(judge, None))
        if judge.rough:
            others = set(claim.claimed) - set(judge.rough)
            found += chosen(single_precision(Judge(narrowed(claim, others)), None))
    return found[:MOST]


def from_arrays(
    judge: Judge, sizes: Mapping[str, int], reductions: Reductions, second: Arrays | None
) -> list[Candidate]:
    """The candidates that need no graph."""
    rules = [*signs_and_factors(judge, sizes, reductions), *some_signs(judge), *swapped(judge), *moved(judge)]
    found = [candidate for rule in rules if (candidate := tested(judge, rule, second)) is not None]
    return found + not_summed(judge)


def swapped(judge: Judge) -> Iterator[Rule]:
    """Gradients given for the wrong inputs."""
    source: dict[str, str] = {}
    if len(judge.claimed) > MOST_INPUTS:
        return
    for name in judge.wrong:
        claimed = judge.claimed[name]
        for other, expected in judge.expected.items():
            if other != name and expected.shape == claimed.shape and near(claimed, expected):
                source[name] = other
                break
        else:
            return
    if any(judge.expected[name].shape != judge.expected[other].shape for name, other in source.items()):
        return
    one_to_one = set(source) == set(source.values())
    text = ", ".join(f"that of {other} stands for {name}" for name, other in source.items())
    detail = f"The gradients of {' and '.join(source)} are swapped." if one_to_one and len(source) == 2 else ""
    yield Rule(
        "permuted",
        detail or f"Gradients stand for the wrong inputs: {text}.",
        lambda gradient: {name: gradient[other] for name, other in source.items()},
        Prior.SWAPPED if one_to_one else Prior.UNUSUAL,
        4.0 if one_to_one else 6.0,
    )


def moved(judge: Judge) -> Iterator[Rule]:
    """The components of each wrong input in another order, or another shape."""
    moves: dict[str, Move] = {}
    kinds: list[tuple[Kind, str, int]] = []
    for name in judge.wrong:
        claimed, expected = judge.claimed[name], judge.expected[name]
        for kind, how, prior, move in _moves(claimed, expected):
            if near(claimed, move(expected)):
                moves[name] = move
                kinds.append((kind, how, prior))
                break
        else:
            return
    kind, how, prior = max(kinds, key=lambda k: k[2])
    verb = "is" if len(moves) == 1 else "are"
    detail = sentence(f"{list_of(tuple(moves), False)} {verb} {how}.")
    yield Rule(kind, detail, lambda gradient: {n: move(gradient[n]) for n, move in moves.items()}, prior, 6.0)


def _moves(claimed: Array, expected: Array) -> Iterator[tuple[Kind, str, int, Move]]:
    shape = claimed.shape
    if claimed.size != expected.size or claimed.size < 2:
        if claimed.size == expected.size and shape != expected.shape:
            yield "transposed", _shapes(shape, expected.shape), Prior.TRANSPOSED, lambda g: g.reshape(shape)
        return
    if 2 <= expected.ndim <= 4:
        for axes in permutations(range(expected.ndim)):
            moved_shape = tuple(expected.shape[a] for a in axes)
            if axes != tuple(range(expected.ndim)) and moved_shape == shape:
                yield "transposed", "transposed", Prior.TRANSPOSED, lambda g, axes=axes: g.transpose(axes)  # type: ignore[misc]
    if shape != expected.shape:
        yield "transposed", _shapes(shape, expected.shape), Prior.TRANSPOSED, lambda g: g.reshape(shape)
    if max(expected.ndim, len(shape)) > 1:
        orders = "put together in the wrong order (rows and columns, as C and Fortran store them)"
        yield "transposed", orders, Prior.TRANSPOSED, lambda g: g.reshape(shape, order="F")
        yield "transposed", orders, Prior.TRANSPOSED, lambda g: g.ravel(order="F").reshape(shape)
    if shape != expected.shape:
        return
    for axis in range(expected.ndim):
        along = "" if expected.ndim == 1 else f" along axis {axis}"
        if expected.shape[axis] > 2:
            yield "permuted", f"reversed{along}", Prior.SWAPPED, lambda g, axis=axis: np.flip(g, axis)  # type: ignore[misc]
        for step in _steps(claimed, expected, axis):
            how = f"shifted by {_shift(step, expected.shape[axis])}{along}"
            if expected.shape[axis] == 2:
                how = f"swapped{along or ': its two components are exchanged'}"
            yield "permuted", how, Prior.SWAPPED, lambda g, s=step, a=axis: np.roll(g, s, a)  # type: ignore[misc]
    if claimed.size >= 3:
        order = np.empty(claimed.size, dtype=np.int64)
        order[np.argsort(claimed, axis=None, kind="stable")] = np.argsort(expected, axis=None, kind="stable")
        how = "in the wrong order: the right numbers at the wrong places"
        yield "permuted", how, Prior.PERMUTED, lambda g: g.ravel()[order].reshape(shape)


def _shift(step: int, size: int) -> str:
    step = step if step <= size // 2 else step - size
    return f"{abs(step)} place{'s' if abs(step) > 1 else ''} {'forwards' if step > 0 else 'backwards'}"


def _shapes(claimed: Shape, expected: Shape) -> str:
    return f"right but for its shape, {claimed} instead of {expected}"


def _steps(claimed: Array, expected: Array, axis: int) -> list[int]:
    """Cyclic shifts along an axis that bring the right number to the claim's largest component; at most 8."""
    if not expected.size or expected.shape[axis] < 2:
        return []
    index = np.unravel_index(int(np.argmax(np.abs(claimed))), claimed.shape)
    line = tuple(slice(None) if a == axis else i for a, i in enumerate(index))
    hits = np.flatnonzero(np.abs(expected[line] - claimed[index]) <= ROUGH * abs(claimed[index]))
    return [int(s) for s in (int(index[axis]) - hits) % expected.shape[axis] if s][:8]


def near(a: Array, b: Array) -> bool:
    """Whether two arrays are the same numbers, roughly: a first look before the fit."""
    if a.shape != b.shape:
        return False
    size = ROUGH * np.maximum(np.abs(a), np.abs(b))
    return bool((np.abs(a - b) <= size + np.max(size, initial=0.0)).all())


def not_summed(judge: Judge) -> list[Candidate]:
    """Gradients with the axis still there along which the input was broadcast."""
    for name in judge.wrong:
        claimed, expected = judge.claimed[name], judge.expected[name]
        extra = claimed.ndim - expected.ndim
        if claimed.shape == expected.shape or extra < 0 or claimed.size <= expected.size:
            return []
        axes = (
            *range(extra),
            *(a + extra for a, n in enumerate(expected.shape) if n == 1 and claimed.shape[a + extra] > 1),
        )
        total = claimed.sum(axis=axes, keepdims=True)
        if total.shape[extra:] != expected.shape or not near(total.reshape(expected.shape), expected):
            return []
    if not judge.wrong:
        return []
    first = judge.wrong[0]
    detail = sentence(
        f"{list_of(judge.wrong, False)} of shape {judge.claimed[first].shape} must be summed to shape "
        f"{judge.expected[first].shape}: the axes along which the input was broadcast are still there."
    )
    size = max(float(np.abs(judge.expected[n]).max(initial=0.0)) for n in judge.wrong)
    off = max(
        float(np.abs(judge.claimed[n].sum() - judge.expected[n].sum())) / judge.expected[n].size for n in judge.wrong
    )
    fit = Fit(0, off / size if size else 0.0, 12.0)
    return [Candidate("missing-reduction", detail, fit, Prior.MISSING_SUM, 0, None, judge.wrong)]
