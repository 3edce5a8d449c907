"""Files of ONNX on the wire: what is asked for beside the file, and a model with its parameters out of one."""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl

from engine.errors import Fault, InvalidRequest
from engine.limits import Limits
from engine.models.exchange.imports import imported
from engine.models.model import Model
from engine.question import Array
from service.errors import InvalidJson
from service.json_text import decode
from service.models.posted import read_posted
from service.reader import short

TYPES = (b"application/x-onnx", b"application/onnx", b"application/octet-stream")
"""The types that a file of ONNX is declared with."""
PARAMETERS = ("name", "loss")
_LONGEST = 16_384


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a file does not say: the loss, as in a definition, and what to call the model."""

    loss: Any
    name: str | None


def read_query(query: bytes) -> Wanted:
    """What a query string asks for.  Raises `InvalidRequest` with all faults."""
    faults: list[Fault] = []
    given: dict[str, str] = {}
    try:
        if len(query) > _LONGEST:
            raise ValueError
        pairs = parse_qsl(query.decode(), keep_blank_values=True, errors="strict", max_num_fields=20)
    except ValueError:
        raise InvalidRequest(
            "The query is not one of names and values in UTF-8.", hint="/models?loss=mse&name=surface"
        ) from None
    for name, value in pairs:
        if name not in PARAMETERS:
            near = difflib.get_close_matches(name[:20], PARAMETERS, 1)
            told = f"did you mean {near[0]}?" if near else f"there are {', '.join(PARAMETERS)}."
            faults.append(Fault(f"/{short(name)}", f"There is no such parameter; {told}"))
        elif name in given:
            faults.append(Fault(f"/{name}", "This is given more than once."))
        given[name] = value
    if not given.get("loss"):
        faults.append(Fault("/loss", "A file of ONNX has no loss: say which one, as in /models?loss=mse."))
    if faults:
        raise InvalidRequest(faults[0].detail, faults=faults)
    return Wanted(_loss(given["loss"]), given.get("name"))


def _loss(text: str) -> Any:
    """A name, or the object that a definition would have, as JSON."""
    if not text.lstrip().startswith("{"):
        return text
    try:
        return decode(text.encode())
    except InvalidJson as error:
        raise InvalidRequest(
            "/loss: this is no JSON.", faults=[Fault("/loss", error.detail)], hint='loss={"name":"huber","delta":1}'
        ) from None


def read_onnx(
    content: bytes, wanted: Wanted, limits: Limits, most_numbers: int
) -> tuple[Model, str | None, dict[str, Array]]:
    """The model in a file, what to call it, and its parameters.  Raises what reading either of them raises."""
    definition, parameters = imported(content, limits)
    posted = read_posted({**definition, "loss": wanted.loss, "name": wanted.name}, limits, most_numbers)
    return posted.model, posted.name, parameters
