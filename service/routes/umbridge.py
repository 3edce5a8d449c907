"""UM-Bridge 1.0 at the root, as https://um-bridge-benchmarks.readthedocs.io has it: its addresses."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from fastapi import APIRouter, Response

from service.context import Context
from service.interop.asked import Body
from service.interop.umbridge import Computed, Endpoint, Sizes
from service.interop.vectors import Vectors
from service.lean import Lean, LeanRoute
from service.openapi import problems
from service.schemas import umbridge as wire
from service.serialise import json_bytes

VERSION = 1.0
FEATURES = ("Evaluate", "Gradient", "ApplyJacobian", "ApplyHessian")
REFUSALS: dict[int | str, dict[str, Any]] = {
    "4XX": {"model": wire.UmbridgeRefusal, "description": "What is wrong with the request, in the protocol's words."},
    503: {"model": wire.UmbridgeRefusal, "description": "The server is busy, or its database does not work."},
    **problems(500),
}


def _info(model: Vectors) -> dict[str, Any]:
    return {"support": {feature: feature == "Evaluate" or model.differentiable for feature in FEATURES}}


def _documented(body: type[Any], answer: type[Any], story: str) -> Callable[..., Any]:
    """A function whose signature and docstring are what the documentation is made from."""

    def endpoint(question: Any) -> Any:
        raise NotImplementedError("answered by an Endpoint")

    endpoint.__doc__ = story
    endpoint.__annotations__ = {"question": body, "return": answer}
    return endpoint


def routes(context: Context) -> list[LeanRoute]:
    """The addresses of the protocol that take a body."""
    listed: list[tuple[str, Endpoint, type[Any], type[Any], str]] = [
        ("ModelInfo", Sizes(context, _info), wire.UmbridgeModel, wire.UmbridgeModelInfo, "What a model can do."),
        (
            "InputSizes",
            Sizes(context, lambda model: {"inputSizes": model.input_sizes}),
            wire.UmbridgeConfigured,
            wire.UmbridgeInputSizes,
            "The sizes of the input vectors: the inputs without data in their order, flattened.",
        ),
        (
            "OutputSizes",
            Sizes(context, lambda model: {"outputSizes": model.output_sizes}),
            wire.UmbridgeConfigured,
            wire.UmbridgeOutputSizes,
            "The sizes of the output vectors: the outputs of the text, flattened.",
        ),
        (
            "Evaluate",
            Computed(context, "Evaluate", "value", Body.evaluate),
            wire.UmbridgeEvaluate,
            wire.UmbridgeOutputs,
            "The outputs at a point.",
        ),
        (
            "Gradient",
            Computed(context, "Gradient", "vjp", Body.gradient),
            wire.UmbridgeGradient,
            wire.UmbridgeOutput,
            "The sensitivity `sens` of output `outWrt`, times its Jacobian with respect to input `inWrt`.",
        ),
        (
            "ApplyJacobian",
            Computed(context, "ApplyJacobian", "jvp", Body.apply_jacobian),
            wire.UmbridgeApplyJacobian,
            wire.UmbridgeOutput,
            "The Jacobian of output `outWrt` with respect to input `inWrt`, times `vec`.",
        ),
        (
            "ApplyHessian",
            Computed(context, "ApplyHessian", "hvp", Body.apply_hessian),
            wire.UmbridgeApplyHessian,
            wire.UmbridgeOutput,
            "The derivative of what `Gradient` gives for `outWrt`, `inWrt1` and `sens`, with respect to input "
            "`inWrt2`, times `vec`.",
        ),
    ]
    return [
        LeanRoute(
            Lean(f"/{name}", endpoint),
            _documented(body, answer, story),
            operation_id=f"umbridge_{name}",
            summary=f"UM-Bridge: {name}",
            tags=["umbridge"],
            responses=REFUSALS,
        )
        for name, endpoint, body, answer, story in listed
    ]


def router(context: Context) -> APIRouter:
    """`GET /Info`."""
    router = APIRouter(tags=["umbridge"])

    @router.get(
        "/Info",
        operation_id="umbridge_Info",
        summary="UM-Bridge: Info",
        response_model=wire.UmbridgeInfo,
        responses=problems(500, 503, but=["overloaded"]),
    )
    async def info() -> Response:
        """The version of the protocol, and the models that there are."""
        models = await asyncio.get_running_loop().run_in_executor(None, context.library.catalogue.models)
        return Response(json_bytes({"protocolVersion": VERSION, "models": models}), media_type="application/json")

    return router
