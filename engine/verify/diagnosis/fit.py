"""How well a prediction explains a claim."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import inf

import numpy as np

from engine.graph.types import Array
from engine.verify.diagnosis.mismatch import Arrays
from engine.verify.report import Claim

SHARP = 1e-9
"""Agreement of float64 computations of the same thing, relative to each component."""
ROUGH = 1e-6
"""Agreement of single precision, or of numbers printed with seven digits."""
FLOOR = 0.2
"""The part of these that is granted relative to the largest component: small ones are what is left of cancellation."""
VANISHED = 1e-2
"""What may stay of a mismatch that counts as explained."""

SHORT = 6
"""Digits up to which numbers count as rounded for print."""
MOST_WRITTEN = 1000


@dataclass(frozen=True, slots=True)
class Fit:
    """`tier`: 0 sharp, 1 rough, 2 only within the tolerance of the claim.  `digits`: how many decimal digits of the
    wrong components the prediction gets right, all together; few digits are soon met by chance.  `residual` as in
    `Hypothesis`."""

    tier: int
    residual: float
    digits: float


class Judge:
    """Compares predictions with one claim, of which all numbers are finite.

    `wrong` are the inputs to explain.  Where some are wrong by much more than single precision, those that are not
    are right as far as their digits go, and no part of the mistake.
    """

    def __init__(self, claim: Claim) -> None:
        self.claim = claim
        self.claimed = {n: np.asarray(a, dtype=np.float64) for n, a in claim.claimed.items()}
        self.expected = {n: np.asarray(a, dtype=np.float64) for n, a in claim.expected.items()}
        self._allowed = {n: _allowed(claim, n, a) for n, a in self.claimed.items()}
        self.decimals = _decimals(list(self.claimed.values()))
        if self.decimals is not None:
            unit = 0.5 * (1 + 1e-9) * 10.0**-self.decimals
            self._allowed = {n: np.maximum(a, unit) for n, a in self._allowed.items()}
        self.wrong = tuple(n for n in claim.wrong if not self._roughly(n)) or claim.wrong
        self.whole = all(n in self.wrong or not np.any(self.expected[n]) for n in self.claimed)

    @property
    def rough(self) -> tuple[str, ...]:
        """The inputs that are wrong, but right as far as single precision goes."""
        return tuple(n for n in self.claim.wrong if n not in self.wrong)

    def fit(self, predicted: Arrays) -> Fit | None:
        """The fit of a prediction (what is missing is predicted right), None where it does not explain the claim."""
        tier, residual, digits = 0, 0.0, 0.0
        for name, claimed in self.claimed.items():
            if name not in self.wrong and name not in predicted:
                continue
            found = self._one(name, claimed, np.asarray(predicted.get(name, self.expected[name])))
            if found is None:
                return None
            tier, residual = max(tier, found.tier), max(residual, found.residual)
            digits += found.digits
        return Fit(tier, residual, digits)

    def _one(self, name: str, claimed: Array, predicted: Array) -> Fit | None:
        if predicted.shape != claimed.shape or not np.isfinite(predicted).all():
            return None
        if not claimed.size:
            return Fit(0, 0.0, 0.0)
        off, size = np.abs(claimed - predicted), np.maximum(np.abs(claimed), np.abs(predicted))
        # A claim of nothing but rounding errors is one of zeros, next to the right gradient.
        largest = max(float(size.max()), 1e-4 * float(np.abs(self.expected[name]).max(initial=0.0)))
        worst, residual = float(off.max()), float(off.max()) / largest if largest else 0.0
        wrong = name in self.wrong
        if not wrong:
            # It was right: to be left alone within the same tolerance.
            rough = _tolerance(ROUGH, size, largest)
            return Fit(0, 0.0, 0.0) if bool((off <= np.maximum(self._allowed[name], rough)).all()) else None
        if worst > VANISHED * self._mismatch(name):
            return None
        for tier, relative in enumerate((SHARP, ROUGH)):
            tolerance = _tolerance(relative, size, largest)
            if bool((off <= tolerance).all()):
                return Fit(tier, residual, self._digits(name, tolerance))
        allowed = self._allowed[name]
        if bool((off <= allowed).all()):
            return Fit(2, residual, self._digits(name, allowed))
        return None

    def _roughly(self, name: str) -> bool:
        claimed, expected = self.claimed[name], self.expected[name]
        if claimed.shape != expected.shape:
            return False
        size = np.abs(expected)
        rough = _tolerance(ROUGH, size, float(np.max(size, initial=0.0)))
        return bool((np.abs(claimed - expected) <= np.maximum(rough, self._allowed[name])).all())

    @property
    def slack(self) -> float:
        """How far the digits of the claim leave a common factor open, relatively."""
        found = ROUGH
        for name in self.wrong:
            largest = float(np.abs(self.expected[name]).max(initial=0.0))
            if largest:
                found = max(found, 2.0 * float(self._allowed[name].max(initial=0.0)) / largest)
        return min(found, 5e-3)

    @property
    def as_written(self) -> bool:
        """Whether the claim is right as far as its few digits go."""
        return self.decimals is not None and all(self._roughly(n) for n in self.wrong)

    def _mismatch(self, name: str) -> float:
        claimed, expected = self.claimed[name], self.expected[name]
        return float(np.abs(claimed - expected).max()) if claimed.shape == expected.shape else inf

    def _digits(self, name: str, tolerance: Array) -> float:
        """How many digits of the wrong components are right, if they are right to this absolute tolerance."""
        claimed, expected = self.claimed[name], self.expected[name]
        size = np.abs(claimed)
        if claimed.shape == expected.shape:
            size = np.maximum(size, np.abs(expected))
            wrong = np.abs(claimed - expected) > self._allowed[name]
            size, tolerance = size[wrong], tolerance[wrong]
        known = (size > tolerance) & (tolerance > 0)
        return float(np.log10(size[known] / tolerance[known]).sum()) + 16.0 * np.count_nonzero(tolerance == 0)


def _tolerance(relative: float, size: Array, largest: float) -> Array:
    return relative * size + relative * FLOOR * largest


def _allowed(claim: Claim, name: str, claimed: Array) -> Array:
    """The tolerance in the shape of what is claimed, 0 where it is unknown."""
    allowed = np.nan_to_num(np.asarray(claim.allowed[name], dtype=np.float64), nan=0.0, posinf=0.0, neginf=0.0)
    if allowed.shape == claimed.shape:
        return allowed
    return np.full(claimed.shape, float(allowed.min()) if allowed.size else 0.0)


def _decimals(arrays: Sequence[Array]) -> int | None:
    """The decimal places to which numbers are written, None unless all are short and one has three digits or more."""
    if sum(a.size for a in arrays) > MOST_WRITTEN:
        return None
    places, longest = 0, 0
    for x in (float(x) for a in arrays for x in a.flat):
        exponent = f"{abs(x):.16e}".partition("e")[2]
        significant = len(repr(abs(x)).split("e")[0].replace(".", "").strip("0"))
        if significant > SHORT:
            return None
        longest = max(longest, significant)
        if x:
            places = max(places, significant - 1 - int(exponent))
    return places if longest >= 3 else None


def finite(claim: Claim) -> bool:
    """Whether all numbers of a claim and of what is expected are finite."""
    return all(bool(np.isfinite(a).all()) for arrays in (claim.claimed, claim.expected) for a in arrays.values())


def same(a: Arrays, b: Arrays) -> bool:
    """Whether two predictions are numerically identical."""
    if a.keys() != b.keys():
        return False
    for name, left in a.items():
        right = b[name]
        if np.shape(left) != np.shape(right):
            return False
        size = np.abs(left) + np.abs(right)
        if np.size(size) and not bool((np.abs(left - right) <= 1e-7 * (size + FLOOR * np.max(size))).all()):
            return False
    return True
