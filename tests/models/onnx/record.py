"""Write small files of ONNX with PyTorch's own exporter, and what PyTorch makes of one input.

`python tests/models/onnx/record.py` where torch and onnx are installed.
"""

from __future__ import annotations

import io
import json
import warnings
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent


def modules() -> dict[str, tuple[Any, tuple[int, ...], int]]:
    """Modules by name, with the shape of one example, and below which numbers its integers are, 0 for real ones."""
    import torch
    from torch import nn

    Module: Any = nn.Module

    class Last(Module):  # type: ignore[misc]
        """The last step of a recurrent module."""

        def __init__(self, inner: Any) -> None:
            super().__init__()
            self.inner, self.head = inner, nn.Linear(inner.hidden_size, 2)

        def forward(self, x: Any) -> Any:
            return self.head(self.inner(x)[0][:, -1])

    class Residual(Module):  # type: ignore[misc]
        """Sums, products and parts."""

        def __init__(self) -> None:
            super().__init__()
            self.first, self.norm, self.second = nn.Linear(4, 4), nn.LayerNorm(4), nn.Linear(8, 2)

        def forward(self, x: Any) -> Any:
            h = x + self.norm(nn.functional.silu(self.first(x)))
            return self.second(torch.cat([h, h[:, 1:3] * 0.5, x[:, :2]], dim=1)).log_softmax(-1)

    class Viewed(Module):  # type: ignore[misc]
        """A view by the number of examples, and words."""

        def __init__(self) -> None:
            super().__init__()
            self.table, self.head = nn.Embedding(5, 3), nn.Linear(12, 2)

        def forward(self, x: Any) -> Any:
            h = self.table(x)
            return self.head(h.view(h.size(0), -1))

    class Attended(Module):  # type: ignore[misc]
        """Attention of two heads that see what was before, written out."""

        def __init__(self) -> None:
            super().__init__()
            self.three, self.out, self.norm = nn.Linear(4, 12), nn.Linear(4, 4), nn.LayerNorm(4)

        def forward(self, x: Any) -> Any:
            query, key, value = (part.view(-1, 3, 2, 2).transpose(1, 2) for part in self.three(x).chunk(3, dim=-1))
            scores = query @ key.transpose(-2, -1) / 2**0.5
            unseen = torch.triu(torch.ones(3, 3, dtype=torch.bool), diagonal=1)
            shares = torch.softmax(scores.masked_fill(unseen, -torch.inf), dim=-1)
            taken = (shares @ value).transpose(1, 2).reshape(-1, 3, 4)
            return self.norm(x + self.out(taken)).mean(dim=1)

    images = nn.Sequential(
        nn.Conv2d(2, 4, 3, padding=1),
        nn.BatchNorm2d(4),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(4, 4, 3, stride=2, padding=1, groups=2),
        nn.LeakyReLU(0.2),
        nn.Flatten(),
        nn.Linear(16, 3),
        nn.Softmax(dim=-1),
    )
    pooled = nn.Sequential(nn.Conv2d(2, 3, 2), nn.ELU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(3, 1))
    row = nn.Sequential(nn.Conv1d(2, 3, 3), nn.AvgPool1d(2), nn.Tanh(), nn.Flatten(), nn.Linear(6, 2), nn.Sigmoid())
    plain = nn.Sequential(nn.Linear(3, 5), nn.GELU(), nn.Dropout(0.3), nn.Linear(5, 1))
    return {
        "plain": (plain, (3,), 0),
        "images": (images, (2, 8, 8), 0),
        "pooled": (pooled, (2, 5, 5), 0),
        "row": (row, (2, 6), 0),
        "residual": (Residual(), (4,), 0),
        "words": (Viewed(), (4,), 5),
        "lstm": (Last(nn.LSTM(3, 4, batch_first=True)), (5, 3), 0),
        "gru": (Last(nn.GRU(3, 4, batch_first=True)), (5, 3), 0),
        "rnn": (Last(nn.RNN(3, 4, nonlinearity="relu", batch_first=True)), (5, 3), 0),
        "attended": (Attended(), (3, 4), 0),
    }


def main() -> None:
    """Write all of them."""
    import torch

    torch.manual_seed(1)
    told = {}
    for name, (module, shape, high) in modules().items():
        for _ in range(3 if name == "images" else 0):
            module.train()(torch.randn(5, *shape))
        module.eval()
        x = torch.randint(high, (3, *shape)) if high else torch.randn(3, *shape)
        file = io.BytesIO()
        with warnings.catch_warnings(), torch.no_grad():
            warnings.simplefilter("ignore")
            axes = {"x": {0: "n"}, "out": {0: "n"}}
            names = {"input_names": ["x"], "output_names": ["out"], "dynamic_axes": axes}
            torch.onnx.export(module, (x,), file, opset_version=17, dynamo=False, **names)
            y = module(x)
        (HERE / f"{name}.onnx").write_bytes(file.getvalue())
        told[name] = {"x": x.tolist(), "prediction": y.tolist()}
    (HERE / "torch.json").write_text(json.dumps({"torch": torch.__version__, "cases": told}) + "\n", "utf-8")


if __name__ == "__main__":
    main()
