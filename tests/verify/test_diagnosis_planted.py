"""Mistakes planted in right gradients are found again, and random errors are not taken for mistakes.

The rates are those of `python -m benchmarks.diagnosis`, on fewer plants, with some room.
"""

from __future__ import annotations

import random

import numpy as np
import pytest

from tests.verify.functions import generated, written
from tests.verify.scoring import Score, false_alarms, in_float32, score, seven_digits

FLOOR = 0.95
EACH = 0.85
KINDS = {
    "sign",
    "factor",
    "mean-instead-of-sum",
    "transposed",
    "permuted",
    "missing-reduction",
    "missing-chain-factor",
    "last-use-only",
    "degrees",
    "other-point",
    "float32",
}


def check(scores: dict[str, Score]) -> None:
    """Every kind was planted, and named first often enough; equal numbers are called one of their names."""
    assert set(scores) == KINDS
    missed = [
        f"{kind}/{plant.variant} in {case.text}: {[h.detail for h in told]}"
        for kind, found in scores.items()
        for case, plant, told in found.missed
    ]
    plain, first = sum(s.plain for s in scores.values()), sum(s.first for s in scores.values())
    shared, fair = sum(s.shared for s in scores.values()), sum(s.fair for s in scores.values())
    assert plain > 100
    assert first >= FLOOR * plain, missed
    assert fair >= 0.9 * shared
    for kind, found in scores.items():
        assert found.rate >= EACH or found.plain - found.first <= 2, (kind, missed)
    places, located = sum(s.places for s in scores.values()), sum(s.located for s in scores.values())
    assert located >= 0.9 * places


@pytest.mark.parametrize("form", [np.asarray, in_float32, seven_digits], ids=["float64", "float32", "seven digits"])
def test_mistakes_in_functions_as_people_write_them(form: object) -> None:
    draw = random.Random(20)
    cases = list(written(draw))
    check(score(cases if form is np.asarray else cases[::2], draw, most=1, written=form))  # type: ignore[arg-type]


def test_mistakes_in_generated_functions() -> None:
    draw = random.Random(21)
    check(score(generated(30), draw, most=1))


def test_random_errors_are_not_explained() -> None:
    draw = random.Random(22)
    count, wrong = false_alarms([*written(draw), *generated(15, number=6)], draw, times=1)
    assert count > 55
    assert [(case.text, told[0].detail) for case, told in wrong] == []
