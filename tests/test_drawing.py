"""Examples that are the same every time, whatever else is loaded."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import pytest
from hypothesis import strategies as st

from tests.drawing import drawn_always


def test_another_module_changes_no_example(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    drawn = [drawn_always(strategy, 100) for strategy in (st.integers(0, 10**9), st.floats(0.25, 2.0))]
    assert [len(examples) for examples in drawn] == [100, 100]
    source = tmp_path / "full_of_constants.py"
    source.write_text("NUMBERS = [" + ", ".join(f"{1000 + k}, {1.0 + k / 1000}" for k in range(500)) + "]")
    spec = importlib.util.spec_from_file_location("full_of_constants", source)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, "full_of_constants", module)
    spec.loader.exec_module(module)
    assert [drawn_always(strategy, 100) for strategy in (st.integers(0, 10**9), st.floats(0.25, 2.0))] == drawn
