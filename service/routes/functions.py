"""`/functions`: functions are stored, told, listed and deleted."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Query, Response
from starlette.routing import BaseRoute

from engine.limits import Budget
from service.bodies import read_json_body
from service.context import Context
from service.cursors import number_of
from service.exchange import Exchange, Reply
from service.functions.posted import read_posted
from service.functions.signature import signature_of
from service.functions.telling import address, told
from service.json_text import decode
from service.lean import Lean, LeanRoute
from service.openapi import problems
from service.schemas.functions import FunctionBody, FunctionModel, FunctionsModel
from service.serialise import json_bytes

LONGEST_PAGE = 100
Reference = Annotated[str, Path(description="The id or the name of a function.", examples=["least-squares"])]


class Store:
    """Answers `POST /functions`."""

    def __init__(self, context: Context) -> None:
        self._context = context

    async def __call__(self, exchange: Exchange) -> Reply:
        """The reply to one request; all its work is done behind the gate."""
        settings = self._context.settings
        body = await read_json_body(exchange, settings.body_bytes)
        budget = Budget.starting_now(settings.run_seconds)
        return await self._context.gate.run(lambda: self._store(body, budget), budget, exchange.receive)

    def _store(self, body: bytes, budget: Budget) -> Reply:
        context = self._context
        settings, limits = context.settings, context.engine.limits
        posted = read_posted(decode(body), limits, settings.function_inputs, settings.function_bytes)
        signature = signature_of(posted.definition, context.engine, budget)
        budget.check()
        stored, new = context.library.catalogue.add(posted.definition, posted.name, signature)
        return Reply(201 if new else 200, json_bytes(told(stored)), headers={"Location": address(stored)})


def store(function: FunctionBody) -> FunctionModel:
    """Store a function under an id that follows from its content; the same content again is the same function.

    What is wrong with its text is told now, and the shapes of its outputs where all inputs are declared or bound. A
    function that was stored without a name takes the one it is sent again with.
    """
    raise NotImplementedError("answered by Store")


def routes(context: Context) -> list[BaseRoute]:
    """The routes of this module."""
    posting = LeanRoute(
        Lean("/functions", Store(context)),
        store,
        operation_id="store_function",
        summary="Store a function",
        tags=["functions"],
        status_code=201,
        responses={
            200: {"model": FunctionModel, "description": "It was stored already."},
            **problems(400, 409, 413, 415, 422, 500, 503),
        },
    )
    return [posting, *_router(context).routes]


def _router(context: Context) -> APIRouter:
    router = APIRouter(tags=["functions"])
    library = context.library

    # Not coroutines: the framework runs them in threads, where they may wait for the database.
    @router.get(
        "/functions",
        operation_id="functions",
        response_model=FunctionsModel,
        responses=problems(422, 500, 503, but=["overloaded"]),
    )
    def functions(
        after: Annotated[str, Query(description="`next` of the page before.")] = "",
        limit: Annotated[int, Query(ge=1, le=LONGEST_PAGE)] = 20,
        name: Annotated[str, Query(description="Only functions whose names begin like this.")] = "",
    ) -> Response:
        """The stored functions, the oldest first. Pages do not overlap, whatever is stored or deleted meanwhile."""
        found = list(library.catalogue.page(number_of(after) or 0, limit + 1, name))
        shown = found[:limit]
        next = str(shown[-1].number) if len(found) > limit else None
        return _json(json_bytes({"functions": [told(stored) for stored in shown], "next": next}))

    @router.get(
        "/functions/{reference}",
        operation_id="function",
        response_model=FunctionModel,
        responses=problems(404, 410, 422, 500, 503, but=["overloaded"]),
    )
    def function(
        reference: Reference,
        data: Annotated[bool, Query(description="With the numbers of its data, packed.")] = False,
    ) -> Response:
        """One function, by its id or name."""
        return _json(json_bytes(told(library.catalogue.get(reference, data))))

    @router.delete(
        "/functions/{reference}",
        operation_id="delete_function",
        status_code=204,
        responses=problems(404, 410, 422, 500, 503, but=["overloaded"]),
    )
    def delete(reference: Reference) -> Response:
        """Delete a function with its data, by its id or name."""
        library.remove(reference)
        return Response(status_code=204)

    return router


def _json(body: bytes) -> Response:
    return Response(body, media_type="application/json")
