"""What is wrong with a file of ONNX, all of it, before it is refused."""

from __future__ import annotations

from collections.abc import Sequence

from engine.errors import EngineError, Fault, InvalidRequest, Unsupported

_MOST = 100


class Refused(Exception):
    """What is wrong with one node, or what of it is not taken: reads on after its name.  `broken`: it is no ONNX."""

    def __init__(self, detail: str, broken: bool = False) -> None:
        super().__init__(detail)
        self.detail, self.broken = detail, broken


class Faults:
    """Faults as they are found, `broken` where a file is not what ONNX allows."""

    def __init__(self) -> None:
        self._found: list[Fault] = []
        self._broken = False

    def __bool__(self) -> bool:
        return bool(self._found)

    def add(self, pointer: str, detail: str, broken: bool = False) -> None:
        """Keep one fault."""
        self._broken = self._broken or broken
        if len(self._found) < _MOST:
            self._found.append(Fault(pointer, detail))

    def refuse(self) -> None:
        """Raise `Unsupported`, or `InvalidRequest`, with all faults, where there is one."""
        if self._found:
            raise self._error(self._found)

    def _error(self, found: Sequence[Fault]) -> EngineError:
        detail = found[0].detail
        if len(found) > 1:
            detail = f"{len(found)} things stand against this file; the first one: {detail}"
        if self._broken:
            return InvalidRequest(detail, faults=found)
        return Unsupported(detail, hint="what is taken of ONNX: docs/models_http.md", faults=found)


def shown(name: str) -> str:
    """A name out of a file, as it may stand in a sentence."""
    short = name if len(name) <= 60 else name[:57] + "..."
    return short if short.isprintable() else ascii(short)[1:-1]
