"""All cases of the table."""

from __future__ import annotations

from tests.models.parity.activations import ACTIVATIONS
from tests.models.parity.case import Case
from tests.models.parity.layers import LAYERS
from tests.models.parity.losses import LOSSES
from tests.models.parity.norms import NORMS
from tests.models.parity.plumbing import PLUMBING
from tests.models.parity.windows import WINDOWS

CASES: tuple[Case, ...] = (*LAYERS, *WINDOWS, *NORMS, *PLUMBING, *ACTIVATIONS, *LOSSES)
"""The cases: their names are different."""
