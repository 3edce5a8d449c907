"""The framework's own refusals, and ours raised in its routes, as problems."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from starlette.exceptions import HTTPException

from engine.errors import EngineError, Fault, InvalidRequest
from service.edge import internal
from service.errors import InvalidJson, MethodNotAllowed, NotFound, ServiceError
from service.pointers import pointer
from service.problems import MEDIA_TYPE, Problem, problem_of
from service.serialise import json_bytes


def install(app: FastAPI) -> None:
    """Make every refusal of `app` a problem."""
    app.add_exception_handler(HTTPException, _of_http)
    app.add_exception_handler(RequestValidationError, _of_validation)
    app.add_exception_handler(EngineError, _of_ours)
    app.add_exception_handler(ServiceError, _of_ours)
    app.add_exception_handler(Exception, _of_surprise)


def _respond(request: Request, problem: Problem) -> Response:
    request.scope["exchange"].problem = problem.name
    return Response(json_bytes(problem.body), problem.status, dict(problem.headers), MEDIA_TYPE)


async def _of_ours(request: Request, error: Exception) -> Response:
    assert isinstance(error, EngineError | ServiceError)
    return _respond(request, problem_of(error))


async def _of_http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    path, method = request.scope["path"], request.scope["exchange"].scope["method"]
    if error.status_code == 404:
        return _respond(request, problem_of(NotFound(f"There is nothing at {_short(path)}.", hint=_near(request))))
    if error.status_code == 405:
        allowed = _allowed(request, (error.headers or {}).get("Allow", ""))
        detail = f"{_short(path)} does not take {method}; it takes {allowed}."
        return _respond(request, problem_of(MethodNotAllowed(detail, headers={"Allow": allowed})))
    refused = ServiceError(str(error.detail))
    if 400 <= error.status_code < 500:
        refused = InvalidJson(str(error.detail))
    return _respond(request, problem_of(refused))


async def _of_validation(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    faults = [Fault(pointer(fault["loc"][1:]), fault["msg"] + ".") for fault in error.errors()]
    return _respond(request, problem_of(InvalidRequest(faults[0].detail, faults=faults)))


async def _of_surprise(request: Request, error: Exception) -> Response:
    # The framework raises it again after this answer, and the edge writes it to the log.
    return _respond(request, internal(request.scope["exchange"].request_id))


def _allowed(request: Request, first: str) -> str:
    """All methods of an address: the framework tells those of the first of its routes."""
    path, routes = request.scope["path"], request.app.routes
    here = [route for route in routes if isinstance(route, APIRoute) and route.path_regex.match(path)]
    return ", ".join(sorted({method for route in here for method in route.methods or ()} or {first}))


def _near(request: Request) -> str | None:
    routes: Iterable[object] = request.app.routes
    ours = [route for route in routes if isinstance(route, APIRoute) and "umbridge" not in route.tags]
    known = [route.path for route in ours if "{" not in route.path]
    near = difflib.get_close_matches(request.scope["path"][:100], known, 1)
    return near[0] if near else None


def _short(path: str) -> str:
    return path if len(path) <= 100 else path[:100] + "…"
