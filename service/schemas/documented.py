"""Fields that are checked elsewhere and documented in full."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from pydantic import GetCoreSchemaHandler
from pydantic_core import CoreSchema, core_schema


@dataclass(frozen=True)
class Documented:
    """Documents a field as `shown` in the JSON Schema and lets any Python value through.

    Arrays are checked where they become numpy arrays: twenty million numbers pass pydantic's recursive types in
    seconds, and `service.arrays` in a fraction of one.
    """

    shown: Any

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        """The documented schema for JSON, which the JSON Schema is made from, and `Any` for Python values."""
        return core_schema.json_or_python_schema(handler.generate_schema(self.shown), core_schema.any_schema())
