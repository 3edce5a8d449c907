"""Uploads: received into a file without a name, read as what they are, and kept as datasets."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import IO

from engine.errors import BudgetExceeded, Fault, Limit
from engine.limits import Budget
from service.bodies import require_plain
from service.datasets.csv_file import read_csv
from service.datasets.json_value import read_json
from service.datasets.numpy_array import MAGIC
from service.datasets.numpy_file import read_npy, read_npz
from service.datasets.options import Options
from service.datasets.table import Table, refuse, table_of
from service.errors import Overloaded, TooLarge, UnsupportedDataset
from service.exchange import ClientGone, Exchange
from service.json_text import decode
from service.settings import Settings

CSV = "text/csv"
JSON = "application/json"
BINARY = ("application/octet-stream", "application/x-npz", "application/x-npy", "application/zip")
PART = 2**20
"""Bytes that are collected before they are written."""
_ZIP = b"PK"
_HINT = (
    "Send the header content-type: text/csv, application/octet-stream (NPY, NPZ) or application/json; "
    "with curl: -H 'content-type: text/csv' --data-binary @file.csv"
)


class Doors:
    """How many uploads may arrive at a time."""

    def __init__(self, most: int) -> None:
        self.most, self.taken = most, 0

    @contextmanager
    def one(self) -> Iterator[None]:
        """Count one more.  Raises `Overloaded`."""
        if self.taken >= self.most:
            raise Overloaded(
                f"{self.taken} datasets are being uploaded; the server takes no more at a time.",
                hint="Try again when one of them has ended.",
                headers={"Retry-After": "5"},
            )
        self.taken += 1
        try:
            yield
        finally:
            self.taken -= 1


def kind_of(exchange: Exchange, settings: Settings) -> str:
    """What a body is declared to be: `CSV`, `JSON`, or the first of `BINARY`.

    Raises `UnsupportedMediaType`, and `TooLarge` for a body that is declared to be too long.
    """
    headers = exchange.headers
    declared = headers.get(b"content-type", b"").decode("latin-1").lower()
    kind, _, parameters = (part.strip() for part in declared.partition(";"))
    if kind.startswith("application/") and kind.endswith("+json"):
        kind = JSON
    if kind in BINARY:
        kind = BINARY[0]
    elif kind not in (CSV, JSON):
        shown = f"is declared as {kind[:60]!r}" if kind else "has no declared type"
        raise UnsupportedDataset(f"The body {shown}; a dataset is CSV, NPY, NPZ or JSON.", hint=_HINT)
    charset = parameters.partition("charset=")[2].split(";")[0].strip(' "')
    if charset not in ("", "utf-8", "utf8", "us-ascii"):
        raise UnsupportedDataset("The body has to be in UTF-8.", hint=_HINT)
    if b"content-encoding" in headers:
        require_plain(headers[b"content-encoding"])
    limit = limit_of(kind, settings)
    length = headers.get(b"content-length", b"0")
    if length.isdigit() and (len(length) > 18 or int(length) > limit.value):
        raise _too_large(limit, int(length) if len(length) < 19 else None)
    return kind


def limit_of(kind: str, settings: Settings) -> Limit:
    """How large a body of a kind may be."""
    if kind == JSON:
        return Limit("body_bytes", min(settings.body_bytes, settings.dataset_bytes))
    return Limit("dataset_bytes", settings.dataset_bytes)


async def receive(exchange: Exchange, limit: Limit, open: Callable[[], IO[bytes]]) -> IO[bytes]:
    """The body of a request in a file that `open` gives.

    The file is closed when this raises: `TooLarge`, `ClientGone`, `OSError`.  What arrives is written by a thread, and
    no more than a part of it is in memory.
    """
    file = await asyncio.to_thread(open)
    try:
        size, part = 0, bytearray()
        while True:
            message = await exchange.receive()
            if message["type"] != "http.request":
                raise ClientGone
            part += message.get("body", b"")
            more = message.get("more_body", False)
            if size + len(part) > limit.value:
                raise _too_large(limit, None)
            if len(part) >= PART or not more:
                await asyncio.to_thread(file.write, part)
                size, part = size + len(part), bytearray()
            if not more:
                return file
    except BaseException:
        file.close()
        raise


def read(file: IO[bytes], kind: str, options: Options, settings: Settings, budget: Budget) -> Table:
    """The dataset in a file.  Raises what its format refuses, and `BudgetExceeded` where reading it takes too long."""
    size = file.seek(0, os.SEEK_END)
    file.seek(0)
    if size == 0:
        refuse([Fault("", "The body is empty.")], "With curl: --data-binary @file.csv")
    try:
        if kind == CSV:
            columns = read_csv(file, options, settings, budget)
        elif kind == JSON:
            columns = read_json(decode(file.read()), options, settings, budget)
        else:
            begin = file.read(len(MAGIC))
            if begin == MAGIC:
                columns = read_npy(file, options, settings, budget)
            elif begin.startswith(_ZIP):
                columns = read_npz(file, options, settings, budget)
            else:
                raise UnsupportedDataset("The body is neither an NPY nor an NPZ file.", hint=_HINT)
        table = table_of(columns, settings)
        budget.check()
    except BudgetExceeded as error:
        if error.limit is None:
            raise
        seconds = settings.dataset_seconds
        raise BudgetExceeded(
            f"The file was not read within {seconds:g} s.",
            limit=Limit("dataset_seconds", seconds),
            hint="NPY and NPZ files are read many times faster than CSV.",
        ) from None
    return table


def _too_large(limit: Limit, given: int | None) -> TooLarge:
    return TooLarge(
        f"The body is larger than the {int(limit.value):,} bytes that this dataset may have.",
        limit=Limit(limit.name, limit.value, given),
        hint="JSON may be as large as any request, CSV, NPY and NPZ larger." if limit.name == "body_bytes" else None,
    )
