"""Agents: who they are by what is written, and what they did."""

from __future__ import annotations

from dataclasses import dataclass

from commonhold.errors import FieldError, InvalidRequest
from commonhold.model.clock import Micros

WEEK = 7 * 24 * 3_600_000_000
"""The window of statistics that is taken when none is asked for, in microseconds."""


@dataclass(frozen=True, slots=True)
class AgentInstance:
    """One process of one version of an agent; what it did not tell is empty."""

    version: str
    instance: str
    first_seen_at: Micros
    last_seen_at: Micros


@dataclass(frozen=True, slots=True)
class Agent:
    """An agent, and what it did in a window.

    A request is its work in one trace: it failed if the outermost of its spans there did, and took
    from the first start of these to their last end. `p50_ms` and `p95_ms` are by nearest rank, None
    where nothing ended. Tokens and cost are None where no model call told any.
    """

    agent: str
    first_seen_at: Micros
    last_seen_at: Micros
    instances: tuple[AgentInstance, ...] = ()
    requests: int = 0
    errors: int = 0
    p50_ms: float | None = None
    p95_ms: float | None = None
    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    cost_nano: int | None = None
    thumbs_up: int = 0
    thumbs_down: int = 0

    @property
    def error_rate(self) -> float | None:
        """The share of its requests that failed; None where there were none."""
        return self.errors / self.requests if self.requests else None

    @property
    def versions(self) -> tuple[str, ...]:
        """Its versions, the one seen last first."""
        return tuple(dict.fromkeys(each.version for each in self.instances if each.version))


@dataclass(frozen=True, slots=True)
class AgentQuery:
    """Which agents, and the window of what they did; a week up to now unless it is said.

    Raises:
        InvalidRequest: the window ends before it begins.
    """

    agent: str | None = None
    since: Micros | None = None
    until: Micros | None = None

    def __post_init__(self) -> None:
        if self.since is not None and self.until is not None and self.since > self.until:
            rule = "must not be after until"
            raise InvalidRequest(f"since {rule}.", errors=[FieldError(("since",), rule)])

    def window(self, now: Micros) -> tuple[Micros, Micros]:
        """Its beginning, inclusive, and its end, exclusive."""
        until = Micros(now + 1) if self.until is None else self.until
        return Micros(until - WEEK) if self.since is None else self.since, until
