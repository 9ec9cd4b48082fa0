"""Heads of the audit log, out of what a service wrote to its log."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import msgspec

from commonhold.errors import InvalidRequest
from commonhold.service.verifying import Head

_MARK = b'"audit_head"'


class _Line(msgspec.Struct):
    """A line of a service that says a head."""

    audit_tenant: str
    audit_n: int
    audit_head: str


_decode = msgspec.json.Decoder(_Line).decode


def heads_in(path: Path) -> list[Head]:
    """The heads in JSON lines of a service; other lines are left out.

    Raises:
        InvalidRequest: the file cannot be read, or has none.
    """
    try:
        with path.open("rb") as lines:
            found = list(_heads(lines))
    except OSError as error:
        raise InvalidRequest(f"{path} cannot be read: {error.strerror}.") from error
    if not found:
        raise InvalidRequest(
            f"{path} has no head: expected JSON lines of `commonhold serve --log-format json`."
        )
    return found


def _heads(lines: Iterator[bytes]) -> Iterator[Head]:
    for line in lines:
        if _MARK not in line:
            continue
        try:
            told = _decode(line)
            yield Head(told.audit_tenant, told.audit_n, bytes.fromhex(told.audit_head))
        except ValueError:  # a line that was cut, or is somebody else's
            continue
