"""The questions about a function, `POST /value`, `/grad` and so on: a question in, its answer out."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pydantic import BaseModel

from engine.checking.self_check import self_check
from engine.compiled import Prepared
from engine.errors import BudgetExceeded
from engine.limits import Budget
from engine.precision.escalate import decide, undecided
from engine.question import Answer, Ask
from engine.verify.report import Report
from service.answers import answer_content, answer_size
from service.bodies import read_json_body
from service.context import Context
from service.directions import read_asked
from service.exchange import Exchange, Reply
from service.functions.binding import Binding
from service.json_text import decode
from service.lean import Lean, LeanRoute
from service.models.binding import named_in
from service.openapi import problems
from service.questions import Asked, source_of
from service.reports import report_content
from service.schemas.answer import (
    GradAnswer,
    HessianAnswer,
    HvpAnswer,
    JacobianAnswer,
    JvpAnswer,
    ValueAnswer,
    VjpAnswer,
)
from service.schemas.question import HvpBody, JvpBody, MatrixBody, QuestionBody, VjpBody
from service.serialise import json_bytes
from service.weights import complete, placed

COMPILE_SECONDS = 0.02
"""How long the event loop may be held up by a text that was never seen before."""
REFUSALS = problems(400, 404, 410, 413, 415, 422, 500, 503)


class Compute:
    """Answers one kind of question: light ones where they arrive, heavy ones behind the gate."""

    def __init__(self, context: Context, ask: Ask) -> None:
        self._context, self._ask = context, ask
        self._settings, self._engine = context.settings, context.engine

    async def __call__(self, exchange: Exchange) -> Reply:
        """The reply to one request."""
        settings, engine = self._settings, self._engine
        body = await read_json_body(exchange, settings.body_bytes)
        budget = Budget.starting_now(settings.run_seconds)
        gate, receive = self._context.gate, exchange.receive
        if len(body) > settings.inline_bytes:
            return await gate.run(lambda: self._from_body(body, budget), budget, receive)
        content = decode(body)
        if named_in(content) is not None:
            # A model is a program with parameters that may have to be read, or drawn.
            return await gate.run(lambda: self._from_decoded(content, budget), budget, receive)
        function = await self._context.library.obtain(content)
        if self._ask in ("vjp", "hvp") and self._is_long(content, function):
            # How a cotangent is read depends on the text, which has to be parsed for that.
            return await gate.run(lambda: self._from_content(content, function, budget), budget, receive)
        asked = read_asked(content, self._ask, engine, function)
        if asked.partial:
            return await gate.run(lambda: self._from_question(asked, budget), budget, receive)
        question = asked.question
        prepared = engine.find(question, self._ask)
        known = prepared is not None
        if prepared is None:
            if question.kind == "program" or len(question.text) > settings.inline_chars:
                # A program of any length may take long to compile: it may call its functions, or write out its loops.
                return await gate.run(lambda: self._from_question(asked, budget), budget, receive)
            try:
                with placed(asked):
                    prepared = engine.prepare(question, self._ask, Budget.starting_now(COMPILE_SECONDS))
            except BudgetExceeded:
                # A short text can still ask for long constants; with the whole budget then, where nobody is held up.
                return await gate.run(lambda: self._from_question(asked, budget), budget, receive)
        if prepared.open_ended or prepared.seconds > settings.inline_seconds:
            return await gate.run(lambda: self._run(prepared, asked, known, budget), budget, receive)
        answer = prepared.run(question, budget)
        if asked.check or undecided(question, answer):
            return await gate.run(lambda: self._decided(prepared, answer, asked, known, budget), budget, receive)
        if answer_size(answer) > settings.inline_bytes:
            return await gate.run(lambda: self._reply(answer, asked, known), budget, receive)
        return self._reply(answer, asked, known)

    def _from_body(self, body: bytes, budget: Budget) -> Reply:
        return self._from_decoded(decode(body), budget)

    def _from_decoded(self, content: Any, budget: Budget) -> Reply:
        return self._from_content(content, self._context.bindings.named(content), budget)

    def _from_content(self, content: Any, function: Binding | None, budget: Budget) -> Reply:
        return self._from_question(read_asked(content, self._ask, self._engine, function), budget)

    def _is_long(self, content: Any, function: Binding | None) -> bool:
        if type(content) is not dict:
            return False
        text, kind = source_of(content) if function is None else (function.stored.text, function.stored.kind)
        long = type(text) is str and (kind == "program" or len(text) > self._settings.inline_chars)
        return long and not self._engine.is_read(text, kind)

    def _from_question(self, asked: Asked, budget: Budget) -> Reply:
        asked = complete(asked, self._engine, budget)
        found = self._engine.find(asked.question, self._ask)
        with placed(asked):
            prepared = found or self._engine.prepare(asked.question, self._ask, budget)
        return self._run(prepared, asked, found is not None, budget)

    def _run(self, prepared: Prepared, asked: Asked, known: bool, budget: Budget) -> Reply:
        answer = prepared.run(asked.question, budget)
        if asked.check or undecided(asked.question, answer):
            return self._decided(prepared, answer, asked, known, budget)
        return self._reply(answer, asked, known)

    def _decided(self, prepared: Prepared, answer: Answer, asked: Asked, known: bool, budget: Budget) -> Reply:
        """The reply when the fast answer is not good enough; takes milliseconds and more, in other processes."""
        referee, question = self._context.referee, asked.question
        if undecided(question, answer):
            answer = decide(prepared, question, self._ask, answer, referee.resolve, budget)
        report = None
        if asked.check:
            report = self_check(self._engine, referee, question, self._ask, answer, budget)
        return self._reply(answer, asked, known, report)

    def _reply(self, answer: Answer, asked: Asked, known: bool, report: Report | None = None) -> Reply:
        # Parsing and deriving were paid for by the first who asked.
        seconds = answer.seconds | {"parse": 0.0, "derive": 0.0} if known else answer.seconds
        content = answer_content(answer, asked, self._settings.answer_bytes)
        if report is not None:
            content["check"] = report_content(report, asked.question.text)
        body = json_bytes(content)
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


def jacobian(question: MatrixBody) -> JacobianAnswer:
    """The derivative of an output of any shape: the shape of the output, then that of the input.

    It is computed in forward or in reverse mode, whichever is cheaper, or partly in each; `mode` tells which. Where
    most of it is 0 because of what the text says, elements that no result has in common are moved in one pass.
    """
    raise NotImplementedError("answered by Compute")


def hessian(question: MatrixBody) -> HessianAnswer:
    """The second derivatives of a scalar function, by input and input, with its value and gradient."""
    raise NotImplementedError("answered by Compute")


def jvp(question: JvpBody) -> JvpAnswer:
    """The directional derivative: the Jacobian times a tangent, or times several at once."""
    raise NotImplementedError("answered by Compute")


def vjp(question: VjpBody) -> VjpAnswer:
    """A cotangent, or several at once, times the Jacobian."""
    raise NotImplementedError("answered by Compute")


def hvp(question: HvpBody) -> HvpAnswer:
    """The Hessian of a scalar function times a vector, or several at once, without the Hessian itself.

    With a `cotangent` the result may have any shape: it is the Hessian of the sum of its elements with these weights.
    """
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
