"""A request body becomes a question; every fault in it is found before anything is refused."""

from __future__ import annotations

import difflib
from dataclasses import dataclass, replace
from typing import Any

from pydantic import ValidationError

from engine.errors import Fault, InvalidRequest, LimitExceeded, Unsupported
from engine.limits import Limits
from engine.question import Array, Kind, Question
from service.arrays import ArrayFault, to_array
from service.functions.binding import Binding
from service.pointers import pointer
from service.reader import short
from service.schemas.question import SOURCES, QuestionBody

MOST_FAULTS = 100
OF_MODELS = ("version", "training", "seed")
_FIELDS = frozenset(QuestionBody.model_fields)
_TYPES = {
    "string_type": "This has to be a string.",
    "dict_type": "This has to be an object: inputs by name.",
    "bool_type": "This has to be true or false.",
}
_validate = QuestionBody.__pydantic_validator__.validate_python
_LATER = {
    "function": "Stored functions are a server's; without one, send the text itself as `expr` or `program`.",
    "model": "Stored models are a server's, and not asked about here; send the text itself as `expr` or `program`.",
}


# Not frozen, as freezing costs 0.2 µs per field and this is made for every request.
@dataclass(slots=True)
class Asked:
    """A question as the engine takes it, and how its answer is to be written.

    `partial`: outputs that the cotangents do not name are still to be given zeros; see `service.directions.complete`.
    `weighted` are the outputs by name, where the cotangents were.
    """

    question: Question
    encoding: str
    check: bool = False
    partial: bool = False
    weighted: tuple[str, ...] = ()


def read_question(content: Any, limits: Limits, function: Binding | None = None, moves: bool = False) -> Asked:
    """The question that a decoded request body asks; `function` is what is stored of that name, if it names something.

    `moves` says that the inputs to differentiate are those that the question has directions for.
    Raises `InvalidRequest` with all faults, `Unsupported` for what the contract has and this version does not, and
    `LimitExceeded` for arrays that are too large.
    """
    if type(content) is not dict:
        raise _invalid([Fault("", "The body has to be a JSON object with at least the field `expr` or `program`.")])
    faults: list[Fault] = []
    if len(content) == 2 and type(given := content.get("at")) is dict:
        kind: Kind = "expr" if "expr" in content else "program"
        if type(text := content.get(kind)) is str:
            # What most clients send: nothing else is left to check.
            at = _arrays(given, limits, faults)
            if not faults:
                return Asked(Question(text, at, kind), "json")
            raise _invalid(faults)
    body = _fields(content, faults)
    at = _arrays(content.get("at"), limits, faults)
    wrt = _wrt(content.get("wrt"), faults)
    batch = content.get("batch")
    over = batch if type(batch) is bool else _names(batch, "batch", faults)
    text, kind = source_of(content) if function is None else (function.stored.text, function.stored.kind)
    if type(text) is not str or sum(content.get(source) is not None for source in SOURCES) != 1:
        _refuse_source(content, faults)
    if content.get("model") is None:
        told = "Only a question about a `model` has this."
        faults += [Fault(pointer((name,)), told) for name in OF_MODELS if content.get(name) is not None]
    if faults or body is None:
        raise _invalid(faults)
    if function is None:
        question = Question(text, at, kind, wrt=wrt, batch=over or False)
    else:
        question = function.question(at, wrt, over or False, moves)
    if body.precision is not None or body.digits:
        question = replace(question, precision=body.precision or "auto", digits=bool(body.digits))
    return Asked(question, body.encoding or "json", bool(body.check))


def source_of(content: dict[str, Any]) -> tuple[Any, Kind]:
    """What a request body has as its text, and of which kind it is."""
    text = content.get("expr")
    return (text, "expr") if text is not None else (content.get("program"), "program")


