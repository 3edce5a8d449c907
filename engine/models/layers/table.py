"""All types of layers by name."""

from __future__ import annotations

from collections.abc import Mapping

from engine.models.layer import Layer
from engine.models.layers.dense import ACTIVATE, DENSE

LAYERS: Mapping[str, Layer] = {record.name: record for record in (DENSE, ACTIVATE)}
"""The records by name, in the order of the documentation."""

ALIASES: Mapping[str, str] = {alias: record.name for record in LAYERS.values() for alias in record.aliases}
"""Other names that a definition may use."""
