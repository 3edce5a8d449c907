"""The body of `POST /models` becomes a model; every fault in it is found before anything is refused."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from engine.errors import Fault, InvalidRequest
from engine.limits import Limits
from engine.models.model import Model
from engine.models.read import read_model
from engine.source.parse import normal_name
from service.functions.content import is_name
from service.models.content import PREFIX

MOST_FAULTS = 100


@dataclass(frozen=True, slots=True)
class Posted:
    """A model, and what to call it."""

    model: Model
    name: str | None


def read_posted(content: Any, limits: Limits, most_numbers: int) -> Posted:
    """The model of a decoded request body, whose parameters may have so many numbers.

    Raises `InvalidRequest` with all faults, and `LimitExceeded`.
    """
    if type(content) is not dict:
        detail = "The body has to be a JSON object with `input`, `layers` and `loss`."
        raise InvalidRequest(detail, faults=[Fault("", detail)])
    faults: list[Fault] = []
    name = None if content.get("name") is None else _name(content["name"], limits, faults)
    definition = {field: value for field, value in content.items() if field != "name"}
    try:
        model = read_model(definition, limits, most_numbers)
    except InvalidRequest as error:
        if faults:
            error.faults = [*faults, *error.faults][:MOST_FAULTS]
            error.detail = f"{len(error.faults)} things are wrong with this request; the first one is /name: "
            error.detail += faults[0].detail
        raise
    if faults:
        raise InvalidRequest(f"/name: {faults[0].detail}", faults=faults)
    return Posted(model, name)


def _name(given: Any, limits: Limits, faults: list[Fault]) -> str | None:
    if type(given) is not str:
        faults.append(Fault("/name", "This has to be a string."))
        return None
    name = normal_name(given)
    if not name or not is_name(name):
        faults.append(Fault("/name", "A name has letters, digits, _, - and ., and begins with a letter or _."))
    elif name.startswith(PREFIX):
        faults.append(Fault("/name", f"Names that begin with {PREFIX} are kept for ids."))
    elif len(name) > limits.name_chars:
        faults.append(Fault("/name", f"A name has at most {limits.name_chars} characters."))
    return name
