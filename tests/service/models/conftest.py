"""What the tests of models share: an application with a store of its own, and models in it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.service.stores import Shop


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    """A client of an application with an empty store."""
    return Shop(tmp_path / "data")
