"""Where a service is, taken apart once so that no credential is left in what people get to see."""

from __future__ import annotations

from base64 import b64encode
from dataclasses import dataclass, field
from urllib.parse import SplitResult, unquote, urlsplit

from commonhold.errors import InvalidRequest


@dataclass(frozen=True, slots=True)
class Address:
    """A service: `base` is its URL without credentials or a slash at the end.

    `shown` is the URL for messages and logs, `authorization` the header that goes with each call.
    """

    base: str
    shown: str
    authorization: str | None = field(default=None, repr=False)


def parse(url: str, token: str | None = None) -> Address:
    """Read the URL of a service; a `token` wins over a user and password in the URL.

    Raises:
        InvalidRequest: when it is not such a URL. The message never repeats the URL.
    """
    parts = _split(url)
    host = parts.netloc.rpartition("@")[2]
    path = parts.path.rstrip("/")
    shown = "***@" if "@" in parts.netloc else ""
    return Address(
        f"{parts.scheme}://{host}{path}",
        f"{parts.scheme}://{shown}{host}{path}",
        _authorization(parts, token),
    )


def _split(url: str) -> SplitResult:
    try:
        parts = urlsplit(url)
        named = parts.hostname and parts.port != 0
    except ValueError as error:
        raise InvalidRequest(f"The URL of the service cannot be read: {error}.") from None
    if parts.scheme not in ("http", "https") or not named:
        raise InvalidRequest("The URL of a service looks like https://host:port/path.")
    if parts.query or parts.fragment:
        raise InvalidRequest("The URL of a service has no ? or # part: give a token as token=.")
    return parts


def _authorization(parts: SplitResult, token: str | None) -> str | None:
    if token is not None and token.strip():
        return bearer(token.strip())
    if parts.username is None:
        return None
    pair = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
    return f"Basic {b64encode(pair.encode()).decode()}"


def bearer(token: str) -> str:
    """The header that carries a token.

    Raises:
        InvalidRequest: no header can.
    """
    if token and token.isascii() and token.isprintable() and " " not in token:
        return f"Bearer {token}"
    raise InvalidRequest("The token has characters that no HTTP header can carry.")
