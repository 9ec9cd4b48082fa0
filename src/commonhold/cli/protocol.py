"""HTTP as uvicorn speaks it, to callers who may send more before a request than any request needs."""

from __future__ import annotations

import msgspec
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

MAX_HEAD_BYTES = 65_536
"""How much of a head, or of what follows a body, is read while it does not end. The parser, which
has no limit, keeps all of it, before anybody was asked who they are."""

LINGER_S = 1.0
"""How long what still comes is thrown away, in seconds: who is cut off while sending reads nothing."""

_TOO_LARGE = msgspec.json.encode(
    {
        "type": "urn:commonhold:problem:headers_too_large",
        "title": "Headers too large",
        "status": 431,
        "code": "headers_too_large",
        "detail": f"The headers of a request may have {MAX_HEAD_BYTES} bytes. Send shorter ones.",
    }
)
_ANSWER = b"\r\n".join(
    (
        b"HTTP/1.1 431 Request Header Fields Too Large",
        b"content-type: application/problem+json",
        b"content-length: %d" % len(_TOO_LARGE),
        b"connection: close",
        b"",
        _TOO_LARGE,
    )
)


class BoundedProtocol(HttpToolsProtocol):
    """One connection. It ends with 431 (RFC 6585, 5) when what is no body goes on and on."""

    _loose = 0
    """Bytes since a body went on, or a request was whole."""
    _is_refused = False

    def data_received(self, data: bytes) -> None:
        if self._is_refused:
            return
        self._loose += len(data)
        super().data_received(data)
        if self._loose > MAX_HEAD_BYTES and not self.transport.is_closing():
            self._refuse()

    def on_body(self, body: bytes) -> None:
        self._loose = 0
        super().on_body(body)

    def on_message_complete(self) -> None:
        self._loose = 0
        super().on_message_complete()

    def _refuse(self) -> None:
        self._is_refused = True
        # Before the first request there is none, whatever its type says.
        if self.cycle is None or self.cycle.response_complete:  # type: ignore[redundant-expr]
            self.transport.write(_ANSWER)
        self.loop.call_later(LINGER_S, self.transport.close)
