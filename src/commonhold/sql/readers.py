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
    at: int = 0

    def move_to(self, version: int) -> None:
        """The session has changed: whoever read it before has an older view now."""
        if version > self.version:
            self.older += self.current
            self.current = 0
            self.version = version


class Readers:
    """Reads of a session that no write has followed yet, so that a PUT in doubt removes nothing.

    An unmodified client does not say what it had seen when it wrote its list; an agent reads, then
    writes. While a read of an older version is still without its write, the next PUT may be that
    one: two agents that meet in a fresh session both read "nothing", and the second list is no
    replacement of the first. Then the merge takes the careful branch. Kept per process and
    bounded; a forgotten read only means that the plain rule applies.
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
        reads.move_to(version)
        if version < reads.version:
            reads.older += 1
        else:
            reads.current += 1
        reads.at = self._clock()
        self._sessions[key] = reads
        while len(self._sessions) > SESSIONS_REMEMBERED:
            self._sessions.popitem(last=False)

    def in_doubt(self, tenant: str, session_id: str, version: int) -> bool:
        """Whether the next write at this version may come from somebody with an older view."""
        with self._lock:
            reads = self._sessions.get((tenant, session_id))
            if reads is None or self._clock() - reads.at > LIFETIME:
                return False
            reads.move_to(version)
            return reads.older > 0

    def settle(self, tenant: str, session_id: str, *, behind: bool) -> None:
        """A write arrived: it stands for one reader, an older one when it was `behind`."""
        with self._lock:
            self._settle((tenant, session_id), behind=behind)

    def _settle(self, key: tuple[str, str], *, behind: bool) -> None:
        reads = self._sessions.get(key)
        if reads is None:
            return
        if reads.older and (behind or not reads.current):
            reads.older -= 1
        elif reads.current:
            reads.current -= 1
        if not reads.older and not reads.current:
            del self._sessions[key]
