"""An answer of the engine becomes a response body."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from engine.errors import Limit, LimitExceeded
from engine.question import Answer, Part, Sparse, Warning
from engine.source.text import locate
from service.arrays import from_array
from service.questions import Asked

BYTES_PER_NUMBER = 20
"""What a float64 takes in JSON, about: 17 digits, sign, point, comma."""
_PLAIN = frozenset((str, int))
_NESTED = frozenset((dict, tuple, str, int, Sparse))


def answer_size(answer: Answer) -> int:
    """The bytes that an answer will take as JSON, as a rough estimate."""
    size = _size(answer.value)
    for part in answer.parts.values():
        size += _size(part)
    return size


def answer_content(answer: Answer, asked: Asked, answer_bytes: int) -> dict[str, Any]:
    """The body of the response; raises `LimitExceeded` when it would be larger than `answer_bytes`."""
    size = answer_size(answer)
    if size > answer_bytes:
        raise LimitExceeded(
            f"The answer would be about {size:,} bytes, larger than the {answer_bytes:,} that one answer may have.",
            limit=Limit("answer_bytes", answer_bytes, size),
            hint="Ask for less, for instance with `wrt` or by a reduction such as sum or mean.",
        )
    encoding = asked.encoding
    content: dict[str, Any] = {"value": _written(answer.value, encoding)}
    for name, part in answer.parts.items():
        content[name] = _written(part, encoding)
    if answer.digits is not None:
        content["digits"] = {name: _written(part, "json") for name, part in answer.digits.items()}
    text = asked.question.text
    content["warnings"] = [warning_content(warning, text) for warning in answer.warnings] if answer.warnings else []
    return content


def _size(part: Part) -> int:
    kind = type(part)
    if kind is dict or kind is tuple:
        size = 0
        for inner in part.values() if kind is dict else part:
            size += _size(inner) if type(inner) in _NESTED else BYTES_PER_NUMBER * inner.size
        return size
    if kind is Sparse:
        # An index takes its digits and a comma.
        digits = sum(len(str(size)) + 1 for size in part.shape)
        return int(BYTES_PER_NUMBER * part.value.size + digits * part.row.size)
    return BYTES_PER_NUMBER * int(part.size if kind not in _PLAIN else 1)


def _written(part: Part, encoding: str) -> Any:
    kind = type(part)
    if kind is dict:
        return {
            name: _written(inner, encoding) if type(inner) in _NESTED else from_array(inner, encoding)
            for name, inner in part.items()
        }
    if kind is tuple:
        return [_written(inner, encoding) for inner in part]
    if kind is Sparse:
        arrays = {name: from_array(getattr(part, name), encoding) for name in ("row", "column", "value")}
        return {"shape": list(part.shape), **arrays}
    return part if kind in _PLAIN else from_array(part, encoding)


def warning_content(warning: Warning, text: str) -> dict[str, Any]:
    """A warning as JSON values, its place in the text counted in lines and columns."""
    content: dict[str, Any] = {"code": warning.code, "message": warning.message}
    if warning.span is not None:
        content["span"] = asdict(locate(text, warning.span))
    return content | dict(warning.extra)
