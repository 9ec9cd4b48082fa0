"""What a trace is, out of all that its authors wrote: pure, and blind to order."""

from __future__ import annotations

import random

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from commonhold.model.clock import Micros
from commonhold.model.gist import Gist, decode_gist, encode_gist, gist_of
from commonhold.model.otel import Meaning, Tokens
from commonhold.model.summary import (
    MAX_AGENTS,
    MAX_LABELS,
    MAX_USERS,
    MOST_COUNTED,
    Derived,
    LogFacts,
    Part,
    SpanFacts,
    counted_spans,
    label,
    root_of,
    summarise,
)
from commonhold.model.trace import MAX_NANOS

NAMES = ("a", "b", "c", "d", "e")
FEW = st.sampled_from([0, 1, 2, 2, 5, 10**6, 2**62])
WORDS = st.sampled_from(["", "x", "y"])
NOTES = st.none() | WORDS.filter(bool)
COUNTS = st.none() | st.sampled_from([0, 1, 100, 2**53 - 1])
GISTS = st.builds(
    Gist,
    operation=st.sampled_from(["", "llm", "tool", "agent", "chain", "embedding"]),
    input_tokens=COUNTS,
    output_tokens=COUNTS,
    agent=WORDS,
    session_id=NOTES,
    user_id=NOTES,
    model=NOTES,
    cached_input=COUNTS,
    reasoning=COUNTS,
    cost_nano=COUNTS,
    tool_name=NOTES,
    agent_version=NOTES,
    instance=NOTES,
    environment=NOTES,
    tags=st.lists(st.sampled_from("pq"), max_size=2).map(tuple),
    is_ahead=st.booleans(),
)
SPANS = st.lists(
    st.builds(
        SpanFacts,
        span_id=st.sampled_from(NAMES),
        parent_span_id=st.sampled_from([None, *NAMES, "elsewhere"]),
        name=WORDS,
        start_ns=FEW,
        end_ns=st.none() | FEW,
        is_error=st.booleans(),
        author=st.sampled_from(["", "one", "two"]),
        gist=GISTS,
    ),
    unique_by=lambda each: each.span_id,
)
PARTS = st.lists(
    st.builds(
        Part,
        author=st.sampled_from(["", "one", "two"]),
        started_at=FEW.map(Micros),
        ended_at=st.none() | FEW.map(Micros),
        model=NOTES,
        session_id=NOTES,
        status=st.sampled_from(["ok", "error"]),
    ),
    unique_by=lambda each: each.author,
)
LOGS = st.lists(st.builds(LogFacts, time_ns=FEW, gist=GISTS), max_size=3)


def fact(span_id: str, parent: str | None = None, **fields: object) -> SpanFacts:
    """A span of a second, in the order of the alphabet."""
    start = (ord(span_id[0]) - ord("a")) * 10**9
    whole = SpanFacts(span_id, parent, span_id, start, start + 10**9, False, "", Gist())
    return msgspec.structs.replace(whole, **fields)


def call(span_id: str, parent: str | None, tokens: int, kind: str = "llm") -> SpanFacts:
    """A span that used so many tokens."""
    return fact(span_id, parent, gist=Gist(kind, tokens, tokens))  # type: ignore[arg-type]


def derived(*spans: SpanFacts, parts: tuple[Part, ...] = ()) -> Derived:
    """What a trace of these is."""
    return summarise("t", spans, parts)


@given(SPANS, PARTS, LOGS, st.randoms(use_true_random=False))
def test_the_order_decides_nothing(
    spans: list[SpanFacts], parts: list[Part], logs: list[LogFacts], chance: random.Random
) -> None:
    """The same spans, parts and logs give the same summary, labels and shares."""
    before = summarise("t", spans, parts, logs)
    for things in (spans, parts, logs):
        chance.shuffle(things)
    after = summarise("t", spans, parts, logs)
    assert after._replace(shares=()) == before._replace(shares=())
    assert sorted(map(repr, after.shares)) == sorted(map(repr, before.shares))


@given(SPANS, PARTS, LOGS)
def test_everything_derived_fits_into_a_database(
    spans: list[SpanFacts], parts: list[Part], logs: list[LogFacts]
) -> None:
    """Whatever was sent, counts are whole numbers of 64 bits and no duration is negative."""
    found = summarise("t", spans, parts, logs)
    told = found.summary
    for number in (told.prompt_tokens, told.completion_tokens, told.cost_nano, told.started_at):
        assert number is None or -(2**63) <= number < 2**63
    assert told.duration_ms is None or 0 <= told.duration_ms <= MAX_NANOS / 1e6
    assert round((told.duration_ms or 0) * 1e6) < 2**63
    assert {share.agent for share in found.shares} <= set(told.agents)
    assert len(set(found.labels)) == len(found.labels) <= MAX_LABELS


