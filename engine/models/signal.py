"""What flows between layers, and how a layer says that something does not fit."""

from __future__ import annotations

from dataclasses import dataclass

from engine.graph.types import DType, Shape


@dataclass(frozen=True, slots=True)
class Signal:
    """The type of what a layer takes or gives, for one example: the axis over examples comes before `shape`."""

    shape: Shape
    dtype: DType = "real"

    def __str__(self) -> str:
        return str(self.shape) if self.dtype == "real" else f"{self.shape} of {self.dtype}"

    @property
    def rank(self) -> int:
        """The number of axes of one example."""
        return len(self.shape)


class Misfit(Exception):
    """A layer or loss cannot take what it gets: a `detail` that reads on after its place, and what would help.

    Where an option is to blame, `at` is its name, and the detail stands for itself.
    """

    def __init__(self, detail: str, hint: str = "", at: str = "") -> None:
        super().__init__(detail)
        self.detail, self.hint, self.at = detail, hint, at


AXES = {
    0: "one number",
    1: "1-dimensional input (features)",
    2: "2-dimensional input (sequence, features)",
    3: "3-dimensional input (height, width, channels)",
}
"""What an input of each rank is for."""


def require_rank(signal: Signal, rank: int, hint: str = "") -> None:
    """Raise `Misfit` unless the signal is real and has `rank` axes."""
    if signal.dtype != "real":
        raise Misfit(f"expects real numbers, gets {signal.dtype}s", "add an embedding")
    if signal.rank != rank:
        raise Misfit(f"expects {AXES[rank]}, gets {signal.shape}", hint)


def require_real(signal: Signal) -> None:
    """Raise `Misfit` unless the signal is real."""
    if signal.dtype != "real":
        raise Misfit(f"expects real numbers, gets {signal.dtype}s", "add an embedding")
