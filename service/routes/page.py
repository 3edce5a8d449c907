"""`/`: the page to try things on, and the files that it is made of."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

from fastapi import APIRouter, Request, Response

from service.errors import NotFound

WEB = Path(__file__).parent.parent / "web"
PAGE = WEB / "page"
VENDORED = ("uPlot.iife.min.js", "uPlot.min.css")
MEDIA_TYPES = {
    ".css": "text/css; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}
POLICY = "default-src 'self'; base-uri 'none'; frame-ancestors 'none'; form-action 'self'; object-src 'none'"
"""Nothing from another host, and no script in the page itself: text from a request can never become code."""


@dataclass(frozen=True)
class File:
    """A file as it is sent."""

    content: bytes
    media_type: str
    tag: str

    @classmethod
    def read(cls, path: Path) -> File:
        """A file of the disk."""
        content = path.read_bytes()
        return cls(content, MEDIA_TYPES[path.suffix], f'"{hashlib.sha256(content).hexdigest()[:32]}"')

    def answer(self, request: Request) -> Response:
        """The file, or that it has not changed since the client asked for it."""
        headers = {
            # The files belong together: after an update none may come from an old version, so each is asked for again.
            "cache-control": "no-cache",
            "content-security-policy": POLICY,
            "etag": self.tag,
            "referrer-policy": "no-referrer",
            "x-content-type-options": "nosniff",
        }
        known = request.headers.get("if-none-match", "")
        if self.tag in (tag.strip().removeprefix("W/") for tag in known.split(",")):
            return Response(status_code=304, headers=headers)
        return Response(self.content, media_type=self.media_type, headers=headers)


def router() -> APIRouter:
    """The routes of this module."""
    router = APIRouter(include_in_schema=False)
    paths = [*PAGE.iterdir(), *(WEB / "vendor" / name for name in VENDORED)]
    files = {path.name: File.read(path) for path in paths if path.suffix in MEDIA_TYPES}
    index = files.pop("index.html")

    @router.get("/")
    async def page(request: Request) -> Response:
        return index.answer(request)

    @router.get("/page/{name}")
    async def asset(name: str, request: Request) -> Response:
        if name not in files:
            raise NotFound(f"There is no file called {name[:50]}.")
        return files[name].answer(request)

    return router
