"""How something is minimised: the method and everything that it is told."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from engine.errors import InvalidRequest
from engine.optimise import plateau
from engine.optimise.methods import METHODS, PathMethod
from engine.optimise.options import Options, chosen
from engine.optimise.problem import Bounds
from engine.optimise.rule import Method, Rule
from engine.optimise.schedules import Scheduled, schedule
from engine.optimise.stopping import Stop

PLATEAU = ("reduce-on-plateau", "plateau")


@dataclass(frozen=True, slots=True)
class Plan:
    """A method with its options, and what goes with every method.

    `sign` is −1 where the client's value is the negative of what is minimised.  `every`: of so many steps one is put
    into the history, and the last.  `schedule`, `plateau` and `clip` are for first-order methods.
    """

    method: Method | PathMethod
    stop: Stop
    sign: float = 1.0
    bounds: Bounds | None = None
    schedule: Scheduled | None = None
    plateau: Options | None = None
    clip: Options | None = None
    every: int = 1

    @property
    def name(self) -> str:
        """What the method is called."""
        return self.method.rule.name if isinstance(self.method, Method) else self.method.record.name

    @property
    def options(self) -> Options:
        """The options of the method, all of them."""
        return self.method.options


def read_method(name: str, options: Mapping[str, object] | None = None) -> Method | PathMethod:
    """The method called `name`.  Raises `InvalidRequest` with all faults, whose pointers begin at the method."""
    record, read = chosen("method", name, METHODS, options)
    return Method(record, read) if isinstance(record, Rule) else PathMethod(record, read)


def read_schedule(name: str, options: Mapping[str, object]) -> Scheduled | Options:
    """The schedule called `name`: by steps, or the options of one that looks at the values.

    Raises `InvalidRequest` with all faults, whose pointers begin at the schedule.
    """
    if name in PLATEAU:
        return plateau.options(options)
    try:
        return schedule(name, options)
    except InvalidRequest as error:
        if error.faults and error.faults[0].pointer == "/name":
            detail = error.detail.rstrip(".") + f"; and there is `{PLATEAU[0]}`."
            error.detail = detail
        raise
