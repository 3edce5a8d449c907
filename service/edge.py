"""The outermost layer: identity, time, metrics and log of every request, and the end of every unexpected error."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping

from starlette.types import ASGIApp, Receive, Scope, Send

from service.errors import Internal
from service.exchange import ClientGone, Exchange, problem_reply
from service.lean import Lean
from service.logs import Log
from service.metrics import Metrics
from service.problems import Problem, problem_of

CLIENT_CLOSED = 499
"""What logs and metrics call a request whose client left; nobody receives it."""


class Edge:
    """Wraps the framework's application, and answers the lean routes without a detour through it."""

    def __init__(
        self, app: ASGIApp, lean: Mapping[str, Lean], metrics: Metrics, log: Log, stop: Callable[[], None]
    ) -> None:
        self._app, self._lean, self._metrics, self._log = app, lean, metrics, log
        self.stop = stop
        """Ends the answers that would go on for ever."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, or pass on the events of the server's life."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            self._log.flush()
            return
        exchange = Exchange(scope, receive, send)
        metrics = self._metrics
        metrics.in_flight += 1
        lean = self._lean.get(scope["path"])
        try:
            if lean is not None and scope["method"] == "POST":
                scope["route"] = lean
                await lean.answer(exchange)
            else:
                exchange.scope = scope = _with_get(scope)
                scope["exchange"] = exchange
                await self._app(scope, receive, exchange.send)
        except ClientGone:
            exchange.status = CLIENT_CLOSED
        except Exception:
            self._log.events.exception("request-failed", request_id=exchange.request_id.decode(), route=exchange.route)
            if exchange.status == 0:
                await exchange.reply(problem_reply(internal(exchange.request_id)))
        finally:
            metrics.in_flight -= 1
            self._record(exchange)

    def _record(self, exchange: Exchange) -> None:
        seconds = time.perf_counter() - exchange.started
        route, status = exchange.route, exchange.status or CLIENT_CLOSED
        self._metrics.observe(route, status, seconds)
        if exchange.seconds:
            self._metrics.engine_seconds(exchange.seconds)
        self._log.request(
            exchange.request_id.decode(), exchange.scope["method"], route, status, seconds, exchange.problem
        )


def internal(request_id: bytes) -> Problem:
    """The problem that tells of a defect of ours, and nothing of its story."""
    problem = problem_of(Internal("This is our fault, not yours. The log of the server has the story."))
    problem.body["request_id"] = request_id.decode()
    return problem


def _with_get(scope: Scope) -> Scope:
    # HEAD is GET without the body, which the server leaves out; the framework knows only of GET.
    return {**scope, "method": "GET"} if scope["method"] == "HEAD" else scope
