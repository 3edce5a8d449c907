"""How often diagnosis names the mistake that was planted."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from statistics import median

import numpy as np

from engine.graph.types import Array
from engine.verify.diagnosis import diagnose
from engine.verify.diagnosis.fit import same
from engine.verify.report import Hypothesis
from tests.asking import budget
from tests.verify.planting import Arrays, Case, Plant, plants, without_effect


@dataclass
class Score:
    """Counts for one kind of mistake.

    `idle`: planted without effect, the gradient stays right.  `shared`: another kind of mistake gives the same numbers
    at this point, so that nobody can tell; of these, `fair` were called one of the kinds that give the numbers.  All
    others are `plain`: the kind came `first`, was `listed`, or nothing was said (`silent`); `located` of `places`.
    """

    idle: int = 0
    shared: int = 0
    fair: int = 0
    plain: int = 0
    first: int = 0
    listed: int = 0
    silent: int = 0
    places: int = 0
    located: int = 0
    seconds: list[float] = field(default_factory=list)
    missed: list[tuple[Case, Plant, list[Hypothesis]]] = field(default_factory=list)

    @property
    def rate(self) -> float:
        """The share of plain ones whose kind came first."""
        return self.first / self.plain if self.plain else 1.0


Written = Callable[[Array], Array]
"""How a client writes its numbers."""


def in_float32(array: Array) -> Array:
    """Rounded to single precision."""
    return array.astype(np.float32).astype(np.float64)


def seven_digits(array: Array) -> Array:
    """Printed with seven digits."""
    return np.array([float(f"{x:.7g}") for x in array.flat]).reshape(array.shape)


def score(
    cases: Iterable[Case], draw: random.Random, most: int | None = None, written: Written = np.asarray
) -> dict[str, Score]:
    """The scores by kind; `most`: that many plants of each kind and case, chosen at random."""
    scores: dict[str, Score] = {}
    for case in cases:
        planted = list(plants(case, draw))
        for plant in chosen(planted, draw, most):
            _enter(scores.setdefault(plant.kind, Score()), case, plant, planted, written)
    return scores


def chosen(planted: Sequence[Plant], draw: random.Random, most: int | None) -> list[Plant]:
    """At most so many of each kind."""
    if most is None:
        return list(planted)
    by_kind: dict[str, list[Plant]] = {}
    for plant in planted:
        by_kind.setdefault(plant.kind, []).append(plant)
    return [plant for group in by_kind.values() for plant in draw.sample(group, min(most, len(group)))]


def _enter(found: Score, case: Case, plant: Plant, planted: Sequence[Plant], written: Written) -> None:
    if without_effect(case, plant):
        found.idle += 1
        return
    claimed = {n: written(a) for n, a in plant.claimed.items()}
    start = time.perf_counter()
    told = diagnose(case.mismatch(claimed), budget())
    found.seconds.append(time.perf_counter() - start)
    twins = {other.kind for other in planted if same(dict(other.claimed), dict(plant.claimed))}
    kinds = [h.kind for h in told]
    if len(twins) > 1:
        found.shared += 1
        found.fair += bool(kinds) and kinds[0] in twins
        return
    found.plain += 1
    right = bool(kinds) and kinds[0] == plant.kind
    found.first += right
    found.listed += plant.kind in kinds
    found.silent += not kinds
    if right and told[0].span is not None and plant.span is not None:
        found.places += 1
        found.located += told[0].span == plant.span
    if not right:
        found.missed.append((case, plant, told))


def disturbed(case: Case, draw: random.Random) -> Arrays:
    """A gradient with errors that no mistake explains: random ones in some or all of its components.

    They are at least 0.00005 of a component, so that none of them could be a rounding error of single precision.
    """
    numbers = np.random.default_rng(draw.getrandbits(32))
    size, part = draw.choice((1e-4, 1e-2, 0.3, 3.0)), draw.choice((0.4, 1.0))
    while True:
        errors = {
            n: size
            * numbers.choice([-1.0, 1.0], g.shape)
            * numbers.uniform(0.5, 2.0, g.shape)
            * (numbers.uniform(size=g.shape) < part)
            for n, g in case.gradient.items()
        }
        if any(np.any(e) for e in errors.values()):
            break
    return {n: g + errors[n] * (np.abs(g) + 0.1 * np.max(np.abs(g), initial=0.1)) for n, g in case.gradient.items()}


def false_alarms(
    cases: Iterable[Case], draw: random.Random, times: int = 4
) -> tuple[int, list[tuple[Case, list[Hypothesis]]]]:
    """How many disturbed gradients were diagnosed, and those for which a mistake was named."""
    count, wrong = 0, []
    for case in cases:
        for _ in range(times):
            count += 1
            told = diagnose(case.mismatch(disturbed(case, draw)), budget())
            if told:
                wrong.append((case, told))
    return count, wrong


def milliseconds(seconds: Sequence[float]) -> tuple[float, float]:
    """Median and 95th percentile."""
    ordered = sorted(seconds)
    if not ordered:
        return 0.0, 0.0
    return median(ordered) * 1e3, ordered[min(len(ordered) - 1, int(0.95 * len(ordered)))] * 1e3