@given(SPANS)
def test_the_shares_of_agents_add_up(spans: list[SpanFacts]) -> None:
    """Each counted span of somebody is charged to one agent."""
    found = summarise("t", spans, ())
    counted = counted_spans(sorted(spans, key=lambda each: (each.start_ns, each.span_id)))
    charged = [each for each in counted if each.agent and each.gist.input_tokens is not None]
    expected = min(MOST_COUNTED, sum(each.gist.input_tokens or 0 for each in charged))
    assert sum(share.prompt_tokens or 0 for share in found.shares) >= expected
    assert sum(share.span_count for share in found.shares) == len([s for s in spans if s.agent])


def test_the_root_is_the_earliest_without_a_parent() -> None:
    """Then the earliest whose parent is elsewhere, then the earliest of all."""
    inner, orphan, whole = fact("a", "c"), fact("b", "elsewhere"), fact("c")
    assert root_of([inner, orphan, whole]) is whole
    assert root_of([inner, orphan]) is inner
    assert root_of([fact("b", "c"), fact("c", "b")]) == fact("b", "c")
    assert root_of([]) is None


def test_usage_counts_where_it_is_innermost() -> None:
    """Every call around another one is left out, however deep that is."""
    chain = [call("a", None, 9, "agent"), call("b", "a", 5), fact("c", "b"), call("d", "c", 3)]
    assert [each.span_id for each in counted_spans(chain)] == ["d"]
    assert [each.span_id for each in counted_spans(chain[:2])] == ["b"]
    assert [each.span_id for each in counted_spans(chain[:1])] == ["a"]
    assert counted_spans([call("a", None, 9, "tool")]) == []


def test_a_cost_alone_is_usage() -> None:
    """Some say what a call cost, and not what it used."""
    found = derived(fact("a", gist=Gist("llm", cost_nano=7))).summary
    assert (found.cost_nano, found.prompt_tokens) == (7, None)


def test_times_are_the_widest_that_anybody_told() -> None:
    """Of parts and spans; a duration is that of spans alone."""
    part = Part("", Micros(-5), Micros(10**7))
    told = derived(fact("b"), fact("c", end_ns=None), parts=(part,)).summary
    assert (told.started_at, told.ended_at, told.duration_ms) == (-5, 10**7, 1000.0)
    told = derived(parts=(part,)).summary
    assert (told.started_at, told.ended_at, told.duration_ms) == (-5, 10**7, None)


def test_part_and_span_may_differ_by_what_a_float_rounds() -> None:
    """A microsecond between a post and its first span is no earlier start."""
    part = Part("", Micros(10**6))
    for start_ns, started_at in ((10**9 - 1, 10**6), (10**9 - 1001, 10**6 - 2)):
        told = derived(fact("b", start_ns=start_ns), parts=(part,)).summary
        assert told.started_at == started_at


def test_labels_and_agents_have_an_end() -> None:
    """A trace of very many agents and tools is kept, and its lists stay short."""
    spans = [
        fact(f"s{n}", author=f"agent{n:03}", gist=Gist("tool", tool_name=f"t{n}"))
        for n in range(500)
    ]
    users = [f"user{n:03}" for n in range(500)]
    found = summarise("t", spans, (), users=users)
    assert len(found.summary.agents) == len(found.shares) == MAX_AGENTS
    assert len(found.labels) == MAX_LABELS
    assert {label("owner", name) for name in users[:MAX_USERS]} <= {*found.labels}
    assert {label("agent", name) for name in found.summary.agents} <= {*found.labels}
    assert found.summary.span_count == 500


@pytest.mark.parametrize("author", ["", "signed"])
def test_whose_work_a_span_is(author: str) -> None:
    """Its author's; without one, that of the agent it names."""
    span = fact("a", author=author, gist=Gist(agent="claimed"))
    assert span.agent == (author or "claimed")


@given(GISTS)
def test_a_gist_comes_back_from_where_it_is_stored(gist: Gist) -> None:
    """Also one of an older version, which had fewer fields."""
    assert decode_gist(encode_gist(gist)) == gist
    assert decode_gist(b'["llm",1,2]') == Gist("llm", 1, 2)


def test_a_gist_holds_all_of_a_meaning_but_its_texts() -> None:
    """Each field where it belongs: they are given by position."""
    meaning = Meaning(
        *("llm", "session", "user", "agent", "id", "version", "instance", "model", "provider"),
        tokens=Tokens(1, 2, 3, 4, 5, 6),
        tool_name="tool",
        tool_call_id="call",
        is_error=True,
        environment="env",
        tags=("tag",),
    )
    assert gist_of(meaning, 7, is_ahead=True) == Gist(
        operation="llm",
        input_tokens=1,
        output_tokens=2,
        agent="agent",
        session_id="session",
        user_id="user",
        model="model",
        provider="provider",
        cached_input=4,
        cache_write=5,
        reasoning=6,
        cost_nano=7,
        tool_name="tool",
        tool_call_id="call",
        agent_id="id",
        agent_version="version",
        instance="instance",
        environment="env",
        tags=("tag",),
        is_ahead=True,
        is_error=True,
    )
