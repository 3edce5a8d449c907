"""Identities that are exact in IEEE arithmetic, and rewrites that are exact in mathematics and keep more digits.

Identities apply to every graph.  Rewrites apply to the function that a client wrote, before it is differentiated, so
that its derivative is taken from the stable form; each has a name, and an answer lists the ones that were used.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import log as _log
from typing import Any

from engine.graph.registry import PRIMITIVES
from engine.graph.values import Node, Value

Values = tuple[Value, ...]
Params = Mapping[str, Any]


def identity(name: str, values: Values, params: Params) -> Value | None:
    """A value that equals the node to the last bit (signs of zero included), or None."""
    rule = _IDENTITIES.get(name)
    return None if rule is None else rule(values, params)


def number(value: Value) -> float | None:
    """The number that a scalar constant is; None for one that is only near it."""
    constant = value.constant
    return None if constant is None or value.type.shape or value.recipe is not None else float(constant)


def held(value: Value) -> float | None:
    """The number that a scalar constant holds, rounded or not: for words, not for decisions."""
    constant = value.constant
    return None if constant is None or value.type.shape else float(constant)


def made_by(value: Value, name: str) -> Node | None:
    """The node that made `value`, when its primitive has this name."""
    node = value.node
    return node if node is not None and node.primitive.name == name else None


def _multiply(values: Values, params: Params) -> Value | None:
    x, y = values
    for a, b in ((x, y), (y, x)):
        c = number(b)
        if c is not None and a.type.dtype == b.type.dtype:
            if c == 1.0:
                return a
            if c == -1.0:
                return PRIMITIVES["negative"](a)
    return None


def _divide(values: Values, params: Params) -> Value | None:
    return values[0] if number(values[1]) == 1.0 else None


def _subtract(values: Values, params: Params) -> Value | None:
    x, y = values
    zero = number(y)
    positive_zero = zero == 0.0 and str(zero) == "0.0"
    return x if positive_zero and x.type.dtype == y.type.dtype else None


def _negative(values: Values, params: Params) -> Value | None:
    inner = made_by(values[0], "negative")
    return inner.inputs[0] if inner else None


def _select(values: Values, params: Params) -> Value | None:
    condition, a, b = values
    if a is b and a.type.shape == condition.type.shape:
        return a
    known = number(condition)
    if known is not None and a.type == b.type:
        return a if known else b
    return None


def _unchanged_shape(values: Values, params: Params) -> Value | None:
    return values[0] if values[0].type.shape == params["shape"] else None


def _reshape(values: Values, params: Params) -> Value | None:
    inner = made_by(values[0], "reshape")
    return PRIMITIVES["reshape"](inner.inputs[0], shape=params["shape"]) if inner else _unchanged_shape(values, params)


def _transpose(values: Values, params: Params) -> Value | None:
    axes = params["axes"]
    if axes == tuple(range(len(axes))):
        return values[0]
    inner = made_by(values[0], "transpose")
    if inner is None:
        return None
    return PRIMITIVES["transpose"](inner.inputs[0], axes=tuple(inner.params["axes"][a] for a in axes))


def _element(values: Values, params: Params) -> Value | None:
    inner = made_by(values[0], "broadcast_to")
    if inner is None or inner.inputs[0].type.size != 1:
        return None
    one = PRIMITIVES["reshape"](inner.inputs[0], shape=())
    shape = values[0].type.shape[1:]
    return PRIMITIVES["broadcast_to"](one, shape=shape) if shape else one


def _sum(values: Values, params: Params) -> Value | None:
    return values[0] if not params["axes"] else None


def _cast(values: Values, params: Params) -> Value | None:
    return values[0] if values[0].type.dtype == params["dtype"] else None


_IDENTITIES: dict[str, Callable[[Values, Params], Value | None]] = {
    "multiply": _multiply,
    "chain": _multiply,
    "divide": _divide,
    "subtract": _subtract,
    "negative": _negative,
    "select": _select,
    "reshape": _reshape,
    "broadcast_to": _unchanged_shape,
    "transpose": _transpose,
    "element": _element,
    "sum": _sum,
    "cast": _cast,
}


@dataclass(frozen=True, slots=True)
class Rewrite:
    """One stable rewrite: what was written, what is computed, and the function that does it (None: does not apply)."""

    before: str
    after: str
    apply: Callable[[Values, Params], Value | None]


def _operand(value: Value, name: str) -> Value | None:
    node = made_by(value, name)
    return node.inputs[0] if node else None


def _plus_one(value: Value) -> Value | None:
    """x, where the value is 1 + x or x + 1."""
    node = made_by(value, "add")
    if node is None:
        return None
    a, b = node.inputs
    return b if number(a) == 1.0 else a if number(b) == 1.0 else None


def _emit(name: str, *values: Value | float, **params: Any) -> Value:
    return PRIMITIVES[name](*values, **params)


def _unary(outer: Callable[[Value], Value | None], make: Callable[[Value], Value]) -> Callable[..., Value | None]:
    def apply(values: Values, params: Params) -> Value | None:
        x = outer(values[0])
        return None if x is None else make(x)

    return apply


def _one_minus(name: str, make: Callable[[Value], Value]) -> Callable[..., Value | None]:
    """For `1 - name(x)`."""

    def apply(values: Values, params: Params) -> Value | None:
        x = _operand(values[1], name) if number(values[0]) == 1.0 else None
        return None if x is None else make(x)

    return apply


def _minus_one(name: str, make: Callable[[Value], Value]) -> Callable[..., Value | None]:
    """For `name(x) - 1`."""

    def apply(values: Values, params: Params) -> Value | None:
        x = _operand(values[0], name) if number(values[1]) == 1.0 else None
        return None if x is None else make(x)

    return apply


def _squared(name: str) -> Callable[[Value], Value | None]:
    """x, where the value is name(x)^2."""

    def match(value: Value) -> Value | None:
        inner = _operand(value, "square")
        return _operand(inner, name) if inner is not None else None

    return match


def _one_minus_square(name: str, make: Callable[[Value], Value]) -> Callable[..., Value | None]:
    match = _squared(name)

    def apply(values: Values, params: Params) -> Value | None:
        x = match(values[1]) if number(values[0]) == 1.0 else None
        return None if x is None else make(x)

    return apply


def _log_of_exps(values: Values, params: Params) -> Value | None:
    node = made_by(values[0], "add")
    if node is None:
        return None
    a, b = (_operand(v, "exp") for v in node.inputs)
    return _emit("logaddexp", a, b) if a is not None and b is not None else None


def _log_sum_exp(values: Values, params: Params) -> Value | None:
    node = made_by(values[0], "sum")
    x = _operand(node.inputs[0], "exp") if node else None
    return _emit("logsumexp", x, axes=node.params["axes"]) if node and x is not None else None


def _log_mean_exp(values: Values, params: Params) -> Value | None:
    node = made_by(values[0], "divide")
    count = number(node.inputs[1]) if node else None
    if node is None or count is None or count <= 0:
        return None
    inner = _log_sum_exp((node.inputs[0],), params)
    return None if inner is None else inner - _emit("log", count)


def _log_one_minus(values: Values, params: Params) -> Value | None:
    node = made_by(values[0], "subtract")
    if node is None or number(node.inputs[0]) != 1.0:
        return None
    return _emit("log1p", -node.inputs[1])


def _log_one_minus_exp(values: Values, params: Params) -> Value | None:
    # Maechler, "Accurately computing log(1 - exp(-|a|))": one form on each side of log 2.
    inner = _operand(values[0], "negative")
    x = _operand(inner, "expm1") if inner is not None else None
    if x is None or inner is None:
        return None
    return _emit("select", x > -_log(2.0), _emit("log", -_emit("expm1", x)), _emit("log1p", -_emit("exp", x)))


def _log_abs_det(values: Values, params: Params) -> Value | None:
    inner = _operand(values[0], "abs")
    matrix = _operand(inner, "det") if inner is not None else None
    return None if matrix is None else PRIMITIVES["slogdet"].all(matrix)[1]


def _log_det(values: Values, params: Params) -> Value | None:
    matrix = _operand(values[0], "det")
    return None if matrix is None else _emit("logdet", matrix)


def _hypot(values: Values, params: Params) -> Value | None:
    node = made_by(values[0], "add")
    if node is None:
        return None
    a, b = (v if number(v) == 1.0 else _operand(v, "square") for v in node.inputs)
    return None if a is None or b is None else _emit("hypot", a, b)


def _norm(values: Values, params: Params) -> Value | None:
    node = made_by(values[0], "sum")
    x = _operand(node.inputs[0], "square") if node else None
    return _emit("norm", x, axes=node.params["axes"]) if node and x is not None else None


def _root_mean_square(values: Values, params: Params) -> Value | None:
    node = made_by(values[0], "divide")
    count = number(node.inputs[1]) if node else None
    if node is None or count is None or count <= 0:
        return None
    inner = _norm((node.inputs[0],), params)
    return None if inner is None else inner / _emit("sqrt", count)


def _sigmoid(values: Values, params: Params) -> Value | None:
    top, bottom = values
    inner = _plus_one(bottom)
    x = _operand(inner, "exp") if inner is not None else None
    if x is None:
        return None
    if number(top) == 1.0:
        return _emit("sigmoid", -x)
    return _emit("sigmoid", x) if _operand(top, "exp") is x else None


def _softmax(values: Values, params: Params) -> Value | None:
    top, bottom = values
    x = _operand(top, "exp")
    node = made_by(bottom, "sum") or made_by(_operand(bottom, "reshape") or bottom, "sum")
    if x is None or node is None or node.inputs[0] is not top:
        return None
    axes = node.params["axes"]
    kept = tuple(1 if axis in axes else size for axis, size in enumerate(x.shape))
    if bottom.shape not in (kept, ()) or (bottom.shape == () and len(axes) != x.rank):
        return None
    return _emit("softmax", x, axes=axes)


def _x_log_x(values: Values, params: Params) -> Value | None:
    a, b = values
    for x, y in ((a, b), (b, a)):
        if _operand(y, "log") is x:
            return _emit("xlogy", x, x)
    return None


def _log_cosh(x: Value) -> Value:
    # The first form is right near 0, where the second cancels; the second does not overflow.  They change places at a
    # number that nobody asks about, so that no point lies on the boundary.
    small = _emit("square", x) < 0.7768194
    inside = _emit("select", small, x, 0.0)
    near = _emit("log1p", _emit("square", _emit("sinh", inside * 0.5)) * 2.0)
    return _emit("select", small, near, _emit("logaddexp", x, -x) - _emit("log", 2.0))


def _versine(x: Value) -> Value:
    return _emit("square", _emit("sin", x * 0.5)) * 2.0


REWRITES: dict[str, tuple[Rewrite, ...]] = {
    "log": (
        Rewrite("log(exp(x))", "x", _unary(lambda v: _operand(v, "exp"), lambda x: x)),
        Rewrite("log(exp(x) + exp(y))", "logaddexp(x, y)", _log_of_exps),
        Rewrite(
            "log(1 + exp(x))",
            "softplus(x)",
            _unary(
                lambda v: _operand(p, "exp") if (p := _plus_one(v)) is not None else None,
                lambda x: _emit("softplus", x),
            ),
        ),
        Rewrite("log(1 + x)", "log1p(x)", _unary(_plus_one, lambda x: _emit("log1p", x))),
        Rewrite("log(1 - x)", "log1p(-x)", _log_one_minus),
        Rewrite("log(1 - exp(x))", "log(-expm1(x)) or log1p(-exp(x))", _log_one_minus_exp),
        Rewrite("log(sum(exp(x)))", "logsumexp(x)", _log_sum_exp),
        Rewrite("log(mean(exp(x)))", "logsumexp(x) - log(n)", _log_mean_exp),
        Rewrite(
            "log(sigmoid(x))",
            "log_sigmoid(x)",
            _unary(lambda v: _operand(v, "sigmoid"), lambda x: _emit("log_sigmoid", x)),
        ),
        Rewrite(
            "log(softmax(x))",
            "log_softmax(x)",
            lambda values, params: (
                _emit("log_softmax", node.inputs[0], **node.params) if (node := made_by(values[0], "softmax")) else None
            ),
        ),
        Rewrite("log(ndtr(x))", "log_ndtr(x)", _unary(lambda v: _operand(v, "ndtr"), lambda x: _emit("log_ndtr", x))),
        Rewrite(
            "log(cosh(x))",
            "log1p(2*sinh(x/2)^2) or logaddexp(x, -x) - log(2)",
            _unary(lambda v: _operand(v, "cosh"), _log_cosh),
        ),
        Rewrite("log(abs(det(A)))", "slogdet(A)[1]", _log_abs_det),
        Rewrite("log(det(A))", "logdet(A)", _log_det),
    ),
    "log1p": (
        Rewrite("log1p(exp(x))", "softplus(x)", _unary(lambda v: _operand(v, "exp"), lambda x: _emit("softplus", x))),
    ),
    "subtract": (
        Rewrite("exp(x) - 1", "expm1(x)", _minus_one("exp", lambda x: _emit("expm1", x))),
        Rewrite("1 - exp(x)", "-expm1(x)", _one_minus("exp", lambda x: -_emit("expm1", x))),
        Rewrite("1 - cos(x)", "2*sin(x/2)^2", _one_minus("cos", _versine)),
        Rewrite("cos(x) - 1", "-2*sin(x/2)^2", _minus_one("cos", lambda x: -_versine(x))),
        Rewrite("1 - erf(x)", "erfc(x)", _one_minus("erf", lambda x: _emit("erfc", x))),
        Rewrite("1 - erfc(x)", "erf(x)", _one_minus("erfc", lambda x: _emit("erf", x))),
        Rewrite("1 - sigmoid(x)", "sigmoid(-x)", _one_minus("sigmoid", lambda x: _emit("sigmoid", -x))),
        Rewrite("1 - ndtr(x)", "ndtr(-x)", _one_minus("ndtr", lambda x: _emit("ndtr", -x))),
        Rewrite(
            "1 - tanh(x)^2",
            "1/cosh(x)^2",
            _one_minus_square("tanh", lambda x: _emit("square", _emit("reciprocal", _emit("cosh", x)))),
        ),
        Rewrite("1 - sin(x)^2", "cos(x)^2", _one_minus_square("sin", lambda x: _emit("square", _emit("cos", x)))),
        Rewrite("1 - cos(x)^2", "sin(x)^2", _one_minus_square("cos", lambda x: _emit("square", _emit("sin", x)))),
    ),
    "sqrt": (
        Rewrite("sqrt(x^2)", "abs(x)", _unary(lambda v: _operand(v, "square"), lambda x: _emit("abs", x))),
        Rewrite("sqrt(x^2 + y^2)", "hypot(x, y)", _hypot),
        Rewrite("sqrt(sum(x^2))", "norm(x)", _norm),
        Rewrite("sqrt(mean(x^2))", "norm(x)/sqrt(n)", _root_mean_square),
    ),
    "divide": (
        Rewrite("1/(1 + exp(-x))", "sigmoid(x)", _sigmoid),
        Rewrite("exp(x)/sum(exp(x))", "softmax(x)", _softmax),
    ),
    "multiply": (Rewrite("x*log(x)", "xlogy(x, x)", _x_log_x),),
}
