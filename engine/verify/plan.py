"""Where a client evaluates its own function, so that the values tell whether its gradient is right.

A plan is all that is needed to make the points again and to judge the values: it goes to the client and comes back.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

import numpy as np

from engine.errors import Fault, InvalidRequest
from engine.question import Array

VERSION = 1
"""Changes with everything that changes the points, so that an old plan is refused and not misread."""
Precision = Literal["float64", "float32"]
ROUNDOFF: dict[Precision, float] = {"float64": 2.0**-53, "float32": 2.0**-24}
COORDINATES = 50
"""Up to so many components every coordinate is a direction, unless the client says otherwise."""
RANDOM = 20
"""Random directions for more components than that."""
LEVELS = 6
LARGEST_STEP = 0.1
"""In units of the scale of a component."""
NOISE_POINTS = 8
NOISE_SPACING: dict[Precision, float] = {"float64": 2.0**-20, "float32": 2.0**-13}
"""Far enough apart that every rounding is another one, near enough that third differences of a trend are less."""
_TENS = np.array([float(f"1e{exponent}") for exponent in range(-307, 309)])
_LEAST_SCALE: dict[Precision, float] = {"float64": 1e-290, "float32": 1e-30}


@dataclass(frozen=True)
class Plan:
    """What a check by differences rests on.

    `x`: the point, float64 arrays by name; `random`: the number of random directions, None for all coordinates;
    `levels`: step sizes per direction; `noise`: the relative noise of the function if it is known; `scale`: the
    typical size of each component in the shape of `x`, None to take it from `x`; everything random comes from `seed`.
    """

    x: Mapping[str, Array]
    precision: Precision = "float64"
    random: int | None = None
    levels: int = LEVELS
    noise: float | None = None
    scale: Mapping[str, Array] | None = None
    seed: int = 0

    @cached_property
    def base(self) -> Array:
        """The point as one vector, rounded to the client's precision."""
        return self.rounded(_joined(self.x))

    @cached_property
    def sizes(self) -> Array:
        """The typical size of each component, positive, as one vector: what the client sent, or the power of ten below
        it; for a 0, that of the largest component, but at most 1.

        A scale that is too small shows as noise, and one that is too large may not show at all.
        """
        if self.scale is not None:
            return _joined(self.scale)
        size = np.abs(self.base)
        typical = min(float(size.max(initial=0.0)) or 1.0, 1.0)
        size = np.maximum(np.where(size == 0, typical, size), _LEAST_SCALE[self.precision])
        powers: Array = _TENS[np.searchsorted(_TENS, size, side="right") - 1]
        return powers

    @cached_property
    def steps(self) -> Array:
        """The step sizes in units of the scale, falling: one-digit decimals along coordinates, else powers of two."""
        roundoff = ROUNDOFF[self.precision]
        noise = roundoff if self.noise is None else max(roundoff, self.noise)
        # Where a forward difference loses 3/8 of the digits, if that leaves a factor of 1.5 to 10 from step to step.
        least = max(noise**0.375, LARGEST_STEP / 10.0 ** (self.levels - 1))
        least = min(least, LARGEST_STEP / 1.5 ** (self.levels - 1))
        steps = np.geomspace(LARGEST_STEP, least, self.levels)
        if self.random is not None:
            return np.exp2(np.round(np.log2(steps)))[_distinct(np.round(np.log2(steps)))]
        return np.array([float(f"{step:.0e}") for step in steps])

    @property
    def directions(self) -> int:
        """How many directions there are."""
        return self.base.size if self.random is None else self.random

    @property
    def noise_points(self) -> int:
        """Points that are there to measure the noise."""
        return 0 if self.noise is not None else NOISE_POINTS

    @property
    def count(self) -> int:
        """How many points there are: the point itself, those for the noise, and two per direction and step."""
        return 1 + self.noise_points + 2 * self.directions * len(self.steps)

    def rounded(self, points: Array) -> Array:
        """Rounded to the precision in which the client computes."""
        if self.precision == "float64":
            return points
        with np.errstate(over="ignore"):
            return points.astype(np.float32).astype(np.float64)

    def along(self) -> Array:
        """The directions, (directions, components).

        Random ones have components of random sign and of ½ to 1 times the scale, which is rounded down to a power of
        two.  They have 8 binary digits, so that, steps being powers of two, the points are where they are meant to be.
        """
        if self.random is None:
            return np.diag(self.sizes)
        return self._random(self.random, self.seed + 1)

    def ray(self) -> Array:
        """The direction in which the noise is measured, away from the point: a kink at the point is not crossed."""
        ray: Array = self._random(1, self.seed)[0]
        return ray

    def points(self) -> Array:
        """All points, (count, components): the point; those for the noise; then for each direction and each step,
        largest first, the one ahead and the one behind."""
        ray = NOISE_SPACING[self.precision] * self.ray()
        near = self.base + np.arange(1, self.noise_points + 1)[:, None] * ray
        moved = np.stack([self.ahead(), self.behind()], axis=2)
        return np.concatenate([self.base[None], self.rounded(near), moved.reshape(-1, self.base.size)])

    def ahead(self) -> Array:
        """The points ahead of the point, (directions, steps, components)."""
        return self.rounded(self.base + self.steps[None, :, None] * self.along()[:, None, :])

    def behind(self) -> Array:
        """The points behind, likewise."""
        return self.rounded(self.base - self.steps[None, :, None] * self.along()[:, None, :])

    def lengths(self) -> tuple[Array, Array]:
        """The steps ahead and behind as they are after rounding, (directions, steps): in units of the component for a
        coordinate, in units of the direction for a random one."""
        if self.random is not None:
            steps = np.tile(self.steps, (self.random, 1))
            return steps, steps
        moves = self.sizes[:, None] * self.steps
        base = self.base[:, None]
        return self.rounded(base + moves) - base, base - self.rounded(base - moves)

    def digest(self) -> str:
        """A fingerprint of everything in the plan, the same for the same numbers however they are written."""
        parts: list[Any] = [VERSION, self.precision, self.random, self.levels, self.noise, self.seed]
        made = hashlib.sha256(repr(parts).encode())
        for arrays in (self.x, self.scale or {}):
            for name, array in arrays.items():
                made.update(repr((name, array.shape)).encode())
                # Adding 0 makes -0 and 0 the same, which some languages do not tell apart.
                made.update(np.ascontiguousarray(array + 0.0, dtype="<f8").tobytes())
        return made.hexdigest()[:16]

    def split(self, vector: Array) -> dict[str, Array]:
        """A vector over the components as arrays by name."""
        parts: dict[str, Array] = {}
        start = 0
        for name, array in self.x.items():
            parts[name] = vector[..., start : start + array.size].reshape((*vector.shape[:-1], *array.shape))
            start += array.size
        return parts

    def place(self, component: int) -> tuple[str, tuple[int, ...]]:
        """The name and index of a component."""
        for name, array in self.x.items():
            if component < array.size:
                return name, tuple(int(i) for i in np.unravel_index(component, array.shape))
            component -= array.size
        raise IndexError(component)

    def _random(self, count: int, seed: int) -> Array:
        # Raw bits, because these stay the same from version to version of numpy.
        bits = np.random.PCG64(seed).random_raw((count, self.base.size)) >> np.uint64(56)
        magnitude = ((bits & 127).astype(np.float64) + 128.0) / 256.0
        # The power of two next below, from the bits of the number: a logarithm is not the same on every machine.
        scale = np.ldexp(1.0, np.frexp(self.sizes)[1] - 1)
        directions: Array = np.where(bits & 128, -magnitude, magnitude) * scale
        return directions


