"""Layers as people write them, out of those that single operators became."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from math import prod

import numpy as np

from engine.models.exchange.plan import Entry, Plan
from engine.models.model import INPUT, RESERVED
from engine.models.names import is_name

_LINEAR = ("dense", "conv1d", "conv2d")
_RECURRENT = ("rnn", "gru", "lstm")
_NUMBER = r"\(?(-?[0-9.e+-]+)\)?"


class _Tidy:
    """The layers of a plan with who takes what; `result` is the one that gives the output."""

    def __init__(self, plan: Plan, result: str) -> None:
        self.plan, self.result = plan, result
        self._takers: dict[str, int] = {}
        self._count()

    def _count(self) -> None:
        self._takers = {self.result: 1}
        for entry in self.plan.entries.values():
            for name in entry.inputs:
                self._takers[name] = self._takers.get(name, 0) + 1

    def drop_unused(self) -> None:
        """Remove layers that the output does not depend on."""
        needed, stack = set[str](), [self.result]
        while stack:
            name = stack.pop()
            if name not in needed and name != INPUT:
                needed.add(name)
                stack += self.plan.entries[name].inputs
        self.plan.entries = {name: entry for name, entry in self.plan.entries.items() if name in needed}
        self._count()

    def before(self, entry: Entry, k: int = 0) -> Entry | None:
        """The layer before, if nothing else takes what it gives."""
        name = entry.inputs[k]
        return self.plan.entries[name] if name != INPUT and self._takers.get(name) == 1 else None

    def replace(self, old: Entry, new: Entry) -> None:
        """Let a layer take the place of one that comes later, under the name that a file chose."""
        entries = self.plan.entries
        name = old.name if old.own or not new.own else new.name
        replaced = Entry(name, new.type, new.options, new.inputs, new.arrays, old.output, old.own or new.own)
        gone = {old.name, new.name}
        made: dict[str, Entry] = {}
        for entry in entries.values():
            if entry is old:
                made[name] = replaced
            elif entry.name not in gone:
                made[entry.name] = entry
        for entry in made.values():
            entry.inputs = [name if other in gone and entry is not replaced else other for other in entry.inputs]
        if self.result in gone:
            self.result = name
        self.plan.entries = made
        self.drop_unused()

    def skip(self, entry: Entry) -> None:
        """Remove a layer that changes nothing."""
        (source,) = entry.inputs
        for other in self.plan.entries.values():
            other.inputs = [source if name == entry.name else name for name in other.inputs]
        if self.result == entry.name:
            self.result = source
        del self.plan.entries[entry.name]
        self.drop_unused()


def tidied(plan: Plan, result: str) -> None:
    """Put together what belongs together, leave out what nothing needs, and give every layer a name."""
    tidy = _Tidy(plan, result)
    tidy.drop_unused()
    found = True
    while found:
        found = False
        for entry in list(plan.entries.values()):
            # One that another rule has taken away is looked at no more.
            if plan.entries.get(entry.name) is entry and any(rule(tidy, entry) for rule in _RULES):
                found = True
    _name(tidy)


def _is_expression(entry: Entry | None, text: str) -> bool:
    return entry is not None and entry.type == "expr" and entry.options["expr"] == text


def _applies(entry: Entry | None, text: str) -> float | None:
    """The number in an expression of this form, if it is one."""
    if entry is None or entry.type != "expr" or len(entry.inputs) != 1:
        return None
    found = re.fullmatch(re.escape(text).replace("NUMBER", _NUMBER), entry.options["expr"])
    return None if found is None else float(found[1])


def _bias(tidy: _Tidy, entry: Entry) -> bool:
    before = tidy.before(entry)
    if not _is_expression(entry, "x + p") and not _is_expression(entry, "p + x"):
        return False
    if before is None or before.type not in _LINEAR or before.options.get("bias") is not False:
        return False
    bias = entry.arrays["p"]
    if "activation" in before.options or bias.shape != before.output.shape[-1:]:
        return False
    options = {name: value for name, value in before.options.items() if name != "bias"}
    arrays = {**before.arrays, "bias": bias}
    tidy.replace(entry, Entry(before.name, before.type, options, before.inputs, arrays, before.output, before.own))
    return True


def _activation(tidy: _Tidy, entry: Entry) -> bool:
    before = tidy.before(entry)
    if entry.type != "activation" or before is None or before.type not in _LINEAR or "activation" in before.options:
        return False
    options = {**before.options, "activation": entry.options["function"]}
    # The name of what is activated rather than that of its activation.
    own = Entry(entry.name, entry.type, entry.options, entry.inputs, entry.arrays, entry.output, False)
    tidy.plan.entries[entry.name] = own
    tidy.replace(own, Entry(before.name, before.type, options, before.inputs, before.arrays, before.output, before.own))
    return True


def _function(tidy: _Tidy, entry: Entry, name: str, source: str) -> bool:
    made = Entry("", "activation", {"function": name}, [source], {}, entry.output, False)
    tidy.replace(entry, made)
    return True


def _gelu(tidy: _Tidy, entry: Entry) -> bool:
    """x*(1 + erf(x/sqrt(2)))*0.5, in the orders in which exporters write it."""
    product = tidy.before(entry)
    if _applies(entry, "x*NUMBER") == 0.5 or _applies(entry, "NUMBER*x") == 0.5:
        if product is None or product.type != "multiply" or len(product.inputs) != 2:
            return False
        pairs = [(0, 1), (1, 0)]
        for k, other in pairs:
            shifted = tidy.before(product, other)
            if shifted is not None and _erf_of(tidy, shifted) == product.inputs[k]:
                return _function(tidy, entry, "gelu", product.inputs[k])
        return False
    if entry.type != "multiply" or len(entry.inputs) != 2:
        return False
    for k, other in ((0, 1), (1, 0)):
        half, shifted = tidy.before(entry, k), tidy.before(entry, other)
        if half is None or shifted is None or 0.5 not in (_applies(half, "x*NUMBER"), _applies(half, "NUMBER*x")):
            continue
        if _erf_of(tidy, shifted) == half.inputs[0]:
            return _function(tidy, entry, "gelu", half.inputs[0])
    return False


def _erf_of(tidy: _Tidy, shifted: Entry) -> str | None:
    """The layer of whose output this is 1 + erf(x/sqrt(2))."""
    if 1.0 not in (_applies(shifted, "x + NUMBER"), _applies(shifted, "NUMBER + x")):
        return None
    error = tidy.before(shifted)
    divided = tidy.before(error) if error is not None and _is_expression(error, "erf(x)") else None
    if divided is None:
        return None
    by, times = _applies(divided, "x/NUMBER"), _applies(divided, "x*NUMBER")
    if (by is not None and abs(by - math.sqrt(2)) < 1e-6) or (times is not None and abs(times - math.sqrt(0.5)) < 1e-6):
        return divided.inputs[0]
    return None


def _silu(tidy: _Tidy, entry: Entry) -> bool:
    if entry.type != "multiply" or len(entry.inputs) != 2:
        return False
    for k, other in ((0, 1), (1, 0)):
        gate = tidy.before(entry, other)
        if gate is not None and gate.options.get("function") == "sigmoid" and gate.inputs == [entry.inputs[k]]:
            return _function(tidy, entry, "silu", entry.inputs[k])
    return False


def _log_sigmoid(tidy: _Tidy, entry: Entry) -> bool:
    inner = tidy.before(entry) if _is_expression(entry, "-x") else None
    if inner is None or inner.options.get("function") != "softplus":
        return False
    negative = tidy.before(inner)
    if negative is None or not _is_expression(negative, "-x"):
        return False
    return _function(tidy, entry, "log_sigmoid", negative.inputs[0])


def _standardise(tidy: _Tidy, entry: Entry) -> bool:
    centred = tidy.before(entry) if _is_expression(entry, "x/p") else None
    if centred is None or not _is_expression(centred, "x - p") or centred.inputs != [INPUT]:
        return False
    mean, scale = centred.arrays["p"], entry.arrays["p"]
    if not mean.shape == scale.shape == tidy.plan.entry.shape[-1:] or not np.all(scale):
        return False
    arrays = {"mean": mean, "scale": scale}
    tidy.replace(entry, Entry("", "standardise", {}, [INPUT], arrays, entry.output, False))
    return True


def _last_step(tidy: _Tidy, entry: Entry) -> bool:
    before = tidy.before(entry) if entry.type == "expr" else None
    if before is None or before.type not in _RECURRENT or not before.options.get("sequences"):
        return False
    if entry.options["expr"] != f"x[:, {before.output.shape[0] - 1}]":
        return False
    options = {**before.options, "sequences": False}
    made = Entry(before.name, before.type, options, before.inputs, before.arrays, entry.output, before.own)
    tidy.replace(entry, made)
    return True


def _moved(tidy: _Tidy, entry: Entry) -> bool:
    """A shape after a shape; one that is there already; a row that is meant as one; a transpose that moves nothing."""
    source = tidy.plan.signal(entry.inputs[0])
    before = tidy.before(entry)
    if _is_moving(entry, source.shape) and entry.type == "expr":
        options = {"shape": list(entry.output.shape)}
        tidy.plan.entries[entry.name] = Entry(entry.name, "reshape", options, entry.inputs, {}, entry.output, entry.own)
        return True
    if entry.type not in ("reshape", "flatten"):
        return False
    if entry.output.shape == source.shape and len(tidy.plan.entries) > 1:
        tidy.skip(entry)
        return True
    if before is not None and before.type in ("reshape", "flatten"):
        options = dict(entry.options)
        tidy.replace(entry, Entry("", entry.type, options, before.inputs, {}, entry.output, False))
        return True
    if entry.type == "reshape" and entry.output.shape == (prod(source.shape),) and source.rank > 1:
        tidy.plan.entries[entry.name] = Entry(entry.name, "flatten", {}, entry.inputs, {}, entry.output, entry.own)
        return True
    return False


def _is_moving(entry: Entry, shape: tuple[int, ...]) -> bool:
    """Whether a transpose moves nothing but axes of length 1."""
    found = re.fullmatch(r"transpose\(x, \((0(?:, [0-9]+)+)\)\)", str(entry.options.get("expr", "")))
    if found is None or len(entry.inputs) != 1:
        return False
    axes = [int(axis) for axis in found[1].split(", ")][1:]
    long = [axis for axis in axes if shape[axis - 1] != 1]
    return long == sorted(long)


_RULES: tuple[Callable[[_Tidy, Entry], bool], ...] = (
    _bias,
    _gelu,
    _silu,
    _log_sigmoid,
    _activation,
    _standardise,
    _last_step,
    _moved,
)


def _name(tidy: _Tidy) -> None:
    """Names for layers that have none, counted for each type; and a place after all that a layer takes."""
    taken = {entry.name for entry in tidy.plan.entries.values() if entry.own}
    counts: dict[str, int] = {}
    names = {INPUT: INPUT}
    for entry in tidy.plan.entries.values():
        name = entry.name
        while not entry.own:
            counts[entry.type] = counts.get(entry.type, 0) + 1
            name = f"{entry.type}_{counts[entry.type]}"
            if name not in taken and is_name(name, 100) and name not in RESERVED:
                break
        names[entry.name] = name
    for entry in tidy.plan.entries.values():
        entry.inputs = [names[other] for other in entry.inputs]
        entry.name = names[entry.name]
    tidy.plan.entries = {entry.name: entry for entry in tidy.plan.entries.values()}
