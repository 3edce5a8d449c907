"""Where commands find the server."""

from __future__ import annotations

DEFAULT_URL = "http://127.0.0.1:8000"
URL_NAME = "ADJOINT_URL"
"""The environment variable with another one; of commands, and no setting of a server."""
