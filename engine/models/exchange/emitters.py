"""How each type of layer is written: one emitter for each record of the table of layers."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from engine.models.exchange import emit_layers
from engine.models.exchange.emit_expr import expression
from engine.models.exchange.emit_sequences import attention, recurrent
from engine.models.exchange.emit_windows import convolution, overall, pooling
from engine.models.exchange.sheet import Emission

EMITTERS: Mapping[str, Callable[[Emission], str]] = {
    "dense": emit_layers.dense,
    "activation": emit_layers.activate,
    "conv1d": convolution(1),
    "conv2d": convolution(2),
    "max_pool1d": pooling("max", 1),
    "max_pool2d": pooling("max", 2),
    "mean_pool1d": pooling("mean", 1),
    "mean_pool2d": pooling("mean", 2),
    "global_max_pool": overall("ReduceMax"),
    "global_mean_pool": overall("ReduceMean"),
    "rnn": recurrent("RNN"),
    "gru": recurrent("GRU"),
    "lstm": recurrent("LSTM"),
    "attention": attention,
    "flatten": emit_layers.flatten,
    "reshape": emit_layers.reshape,
    "embedding": emit_layers.embedding,
    "layer_norm": emit_layers.layer_norm,
    "batch_norm": emit_layers.batch_norm,
    "dropout": emit_layers.dropout,
    "standardise": emit_layers.standardise,
    "add": emit_layers.add,
    "multiply": emit_layers.multiply,
    "concatenate": emit_layers.concatenate,
    "expr": expression,
}
"""By the names of the records; each gives the name of what it made."""
