"""The answers of UM-Bridge 1.0: every stored function that is a map between vectors is a model.

Refusals are those of the protocol, `{"error": {"type", "message"}}`.  `config` is for options of a model, of which ours
have none, and is not looked at.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from engine.errors import EngineError, NotDifferentiable, Unsupported
from engine.limits import Budget
from engine.precision.escalate import decide, undecided
from engine.question import Answer, Ask
from service.bodies import read_json_body
from service.context import Context
from service.errors import Gone, NotFound, Overloaded, ServiceError, Unavailable
from service.exchange import Exchange, Reply
from service.functions.binding import Binding
from service.interop.asked import Asked, Body, Refused
from service.interop.vectors import Vectors
from service.json_text import decode
from service.serialise import json_bytes


class Endpoint:
    """Answers one address of the protocol: `answer` gets the body and the model that it names."""

    def __init__(self, context: Context) -> None:
        self._context = context

    async def __call__(self, exchange: Exchange) -> Reply:
        """The reply to one request; refusals are those of the protocol."""
        settings = self._context.settings
        try:
            body = await read_json_body(exchange, settings.body_bytes)
            budget = Budget.starting_now(settings.run_seconds)
            if len(body) > settings.inline_bytes:
                work = lambda: decode(body)  # noqa: E731
                content = await self._context.gate.run(work, budget, exchange.receive)
            else:
                content = decode(body)
            return await self.answer(content, await self._model(content), budget, exchange)
        except Refused as refused:
            return _refusal(400, refused.type, refused.message)
        except (Overloaded, Unavailable) as error:
            return _refusal(error.status, "Unavailable", error.detail, error.headers)
        except (EngineError, ServiceError) as error:
            kind = "UnsupportedFeature" if isinstance(error, NotDifferentiable | Unsupported) else "InvalidInput"
            return _refusal(400, kind, str(error))

    async def answer(self, content: dict[str, Any], model: Vectors, budget: Budget, exchange: Exchange) -> Reply:
        """The reply to a body that names a model."""
        raise NotImplementedError

    async def _model(self, content: Any) -> Vectors:
        name = content.get("name") if type(content) is dict else None
        if type(name) is not str:
            raise Refused("InvalidInput", "The body has to be a JSON object with the name of a model!")
        try:
            binding = await self._context.library.obtain({"function": name})
        except (NotFound, Gone) as error:
            hint = f" {error.hint[0].upper()}{error.hint[1:]}" if error.hint else " GET /Info lists all."
            raise Refused("ModelNotFound", f"Model {name[:100]} not found!{hint}") from None
        assert binding is not None
        return self._vectors(binding, name)

    def _vectors(self, binding: Binding, name: str) -> Vectors:
        signature = binding.stored.signature
        if not signature.model or signature.outputs is None:
            message = f"Model {name[:100]} not found! There is a function of this name, and it is no map between "
            message += "vectors: that needs all inputs declared or bound, and those without data real."
            raise Refused("ModelNotFound", message)
        return Vectors(binding, signature.outputs)


class Sizes(Endpoint):
    """`/ModelInfo`, `/InputSizes` and `/OutputSizes`: what a model is like."""

    def __init__(self, context: Context, tell: Callable[[Vectors], dict[str, Any]]) -> None:
        super().__init__(context)
        self._tell = tell

    async def answer(self, content: dict[str, Any], model: Vectors, budget: Budget, exchange: Exchange) -> Reply:
        """The reply from what is known of the model."""
        return Reply(200, json_bytes(self._tell(model)))


class Computed(Endpoint):
    """`/Evaluate` and its like: a question to the engine."""

    def __init__(self, context: Context, feature: str, ask: Ask, read: Callable[[Body], Asked]) -> None:
        super().__init__(context)
        self._feature, self._ask, self._read = feature, ask, read

    async def answer(self, content: dict[str, Any], model: Vectors, budget: Budget, exchange: Exchange) -> Reply:
        """The reply from the engine: at once where the question was asked before and is light, else from a thread."""
        if self._feature != "Evaluate" and not model.differentiable:
            raise Refused("UnsupportedFeature", f"{self._feature} not supported by model!")
        context = self._context
        asked = self._read(Body(content, model, context.settings.array_bytes))
        prepared = context.engine.find(asked.question, self._ask)
        if prepared is not None and not prepared.open_ended and prepared.seconds <= context.settings.inline_seconds:
            answer = prepared.run(asked.question, budget)
            if not undecided(asked.question, answer):
                return _reply(asked, answer)
        return await context.gate.run(lambda: self._run(asked, budget), budget, exchange.receive)

    def _run(self, asked: Asked, budget: Budget) -> Reply:
        context, question = self._context, asked.question
        prepared = context.engine.prepare(question, self._ask, budget)
        answer = prepared.run(question, budget)
        if undecided(question, answer):
            answer = decide(prepared, question, self._ask, answer, context.referee.resolve, budget)
        return _reply(asked, answer)


def _reply(asked: Asked, answer: Answer) -> Reply:
    """The reply with an output, which has to be finite: JSON has no word for other numbers, and the protocol none."""
    output = asked.output(answer)
    rows = output if output and type(output[0]) is list else [output]
    if not all(np.isfinite(row).all() for row in rows):
        told = f" {answer.warnings[0].message}" if answer.warnings else ""
        raise Refused("InvalidOutput", f"The output is not finite, which the protocol cannot tell.{told}")
    return Reply(200, json_bytes({"output": output}))


def _refusal(status: int, kind: str, message: str, headers: Mapping[str, str] | None = None) -> Reply:
    body = json_bytes({"error": {"type": kind, "message": message}})
    return Reply(status, body, headers=headers or None, problem=f"umbridge-{kind}")
