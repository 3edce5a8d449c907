"""Requests whose whole work is done behind the gate."""

from __future__ import annotations

from collections.abc import Callable

from engine.limits import Budget
from service.bodies import read_json_body
from service.context import Context
from service.exchange import Exchange, Reply
from service.json_text import decode

Work = Callable[[bytes, Exchange, Budget], Reply]
"""From a body that was received to the reply; runs in a thread."""


class Gated:
    """Answers exchanges by `work`.  A stored function that the body names is loaded before."""

    def __init__(self, context: Context, work: Work) -> None:
        self._context, self._work = context, work

    async def __call__(self, exchange: Exchange) -> Reply:
        """The reply to one request."""
        context = self._context
        body = await read_json_body(exchange, context.settings.body_bytes)
        budget = Budget.starting_now(context.settings.run_seconds)
        if len(body) <= context.settings.inline_bytes:
            await context.library.obtain(decode(body))
        return await context.gate.run(lambda: self._work(body, exchange, budget), budget, exchange.receive)
