"""One request on its way in, and one answer on its way out: raw bytes, nothing parsed twice."""

from __future__ import annotations

import random
import re
from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Any

import msgspec
from starlette.background import BackgroundTask
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from commonhold.auth.grants import Grants
from commonhold.auth.peer import PEER, together
from commonhold.contract.stores import Stores
from commonhold.errors import FieldError, InvalidRequest
from commonhold.model.turns import MAX_TOKEN
from commonhold.model.vote import VoteGrant
from commonhold.service.gate import Gate

Header = tuple[bytes, bytes]

NO_STORE: Header = (b"cache-control", b"no-store")
JSON: tuple[Header, ...] = ((b"content-type", b"application/json"), NO_STORE)
VARY: Header = (b"vary", b"Authorization")
"""Answers are for whoever asked, even where a cache keeps what it was told not to."""

REQUEST_ID = "commonhold.request_id"
"""Where a scope holds the id that an outer layer gave the request."""

_NO_ARGS: Mapping[str, Any] = {}
_REQUEST_ID = re.compile(rb"[A-Za-z0-9._-]{1,128}")
_VERSION = re.compile(rb'(?:W/)?"?([0-9]{1,18})"?')
_DIGITS = re.compile(rb"[0-9]{1,19}")
_PREFERENCE = re.compile(rb"\s*[,;]\s*")
_REPRESENTATION = b"return=representation"
APPLIED: Header = (b"preference-applied", _REPRESENTATION)

encode = msgspec.json.Encoder().encode


class Call(Request):
    """A request as our endpoints see it.

    `head` holds the headers by lower-case name, `key` the id in the path and
    `part` the one behind it, `args` the checked
    query, `content` the body, decompressed. `received` bytes of it have come in, `held` bytes are
    counted at the gate, and more may come while it `is_unread`.
    `agent` is the one in the path, and then the caller; `key_id` is that of the key it came with.
    `grants` are what the caller may do, and `recheck` raises when that has ended since.
    `speaks_otlp` is set once its JSON is known to be OTLP. `grant` is what the caller may do who
    comes with a vote token. `made` names what an endpoint made, where its path does not,
    and `done` says what it did, where its operation does not.
    """

    stores: Stores
    grants: Grants
    recheck: Callable[[], Awaitable[object]]
    key: str = ""
    part: str = ""
    made: str = ""
    done: str = ""
    agent: str | None = None
    key_id: str = ""
    args: Mapping[str, Any] = _NO_ARGS
    content: bytes = b""
    gate: Gate
    received: int = 0
    held: int = 0
    is_unread: bool = True
    speaks_otlp: bool = False
    grant: VoteGrant | None = None

    def __init__(self, scope: Scope, receive: Receive, head: dict[bytes, bytes]) -> None:
        # Not Request.__init__: it prepares for forms and streams, which no endpoint of ours uses.
        self.scope = scope
        self._receive = receive
        self.head = head
        given: bytes | None = scope.get(REQUEST_ID)
        self.request_id = given or request_id(head.get(b"x-request-id"))

    async def gone(self) -> None:
        """Return when the caller has hung up. Only after the body was read."""
        while (await self._receive())["type"] != "http.disconnect":
            pass

    @property
    def wants_representation(self) -> bool:
        """Whether the caller asked for the whole value with `Prefer: return=representation`."""
        prefer = self.head.get(b"prefer")
        if prefer is None or prefer == _REPRESENTATION:
            return prefer is not None
        return _REPRESENTATION in _PREFERENCE.split(prefer.strip().lower())

    @property
    def if_match(self) -> int | None:
        """The version in `If-Match`, or None without one.

        Raises:
            InvalidRequest: when it is anything else than one version.
        """
        given = self.head.get(b"if-match")
        if given is None:
            return None
        match = _VERSION.fullmatch(given.strip())
        if match is None:
            rule = 'expected one version in quotes, as an ETag gave it: "3"'
            raise InvalidRequest(
                f"If-Match: {rule}.", errors=[FieldError(("header", "If-Match"), rule)]
            )
        return int(match[1])


def lease_token(call: Call) -> int | None:
    """The fencing token in `Lease-Token`, if any.

    Raises:
        InvalidRequest: it is no token.
    """
    return _number(call, "Lease-Token", 0)


def last_event_id(call: Call) -> int | None:
    """The sequence in `Last-Event-ID`, if any.

    Raises:
        InvalidRequest: it is no sequence.
    """
    return _number(call, "Last-Event-ID", 0)


def _number(call: Call, name: str, least: int) -> int | None:
    given = call.head.get(name.lower().encode())
    if given is None:
        return None
    text = given.strip()
    if _DIGITS.fullmatch(text) and least <= int(text) <= MAX_TOKEN:
        return int(text)
    rule = f"expected a whole number from {least} to {MAX_TOKEN}"
    raise InvalidRequest(f"{name}: {rule}.", errors=[FieldError(("header", name), rule)])


def idempotency_key(call: Call) -> str | None:
    """The caller's `Idempotency-Key`, if any."""
    given = call.head.get(b"idempotency-key")
    return None if given is None else given.decode("latin-1")


def request_id(given: bytes | None) -> bytes:
    """The caller's request id when it is fit to be logged, else a fresh one."""
    if given is not None and _REQUEST_ID.fullmatch(given):
        return given
    # It leads to log lines and guards nothing. A secret one is a system call that gives up the
    # interpreter lock for each request, which the thread that writes to SQLite then takes.
    return b"%032x" % random.getrandbits(128)


def headers_of(scope: Scope) -> dict[bytes, bytes]:
    """The headers of a request by lower-case name, and where it comes from."""
    given = scope["headers"]
    head: dict[bytes, bytes] = dict(given)
    if len(head) < len(given):
        head = together(given)
    client = scope.get("client")
    head[PEER] = client[0].encode() if client else b""
    return head


class Answer(Response):
    """A response whose body and headers are ready to send."""

    media_type = None
    background: BackgroundTask | None = None

    def __init__(self, body: bytes, status: int = 200, fields: Iterable[Header] = JSON) -> None:
        # Not Response.__init__: it encodes and sorts out headers that are final here.
        self.body = body
        self.status_code = status
        self.raw_headers = [*fields, (b"content-length", b"%d" % len(body))]

    @property
    def size(self) -> int:
        """Bytes of the body."""
        return len(self.body)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send it; to HEAD, without the body."""
        await send(
            {
                "type": "http.response.start",
                "status": self.status_code,
                "headers": self.raw_headers,
            }
        )
        body = b"" if scope["method"] == "HEAD" else self.body
        await send({"type": "http.response.body", "body": body})


def reply(value: Any, status: int = 200, extra: Iterable[Header] = ()) -> Answer:
    """A JSON answer."""
    return Answer(encode(value), status, (*JSON, *extra))


def etag(version: int) -> Header:
    """The version of a session as its entity tag."""
    return (b"etag", b'"%d"' % version)
