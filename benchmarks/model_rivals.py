"""What is trained in `models`, and how each library trains it as its users would write it."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from engine.engine import Engine
from engine.limits import Budget, Limits
from engine.models.data import examples
from engine.models.model import Model
from engine.models.read import read_model
from engine.models.training import Training
from engine.question import Array

Losses = list[float]
Epoch = Callable[[], Losses]
"""One more epoch: the losses of its batches."""
BATCH = 32
RATE = 1e-3
SECONDS = 600.0


@dataclass(frozen=True, slots=True)
class Study:
    """A model with its data; `kind` says which one the rivals have to write."""

    title: str
    kind: str
    definition: Mapping[str, Any]
    x: Array
    y: Array

    @property
    def steps(self) -> int:
        """The batches of an epoch."""
        return -(-len(self.x) // BATCH)

    def model(self) -> Model:
        """The model."""
        return read_model(dict(self.definition), Limits())


def studies() -> list[Study]:
    """The four of them, with the same data every time: of the shapes of the digits of scikit-learn, and of a text."""
    draw = np.random.default_rng(5)
    images, labels = draw.uniform(0, 1, (1797, 64)), draw.integers(0, 10, 1797)
    table, target = draw.normal(size=(442, 10)), draw.normal(size=(442, 1))
    text = draw.integers(0, 40, (640, 33))
    return [
        Study(
            "digits, dense 64-64-10",
            "dense",
            {
                "input": {"shape": [64]},
                "layers": [{"type": "dense", "units": 64, "activation": "relu"}, {"type": "dense", "units": 10}],
                "loss": "cross_entropy",
            },
            images,
            labels,
        ),
        Study(
            "digits, two convolutions",
            "convolution",
            {
                "input": {"shape": [8, 8, 1]},
                "layers": [
                    {"type": "conv2d", "filters": 16, "size": 3, "padding": "same", "activation": "relu"},
                    {"type": "max_pool2d", "size": 2},
                    {"type": "conv2d", "filters": 32, "size": 3, "padding": "same", "activation": "relu"},
                    {"type": "flatten"},
                    {"type": "dense", "units": 10},
                ],
                "loss": "cross_entropy",
            },
            images.reshape(-1, 8, 8, 1),
            labels,
        ),
        Study(
            "regression, dense 10-32-1",
            "regression",
            {
                "input": {"shape": [10]},
                "layers": [{"type": "dense", "units": 32, "activation": "tanh"}, {"type": "dense", "units": 1}],
                "loss": "mse",
            },
            table,
            target,
        ),
        Study(
            "characters, GRU of 64 over 32 steps",
            "recurrent",
            {
                "input": {"shape": [32]},
                "layers": [
                    {"type": "embedding", "size": 40, "units": 16},
                    {"type": "gru", "units": 64, "sequences": True},
                    {"type": "dense", "units": 40},
                ],
                "loss": "cross_entropy",
            },
            text[:, :-1],
            text[:, 1:],
        ),
    ]


def adjoint(study: Study) -> Epoch:
    """The engine's trainer."""
    options = {"epochs": 1_000_000, "batch_size": BATCH, "shuffle": False, "method": {"name": "adam", "lr": RATE}}
    model = study.model()
    training = Training(model, options, examples(model, {"x": study.x, "y": study.y}))
    trainer = training.run(Engine(Limits()), Budget.starting_now(SECONDS))
    steps = trainer.steps()

    def epoch() -> Losses:
        return [next(steps)[0].value for _ in range(study.steps)]

    return epoch


def torch(study: Study) -> Epoch:
    """PyTorch's modules and its Adam."""
    t = importlib.import_module("torch")
    t.set_num_threads(1)
    t.set_default_dtype(t.float64)
    module, images = _torch_module(t, study), study.kind == "convolution"
    optimiser = t.optim.Adam(module.parameters(), lr=RATE)
    x, y = t.tensor(study.x), t.tensor(study.y)
    x = x.permute(0, 3, 1, 2).contiguous() if images else x
    loss_of = t.nn.functional.mse_loss if study.kind == "regression" else t.nn.functional.cross_entropy

    def epoch() -> Losses:
        losses = []
        for begin in range(0, len(x), BATCH):
            optimiser.zero_grad()
            found = module(x[begin : begin + BATCH])
            own = y[begin : begin + BATCH]
            loss = loss_of(found.flatten(0, 1), own.flatten()) if study.kind == "recurrent" else loss_of(found, own)
            loss.backward()
            optimiser.step()
            losses.append(loss.item())
        return losses

    return epoch


