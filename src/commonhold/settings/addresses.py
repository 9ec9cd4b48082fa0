"""Hosts and URLs: who can reach them, and how they are shown."""

from __future__ import annotations

import ipaddress
from urllib.parse import urlsplit


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach `host`."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host.lower() == "localhost"


def redact_url(url: str) -> str:
    """The URL fit for a log line: without its password and without credentials in its query."""
    try:
        parts = urlsplit(url)
        login = parts.username or ""
    except ValueError:
        return "(a URL that cannot be read)"
    host = parts.netloc.rpartition("@")[2]
    shown = login + (":***@" if parts.password else "@") + host if login else host
    query = "&".join(_redact_pair(pair) for pair in parts.query.split("&"))
    # Not urlunsplit: it drops the empty authority of sqlite:///file.db.
    told = url.replace(parts.netloc, shown, 1) if parts.netloc else url
    return told.replace(parts.query, query, 1) if parts.query else told


def _redact_pair(pair: str) -> str:
    name = pair.partition("=")[0]
    hidden = any(word in name.lower() for word in ("password", "token", "secret", "key"))
    return f"{name}=***" if hidden else pair


def unsafe(host: str) -> str:
    """What is said of a host at which a service that asks nobody would be for everybody."""
    return (
        f"{host} can be reached by others, and COMMONHOLD_AUTH=none lets everyone read and write"
        " everything. Set COMMONHOLD_AUTH=keys, oidc or gateway (--auth), or"
        " COMMONHOLD_HOST=127.0.0.1 (--host), or, when only trusted machines can reach it,"
        " COMMONHOLD_INSECURE=true (--insecure)."
    )
