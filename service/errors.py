"""What the service refuses, beside what the engine does.

As in the engine, a class is a page of the documentation: its docstring says what happened, `example` provokes it and
`repair` is what works instead.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import ClassVar

from engine.errors import Fault, Limit


@dataclass
class ServiceError(Exception):
    """A request that the service refuses.  `headers` go with the answer; `span` and `excerpt` point into its body."""

    name: ClassVar[str] = "internal"
    title: ClassVar[str] = "Something went wrong"
    status: ClassVar[int] = 500
    example: ClassVar[str] = ""
    repair: ClassVar[str] = ""

    detail: str
    hint: str | None = None
    faults: Sequence[Fault] = ()
    limit: Limit | None = None
    span: Mapping[str, int] | None = None
    excerpt: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict)

    def __str__(self) -> str:
        lines = [f"{self.name}: {self.detail}"]
        if self.excerpt:
            lines += ["    " + line for line in self.excerpt.split("\n")]
        if self.hint:
            lines.append(f"hint: {self.hint}")
        return "\n".join(lines)


class InvalidJson(ServiceError):
    """The body of the request is not JSON. `span` is the place in the body where reading it failed."""

    name = "invalid-json"
    title = "The body is not JSON"
    status = 400
    example = "{'expr': 'x^2', 'at': {'x': 3}}"
    repair = '{"expr": "x^2", "at": {"x": 3}}'


class NotFound(ServiceError):
    """There is nothing at this address, or no stored function or dataset of this id or name."""

    name = "not-found"
    title = "There is nothing here"
    status = 404
    example = "POST /gradient"
    repair = "POST /grad"


class MethodNotAllowed(ServiceError):
    """The address exists and does not take this method; the header `Allow` names those that it takes."""

    name = "method-not-allowed"
    title = "The method is not allowed here"
    status = 405
    example = "GET /grad"
    repair = "POST /grad"


class Conflict(ServiceError):
    """The request contradicts what is stored, such as a name that another function has; `hint` says what is free."""

    name = "conflict"
    title = "This is taken"
    status = 409
    example = 'POST /functions {"expr": "x^3", "name": "square"} when another function is called square'
    repair = 'POST /functions {"expr": "x^3", "name": "cube"}'


class Gone(ServiceError):
    """What was stored here has been deleted. The same content can be stored again and then has the same id."""

    name = "gone"
    title = "This was deleted"
    status = 410
    example = "GET /functions/{id} after DELETE /functions/{id}"
    repair = "POST /functions with the same content"


class TooLarge(ServiceError):
    """The request is larger than the server accepts; `limit` says how large it may be. Packed arrays take less room."""

    name = "too-large"
    title = "The request is too large"
    status = 413
    example = "a body of 17 MiB where 16 are allowed"
    repair = '{"dtype": "float32", "shape": [1000, 1000], "base64": "…"} instead of nested lists'


class UnsupportedMediaType(ServiceError):
    """The body is declared to be something other than JSON. `curl -d` does so unless told otherwise.

    A dataset may be CSV, NPY or NPZ too, and has to be declared as what it is.
    """

    name = "unsupported-media-type"
    title = "The body has to be JSON"
    status = 415
    example = 'curl localhost:8000/grad -d \'{"expr": "x^2", "at": {"x": 3}}\''
    repair = 'curl localhost:8000/grad -H \'content-type: application/json\' -d \'{"expr": "x^2", "at": {"x": 3}}\''


class UnsupportedDataset(UnsupportedMediaType):
    """The body of `POST /datasets` is of a kind that is not taken."""

    title = "A dataset is CSV, NPY, NPZ or JSON"


class RateLimited(ServiceError):
    """This client has sent too many requests; `Retry-After` says in how many seconds the next one is welcome."""

    name = "rate-limited"
    title = "Too many requests"
    status = 429


class Overloaded(ServiceError):
    """More heavy questions wait than the server takes on; `Retry-After` says in how many seconds to try again.

    Light questions are still answered meanwhile.
    """

    name = "overloaded"
    title = "The server is busy"
    status = 503


class Unavailable(ServiceError):
    """The database of the server, or its data folder, cannot be used; what needs neither is answered all the same.

    The log of the server has the reason; `Retry-After` says in how many seconds to try again.
    """

    name = "unavailable"
    title = "The store of the server does not work"
    status = 503


class Internal(ServiceError):
    """A defect of Adjoint. The log of the server has the whole story under the request id in the answer."""

    name = "internal"
    title = "Something went wrong inside Adjoint"
    status = 500


SERVICE_ERRORS: tuple[type[ServiceError], ...] = (
    InvalidJson,
    NotFound,
    MethodNotAllowed,
    Conflict,
    Gone,
    TooLarge,
    UnsupportedMediaType,
    RateLimited,
    Overloaded,
    Unavailable,
    Internal,
)