def checked(plan: Plan) -> Plan:
    """`plan`, if there are points for it; raises `InvalidRequest` with all faults.  Its fields have the right types."""
    faults = []
    if plan.base.size == 0:
        faults.append(Fault("/x", "There are no components here, so there is nothing to differentiate."))
    elif not all(np.isfinite(array).all() for array in plan.x.values()):
        faults.append(Fault("/x", "Every component has to be a finite number."))
    elif not np.isfinite(plan.base).all():
        faults.append(Fault("/x", f"A component is beyond the range of {plan.precision}."))
    if plan.scale is not None and not all(((s > 0) & np.isfinite(s)).all() for s in plan.scale.values()):
        faults.append(Fault("/scale", "Every scale has to be a positive finite number."))
    if not faults:
        faults = _unreachable(plan)
    if faults:
        raise InvalidRequest(faults[0].detail, faults=faults)
    return plan


def _unreachable(plan: Plan) -> list[Fault]:
    where = "/x" if plan.scale is None else "/scale"
    with np.errstate(all="ignore"):
        largest = plan.rounded(np.abs(plan.base) + 2 * LARGEST_STEP * plan.sizes)
        if not np.isfinite(largest).all():
            return [Fault(where, f"The points would be beyond the range of {plan.precision}; rescale the function.")]
        least = float(plan.steps[-1]) * plan.sizes
        apart = np.minimum(plan.rounded(plan.base + least) - plan.base, plan.base - plan.rounded(plan.base - least))
        near = np.flatnonzero(apart < 0.5 * least)
    if near.size:
        name, index = plan.place(int(near[0]))
        shown = name + (str(list(index)) if index else "")
        detail = f"The smallest step, {least[near[0]]:.1e}, vanishes next to {shown} = {plan.base[near[0]]:.6g} in"
        return [Fault(where, f"{detail} {plan.precision}; send a larger `scale` for it.")]
    return []


def default_directions(size: int) -> int | None:
    """Which directions a plan has unless the client says so: coordinates (None) or a number of random ones."""
    return None if size <= COORDINATES else RANDOM


def _joined(arrays: Mapping[str, Array]) -> Array:
    parts = [array.ravel() for array in arrays.values()]
    return np.concatenate(parts).astype(np.float64) if parts else np.zeros(0)


def _distinct(exponents: Array) -> Array:
    return np.concatenate([[True], np.diff(exponents) != 0])
