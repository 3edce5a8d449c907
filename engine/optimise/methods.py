"""All methods by name: the update rules, and the methods that choose their points themselves."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from engine.optimise.gauss_newton import GAUSS_NEWTON, gauss_newton
from engine.optimise.levenberg import LEVENBERG_MARQUARDT, levenberg_marquardt
from engine.optimise.options import Option, Options
from engine.optimise.path import Path
from engine.optimise.rule import Rule
from engine.optimise.second_order import LBFGS, NEWTON_CG, TRUST_REGION, lbfgs, newton_cg, trust_region
from engine.optimise.table import RULES


@dataclass(frozen=True, slots=True)
class PathRecord:
    """A method that chooses its points itself.

    `squares`: it is for sums of squares.  `exact`: from the memory of a point it goes on bit for bit; otherwise it
    begins anew there.  `leaves`: it looks itself whether a point where the gradient is 0 can be left.
    """

    name: str
    path: Path
    options: tuple[Option, ...] = ()
    squares: bool = False
    exact: bool = False
    leaves: bool = False

    @property
    def source(self) -> str:
        """The first line of its docstring, which names the method and its paper."""
        return (self.path.__doc__ or "").strip().split("\n", 1)[0]


@dataclass(frozen=True, slots=True)
class PathMethod:
    """Such a method with all of its options."""

    record: PathRecord
    options: Options


PATHS: Mapping[str, PathRecord] = {
    record.name: record
    for record in (
        PathRecord("lbfgs", lbfgs, LBFGS),
        PathRecord("newton-cg", newton_cg, NEWTON_CG),
        PathRecord("trust-region", trust_region, TRUST_REGION, leaves=True),
        PathRecord("gauss-newton", gauss_newton, GAUSS_NEWTON, squares=True, exact=True),
        PathRecord("levenberg-marquardt", levenberg_marquardt, LEVENBERG_MARQUARDT, squares=True, exact=True),
    )
}
"""The methods that choose their points themselves, by name."""

METHODS: Mapping[str, Rule | PathRecord] = {**RULES, **PATHS}
"""Every method by name."""
