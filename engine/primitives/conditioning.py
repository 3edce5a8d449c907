"""What primitives do with the rounding errors of their arguments, by name.  A test asserts that every one is placed.

Those without rounding errors of their own stand in `engine.graph.exactness`.  Whatever is in none of these sets may
enlarge errors without bounds: differences, and functions near their zeros.  It has a guard of its own
(`engine.execute.guards`), or is among those that get the one for everything unruly.
"""

from __future__ import annotations

PRODUCTS = frozenset(["multiply", "chain", "divide", "reciprocal", "square", "prod", "product_of_others", "degrees"])
POWERS = frozenset(["exp", "expm1", "exp2", "sqrt", "cbrt", "norm", "p_norm", "hypot", "radians"])
HYPERBOLIC = frozenset(["sinh", "cosh", "tanh", "asinh", "atan", "atan2", "softsign", "gaussian", "floor_divide"])
ACTIVATIONS = frozenset(["leaky_relu", "elu", "gelu", "sigmoid", "logistic_density", "silu", "softplus", "log_sigmoid"])
PROBABILITIES = frozenset(["erf", "erfc", "erfcx", "ndtr", "log_ndtr", "gamma_density", "gammainc", "gammaincc"])
BESSEL = frozenset(["bessel_i", "i0", "i1"])
LOG_DENSITIES = frozenset(["log1p_square", "log_logistic", "log_i0e"])
TAME = PRODUCTS | POWERS | HYPERBOLIC | ACTIVATIONS | PROBABILITIES | LOG_DENSITIES | BESSEL | {"softmax"}
"""Relative errors of arguments grow by less than a thousand wherever the result is an ordinary number."""

CONTROL = frozenset(["choice", "loop", "custom", "assertion", "add_stacks", "no_stack"])
"""What happens inside is looked at there."""

INVERSES = frozenset(["inv", "solve", "triangular_solve", "pinv"])
MATRIX = INVERSES | {"cholesky", "eigh", "svd", "det", "cofactor", "slogdet", "logdet"}
"""Backward stable: their results are those of matrices that differ in the last place of the largest element."""
LOOSE = frozenset(["j0", "j1", "bessel_j", "lgamma", "digamma", "polygamma", "gamma", "betaln", "beta"])
"""Near their zeros, library functions are only as good as for an argument that was rounded."""
UNRULY = LOOSE | {"mod", "sinc"}
"""Without a guard of their own."""
ACCUMULATING = frozenset(["sum", "cumsum", "scatter_add", "overlap_add", "matmul", "centre"])
"""They round on the way, so that even exact terms may cancel."""
