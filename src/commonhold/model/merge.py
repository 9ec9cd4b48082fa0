"""What a PUT of a whole message list does to a log with many writers. Pure: no I/O, no clock.

The rule (DESIGN 3.1): *a PUT speaks only for what its writer had seen.* Its messages are matched
in order against the live log. After the last message both share, the log holds what somebody else
wrote meanwhile: it stays, and the new messages of the PUT follow it. Before it, what the PUT
leaves out was removed on purpose and is superseded - if it was the writer's to remove.

Matching goes forward and takes the earliest candidate: an early match leaves more of the log in
the part that stays. An unmodified client does not say what it had seen. When the writer may have
an older view of the log (`in_doubt`), the careful branch is taken, which rather keeps too much:
nothing is superseded but older wordings of the same message, a list that shares nothing is added
instead of put in place of what is there, and since equal contents are common ("ok"), a match by
content that skips live messages is trusted only when a second one follows it directly.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from hashlib import sha256

from commonhold.model.session import NewMessage, PutMode

PLACE_STEP = 1 << 20
"""Distance between the places of two appended messages: room to insert between them."""


@dataclass(frozen=True, slots=True)
class LiveMessage:
    """A live row of the log, without its content. `place` orders the live history."""

    seq: int
    place: int
    key: str
    digest: bytes
    agent: str


@dataclass(frozen=True, slots=True)
class Placed:
    """A message to write, and where it goes."""

    message: NewMessage
    seq: int
    place: int


@dataclass(frozen=True, slots=True)
class Plan:
    """The smallest change of the log that carries out a PUT.

    `moved` maps sequences to new places and is empty unless the room between two ran out.
    `is_exact` says that the live history then equals the PUT, `is_behind` that the log holds what
    its writer had not seen.
    """

    insert: tuple[Placed, ...]
    supersede: tuple[int, ...]
    moved: tuple[tuple[int, int], ...]
    kept: int
    is_exact: bool
    is_behind: bool

    @property
    def is_empty(self) -> bool:
        """Whether the log already is what the PUT asks for."""
        return not (self.insert or self.supersede or self.moved)


def chain(texts: Sequence[str]) -> list[bytes]:
    """Running digest of a list of messages: `chain(t)[n]` stands for its first n, spelling included.

    A log remembers the link of its live history, so that a PUT that only extends it is recognised
    without reading a single stored message.
    """
    links = [b""]
    for text in texts:
        links.append(sha256(links[-1] + text.encode("utf-8", "surrogatepass")).digest()[:16])
    return links


def extend_chain(link: bytes, texts: Sequence[str]) -> bytes:
    """The link after more messages were appended to the history that `link` stands for."""
    for text in texts:
        link = sha256(link + text.encode("utf-8", "surrogatepass")).digest()[:16]
    return link


def plan_put(
    live: Sequence[LiveMessage],
    incoming: Sequence[NewMessage],
    *,
    head_seq: int,
    mode: PutMode,
    may_supersede: Callable[[LiveMessage], bool],
    in_doubt: bool = False,
) -> Plan:
    """Plan a PUT of `incoming` onto `live`.

    `may_supersede` says which rows are the writer's to remove; `in_doubt` says that the writer
    may have read the log before its last change.
    """
    in_doubt = in_doubt and mode == "merge"
    matches = _match(live, incoming, in_doubt=in_doubt)
    if mode == "replace":
        horizon = len(live)
    elif any(at is not None for at in matches):
        horizon = 1 + max(at for at in matches if at is not None)
    else:
        horizon = 0 if in_doubt else len(live)
    draft = _Draft(live, may_supersede, in_doubt=in_doubt)
    draft.follow(incoming, matches, horizon)
    insert, moved = place(draft.order, head_seq)
    is_exact = draft.kept == 0 and len(draft.order) == len(incoming)
    is_behind = horizon < len(live)
    return Plan(insert, tuple(draft.supersede), moved, draft.kept, is_exact, is_behind)


def _match(
    live: Sequence[LiveMessage], incoming: Sequence[NewMessage], *, in_doubt: bool
) -> list[int | None]:
    """For each incoming message the index of its live twin: strictly increasing, earliest first."""
    where: dict[str, list[int]] = {}
    for index, row in enumerate(live):
        where.setdefault(row.key, []).append(index)
    matches: list[int | None] = [None] * len(incoming)
    reached = -1
    for index, message in enumerate(incoming):
        candidates = where.get(message.key, [])
        nearest = bisect_left(candidates, reached + 1)
        if nearest == len(candidates):
            continue
        at = candidates[nearest]
        if not in_doubt or _is_trusted(live, incoming, index, at, reached):
            matches[index] = reached = at
    return matches


def _is_trusted(
    live: Sequence[LiveMessage],
    incoming: Sequence[NewMessage],
    index: int,
    at: int,
    reached: int,
) -> bool:
    """Whether a match by content may skip the live messages before it, in doubt."""
    if at == reached + 1 or incoming[index].key.startswith("id:"):
        return True
    follows = index + 1 < len(incoming) and at + 1 < len(live)
    return follows and incoming[index + 1].key == live[at + 1].key


class _Draft:
    """The live history as it will be, built from front to back."""

    def __init__(
        self,
        live: Sequence[LiveMessage],
        may_supersede: Callable[[LiveMessage], bool],
        *,
        in_doubt: bool,
    ) -> None:
        self.order: list[LiveMessage | NewMessage] = []
        self.supersede: list[int] = []
        self.kept = 0
        self._live = live
        self._reached = 0
        self._may_supersede = may_supersede
        self._in_doubt = in_doubt

    def follow(
        self,
        incoming: Sequence[NewMessage],
        matches: Sequence[int | None],
        horizon: int,
    ) -> None:
        """Lay the list over the live history; what lies behind `horizon` was not seen."""
        last = max((i for i, at in enumerate(matches) if at is not None), default=-1)
        for message, at in zip(incoming[: last + 1], matches, strict=False):
            if at is None:
                self.order.append(message)
            else:
                self.pair(at, message)
        self.leave_out(horizon)
        self.order.extend(self._live[horizon:])
        self.order.extend(incoming[last + 1 :])

    def leave_out(self, upto: int) -> None:
        """Live messages before `upto` that the list does not name go, if they may."""
        for row in self._live[self._reached : upto]:
            if self._in_doubt:
                self.kept += 1
                self.order.append(row)
            elif not self._remove(row):
                self.order.append(row)
        self._reached = upto

    def pair(self, at: int, message: NewMessage) -> None:
        """The live message at `at` stays, or gives its place to its new wording."""
        self.leave_out(at)
        row = self._live[at]
        self._reached = at + 1
        is_changed = row.digest != message.digest
        self.order.append(message if is_changed and self._remove(row) else row)

    def _remove(self, row: LiveMessage) -> bool:
        if not self._may_supersede(row):
            self.kept += 1
            return False
        self.supersede.append(row.seq)
        return True


def place(
    order: Sequence[LiveMessage | NewMessage], head_seq: int
) -> tuple[tuple[Placed, ...], tuple[tuple[int, int], ...]]:
    """Give every new message a sequence and a place; move old ones only when room ran out."""
    places = _places(order, head_seq)
    moved: list[tuple[int, int]] = []
    if places is None:
        step = (head_seq + 1) * PLACE_STEP // (len(order) + 1)
        places = [step * (n + 1) for n in range(len(order))]
        moved = [
            (item.seq, place)
            for item, place in zip(order, places, strict=True)
            if isinstance(item, LiveMessage) and item.place != place
        ]
    insert: list[Placed] = []
    for item, place in zip(order, places, strict=True):
        if isinstance(item, NewMessage):
            insert.append(Placed(item, head_seq + 1 + len(insert), place))
    return tuple(insert), tuple(moved)


def _places(order: Sequence[LiveMessage | NewMessage], head_seq: int) -> list[int] | None:
    """Places in order, old rows where they are; None when two old rows are too close."""
    places = [item.place if isinstance(item, LiveMessage) else 0 for item in order]
    seq = head_seq
    start, count = 0, len(order)
    while start < count:
        if places[start]:
            start += 1
            continue
        end = next((n for n in range(start, count) if places[n]), count)
        low = places[start - 1] if start else 0
        room = end - start + 1
        if end == count:
            places[start:end] = [(seq + n + 1) * PLACE_STEP for n in range(end - start)]
        elif places[end] - low < room:
            return None
        else:
            gap = (places[end] - low) / room
            places[start:end] = [low + int(gap * (n + 1)) for n in range(end - start)]
        seq += end - start
        start = end
    return places
