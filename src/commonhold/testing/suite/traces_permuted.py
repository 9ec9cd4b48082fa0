"""Traces: the order in which spans, parts and logs come decides nothing."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Sequence
from dataclasses import replace
from itertools import count
from typing import Any, NamedTuple

import msgspec
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from commonhold.contract.stores import Backend
from commonhold.model.agent import Agent, AgentQuery
from commonhold.model.clock import Micros
from commonhold.model.otel import OtelLog, OtelSpan, Resource
from commonhold.model.trace import Trace, TraceQuery
from commonhold.testing.conformance import Actor, StoppedClock
from commonhold.testing.factories import NOON, span
from commonhold.testing.otel import (
    NOON_NS,
    SECOND_NS,
    otel_log,
    otel_span,
    span_id,
    trace_id,
)
from commonhold.testing.suite.reading_spans import sent_back

AUTHORS = ("", "billing", "weather")
EXAMPLES = settings(
    max_examples=max(12, settings().max_examples // 40),
    deadline=None,
    suppress_health_check=list(HealthCheck),
    print_blob=False,
)

_numbers = count(1)
"""One backend serves all examples of a test, so each has a trace and agents of its own."""


class Piece(NamedTuple):
    """What one author writes at once: spans, log records, or a native part."""

    author: str
    spans: tuple[OtelSpan, ...] = ()
    logs: tuple[OtelLog, ...] = ()
    part: Trace | None = None


class Story(NamedTuple):
    """Pieces of one trace, in an order and in another one, each in which a way of writing them."""

    pieces: Sequence[Piece]
    first: Sequence[int]
    other: Sequence[int]
    cuts: Sequence[bool]
    at_once: bool


_times = st.sampled_from([0, 1, 1, 2, 10**6, SECOND_NS, 5 * SECOND_NS, 10**15])
_attributes = st.fixed_dictionaries(
    {},
    optional={
        "gen_ai.operation.name": st.sampled_from(["chat", "invoke_agent", "execute_tool", "odd"]),
        "gen_ai.request.model": st.sampled_from(["gpt-4o", "granite-4"]),
        "gen_ai.usage.input_tokens": st.integers(0, 10**6),
        "gen_ai.usage.output_tokens": st.integers(0, 10**6),
        "gen_ai.usage.cost": st.sampled_from([0.1, 0.25, 1e-9]),
        "gen_ai.tool.name": st.sampled_from(["forecast", "search"]),
        "session.id": st.sampled_from(["s1", "s2"]),
        "user.id": st.sampled_from(["ada", "bob"]),
        "langfuse.trace.tags": st.lists(st.sampled_from(["a", "b"]), max_size=2),
    },
)
_resources = st.sampled_from(
    [
        Resource(),
        Resource({"service.name": "claimed", "service.version": "1"}),
        Resource(
            {"service.name": "claimed", "service.version": "2", "deployment.environment": "p"}
        ),
    ]
)


@st.composite
def _spans(draw: Any, numbers: range) -> list[OtelSpan]:
    found = []
    for number in numbers:
        above = draw(st.sampled_from([None, *numbers, 99]))
        start = NOON_NS + draw(_times)
        sent = otel_span(
            number,
            above,
            start_ns=start,
            end_ns=start + draw(_times),
            name=f"n{number}",
            attributes=draw(_attributes),
            resource=draw(_resources),
            status_code=draw(st.sampled_from([0, 0, 2])),
        )
        found.append(sent)
    return found


@st.composite
def _parts(draw: Any, author: str, number: int) -> Trace:
    spans = tuple(
        span("any", span_id(50 + number * 3 + n), name="model_call", start_time=float(n))
        for n in range(draw(st.integers(0, 2)))
    )
    return Trace(
        "any",
        started_at=Micros(NOON + draw(st.sampled_from([-(10**6), 0, 0, 1, 10**7]))),
        ended_at=draw(st.sampled_from([None, Micros(NOON + 10**8)])),
        model=draw(st.sampled_from([None, "m1", "m2"])),
        session_id=draw(st.sampled_from([None, "s3", "s4"])),
        status=draw(st.sampled_from(["ok", "ok", "error"])),
        spans=spans,
    )


@st.composite
def _stories(draw: Any) -> Story:
    pieces = [
        Piece(draw(st.sampled_from(AUTHORS)), (sent,))
        for sent in draw(_spans(range(draw(st.integers(1, 7)))))
    ]
    for number, author in enumerate(AUTHORS[1:]):
        if draw(st.booleans()):
            pieces.append(Piece(author, part=draw(_parts(author, number))))
    for number in range(draw(st.integers(0, 3))):
        told = otel_log(
            number,
            time_ns=NOON_NS + draw(_times),
            attributes=draw(_attributes),
            body=f"said {number}",
        )
        pieces.append(Piece(draw(st.sampled_from(AUTHORS[:1])), logs=(told,)))
    order = st.permutations(range(len(pieces)))
    cuts = st.lists(st.booleans(), min_size=len(pieces), max_size=len(pieces))
    return Story(pieces, draw(order), draw(order), draw(cuts), draw(st.booleans()))


def of_trace(piece: Piece, name: str, prefix: str) -> Piece:
    """The same for another trace; its agents have names of their own."""
    author = piece.author and prefix + piece.author
    spans = tuple([_renamed(each, name, prefix) for each in piece.spans])
    logs = tuple([_renamed(each, name, prefix) for each in piece.logs])
    part = None
    if piece.part is not None:
        inner = tuple([replace(each, trace_id=name) for each in piece.part.spans])
        part = replace(piece.part, trace_id=name, spans=inner)
    return Piece(author, spans, logs, part)


def _renamed(record: Any, name: str, prefix: str) -> Any:
    resource = dict(record.resource.attributes)
    if "service.name" in resource:
        resource["service.name"] = prefix + str(resource["service.name"])
    return msgspec.structs.replace(record, trace_id=name, resource=Resource(resource))


def together(pieces: Sequence[Piece], cuts: Sequence[bool]) -> list[Piece]:
    """Neighbours of one author, where nothing cuts between them, in one request."""
    found: list[Piece] = []
    for piece, cut in zip(pieces, cuts, strict=True):
        last = found[-1] if found and not cut else None
        if last and last.author == piece.author and last.spans and piece.spans:
            found[-1] = last._replace(spans=last.spans + piece.spans)
        else:
            found.append(piece)
    return found


def writing(backend: Backend, piece: Piece) -> Awaitable[None]:
    """The one call that writes a piece."""
    if piece.part is not None:
        return backend.traces.put(piece.part)
    if piece.spans:
        return backend.traces.record(piece.spans)
    return backend.traces.record_logs(piece.logs)


async def write(act: Actor, pieces: Sequence[Piece], *, at_once: bool) -> None:
    """All of it, one after the other or all at once."""
    calls = [writing(act(piece.author), piece) for piece in pieces]
    if at_once:
        await asyncio.gather(*calls)
        return
    for call in calls:
        await call


async def told(act: Actor, name: str, prefix: str) -> object:
    """Everything that is said of a trace, without what is its own: its id and its agents' names."""
    backend = act("")
    found = await backend.traces.get(name)
    texts = [
        repr(found),
        sorted(map(repr, await sent_back(backend, name))),
        *[await _listed(backend, query, name) for query in _queries(prefix)],
        *[_did(each) for each in await _agents(backend, prefix)],
    ]
    return [str(text).replace(name, "<trace>").replace(prefix, "") for text in texts]