def _fields(content: dict[str, Any], faults: list[Fault]) -> QuestionBody | None:
    if not content.keys() <= _FIELDS:
        unknown = [name for name in content if name not in _FIELDS]
        faults += [Fault(pointer((short(name),)), _unknown_field(name)) for name in unknown[:MOST_FAULTS]]
        content = {name: value for name, value in content.items() if name in _FIELDS}
    try:
        body: QuestionBody = _validate(content)
        return body
    except ValidationError as error:
        for fault in error.errors(include_url=False, include_context=False, include_input=False):
            faults.append(Fault(pointer(fault["loc"]), _TYPES.get(fault["type"], fault["msg"] + ".")))
        return None


def _arrays(at: Any, limits: Limits, faults: list[Fault]) -> dict[str, Array]:
    arrays: dict[str, Array] = {}
    if type(at) is not dict:
        # Absent is fine; anything else was found by the field check.
        return arrays
    name_chars, array_bytes = limits.name_chars, limits.array_bytes
    for name, value in at.items():
        if len(faults) >= MOST_FAULTS:
            break
        try:
            arrays[name] = to_array(value, array_bytes)
            if not name.isidentifier():
                faults.append(Fault(pointer(("at", short(name))), "A name has only letters, digits and _."))
            elif len(name) > name_chars:
                faults.append(Fault(pointer(("at", short(name))), f"A name has at most {name_chars} characters."))
        except ArrayFault as fault:
            faults.append(fault.under("at", short(name)))
        except LimitExceeded as error:
            error.faults = [Fault(pointer(("at", short(name))), error.detail)]
            raise
    return arrays


def _wrt(names: Any, faults: list[Fault]) -> tuple[str, ...] | str | None:
    """One name or several: the engine tells of a fault where it is."""
    return names if type(names) is str else _names(names, "wrt", faults)


def _names(names: Any, field: str, faults: list[Fault]) -> tuple[str, ...] | None:
    if names is None:
        return None
    if type(names) is str:
        names = [names]
    if type(names) is not list:
        kinds = "a name or a list of names" if field == "wrt" else "true, false or a list of names"
        faults.append(Fault(pointer((field,)), f"`{field}` has to be {kinds}."))
        return None
    if not names and field == "wrt":
        faults.append(Fault("/wrt", "The list is empty; leave `wrt` out to differentiate with respect to every input."))
    seen: set[str] = set()
    for index, name in enumerate(names):
        if len(faults) >= MOST_FAULTS:
            break
        if type(name) is not str:
            faults.append(Fault(pointer((field, index)), "A name has to be a string."))
        elif name in seen:
            faults.append(Fault(pointer((field, index)), f"`{short(name)}` is named twice."))
        else:
            seen.add(name)
    return tuple(names)


def _refuse_source(content: dict[str, Any], faults: list[Fault]) -> None:
    given = [source for source in SOURCES if content.get(source) is not None]
    if len(given) > 1:
        faults += [Fault(pointer((source,)), f"Send exactly one of {', '.join(SOURCES)}.") for source in given]
    elif not given:
        detail = "There is no function to compute: send an expression as `expr`, a program as `program`, or name a "
        faults.append(Fault("/expr", detail + "stored function as `function`, a model as `model`."))
    elif given[0] in _LATER and not faults:
        raise Unsupported(_LATER[given[0]], faults=[Fault(pointer(given), _LATER[given[0]])])


def _unknown_field(name: str) -> str:
    near = difflib.get_close_matches(name[:20], QuestionBody.model_fields, 1)
    return "There is no such field" + (f"; did you mean `{near[0]}`?" if near else ".")


def _invalid(faults: list[Fault]) -> InvalidRequest:
    first = faults[0]
    detail = f"{first.pointer}: {first.detail}" if first.pointer else first.detail
    if len(faults) > 1:
        several = f"{len(faults)} things are" if len(faults) < MOST_FAULTS else "Many things are"
        detail = f"{several} wrong with this request; the first one is {detail}"
    return InvalidRequest(detail, faults=faults[:MOST_FAULTS])
