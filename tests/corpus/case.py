"""One trap: what the client sends, the function in plain mathematics, and what is expected."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

Kind = Literal["smooth", "removable", "kink", "infinite", "jump", "undefined"]
Side = Literal["both", "right", "left"]


@dataclass(frozen=True, slots=True)
class Case:
    """A case and how its truth is found.

    `f` takes the inputs by name as mpmath numbers (nested lists for arrays) and is written by hand, never read from
    `expr`.  `side`: the domain ends here and the derivative is the one from that side.  `convention`: the house rule's
    gradient where there is no derivative.  `closed`: derivatives by hand; they are compared with the differences, or
    stand alone where `differences` is False (inputs that are not finite, poles).  `extended`: the formula as typed has
    no value here (0/0), the stated value is its limit.  `digits`: the steps of the differences are
    10**-digits and less, relative to the input.  `precision`: decimal digits to compute with.
    """

    name: str
    expr: str
    at: Mapping[str, Any]
    f: Callable[..., Any]
    why: str
    seen_in: str = ""
    kind: Kind = "smooth"
    wrt: tuple[str, ...] = ()
    side: Side = "both"
    convention: Mapping[str, Any] | None = None
    closed: Callable[..., Mapping[str, Any]] | None = None
    differences: bool = True
    extended: bool = False
    digits: int = 80
    precision: int = 0

    @property
    def variables(self) -> tuple[str, ...]:
        """What is differentiated with respect to."""
        return self.wrt or tuple(self.at)
