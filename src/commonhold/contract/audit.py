"""The contract of the audit log."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from commonhold.model.audit import AuditEvent, AuditQuery, Kept
from commonhold.model.clock import Micros
from commonhold.model.page import Page
from commonhold.model.seal import Cut, Link, SealKey


class Audit(Protocol):
    """Where events are written.

    Over HTTP and gRPC, events of requests are written by what lets the caller in: a service that
    changes something writes one of its own only where no request stands behind it.
    """

    async def record(self, event: AuditEvent, /) -> None:
        """Keep an event: when this returns, it is committed. For what an operator changes.

        Raises:
            Unavailable: it could not be kept, and what it tells of must not be acknowledged.
        """

    def note(self, event: AuditEvent, /) -> None:
        """Keep an event soon. Never waits and never fails; what is lost is counted."""


class AuditLog(Protocol):
    """Events as they are kept.

    U1. An event that is kept is never changed, nor removed but by an `AuditPruner`; the database
        itself refuses to.
    U2. An event is linked behind those of its tenant with a lower `seq`, and none is left out,
        however late the transaction of one commits.
    U3. An event has one link, and a tenant one link of each `n`, or a cut at it or behind it.
    """

    async def add(self, events: Sequence[AuditEvent], /) -> None:
        """Keep events, all or none."""

    async def list(self, tenant: str, query: AuditQuery, /) -> Page[Kept]:
        """Events of a tenant, newest first."""

    async def seal(self, key: SealKey, limit: int, /) -> Sequence[Link] | None:
        """Link events that are not yet, of all tenants, `limit` at most; the new links, in order.

        None says that it cannot be known now which come first: try again soon.
        """

    async def tip(self) -> int:
        """The `seq` of the last event that has a link; 0 when none has."""

    async def events_from(
        self, after: int, limit: int, /, *, upto: int | None = None
    ) -> Sequence[Kept]:
        """Events of all tenants behind a `seq`, in order, up to another where one is given."""

    async def waiting(self, after: int, /, *, before: Micros | None = None) -> int:
        """How many events are behind a `seq`; of those, how many are of before a time."""

    async def cuts(self) -> Sequence[Cut]:
        """Where chains were cut, each tenant's in order."""

    async def links_from(self, after: int, limit: int, /) -> Sequence[Link]:
        """Links of events behind a `seq`, in the order of those."""


class AuditPruner(Protocol):
    """Takes away the beginnings of chains, as whoever owns the tables."""

    async def check(self) -> None:
        """Return when events may be taken away.

        Raises:
            Unavailable: the role with which the database was opened may not.
        """

    async def prune(self, cuts: Sequence[Cut], told: Sequence[AuditEvent], /) -> None:
        """Keep cuts, and an event of each, and take away what they say: all of it or nothing.

        The `count` of an event is how many events go by its cut.

        Raises:
            Unavailable: the role may not, or others are at work on the log all the time.
            Conflict: what would go is not what was counted.
        """
