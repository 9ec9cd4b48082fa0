"""The workloads: what is asked, how often it changes, and how much faster we promise to be."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from bench import payloads
from bench.payloads import MARK, encode

Kind = Literal["write", "list", "stats", "read", "probe"]
TARGETS: dict[Kind, float] = {"write": 3.0, "list": 3.0, "stats": 3.0, "read": 2.0, "probe": 2.0}
"""How many times the baseline's rate each kind must reach."""

SESSIONS, TRACES, VOTES = 200, 2_000, 10_000
MESSAGES = 20
VARIANTS = 64


@dataclass(frozen=True, slots=True)
class Call:
    """One HTTP request to replay."""

    method: str
    path: str
    body: dict[str, Any] | None = None

    def as_lua(self) -> str:
        """The request as a Lua table."""
        body = "" if self.body is None else f", body = [==[{encode(self.body)}]==]"
        return f'{{ method = "{self.method}", path = "{self.path}"{body} }}'


@dataclass(frozen=True, slots=True)
class Seeded:
    """What is in a service before it is measured."""

    sessions: Sequence[str] = field(default=())
    traces: Sequence[str] = field(default=())
    votes: Sequence[str] = field(default=())


@dataclass(frozen=True, slots=True)
class Workload:
    """A named list of calls, replayed round and round.

    A `conversation` goes on in one session until the list begins again.
    """

    name: str
    title: str
    kind: Kind
    calls: Callable[[Seeded], list[Call]]
    conversation: bool = False

    @property
    def target(self) -> float:
        """The ratio to reach."""
        return TARGETS[self.kind]


def seed_calls() -> tuple[list[Call], list[Call], list[Call]]:
    """The posts that fill a service: sessions, traces, votes."""
    keys = [f"{n:016x}" for n in range(max(SESSIONS, TRACES, VOTES))]
    return (
        [
            Call("PUT", f"/v1/sessions/sess_{key}", payloads.conversation(key, MESSAGES))
            for key in keys[:SESSIONS]
        ],
        [
            Call("POST", "/v1/traces", payloads.trace(f"trace_{key}", turn))
            for turn, key in enumerate(keys[:TRACES])
        ],
        [
            Call("POST", "/v1/feedback", payloads.vote(key, turn))
            for turn, key in enumerate(keys[:VOTES])
        ],
    )


def _put_growing(_: Seeded) -> list[Call]:
    return [
        Call("PUT", f"/v1/sessions/sess_{MARK}", payloads.conversation(MARK, length))
        for length in range(1, MESSAGES + 1)
    ]


def _patch_cost(seeded: Seeded) -> list[Call]:
    return [
        Call("PATCH", f"/v1/sessions/{key}", payloads.cost(turn))
        for turn, key in enumerate(seeded.sessions, start=1)
    ]


def _post_trace(_: Seeded) -> list[Call]:
    return [
        Call("POST", "/v1/traces", payloads.trace(f"trace_{MARK}", turn))
        for turn in range(VARIANTS)
    ]


def _post_vote(_: Seeded) -> list[Call]:
    return [Call("POST", "/v1/feedback", payloads.vote(MARK, turn)) for turn in range(VARIANTS)]


def _each(method: str, path: str, of: Literal["sessions", "traces", "votes"]) -> Any:
    def calls(seeded: Seeded) -> list[Call]:
        keys: Sequence[str] = getattr(seeded, of)
        return [Call(method, path.format(key)) for key in keys]

    return calls


def _one(path: str) -> Callable[[Seeded], list[Call]]:
    return lambda _: [Call("GET", path)]


ALL: tuple[Workload, ...] = (
    Workload("healthz", "GET /healthz", "probe", _one("/healthz")),
    Workload("session-head", "HEAD session", "probe", _each("HEAD", "/v1/sessions/{}", "sessions")),
    Workload(
        "session-get",
        "GET session, 20 messages",
        "read",
        _each("GET", "/v1/sessions/{}", "sessions"),
    ),
    Workload(
        "cost-get", "GET cost_data", "read", _each("GET", "/v1/sessions/{}/cost_data", "sessions")
    ),
    Workload("trace-get", "GET trace, 8 spans", "read", _each("GET", "/v1/traces/{}", "traces")),
    Workload("feedback-get", "GET feedback", "read", _each("GET", "/v1/feedback/{}", "votes")),
    Workload("trace-list", "list 50 of 2,000 traces", "list", _one("/v1/traces?limit=50&offset=0")),
    Workload(
        "feedback-list", "list 50 of 10,000 votes", "list", _one("/v1/feedback?limit=50&offset=0")
    ),
    Workload(
        "feedback-stats",
        "stats by day, 10,000 votes",
        "stats",
        _one("/v1/feedback/stats?window=day"),
    ),
    Workload("cost-patch", "PATCH cost_data", "write", _patch_cost),
    Workload("session-put", "PUT session, growing to 20", "write", _put_growing, conversation=True),
    Workload("trace-post", "POST trace, 8 spans", "write", _post_trace),
    Workload("feedback-post", "POST feedback", "write", _post_vote),
)
"""Reads first: the writes after them add to what is stored."""


def named(names: Sequence[str]) -> tuple[Workload, ...]:
    """The workloads whose name holds one of `names`; all when there are none.

    Raises:
        KeyError: a name fits none of them.
    """
    if not names:
        return ALL
    for name in names:
        if not any(name in workload.name for workload in ALL):
            raise KeyError(name)
    return tuple(w for w in ALL if any(name in w.name for name in names))
