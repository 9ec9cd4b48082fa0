"""What a PUT of a whole list does to a log, against every list and every log there could be."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise

from hypothesis import example, given, settings
from hypothesis import strategies as st

from commonhold.model.merge import PLACE_STEP, LiveMessage, Plan, chain, plan_put
from commonhold.model.session import NewMessage, PutMode, parse_message
from commonhold.testing.factories import conversation, message, messages, unnamed

AGENTS = ("billing", "weather", "router")


@dataclass
class Log:
    """A log in memory: what the database keeps, changed by plans."""

    rows: list[LiveMessage] = field(default_factory=list)
    superseded: list[int] = field(default_factory=list)
    texts: dict[int, str] = field(default_factory=dict)
    head_seq: int = 0

    @property
    def live(self) -> list[LiveMessage]:
        """The live rows in order."""
        return sorted(self.rows, key=lambda row: row.place)

    @property
    def live_texts(self) -> list[str]:
        """Their contents."""
        return [self.texts[row.seq] for row in self.live]

    def put(
        self,
        texts: Sequence[str],
        agent: str = "billing",
        *,
        mode: PutMode = "merge",
        holds: bool = False,
        in_doubt: bool = False,
    ) -> Plan:
        """Plan a PUT, check the plan, and carry it out."""
        incoming = [parse_message(text, n) for n, text in enumerate(texts)]
        before = self.live
        plan = plan_put(
            before,
            incoming,
            head_seq=self.head_seq,
            mode=mode,
            may_supersede=lambda row: holds or row.agent == agent,
            in_doubt=in_doubt,
        )
        self._apply(plan, agent)
        check(before, self.live, incoming, plan, agent, holds=holds)
        return plan

    def _apply(self, plan: Plan, agent: str) -> None:
        moved = dict(plan.moved)
        stays = [row for row in self.rows if row.seq not in plan.supersede]
        self.rows = [replace(row, place=moved.get(row.seq, row.place)) for row in stays]
        for placed in plan.insert:
            self.texts[placed.seq] = placed.message.content
            self.rows.append(
                LiveMessage(
                    placed.seq,
                    placed.place,
                    placed.message.key,
                    placed.message.digest,
                    agent,
                )
            )
        self.superseded += plan.supersede
        self.head_seq += len(plan.insert)


def check(
    before: Sequence[LiveMessage],
    after: Sequence[LiveMessage],
    incoming: Sequence[NewMessage],
    plan: Plan,
    agent: str,
    *,
    holds: bool,
) -> None:
    """What is true of every plan, whatever the list and the log."""
    removed = [row for row in before if row.seq in plan.supersede]
    assert len(removed) == len(plan.supersede)
    assert all(holds or row.agent == agent for row in removed)
    stayed = [row.seq for row in before if row.seq not in plan.supersede]
    assert [row.seq for row in after if row.seq in stayed] == stayed, "old ones keep their order"
    places = [row.place for row in after]
    assert all(low < high for low, high in pairwise([0, *places]))
    seqs = [placed.seq for placed in plan.insert]
    first = max([row.seq for row in before], default=0)
    assert seqs == list(range(seqs[0], seqs[0] + len(seqs))) if seqs else True
    assert not seqs or seqs[0] > first
    last_old = max([row.place for row in after if row.seq <= first], default=0)
    appended = [placed for placed in plan.insert if placed.place > last_old]
    assert plan.moved or all(placed.place == placed.seq * PLACE_STEP for placed in appended)
    refused = plan.kept if not holds else 0
    assert len(common(incoming, after)) >= len(incoming) - refused, "what was sent is live"
    assert plan.is_exact == ([m.digest for m in incoming] == [row.digest for row in after])
    assert plan.is_empty == ([row.seq for row in before] == [row.seq for row in after])


def common(incoming: Sequence[NewMessage], after: Sequence[LiveMessage]) -> list[bytes]:
    """The longest part of the list that the live history holds in its order."""
    lengths = [[0] * (len(after) + 1) for _ in range(len(incoming) + 1)]
    for i, sent in enumerate(incoming, 1):
        for j, row in enumerate(after, 1):
            same = sent.digest == row.digest
            lengths[i][j] = (
                lengths[i - 1][j - 1] + 1 if same else max(lengths[i - 1][j], lengths[i][j - 1])
            )
    return [b""] * lengths[-1][-1]


NAMED = [message(f"m{n}", "text") for n in range(5)] + [message(f"m{n}", "other") for n in range(3)]
UNNAMED = [message(None, text) for text in ("ok", "yes", "no")]
TEXTS = st.sampled_from([*NAMED, *UNNAMED])
LISTS = st.lists(TEXTS, max_size=7)
MODES: st.SearchStrategy[PutMode] = st.sampled_from(["merge", "merge", "merge", "replace"])
PUTS = st.tuples(LISTS, st.sampled_from(AGENTS), MODES, st.booleans(), st.booleans())


@given(st.lists(PUTS, max_size=6))
def test_no_list_breaks_a_rule_of_the_log(puts: list) -> None:
    """Whatever is sent: others' messages stay, all that was sent is live, places grow."""
    log = Log()
    for texts, agent, mode, holds, in_doubt in puts:
        log.put(texts, agent, mode=mode, holds=holds, in_doubt=in_doubt)
    assert len(log.rows) + len(log.superseded) == log.head_seq, "nothing is ever deleted"


