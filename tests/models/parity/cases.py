"""All cases of the table."""

from __future__ import annotations

from tests.models.parity.activations import ACTIVATIONS
from tests.models.parity.case import Case
from tests.models.parity.layers import LAYERS
from tests.models.parity.losses import LOSSES

CASES: tuple[Case, ...] = (*LAYERS, *ACTIVATIONS, *LOSSES)
"""The cases: their names are different."""
