"""`GET /metrics` for Prometheus."""

from __future__ import annotations

from fastapi import APIRouter, Response
from fastapi.responses import PlainTextResponse

from service.context import Context
from service.metrics import MEDIA_TYPE
from service.openapi import problems


def router(context: Context) -> APIRouter:
    """The routes of this module."""
    router = APIRouter(tags=["service"])

    @router.get("/metrics", operation_id="metrics", response_class=PlainTextResponse, responses=problems(500))
    async def metrics() -> Response:
        """Counters and gauges in the text format of Prometheus, of the worker process that answers."""
        return Response(context.metrics.text(), media_type=MEDIA_TYPE)

    return router
