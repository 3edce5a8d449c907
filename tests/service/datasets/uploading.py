"""Uploads of datasets, for tests."""

from __future__ import annotations

import io
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

from service.settings import Settings
from service.store.database import Database
from tests.service.asgi import Answered
from tests.service.stores import Shop

CSV = {"content-type": "text/csv"}
BINARY = {"content-type": "application/octet-stream"}


class Depot(Shop):
    """A client of an application that keeps its datasets in `folder`."""

    def __init__(self, folder: Path, **settings: Any) -> None:
        super().__init__(folder, **settings)
        self.folder = folder

    def upload(self, body: bytes | str, headers: dict[str, str] = CSV, query: str = "") -> Answered:
        """The answer to an upload."""
        body = body.encode() if isinstance(body, str) else body
        return self.request("POST", f"/datasets{query}", [body], headers)

    def kept(self, body: bytes | str, headers: dict[str, str] = CSV, query: str = "") -> dict[str, Any]:
        """The dataset, uploaded now or before."""
        answered = self.upload(body, headers, query)
        assert answered.status in (200, 201), answered.body
        content = answered.json()
        assert isinstance(content, dict)
        return content

    def files(self) -> list[str]:
        """All files of datasets, finished or not."""
        return sorted(file.name for file in (self.folder / "datasets").rglob("*") if file.is_file())


def npy(array: Any) -> bytes:
    """An NPY file."""
    file = io.BytesIO()
    np.save(file, array)
    return file.getvalue()


def npz(compressed: bool = False, **arrays: Any) -> bytes:
    """An NPZ file."""
    file = io.BytesIO()
    (np.savez_compressed if compressed else np.savez)(file, **arrays)
    return file.getvalue()


def csv_text(rows: Iterable[Iterable[Any]]) -> str:
    """CSV of values that need no quotes."""
    return "".join(",".join(map(str, row)) + "\n" for row in rows)


def database(folder: Path) -> tuple[Settings, Database]:
    """What a worker process has."""
    settings = Settings(data_dir=folder)
    return settings, Database(settings)
