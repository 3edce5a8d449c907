"""The tables of docs/models.md, from the records in engine/models."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from engine.limits import Limits
from engine.models.activations import ACTIVATIONS
from engine.models.constraints import CONSTRAINTS
from engine.models.fields import REQUIRED, Field
from engine.models.initialisers import INITIALISERS
from engine.models.layers.table import LAYERS
from engine.models.losses import LOSSES, fields_of
from engine.models.lower import program
from engine.models.model import Model
from engine.models.read import read_model
from engine.models.signal import Signal
from engine.models.weights import FIELDS, Chosen
from engine.primitives.table import FUNCTIONS

DEFINITION: Mapping[str, Any] = {
    "input": {"shape": [8]},
    "layers": [{"type": "dense", "units": 16, "activation": "tanh"}, {"type": "dense", "units": 3}],
    "loss": "cross_entropy",
}
"""The example at the top of the page."""

LAYER_EXAMPLES: Mapping[str, tuple[list[int], dict[str, Any]]] = {
    "dense": ([8], {"units": 16, "activation": "relu"}),
    "activation": ([8], {"function": {"name": "leaky_relu", "slope": 0.2}}),
    "conv1d": ([50, 3], {"filters": 16, "size": 5, "padding": "causal"}),
    "conv2d": ([28, 28, 1], {"filters": 8, "size": 3, "activation": "relu"}),
    "max_pool1d": ([50, 3], {"size": 2}),
    "max_pool2d": ([28, 28, 8], {"size": 2}),
    "mean_pool1d": ([50, 3], {"size": 2}),
    "mean_pool2d": ([28, 28, 8], {"size": [2, 4]}),
    "global_max_pool": ([28, 28, 8], {}),
    "global_mean_pool": ([28, 28, 8], {}),
    "rnn": ([50, 3], {"units": 16}),
    "gru": ([50, 3], {"units": 16, "sequences": True}),
    "lstm": ([50, 3], {"units": 16}),
    "attention": ([50, 32], {"heads": 4, "causal": True}),
    "flatten": ([7, 7, 8], {}),
    "reshape": ([784], {"shape": [28, 28, 1]}),
    "embedding": ([50], {"size": 1000, "units": 32}),
    "layer_norm": ([50, 32], {}),
    "batch_norm": ([28, 28, 8], {}),
    "dropout": ([16], {"rate": 0.2}),
    "standardise": ([8], {}),
    "add": ([8], {"inputs": ["x", "x"]}),
    "multiply": ([8], {"inputs": ["x", "x"]}),
    "concatenate": ([8], {"inputs": ["x", "x"]}),
    "expr": ([8], {"expr": "a*sin(x) + b", "parameters": {"a": {"shape": [8]}, "b": 0.5}}),
}
"""For each type of layer the shape of an input, and options."""


def definition_lines() -> list[str]:
    """The definition at the top of the page."""
    return [f"    {line}" for line in _pretty(DEFINITION)]


def _pretty(definition: Mapping[str, Any]) -> Iterator[str]:
    """A definition with a line for each layer."""
    yield "{"
    for key, value in definition.items():
        comma = "," if key != list(definition)[-1] else ""
        if key == "layers":
            inner = ",\n   ".join(json.dumps(layer) for layer in value)
            yield from f'  "layers": [\n   {inner}\n  ]{comma}'.split("\n")
        else:
            yield f"  {json.dumps(key)}: {json.dumps(value)}{comma}"
    yield "}"


def program_lines() -> list[str]:
    """The program of the definition."""
    return [f"    {line}".rstrip() for line in program(read_model(DEFINITION, Limits())).rstrip().split("\n")]


def layers_section() -> list[str]:
    """A section for each type of layer."""
    lines: list[str] = []
    for name, record in LAYERS.items():
        lines += ["", f"### {name}", "", _prose(record.summary)]
        if record.aliases:
            lines[-1] += f" Also called {_names(record.aliases)}."
        lines += ["", f"* {_formula(record.formula)}", f"* Shapes: {_prose(record.shapes)}.", *_example(name)]
        if record.conventions:
            lines.append(f"* {_prose(record.conventions)}")
        lines += ["", *_options(record.fields)] if record.fields else []
    return [*lines[1:], ""]


def _formula(text: str) -> str:
    return f"Formula: {_prose(text).rstrip('.')}."


def _prose(text: str) -> str:
    """With stars that are times, and not marks, where they are not in code."""
    parts = text.split("`")
    return "`".join(part if i % 2 else part.replace("*", "\\*") for i, part in enumerate(parts))


def _example(name: str) -> list[str]:
    """What a layer makes of an example: the shape that comes out, and its arrays."""
    shape, options = LAYER_EXAMPLES[name]
    layer = {"type": name, **options}
    entry: dict[str, Any] = {"shape": shape}
    model = read_model({"input": entry, "layers": [layer], "loss": "mse"}, Limits())
    text = f"* Example: `{json.dumps(layer)}` on {_shape(shape)} gives {_shape(model.prediction.shape)}"
    return [text + _arrays(model)]


def _arrays(model: Model) -> str:
    if not model.parameters:
        return ", without parameters."
    told = ", ".join(f"`{p.name}` {_shape(p.shape)}{' (kept)' if p.state else ''}" for p in model.parameters)
    count = sum(p.size for p in model.parameters)
    return f"; {count:,} numbers: {told}."


def _shape(shape: Sequence[int]) -> str:
    return f"({', '.join(map(str, shape))})"


def _options(fields: Sequence[Field]) -> list[str]:
    rows = ["| option | default | |", "| --- | --- | --- |"]
    return rows + [f"| `{field.name}` | {_default(field)} | {_cell(field.doc)} |" for field in fields]


def _default(field: Field) -> str:
    if field.default is REQUIRED:
        return "*needed*"
    read = field.read(field.default)
    if isinstance(read, Chosen):
        return f"`{read.init.name}`"
    if field.default is None:
        return f"`{read.name}`" if hasattr(read, "name") else ""
    return f"`{json.dumps(field.default)}`" if not isinstance(field.default, str) else f"`{field.default}`"


def losses_section() -> list[str]:
    """A section for each loss."""
    lines: list[str] = []
    for name, record in LOSSES.items():
        lines += ["", f"### {name}", "", f"* {_formula(record.formula)}"]
        if record.aliases:
            lines.append(f"* Also called {_names(record.aliases)}.")
        prediction = Signal((4,))
        options = {field.name: field.read(field.default) for field in fields_of(name)}
        target = record.target(options, prediction)
        words = f"{_shape(target.shape)}{' of integers' if target.dtype == 'int' else ''}"
        lines.append(f"* With a prediction of shape (4), y is {words}.")
        if record.conventions:
            lines.append(f"* {_prose(record.conventions)}")
        lines += ["", *_options(record.fields)] if record.fields else []
    return [*lines[1:], ""]


def initialisers_table() -> list[str]:
    """All initialisers with their options."""
    rows = ["| initialiser | options and their defaults | |", "| --- | --- | --- |"]
    return rows + [f"| `{n}` | {_listed(r.fields)} | {_cell(r.doc)} |" for n, r in INITIALISERS.items()]


def constraints_table() -> list[str]:
    """All constraints with their options."""
    rows = ["| constraint | options and their defaults | |", "| --- | --- | --- |"]
    return rows + [f"| `{n}` | {_listed(r.fields)} | {_cell(r.doc)} |" for n, r in CONSTRAINTS.items()]


def arrays_table() -> list[str]:
    """What can be said about any array."""
    rows = ["| option | default | |", "| --- | --- | --- |"]
    defaults = {"init": "that of the layer", "constraint": ""}
    return rows + [
        f"| `{f.name}` | {defaults.get(f.name, f'`{json.dumps(f.default)}`')} | {_cell(f.doc)} |" for f in FIELDS
    ]


def activations_table() -> list[str]:
    """All activations with their options."""
    rows = ["| activation | options and their defaults | |", "| --- | --- | --- |"]
    for name, fields in ACTIVATIONS.items():
        known = FUNCTIONS.get(name)
        told = f"[`{name}`](functions.md#{name}): {known.summary}" if known else "nothing is applied"
        rows.append(f"| `{name}` | {_listed(fields)} | {_cell(told.rstrip('.'))} |")
    return rows


def _listed(fields: Sequence[Field]) -> str:
    return ", ".join(f"`{field.name}` {json.dumps(field.default)}" for field in fields)


def _names(names: Sequence[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)


def _cell(text: str) -> str:
    return _prose(text).replace("|", "\\|")
