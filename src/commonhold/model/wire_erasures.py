"""The receipt of an erasure as it looks on the wire, and back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from commonhold.model.clock import from_rfc3339, to_rfc3339
from commonhold.model.erasure import COUNTED, Counts, Erasure
from commonhold.model.wire import Wire, time_in, time_out


def erasure_out(erasure: Erasure) -> Wire:
    """A receipt."""
    return {
        "erasure_id": erasure.erasure_id,
        "user": erasure.user,
        "status": erasure.status,
        **asdict(erasure.counts),
        "asked_by": erasure.asked_by,
        "started_at": to_rfc3339(erasure.started_at),
        "finished_at": time_out(erasure.finished_at),
    }


def erasure_in(body: Mapping[str, Any]) -> Erasure:
    """A receipt out of a body."""
    return Erasure(
        user=body["user"],
        asked_by=body["asked_by"],
        counts=Counts(**{name: body[name] for name in COUNTED}),
        started_at=from_rfc3339(body["started_at"]),
        erasure_id=body["erasure_id"],
        finished_at=time_in(body["finished_at"]),
    )
