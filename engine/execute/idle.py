"""Structural zeros: where a cotangent is 0 because of a branch that was not taken.

A mask is True at such elements.  It is born at a `select` with a literal 0, or at a gate, and followed through what the
derivative does with the cotangent, so that a zero that means "not taken" is told from one that was computed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from engine.execute.compile import bind
from engine.graph.types import Array
from engine.graph.values import Node, Value

Masks = Mapping[Value, Array]
_WEIGHTS = np.random.default_rng(20_240_501)


def of_chain(node: Node, masks: Masks, shape: tuple[int, ...]) -> Array | None:
    """The mask of the product of a cotangent and a partial: idle where either is."""
    found = [masks[v] for v in node.inputs if v in masks]
    if not found:
        return None
    return np.broadcast_to(np.logical_or.reduce(np.broadcast_arrays(*found)), shape)


def after(node: Node, given: Sequence[Any], result: Any, masks: Masks) -> Array | None:
    """The mask of the result of any other node, None where nothing is idle."""
    inputs, shape = node.inputs, node.outputs[0].shape
    if node.primitive.gate:
        return np.asarray(np.asarray(result) == 0)
    if node.primitive.name == "select":
        left, right = (_of_branch(v, masks) for v in inputs[1:])
        if left is None and right is None:
            return None
        mask = np.where(given[0], False if left is None else left, False if right is None else right)
        return np.broadcast_to(mask, shape) if np.any(mask) else None
    found = [masks.get(v) for v in inputs]
    known = [m for m in found if m is not None]
    if not known:
        return None
    name, kind = node.primitive.name, node.primitive.kind
    if name in ("negative", "multiply"):
        return np.broadcast_to(np.logical_or.reduce(np.broadcast_arrays(*known)), shape)
    if name == "divide":
        return None if found[0] is None else np.broadcast_to(found[0], shape)
    if name in ("add", "subtract"):
        return np.broadcast_to(known[0] & known[1], shape) if len(known) == 2 else None
    if kind in ("linear", "multilinear"):
        return _of_linear(node, given, found)
    return None


def _of_linear(node: Node, given: Sequence[Any], found: Sequence[Array | None]) -> Array:
    """Put a random positive number where something flows: what comes out as exactly 0 got nothing."""
    probes = []
    for value, array, mask in zip(node.inputs, given, found, strict=True):
        if value.type.dtype != "real":
            probes.append(array)
            continue
        probe = _WEIGHTS.uniform(1.0, 2.0, value.shape)
        probes.append(probe if mask is None else np.where(mask, 0.0, probe))
    return np.asarray(np.asarray(bind(node)(*probes)) == 0)


def _of_branch(value: Value, masks: Masks) -> Array | None:
    """For a branch of a select: where it is a structural zero; a literal 0 is one everywhere."""
    if value.constant is not None and value.recipe is None:
        return np.asarray(value.constant) == 0 if not value.shape else None
    return masks.get(value)