def _torch_module(t: Any, study: Study) -> Any:
    """The modules with our initial parameters in them."""
    p = {name: t.tensor(array) for name, array in study.model().initial().items()}
    n = t.nn

    def linear(name: str, flat: tuple[int, ...] | None = None) -> Any:
        kernel = p[f"{name}_kernel"]
        if flat is not None:
            # Ours has the channels last, and so have the inputs of the layer after them.
            kernel = kernel.reshape(*flat, -1).permute(2, 0, 1, 3).reshape(kernel.shape)
        made = n.Linear(*kernel.shape)
        made.weight.data, made.bias.data = kernel.T.clone(), p[f"{name}_bias"].clone()
        return made

    def convolution(name: str) -> Any:
        kernel = p[f"{name}_kernel"].permute(3, 2, 0, 1).contiguous()
        made = n.Conv2d(kernel.shape[1], kernel.shape[0], 3, padding=1)
        made.weight.data, made.bias.data = kernel, p[f"{name}_bias"].clone()
        return made

    if study.kind == "dense":
        return n.Sequential(linear("dense_1"), n.ReLU(), linear("dense_2"))
    if study.kind == "regression":
        return n.Sequential(linear("dense_1"), n.Tanh(), linear("dense_2"))
    if study.kind == "convolution":
        first, second = convolution("conv2d_1"), convolution("conv2d_2")
        last = linear("dense_1", flat=(4, 4, 32))
        return n.Sequential(first, n.ReLU(), n.MaxPool2d(2), second, n.ReLU(), n.Flatten(), last)
    embedding = n.Embedding.from_pretrained(p["embedding_1_table"].clone(), freeze=False)
    gru = n.GRU(16, 64, batch_first=True)
    gru.weight_ih_l0.data, gru.weight_hh_l0.data = _gates(t, p["gru_1_kernel"]), _gates(t, p["gru_1_recurrent_kernel"])
    gru.bias_ih_l0.data, gru.bias_hh_l0.data = _gates(t, p["gru_1_bias"]), _gates(t, p["gru_1_recurrent_bias"])
    dense = linear("dense_1")

    class Characters(n.Module):  # type: ignore[misc, name-defined]
        def __init__(self) -> None:
            super().__init__()
            self.parts = n.ModuleList([embedding, gru, dense])

        def forward(self, x: Any) -> Any:
            return dense(gru(embedding(x))[0])

    return Characters()


def _gates(t: Any, ours: Any) -> Any:
    """From update, reset, new to reset, update, new; and the outputs first."""
    update, reset, new = t.chunk(ours, 3, dim=-1)
    return t.cat([reset, update, new], dim=-1).mT.contiguous() if ours.ndim > 1 else t.cat([reset, update, new])


def jax(study: Study) -> Epoch:
    """One jitted step of Adam, written out."""
    j, nn, lax = importlib.import_module("jax"), importlib.import_module("jax.nn"), importlib.import_module("jax.lax")
    j.config.update("jax_enable_x64", True)
    np_ = j.numpy

    def convolved(x: Any, kernel: Any) -> Any:
        return lax.conv_general_dilated(x, kernel, (1, 1), "SAME", dimension_numbers=("NHWC", "HWIO", "NHWC"))

    def gru(p: Any, x: Any) -> Any:
        first = np_.swapaxes(x @ p["gru_1_kernel"] + p["gru_1_bias"], 0, 1)

        def step(h: Any, a: Any) -> Any:
            b = h @ p["gru_1_recurrent_kernel"] + p["gru_1_recurrent_bias"]
            (az, ar, an), (bz, br, bn) = np_.split(a, 3, -1), np_.split(b, 3, -1)
            z, r = nn.sigmoid(az + bz), nn.sigmoid(ar + br)
            h = z * h + (1 - z) * np_.tanh(an + r * bn)
            return h, h

        return np_.swapaxes(lax.scan(step, np_.zeros((x.shape[0], 64)), first)[1], 0, 1)

    def dense(p: Any, name: str, x: Any) -> Any:
        return x @ p[f"{name}_kernel"] + p[f"{name}_bias"]

    def predicted(p: Any, x: Any) -> Any:
        if study.kind == "dense":
            return dense(p, "dense_2", nn.relu(dense(p, "dense_1", x)))
        if study.kind == "regression":
            return dense(p, "dense_2", np_.tanh(dense(p, "dense_1", x)))
        if study.kind == "recurrent":
            return dense(p, "dense_1", gru(p, p["embedding_1_table"][x]))
        x = nn.relu(convolved(x, p["conv2d_1_kernel"]) + p["conv2d_1_bias"])
        x = lax.reduce_window(x, -np_.inf, lax.max, (1, 2, 2, 1), (1, 2, 2, 1), "VALID")
        x = nn.relu(convolved(x, p["conv2d_2_kernel"]) + p["conv2d_2_bias"])
        return dense(p, "dense_1", x.reshape(x.shape[0], -1))

    def loss_of(p: Any, x: Any, y: Any) -> Any:
        found = predicted(p, x)
        if study.kind == "regression":
            return np_.mean((found - y) ** 2)
        return -np_.mean(np_.take_along_axis(nn.log_softmax(found), y[..., None], -1))

    @j.jit  # type: ignore[untyped-decorator]
    def step(p: Any, m: Any, v: Any, t: Any, x: Any, y: Any) -> Any:
        loss, g = j.value_and_grad(loss_of)(p, x, y)
        m = j.tree.map(lambda a, b: 0.9 * a + 0.1 * b, m, g)
        v = j.tree.map(lambda a, b: 0.999 * a + 0.001 * b * b, v, g)
        c, d = 1 - 0.9**t, 1 - 0.999**t
        p = j.tree.map(lambda q, a, b: q - RATE * (a / c) / (np_.sqrt(b / d) + 1e-8), p, m, v)
        return p, m, v, loss

    parameters = {name: np_.asarray(array) for name, array in study.model().initial().items()}
    zeros = j.tree.map(np_.zeros_like, parameters)
    state = [parameters, zeros, zeros, 0]
    x, y = np_.asarray(study.x), np_.asarray(study.y)

    def epoch() -> Losses:
        losses = []
        for begin in range(0, len(study.x), BATCH):
            state[3] += 1
            *state[:3], loss = step(*state[:3], float(state[3]), x[begin : begin + BATCH], y[begin : begin + BATCH])
            losses.append(float(loss))
        return losses

    return epoch


LIBRARIES: Mapping[str, tuple[str, Callable[[Study], Epoch]]] = {
    "Adjoint": ("engine", adjoint),
    "PyTorch": ("torch", torch),
    "JAX": ("jax", jax),
}
