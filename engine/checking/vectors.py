"""Golden vectors: points of a domain, random and treacherous ones, with value and gradient rounded once."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from engine.checking.allowance import allowance
from engine.checking.court import Court, Witnesses
from engine.checking.crossings import Gaps, Named, on_segment
from engine.checking.kinks import met, points_of, scaled, without_jumps
from engine.errors import BudgetExceeded, EngineError, Fault, InvalidRequest
from engine.graph.types import Array, Shape
from engine.limits import Budget
from engine.precision.examine import PERTURBATION
from engine.question import Question

SEGMENTS = 12
"""Pairs of random points between which treacherous ones are sought."""
MOST_OF_A_KIND = 4
NEARBY = 1e-8
"""How far beside a pole or a cancellation, relative to the segment, a point is still treacherous."""
TINY = 1e-300
BREAKS = ("kink", "jump", "boundary")
"""Points at which, or next to which, the gradient or the value may jump."""
ATTEMPTS = 10
"""Random points are drawn this many times over to find enough at which the function has a value."""


@dataclass(frozen=True, slots=True)
class Range:
    """Where an input may lie: every element between `low` and `high`; whole numbers if `integer`."""

    low: float
    high: float
    shape: Shape = ()
    integer: bool = False


@dataclass(frozen=True, slots=True)
class Vectors:
    """Points and answers, stacked along a first axis.

    `kinds` tells of each point why it is there.  `tolerance` is absolute, for the value (`""`) and for the gradient by
    input: what an honest computation in float64 may lose; at a kink, what takes it to the derivatives from both sides.
    `differentiable` is False where the gradient is a convention, if only as far as float64 can tell, or not finite.
    """

    at: dict[str, Array]
    value: Array
    grad: dict[str, Array]
    tolerance: dict[str, Array]
    kinds: list[str]
    differentiable: Array


Ask = Callable[[Named, tuple[str, ...]], Question]
"""A question about the function at many points: the inputs, stacked, and the names of those that are."""


def vectors(
    court: Court,
    witnesses: Witnesses,
    ask: Ask,
    domain: Mapping[str, Range],
    count: int,
    seed: int,
    budget: Budget,
) -> Vectors:
    """`count` random points, then the treacherous ones, at which the function has a finite value.

    The same arguments give the same bits.  Raises what preparing the gradient raises, and `InvalidRequest` where the
    function has no value at all in the domain.
    """
    random = np.random.default_rng(seed)
    first = [_drawn(domain, random) for _ in range(max(2, count))]
    chosen, kinds = _with_values(court, ask, domain, first[:count], random, budget)
    seen = {_bits(point) for point in chosen}
    for kind, point in _treacherous(court, ask, domain, first, random, budget):
        if _bits(point) not in seen:
            seen.add(_bits(point))
            kinds.append(kind)
            chosen.append(point)
    found, settled = _answered(court, witnesses, ask, chosen, kinds, budget)
    if not found.kinds and not settled:
        raise BudgetExceeded(
            "High precision did not settle the value at any point in time.",
            hint="Ask for fewer or smaller points, or for a part of the domain.",
        )
    if not found.kinds:
        raise InvalidRequest(
            "The function has no finite value at any point of the domain that was tried.",
            faults=[Fault("/domain", "The function has no finite value here.")],
        )
    return found


def _drawn(domain: Mapping[str, Range], random: np.random.Generator) -> dict[str, Array]:
    return {
        name: np.asarray(random.integers(int(np.ceil(r.low)), int(np.floor(r.high)) + 1, r.shape))
        if r.integer
        else np.asarray(random.uniform(r.low, r.high, r.shape))
        for name, r in domain.items()
    }


def _bits(point: Named) -> bytes:
    return b"".join(array.tobytes() for array in point.values())


def _with_values(
    court: Court,
    ask: Ask,
    domain: Mapping[str, Range],
    first: list[dict[str, Array]],
    random: np.random.Generator,
    budget: Budget,
) -> tuple[list[dict[str, Array]], list[str]]:
    """As many random points at which the function has a value as were asked for, or as can be found."""
    count = len(first)
    kept = [p for p in first if _finite(court, ask, p, budget)]
    for _ in range(ATTEMPTS * count):
        if len(kept) == count:
            break
        point = _drawn(domain, random)
        if _finite(court, ask, point, budget):
            kept.append(point)
    return kept, ["random"] * len(kept)


def _finite(court: Court, ask: Ask, point: Named, budget: Budget) -> bool:
    question = replace(ask(point, ()), precision="float64", wrt=None)
    value = court.prepare(question, "value", budget).run(question, budget).value
    return bool(np.all(np.isfinite(np.asarray(value, dtype=np.float64))))


def _treacherous(
    court: Court,
    ask: Ask,
    domain: Mapping[str, Range],
    points: list[dict[str, Array]],
    random: np.random.Generator,
    budget: Budget,
) -> Iterator[tuple[str, dict[str, Array]]]:
    yield from _special(domain, points[0])
    subject = court.subject(ask(points[0], ()), budget)
    reals = [i for i, name in enumerate(subject.names) if name in domain and not domain[name].integer]
    gaps = Gaps(subject.graph, reals, budget)
    seen: dict[str, int] = {}
    for k in range(SEGMENTS):
        a = points[k % len(points)]
        b = points[(k + 1) % len(points)] if k + 1 < len(points) else _drawn(domain, random)

        def at(t: float, a: Named = a, b: Named = b) -> list[Any]:
            return subject.arguments(ask(on_segment(a, b, t), ()))

        for kind, t in sorted(gaps.between(at), key=lambda found: found[0] == "cancellation"):
            seen[kind] = seen.get(kind, 0) + 1
            if seen[kind] > MOST_OF_A_KIND:
                continue
            yield kind, on_segment(a, b, t)
            if kind in ("pole", "cancellation", "end of the domain"):
                yield (
                    f"near a {kind}" if kind != "end of the domain" else "near the end of the domain",
                    on_segment(a, b, t + NEARBY if t < 0.5 else t - NEARBY),
                )


def _special(domain: Mapping[str, Range], middle: Named) -> Iterator[tuple[str, dict[str, Array]]]:
    """Zeros of both signs, tiny numbers and the ends of the domain: of each input, and of all at once."""

    def with_number(name: str | None, number: float) -> dict[str, Array]:
        return {
            n: np.full(r.shape, number) if not r.integer and (name is None or n == name) else middle[n]
            for n, r in domain.items()
        }

    reals = [name for name, r in domain.items() if not r.integer]
    for kind, number in (("zero", 0.0), ("negative zero", -0.0), ("tiny", TINY), ("tiny", -TINY)):
        inside = [name for name in reals if domain[name].low <= number <= domain[name].high]
        for name in inside:
            yield kind, with_number(name, number)
        if len(inside) == len(reals) > 1:
            yield kind, with_number(None, number)
    for name in reals:
        for number in (domain[name].low, domain[name].high):
            yield "end of the range", with_number(name, number)


def _answered(
    court: Court, witnesses: Witnesses, ask: Ask, chosen: list[dict[str, Array]], kinds: list[str], budget: Budget
) -> tuple[Vectors, bool]:
    """All points in one batch, in as many digits as it takes; those without a finite value are left out.

    And whether the function was looked at to the end at every point at which float64 has a finite value.
    """
    at = {name: np.stack([point[name] for point in chosen]) for name in chosen[0]}
    question = replace(ask(at, tuple(at)), precision="float64")
    prepared = court.prepare(question, "grad", budget)
    fast = prepared.run(question, budget)
    examination = witnesses.examine(question, "grad", budget.share(0.9 * budget.left))
    resolved = prepared.replaced(fast, examination.resolved.outputs)
    try:
        errors = prepared.by_part(prepared.errors(fast, question, budget))
    except EngineError:
        if budget.cancelled:
            raise
        errors = prepared.by_part([np.zeros(np.shape(o)) for o in fast.outputs])
    spread = prepared.by_part(examination.spread)
    sure = prepared.by_part(examination.resolved.sure, of_zeros=True)
    value, grad = np.asarray(resolved.value), {n: np.asarray(a) for n, a in (resolved.grad or {}).items()}
    expected = {"": value, **grad}
    sides = examination.resolved.sides
    points = points_of(sides, 1) | {(i,) for i, kind in enumerate(kinds) if kind in BREAKS}
    reals = [np.asarray(array) for array in at.values() if array.dtype.kind == "f"]

    def smooth(changes: Mapping[str, Any]) -> tuple[dict[str, Array], dict[str, Array]]:
        return without_jumps(expected, {"": changes["value"], **changes["grad"]}, sides, reals, points)

    moved, jumped = smooth(
        {"value": PERTURBATION * np.asarray(spread["value"]), "grad": scaled(spread["grad"], PERTURBATION)}
    )
    rounded, fell = smooth(errors)
    jumps = {name: np.fmax(array, fell[name]) for name, array in jumped.items()}
    tolerance = {}
    for name, array in expected.items():
        tolerance[name] = allowance(array, moved[name] / PERTURBATION, rounded[name], "float64", None)
    differentiable = np.ones(len(kinds), dtype=bool)
    for (name, index), side in met(sides).items():
        differentiable[index[0]] = False
        ends = [abs(end - float(grad[name][index])) for end in (side.left, side.right) if end is not None]
        jumps[name][index] = max((end for end in ends if np.isfinite(end)), default=0.0)
    # Next to a kink or a jump, what is on its other side is as good.
    exact = [point for (point,) in points_of(sides, 1)]
    jumps[""][exact] = 0.0
    tolerance = {name: array + jumps[name] for name, array in tolerance.items()}
    for name, array in grad.items():
        bad = ~np.isfinite(array) | ~np.asarray(sure["grad"][name]) | (jumps[name] > 0)
        differentiable &= ~bad.reshape(len(kinds), -1).any(axis=1)
    differentiable &= jumps[""] == 0
    kept = np.flatnonzero(np.isfinite(value) & np.asarray(sure["value"]))
    settled = bool(np.all(np.asarray(sure["value"]) | ~np.isfinite(np.asarray(fast.value))))
    found = Vectors(
        {name: array[kept] for name, array in at.items()},
        value[kept],
        {name: array[kept] for name, array in grad.items()},
        {name: array[kept] for name, array in tolerance.items()},
        [kinds[i] for i in kept],
        differentiable[kept],
    )
    return found, settled
