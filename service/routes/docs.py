"""`/docs`: the contract as a page to try things on, without internet; and `/openapi.json`."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from fastapi import APIRouter, Response
from fastapi.openapi.docs import get_swagger_ui_html
from fastapi.responses import HTMLResponse
from starlette.responses import FileResponse

from service.errors import NotFound
from service.serialise import json_bytes

ASSETS = Path(__file__).parent.parent / "web" / "vendor"
SERVED = ("swagger-ui.css", "swagger-ui-bundle.js", "favicon-32x32.png")


def router(openapi: Callable[[], dict[str, Any]]) -> APIRouter:
    """The routes of this module."""
    router = APIRouter(include_in_schema=False)
    # Relative addresses, so that the page also works behind a proxy that adds a prefix.
    page = get_swagger_ui_html(
        openapi_url="openapi.json",
        title="Adjoint",
        swagger_js_url="docs/swagger-ui-bundle.js",
        swagger_css_url="docs/swagger-ui.css",
        swagger_favicon_url="docs/favicon-32x32.png",
        swagger_ui_parameters={"defaultModelsExpandDepth": 0, "validatorUrl": None},
    )

    @router.get("/docs")
    async def docs() -> HTMLResponse:
        return page

    @router.get("/docs/{name}")
    async def asset(name: str) -> FileResponse:
        if name not in SERVED:
            raise NotFound(f"There is no page called {name[:50]}.")
        return FileResponse(ASSETS / name, headers={"cache-control": "max-age=86400"})

    @router.get("/openapi.json")
    async def contract() -> Response:
        return Response(json_bytes(openapi()), media_type="application/json")

    return router
