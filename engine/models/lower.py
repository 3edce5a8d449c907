"""Models become programs: the text that a client could have written."""

from __future__ import annotations

from typing import Literal

from engine.errors import InvalidRequest
from engine.models.expressions import embedded
from engine.models.layer import Call
from engine.models.losses import reduced
from engine.models.model import INPUT, TARGET, Model, Placed, value_name

Wanted = Literal["loss", "prediction", "both"]


def program(model: Model, wanted: Wanted = "loss", training: bool = False, weighted: bool = False) -> str:
    """The program of a model.

    Its inputs are `x`, with an axis over examples first, `y` for a loss, then all parameters; in `training` a `seed`,
    where layers draw numbers; `weight` (examples,) where the loss is `weighted`.  It returns the loss, or the
    prediction, or by name `loss`, `prediction` and, in training, what each state becomes.  Raises `InvalidRequest`
    where examples cannot be weighted.
    """
    calls = [_call(model, placed, training) for placed in model.layers]
    losing = wanted != "prediction"
    lines: list[str] = []
    for placed, call in zip(model.layers, calls, strict=True):
        lines += [f"# {placed.name}: {placed.record.name} {_shapes(placed)}", *call.lines]
    lines += _ending(model, wanted, weighted)
    if wanted == "both":
        states = {name: text for call in calls for name, text in call.states.items()}
        # The loss compares in the scaled units of y; what is told is in those of the data.
        scaled = f"prediction*{TARGET}_scale + {TARGET}_mean" if model.standardised else "prediction"
        outputs = {"loss": "loss", "prediction": scaled, **states}
        lines.append("return {" + ", ".join(f'"{name}": {text}' for name, text in outputs.items()) + "}")
    else:
        lines.append(f"return {wanted}")
    names = [INPUT, *([TARGET] if losing else []), *(parameter.name for parameter in model.parameters)]
    names += ["weight"] if weighted and losing else []
    names += ["seed=0"] if training and model.random else []
    helpers = [text + "\n" for call in calls for text in call.helpers]
    if losing and model.objective.expr is not None:
        helpers.append(embedded("loss_of", (TARGET, "prediction"), model.objective.expr) + "\n")
    head = f"def {'predict' if wanted == 'prediction' else 'model'}({', '.join(names)}):\n"
    return "".join(helpers) + head + "".join(f"    {line}\n" for line in lines)


def _call(model: Model, placed: Placed, training: bool) -> Call:
    drawing = [other.name for other in model.layers if other.record.random]
    number = drawing.index(placed.name) if placed.record.random else 0
    seed = f"seed + {number}" if number else "seed"
    names = {weight.role: value_name(placed.name, weight) for weight in placed.weights}
    call = Call(placed.name, placed.options, placed.inputs, placed.signals, placed.output, names, training, seed)
    for parameter in model.parameters:
        chosen = parameter.weight.chosen.constraint
        if parameter.layer == placed.name and chosen is not None and parameter.constraint is not None:
            text = parameter.constraint.text(parameter.name, chosen.options)
            call.line(f"{parameter.value_name} = {text}")
    placed.record.lower(call)
    return call


def _shapes(placed: Placed) -> str:
    given = ", ".join(map(str, placed.signals))
    return f"{given} → {placed.output}"


def _ending(model: Model, wanted: Wanted, weighted: bool) -> list[str]:
    """From the last layer to the prediction and the loss."""
    lines = [f"prediction = {model.output.name}"]
    if wanted == "prediction":
        if model.standardised:
            lines[0] += f"*{TARGET}_scale + {TARGET}_mean"
        return lines
    if model.standardised:
        lines.append(f"{TARGET} = ({TARGET} - {TARGET}_mean)/{TARGET}_scale")
    objective = model.objective
    if objective.record is None:
        each = f"loss_of({TARGET}, prediction)"
    else:
        held = objective.record.holds(objective.options, model.prediction)
        if held is not None:
            lines.append(f'assert {held[0]}, "{held[1]}"')
        each = objective.record.each(objective.options, model.prediction)
    if weighted and objective.axes is None:
        raise InvalidRequest(
            "Examples can only be weighted where the loss has a number for each of them; this one has one for all.",
            hint="leave out the reduction over the first axis: its mean is taken anyway",
        )
    lines.append(f"loss = {reduced(each, objective.axes or 0, weighted)}")
    for parameter in model.parameters:
        chosen, name = parameter.weight.chosen, parameter.value_name
        if chosen.l1:
            lines.append(f"loss += {chosen.l1!r}*sum(abs({name}))")
        if chosen.l2:
            lines.append(f"loss += {chosen.l2!r}*sum({name}^2)")
    return lines
