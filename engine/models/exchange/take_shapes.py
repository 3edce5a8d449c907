"""Operators that move numbers: shapes, parts, tables, constants; and what they make of the sizes of arrays."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import prod

import numpy as np

from engine.models.exchange.faults import Refused
from engine.models.exchange.operator import Operator, Rule, Step
from engine.models.exchange.plan import Filled, Flow, Known, Measured, Order, Seen, Sizes

_MOST_FOLDED = 2**24
"""Numbers of a constant that others are made of."""


def _same(step: Step) -> Sequence[Seen]:
    return [step.seen(0)]


def _dropout(step: Step) -> Sequence[Seen]:
    """What it is in inference; the rate is kept for training."""
    flow = step.flow()
    if step.has(2) and step.number(2, "a mode"):
        raise Refused("is told to be in training.")
    rate = step.number(1, "a ratio") if step.has(1) else 0.5
    short = float(str(np.float32(rate)))
    return [Flow(step.layer("dropout", [flow.layer], {"rate": short}), flow.order)]


def _constant(step: Step) -> Sequence[Seen]:
    given = {name: value for name, value in step.attributes.items() if value is not None}
    if len(given) != 1:
        raise Refused("has not one value.", True)
    ((name, value),) = given.items()
    if name == "value":
        if not isinstance(value, np.ndarray):
            raise Refused("has a value that is no array.", True)
        return [Known(value)]
    kind = np.float64 if "float" in name else np.int64
    try:
        return [Known(np.asarray(value, dtype=kind))]
    except (OverflowError, TypeError, ValueError):
        raise Refused("has a value that is no number.", True) from None


def _cast(step: Step) -> Sequence[Seen]:
    seen, to = step.seen(0), step.integer("to")
    # FLOAT, FLOAT16, DOUBLE, BFLOAT16; INT32, INT64; BOOL.
    real, integer = to in (1, 10, 11, 16), to in (6, 7)
    if not real and not integer and to != 9:
        raise Refused(f"gives the type {to}, which is not taken.")
    if isinstance(seen, Known):
        kind = np.float64 if real else np.int64 if integer else np.bool_
        with np.errstate(all="ignore"):
            return [Known(seen.array.astype(kind))]
    if isinstance(seen, Measured) and integer:
        return [seen]
    flow = step.flow()
    dtype = step.plan.signal(flow.layer).dtype
    if (dtype == "real") == real and (dtype == "int") == integer:
        return [flow]
    raise Refused("turns integers into real numbers, or real numbers into integers.")


def _shape(step: Step) -> Sequence[Seen]:
    step.require(start=0, end=None)
    seen = step.seen(0)
    if isinstance(seen, Known):
        return [Known(np.array(seen.array.shape, dtype=np.int64))]
    return [Measured(seen.sizes if isinstance(seen, Filled) else step.sizes(step.flow()))]


def _measured(sizes: Sizes, single: bool = False) -> Seen:
    if None in sizes:
        return Measured(sizes, single)
    array = np.array(sizes, dtype=np.int64)
    return Known(array.reshape(()) if single else array)


def _filled(step: Step) -> Sequence[Seen]:
    """ConstantOfShape."""
    value = step.attributes["value"]
    number = 0.0 if value is None else float(np.ravel(value)[0]) if np.size(value) == 1 else np.nan
    if np.isnan(number):
        raise Refused("has a value that is not one number.", True)
    sizes = _sizes(step, step.seen(0))
    if None in sizes:
        return [Filled(number, sizes)]
    return [Known(np.full(_bounded(sizes), number))]


def _bounded(sizes: Sizes) -> tuple[int, ...]:
    whole = tuple(size or 0 for size in sizes)
    if any(size < 0 for size in whole) or prod(whole) > _MOST_FOLDED or len(whole) > 16:
        raise Refused("makes an array that is too large.")
    return whole


def _sizes(step: Step, seen: Seen) -> Sizes:
    if isinstance(seen, Measured):
        return seen.sizes
    if isinstance(seen, Known) and seen.array.dtype.kind == "i" and seen.array.ndim <= 1 and seen.array.size <= 64:
        return tuple(int(size) for size in np.ravel(seen.array))
    raise Refused("has a shape that is computed from more than sizes.")


def _expand(step: Step) -> Sequence[Seen]:
    seen, sizes = step.seen(0), _sizes(step, step.seen(1))
    if isinstance(seen, Known):
        if None in sizes:
            flat = np.ravel(seen.array)
            if not flat.size or not np.all(flat == flat[0]):
                raise Refused("makes one array for each example of a constant.")
            return [Filled(float(flat[0]), sizes)]
        try:
            wide = np.broadcast_shapes(seen.array.shape, _bounded(sizes))
            return [Known(np.broadcast_to(seen.array, _bounded(wide)))]
        except ValueError:
            raise Refused("has shapes that do not fit together.", True) from None
    if isinstance(seen, Flow) and step.sizes(seen) == sizes:
        return [seen]
    raise Refused("makes copies of what the model computes.")


def _transpose(step: Step) -> Sequence[Seen]:
    seen = step.seen(0)
    rank = seen.array.ndim if isinstance(seen, Known) else len(step.flow().order)
    perm = step.attributes["perm"]
    turned = list(range(rank))[::-1] if perm is None else perm
    if not isinstance(turned, list) or sorted(turned) != list(range(rank)):
        raise Refused(f"has `perm` that is no order of {rank} axes.", True)
    if isinstance(seen, Known):
        return [Known(np.transpose(seen.array, turned))]
    flow = step.flow()
    return [Flow(flow.layer, tuple(flow.order[k] for k in turned))]


def _listed_axes(step: Step, k: int, rank: int) -> list[int]:
    found = [step.along(axis, rank) for axis in step.integers(k, "axes")]
    if len(set(found)) < len(found):
        raise Refused("has an axis twice.", True)
    return sorted(found)


def _squeeze(step: Step) -> Sequence[Seen]:
    seen = step.seen(0)
    if isinstance(seen, Known):
        array = seen.array
        axes = _listed_axes(step, 1, array.ndim) if step.has(1) else [k for k, n in enumerate(array.shape) if n == 1]
        if any(array.shape[axis] != 1 for axis in axes):
            raise Refused("removes an axis that is longer than 1.", True)
        return [Known(np.squeeze(array, tuple(axes)))]
    if isinstance(seen, Measured) and not seen.single and len(seen.sizes) == 1:
        return [Measured(seen.sizes, True)]
    if not step.has(1):
        raise Refused("removes axes without naming them.")
    flow = step.flow()
    sizes, axes = step.sizes(flow), _listed_axes(step, 1, len(flow.order))
    if any(sizes[axis] != 1 for axis in axes):
        raise Refused("removes an axis that is longer than 1.", True)
    if all(flow.order[axis] is None for axis in axes):
        return [Flow(flow.layer, tuple(axis for k, axis in enumerate(flow.order) if k not in axes))]
    kept = [size for k, size in enumerate(sizes) if k not in axes and k]
    return _reshaped(step, flow, kept)


def _unsqueeze(step: Step) -> Sequence[Seen]:
    seen, count = step.seen(0), len(step.integers(1, "axes"))
    if isinstance(seen, Measured) and seen.single:
        return [Measured(seen.sizes)]
    if isinstance(seen, Known):
        axes = _listed_axes(step, 1, seen.array.ndim + count)
        return [Known(np.expand_dims(seen.array, tuple(axes)))]
    flow = step.flow()
    axes, order = _listed_axes(step, 1, len(flow.order) + count), list(flow.order)
    for axis in axes:
        order.insert(axis, None)
    return [Flow(flow.layer, tuple(order))]


def _reshaped(step: Step, flow: Flow, sizes: Sequence[int | None]) -> Sequence[Seen]:
    layer = step.plan.plain(flow)
    shape = [size or 0 for size in sizes]
    if prod(shape) != prod(step.plan.signal(layer).shape) or any(size < 1 for size in shape):
        raise Refused(f"mixes the numbers of several examples: it makes {shape} of {step.plan.signal(layer).shape}.")
    return step.straight(step.layer("reshape", [layer], {"shape": shape}))


def _reshape(step: Step) -> Sequence[Seen]:
    step.require(allowzero=0)
    seen, wanted = step.seen(0), list(_sizes(step, step.seen(1)))
    if isinstance(seen, Known):
        given = seen.array.shape
        if None in wanted:
            raise Refused("gives a constant a shape with the number of examples.")
        shape = [given[k] if size == 0 and k < len(given) else size or 0 for k, size in enumerate(wanted)]
        try:
            return [Known(seen.array.reshape(shape))]
        except ValueError:
            raise Refused("has a shape that does not fit.", True) from None
    flow = step.flow()
    sizes = step.sizes(flow)
    if not wanted or len(wanted) > 16:
        raise Refused("removes the axis over examples.")
    found: list[int | None] = []
    for k, size in enumerate(wanted):
        if size == 0:
            if k >= len(sizes):
                raise Refused("keeps an axis that is not there.", True)
            size = sizes[k]
        elif size is not None and size < -1:
            raise Refused("has a shape that no array has.", True)
        found.append(size)
    each = prod(size for size in sizes if size is not None)
    first, rest = found[0], found[1:]
    if None in rest:
        raise Refused("moves the axis over examples.")
    known = prod(size for size in rest if size is not None and size != -1)
    if rest.count(-1) == 1 and first is None and known and each % known == 0:
        rest = [each // known if size == -1 else size for size in rest]
    elif -1 in rest or first not in (None, -1):
        raise Refused("does not keep the axis over examples as the first one.")
    return _reshaped(step, flow, rest)


def _flatten(step: Step) -> Sequence[Seen]:
    flow = step.flow()
    axis = step.integer("axis")
    rank = len(flow.order)
    if axis not in (1, 1 - rank):
        raise Refused(f"has `axis` {axis}; 1 is taken, which is after the axis over examples.")
    layer = step.plan.plain(flow)
    return step.straight(step.layer("flatten", [layer], {}))


def _concat(step: Step) -> Sequence[Seen]:
    axis = step.integer("axis")
    if all(isinstance(seen, Known) for seen in step.inputs):
        arrays = [seen.array for seen in step.inputs if isinstance(seen, Known)]
        try:
            if sum(array.size for array in arrays) > _MOST_FOLDED:
                raise Refused("makes an array that is too large.")
            return [Known(np.concatenate(arrays, axis))]
        except ValueError:
            raise Refused("has constants that do not fit together.", True) from None
    if any(isinstance(seen, Measured) for seen in step.inputs):
        sizes = tuple(size for seen in step.inputs for size in _sizes(step, seen))
        if len(sizes) > 64:
            raise Refused("makes a list of sizes that is too long.")
        return [_measured(sizes)]
    flows = [step.flow(k) for k in range(len(step.inputs))]
    if len(flows) == 1:
        return [flows[0]]
    rank = len(flows[0].order)
    along = step.along(axis, rank)
    if len({flow.order for flow in flows}) > 1 or not flows[0].order[along]:
        flows = [step.plan.straight(step.plan.plain(flow)) for flow in flows]
    own = flows[0].order[along] if along < len(flows[0].order) else 0
    if not own or len({len(flow.order) for flow in flows}) > 1:
        raise Refused("joins arrays along the axis over examples, or arrays of several ranks.")
    layer = step.layer("concatenate", [flow.layer for flow in flows], {"axis": own - 1})
    return [Flow(layer, flows[0].order)]


def _gather(step: Step) -> Sequence[Seen]:
    data, places = step.seen(0), step.seen(1)
    axis = step.integer("axis")
    if isinstance(data, Measured) and isinstance(places, Known) and not data.single:
        try:
            chosen = [data.sizes[int(k)] for k in np.ravel(places.array)]
        except IndexError:
            raise Refused("takes an axis that is not there.", True) from None
        return [_measured(tuple(chosen[:64]), places.array.ndim == 0)]
    if isinstance(data, Known) and isinstance(places, Known):
        try:
            own = data.array.shape[step.along(axis, data.array.ndim)]
            if places.array.size * data.array.size > _MOST_FOLDED * max(1, own):
                raise Refused("takes many parts of a constant.")
            return [Known(np.asarray(np.take(data.array, places.array.astype(np.int64), axis=axis)))]
        except (IndexError, ValueError):
            raise Refused("takes a part that is not there.", True) from None
    if isinstance(data, Known) and isinstance(places, Flow):
        if axis not in (0, -data.array.ndim) or data.array.ndim != 2 or data.array.dtype.kind != "f":
            raise Refused("takes parts of a constant that are no rows of a table of real numbers.")
        order = (*places.order, len(step.plan.signal(places.layer).shape) + 1)
        size, units = data.array.shape
        layer = step.layer("embedding", [places.layer], {"size": size, "units": units}, {"table": data.array})
        return [Flow(layer, order)]
    flow = step.flow()
    place = step.integers(1, "places")
    if step.known(1, "places").ndim or len(place) != 1:
        raise Refused("takes several parts at once of what the model computes.")
    own = flow.order[step.along(axis, len(flow.order))]
    if not own:
        raise Refused("takes a part of the examples.")
    size = step.plan.signal(flow.layer).shape[own - 1]
    if not -size <= place[0] < size:
        raise Refused("takes a part that is not there.", True)
    text = f"x[{':, ' * own}{place[0] % size}]"
    layer = step.expression(text, [flow.layer])
    return [Flow(layer, _without(flow.order, own))]


def _without(order: Order, gone: int) -> Order:
    """An order without one axis of a layer, which the next layer has not any more."""
    return tuple(axis - 1 if axis and axis > gone else axis for axis in order if axis != gone)


def _slice(step: Step) -> Sequence[Seen]:
    starts, ends = step.integers(1, "beginnings"), step.integers(2, "ends")
    seen = step.seen(0)
    if isinstance(seen, Measured) and not seen.single:
        rank = 1
    else:
        rank = seen.array.ndim if isinstance(seen, Known) else len(step.flow().order)
    axes = [step.along(a, rank) for a in step.integers(3, "axes")] if step.has(3) else list(range(len(starts)))
    steps = step.integers(4, "steps") if step.has(4) else [1] * len(starts)
    if not len(starts) == len(ends) == len(axes) == len(steps) or len(set(axes)) < len(axes) or 0 in steps:
        raise Refused("has lists that do not fit together.", True)
    if any(axis >= rank for axis in axes):
        raise Refused("has an axis that is not there.", True)
    parts = dict(zip(axes, zip(starts, ends, steps, strict=True), strict=True))
    if isinstance(seen, Measured):
        return [_measured(seen.sizes[slice(*parts.get(0, (None,)))])]
    if isinstance(seen, Known):
        return [Known(seen.array[tuple(slice(*parts.get(k, (None,))) for k in range(rank))])]
    flow = step.flow()
    sizes, words = step.sizes(flow), [":"] * (step.plan.signal(flow.layer).rank + 1)
    for axis, (start, end, by) in parts.items():
        size, own = sizes[axis], flow.order[axis]
        if size is None:
            if (start, by) == (0, 1) and end >= 2**31 - 1:
                continue
            raise Refused("takes a part of the examples.")
        if by != 1:
            raise Refused(f"has the step {by}; 1 is taken.")
        first, last, _ = slice(start, end, by).indices(size)
        if first >= last:
            raise Refused("gives nothing.")
        if own is not None:
            words[own] = f"{first}:{last}" if (first, last) != (0, size) else ":"
    if set(words) == {":"}:
        return [flow]
    return [Flow(step.expression(f"x[{', '.join(words)}]", [flow.layer]), flow.order)]


def _split(step: Step) -> Sequence[Seen]:
    flow, count = step.flow(), len(step.node.outputs)
    own = flow.order[step.along(step.integer("axis"), len(flow.order))]
    if not own:
        raise Refused("parts the examples.")
    size = step.plan.signal(flow.layer).shape[own - 1]
    if step.has(1):
        lengths = step.integers(1, "lengths")
    else:
        each = -(-size // count)
        lengths = [min(each, size - k * each) for k in range(count)]
    if sum(lengths) != size or min(lengths) < 1 or len(lengths) != count:
        raise Refused("has lengths that do not fit.", True)
    found: list[Seen] = []
    first = 0
    for length in lengths:
        text = f"x[{':, ' * own}{first}:{first + length}]"
        found.append(Flow(step.plan.expression(text, [flow.layer]), flow.order))
        first += length
    return found


def _reduction(function: str, listed_from: int) -> Rule:
    """Over axes that are an attribute, or an input from some opset on."""
    kinds = {"mean": "global_mean_pool", "max": "global_max_pool"}

    def rule(step: Step) -> Sequence[Seen]:
        flow = step.flow()
        rank = len(flow.order)
        if step.has(1):
            if step.opset < listed_from:
                raise Refused("has axes as an input, which this opset does not know.", True)
            axes = _listed_axes(step, 1, rank)
        else:
            given = step.attributes["axes"]
            if not isinstance(given, list) or not given or not all(isinstance(axis, int) for axis in given):
                raise Refused("does not name its axes.")
            axes = sorted({step.along(axis, rank) for axis in given})
        gone = [flow.order[axis] for axis in axes]
        if 0 in gone:
            raise Refused("runs over the examples.")
        kept = step.integer("keepdims")
        real = sorted(axis for axis in gone if axis)
        order = tuple(None if k in axes else axis for k, axis in enumerate(flow.order))
        layer, signal = flow.layer, step.plan.signal(flow.layer)
        if function in kinds and real == list(range(1, signal.rank)) and signal.rank > 1:
            layer = step.layer(kinds[function], [layer], {})
        elif real:
            layer = step.expression(f"{function}(x, axis=({', '.join(map(str, real))},))", [layer])
        left = [axis for axis in range(signal.rank + 1) if axis not in real]
        renamed = tuple(None if axis is None else left.index(axis) for axis in order)
        if not kept:
            renamed = tuple(axis for k, axis in enumerate(renamed) if k not in axes)
        return [Flow(layer, renamed)]

    return rule


def _reduced(function: str, listed_from: int = 18) -> Operator:
    attributes = {"axes": None, "keepdims": 1, "noop_with_empty_axes": 0}
    return Operator(_reduction(function, listed_from), (1, 2), attributes)


_VALUES = ("value", "value_float", "value_floats", "value_int", "value_ints")
SHAPES: Mapping[str, Operator] = {
    "Identity": Operator(_same),
    "Dropout": Operator(_dropout, (1, 3), {"seed": None}),
    "Constant": Operator(_constant, (0, 0), dict.fromkeys(_VALUES)),
    "Cast": Operator(_cast, attributes={"to": None, "saturate": 1}),
    "Shape": Operator(_shape, attributes={"start": 0, "end": None}),
    "ConstantOfShape": Operator(_filled, attributes={"value": None}),
    "Expand": Operator(_expand, (2, 2)),
    "Transpose": Operator(_transpose, attributes={"perm": None}),
    "Squeeze": Operator(_squeeze, (1, 2)),
    "Unsqueeze": Operator(_unsqueeze, (2, 2)),
    "Reshape": Operator(_reshape, (2, 2), {"allowzero": 0}),
    "Flatten": Operator(_flatten, attributes={"axis": 1}),
    "Concat": Operator(_concat, (1, 1000), {"axis": None}),
    "Gather": Operator(_gather, (2, 2), {"axis": 0}),
    "Slice": Operator(_slice, (3, 5)),
    "Split": Operator(_split, (1, 2), {"axis": 0, "num_outputs": None}, outputs=64),
    "ReduceMean": _reduced("mean"),
    "ReduceMax": _reduced("max"),
    "ReduceMin": _reduced("min"),
    "ReduceSum": _reduced("sum", 13),
    "ReduceProd": _reduced("prod"),
    "ReduceL2": _reduced("norm"),
    "ReduceLogSumExp": _reduced("logsumexp"),
}
