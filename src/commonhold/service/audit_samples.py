"""Events of which there may be a flood: the first of each minute are kept, the others counted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from commonhold.model.audit import AuditEvent
from commonhold.model.clock import Clock

FIRST = 10
"""Events of a kind that are kept in each minute."""

KINDS = 4096
"""Kinds that are told apart in a minute; what comes then is one kind."""

_MINUTE = 60_000_000

Kind = tuple[str, ...]
"""What events have in common that are counted as one: who sends them, and what they are."""

_REST: Kind = ()


@dataclass(slots=True)
class _Seen:
    """What came of a kind in this minute: so many, and of those that were not kept the last."""

    count: int = 0
    last: AuditEvent | None = None


class Samples:
    """Lets the first events of a kind through."""

    def __init__(self, now: Clock) -> None:
        self._now = now
        self._minute = 0
        self._seen: dict[Kind, _Seen] = {}
        self._counted: list[AuditEvent] = []

    def takes(self, kind: Kind, event: AuditEvent) -> bool:
        """Whether the event is to be kept itself."""
        self._turn()
        if kind not in self._seen and len(self._seen) >= KINDS:
            kind, event = _REST, _of_anybody(event)
        seen = self._seen.setdefault(kind, _Seen())
        seen.count += 1
        if seen.count <= FIRST and kind != _REST:
            return True
        seen.last = event
        return False

    def ended(self) -> Sequence[AuditEvent]:
        """One event for each kind of a minute that is over: how many were not kept. Told once."""
        self._turn()
        told, self._counted = self._counted, []
        return told

    def all(self) -> Sequence[AuditEvent]:
        """The same, of this minute too."""
        self._minute = -1
        return self.ended()

    def _turn(self) -> None:
        minute = self._now() // _MINUTE
        if minute == self._minute:
            return
        self._minute = minute
        for kind, seen in self._seen.items():
            if seen.last is not None:
                count = seen.count if kind == _REST else seen.count - FIRST
                self._counted.append(_sum(seen.last, count))
        self._seen = {}


def _sum(last: AuditEvent, count: int) -> AuditEvent:
    return replace(last, resource_id="", request_id="", trace_id="", count=count)


def _of_anybody(event: AuditEvent) -> AuditEvent:
    return replace(event, actor="", subject="", credential_id="", peer="", operation="(several)")
