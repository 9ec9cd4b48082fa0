"""Old events are taken away without losing the proof of those that stay."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from commonhold.contract.audit import AuditLog, AuditPruner
from commonhold.errors import Conflict, InvalidRequest
from commonhold.model import clock
from commonhold.model.audit import AuditEvent, Kept
from commonhold.model.clock import Micros
from commonhold.model.months import month_name, month_start
from commonhold.model.seal import Cut, Link, SealKey
from commonhold.service.verifying import Broken, Watcher, verify

LEAST_DAYS = 30
"""Events of so many days are never pruned."""

_DAY = 86_400_000_000


def prune_before(at: Micros, now: Micros) -> Micros:
    """The beginning of a month: what is of before it goes, when `at` is asked for.

    Raises:
        InvalidRequest: that is in the future, or not long ago.
    """
    if at > now:
        raise InvalidRequest("That time is in the future. Name one that is past.")
    if at > now - LEAST_DAYS * _DAY:
        raise InvalidRequest(
            f"Events of the last {LEAST_DAYS} days stay. Name a time before, such as 400d."
        )
    return month_start(at)


@dataclass(slots=True)
class Going:
    """What would go of events of before a time: up to the link of `last`, of each tenant.

    Chains stay whole, so an event that was added behind a newer one stays with that: `staying` of
    them. `events` counts what goes by tenant, and `months` by month. Of a log that is `broken`
    nothing goes.
    """

    before: Micros
    last: dict[str, Link] = field(default_factory=dict)
    events: Counter[str] = field(default_factory=Counter)
    months: Counter[str] = field(default_factory=Counter)
    staying: int = 0
    broken: Broken | None = None


class _Sorter(Watcher):
    """Sorts the events of each tenant into those that go and those that stay."""

    def __init__(self, before: Micros, progress: Watcher) -> None:
        self.going = Going(before)
        self._stays: set[str] = set()
        self._progress = progress

    def reached(self, seq: int, tip: int) -> None:
        self._progress.reached(seq, tip)

    def saw(self, kept: Kept, link: Link) -> None:
        going, is_old = self.going, kept.event.at < self.going.before
        if not is_old:
            self._stays.add(link.tenant)
        elif link.tenant in self._stays:
            going.staying += 1
        else:
            going.last[link.tenant] = link
            going.events[link.tenant] += 1
            going.months[month_name(kept.event.at)] += 1


async def survey(
    log: AuditLog, keys: Sequence[SealKey], before: Micros, progress: Watcher | None = None
) -> Going:
    """Look at the whole log, and say what of it would go.

    Raises:
        Conflict: some of that has no seal yet.
    """
    if waiting := await log.waiting(await log.tip(), before=before):
        raise Conflict(
            f"Of the events of that time {waiting} wait for their seal, and would go unproven."
            " A service with the key of the seals makes it within a minute."
        )
    sorter = _Sorter(before, progress or Watcher())
    found = await verify(log, keys, watcher=sorter)
    sorter.going.broken = found.broken
    return sorter.going


async def prune(pruner: AuditPruner, key: SealKey, going: Going, actor: str) -> Sequence[Cut]:
    """Take away what goes, and keep a cut and an event of it for each tenant.

    Raises:
        Unavailable: the role may not, or others are at work on the log all the time.
        Conflict: the log is not what was looked at.
    """
    now = clock.now()
    cuts = [_cut(link, going.before, now).sealed(key) for link in going.last.values()]
    if cuts:
        await pruner.prune(cuts, [_told(cut, going.events, actor) for cut in cuts])
    return cuts


def _cut(link: Link, before: Micros, now: Micros) -> Cut:
    return Cut(link.tenant, link.n, link.seq, link.mac, before, now)


def _told(cut: Cut, events: Mapping[str, int], actor: str) -> AuditEvent:
    return AuditEvent(
        at=cut.cut_at,
        operation="audit.prune",
        decision="allowed",
        tenant=cut.tenant,
        actor=actor,
        resource_type="audit",
        resource_id=clock.to_rfc3339(cut.pruned_before)[:10],
        count=events[cut.tenant],
    )
