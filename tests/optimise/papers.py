"""The algorithms as their papers print them, in mpmath with many digits, one component."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import mpmath
from mpmath import mpf

DIGITS = 60
Gradients = Sequence[float]
Paper = Callable[..., list[float]]


def _sequence(x: float, gradients: Gradients, update: Callable[[int, mpf, mpf], mpf]) -> list[float]:
    with mpmath.workdps(DIGITS):
        theta, found = mpf(x), []
        for t, g in enumerate(gradients, 1):
            theta = update(t, theta, mpf(g))
            found.append(float(theta))
        return found


def lion(x: float, gradients: Gradients, eta: float, b1: float, b2: float, decay: float) -> list[float]:
    """Chen et al., 2023, algorithm 2."""
    m = mpf(0)

    def update(t: int, theta: mpf, g: mpf) -> mpf:
        nonlocal m
        c = mpf(b1) * m + (1 - mpf(b1)) * g
        theta = theta - mpf(eta) * (mpmath.sign(c) + mpf(decay) * theta)
        m = mpf(b2) * m + (1 - mpf(b2)) * g
        return theta

    return _sequence(x, gradients, update)


def adam(x: float, gradients: Gradients, alpha: float, b1: float, b2: float, eps: float) -> list[float]:
    """Kingma and Ba, 2015, algorithm 1."""
    m, v = mpf(0), mpf(0)

    def update(t: int, theta: mpf, g: mpf) -> mpf:
        nonlocal m, v
        m = mpf(b1) * m + (1 - mpf(b1)) * g
        v = mpf(b2) * v + (1 - mpf(b2)) * g**2
        corrected, second = m / (1 - mpf(b1) ** t), v / (1 - mpf(b2) ** t)
        return theta - mpf(alpha) * corrected / (mpmath.sqrt(second) + mpf(eps))

    return _sequence(x, gradients, update)


def adamw(x: float, gradients: Gradients, alpha: float, b1: float, b2: float, eps: float, decay: float) -> list[float]:
    """Loshchilov and Hutter, 2019, algorithm 2, with the decay times the learning rate."""
    m, v = mpf(0), mpf(0)

    def update(t: int, theta: mpf, g: mpf) -> mpf:
        nonlocal m, v
        m = mpf(b1) * m + (1 - mpf(b1)) * g
        v = mpf(b2) * v + (1 - mpf(b2)) * g**2
        corrected, second = m / (1 - mpf(b1) ** t), v / (1 - mpf(b2) ** t)
        return theta - mpf(alpha) * (corrected / (mpmath.sqrt(second) + mpf(eps)) + mpf(decay) * theta)

    return _sequence(x, gradients, update)


def amsgrad(x: float, gradients: Gradients, alpha: float, b1: float, b2: float, eps: float) -> list[float]:
    """Reddi et al., 2018, algorithm 2, with Adam's corrections of m and of the largest v."""
    m, v, largest = mpf(0), mpf(0), mpf(0)

    def update(t: int, theta: mpf, g: mpf) -> mpf:
        nonlocal m, v, largest
        m = mpf(b1) * m + (1 - mpf(b1)) * g
        v = mpf(b2) * v + (1 - mpf(b2)) * g**2
        largest = max(largest, v)
        corrected = m / (1 - mpf(b1) ** t)
        return theta - mpf(alpha) * corrected / (mpmath.sqrt(largest / (1 - mpf(b2) ** t)) + mpf(eps))

    return _sequence(x, gradients, update)


def nadam(x: float, gradients: Gradients, alpha: float, b1: float, b2: float, eps: float, psi: float) -> list[float]:
    """Dozat, 2016, with the schedule of the momentum."""
    m, v, product = mpf(0), mpf(0), mpf(1)

    def mu(t: int) -> mpf:
        return mpf(b1) * (1 - mpf("0.5") * mpf("0.96") ** (t * mpf(psi)))

    def update(t: int, theta: mpf, g: mpf) -> mpf:
        nonlocal m, v, product
        product *= mu(t)
        m = mpf(b1) * m + (1 - mpf(b1)) * g
        v = mpf(b2) * v + (1 - mpf(b2)) * g**2
        ahead = mu(t + 1) * m / (1 - product * mu(t + 1)) + (1 - mu(t)) * g / (1 - product)
        return theta - mpf(alpha) * ahead / (mpmath.sqrt(v / (1 - mpf(b2) ** t)) + mpf(eps))

    return _sequence(x, gradients, update)


def adagrad(x: float, gradients: Gradients, eta: float, eps: float) -> list[float]:
    """Duchi et al., 2011, the diagonal form, eps added to the root."""
    total = mpf(0)

    def update(t: int, theta: mpf, g: mpf) -> mpf:
        nonlocal total
        total += g**2
        return theta - mpf(eta) * g / (mpmath.sqrt(total) + mpf(eps))

    return _sequence(x, gradients, update)


def adadelta(x: float, gradients: Gradients, rho: float, eps: float) -> list[float]:
    """Zeiler, 2012, algorithm 1."""
    square, moved = mpf(0), mpf(0)

    def update(t: int, theta: mpf, g: mpf) -> mpf:
        nonlocal square, moved
        square = mpf(rho) * square + (1 - mpf(rho)) * g**2
        delta = -mpmath.sqrt(moved + mpf(eps)) / mpmath.sqrt(square + mpf(eps)) * g
        moved = mpf(rho) * moved + (1 - mpf(rho)) * delta**2
        return theta + delta

    return _sequence(x, gradients, update)


def rmsprop(x: float, gradients: Gradients, eta: float, decay: float, eps: float) -> list[float]:
    """Graves, 2013, section 4.2, centred, without its momentum, eps added to the root."""
    n, mean = mpf(0), mpf(0)

    def update(t: int, theta: mpf, g: mpf) -> mpf:
        nonlocal n, mean
        n = mpf(decay) * n + (1 - mpf(decay)) * g**2
        mean = mpf(decay) * mean + (1 - mpf(decay)) * g
        return theta - mpf(eta) * g / (mpmath.sqrt(n - mean**2) + mpf(eps))

    return _sequence(x, gradients, update)


def nesterov(x: float, gradients: Gradients, eps: float, mu: float) -> list[float]:
    """Sutskever et al., 2013, equations 3 and 4: what looks ahead, theta + mu v, are the iterates."""
    v, ahead = mpf(0), mpf(x)

    def update(t: int, _: mpf, g: mpf) -> mpf:
        nonlocal v, ahead
        theta = ahead - mpf(mu) * v
        v = mpf(mu) * v - mpf(eps) * g
        ahead = theta + v + mpf(mu) * v
        return ahead

    return _sequence(x, gradients, update)
