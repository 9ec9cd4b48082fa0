"""What a route is, as data: how it is served, and how OpenAPI describes it."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from commonhold.auth.matrix import MATRIX, PUBLIC
from commonhold.errors import CommonholdError, FieldError
from commonhold.http.call import Answer, Call
from commonhold.http.params import Param

Loc = tuple[str | int, ...]
_IN_PATH = re.compile(r"\{(\w+)\}")
_PLACES = ("path", "query", "header", "body")

Endpoint = Callable[[Call], Awaitable[Answer]]


@dataclass(frozen=True, slots=True)
class Reply:
    """A successful answer: what it means, and which shapes its body may have.

    `binary` are media types in which the same is told as opaque bytes, where the request was such.
    """

    doc: str
    shapes: tuple[Any, ...] = ()
    media: str = "application/json"
    headers: tuple[str, ...] = ()
    binary: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Body:
    """A request body. `shapes` is what it may be; an optional one may be left out.

    `binary` are other media types it may have.
    """

    shapes: tuple[Any, ...]
    doc: str = ""
    is_required: bool = True
    binary: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class Operation:
    """One method of one path. `action` is what it is in the matrix of `auth`: who may do it.

    `errors` are the statuses of the problem documents this operation may answer with, besides
    those that any operation may. Of its request `headers`, those in `needs` must be there. A probe is
    served under any load and to anybody, and works on no stores of its own. `refuse` tells errors
    in a protocol of its own, or None where the caller speaks ours. A path may hold the id of something
    and, behind that, the id of a part of it. Who comes with a vote token is let in only where it
    `takes_votes`, and so are pages of other origins.
    """

    method: str
    path: str
    endpoint: Endpoint
    replies: Mapping[int, Reply]
    summary: str
    tag: str
    action: str = field(kw_only=True)
    errors: tuple[int, ...] = ()
    query: tuple[Param, ...] = ()
    headers: tuple[str, ...] = ()
    needs: tuple[str, ...] = ()
    body: Body | None = None
    is_probe: bool = False
    doc: str = ""
    refuse: Callable[[Call, CommonholdError], Answer | None] | None = None
    name: str = ""
    takes_votes: bool = False
    key_name: str = field(init=False, default="")
    part_name: str = field(init=False, default="")

    def __post_init__(self) -> None:
        if self.action not in MATRIX:
            raise ValueError(f"{self.method} {self.path}: there is no operation {self.action!r}")
        names = _IN_PATH.findall(self.path)
        for field_name, name in zip(("key_name", "part_name"), names, strict=False):
            object.__setattr__(self, field_name, name)

    def locate(self, error: CommonholdError) -> CommonholdError:
        """The error, each field of it said to be in the path, the query or the body."""
        error.errors = tuple(FieldError(self._place(each.loc), each.msg) for each in error.errors)
        return error

    def _place(self, loc: Loc) -> Loc:
        first = loc[0] if loc else "body"
        if first in _PLACES:
            return loc
        if first in (self.key_name, self.part_name):
            return ("path", *loc)
        is_query = self.body is None or any(first == param.name for param in self.query)
        return ("query" if is_query else "body", *loc)

    @property
    def is_limited(self) -> bool:
        """Whether a caller may be told to come again later. Nobody is told so of sessions."""
        return self.action not in PUBLIC and not self.action.startswith("sessions.")

    @property
    def id(self) -> str:
        """Its `operationId`."""
        return self.name or self.endpoint.__name__
