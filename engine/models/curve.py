"""The scores of the epochs of one run, as they stay with the parameters that it has found."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from engine.optimise.state import packed, unpacked

MOST = 1000
Scores = dict[str, Any]
"""What is known at the end of an epoch, by column: numbers, and matrices of metrics that have them."""


@dataclass(slots=True)
class Curve:
    """Rows of the epoch and its scores: of every `stride`th epoch from the first on, and of the last.

    There are at most `MOST` and one; with more epochs the stride is doubled.
    """

    names: tuple[str, ...]
    rows: list[tuple[float, ...]] = field(default_factory=list)
    stride: int = 1

    def enter(self, epoch: int, scores: Scores) -> None:
        """Note the end of an epoch; scores that are no numbers are left out."""
        row = (float(epoch), *(float(scores[name]) for name in self.names))
        if self.rows and (self.rows[-1][0] - 1) % self.stride:
            self.rows[-1] = row
        else:
            self.rows.append(row)
        if len(self.rows) > MOST:
            self.stride *= 2
            self.rows = [r for r in self.rows[:-1] if (r[0] - 1) % self.stride == 0] + self.rows[-1:]

    def columns(self) -> dict[str, list[float]]:
        """The numbers by column; the first is `epoch`."""
        found = zip(*self.rows, strict=True) if self.rows else [()] * (1 + len(self.names))
        return {name: list(column) for name, column in zip(("epoch", *self.names), found, strict=True)}

    def to_json(self) -> dict[str, Any]:
        """The same as JSON values, bit for bit."""
        rows = np.array(self.rows).reshape(len(self.rows), 1 + len(self.names))
        return {"names": list(self.names), "rows": packed(rows), "stride": self.stride}

    def resume(self, content: Mapping[str, Any]) -> None:
        """Go on from what `to_json` wrote."""
        self.names = tuple(content["names"])
        self.rows, self.stride = [tuple(row) for row in unpacked(content["rows"]).tolist()], content["stride"]
