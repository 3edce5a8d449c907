"""Errors as problem details (RFC 9457): what is sent, and the catalogue of all kinds."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from engine.errors import REFUSALS, EngineError
from service.errors import SERVICE_ERRORS, ServiceError

MEDIA_TYPE = "application/problem+json"
TYPE_PREFIX = "/errors/"
REFUSED = 422


@dataclass(frozen=True, slots=True)
class Problem:
    """One refusal as it is sent: the status, further headers, and the fields of the body in their order."""

    status: int
    body: dict[str, Any]
    headers: Mapping[str, str]

    @property
    def name(self) -> str:
        """The stable name, the last part of `type`."""
        return str(self.body["type"]).removeprefix(TYPE_PREFIX)


@dataclass(frozen=True, slots=True)
class Kind:
    """One entry of the catalogue of errors."""

    name: str
    title: str
    status: int
    story: str
    example: str
    repair: str


def problem_of(error: EngineError | ServiceError) -> Problem:
    """The problem that tells a client of `error`."""
    status = error.status if isinstance(error, ServiceError) else REFUSED
    body: dict[str, Any] = {
        "type": TYPE_PREFIX + error.name,
        "title": error.title,
        "status": status,
        "detail": error.detail,
    }
    if error.faults:
        body["errors"] = [{"pointer": fault.pointer, "detail": fault.detail} for fault in error.faults]
    span, excerpt = _place(error)
    if span is not None:
        body["span"] = span
    if excerpt:
        body["excerpt"] = excerpt
    if error.hint:
        body["hint"] = error.hint
    if error.limit is not None:
        limit = error.limit
        body["limit"] = {"name": limit.name, "value": limit.value, "given": limit.given}
    return Problem(status, body, error.headers if isinstance(error, ServiceError) else {})


def _place(error: EngineError | ServiceError) -> tuple[dict[str, int] | None, str | None]:
    if isinstance(error, ServiceError):
        return (None if error.span is None else dict(error.span)), error.excerpt
    return (None if error.place is None else asdict(error.place)), error.excerpt


def catalogue() -> dict[str, Kind]:
    """Every kind of error by name, in the order of their status."""
    errors: tuple[type[EngineError] | type[ServiceError], ...] = (*SERVICE_ERRORS, *REFUSALS)
    kinds = [
        Kind(
            error.name,
            error.title,
            error.status if issubclass(error, ServiceError) else REFUSED,
            inspect.cleandoc(error.__doc__ or ""),
            error.example,
            error.repair,
        )
        for error in errors
    ]
    return {kind.name: kind for kind in sorted(kinds, key=lambda kind: kind.status)}
