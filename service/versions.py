"""What is running."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version

API = 1
"""The number of the HTTP contract; it grows when something that a client may rely on changes."""


def package_version() -> str:
    """The version of the installed distribution; `0` when it runs from a bare source tree."""
    try:
        return version("adjoint")
    except PackageNotFoundError:
        return "0"
