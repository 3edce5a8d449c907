"""Applications with a store of their own, for tests."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

from service.app import create_app
from service.settings import Settings
from tests.service.asgi import Answered, Client

SQUARES: dict[str, Any] = {
    "expr": "sum((X @ w - y)^2) / 2",
    "name": "least-squares",
    "inputs": {"w": {"shape": [2]}},
    "data": {"X": [[1, 2], [3, 4], [5, 6]], "y": [1, 2, 3]},
}
"""A function with an input and data: at w = [1, 2] its value is 146.5 and its gradient [101, 128]."""


class Shop(Client):
    """A client of an application that keeps its functions in `folder`."""

    def __init__(self, folder: Path, **settings: Any) -> None:
        self.log = io.StringIO()
        super().__init__(create_app(Settings(data_dir=folder, **settings), self.log))

    def store(self, expr: str, **fields: Any) -> dict[str, Any]:
        """The function, stored now or before."""
        answered = self.post("/functions", {"expr": expr, **fields})
        assert answered.status in (200, 201), answered.body
        content = answered.json()
        assert isinstance(content, dict)
        return content

    def delete(self, path: str) -> Answered:
        """The answer to a DELETE."""
        return self.request("DELETE", path)

    def listed(self, query: str = "") -> dict[str, Any]:
        """A page of functions."""
        answered = self.get(f"/functions?{query}")
        assert answered.status == 200, answered.body
        content = answered.json()
        assert isinstance(content, dict)
        return content
