"""Functions made of functions: gradients, Jacobians, and functions with a derivative of their own."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from engine.control.functions import gradient_of, hessian_of, jacobian_of, with_rule
from engine.errors import NotScalar, ShapeMismatch, TypeMismatch
from engine.graph.types import describe
from engine.graph.values import Value
from engine.primitives.arithmetic import cast
from engine.primitives.shape import element, zeros_of
from engine.source.applying import apply
from engine.source.arguments import static
from engine.source.lifting import Lifted, arranged
from engine.source.merging import kind_of
from engine.source.results import Closure, Function, Made, Result, leaves, rebuilt
from engine.source.text import Span

if TYPE_CHECKING:
    from engine.source.interpreter import Interpreter

Arguments = Mapping[str, Any]


class _Wrt:
    """Which arguments a derivative is taken in: one, or several."""

    def __init__(self, function: Function, given: Result, span: Span) -> None:
        self.several = isinstance(given, tuple) or (isinstance(given, Value) and given.rank == 1)
        if isinstance(given, Value):
            given = static(given, "Axes", span, "wrt")
        listed = given if isinstance(given, tuple) else (given,)
        self.numbers = [self._number(function, item, span) for item in listed]

    def _number(self, function: Function, item: Result, span: Span) -> int:
        if isinstance(item, str) and isinstance(function, Closure):
            names = [p.name for p in function.parameters]
            if item not in names:
                raise TypeMismatch(f"{function.name} has no argument {item!r}.", span=span, hint=", ".join(names))
            return names.index(item)
        found: int = static(item, "int", span, "wrt")
        return found

    def check(self, arguments: Sequence[Result], span: Span) -> None:
        """Refuse a number of an argument that is not there."""
        for number in self.numbers:
            if not 0 <= number < len(arguments):
                raise TypeMismatch(
                    f"The derivative is asked for in argument {number}, and there are {len(arguments)}.",
                    span=span,
                    hint="arguments are counted from 0",
                )

    def one_or_all(self, parts: Sequence[Result]) -> Result:
        """A single one as it is, several as a tuple."""
        return tuple(parts) if self.several else parts[0]


def _lifted(
    interpreter: Interpreter, given: Arguments, positional: Sequence[Result], keywords: Mapping[str, Result], span: Span
) -> tuple[Lifted, _Wrt]:
    function = given["f"]
    arguments = arranged(function, positional, keywords, span)
    wrt = _Wrt(function, given["wrt"], span)
    wrt.check(arguments, span)
    return Lifted(interpreter, function, arguments, wrt.numbers, span), wrt


def _scalar(lifted: Lifted, name: str, span: Span) -> Callable[[Sequence[Value]], list[Value]]:
    """The function, after a check that it gives one real number."""

    def checked(values: Sequence[Value]) -> list[Value]:
        found = lifted(values)
        result = lifted.result
        if not isinstance(result, Value) or result.shape:
            raise NotScalar(
                f"{name} differentiates a function that gives one number; this one gives {kind_of(result)}.",
                span=span,
                hint="jacobian(f), or let f return a sum",
            )
        return found

    return checked


def _grad(interpreter: Interpreter, given: Arguments, span: Span) -> Made:
    def call(positional: Sequence[Result], keywords: Mapping[str, Result]) -> Result:
        return _value_and_slopes(interpreter, given, positional, keywords, span, "grad")[1]

    return Made(("grad", given["f"], _key(given["wrt"])), call)


def _value_and_grad(interpreter: Interpreter, given: Arguments, span: Span) -> Made:
    def call(positional: Sequence[Result], keywords: Mapping[str, Result]) -> Result:
        return _value_and_slopes(interpreter, given, positional, keywords, span, "value_and_grad")

    return Made(("value_and_grad", given["f"], _key(given["wrt"])), call)


def _value_and_slopes(
    interpreter: Interpreter,
    given: Arguments,
    positional: Sequence[Result],
    keywords: Mapping[str, Result],
    span: Span,
    name: str,
) -> tuple[Result, Result]:
    lifted, wrt = _lifted(interpreter, given, positional, keywords, span)
    values = lifted.values
    value, slopes = gradient_of(_scalar(lifted, name, span), values, range(len(values)))
    return value, wrt.one_or_all(rebuilt(lifted.opened, slopes))


def _jacobian(interpreter: Interpreter, given: Arguments, span: Span) -> Made:
    def call(positional: Sequence[Result], keywords: Mapping[str, Result]) -> Result:
        lifted, wrt = _lifted(interpreter, given, positional, keywords, span)
        rows = jacobian_of(lifted, lifted.values, range(len(lifted.values)))
        parts = [wrt.one_or_all(rebuilt(lifted.opened, row)) for row in rows]
        return _arranged_like(lifted.result, parts)

    return Made(("jacobian", given["f"], _key(given["wrt"])), call)


def _hessian(interpreter: Interpreter, given: Arguments, span: Span) -> Made:
    def call(positional: Sequence[Result], keywords: Mapping[str, Result]) -> Result:
        lifted, wrt = _lifted(interpreter, given, positional, keywords, span)
        rows = hessian_of(_scalar(lifted, "hessian", span), lifted.values, range(len(lifted.values)))
        parts = [wrt.one_or_all(rebuilt(lifted.opened, row)) for row in rows]
        return wrt.one_or_all(_arranged_like(lifted.opened, parts))

    return Made(("hessian", given["f"], _key(given["wrt"])), call)


def _arranged_like(result: Result, parts: Sequence[Result]) -> Result:
    """Results in the places of the values of another one."""
    given = iter(parts)

    def fill(part: Result) -> Result:
        return tuple(fill(item) for item in part) if isinstance(part, tuple) else next(given)

    return fill(result)


def _straight_through(interpreter: Interpreter, given: Arguments, span: Span) -> Made:
    """The function, with the derivative of the identity in its first argument."""
    function = given["f"]

    def call(positional: Sequence[Result], keywords: Mapping[str, Result]) -> Result:
        arguments = arranged(function, positional, keywords, span)
        lifted = Lifted(interpreter, function, arguments, range(min(1, len(arguments))), span)

        def checked(values: Sequence[Value]) -> list[Value]:
            found = [cast(v, dtype="real") for v in lifted(values)]
            if [v.shape for v in found] != [v.shape for v in values]:
                raise ShapeMismatch(
                    f"straight_through hands a derivative on, and the function makes {kind_of(lifted.result)} "
                    f"of {kind_of(lifted.opened[0])}.",
                    span=span,
                )
            return found

        count = len(lifted.values)
        outputs = with_rule(checked, lambda given: given[2 * count :], lifted.values)
        return rebuilt(lifted.opened[0], outputs)

    return Made(("straight_through", function), call)


def _custom_grad(interpreter: Interpreter, given: Arguments, span: Span) -> Made:
    """The function, with `df(x, …, cotangent)` for its derivative: one cotangent for each argument."""
    function, rule = given["f"], given["df"]

    def call(positional: Sequence[Result], keywords: Mapping[str, Result]) -> Result:
        arguments = arranged(function, positional, keywords, span)
        # What is known, and whole numbers, are no variables of the function.
        moving = [i for i, argument in enumerate(arguments) if _moves(argument)]
        lifted = Lifted(interpreter, function, arguments, moving, span)
        count = len(lifted.values)

        def pulled(values: Sequence[Value]) -> list[Value]:
            outputs = leaves(lifted.result)
            cotangent = rebuilt(lifted.result, values[count + len(outputs) :])
            own = list(arguments)
            for i, argument in zip(moving, rebuilt(lifted.opened, values[:count]), strict=True):
                own[i] = argument
            found = apply(interpreter, rule, [*own, cotangent], {}, span)
            return _cotangents(found, lifted.opened, moving, len(arguments), span)

        outputs = with_rule(lifted, pulled, lifted.values)
        return rebuilt(lifted.result, outputs)

    return Made(("custom_grad", function, rule), call)


def _moves(argument: Result) -> bool:
    found = leaves(argument)
    return any(v.constant is None for v in found) and all(v.type.dtype == "real" for v in found)


def _cotangents(found: Result, opened: Sequence[Result], moving: Sequence[int], count: int, span: Span) -> list[Value]:
    """What a rule gives, for the arguments that move."""
    if count == 1 and not (isinstance(found, tuple) and len(found) == 1 and not isinstance(opened[0], tuple)):
        found = (found,)
    if isinstance(found, Value) and found.rank and found.shape[0] == count:
        found = tuple(element(found, index=i) for i in range(count))
    if not isinstance(found, tuple) or len(found) != count:
        raise TypeMismatch(
            f"The rule of custom_grad gives {kind_of(found)}; one cotangent for each of {count} arguments is needed.",
            span=span,
            hint="return dx, dy",
        )
    values: list[Value] = []
    for i, like in zip(moving, opened, strict=True):
        flat = leaves(like)
        parts = [zeros_of(v.shape) for v in flat] if found[i] is None else leaves(found[i])
        if [p.shape for p in parts] != [v.shape for v in flat]:
            raise ShapeMismatch(
                f"The cotangent of argument {i} is {kind_of(found[i])}; {kind_of(like)} is needed.",
                span=span,
                hint=f"a cotangent has the shape of its argument, {describe(flat[0].shape)}" if flat else None,
            )
        values += [cast(p, dtype="real") for p in parts]
    return values


def _key(wrt: Result) -> Any:
    return (
        tuple(int(v) for v in wrt.constant.ravel())
        if isinstance(wrt, Value) and wrt.constant is not None
        else (tuple(_key(item) for item in wrt) if isinstance(wrt, tuple) else wrt)
    )


DERIVATIONS: dict[str, Callable[[Interpreter, Arguments, Span], Made]] = {
    "grad": _grad,
    "value_and_grad": _value_and_grad,
    "jacobian": _jacobian,
    "hessian": _hessian,
    "straight_through": _straight_through,
    "custom_grad": _custom_grad,
}
"""By name: what each makes of its arguments."""
