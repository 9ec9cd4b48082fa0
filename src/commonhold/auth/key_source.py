"""Where the keys of an issuer are: at a URL, in a file, or where its discovery document says."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from urllib.parse import urlsplit

from commonhold.auth.issuers import Issuer, is_safe_url
from commonhold.auth.jwks import Source
from commonhold.auth.signatures import Key, read_keys
from commonhold.auth.token_form import read_object

Fetch = Callable[[str], Awaitable[bytes]]
"""The document at a URL; raises a `CommonholdError` when there is none."""


def source_of(issuer: Issuer, fetch: Fetch) -> Source:
    """What fetches the keys of an issuer."""

    async def source() -> Mapping[str, Key]:
        if issuer.jwks_file:
            body = await asyncio.to_thread(Path(issuer.jwks_file).read_bytes)
        else:
            body = await fetch(issuer.jwks_url or await _discovered(issuer, fetch))
        return read_keys(body, issuer.kind)

    return source


async def _discovered(issuer: Issuer, fetch: Fetch) -> str:
    """The address that an issuer gives; it must be on its own host.

    Raises:
        ValueError: it gives none that may be used.
    """
    told = read_object(await fetch(issuer.discovery_url))
    url = told.get("jwks_uri")
    if told.get("issuer") != issuer.issuer:
        raise ValueError(f"{issuer.discovery_url} is that of another issuer.")
    is_near = isinstance(url, str) and urlsplit(url).netloc == urlsplit(issuer.issuer).netloc
    if not isinstance(url, str) or not is_near or not is_safe_url(url):
        raise ValueError(
            f"its discovery document leads to {url!r}, which is not https on the same host;"
            " set `jwks_url` to have keys from there."
        )
    return url
