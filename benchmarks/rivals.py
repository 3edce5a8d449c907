"""Value and gradient of a problem by each library, compiled or recorded as its own documentation recommends."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import SimpleNamespace
from typing import Any

import numpy as np

from benchmarks.asking import prepared, question
from benchmarks.problems import Problem
from engine.engine import Engine

Gradient = tuple[float, list[Any]]
Call = Callable[[], Any]
ENGINE = Engine()


def adjoint(problem: Problem) -> tuple[Call, Callable[[Any], Gradient]]:
    """The engine as the service calls it: with its budget, its look for non-finite numbers, its warnings."""
    asked = question(problem.text, {**problem.wrt, **problem.data}, tuple(problem.wrt))
    return prepared(ENGINE, asked, "grad"), lambda a: (float(a.value), [a.grad[name] for name in problem.wrt])


def autograd(problem: Problem) -> tuple[Call, Callable[[Any], Gradient]]:
    """HIPS Autograd, which records anew at every call."""
    import autograd.numpy as anp
    from autograd import value_and_grad
    from autograd.scipy.special import logsumexp

    module = SimpleNamespace(
        **{name: getattr(anp, name) for name in ("sin", "cos", "exp", "log", "sqrt", "tanh", "sum")},
        logsumexp=logsumexp,
        solve=anp.linalg.solve,
        logdet=lambda A: anp.linalg.slogdet(A)[1],
    )
    data = list(problem.data.values())
    wanted = value_and_grad(lambda inputs: problem.written(module, *inputs, *data))
    inputs = tuple(np.float64(x) if np.ndim(x) == 0 else x for x in problem.wrt.values())
    return lambda: wanted(inputs), lambda a: (float(a[0]), list(a[1]))


def torch(problem: Problem) -> tuple[Call, Callable[[Any], Gradient]]:
    """PyTorch in eager mode, which records anew at every call; one thread, float64."""
    import torch

    torch.set_num_threads(1)
    module = SimpleNamespace(
        **{name: getattr(torch, name) for name in ("sin", "cos", "exp", "log", "sqrt", "tanh", "sum")},
        logsumexp=lambda x: torch.logsumexp(x, 0),
        solve=torch.linalg.solve,
        logdet=torch.logdet,
    )
    inputs = [torch.tensor(x, dtype=torch.float64, requires_grad=True) for x in problem.wrt.values()]
    data = [torch.tensor(x, dtype=torch.float64) for x in problem.data.values()]

    def call() -> Any:
        value = problem.written(module, *inputs, *data)
        return value, torch.autograd.grad(value, inputs)

    return call, lambda a: (a[0].item(), [g.numpy() for g in a[1]])


def jax(problem: Problem) -> tuple[Call, Callable[[Any], Gradient]]:
    """JAX, compiled by `jit` and warm, float64; the inputs are on the device already, the answer is waited for."""
    import jax

    jax.config.update("jax_platforms", "cpu")
    jax.config.update("jax_enable_x64", True)
    module = SimpleNamespace(
        **{name: getattr(jax.numpy, name) for name in ("sin", "cos", "exp", "log", "sqrt", "tanh", "sum")},
        logsumexp=jax.nn.logsumexp,
        solve=jax.numpy.linalg.solve,
        logdet=lambda A: jax.numpy.linalg.slogdet(A)[1],
    )
    inputs = [jax.numpy.asarray(x) for x in problem.wrt.values()]
    data = [jax.numpy.asarray(x) for x in problem.data.values()]
    compiled = jax.jit(jax.value_and_grad(lambda inputs, data: problem.written(module, *inputs, *data)))
    return lambda: jax.block_until_ready(compiled(inputs, data)), lambda a: (float(a[0]), [np.asarray(g) for g in a[1]])


LIBRARIES: Mapping[str, Callable[[Problem], tuple[Call, Callable[[Any], Gradient]]]] = {
    "Adjoint": adjoint,
    "Autograd": autograd,
    "PyTorch": torch,
    "JAX": jax,
}
