"""Where the value is NaN there is no function to differentiate, whatever the rules of its operations say."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np


@dataclass(frozen=True, slots=True)
class Undefined:
    """Puts NaN into the derivatives of values that are NaN.

    The first `values` outputs are values, with `lead` axes over points.  `owners` tells for a part (the number of an
    output) which value it is the derivative of, and how many axes it has before those of that value; a part that is
    the derivative of all values, weighted with the cotangents (at `weights` among the arguments), belongs to None.
    `rows` are the parts that are entries of a sparse matrix: the element of the value that each entry belongs to.
    """

    values: int
    lead: int
    owners: Mapping[int, tuple[int | None, int]]
    weights: tuple[int, ...] = ()
    rows: Mapping[int, Any] = field(default_factory=dict)

    def __call__(self, outputs: Sequence[Any], arguments: Sequence[Any]) -> list[Any]:
        """The outputs, with what is not defined masked."""
        lost = [np.isnan(v) if np.asarray(v).dtype.kind == "f" else None for v in outputs[: self.values]]
        if not any(mask is not None and np.any(mask) for mask in lost):
            return list(outputs)
        found = list(outputs)
        for number, (value, before) in self.owners.items():
            mask = self._weighted(lost, arguments) if value is None else lost[value]
            if mask is not None and number in self.rows:
                mask = np.reshape(mask, (*np.shape(mask)[: self.lead], -1))[..., self.rows[number]]
            if mask is not None:
                mask = np.reshape(mask, (1,) * before + np.shape(mask))
                later = np.ndim(outputs[number]) - mask.ndim
                found[number] = np.where(mask.reshape(mask.shape + (1,) * later), np.nan, outputs[number])[()]
        return found

    def _weighted(self, lost: Sequence[Any], arguments: Sequence[Any]) -> Any:
        """Where the sum of all values with their weights is NaN: for each point, and each of several cotangents."""
        masks = []
        for mask, at in zip(lost, self.weights, strict=True):
            if mask is not None:
                hit = mask & (np.asarray(arguments[at]) != 0)
                own = mask.ndim - self.lead
                masks.append(np.any(hit, axis=tuple(range(hit.ndim - own, hit.ndim))))
        return np.logical_or.reduce(masks) if masks else None
