"""Pages of other origins: which of them a browser may let read an answer, and of what."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from commonhold.http.call import Answer, Call, Header

MAX_AGE_S = 600
"""How long a browser may remember what it was allowed."""

_VARY: Header = (b"vary", b"Origin")
_SENT = b"authorization, content-type"


class Cors:
    """What pages of the configured origins may do with one path: `methods`, and no other.

    The request of any other page is answered as ever, without the headers by which its browser
    would let it read the answer. Cookies are never asked for.
    """

    def __init__(self, origins: Collection[str], methods: Sequence[str]) -> None:
        self._origins = {origin.encode() for origin in origins}
        self._methods = frozenset(methods)
        self._allowed = ", ".join(sorted(methods)).encode()

    def welcomes(self, call: Call) -> bool:
        """Whether the page that sends this may."""
        return call.head.get(b"origin") in self._origins

    def preflight(self, call: Call) -> Answer | None:
        """The answer to a browser that asks beforehand; None when it does not, or may not."""
        is_asked = call.scope["method"] == "OPTIONS" and (
            b"access-control-request-method" in call.head
        )
        if not is_asked or not self.welcomes(call):
            return None
        told: tuple[Header, ...] = (
            (b"access-control-allow-methods", self._allowed),
            (b"access-control-allow-headers", _SENT),
            (b"access-control-max-age", b"%d" % MAX_AGE_S),
        )
        return Answer(b"", 200, told)

    def mark(self, answer: Answer, call: Call) -> Answer:
        """The answer with what a browser needs to know of it."""
        answer.raw_headers.append(_VARY)
        method = call.scope["method"]
        if method in self._methods or method == "OPTIONS":
            origin = call.head.get(b"origin")
            if origin in self._origins:
                answer.raw_headers.append((b"access-control-allow-origin", origin))
        return answer
