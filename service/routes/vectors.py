"""`POST /vectors`: golden points and answers, to be kept in the test suite of another implementation."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from engine.checking.vectors import vectors as made
from engine.errors import EngineError, Fault, InvalidRequest
from engine.graph.types import Shape
from engine.limits import Budget
from engine.question import Array, Question
from service.context import Context
from service.domains import FIELDS, Wanted, read_wanted
from service.exchange import Exchange, Reply
from service.functions.binding import Binding
from service.functions.stored import Input
from service.gated import Gated
from service.json_text import decode
from service.lean import Lean, LeanRoute
from service.openapi import problems
from service.questions import read_question
from service.schemas.vectors import VectorsAnswer, VectorsBody
from service.serialise import json_bytes
from service.vectors_written import as_csv, as_json, as_npz

REFUSALS = problems(400, 404, 410, 413, 415, 422, 500, 503)
UNWANTED = ("at", "batch", "precision", "digits", "check")


def _answer(context: Context, body: bytes, accept: str, budget: Budget) -> Reply:
    engine, content = context.engine, decode(body)
    if type(content) is not dict:
        raise InvalidRequest("The body has to be a JSON object.", faults=[Fault("", "This has to be an object.")])
    unwanted = [Fault(f"/{name}", "Vectors have no such field.") for name in UNWANTED if name in content]
    if unwanted:
        raise InvalidRequest(unwanted[0].detail, faults=unwanted)
    # The seed is that of the points here, and the domain tells which inputs there are.
    named = {name: value for name, value in content.items() if name not in FIELDS}
    function = context.bindings.named({**named, "at": content.get("domain")})
    shapes = {} if function is None else {name: _shape(found) for name, found in function.free.items()}
    wanted = read_wanted(content, shapes, accept, context.settings.vectors_points, context.settings.vectors_elements)
    example = {name: np.zeros(r.shape).tolist() for name, r in wanted.domain.items()}
    asked = read_question({**named, "at": example}, engine.limits, function)

    def ask(at: Mapping[str, Array], over: tuple[str, ...]) -> Question:
        return _question(at, over, asked.question, function)

    try:
        found = made(engine, context.referee, ask, wanted.domain, wanted.count, wanted.seed, budget)
    except EngineError as error:
        # Inputs are told in the domain here, where other questions have `at`.
        error.faults = [Fault(f.pointer.replace("/at/", "/domain/"), f.detail) for f in error.faults]
        error.hint = error.hint and error.hint.replace('in "at"', 'in "domain"')
        raise
    return _written(found, wanted, asked.encoding, asked.question)


def _shape(found: Input) -> Shape:
    """The shape of an input that a domain does not tell: one example, where there is an axis over them."""
    return (1, *(found.shape or ())) if found.examples else found.shape or ()


def _written(found: Any, wanted: Wanted, encoding: str, question: Question) -> Reply:
    if wanted.format == "csv":
        return Reply(200, as_csv(found), b"text/csv; charset=utf-8")
    if wanted.format == "npz":
        return Reply(200, as_npz(found), b"application/x-npz")
    return Reply(200, json_bytes({question.kind: question.text, "seed": wanted.seed, **as_json(found, encoding)}))


def _question(at: Mapping[str, Array], over: tuple[str, ...], example: Question, function: Binding | None) -> Question:
    if function is None:
        return Question(example.text, dict(at), example.kind, wrt=example.wrt, batch=over or False)
    return function.question(at, example.wrt, over or False, moves=False)


def vectors(question: VectorsBody) -> VectorsAnswer:
    """Points of a domain, random and treacherous ones, with the value and the gradient rounded once.

    The treacherous ones are zeros, tiny numbers, the ends of the domain, kinks, poles, and points at which digits
    cancel. The same request gets the same bits.
    """
    raise NotImplementedError("answered by Gated")


def routes(context: Context) -> list[LeanRoute]:
    """The routes of this module."""

    def answer(body: bytes, exchange: Exchange, budget: Budget) -> Reply:
        accept = exchange.headers.get(b"accept", b"").decode("latin-1")
        return _answer(context, body, accept, budget)

    return [
        LeanRoute(
            Lean("/vectors", Gated(context, answer)),
            vectors,
            operation_id="vectors",
            summary="Golden vectors for a test suite",
            tags=["check"],
            responses=REFUSALS | {200: {"content": {"text/csv": {}, "application/x-npz": {}}}},
        )
    ]
