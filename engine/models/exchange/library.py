"""The package `onnx`, which is there only where it was asked for."""

from __future__ import annotations

from typing import Any

from engine.errors import Unsupported

OPSET, IR_VERSION = 17, 8
"""What is written: old enough for every runtime of the last years, and the first with LayerNormalization."""
MISSING = "pip install 'adjoint[onnx]'"


def library() -> Any:
    """The module.  Raises `Unsupported` where the package is not installed."""
    try:
        import onnx
        import onnx.checker
        import onnx.helper
        import onnx.numpy_helper
    except ImportError:
        raise Unsupported(
            "This server was installed without the package that files of ONNX need.", hint=f"install it: {MISSING}"
        ) from None
    return onnx