def _queries(prefix: str) -> list[TraceQuery]:
    return [
        TraceQuery(limit=1000),
        *[TraceQuery(limit=1000, agent=prefix + name) for name in ("billing", "claimed")],
        *[TraceQuery(limit=1000, kind=kind) for kind in ("llm", "tool")],
        TraceQuery(limit=1000, tag="a"),
        TraceQuery(limit=1000, user="ada"),
        TraceQuery(limit=1000, tool="forecast"),
        TraceQuery(limit=1000, environment="p"),
        TraceQuery(limit=1000, session_id="s1"),
        TraceQuery(limit=1000, status="error"),
        TraceQuery(limit=1000, sort="cost"),
        TraceQuery(limit=1000, q="n0"),
    ]


async def _listed(backend: Backend, query: TraceQuery, name: str) -> str:
    page = await backend.traces.list(query)
    return repr([item for item in page.items if item.trace_id == name])


async def _agents(backend: Backend, prefix: str) -> list[Agent]:
    found = [
        await backend.traces.agents(AgentQuery(prefix + name, Micros(0), Micros(2 * NOON)))
        for name in ("billing", "weather", "claimed")
    ]
    return [each for agents in found for each in agents]


def _did(agent: Agent) -> str:
    # When somebody was last seen is written once a minute.
    versions = sorted((each.version, each.instance) for each in agent.instances)
    return repr((replace(agent, first_seen_at=NOON, last_seen_at=NOON, instances=()), versions))


@EXAMPLES
@given(story=_stories())
async def test_the_order_in_which_a_trace_comes_decides_nothing(
    acting_as: Actor, clock: StoppedClock, story: Story
) -> None:
    """T3. In other batches, in another order, by several at once: to the last byte the same."""
    seen = []
    for order in (story.first, story.other):
        number = next(_numbers)
        name, prefix = trace_id(10**6 + number), f"x{number:09}-"
        pieces = [of_trace(story.pieces[n], name, prefix) for n in order]
        is_other = order is story.other
        if is_other:
            pieces = together(pieces, story.cuts)
        await write(acting_as, pieces, at_once=is_other and story.at_once)
        seen.append(await told(acting_as, name, prefix))
    assert seen[0] == seen[1]


async def test_a_trace_is_the_same_when_its_spans_come_one_by_one_in_reverse(
    acting_as: Actor, clock: StoppedClock
) -> None:
    """T3. The root last of all, each span from whichever agent it is of, or all of them at once."""
    seen = []
    for number, way in enumerate(("whole", "reverse", "at once")):
        name, prefix = trace_id(number), f"{way[:2]}-agent-"
        spans = [otel_span(n, None if not n else n - 1, name=f"n{n}") for n in range(12)]
        pieces = [of_trace(Piece(AUTHORS[n % 3], (each,)), name, prefix) for n, each in
                  enumerate(spans)]  # fmt: skip
        if way == "reverse":
            pieces.reverse()
        await write(acting_as, pieces, at_once=way == "at once")
        seen.append(await told(acting_as, name, prefix))
    assert seen[0] == seen[1] == seen[2]
