"""Recurrent operators."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from engine.models.exchange.emit_sequences import GATES, regated
from engine.models.exchange.faults import Refused
from engine.models.exchange.operator import Operator, Rule, Step
from engine.models.exchange.plan import Filled, Flow, Known, Order, Seen

_FUNCTIONS = {"RNN": ["Tanh"], "GRU": ["Sigmoid", "Tanh"], "LSTM": ["Sigmoid", "Tanh", "Tanh"]}


def _recurrent(op: str) -> Rule:
    gates = GATES[op]
    # Which of the parts in ONNX is each of ours.
    order = [gates.index(k) for k in range(len(gates))]

    def rule(step: Step) -> Sequence[Seen]:
        flow = step.flow()
        step.require(direction="forward", clip=None)
        first = (1, 0, 2) if step.integer("layout") == 0 else (0, 1, 2)
        if len(flow.order) != 3:
            raise Refused(f"gets an array with {len(flow.order)} axes; 3 are needed.")
        # What stands for steps, examples and features, as (examples, steps, features).
        layer = step.plan.plain(Flow(flow.layer, tuple(flow.order[k] for k in first)))
        options = _options(step, op)
        units = step.known(2, "recurrent weights").shape[-1] if step.known(2, "recurrent weights").ndim else 0
        if step.attributes["hidden_size"] not in (None, units):
            raise Refused("has a `hidden_size` other than that of its weights.", True)
        wide = len(gates) * units
        kernels = {}
        for k, role in ((1, "kernel"), (2, "recurrent_kernel")):
            array = step.known(k, "weights")
            if array.ndim != 3 or array.shape[:2] != (1, wide) or array.dtype.kind != "f":
                raise Refused(f"has weights of shape {array.shape}; (1, {wide}, …) is needed.", True)
            kernels[role] = regated(array[0].T, order)
        biases = np.zeros((2, wide))
        if step.has(3):
            given = step.known(3, "biases")
            if given.shape != (1, 2 * wide):
                raise Refused(f"has biases of shape {given.shape}; (1, {2 * wide}) is needed.", True)
            biases = np.stack([regated(part, order) for part in np.split(given[0], 2)])
        arrays: dict[str, Any] = dict(kernels)
        if op == "GRU":
            arrays |= {"bias": biases[0], "recurrent_bias": biases[1]}
        else:
            # They are only ever added.
            arrays["bias"] = biases[0] + biases[1]
        if not step.has(3):
            for role in ("bias", "recurrent_bias"):
                if arrays.pop(role, None) is not None:
                    options[role] = False
        _require_rest(step)
        return _outputs(step, op, layer, {**options, "units": units}, arrays)

    return rule


def _options(step: Step, op: str) -> dict[str, Any]:
    functions = step.attributes["activations"]
    if op == "RNN" and functions in (["Tanh"], ["Relu"], None):
        return {"activation": "relu" if functions == ["Relu"] else "tanh"}
    if functions not in (None, _FUNCTIONS[op]):
        raise Refused(f"has `activations` {functions}; {_FUNCTIONS[op]} are taken.")
    if op == "GRU":
        step.require(linear_before_reset=1)
    if op == "LSTM":
        step.require(input_forget=0)
        if step.has(7) and np.any(step.known(7, "peepholes")):
            raise Refused("has peepholes, which are not taken.")
    return {}


def _require_rest(step: Step) -> None:
    if step.has(4):
        raise Refused("has sequences of several lengths, which are not taken.")
    for k in (5, 6):
        seen = step.seen(k)
        zero = (isinstance(seen, Filled) and seen.number == 0) or (isinstance(seen, Known) and not np.any(seen.array))
        if step.has(k) and not zero:
            raise Refused("begins with a state other than 0.")


def _outputs(step: Step, op: str, layer: str, options: dict[str, Any], arrays: dict[str, Any]) -> Sequence[Seen]:
    """All steps and the last one, of which at most one is used as a rule, and never the memory."""
    used = [bool(name) and name in step.used for name in step.node.outputs]
    if any(used[2:]):
        raise Refused("gives its memory to another node, which is not taken.")
    late = step.integer("layout") == 1
    every = any(used[:1])
    made = step.layer(op.lower(), [layer], {**options, "sequences": every}, arrays)
    last = made
    if every and any(used[1:2]):
        steps = step.plan.signal(made).shape[0]
        last = step.plan.expression(f"x[:, {steps - 1}]", [made])
    first: Order = (0, 1, None, 2) if late else (1, None, 0, 2)
    second: Order = (0, None, 1) if late else (None, 0, 1)
    return [Flow(made, first), Flow(last, second)][: max(1, len(used))]


_SHARED: Mapping[str, Any] = {
    "activation_alpha": None,
    "activation_beta": None,
    "activations": None,
    "clip": None,
    "direction": "forward",
    "hidden_size": None,
    "layout": 0,
}
SEQUENCES: Mapping[str, Operator] = {
    "RNN": Operator(_recurrent("RNN"), (3, 6), _SHARED, 2),
    "GRU": Operator(_recurrent("GRU"), (3, 6), {**_SHARED, "linear_before_reset": 0}, 2),
    "LSTM": Operator(_recurrent("LSTM"), (3, 8), {**_SHARED, "input_forget": 0}, 3),
}
