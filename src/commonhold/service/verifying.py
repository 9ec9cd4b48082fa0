"""Whether the audit log is what was sealed."""

from __future__ import annotations

import hmac
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from commonhold.contract.audit import AuditLog
from commonhold.model.audit import Kept
from commonhold.model.clock import Micros
from commonhold.model.seal import START, Cut, Link, SealKey, digest

PAGE = 500
FIRST = -(2**63)
"""A place before every event, also before one that was put in where none is given out."""


@dataclass(frozen=True, slots=True)
class Head:
    """What the service told of a tenant when it sealed its `n`th event."""

    tenant: str
    n: int
    mac: bytes


@dataclass(frozen=True, slots=True)
class Broken:
    """The first event that is not as it was sealed: its `seq`, and what is wrong with it."""

    tenant: str
    seq: int
    why: str


@dataclass(slots=True)
class Verified:
    """What was found: events that are as they were sealed, and the last link of each tenant.

    The oldest of them is of `since`, and as many more as are `waiting` have no seal yet.
    """

    events: int = 0
    since: Micros | None = None
    waiting: int = 0
    heads: dict[str, Link] = field(default_factory=dict)
    broken: Broken | None = None


class Watcher:
    """Hears how far a look at the log is, and of each event that is as it was sealed."""

    def reached(self, seq: int, tip: int) -> None:
        """Everything up to `seq` was looked at, of what goes up to `tip`."""

    def saw(self, kept: Kept, link: Link) -> None:
        """The next event in order, with its link."""


async def verify(
    log: AuditLog,
    keys: Iterable[SealKey],
    heads: Iterable[Head] = (),
    watcher: Watcher | None = None,
) -> Verified:
    """Look at every sealed event, up to the first that is broken."""
    watcher = watcher or Watcher()
    chain = _Chain({key.key_id: key for key in keys}, heads)
    tip = await log.tip()
    chain.found.waiting = await log.waiting(tip)
    chain.begin(await log.cuts())
    async for kept, link in _pairs(_events(log, tip), _links(log, tip)):
        if not chain.is_whole(kept, link):
            break
        if kept and link:
            watcher.saw(kept, link)
        if chain.found.events % PAGE == 0:
            watcher.reached(link.seq if link else 0, tip)
    chain.end()
    return chain.found


class _Chain:
    """Events and links in order, and whether they belong together."""

    def __init__(self, keys: Mapping[str, SealKey], heads: Iterable[Head]) -> None:
        self.found = Verified()
        self._keys = keys
        self._told = {(head.tenant, head.n): head.mac for head in heads}

    def begin(self, cuts: Sequence[Cut]) -> None:
        """Chains go on from where they were cut last; what was told of before is pruned."""
        for cut in cuts:
            if (why := self._forged(cut)) is not None:
                self.found.broken = Broken(cut.tenant, cut.seq, why)
                return
            self.found.heads[cut.tenant] = cut.link()
        last = self.found.heads
        self._told = {
            (tenant, n): mac
            for (tenant, n), mac in self._told.items()
            if tenant not in last or n > last[tenant].n
        }

    def is_whole(self, kept: Kept | None, link: Link | None) -> bool:
        """Whether the next event and its link are as they were; one of them may be missing."""
        if self.found.broken is not None:
            return False
        tenant = link.tenant if link else kept.event.tenant if kept else ""
        seq = link.seq if link else kept.seq if kept else 0
        why = self._wrong(kept, link)
        if why is not None:
            self.found.broken = Broken(tenant, seq, why)
        elif link is not None and kept is not None:
            self.found.heads[tenant] = link
            self.found.events += 1
            self.found.since = min(self.found.since or kept.event.at, kept.event.at)
        return why is None

    def end(self) -> None:
        """Nothing comes any more: heads that were told and not met are of events that are gone."""
        if self.found.broken is None and self._told:
            tenant, n = min(self._told)
            last = self.found.heads.get(tenant)
            why = f"event {n} of the tenant was sealed and is gone, and what came behind it"
            self.found.broken = Broken(tenant, last.seq if last else 0, why)

    def _wrong(self, kept: Kept | None, link: Link | None) -> str | None:
        if link is None:
            return (
                "it has no seal, and those behind it have: it was put in, or its seal was removed"
            )
        if kept is None:
            return "it was sealed, and is gone"
        if kept.event.tenant != link.tenant:
            return f"it was sealed as one of tenant {link.tenant}"
        before = self.found.heads.get(link.tenant)
        if link.n != (before.n if before else 0) + 1:
            return _misplaced(link, before)
        return self._unlike(kept, link, before.mac if before else START)

    def _forged(self, cut: Cut) -> str | None:
        """What is wrong with a cut that says that what is gone was pruned."""
        key = self._keys.get(cut.key_id)
        if key is None:
            return f"the cut behind it has the key {cut.key_id}, which is not among those given"
        if not cut.is_of(key):
            return "the cut that says that it was pruned, and all before it, is forged"
        if self._told.get((cut.tenant, cut.n), cut.head) != cut.head:
            return "it was pruned, and another head was told when it was sealed"
        return None

    def _unlike(self, kept: Kept, link: Link, before: bytes) -> str | None:
        key = self._keys.get(link.key_id)
        if key is None:
            return f"it was sealed with the key {link.key_id}, which is not among those given"
        if not hmac.compare_digest(digest(key, kept, link.n, before), link.mac):
            return "it, or its seal, was changed"
        told = self._told.pop((link.tenant, link.n), link.mac)
        return None if told == link.mac else "another head was told when it was sealed"


def _misplaced(link: Link, before: Link | None) -> str:
    """Why a link is not the next of its chain."""
    if before is not None and link.n <= before.n:
        return "it is there again: what came behind it was sealed, or cut, already"
    return "what was sealed before it is gone, and no cut says that it was pruned"


async def _pairs(
    events: AsyncIterator[Kept], links: AsyncIterator[Link]
) -> AsyncIterator[tuple[Kept | None, Link | None]]:
    """Events and their links, by `seq`."""
    kept, link = await anext(events, None), await anext(links, None)
    while kept or link:
        first = min(each.seq for each in (kept, link) if each)
        has_event, has_link = kept and kept.seq == first, link and link.seq == first
        yield kept if has_event else None, link if has_link else None
        if has_event:
            kept = await anext(events, None)
        if has_link:
            link = await anext(links, None)


async def _events(log: AuditLog, tip: int) -> AsyncIterator[Kept]:
    after = FIRST
    while page := await log.events_from(after, PAGE, upto=tip):
        for kept in page:
            yield kept
        after = page[-1].seq


async def _links(log: AuditLog, tip: int) -> AsyncIterator[Link]:
    after = FIRST
    while page := _upto(await log.links_from(after, PAGE), tip):
        for link in page:
            yield link
        after = page[-1].seq


def _upto(links: Sequence[Link], tip: int) -> Sequence[Link]:
    return [link for link in links if link.seq <= tip]
