"""What is wrong with a definition, gathered while it is read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from engine.errors import Fault, InvalidRequest
from engine.limits import Limits
from engine.models.fields import below

_MOST_FAULTS = 100


@dataclass(slots=True)
class Reading:
    """A definition that is being read within limits, and its faults so far."""

    limits: Limits
    faults: list[Fault] = field(default_factory=list)

    def fault(self, pointer: str, detail: str, hint: str = "") -> None:
        """Note a fault, with what would help."""
        if len(self.faults) < _MOST_FAULTS:
            sentence = f"{detail.rstrip('.')}; {hint}" if hint else detail
            self.faults.append(Fault(pointer, sentence if sentence[-1] in ".?" else sentence + "."))

    def add(self, place: str, faults: Sequence[Fault]) -> None:
        """Note faults of a part, whose pointers begin there."""
        self.faults += below(place, faults)[: _MOST_FAULTS - len(self.faults)]

    def refuse(self) -> None:
        """Raise `InvalidRequest` if anything was wrong."""
        if self.faults:
            first = self.faults[0]
            detail = f"{first.pointer.lstrip('/') or 'the definition'}: {first.detail}"
            if len(self.faults) > 1:
                detail = f"{len(self.faults)} things are wrong with this model; the first one is {detail}"
            raise InvalidRequest(detail, faults=self.faults)
