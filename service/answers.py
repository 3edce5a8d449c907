"""An answer of the engine becomes a response body."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from engine.errors import Limit, LimitExceeded
from engine.question import Answer, Part, Warning
from engine.source.text import locate
from service.arrays import from_array
from service.questions import Asked

BYTES_PER_NUMBER = 20
"""What a float64 takes in JSON, about: 17 digits, sign, point, comma."""


def answer_size(answer: Answer) -> int:
    """The bytes that an answer will take as JSON, as a rough estimate."""
    count: int = answer.value.size
    for part in answer.parts.values():
        count += _count(part)
    return BYTES_PER_NUMBER * count


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
    content: dict[str, Any] = {"value": from_array(answer.value, encoding)}
    for name, part in answer.parts.items():
        content[name] = _written(part, encoding)
    text = asked.question.text
    content["warnings"] = [_warning(warning, text) for warning in answer.warnings] if answer.warnings else []
    return content


def _count(part: Part) -> Any:
    if type(part) is dict:
        count = 0
        for inner in part.values():
            count += _count(inner) if type(inner) is dict else inner.size
        return count
    return 1 if type(part) is str else part.size


def _written(part: Part, encoding: str) -> Any:
    if type(part) is dict:
        return {
            name: _written(inner, encoding) if type(inner) is dict else from_array(inner, encoding)
            for name, inner in part.items()
        }
    return part if type(part) is str else from_array(part, encoding)


def _warning(warning: Warning, text: str) -> dict[str, Any]:
    content: dict[str, Any] = {"code": warning.code, "message": warning.message}
    if warning.span is not None:
        content["span"] = asdict(locate(text, warning.span))
    return content | dict(warning.extra)
