"""All types of layers by name."""

from __future__ import annotations

from collections.abc import Mapping

from engine.models.layer import Layer
from engine.models.layers.arrange import FLATTEN, RESHAPE
from engine.models.layers.attention import ATTENTION
from engine.models.layers.convolution import CONV1D, CONV2D
from engine.models.layers.dense import ACTIVATE, DENSE
from engine.models.layers.dropout import DROPOUT
from engine.models.layers.embedding import EMBEDDING
from engine.models.layers.expr import EXPR
from engine.models.layers.merge import ADD, CONCATENATE, MULTIPLY
from engine.models.layers.norm import BATCH_NORM, LAYER_NORM
from engine.models.layers.pooling import (
    GLOBAL_MAX_POOL,
    GLOBAL_MEAN_POOL,
    MAX_POOL1D,
    MAX_POOL2D,
    MEAN_POOL1D,
    MEAN_POOL2D,
)
from engine.models.layers.recurrent import GRU, LSTM, RNN
from engine.models.layers.standardise import STANDARDISE

LAYERS: Mapping[str, Layer] = {
    record.name: record
    for record in (
        DENSE,
        ACTIVATE,
        CONV1D,
        CONV2D,
        MAX_POOL1D,
        MAX_POOL2D,
        MEAN_POOL1D,
        MEAN_POOL2D,
        GLOBAL_MAX_POOL,
        GLOBAL_MEAN_POOL,
        RNN,
        GRU,
        LSTM,
        ATTENTION,
        FLATTEN,
        RESHAPE,
        EMBEDDING,
        LAYER_NORM,
        BATCH_NORM,
        DROPOUT,
        STANDARDISE,
        ADD,
        MULTIPLY,
        CONCATENATE,
        EXPR,
    )
}
"""The records by name, in the order of the documentation."""

ALIASES: Mapping[str, str] = {alias: record.name for record in LAYERS.values() for alias in record.aliases}
"""Other names that a definition may use."""
