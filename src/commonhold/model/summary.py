"""What a trace is, out of all that its authors wrote (DESIGN 3.2). Pure, and blind to order.

Spans arrive in any order, their root late or never, and from many processes. So nothing is added up
while they arrive: a summary is made from what is known of every span, by rules that do not ask
which came first. The same spans give the same summary.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from operator import attrgetter
from typing import NamedTuple, TypeVar

import msgspec

from commonhold.model.clock import Micros
from commonhold.model.gist import Gist, encode_gist
from commonhold.model.trace import MAX_NANOS, TraceSummary

T = TypeVar("T")

MAX_LABELS = 256
"""Labels of one trace; what else it holds is not found by."""

MAX_AGENTS = 64
"""Agents of one trace, by name; what else took part is in its spans."""

MAX_USERS = 64
"""Users of one trace, by name, who find it; an agent writes for one, and few traces have several."""

MOST_COUNTED = 2**50
"""Sums stop here: up to it, billionths become dollars as a float and back without loss, though each
of the two steps rounds."""


CALLS = ("llm", "embedding")
"""The kinds of work that are calls of a model."""

OWNER = "owner"
"""The label of a user for whom an agent wrote: by credential, whatever spans say of their user."""

WRAPPERS = ("agent", "chain")
"""The kinds that may repeat what the calls within them used."""


class LogFacts(NamedTuple):
    """What a log record adds to its trace's summary."""

    time_ns: int
    gist: Gist


