"""A policy on the wire."""

from __future__ import annotations

from typing import Any

from commonhold.model.clock import to_rfc3339
from commonhold.model.redaction import Policy, StoredChange


def policy_out(policy: Policy, stored: StoredChange | None) -> dict[str, Any]:
    """What holds for a tenant, and what of it is its own."""
    told: dict[str, Any] = {"capture": policy.capture, "redact": list(policy.groups)}
    if stored is None:
        return {**told, "own": None, "updated_at": None, "updated_by": None}
    change = stored.change
    groups = None if change.groups is None else list(change.groups)
    return {
        **told,
        "own": {"capture": change.capture, "redact": groups},
        "updated_at": to_rfc3339(stored.updated_at),
        "updated_by": stored.updated_by,
    }
