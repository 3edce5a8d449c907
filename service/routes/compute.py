"""The questions about a function, `POST /value`, `/grad` and so on: a question in, its answer out."""

from __future__ import annotations

from collections.abc import Callable

from pydantic import BaseModel

from engine.compiled import Prepared
from engine.errors import BudgetExceeded
from engine.limits import Budget
from engine.question import Answer, Ask
from service.answers import answer_content, answer_size
from service.bodies import read_json_body
from service.context import Context
from service.directions import read_asked
from service.exchange import Exchange, Reply
from service.json_text import decode
from service.lean import Lean, LeanRoute
from service.openapi import problems
from service.questions import Asked
from service.schemas.answer import (
    GradAnswer,
    HessianAnswer,
    HvpAnswer,
    JacobianAnswer,
    JvpAnswer,
    ValueAnswer,
    VjpAnswer,
)
from service.schemas.question import HvpBody, JvpBody, QuestionBody, VjpBody
from service.serialise import json_bytes

COMPILE_SECONDS = 0.02
"""How long the event loop may be held up by a text that was never seen before."""
REFUSALS = problems(400, 413, 415, 422, 500, 503)


class Compute:
    """Answers one kind of question: light ones where they arrive, heavy ones behind the gate."""

    def __init__(self, context: Context, ask: Ask) -> None:
        self._context, self._ask = context, ask
        self._settings, self._engine = context.settings, context.engine
        self._limits = self._engine.limits

    async def __call__(self, exchange: Exchange) -> Reply:
        """The reply to one request."""
        settings, engine = self._settings, self._engine
        body = await read_json_body(exchange, settings.body_bytes)
        budget = Budget.starting_now(settings.run_seconds)
        gate, receive = self._context.gate, exchange.receive
        if len(body) > settings.inline_bytes:
            return await gate.run(lambda: self._from_body(body, budget), budget, receive)
        asked = read_asked(decode(body), self._ask, self._limits)
        question = asked.question
        prepared = engine.find(question, self._ask)
        known = prepared is not None
        if prepared is None:
            if len(question.text) > settings.inline_chars:
                return await gate.run(lambda: self._from_question(asked, budget), budget, receive)
            try:
                prepared = engine.prepare(question, self._ask, Budget.starting_now(COMPILE_SECONDS))
            except BudgetExceeded:
                # A short text can still ask for long constants; with the whole budget then, where nobody is held up.
                return await gate.run(lambda: self._from_question(asked, budget), budget, receive)
        if prepared.seconds > settings.inline_seconds:
            return await gate.run(lambda: self._run(prepared, asked, known, budget), budget, receive)
        answer = prepared.run(question, budget)
        if answer_size(answer) > settings.inline_bytes:
            return await gate.run(lambda: self._reply(answer, asked, known), budget, receive)
        return self._reply(answer, asked, known)

    def _from_body(self, body: bytes, budget: Budget) -> Reply:
        return self._from_question(read_asked(decode(body), self._ask, self._limits), budget)

    def _from_question(self, asked: Asked, budget: Budget) -> Reply:
        found = self._engine.find(asked.question, self._ask)
        prepared = found or self._engine.prepare(asked.question, self._ask, budget)
        return self._run(prepared, asked, found is not None, budget)

    def _run(self, prepared: Prepared, asked: Asked, known: bool, budget: Budget) -> Reply:
        return self._reply(prepared.run(asked.question, budget), asked, known)

    def _reply(self, answer: Answer, asked: Asked, known: bool) -> Reply:
        # Parsing and deriving were paid for by the first who asked.
        seconds = {"parse": 0.0, "derive": 0.0, "run": answer.seconds["run"]} if known else answer.seconds
        body = json_bytes(answer_content(answer, asked, self._settings.answer_bytes))
        return Reply(200, body, seconds=seconds)


def value(question: QuestionBody) -> ValueAnswer:
    """The value of a function at a point, or at many with `batch`."""
    raise NotImplementedError("answered by Compute")


def grad(question: QuestionBody) -> GradAnswer:
    """The value of a scalar function and its exact gradient with respect to every real input, or those in `wrt`.

    At a kink the stated convention holds and a warning says so; inputs that the function does not depend on have
    gradient 0 and a warning.
    """
    raise NotImplementedError("answered by Compute")


def jacobian(question: QuestionBody) -> JacobianAnswer:
    """The derivative of an output of any shape: the shape of the output, then that of the input.

    It is computed in forward or in reverse mode, whichever is cheaper for the shapes; `mode` tells which.
    """
    raise NotImplementedError("answered by Compute")


def hessian(question: QuestionBody) -> HessianAnswer:
    """The second derivatives of a scalar function, by input and input, with its value and gradient."""
    raise NotImplementedError("answered by Compute")


def jvp(question: JvpBody) -> JvpAnswer:
    """The directional derivative: the Jacobian times a tangent, or times several at once."""
    raise NotImplementedError("answered by Compute")


def vjp(question: VjpBody) -> VjpAnswer:
    """A cotangent, or several at once, times the Jacobian."""
    raise NotImplementedError("answered by Compute")


def hvp(question: HvpBody) -> HvpAnswer:
    """The Hessian of a scalar function times a vector, or several at once, without the Hessian itself."""
    raise NotImplementedError("answered by Compute")


QUESTIONS: tuple[tuple[Ask, Callable[..., BaseModel], str], ...] = (
    ("value", value, "Evaluate"),
    ("grad", grad, "Evaluate and differentiate"),
    ("jacobian", jacobian, "The whole first derivative"),
    ("hessian", hessian, "The whole second derivative"),
    ("jvp", jvp, "Jacobian times tangent"),
    ("vjp", vjp, "Cotangent times Jacobian"),
    ("hvp", hvp, "Hessian times vector"),
)


def routes(context: Context) -> list[LeanRoute]:
    """The routes of this module."""
    return [
        LeanRoute(
            Lean(f"/{ask}", Compute(context, ask)),
            documented,
            operation_id=ask,
            summary=summary,
            tags=["compute"],
            responses=REFUSALS,
        )
        for ask, documented, summary in QUESTIONS
    ]
