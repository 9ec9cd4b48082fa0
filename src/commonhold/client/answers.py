"""What a service answered, as a model value, or raised as the error it stands for. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, TypeVar
from urllib.parse import parse_qs, urlsplit

import msgspec

from commonhold.client.otlp_answers import rejected_of
from commonhold.client.problems import Answer, error_of, foreign, problem_of, surprise
from commonhold.client.shapes import (
    AgentShape,
    AppendedShape,
    CostShape,
    FeedbackShape,
    HandoffShape,
    HistoryShape,
    LeaseShape,
    MessageShape,
    MomentShape,
    ParticipantShape,
    RemovedShape,
    RepairedShape,
    SessionShape,
    SpanShape,
    StateShape,
    StatsShape,
    SummaryShape,
    TraceShape,
    UsageShape,
    WrittenShape,
)
from commonhold.errors import InvalidRequest, NotFound
from commonhold.model import wire, wire_traces, wire_turns
from commonhold.model.agent import Agent
from commonhold.model.feedback import Feedback, FeedbackStats
from commonhold.model.opaque import JsonText
from commonhold.model.otel import Rejected
from commonhold.model.page import Page
from commonhold.model.session import Appended, History, Message, Session, Written
from commonhold.model.timeline import Moment
from commonhold.model.trace import Trace, TraceSummary
from commonhold.model.turns import Handoff, Lease, Participant, Removed, Repaired
from commonhold.model.usage import Usage

T = TypeVar("T")
D = TypeVar("D")
S = TypeVar("S", bound=msgspec.Struct)

# A proxy that compresses may make a strong tag a weak one, or add a suffix to it.
_ETAG = re.compile(r'(?:W/)?"(\d+)')
_NEXT = re.compile(r'<([^>]*)>\s*;[^,]*\brel="?next"?')

_ANYTHING = msgspec.json.Decoder(msgspec.Raw)
_SESSION = msgspec.json.Decoder(SessionShape)
_SESSIONS = msgspec.json.Decoder(list[SessionShape])
_HISTORY = msgspec.json.Decoder(HistoryShape)
_MESSAGES = msgspec.json.Decoder(list[MessageShape])
_APPENDED = msgspec.json.Decoder(AppendedShape)
_WRITTEN = msgspec.json.Decoder(WrittenShape)
_COST = msgspec.json.Decoder(CostShape)
_STATE = msgspec.json.Decoder(StateShape)
_LEASE = msgspec.json.Decoder(LeaseShape)
_HANDOFF = msgspec.json.Decoder(HandoffShape)
_REPAIRED = msgspec.json.Decoder(RepairedShape)
_PARTICIPANTS = msgspec.json.Decoder(list[ParticipantShape])
_USAGE = msgspec.json.Decoder(UsageShape)
_MOMENTS = msgspec.json.Decoder(list[MomentShape])
_REMOVED = msgspec.json.Decoder(RemovedShape)
_TRACE = msgspec.json.Decoder(TraceShape)
_TRACES = msgspec.json.Decoder(list[TraceShape])
_AGENTS = msgspec.json.Decoder(list[AgentShape])
_SUMMARIES = msgspec.json.Decoder(list[SummaryShape])
_FEEDBACK = msgspec.json.Decoder(FeedbackShape)
_FEEDBACKS = msgspec.json.Decoder(list[FeedbackShape])
_STATS = msgspec.json.Decoder(list[StatsShape])


def done(answer: Answer) -> None:
    """Nothing but that the call succeeded."""
    read(answer, _ANYTHING, bool)


def taken(answer: Answer) -> Rejected:
    """What a service left out of the spans it was sent."""
    if answer.is_success and "protobuf" in answer.headers.get("content-type", ""):
        return rejected_of(answer.body, is_protobuf=True)
    return read(answer, _ANYTHING, lambda body: rejected_of(bytes(body)))


def removed(answer: Answer) -> Removed:
    """What went with a session. A lost attempt that did it makes the next one find nothing."""
    problem = problem_of(answer) if answer.in_doubt else None
    if problem is not None and problem.code == NotFound.code:
        return Removed(0, 0, 0, lease=False, state=False)
    return read(answer, _REMOVED, lambda shape: wire_turns.removed_in(_fields(shape.removed)))


def lease(answer: Answer) -> Lease:
    """A turn."""
    return read(answer, _LEASE, lambda shape: wire_turns.lease_in(_fields(shape)))


def handoff(answer: Answer) -> Handoff:
    """A handoff."""
    return read(answer, _HANDOFF, lambda shape: wire_turns.handoff_in(_fields(shape)))


def repaired(answer: Answer) -> Repaired:
    """What repair did."""

    def build(shape: RepairedShape) -> Repaired:
        closed = [_fields(closing) for closing in shape.closed]
        return wire_turns.repaired_in({**_fields(shape), "closed": closed})

    return read(answer, _REPAIRED, build)


def participants(answer: Answer) -> tuple[Participant, ...]:
    """Who took part."""
    return _page(answer, _PARTICIPANTS, wire_turns.participant_in).items


def usage(answer: Answer) -> Usage:
    """What a session used."""

    def build(shape: UsageShape) -> Usage:
        return wire_turns.usage_in({**_fields(shape), "pricing": _fields(shape.pricing)})

    return read(answer, _USAGE, build)


def moments(answer: Answer) -> Page[Moment]:
    """A page of a timeline."""

    def build(fields: Mapping[str, Any]) -> Moment:
        kind = fields["kind"]
        if fields[kind] is None:
            raise ValueError(f"a moment of kind {kind} says nothing of it")
        return wire_turns.moment_in({**fields, kind: _deep(fields[kind])})

    return _page(answer, _MOMENTS, build)


def session(answer: Answer) -> Session:
    """A session without its messages."""
    return read(answer, _SESSION, lambda shape: wire.session_in(_session(_fields(shape))))


def sessions(answer: Answer) -> Page[Session]:
    """A page of sessions."""
    return _page(answer, _SESSIONS, lambda fields: wire.session_in(_session(fields)))


def history(answer: Answer) -> History:
    """The live messages, at the version that the `ETag` names."""

    def build(shape: HistoryShape) -> History:
        tag = _ETAG.match(answer.headers.get("etag", ""))
        if tag is None:
            raise ValueError("it names no version in an ETag")
        return History(shape.session_id, int(tag.group(1)), _text(shape.messages))

    return read(answer, _HISTORY, build)


def messages(answer: Answer, cursor: str = "after") -> Page[Message]:
    """A stretch of a log; its cursor is its last sequence, or its first when read backwards."""
    return _page(answer, _MESSAGES, wire.message_in, cursor)


def written(answer: Answer) -> Written:
    """What a write did."""
    return read(answer, _WRITTEN, lambda shape: wire.written_in(_fields(shape)))


def appended(answer: Answer) -> Appended:
    """Where appended messages stand."""
    return read(answer, _APPENDED, lambda shape: wire.appended_in(_fields(shape)))


def cost(answer: Answer) -> JsonText:
    """The cost data of a session."""
    return read(answer, _COST, lambda shape: _text(shape.cost_data))


def state(answer: Answer) -> JsonText:
    """The agent state of a session."""
    return read(answer, _STATE, lambda shape: _text(shape.state))


def trace(answer: Answer) -> Trace:
    """A whole trace."""
    return read(answer, _TRACE, _trace)


def traces(answer: Answer) -> tuple[Trace, ...]:
    """Whole traces."""
    return read(answer, _TRACES, lambda shapes: tuple(map(_trace, shapes)))


def _trace(shape: TraceShape) -> Trace:
    return wire_traces.trace_in({**_fields(shape), "spans": [*map(_span, shape.spans)]})


def _span(shape: SpanShape) -> Mapping[str, Any]:
    tokens = None if shape.tokens is None else _fields(shape.tokens)
    otel = None if bytes(shape.otel) == b"null" else shape.otel
    return {**_fields(shape), "tokens": tokens, "otel": otel}


def otlp(answer: Answer) -> JsonText:
    """A trace as OTLP JSON."""
    return read(answer, _ANYTHING, _text)


def summaries(answer: Answer) -> Page[TraceSummary]:
    """A page of traces."""
    return _page(answer, _SUMMARIES, wire_traces.summary_in)


def agents(answer: Answer) -> tuple[Agent, ...]:
    """Agents, and what they did."""
    return read(answer, _AGENTS, lambda shapes: tuple(map(_agent, shapes)))


def _agent(shape: AgentShape) -> Agent:
    return wire_traces.agent_in({**_fields(shape), "instances": [*map(_fields, shape.instances)]})


def feedback(answer: Answer) -> Feedback:
    """A feedback record."""
    return read(answer, _FEEDBACK, _vote)


def feedbacks(answer: Answer) -> Page[Feedback]:
    """A page of feedback records."""
    return page_of(answer, _FEEDBACKS, _vote)


def _vote(shape: FeedbackShape) -> Feedback:
    return wire.feedback_in(_deep(shape))


def _deep(shape: msgspec.Struct) -> dict[str, Any]:
    """The fields of a shape, and those of its turn."""
    fields = _fields(shape)
    turn = fields.get("turn")
    return fields if turn is None else {**fields, "turn": _fields(turn)}


def stats(answer: Answer) -> tuple[FeedbackStats, ...]:
    """Windows of feedback statistics."""
    return _page(answer, _STATS, wire.stats_in).items


def page_of(
    answer: Answer,
    decoder: msgspec.json.Decoder[list[S]],
    build: Callable[[S], T],
    cursor: str = "cursor",
) -> Page[T]:
    """A page of what `build` makes of each item."""
    items = read(answer, decoder, lambda shapes: tuple(map(build, shapes)))
    return Page(items, _next(answer, cursor))


def _page(
    answer: Answer,
    decoder: msgspec.json.Decoder[list[S]],
    build: Callable[[Mapping[str, Any]], T],
    cursor: str = "cursor",
) -> Page[T]:
    return page_of(answer, decoder, lambda one: build(_fields(one)), cursor)


def _next(answer: Answer, name: str) -> str | None:
    """The cursor in `Link: <...>; rel="next"`, or None when the list ends here."""
    link = _NEXT.search(answer.headers.get("link", ""))
    query = urlsplit(link.group(1)).query if link else ""
    return next(iter(parse_qs(query).get(name, [])), None)


def read(answer: Answer, decoder: msgspec.json.Decoder[D], build: Callable[[D], T]) -> T:
    """What `build` makes of an answer.

    Raises:
        CommonholdError: the answer is a problem, or not what a service answers.
    """
    if not answer.is_success:
        raise error_of(answer)
    try:
        return build(decoder.decode(answer.body))
    except msgspec.ValidationError as reason:
        raise surprise(answer, reason) from None
    except msgspec.DecodeError:
        raise foreign(answer) from None
    except (ValueError, RecursionError, InvalidRequest) as reason:
        raise surprise(answer, reason) from None


def _session(fields: Mapping[str, Any]) -> Mapping[str, Any]:
    turn = fields["lease"]
    return fields if turn is None else {**fields, "lease": _fields(turn)}


def _fields(shape: msgspec.Struct) -> dict[str, Any]:
    return msgspec.structs.asdict(shape)


def _text(raw: msgspec.Raw) -> JsonText:
    return JsonText(bytes(raw).decode())
