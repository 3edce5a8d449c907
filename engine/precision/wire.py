"""Questions and answers as JSON, between the engine and its processes."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from dataclasses import fields
from typing import Any

import numpy as np

from engine.precision.examine import Examination
from engine.precision.resolved import Resolved, Sides
from engine.question import Array, Question
from engine.verify.ziv import Settled


def array_to(array: Any) -> dict[str, Any]:
    """An array as dtype, shape and base64."""
    found = np.ascontiguousarray(array)
    shape = list(np.shape(array))
    return {"dtype": found.dtype.str, "shape": shape, "data": base64.b64encode(found.tobytes()).decode()}


def array_from(content: Mapping[str, Any]) -> Array:
    """The array again."""
    flat = np.frombuffer(base64.b64decode(content["data"]), dtype=np.dtype(content["dtype"]))
    return flat.reshape(content["shape"])


def arrays_to(arrays: Mapping[str, Any]) -> dict[str, Any]:
    """Arrays by name."""
    return {name: array_to(array) for name, array in arrays.items()}


def arrays_from(content: Mapping[str, Any]) -> dict[str, Array]:
    """Arrays by name again."""
    return {name: array_from(array) for name, array in content.items()}


def question_to(question: Question) -> dict[str, Any]:
    """A question as an object of JSON."""
    content = {field.name: getattr(question, field.name) for field in fields(question)}
    return content | {"at": arrays_to(question.at), "along": arrays_to(question.along)}


def question_from(content: Mapping[str, Any]) -> Question:
    """The question again."""
    found = dict(content)
    found["at"], found["along"] = arrays_from(content["at"]), arrays_from(content["along"])
    found["wrt"] = tuple(content["wrt"]) if isinstance(content["wrt"], list) else content["wrt"]
    found["batch"] = content["batch"] if isinstance(content["batch"], bool) else tuple(content["batch"])
    return Question(**found)


def resolved_to(resolved: Resolved) -> dict[str, Any]:
    """A resolved answer as an object of JSON."""
    return {
        "outputs": list_to(resolved.outputs),
        "sure": list_to(resolved.sure),
        "digits": resolved.digits,
        "limits": resolved.limits,
        "moved": resolved.moved,
        "whole": resolved.whole,
        "late": resolved.late,
        "inside": resolved.inside,
        "sides": [[s.part, list(s.inputs), list(s.index), _number(s.left), _number(s.right)] for s in resolved.sides],
    }


def resolved_from(content: Mapping[str, Any]) -> Resolved:
    """The resolved answer again."""
    sides = [Sides(p, tuple(n), tuple(i), _unnumber(a), _unnumber(b)) for p, n, i, a, b in content["sides"]]
    outputs, sure = (list_from(content[name]) for name in ("outputs", "sure"))
    counts = content["digits"], content["limits"]
    found = Resolved(outputs, sure, *counts, sides, content["whole"], content["moved"], content["late"])
    found.inside = content["inside"]
    return found


def examination_to(examination: Examination) -> dict[str, Any]:
    """An examination as an object of JSON."""
    return {
        "resolved": resolved_to(examination.resolved),
        "differences": list_to(examination.differences),
        "spread": list_to(examination.spread),
        "slopes": array_to(examination.slopes),
    }


def examination_from(content: Mapping[str, Any]) -> Examination:
    """The examination again."""
    differences, spread = (list_from(content[name]) for name in ("differences", "spread"))
    return Examination(resolved_from(content["resolved"]), differences, spread, array_from(content["slopes"]))


def settled_to(settled: Settled) -> dict[str, Any]:
    """Settled numbers as an object of JSON."""
    return {"outputs": list_to(settled.outputs), "sure": list_to(settled.sure), "digits": settled.digits}


def settled_from(content: Mapping[str, Any]) -> Settled:
    """Settled numbers again."""
    return Settled(list_from(content["outputs"]), list_from(content["sure"]), content["digits"])


def list_to(arrays: Sequence[Any]) -> list[dict[str, Any]]:
    """Arrays in order."""
    return [array_to(array) for array in arrays]


def list_from(content: Sequence[Mapping[str, Any]]) -> list[Array]:
    """Arrays in order again."""
    return [array_from(array) for array in content]


def _number(value: float | None) -> str | None:
    return None if value is None else value.hex()


def _unnumber(value: str | None) -> float | None:
    return None if value is None else float.fromhex(value)
