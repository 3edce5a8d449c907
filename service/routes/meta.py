"""What the service says of itself: version, limits, health."""

from __future__ import annotations

from fastapi import APIRouter, Response

from service.context import Context
from service.errors import Overloaded
from service.openapi import problems
from service.schemas.meta import LIMITS, HealthModel, LimitsModel, VersionModel
from service.serialise import json_bytes
from service.versions import API, package_version


def router(context: Context) -> APIRouter:
    """The routes of this module."""
    router = APIRouter(tags=["service"])
    limits = json_bytes({name: getattr(context.settings, name) for name in LIMITS})
    versions = json_bytes({"api": API, "adjoint": package_version(), "engine": package_version()})

    @router.get("/version", operation_id="version", response_model=VersionModel, responses=problems(500))
    async def version() -> Response:
        """The number of the contract and the versions of package and engine."""
        return _json(versions)

    @router.get("/limits", operation_id="limits", response_model=LimitsModel, responses=problems(500))
    async def limits_() -> Response:
        """What a request may ask: sizes in bytes, times in seconds. All are settings of the server."""
        return _json(limits)

    @router.get("/healthz", operation_id="healthz", response_model=HealthModel, responses=problems(500))
    async def healthz() -> Response:
        """The process is alive."""
        return _json(b'{"status":"ok"}')

    @router.get(
        "/readyz", operation_id="readyz", response_model=HealthModel, responses=problems(500, 503, but=["unavailable"])
    )
    async def readyz() -> Response:
        """The process takes questions of any weight; 503 while its queue is full."""
        if context.gate.full:
            raise Overloaded("The queue is full.", headers={"Retry-After": "1"})
        return _json(b'{"status":"ok"}')

    return router


def _json(body: bytes) -> Response:
    return Response(body, media_type="application/json")
