"""Whether gradients vanish or explode on their way through the layers."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from engine.graph.types import Array
from engine.optimise.state import packed, unpacked

VANISHING = 1e-5
"""A layer whose gradients are, number by number, below this part of those of the layer with the largest."""
EXPLODING = 1e3
"""A gradient that is so many times as large as those before."""
LARGE_STEP = 1.0
"""A step that is as long as the weights themselves."""
_FIRST = 10
_ROW = 5
_SHOWN = 5


@dataclass(frozen=True, slots=True)
class Remark:
    """What was seen: `kind` is `vanishing`, `exploding`, `dead` or `large-step`; `layer` where."""

    step: int
    epoch: int
    start: int
    kind: str
    layer: str
    detail: str

    def to_json(self) -> dict[str, Any]:
        """The same as JSON values."""
        return {
            "step": self.step,
            "epoch": self.epoch,
            "start": self.start,
            "kind": self.kind,
            "layer": self.layer,
            "detail": self.detail,
        }


@dataclass(slots=True)
class Health:
    """What one run has seen of its gradients; `told` are the kinds that were remarked for a layer already."""

    layers: Sequence[str]
    sizes: Array
    count: int = 0
    usual: Array = field(default_factory=lambda: np.zeros(0))
    logs: Array = field(default_factory=lambda: np.zeros(0))
    zeros: Array = field(default_factory=lambda: np.zeros(0))
    steps: int = 0
    large: Array = field(default_factory=lambda: np.zeros(0))
    told: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        if not self.usual.size:
            self.usual, self.large = np.zeros(len(self.layers)), np.zeros(len(self.layers))
            self._begin_epoch()

    def _begin_epoch(self) -> None:
        self.logs, self.zeros, self.steps = np.zeros(len(self.layers)), np.zeros(len(self.layers)), 0

    def step(self, norms: Array, ratios: Array) -> list[tuple[str, str, str]]:
        """Look at the gradient norms and the update-to-weight ratios (layers,) of one step: kind, layer and detail."""
        found = []
        for i, layer in enumerate(self.layers):
            norm, usual = float(norms[i]), float(self.usual[i])
            if not math.isfinite(norm):
                found.append(("exploding", layer, f"The gradient of `{layer}` is not finite."))
            elif self.count >= _FIRST and usual > 0 and norm > EXPLODING * usual:
                detail = f"The gradient of `{layer}` has the norm {norm:.3g}, {norm / usual:.3g} times the usual."
                found.append(("exploding", layer, f"{detail} A smaller learning rate or `clip` helps."))
            self.large[i] = self.large[i] + 1 if ratios[i] > LARGE_STEP else 0
            if self.large[i] >= _ROW:
                detail = f"{_ROW} steps in a row have moved `{layer}` by more than its own length."
                found.append(("large-step", layer, f"{detail} The learning rate is too large."))
        sound = np.where(np.isfinite(norms), norms, 0.0)
        self.usual = sound if not self.count else 0.9 * self.usual + 0.1 * sound
        self.count += 1
        self.zeros = self.zeros + (norms == 0)
        with np.errstate(all="ignore"):
            self.logs = self.logs + np.where(sound > 0, np.log(np.maximum(sound, 1e-300)), 0.0)
        self.steps += 1
        return self._news(found)

    def epoch(self) -> list[tuple[str, str, str]]:
        """What an epoch shows: geometric means of the gradients, per number, layer by layer."""
        steps = np.maximum(self.steps - self.zeros, 1)
        sizes = np.where(self.zeros < self.steps, np.exp(self.logs / steps), 0.0) / np.sqrt(self.sizes)
        largest = float(np.max(sizes, initial=0.0))
        strongest = self.layers[int(np.argmax(sizes))]
        found = []
        for i, layer in enumerate(self.layers):
            if self.steps and self.zeros[i] == self.steps:
                detail = f"The gradient of `{layer}` was exactly 0 in all steps of this epoch: it does not learn."
                found.append(("dead", layer, detail))
            elif 0 < sizes[i] < VANISHING * largest:
                detail = f"The gradients of `{layer}` are {sizes[i] / largest:.1g} of those of `{strongest}`"
                found.append(("vanishing", layer, f"{detail}, number by number: it hardly learns."))
        self._begin_epoch()
        return self._news(found)

    def _news(self, found: Sequence[tuple[str, str, str]]) -> list[tuple[str, str, str]]:
        """Those that were not told before: of each kind the first, with the other layers that it holds for."""
        new = [one for one in found if f"{one[0]} {one[1]}" not in self.told]
        self.told += [f"{kind} {layer}" for kind, layer, _ in new]
        told = []
        for kind in dict.fromkeys(kind for kind, _, _ in new):
            (_, layer, detail), *others = [one for one in new if one[0] == kind]
            told.append((kind, layer, detail + _others([other for _, other, _ in others])))
        return told

    def to_json(self) -> dict[str, Any]:
        """The state as JSON values, bit for bit."""
        arrays = np.stack([self.usual, self.logs, self.zeros, self.large])
        return {"count": self.count, "steps": self.steps, "arrays": packed(arrays), "told": list(self.told)}

    def resume(self, content: Mapping[str, Any]) -> None:
        """Go on from what `to_json` wrote."""
        self.usual, self.logs, self.zeros, self.large = unpacked(content["arrays"])
        self.count, self.steps, self.told = content["count"], content["steps"], list(content["told"])


def _others(layers: Sequence[str]) -> str:
    """The end of a remark that holds for other layers too."""
    if not layers:
        return ""
    named = ", ".join(f"`{layer}`" for layer in layers[:_SHOWN])
    more = f" and {len(layers) - _SHOWN} more" if len(layers) > _SHOWN else ""
    return f" The same holds for {named}{more}."
