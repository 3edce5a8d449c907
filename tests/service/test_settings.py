"""Settings come from the environment, and every one is documented."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import ValidationError

from service.settings import Settings, environment_name, unknown_names


def test_every_setting_is_documented_and_has_a_default() -> None:
    for name, field in Settings.model_fields.items():
        assert field.description, name
        assert not field.is_required(), name


def test_the_environment_sets_them(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("ADJOINT_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("ADJOINT_NODES", "7")
    monkeypatch.setenv("ADJOINT_RUN_SECONDS", "0.5")
    settings = Settings()
    assert settings.data_dir == tmp_path / "data"
    assert not settings.data_dir.exists()
    limits = settings.limits()
    assert (limits.nodes, limits.run_seconds) == (7, 0.5)


@pytest.mark.parametrize(
    ("name", "value"), [("PORT", "70000"), ("THREADS", "0"), ("RUN_SECONDS", "-1"), ("LOG_LEVEL", "x")]
)
def test_nonsense_is_refused(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    monkeypatch.setenv("ADJOINT_" + name, value)
    with pytest.raises(ValidationError):
        Settings()


def test_misspelt_names_are_found() -> None:
    names = {"ADJOINT_RUN_SECNDS": "1", environment_name("run_seconds"): "1", "PATH": ""}
    assert unknown_names(names) == ["ADJOINT_RUN_SECNDS"]
