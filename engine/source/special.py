"""Names that only programs know: what they loop over, and what is made of functions."""

from __future__ import annotations

from engine.primitives.function import REQUIRED, Parameter

ITERABLES = ("range", "zip", "enumerate", "reversed")
"""What a loop or a comprehension runs over."""


def _signature(*required: str, **optional: object) -> tuple[Parameter, ...]:
    return (
        *(Parameter(name, "Value") for name in required),
        *(Parameter(name, "Value", default) for name, default in optional.items()),
    )


DERIVED: dict[str, tuple[Parameter, ...]] = {
    "grad": _signature("f", wrt=0),
    "value_and_grad": _signature("f", wrt=0),
    "jacobian": _signature("f", wrt=0),
    "hessian": _signature("f", wrt=0),
    "straight_through": _signature("f"),
    "custom_grad": _signature("f", "df"),
}
"""What makes a function of a function; the result takes the arguments of the first."""

APPLIED: dict[str, tuple[Parameter, ...]] = {
    "jvp": _signature("f", "arguments", "tangents"),
    "vjp": _signature("f", "arguments", "cotangent"),
    "hvp": _signature("f", "x", "vector"),
    "root": _signature("f", "start"),
    "fixed_point": _signature("f", "start"),
    "quad": _signature("f", "a", "b", n=20),
    "odeint": _signature("f", "y", "t", method="rk4", steps=1, rtol=1e-8, atol=1e-10, max_steps=100_000),
    "map": _signature("f", "xs"),
}
"""What makes a value of a function."""

STATIC = frozenset({"wrt", "n", "method", "steps"})
"""Arguments of these that are known when the program is compiled."""

STRUCTURES = ("list", "tuple", "bool")

SPECIAL = frozenset((*ITERABLES, *DERIVED, *APPLIED, *STRUCTURES))


def signature(name: str) -> str:
    """`grad(f, wrt=0)`."""
    parameters = DERIVED.get(name) or APPLIED.get(name) or ()
    shown = [p.name if p.default is REQUIRED else f"{p.name}={p.default!r}" for p in parameters]
    return f"{name}({', '.join(shown)})"
