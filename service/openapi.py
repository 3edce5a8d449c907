"""The OpenAPI document: what FastAPI derives from signatures, and what every route has in common."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from fastapi.openapi.utils import get_openapi
from pydantic.json_schema import models_json_schema
from starlette.routing import BaseRoute

from service.problems import MEDIA_TYPE, Kind, catalogue
from service.schemas.problem import EXAMPLE, ProblemModel
from service.versions import package_version

_REF = "#/components/schemas/"
_DESCRIPTION = """\
Values and exact derivatives of expressions and programs over HTTP.

Arrays are nested lists or packed base64; numbers that are not finite are the strings `"NaN"`, `"Infinity"` and
`"-Infinity"`. Every refusal is `application/problem+json` and its `type` is the address of a page that explains it.
Every answer carries `X-Request-ID` and `Server-Timing`.
"""
_HEADERS = {
    "X-Request-ID": {
        "description": "The id of this exchange: the client's, if it sent a sane one.",
        "schema": {"type": "string"},
    },
    "Server-Timing": {
        "description": "Milliseconds spent in parse, derive and run, where they apply, and in total.",
        "schema": {"type": "string"},
    },
    "Retry-After": {"description": "Seconds after which to try again.", "schema": {"type": "integer"}},
}
_REQUEST_ID = {
    "name": "X-Request-ID",
    "in": "header",
    "required": False,
    "description": "An id of the client's own, up to 128 visible ASCII characters; it comes back with the answer.",
    "schema": {"type": "string"},
}


def problems(*statuses: int, but: Sequence[str] = ()) -> dict[int | str, dict[str, Any]]:
    """The responses, for the documentation of a route, of all kinds of refusal with these statuses, `but` some."""
    return {status: _problem(status, but) for status in statuses}


def _problem(status: int, but: Sequence[str]) -> dict[str, Any]:
    kinds = [kind for kind in catalogue().values() if kind.status == status and kind.name not in but]
    content: dict[str, Any] = {"schema": {"$ref": _REF + "Problem"}}
    if status == EXAMPLE["status"]:
        content["example"] = EXAMPLE
    elif len(kinds) == 1:
        content["example"] = _example(kinds[0])
    else:
        content["examples"] = {kind.name: {"value": _example(kind)} for kind in kinds}
    return {
        "description": "; ".join(f"`{kind.name}`: {kind.title.lower()}" for kind in kinds),
        "content": {MEDIA_TYPE: content},
    }


def _example(kind: Kind) -> dict[str, Any]:
    return {
        "type": f"/errors/{kind.name}",
        "title": kind.title,
        "status": kind.status,
        "detail": kind.story.split(". ")[0].split(";")[0].rstrip(".") + ".",
    }


def document(routes: Callable[[], Sequence[BaseRoute]]) -> Callable[[], dict[str, Any]]:
    """A function that returns the document for `routes`, made when it is first asked for."""
    made: dict[str, Any] = {}

    def openapi() -> dict[str, Any]:
        if not made:
            made.update(_make(routes()))
        return made

    return openapi


def _make(routes: Sequence[BaseRoute]) -> dict[str, Any]:
    made = get_openapi(title="Adjoint", version=package_version(), description=_DESCRIPTION, routes=routes)
    components = made.setdefault("components", {})
    schemas = components.setdefault("schemas", {})
    _, own = models_json_schema([(ProblemModel, "serialization")], ref_template=_REF + "{model}")
    for name, schema in own["$defs"].items():
        schemas.setdefault("Problem" if name == "ProblemModel" else name, schema)
    components["headers"] = _HEADERS
    components["parameters"] = {"RequestId": _REQUEST_ID}
    for path in made["paths"].values():
        for operation in path.values():
            operation.setdefault("parameters", []).append({"$ref": "#/components/parameters/RequestId"})
            for status, response in operation["responses"].items():
                names = ["X-Request-ID", "Server-Timing", *(["Retry-After"] if status in ("429", "503") else [])]
                response["headers"] = {name: {"$ref": f"#/components/headers/{name}"} for name in names}
    return made
