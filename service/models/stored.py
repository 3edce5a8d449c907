"""A stored model, and a version of its parameters, as they are told of."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from engine.models.estimate import Estimate
from engine.models.model import Model


@dataclass(frozen=True, slots=True)
class StoredModel:
    """A model in the store; `number` is its place in the order of creation, `created` in milliseconds since 1970.

    `definition` is the normal form, `latest` the number of its newest version.
    """

    number: int
    id: str
    name: str | None
    definition: Mapping[str, Any]
    model: Model
    estimate: Estimate
    created: int
    latest: int

    @property
    def versions(self) -> int:
        """How many versions there are, the initial one included."""
        return self.latest + 1


@dataclass(frozen=True, slots=True)
class Version:
    """Parameters of a model, by number; `job` is the one that found them, `summary` what is known of them.

    `digest` is that of their bytes, empty for those that follow from the definition.
    """

    version: int
    created: int
    job: str | None
    summary: Mapping[str, Any]
    digest: str = ""