@given(LISTS, LISTS, st.booleans())
def test_a_list_that_extends_inserts_exactly_its_tail(
    history: list[str], tail: list[str], in_doubt: bool
) -> None:
    """Nothing is superseded or moved, and the tail stands where appended messages stand."""
    log = Log()
    log.put(history)
    head_seq = log.head_seq
    plan = log.put([*history, *tail], in_doubt=in_doubt)
    assert [placed.message.content for placed in plan.insert] == tail
    assert [placed.place for placed in plan.insert] == [
        (head_seq + n) * PLACE_STEP for n in range(1, len(tail) + 1)
    ]
    assert (plan.supersede, plan.moved, plan.kept, plan.is_exact) == ((), (), 0, True)


@given(LISTS, LISTS, st.booleans())
def test_replace_makes_the_list_the_history(
    history: list[str], texts: list[str], holds: bool
) -> None:
    """Exactly, whatever was there, as long as it is the writer's."""
    log = Log()
    log.put(history, "billing")
    plan = log.put(texts, "weather" if holds else "billing", mode="replace", holds=holds)
    assert [json.loads(text) for text in log.live_texts] == [json.loads(text) for text in texts]
    assert plan.is_exact


@given(LISTS, LISTS, MODES, st.booleans())
def test_nothing_of_others_is_superseded_by_whoever_does_not_hold(
    history: list[str], texts: list[str], mode: PutMode, in_doubt: bool
) -> None:
    """Not before the last shared message and not after it, in no mode."""
    log = Log()
    log.put(history, "billing")
    before = log.live
    plan = log.put(texts, "weather", mode=mode, in_doubt=in_doubt)
    assert plan.supersede == ()
    assert [row.seq for row in log.live if row.agent == "billing"] == [row.seq for row in before]


@given(
    st.integers(0, 6), st.integers(0, 6), st.lists(st.integers(0, 5), unique=True), st.booleans()
)
def test_what_was_not_seen_stays(
    seen: int, unseen: int, left_out: list[int], in_doubt: bool
) -> None:
    """After the last shared message nothing leaves; before it, what is left out does.

    In doubt, nothing leaves at all.
    """
    log = Log()
    log.put([*conversation(seen), *messages(*[f"u{n}" for n in range(unseen)])])
    view = [text for n, text in enumerate(conversation(seen)) if n not in left_out]
    log.put([*view, message("new")], in_doubt=in_doubt)
    names = [json.loads(text)["id"] for text in log.live_texts]
    shared = [json.loads(text)["id"] for text in view]
    everything = [f"m{n}" for n in range(1, seen + 1)] + [f"u{n}" for n in range(unseen)]
    if in_doubt:
        assert names == [*everything, "new"]
    elif shared:
        last = seen - next(n for n in range(1, seen + 1) if f"m{seen + 1 - n}" == shared[-1])
        after = [f"m{n}" for n in range(last + 2, seen + 1)] + [f"u{n}" for n in range(unseen)]
        assert names == [*shared, *after, "new"]
    else:
        assert names == ["new"]


