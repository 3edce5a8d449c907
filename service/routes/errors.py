"""`/errors/…`: the pages that the `type` of a problem leads to."""

from __future__ import annotations

from fastapi import APIRouter
from fastapi.responses import HTMLResponse, RedirectResponse

from service.errors import NotFound
from service.problems import catalogue
from service.web.pages import error_page, errors_page


def router() -> APIRouter:
    """The routes of this module."""
    router = APIRouter(include_in_schema=False)
    pages = {name: error_page(kind) for name, kind in catalogue().items()}
    index = errors_page()

    @router.get("/errors")
    async def to_index() -> RedirectResponse:
        return RedirectResponse("errors/")

    @router.get("/errors/")
    async def all_errors() -> HTMLResponse:
        return HTMLResponse(index)

    @router.get("/errors/{name}")
    async def error(name: str) -> HTMLResponse:
        if name not in pages:
            raise NotFound(f"There is no error called {name[:50]}.", hint="/errors/")
        return HTMLResponse(pages[name])

    return router
