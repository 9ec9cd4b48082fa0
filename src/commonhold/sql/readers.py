"""What readers of a session may have seen before somebody else wrote to it."""

from __future__ import annotations

import threading
from collections import OrderedDict
from dataclasses import dataclass

from commonhold.model import clock

SESSIONS_REMEMBERED = 4096
LIFETIME = clock.Micros(15 * 60 * 1_000_000)


@dataclass(slots=True)
class _Reads:
    version: int
    current: int = 0
    older: int = 0
    older_at: int = 0

    def move_to(self, version: int, now: int) -> None:
        """The session has changed: whoever read it before has an older view now."""
        if version > self.version:
            if self.current:
                self.older += self.current
                self.older_at = now
            self.current = 0
            self.version = version


class Readers:
    """Reads of a session that no write has followed yet, so that a PUT in doubt removes nothing.

    An unmodified client does not say what it had seen when it wrote its list; an agent reads, then
    writes. While a read of an older version is still without its write, the next PUT may be that
    one: two agents that meet in a fresh session both read "nothing", and the second list is no
    replacement of the first. A writer whose list turned out to be behind the log may also send it
    again, or grow it without reading, so its doubt stays. In doubt the merge takes the careful
    branch. Kept per process, bounded, and a doubt ends after a quarter of an hour; a forgotten
    read only means that the plain rule applies.
    """

    def __init__(self, clock_: clock.Clock = clock.now) -> None:
        self._clock = clock_
        self._sessions: OrderedDict[tuple[str, str], _Reads] = OrderedDict()
        self._lock = threading.Lock()  # reads come from the event loop, writes from the writer

    def note(self, tenant: str, session_id: str, version: int) -> None:
        """Somebody read this session at that version; 0 when there was nothing to read."""
        with self._lock:
            self._note((tenant, session_id), version)

    def _note(self, key: tuple[str, str], version: int) -> None:
        reads = self._sessions.pop(key, None) or _Reads(version)
        reads.move_to(version, self._clock())
        if version < reads.version:
            reads.older += 1
            reads.older_at = self._clock()
        else:
            reads.current += 1
        self._sessions[key] = reads
        while len(self._sessions) > SESSIONS_REMEMBERED:
            self._sessions.popitem(last=False)

    def in_doubt(self, tenant: str, session_id: str, version: int) -> bool:
        """Whether the next write at this version may come from somebody with an older view."""
        with self._lock:
            reads = self._sessions.get((tenant, session_id))
            if reads is None:
                return False
            now = self._clock()
            reads.move_to(version, now)
            if now - reads.older_at > LIFETIME:
                reads.older = 0
            return reads.older > 0

    def settle(self, tenant: str, session_id: str, *, behind: bool) -> None:
        """A write arrived, from a reader of this version; or from an older one, when `behind`."""
        with self._lock:
            self._settle((tenant, session_id), behind=behind)

    def _settle(self, key: tuple[str, str], *, behind: bool) -> None:
        reads = self._sessions.get(key)
        if behind:
            reads = reads or self._sessions.setdefault(key, _Reads(0))
            reads.older = max(reads.older, 1)
            reads.older_at = self._clock()
            return
        if reads is None:
            return
        if reads.current:
            reads.current -= 1
        elif reads.older:
            reads.older -= 1
        if not reads.older and not reads.current:
            del self._sessions[key]
