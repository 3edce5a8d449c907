"""The whole table: importing this module enters every primitive and every function of the language."""

from __future__ import annotations

from engine.graph.registry import PRIMITIVES
from engine.primitives import (
    activations,
    arithmetic,
    assertion,
    bessel,
    contractions,
    decompositions,
    densities,
    determinants,
    error_function,
    functions_choose,
    functions_convert,
    functions_copies,
    functions_create,
    functions_densities,
    functions_densities_arrays,
    functions_densities_discrete,
    functions_join,
    functions_norm,
    functions_products,
    functions_random,
    functions_reduce,
    functions_running,
    functions_shape,
    functions_statistics,
    gamma,
    incomplete_gamma,
    indexing,
    inverses,
    kinks,
    linear_algebra,
    matrices,
    powers,
    products,
    reductions,
    regions,
    shape,
    special,
    stacks,
    trigonometry,
)
from engine.primitives.function import ALIASES, FUNCTIONS, Function

MODULES = (
    arithmetic,
    powers,
    kinks,
    trigonometry,
    activations,
    special,
    error_function,
    gamma,
    incomplete_gamma,
    bessel,
    densities,
    shape,
    indexing,
    regions,
    stacks,
    assertion,
    reductions,
    products,
    matrices,
    decompositions,
    determinants,
    inverses,
    functions_reduce,
    functions_statistics,
    functions_norm,
    functions_products,
    functions_running,
    functions_choose,
    functions_shape,
    functions_copies,
    functions_join,
    functions_create,
    functions_convert,
    functions_random,
    functions_densities,
    functions_densities_discrete,
    functions_densities_arrays,
    contractions,
    linear_algebra,
)
"""Every module with records or functions, so that none is imported for nothing."""

__all__ = ["ALIASES", "FUNCTIONS", "MODULES", "PRIMITIVES", "lookup"]


def lookup(name: str) -> Function | None:
    """The function that the language calls by this name or alias."""
    return FUNCTIONS.get(ALIASES.get(name, name))
