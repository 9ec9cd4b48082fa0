"""The `Link` header that leads to the next page of a list."""

from __future__ import annotations

from urllib.parse import quote

from commonhold.http.call import Call, Header

_SAFE = "%=&+:,;@/?!$'()*-._~"


def next_page(call: Call, cursor: str | None, name: str = "cursor") -> tuple[Header, ...]:
    """The header for the page at `cursor`, with the filters of this request; none at the end."""
    if cursor is None:
        return ()
    replaced = (f"{name}=".encode(), b"offset=", b"last=")
    query: bytes = call.scope["query_string"]
    kept = [pair for pair in query.split(b"&") if pair and not pair.startswith(replaced)]
    kept.append(f"{name}={quote(cursor, safe='')}".encode())
    target = quote(b"&".join(kept), safe=_SAFE)
    return ((b"link", f'<{_path(call)}?{target}>; rel="next"'.encode()),)


def _path(call: Call) -> str:
    raw = call.scope.get("raw_path")
    return quote(raw.partition(b"?")[0] if raw else call.scope["path"], safe=_SAFE)
