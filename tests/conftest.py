"""Settings of all tests."""

from __future__ import annotations

import os

from hypothesis import settings

# Where nobody looks for new examples, the same ones are tried every time.
settings.register_profile("ci", derandomize=True)
if os.environ.get("CI"):
    settings.load_profile("ci")
