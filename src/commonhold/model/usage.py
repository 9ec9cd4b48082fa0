"""What a session used, and what that costs."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Rate:
    """US dollars per thousand tokens and per request; None where no price is known."""

    input_per_1k: float | None = None
    output_per_1k: float | None = None
    cached_input_per_1k: float | None = None
    per_request: float | None = None


UNPRICED = Rate()


@dataclass(frozen=True, slots=True)
class Usage:
    """The counters of a session, with their price in US dollars.

    `cost_usd` is None when the model has no known price: a zero would be a claim. `cached_tokens`
    are a part of `input_tokens`.
    """

    session_id: str
    model: str | None = None
    input_tokens: int = 0
    output_tokens: int = 0
    cached_tokens: int = 0
    turn_count: int = 0
    cost_usd: float | None = None
    pricing: Rate = UNPRICED