class SpanFacts(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """What a span adds to its trace's summary. `author` is who wrote it, by credential."""

    span_id: str
    parent_span_id: str | None
    name: str
    start_ns: int
    end_ns: int | None
    is_error: bool
    author: str
    gist: Gist

    @property
    def agent(self) -> str:
        """Whose work it is: its author's; only where there is none, what it says itself."""
        return self.author or self.gist.agent


@dataclass(frozen=True, slots=True)
class Part:
    """What one author says of a trace as a whole, in a native post."""

    author: str
    started_at: Micros
    ended_at: Micros | None = None
    model: str | None = None
    session_id: str | None = None
    status: str = "ok"


class AgentShare(NamedTuple):
    """One agent's share of a trace: what its statistics are made of.

    `duration_ns` is from its first start to its last end, None while nothing has ended.
    """

    agent: str
    version: str
    instance: str
    is_error: bool
    duration_ns: int | None
    span_count: int
    prompt_tokens: int | None
    completion_tokens: int | None
    cost_nano: int | None


class Derived(NamedTuple):
    """A trace's summary, what it is found by, and the shares of its agents."""

    summary: TraceSummary
    labels: tuple[str, ...]
    shares: tuple[AgentShare, ...]


def summarise(
    trace_id: str,
    spans: Iterable[SpanFacts],
    parts: Iterable[Part],
    logs: Iterable[LogFacts] = (),
    users: Iterable[str] = (),
) -> Derived:
    """The whole of a trace, out of all there is of it, in any order.

    `users` are those for whom its spans and parts were written, by credential.
    """
    ordered = sorted(spans, key=attrgetter("start_ns", "span_id"))
    parts = sorted(parts, key=attrgetter("started_at", "author"))
    logs = sorted(logs, key=lambda log: (log.time_ns, encode_gist(log.gist)))
    root = root_of(ordered)
    # What the root says of the trace counts before what any other span says, and that before logs.
    gists = [root.gist] if root else []
    gists += [span.gist for span in ordered]
    gists += [log.gist for log in logs]
    whole = _Whole(ordered, parts, logs, root, gists, counted_spans(ordered))
    summary = _summary(trace_id, whole)
    shares = _shares(ordered, whole.counted)
    known = tuple([share for share in shares if share.agent in summary.agents])
    return Derived(summary, _labels(summary, ordered, users), known)


class _Whole(NamedTuple):
    """All there is of a trace, in order."""

    spans: Sequence[SpanFacts]
    parts: Sequence[Part]
    logs: Sequence[LogFacts]
    root: SpanFacts | None
    gists: Sequence[Gist]
    counted: Sequence[SpanFacts]


def _summary(trace_id: str, whole: _Whole) -> TraceSummary:
    spans, parts, gists, counted = whole.spans, whole.parts, whole.gists, whole.counted
    started, ended, duration = _times(spans, parts, whole.logs)
    kinds = [span.gist.operation for span in spans]
    calls = [span.gist for span in spans if span.gist.operation in CALLS]
    used = [span.gist for span in counted]
    return TraceSummary(
        trace_id=trace_id,
        started_at=started,
        ended_at=ended,
        model=_first([*[part.model for part in parts], *[each.model for each in gists]]),
        session_id=_first(
            [*[part.session_id for part in parts], *[each.session_id for each in gists]]
        ),
        status="error" if _has_failed(spans, parts) else "ok",
        duration_ms=None if duration is None else duration / 1e6,
        span_count=len(spans),
        error_count=sum([span.is_error for span in spans]),
        tool_calls=kinds.count("tool"),
        prompt_tokens=_sum([each.input_tokens for each in used]),
        completion_tokens=_sum([each.output_tokens for each in used]),
        agents=_agents(spans, parts),
        name=whole.root.name if whole.root else "",
        user_id=_first([each.user_id for each in gists]),
        environment=_first([each.environment for each in gists]),
        llm_calls=len(calls),
        cached_tokens=_sum([each.cached_input for each in used]),
        reasoning_tokens=_sum([each.reasoning for each in used]),
        cost_nano=_sum([each.cost_nano for each in used]),
        models=_distinct([each.model for each in calls]),
        is_ahead=True in [each.is_ahead for each in gists],
    )


def _agents(spans: Sequence[SpanFacts], parts: Sequence[Part]) -> tuple[str, ...]:
    names = {span.author or span.gist.agent for span in spans} | {part.author for part in parts}
    return tuple(sorted(names - {""}))[:MAX_AGENTS]


def root_of(ordered: Sequence[SpanFacts]) -> SpanFacts | None:
    """The earliest span whose parent is not in the trace; one without any parent comes first."""
    for span in ordered:
        if span.parent_span_id is None:
            return span
    known = {span.span_id for span in ordered}
    loose = (span for span in ordered if span.parent_span_id not in known)
    # Spans that are each other's parents, which no tracer makes, have no root: the earliest then.
    return next(loose, None) or next(iter(ordered), None)


def counted_spans(ordered: Sequence[SpanFacts]) -> list[SpanFacts]:
    """The spans whose usage counts: model calls, and of nested ones the innermost.

    What is around a call repeats its usage. Its sum counts only where no call of the trace tells
    any (contracts 3.2, rule 2).
    """
    for kinds in (CALLS, WRAPPERS):
        users = [span for span in ordered if span.gist.operation in kinds and span.gist.has_usage]
        if users:
            around = _around(users, ordered)
            return [span for span in users if span.span_id not in around]
    return []


def _around(users: Sequence[SpanFacts], ordered: Sequence[SpanFacts]) -> set[str]:
    """Ids of all spans around any of these."""
    parents = {span.span_id: span.parent_span_id for span in ordered}
    seen: set[str] = set()
    for span in users:
        above = span.parent_span_id
        while above is not None and above in parents and above not in seen:
            seen.add(above)
            above = parents[above]
    return seen


def _times(
    ordered: Sequence[SpanFacts], parts: Sequence[Part], logs: Sequence[LogFacts]
) -> tuple[Micros, Micros | None, int | None]:
    """Start and end of a trace, and the nanoseconds from its first start to its last end."""
    first = ordered[0].start_ns if ordered else None
    if first is None and not parts and logs:
        return Micros(logs[0].time_ns // 1000), None, None
    last = max((span.end_ns for span in ordered if span.end_ns is not None), default=None)
    said = parts[0].started_at if parts else None
    ended = max((part.ended_at for part in parts if part.ended_at is not None), default=None)
    if first is not None and (said is None or said > first // 1000 + 1):
        said = Micros(first // 1000)
    if last is not None and (ended is None or ended < last // 1000):
        ended = Micros(last // 1000)
    duration = None if first is None or last is None else _between(first, last)
    return said or Micros(0), ended, duration


def _between(first: int, last: int) -> int:
    return max(0, min(last - first, MAX_NANOS))


def _has_failed(spans: Sequence[SpanFacts], parts: Sequence[Part]) -> bool:
    return True in [span.is_error for span in spans] or "error" in [part.status for part in parts]


def _labels(
    summary: TraceSummary, ordered: Sequence[SpanFacts], users: Iterable[str]
) -> tuple[str, ...]:
    found: dict[str, None] = {}
    # By the first two it is decided who sees a trace: they come before what may be cut.
    for key, values in (
        (OWNER, sorted({*users} - {""})[:MAX_USERS]),
        ("agent", summary.agents),
        ("model", summary.models),
        ("environment", [summary.environment]),
        ("tool", dict.fromkeys([span.gist.tool_name for span in ordered])),
        ("kind", dict.fromkeys([span.gist.operation for span in ordered])),
        ("tag", [tag for span in ordered for tag in span.gist.tags]),
    ):
        for value in values:
            if value:
                found[label(key, value)] = None
    return tuple(found)[:MAX_LABELS]


def label(key: str, value: str) -> str:
    """What a trace is found by: `agent=planner`."""
    return f"{key}={value}"


def _shares(ordered: Sequence[SpanFacts], counted: Sequence[SpanFacts]) -> Iterable[AgentShare]:
    used = _by_agent(counted)
    for agent, spans in sorted(_by_agent(ordered).items()):
        if agent:
            yield _share(agent, spans, used.get(agent, ()))


def _by_agent(spans: Iterable[SpanFacts]) -> Mapping[str, Sequence[SpanFacts]]:
    found: dict[str, list[SpanFacts]] = {}
    for span in spans:
        found.setdefault(span.author or span.gist.agent, []).append(span)
    return found


def _share(agent: str, spans: Sequence[SpanFacts], counted: Sequence[SpanFacts]) -> AgentShare:
    """Of spans in order."""
    ends = [span.end_ns for span in spans if span.end_ns is not None]
    own = root_of(spans) or spans[0]
    used = [span.gist for span in counted]
    return AgentShare(
        agent,
        _first([span.gist.agent_version for span in spans]) or "",
        _first([span.gist.instance for span in spans]) or "",
        own.is_error,
        _between(spans[0].start_ns, max(ends)) if ends else None,
        len(spans),
        _sum([each.input_tokens for each in used]),
        _sum([each.output_tokens for each in used]),
        _sum([each.cost_nano for each in used]),
    )


def _first(values: Iterable[T | None]) -> T | None:
    for value in values:
        if value is not None:
            return value
    return None


def _distinct(values: Iterable[str | None]) -> tuple[str, ...]:
    return tuple(dict.fromkeys([value for value in values if value]))


def _sum(counts: Iterable[int | None]) -> int | None:
    known = [count for count in counts if count is not None]
    return min(sum(known), MOST_COUNTED) if known else None