@given(LISTS.filter(bool), st.booleans())
def test_the_same_list_again_is_an_empty_plan(texts: list[str], in_doubt: bool) -> None:
    """A client may send a PUT twice."""
    log = Log()
    log.put(texts)
    assert log.put(texts, in_doubt=in_doubt).is_empty


@settings(max_examples=30)
@example([1] * 50)
@example([0] * 50)
@given(st.lists(st.integers(0, 3), max_size=60))
def test_old_messages_are_moved_only_when_room_ran_out(positions: list[int]) -> None:
    """Inserting at the same place again and again halves the room; then all get a new place."""
    log = Log()
    texts = messages("first", "second", "last")
    log.put(texts)
    for n, position in enumerate(positions):
        texts.insert(position, message(f"m{n}"))
        before = {row.seq: row.place for row in log.live}
        gaps = [high - low for low, high in pairwise([0, *sorted(before.values())])]
        plan = log.put(texts)
        room = position >= len(gaps) or gaps[position] > 1
        assert bool(plan.moved) != room
        assert log.live_texts == texts


def test_moving_keeps_room_for_what_is_appended_next() -> None:
    """A new place never lies beyond the place of a message that is yet to come."""
    log = Log()
    texts = messages("first", "last")
    log.put(texts)
    moves = 0
    for n in range(60):
        texts.insert(1, message(f"m{n}"))
        moves += bool(log.put(texts).moved)
        texts.append(message(f"end{n}"))
        log.put(texts)
        assert log.live_texts == texts
    assert moves > 0


def test_compaction_supersedes_the_front() -> None:
    """And keeps what others wrote there."""
    log = Log()
    log.put(messages("b1", "b2"), "billing")
    log.put(messages("b1", "b2", "w1", "w2", "w3"), "weather")
    plan = log.put(messages("summary", "w3", "w4"), "weather")
    assert [json.loads(text)["id"] for text in log.live_texts] == [
        "summary",
        "b1",
        "b2",
        "w3",
        "w4",
    ]
    assert (len(plan.supersede), plan.kept) == (2, 2)


def test_a_refused_edit_is_counted_as_kept() -> None:
    """The row of the other agent stays as it is, where it is."""
    log = Log()
    log.put(messages("b1", "b2"), "billing")
    plan = log.put([message("b1", "forged"), *messages("b2")], "weather")
    assert (plan.is_empty, plan.kept, plan.is_exact) == (True, 1, False)


def test_in_doubt_an_equal_text_further_on_is_another_message() -> None:
    """Two writers said "ok": neither is taken for the other's."""
    log = Log()
    log.put(unnamed("hello"))
    log.put(unnamed("hello", "unseen", "ok"))
    log.put(unnamed("hello", "ok"), in_doubt=True)
    contents = [json.loads(text)["content"] for text in log.live_texts]
    assert contents == ["hello", "unseen", "ok", "ok"]


def test_in_doubt_a_list_that_shares_nothing_is_added() -> None:
    """Without doubt it replaces."""
    added, replaced = Log(), Log()
    for log in (added, replaced):
        log.put(messages("a1"))
    added.put(messages("b1"), in_doubt=True)
    replaced.put(messages("b1"))
    assert added.live_texts == messages("a1", "b1")
    assert replaced.live_texts == messages("b1")


def test_a_message_that_only_changed_its_spelling_is_the_same() -> None:
    """The stored text stays; the plan is empty."""
    log = Log()
    log.put(['{"id": "m1", "a": 1, "b": [1.0, "\\u00e9"]}', '{"x": 1}'])
    plan = log.put(['{"b":[1.0,"é"],"a":1,"id":"m1"}', '{ "x" : 1 }'])
    assert plan.is_empty
    assert plan.is_exact


@given(st.lists(st.text(), max_size=6), st.lists(st.text(), max_size=6))
def test_links_of_two_chains_are_equal_as_far_as_the_lists_are(
    left: list[str], right: list[str]
) -> None:
    """A link stands for everything before it, spelling and boundaries included."""
    links = chain(left), chain(right)
    assert [len(link) for link in links] == [len(left) + 1, len(right) + 1]
    for n, (one, other) in enumerate(zip(*links, strict=False)):
        assert (one == other) == (left[:n] == right[:n])
