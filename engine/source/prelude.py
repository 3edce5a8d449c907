"""What is written in the language itself: solvers of differential equations, which `odeint` calls."""

from __future__ import annotations

from dataclasses import fields, is_dataclass, replace
from functools import cache
from typing import Any

from engine.limits import Limits
from engine.source import statement
from engine.source.statements import parse_program
from engine.source.text import Span

PRELUDE = """
def runge_kutta(f, states, y, t, steps):
    states[0] = y
    for i in range(len(t) - 1):
        h = (t[i + 1] - t[i]) / steps
        for j in range(steps):
            s = t[i] + j*h
            k1 = f(y, s)
            k2 = f(y + h/2*k1, s + h/2)
            k3 = f(y + h/2*k2, s + h/2)
            k4 = f(y + h*k3, s + h)
            y = y + h/6*(k1 + 2*k2 + 2*k3 + k4)
        states[i + 1] = y
    return states


def first_step(y, slope, span, rtol, atol):
    scale = atol + rtol*abs(y)
    size, speed = sqrt(mean((y/scale)^2)), sqrt(mean((slope/scale)^2))
    h = 1e-6 if size < 1e-5 or speed < 1e-5 else size/speed/100
    return stop_gradient(sign(span)*min(h, abs(span)))


def dormand_prince(f, states, y, t, rtol, atol, max_steps):
    states[0] = y
    k1 = f(y, t[0])
    h = first_step(y, k1, t[len(t) - 1] - t[0], rtol, atol)
    taken = 0
    for i in range(len(t) - 1):
        s, end = t[i], t[i + 1]
        going = stop_gradient(end - s) != 0
        while going:
            left = end - s
            last = stop_gradient(abs(h)) >= stop_gradient(abs(left))
            d = left if last else h
            k2 = f(y + d*(k1/5), s + d/5)
            k3 = f(y + d*(3*k1/40 + 9*k2/40), s + 3*d/10)
            k4 = f(y + d*(44*k1/45 - 56*k2/15 + 32*k3/9), s + 4*d/5)
            k5 = f(y + d*(19372*k1/6561 - 25360*k2/2187 + 64448*k3/6561 - 212*k4/729), s + 8*d/9)
            k6 = f(y + d*(9017*k1/3168 - 355*k2/33 + 46732*k3/5247 + 49*k4/176 - 5103*k5/18656), s + d)
            moved = y + d*(35*k1/384 + 500*k3/1113 + 125*k4/192 - 2187*k5/6784 + 11*k6/84)
            k7 = f(moved, s + d)
            wrong = 71*k1/57600 - 71*k3/16695 + 71*k4/1920 - 17253*k5/339200 + 22*k6/525 - k7/40
            scale = atol + rtol*maximum(abs(y), abs(moved))
            error = stop_gradient(sqrt(mean((d*wrong/scale)^2)))
            taken += 1
            assert taken <= max_steps, "odeint takes too many steps: raise max_steps, rtol or atol, or check f"
            assert isfinite(error), "odeint meets values that are not finite"
            factor = min(5.0, max(0.2, 0.9*max(error, 1e-10)^-0.2))
            if error <= 1:
                y, k1, s = moved, k7, s + d
                going = not last
                h = h if last and factor < 1 else stop_gradient(d*factor) if not last or abs(d*factor) > abs(h) else h
            else:
                h = stop_gradient(d*factor)
        states[i + 1] = y
    return states
"""


def prelude(span: Span) -> list[statement.Define]:
    """The functions of the prelude with the place of a call for that of all their parts, so that it is told of."""
    return [_placed(part, span) for part in _parsed()]


@cache
def _parsed() -> tuple[statement.Define, ...]:
    body = parse_program(PRELUDE, Limits()).body
    return tuple(part for part in body if isinstance(part, statement.Define))


def _placed(part: Any, span: Span) -> Any:
    if isinstance(part, Span):
        return span
    if isinstance(part, tuple):
        return tuple(_placed(item, span) for item in part)
    if not is_dataclass(part) or isinstance(part, type):
        return part
    return replace(part, **{field.name: _placed(getattr(part, field.name), span) for field in fields(part)})
