"""`GET /primitives`: the functions of the language, from the engine's own records."""

from __future__ import annotations

import difflib
from typing import Any

from fastapi import APIRouter, Response

from engine.primitives.function import Function
from engine.primitives.table import FUNCTIONS
from engine.source.names import CONSTANTS
from service.errors import NotFound
from service.openapi import problems
from service.schemas.primitives import PrimitiveModel, PrimitivesModel
from service.serialise import json_bytes


def router() -> APIRouter:
    """The routes of this module."""
    router = APIRouter(tags=["language"])
    by_name = {name: function for function in FUNCTIONS.values() for name in (function.name, *function.aliases)}
    unique = {function.name: function for function in FUNCTIONS.values()}
    whole = json_bytes({"primitives": [_content(function) for function in unique.values()], "constants": CONSTANTS})

    @router.get("/primitives", operation_id="primitives", response_model=PrimitivesModel, responses=problems(500))
    async def primitives() -> Response:
        """All functions: names, signatures, domains, conventions at kinks."""
        return Response(whole, media_type="application/json")

    @router.get(
        "/primitives/{name}",
        operation_id="primitive",
        response_model=PrimitiveModel,
        responses=problems(404, 422, 500),
    )
    async def primitive(name: str) -> Response:
        """One function, by its name or an alias."""
        if name not in by_name:
            near = difflib.get_close_matches(name[:50], by_name, 1)
            raise NotFound(f"There is no function called {name[:50]}.", hint=near[0] if near else None)
        return Response(json_bytes(_content(by_name[name])), media_type="application/json")

    return router


def _content(function: Function) -> dict[str, Any]:
    return {
        "name": function.name,
        "aliases": function.aliases,
        "signature": function.signature,
        "summary": function.summary,
        "group": function.group,
        "domain": function.domain,
        "kink": function.kink,
        "differentiable": function.differentiable,
        "note": function.note,
        "examples": [{"expr": example.expr, "at": dict(example.inputs)} for example in function.examples],
    }
