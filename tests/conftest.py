"""Settings of all tests."""

from __future__ import annotations

import os
import shutil
import tempfile

from hypothesis import settings

# Nothing is stored in the home of whoever runs the tests, by servers in processes of their own neither.
_DATA = os.environ["ADJOINT_DATA_DIR"] = tempfile.mkdtemp(prefix="adjoint-tests-")

# Where nobody looks for new examples, the same ones are tried every time.
settings.register_profile("ci", derandomize=True)
if os.environ.get("CI"):
    settings.load_profile("ci")


def pytest_unconfigure() -> None:
    """Leave nothing behind, in the process that collects and in those that run tests."""
    shutil.rmtree(_DATA, ignore_errors=True)
