"""Routes that are documented like all others and answered without the framework's machinery.

A route of FastAPI costs about 100 µs per request in dependency solving, two rounds of validation and middleware; a
warm gradient costs a few.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from fastapi.routing import APIRoute
from starlette.types import Receive, Scope, Send

from engine.errors import BudgetExceeded, EngineError
from service.errors import ServiceError
from service.exchange import Exchange, Reply, problem_reply
from service.problems import problem_of


class Lean:
    """Answers exchanges by `respond`; what that refuses becomes a problem."""

    def __init__(self, path: str, respond: Callable[[Exchange], Awaitable[Reply]]) -> None:
        self.path, self._respond = path, respond

    async def answer(self, exchange: Exchange) -> None:
        """Answer one request."""
        try:
            reply = await self._respond(exchange)
        except (EngineError, ServiceError) as error:
            reply = problem_reply(problem_of(error))
        except MemoryError:
            reply = problem_reply(problem_of(BudgetExceeded("The computation needs more memory than there is.")))
        await exchange.reply(reply)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """The same, for the framework's router."""
        exchange = scope.get("exchange") or Exchange(scope, receive, send)
        await self.answer(exchange)


class LeanRoute(APIRoute):
    """A route whose typed signature is its documentation and whose answers come from `lean`."""

    def __init__(self, lean: Lean, endpoint: Callable[..., Any], **documentation: Any) -> None:
        super().__init__(lean.path, endpoint, methods=["POST"], **documentation)
        self.lean = lean
        self.app = lean
