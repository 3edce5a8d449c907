"""Constants that float64 has rounded, as sympy sees them: numbers that are known to as many digits as it asks for."""

from __future__ import annotations

from itertools import count
from typing import Any

import mpmath
import numpy as np
import sympy

from engine.graph.values import Value
from engine.verify.precise import context, of_constant

FIRST_DIGITS = 60
MOST_DIGITS = 2000
_numbers = count()


class Rounded(sympy.NumberSymbol):  # type: ignore[misc]
    """One number of a constant that has a recipe.

    What it is made of is not shown to sympy, which may want to evaluate it exactly: the logarithm of 10^15 factorial.
    """

    is_real = True
    is_finite = True
    __slots__ = ("_index", "_known", "_number", "_value")

    def __new__(cls, value: Value, index: tuple[int, ...]) -> Rounded:
        self: Rounded = super().__new__(cls)
        self._value, self._index, self._number = value, index, next(_numbers)
        self._known = {}
        return self

    def _hashable_content(self) -> tuple[Any, ...]:
        return (self._number,)

    def __hash__(self) -> int:
        return hash((type(self), self._number))

    def _sympystr(self, printer: Any) -> str:
        return f"c{self._number}"

    def _as_mpf_val(self, precision: int) -> Any:
        """The number to so many bits: in doubled digits, until two results agree in them."""
        digits = FIRST_DIGITS
        while digits * 3.3 < precision + 20:
            digits *= 2
        before = self._at(digits)
        while digits < MOST_DIGITS:
            digits *= 2
            now = self._at(digits)
            mp = context(digits)
            if now == before or abs(now - before) <= mp.ldexp(abs(now), -precision):
                break
            before = now
        return mpmath.libmp.mpf_pos(now._mpf_, precision, "n")

    @property
    def finite(self) -> bool:
        """Whether it is a number at all."""
        return bool(mpmath.isfinite(self._at(FIRST_DIGITS)))

    def _at(self, digits: int) -> Any:
        if digits not in self._known:
            self._known[digits] = of_constant(self._value, context(digits))[self._index]
        return self._known[digits]


def symbols_of(value: Value) -> Any:
    """An object array of numbers for sympy, or integers and booleans.  Raises `ValueError` for what is not finite."""
    if value.type.dtype != "real":
        return of_constant(value, context(FIRST_DIGITS))
    made = np.empty(value.shape, dtype=object)
    for index in np.ndindex(value.shape):
        number = Rounded(value, index)
        if not number.finite:
            raise ValueError("a constant is not finite")
        made[index] = number
    return made
