"""`/datasets`: files of numbers are uploaded, told, read and deleted."""

from __future__ import annotations

from typing import IO, Annotated, Literal

from fastapi import APIRouter, Path, Query, Response
from starlette.routing import BaseRoute

from engine.limits import Budget
from service.arrays import from_array
from service.context import Context
from service.cursors import number_of
from service.datasets.options import Options, read_options, split_columns
from service.datasets.telling import address, told, told_shortly
from service.datasets.uploads import Doors, kind_of, limit_of, read, receive
from service.exchange import Exchange, Reply
from service.lean import Lean, LeanRoute
from service.openapi import problems
from service.protocol import UPLOADS
from service.schemas.datasets import BODY, DatasetModel, DatasetsModel, RowsModel
from service.serialise import json_bytes

LONGEST_PAGE = 100
MOST_ROWS = 100_000
LAST = 2**62
Reference = Annotated[str, Path(description="The id or the name of a dataset.", examples=["iris"])]
Chosen = Annotated[
    str,
    Query(description="Only these, by name or header: `a,b`; one with a comma in it in quotes. All if absent."),
]


class Upload:
    """Answers `POST /datasets`."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._doors = Doors(context.settings.dataset_uploads)

    async def __call__(self, exchange: Exchange) -> Reply:
        """The reply to one request.  Its file is received first, then read and kept behind a gate of its own."""
        settings, datasets = self._context.settings, self._context.datasets
        options = read_options(exchange.scope["query_string"], settings.name_chars)
        kind = kind_of(exchange, settings)
        with self._doors.one():
            try:
                file = await receive(exchange, limit_of(kind, settings), lambda: datasets.folder().scratch())
                # Closing it also ends a reading that nobody waits for any more.
                with file:
                    return await self._kept(exchange, file, kind, options)
            except OSError as error:
                raise datasets.unavailable(error) from error

    async def _kept(self, exchange: Exchange, file: IO[bytes], kind: str, options: Options) -> Reply:
        settings, datasets = self._context.settings, self._context.datasets
        budget = Budget.starting_now(settings.dataset_seconds)

        def work() -> Reply:
            stored, new = datasets.add(read(file, kind, options, settings, budget), options.name)
            return Reply(201 if new else 200, json_bytes(told(stored)), headers={"Location": address(stored)})

        return await self._context.readers.run(work, budget, exchange.receive)


def upload(
    name: Annotated[
        str | None,
        Query(description="What to call it: letters, digits, `_`, `-` and `.`; no two datasets have the same name."),
    ] = None,
    columns: Chosen = "",
    header: Annotated[
        Literal["auto", "true", "false"],
        Query(description="Whether CSV begins with a line of names; `auto`: unless there is a number in it."),
    ] = "auto",
    delimiter: Annotated[
        Literal["auto", "comma", "semicolon", "tab"], Query(description="What separates the fields of CSV.")
    ] = "auto",
) -> DatasetModel:
    """Upload a dataset: CSV, NPY, NPZ or JSON. The same columns again are the same dataset, whatever file they came in.

    In CSV, columns of numbers are `float64`, or `int64` where all are whole; `true` and `false` are `bool`; anything
    else is texts, which become `int64` and a list of labels. In a column of numbers an empty field, `NA`, `N/A`, `NaN`
    or `null` is a missing one.
    """
    raise NotImplementedError("answered by Upload")


def routes(context: Context) -> list[BaseRoute]:
    """The routes of this module."""
    posting = LeanRoute(
        Lean(UPLOADS, Upload(context)),
        upload,
        operation_id="upload_dataset",
        summary="Upload a dataset",
        tags=["datasets"],
        status_code=201,
        openapi_extra={"requestBody": BODY},
        responses={
            200: {"model": DatasetModel, "description": "It was stored already."},
            **problems(400, 409, 413, 415, 422, 500, 503),
        },
    )
    return [posting, *_router(context).routes]


def _router(context: Context) -> APIRouter:
    router = APIRouter(tags=["datasets"])
    datasets = context.datasets

    # Not coroutines: the framework runs them in threads, where they may wait for the database and the disk.
    @router.get(
        "/datasets",
        operation_id="datasets",
        response_model=DatasetsModel,
        responses=problems(422, 500, 503, but=["overloaded"]),
    )
    def page(
        after: Annotated[str, Query(description="`next` of the page before.")] = "",
        limit: Annotated[int, Query(ge=1, le=LONGEST_PAGE)] = 20,
        name: Annotated[str, Query(description="Only datasets whose names begin like this.")] = "",
    ) -> Response:
        """The stored datasets, the oldest first. Pages do not overlap, whatever is stored or deleted meanwhile."""
        found = list(datasets.page(number_of(after) or 0, limit + 1, name))
        shown = found[:limit]
        next = str(shown[-1].number) if len(found) > limit else None
        return _json(json_bytes({"datasets": [told_shortly(stored) for stored in shown], "next": next}))

    @router.get(
        "/datasets/{reference}",
        operation_id="dataset",
        response_model=DatasetModel,
        responses=problems(404, 410, 422, 500, 503, but=["overloaded"]),
    )
    def dataset(reference: Reference) -> Response:
        """One dataset, by its id or name: what is known of its columns."""
        return _json(json_bytes(told(datasets.get(reference))))

    @router.get(
        "/datasets/{reference}/data",
        operation_id="dataset_data",
        response_model=RowsModel,
        responses=problems(404, 410, 422, 500, 503, but=["overloaded"]),
    )
    def data(
        reference: Reference,
        columns: Chosen = "",
        offset: Annotated[int, Query(ge=0, le=LAST, description="How many rows to leave out.")] = 0,
        limit: Annotated[int, Query(ge=1, le=MOST_ROWS)] = 100,
        encoding: Annotated[Literal["json", "base64"], Query(description="How arrays are written.")] = "json",
    ) -> Response:
        """Rows of a dataset, an array for each column. Texts are numbers, their places among the labels."""
        stored, found, more = datasets.rows(reference, split_columns(columns), offset, limit)
        content = {
            "id": stored.id,
            "offset": offset,
            "columns": {name: from_array(array, encoding) for name, array in found.items()},
            "next": offset + limit if more else None,
        }
        return _json(json_bytes(content))

    @router.delete(
        "/datasets/{reference}",
        operation_id="delete_dataset",
        status_code=204,
        responses=problems(404, 410, 422, 500, 503, but=["overloaded"]),
    )
    def delete(reference: Reference) -> Response:
        """Delete a dataset with its file, by its id or name."""
        datasets.remove(reference)
        return Response(status_code=204)

    return router


def _json(body: bytes) -> Response:
    return Response(body, media_type="application/json")
