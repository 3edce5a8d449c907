"""A model with its parameters as a file of ONNX."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from engine.errors import EngineFault, Fault, LimitExceeded, Unsupported
from engine.graph.types import Array
from engine.models.exchange.emitters import EMITTERS
from engine.models.exchange.library import IR_VERSION, OPSET, library
from engine.models.exchange.sheet import EXAMPLES, Emission, Precision, Sheet
from engine.models.model import INPUT, TARGET, Model, Parameter
from engine.models.signal import Signal
from engine.optimise.options import escaped

PREDICTION = "prediction"
MOST_BYTES = 2**31 - 1
"""A message of Protocol Buffers has no more."""
_PRODUCER = "adjoint"


def exported(
    model: Model,
    parameters: Mapping[str, Array],
    precision: Precision = "float32",
    *,
    name: str = "model",
    version: int = 0,
    doc: str = "",
) -> bytes:
    """The graph of the prediction, with these parameters, as bytes.

    Its input is `x`, its output `prediction`; their first axis is open.  Parameters under a constraint are written as
    the values that they stand for, statistics as they are kept, and the prediction is in the units of the target.
    `name`, `version` and `doc` say what it is.  Raises `Unsupported` with all layers that ONNX has no equivalent of, or
    without the package, and `LimitExceeded` for a file that would be too large.
    """
    onnx = library()
    size = sum(parameter.size for parameter in model.parameters) * (4 if precision == "float32" else 8)
    if size > MOST_BYTES - 2**20:
        raise LimitExceeded(
            f"The parameters take {size:,} bytes, more than the {MOST_BYTES:,} of a file of ONNX.",
        )
    sheet = Sheet(onnx, precision)
    last = _layers(model, _values(model, parameters), sheet)
    if model.standardised:
        scale, mean = (sheet.array(f"{TARGET}_{role}", parameters[f"{TARGET}_{role}"]) for role in ("scale", "mean"))
        last = sheet.node("target.mean", "Add", [sheet.node("target.scale", "Mul", [last, scale]), mean])
    _rename(sheet, last)
    graph = onnx.helper.make_graph(
        sheet.nodes,
        name,
        [_told(sheet, INPUT, model.input)],
        [_told(sheet, PREDICTION, model.prediction)],
        list(sheet.arrays.values()),
    )
    made = onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", OPSET)])
    made.ir_version, made.producer_name, made.model_version = IR_VERSION, _PRODUCER, version
    made.doc_string = doc or f"The prediction of a model of Adjoint, {name}, with version {version} of its parameters."
    onnx.helper.set_model_props(made, {"model": name, "version": str(version)})
    try:
        onnx.checker.check_model(made, full_check=True)
    except Exception as error:
        raise EngineFault(f"a file was written that is no model of ONNX: {error}") from error
    content: bytes = made.SerializeToString(deterministic=True)
    return content


def _values(model: Model, parameters: Mapping[str, Array]) -> dict[tuple[str, str], Array]:
    """The values of the arrays, by layer and role."""

    def value(parameter: Parameter) -> Array:
        return parameter.values(parameters[parameter.name])

    return {(parameter.layer, parameter.weight.role): value(parameter) for parameter in model.parameters}


def _layers(model: Model, values: Mapping[tuple[str, str], Array], sheet: Sheet) -> str:
    """Write all layers; the name of what the last one gives.  Raises `Unsupported` with a fault for each."""
    names = {INPUT: INPUT}
    faults: list[tuple[Fault, str | None]] = []
    place = "nodes" if "nodes" in model.definition else "layers"
    for placed in model.layers:
        own = {weight.role: values[placed.name, weight.role] for weight in placed.weights}
        names[placed.name] = placed.name
        emit = EMITTERS.get(placed.record.name)
        pointer = f"/{place}/{placed.index}"
        if emit is None:
            detail = f"The layer `{placed.name}` cannot be exported: `{placed.record.name}` has no equivalent in ONNX."
            faults.append((Fault(pointer, detail), None))
            continue
        try:
            names[placed.name] = emit(Emission(placed, sheet, tuple(names[other] for other in placed.inputs), own))
        except Unsupported as error:
            at = f"{pointer}/{escaped('expr')}" if placed.record.name == "expr" else pointer
            faults.append((Fault(at, error.detail), error.hint))
    if faults:
        detail = faults[0][0].detail
        if len(faults) > 1:
            detail = f"{len(faults)} layers cannot be exported; the first one: {detail}"
        raise Unsupported(detail, hint=faults[0][1], faults=[fault for fault, _ in faults])
    return names[model.output.name]


def _rename(sheet: Sheet, last: str) -> None:
    """Give what comes out its name; nothing else needs it, as it is the output of the last layer."""
    for node in sheet.nodes:
        for k, output in enumerate(node.output):
            if output == last:
                node.output[k] = PREDICTION


def _told(sheet: Sheet, name: str, signal: Signal) -> Any:
    kind = sheet.real if signal.dtype == "real" else sheet.onnx.TensorProto.INT64
    return sheet.onnx.helper.make_tensor_value_info(name, kind, [EXAMPLES, *signal.shape])
