"""Headers of a write: under what condition it is to be done, and that it is to be done once. Pure."""

from __future__ import annotations

from commonhold.model import ids
from commonhold.model.once import Operation, check_key
from commonhold.model.turns import check_token

_NEVER = 10**18 - 1


def once(key: str | None, operation: Operation) -> dict[str, str]:
    """The key of a request: the caller's own, or one for this call and its attempts."""
    check_key(key)
    return {"Idempotency-Key": ids.new_id(operation) if key is None else key}


def conditions(if_match: int | None, lease: int | None) -> dict[str, str]:
    """Headers that say under what condition a write is to be done."""
    headers = {} if if_match is None else {"If-Match": f'"{_version(if_match)}"'}
    return headers if lease is None else {**headers, "Lease-Token": str(check_token(lease))}


def _version(version: int) -> int:
    """What could not be a version is one that no session has reached."""
    return version if 0 <= version < _NEVER else _NEVER
