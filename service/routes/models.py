"""`/models`: models are stored, told, listed and deleted, with the versions of their parameters; and they predict."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Header, Path, Query, Response
from starlette.routing import BaseRoute

from engine.errors import Limit, LimitExceeded
from engine.limits import Budget
from engine.models.estimate import estimate
from engine.models.exchange.export import exported
from engine.models.exchange.sheet import Precision
from service.answers import BYTES_PER_NUMBER
from service.bodies import declared_type, read_body
from service.context import Context
from service.cursors import number_of
from service.exchange import Exchange, Reply
from service.json_text import decode
from service.lean import Lean, LeanRoute
from service.models import exchange as onnx
from service.models import predicting, weights
from service.models.binding import LARGEST_VERSION
from service.models.content import as_safetensors
from service.models.files import FILES, as_npz
from service.models.posted import read_posted
from service.models.stored import StoredModel
from service.models.telling import address, parameters_told, summary, told, values, version_told
from service.openapi import problems
from service.schemas.models import (
    ModelBody,
    ModelModel,
    ModelsModel,
    ModelVersion,
    ModelVersionsModel,
    ParametersModel,
    PredictBody,
    PredictionAnswer,
    WeightsBody,
)
from service.serialise import json_bytes

LONGEST_PAGE = 100
FILE_OVERHEAD = 2**20
"""What a file with parameters may have beside their numbers."""
NPZ, SAFETENSORS, ONNX = "application/x-npz", "application/octet-stream", "application/x-onnx"
Reference = Annotated[str, Path(description="The id or the name of a model.", examples=["surface"])]
After = Annotated[str, Query(description="`next` of the page before.")]
Limited = Annotated[int, Query(ge=1, le=LONGEST_PAGE)]
Format = Literal["json", "npz", "safetensors"]
Work = Callable[[str, bytes, Exchange, Budget], Reply]
READING = problems(404, 410, 422, 500, 503, but=["overloaded"])
POSTING = problems(400, 404, 410, 413, 415, 422, 500, 503)


class Posted:
    """Answers what is posted to a model, behind the gate.  `files`: whether the body may be a file of parameters."""

    def __init__(self, context: Context, work: Work, files: bool = False) -> None:
        self._context, self._work, self._files = context, work, files

    async def __call__(self, exchange: Exchange) -> Reply:
        """The reply to one request."""
        settings = self._context.settings
        largest = max(settings.body_bytes, 8 * settings.model_parameters + FILE_OVERHEAD)
        body = await read_body(exchange, FILES if self._files else (), settings.body_bytes, largest, "model_parameters")
        budget = Budget.starting_now(settings.run_seconds)
        reference = exchange.scope["path_params"]["reference"]
        return await self._context.gate.run(
            lambda: self._work(reference, body, exchange, budget), budget, exchange.receive
        )


class Store:
    """Answers `POST /models`."""

    def __init__(self, context: Context) -> None:
        self._context = context

    async def __call__(self, exchange: Exchange) -> Reply:
        """The reply to one request; all its work is done behind the gate."""
        settings = self._context.settings
        largest = max(settings.body_bytes, 8 * settings.model_parameters + FILE_OVERHEAD)
        body = await read_body(exchange, onnx.TYPES, settings.body_bytes, largest, "model_parameters")
        budget = Budget.starting_now(settings.run_seconds)
        if declared_type(exchange) in onnx.TYPES:
            query = exchange.scope["query_string"]
            return await self._context.gate.run(lambda: self._take(body, query, budget), budget, exchange.receive)
        return await self._context.gate.run(lambda: self._store(body, budget), budget, exchange.receive)

    def _take(self, body: bytes, query: bytes, budget: Budget) -> Reply:
        """Store the model in a file, and its parameters as the first version that is stored."""
        context = self._context
        wanted = onnx.read_query(query)
        limits, most = context.engine.limits, context.settings.model_parameters
        model, name, parameters = onnx.read_onnx(body, wanted, limits, most)
        budget.check()
        cost = estimate(model, context.engine, budget)
        stored, new = context.models.add(model, name, cost)
        context.models.add_version(stored.id, parameters, None, {"source": "onnx"})
        again = context.models.get(stored.id)
        return Reply(201 if new else 200, _told(context, again), headers={"Location": address(stored)})

    def _store(self, body: bytes, budget: Budget) -> Reply:
        context = self._context
        posted = read_posted(decode(body), context.engine.limits, context.settings.model_parameters)
        budget.check()
        cost = estimate(posted.model, context.engine, budget)
        stored, new = context.models.add(posted.model, posted.name, cost)
        return Reply(201 if new else 200, _told(context, stored), headers={"Location": address(stored)})


def _told(context: Context, stored: StoredModel) -> bytes:
    models = context.models
    return json_bytes(told(stored, models.text(stored, "loss"), models.text(stored, "prediction")))


def _predict(context: Context, reference: str, body: bytes, budget: Budget) -> Reply:
    wanted = predicting.read_wanted(decode(body), context.engine.limits)
    most = context.settings.answer_bytes
    return Reply(200, json_bytes(predicting.answer(reference, wanted, context.models, context.engine, most, budget)))


def _add_version(context: Context, reference: str, body: bytes, exchange: Exchange, budget: Budget) -> Reply:
    models, limits = context.models, context.engine.limits
    model = models.get(reference).model
    if declared_type(exchange) in FILES:
        parameters = weights.read_files(body, model, limits)
    else:
        parameters = weights.read_content(decode(body), model, limits)
    budget.check()
    number = models.add_version(reference, parameters, None, {})
    stored, version = models.version(reference, number)
    content = version_told(stored, version)
    return Reply(201, json_bytes(content), headers={"Location": content["links"]["self"]})


def store(
    model: ModelBody,
    loss: Annotated[
        str | None,
        Query(description="With a file of ONNX, which has none: the loss, by name or as JSON.", examples=["mse"]),
    ] = None,
    name: Annotated[str | None, Query(description="With a file of ONNX: what to call the model.")] = None,
) -> ModelModel:
    """Store a model under an id that follows from its definition; the same definition again is the same model.

    All that is wrong with it is told now: its programs are compiled. A model that was stored without a name takes the
    one it is sent again with. A file of ONNX becomes a model with its parameters as a new version.
    """
    raise NotImplementedError("answered by Store")


def add_version(reference: Reference, weights: WeightsBody) -> ModelVersion:
    """Store parameters from elsewhere as a new version: as JSON, as NPZ, or in the format of safetensors."""
    raise NotImplementedError("answered by Posted")


def predict(reference: Reference, question: PredictBody) -> PredictionAnswer:
    """What a model predicts for one example or many, computed in parts, in float64."""
    raise NotImplementedError("answered by Posted")


def routes(context: Context) -> list[BaseRoute]:
    """The routes of this module."""
    binary = {"schema": {"type": "string", "format": "binary"}}
    lean = [
        LeanRoute(
            Lean("/models", Store(context)),
            store,
            operation_id="store_model",
            summary="Store a model",
            tags=["models"],
            status_code=201,
            responses={
                200: {"model": ModelModel, "description": "It was stored already."},
                **problems(400, 409, 413, 415, 422, 500, 503),
            },
            openapi_extra={"requestBody": {"content": {ONNX: binary, SAFETENSORS: binary}}},
        ),
        LeanRoute(
            Lean(
                "/models/{reference}/versions",
                Posted(
                    context,
                    lambda reference, body, exchange, budget: _add_version(context, reference, body, exchange, budget),
                    files=True,
                ),
            ),
            add_version,
            operation_id="add_model_version",
            summary="Bring parameters",
            tags=["models"],
            status_code=201,
            responses=POSTING,
            openapi_extra={"requestBody": {"content": {NPZ: binary, SAFETENSORS: binary}}},
        ),
        LeanRoute(
            Lean(
                "/models/{reference}/predict",
                Posted(context, lambda reference, body, _, budget: _predict(context, reference, body, budget)),
            ),
            predict,
            operation_id="predict",
            summary="Predict",
            tags=["models"],
            responses=POSTING,
        ),
    ]
    return [*lean, *_router(context).routes]


def _router(context: Context) -> APIRouter:
    router = APIRouter(tags=["models"])
    stored_models = context.models

    # Not coroutines: the framework runs them in threads, where they may wait for the database.
    @router.get(
        "/models",
        operation_id="models",
        response_model=ModelsModel,
        responses=problems(422, 500, 503, but=["overloaded"]),
    )
    def models(
        after: After = "",
        limit: Limited = 20,
        name: Annotated[str, Query(description="Only models whose names begin like this.")] = "",
    ) -> Response:
        """The stored models, the oldest first. Pages do not overlap, whatever is stored or deleted meanwhile."""
        found = list(stored_models.page(number_of(after) or 0, limit + 1, name))
        shown = found[:limit]
        next = str(shown[-1].number) if len(found) > limit else None
        return _json(json_bytes({"models": [summary(stored) for stored in shown], "next": next}))

    @router.get("/models/{reference}", operation_id="model", response_model=ModelModel, responses=READING)
    def model(reference: Reference) -> Response:
        """One model, by its id or name."""
        return _json(_told(context, stored_models.get(reference)))

    @router.delete("/models/{reference}", operation_id="delete_model", status_code=204, responses=READING)
    def delete(reference: Reference) -> Response:
        """Delete a model with all versions of its parameters, by its id or name."""
        stored_models.remove(reference)
        return Response(status_code=204)

    @router.get(
        "/models/{reference}/versions",
        operation_id="model_versions",
        response_model=ModelVersionsModel,
        responses=READING,
    )
    def versions(reference: Reference, after: After = "", limit: Limited = 20) -> Response:
        """The versions of a model's parameters, the oldest first; the first of all, 0, are the initial ones."""
        number = number_of(after)
        stored, found = stored_models.versions(reference, -1 if number is None else number, limit + 1)
        next = str(found[limit - 1].version) if len(found) > limit else None
        return _json(json_bytes({"versions": [version_told(stored, each) for each in found[:limit]], "next": next}))

    @router.get(
        "/models/{reference}/versions/{version}",
        operation_id="model_version",
        response_model=ModelVersion,
        responses=READING,
    )
    def version(reference: Reference, version: Annotated[int, Path(ge=0, le=LARGEST_VERSION)]) -> Response:
        """One version of a model's parameters, without their numbers."""
        return _json(json_bytes(version_told(*stored_models.version(reference, version), whole=True)))

    @router.get(
        "/models/{reference}/parameters",
        operation_id="model_parameters",
        response_model=ParametersModel,
        responses=READING | {200: {"content": {NPZ: {}, SAFETENSORS: {}}}},
    )
    def parameters(
        reference: Reference,
        version: Annotated[int | None, Query(ge=0, le=LARGEST_VERSION, description="The newest if absent.")] = None,
        format: Annotated[Format | None, Query(description="Without it the header `Accept` decides.")] = None,
        encoding: Annotated[Literal["json", "base64"], Query(description="How arrays are written in JSON.")] = "json",
        accept: Annotated[str | None, Header(description=f"`{NPZ}`, `{SAFETENSORS}` (safetensors), else JSON.")] = None,
    ) -> Response:
        """The parameters of a version, to be taken elsewhere, with the values of those under a constraint."""
        stored, found, arrays = stored_models.opened(reference, version)
        wanted = format or _accepted(accept or "")
        if wanted == "json":
            numbers = sum(array.size for array in arrays.values())
            _check_answer(numbers, encoding, context.settings.answer_bytes)
            return _json(json_bytes(parameters_told(stored, found, arrays, encoding)))
        both: dict[str, Any] = {**arrays, **values(stored.model, arrays)}
        body, media_type = (as_npz(both), NPZ) if wanted == "npz" else (as_safetensors(both), SAFETENSORS)
        name = f"{stored.id}-{found.version}.{wanted}"
        headers = {"Content-Disposition": f'attachment; filename="{name}"'}
        return Response(body, media_type=media_type, headers=headers)

    @router.get(
        "/models/{reference}/onnx",
        operation_id="model_onnx",
        response_class=Response,
        responses=READING | {200: {"content": {SAFETENSORS: {"schema": {"type": "string", "format": "binary"}}}}},
    )
    def as_onnx(
        reference: Reference,
        version: Annotated[int | None, Query(ge=0, le=LARGEST_VERSION, description="The newest if absent.")] = None,
        dtype: Annotated[Precision, Query(description="What real numbers are written as.")] = "float32",
    ) -> Response:
        """The prediction of a model, with the parameters of a version, as a file of ONNX."""
        stored, found, arrays = stored_models.opened(reference, version)
        body = exported(stored.model, arrays, dtype, name=stored.id, version=found.version)
        headers = {"Content-Disposition": f'attachment; filename="{stored.id}-{found.version}.onnx"'}
        return Response(body, media_type=SAFETENSORS, headers=headers)

    return router


def _accepted(accept: str) -> Format:
    if NPZ in accept:
        return "npz"
    return "safetensors" if SAFETENSORS in accept or "safetensors" in accept else "json"


def _check_answer(numbers: int, encoding: str, most: int) -> None:
    size = numbers * (BYTES_PER_NUMBER if encoding == "json" else 11)
    if size > most:
        raise LimitExceeded(
            f"The parameters would be about {size:,} bytes, more than the {most:,} that one answer may have.",
            limit=Limit("answer_bytes", most, size),
            hint="Ask for format=safetensors or format=npz.",
        )


def _json(body: bytes) -> Response:
    return Response(body, media_type="application/json")
