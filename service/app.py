"""The application: routes, refusals, and the edge around them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import TextIO

from fastapi import FastAPI

from service import problems_http
from service.context import Context
from service.edge import Edge
from service.errors import Unavailable
from service.lean import LeanRoute
from service.logs import Log
from service.openapi import document
from service.routes import (
    check,
    compute,
    datasets,
    docs,
    errors,
    functions,
    jobs,
    meta,
    metrics,
    models,
    page,
    plan,
    primitives,
    steps,
    umbridge,
    vectors,
)
from service.settings import Settings
from service.versions import package_version


def create_app(settings: Settings | None = None, log: TextIO | None = None) -> Edge:
    """The whole service as one ASGI application; settings from the environment, log to standard error, unless given."""
    context = Context.build(settings or Settings())
    return edged(build(context), context, log)


def edged(framework: FastAPI, context: Context, log: TextIO | None = None) -> Edge:
    """The framework's application with the edge around it, which answers the lean routes itself."""
    lean = {route.path: route.lean for route in framework.routes if isinstance(route, LeanRoute)}
    made = Log(context.settings, log)
    context.runner.report = context.jobs.report = made.events.warning
    context.database.report = lambda reason: made.events.error("database-failed", reason=reason)
    context.datasets.report = lambda reason: made.events.error("datasets-failed", reason=reason)
    return Edge(framework, lean, context.metrics, made, context.feed.close)


def build(context: Context) -> FastAPI:
    """The framework's application with all routes."""

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        context.gate.open()
        context.readers.open()
        context.referee.open()
        context.feed.open()
        context.runner.open()
        # Without files nothing is done; what fails is in the log, and said again to who asks for a dataset.
        with suppress(Unavailable):
            await asyncio.to_thread(context.datasets.sweep)
        try:
            yield
        finally:
            # Also when the server is told twice to end, and cancels what waits here: processes of jobs that were not
            # told would be waited for until their jobs are done.
            context.feed.close()
            await asyncio.to_thread(context.runner.close)
            context.gate.close()
            context.readers.close()
            context.referee.close()
            context.library.close()

    app = FastAPI(
        title="Adjoint",
        version=package_version(),
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
        redirect_slashes=False,
        lifespan=lifespan,
    )
    openapi = document(lambda: app.routes)
    app.openapi = openapi  # type: ignore[method-assign]
    app.router.routes.extend(
        [
            *compute.routes(context),
            *functions.routes(context),
            *datasets.routes(context),
            *jobs.routes(context),
            *umbridge.routes(context),
        ]
    )
    app.router.routes.extend(models.routes(context))
    app.router.routes.extend(check.routes(context))
    app.router.routes.extend(plan.routes(context))
    app.router.routes.extend(steps.routes(context))
    app.router.routes.extend(vectors.routes(context))
    for router in (
        meta.router(context),
        primitives.router(),
        umbridge.router(context),
        metrics.router(context),
        errors.router(),
        docs.router(openapi),
        page.router(),
    ):
        app.include_router(router)
    problems_http.install(app)
    return app
