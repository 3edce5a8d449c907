"""What the tests of datasets share."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.service.datasets.uploading import Depot


@pytest.fixture
def depot(tmp_path: Path) -> Depot:
    """A client of an application without datasets."""
    return Depot(tmp_path / "data")
