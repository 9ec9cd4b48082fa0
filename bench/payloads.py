"""The bodies both services get: what a chat agent with tools sends."""

from __future__ import annotations

import json
from itertools import product
from random import Random
from typing import Any

MARK = "@" * 16
"""Stands for an id that `replay.lua` makes up for every request."""

AGENT_TYPES = ("billing", "support", "search", "router", "writer")
MODEL = "llama-3.3-70b-instruct"
STARTED = "2026-01-15T09:%02d:%02d.250000+00:00"

QUESTION = (
    "My invoice for last month shows two charges for the same plan. Can you find out why, and "
    "tell me which of the two will be refunded? I changed from monthly to yearly on the 12th."
)
ANSWER = (
    "I looked at your account. The first charge is the monthly plan that renewed on the 3rd, the "
    "second is the yearly plan you chose on the 12th. The unused part of the monthly plan is "
    "credited automatically; you will see it on the next invoice as a negative line. There is "
    "nothing you need to do. Would you like me to send the calculation to your e-mail address?"
)

_SYLLABLES = ("ra", "ten", "mo", "vi", "sul", "ke", "dor", "pa", "lin", "us", "est", "ga")
WORDS = tuple("".join(parts) for size in (1, 2, 3) for parts in product(_SYLLABLES, repeat=size))


def message(key: str, turn: int) -> dict[str, Any]:
    """Message number `turn` of a conversation: a question or an answer, about 300 bytes."""
    role, text = ("user", QUESTION) if turn % 2 == 0 else ("assistant", ANSWER)
    return {"role": role, "content": f"({turn}) {text}", "id": f"msg_{key}_{turn:08x}"}


def varied(key: str, turn: int) -> dict[str, Any]:
    """The same in words that never repeat as a whole, so that it compresses no better than text."""
    count, role = (26, "user") if turn % 2 == 0 else (44, "assistant")
    text = " ".join(Random(f"{key}/{turn}").choices(WORDS, k=count))
    return {"role": role, "content": text, "id": f"msg_{turn:016x}"}


def conversation(key: str, length: int) -> dict[str, Any]:
    """The body of a PUT of `length` messages."""
    return {"messages": [message(key, turn) for turn in range(length)]}


def cost(turn: int) -> dict[str, Any]:
    """The body of a PATCH after turn `turn`."""
    return {
        "cost_data": {
            "input_tokens": 412 * turn,
            "output_tokens": 97 * turn,
            "cached_tokens": 0,
            "model": MODEL,
            "turn_count": turn,
        }
    }


def trace(key: str, turn: int) -> dict[str, Any]:
    """A trace of eight spans: a request of two steps with a model call and two tools each."""
    minute, second = divmod(turn, 60)
    clock = 81_234.5 + turn
    spans = [_span(key, 0, None, "request", clock, 2.4, {"model": MODEL, "stream": True})]
    for step in (1, 2):
        base = (step - 1) * 3 + 1
        at = clock + step
        spans.append(_span(key, base, 0, f"step:{step}", at, 0.9, {"iteration": step}))
        spans.append(_span(key, base + 1, base, "model_call", at, 0.6, _usage(step)))
        spans.append(_span(key, base + 2, base, f"tool:search_{step}", at + 0.6, 0.2, _tool()))
    spans.append(_span(key, 7, 4, "tool:send_mail", clock + 2.9, 0.1, _tool()))
    return {
        "trace_id": key,
        "started_at": STARTED % (minute % 60, second),
        "ended_at": STARTED % ((minute + 1) % 60, second),
        "model": MODEL,
        "session_id": f"sess_{key}",
        "status": "ok",
        "spans": spans,
    }


def _span(
    key: str,
    number: int,
    parent: int | None,
    name: str,
    start: float,
    seconds: float,
    attributes: dict[str, Any],
) -> dict[str, Any]:
    return {
        "trace_id": key,
        "span_id": f"span_{number:016x}",
        "parent_span_id": None if parent is None else f"span_{parent:016x}",
        "name": name,
        "start_time": start,
        "end_time": start + seconds,
        "status": "ok",
        "attributes": attributes,
        "events": [{"name": f"{name}.done", "timestamp": start + seconds, "body": "completed"}],
    }


def _usage(step: int) -> dict[str, Any]:
    return {
        "prompt_tokens": 400 * step,
        "completion_tokens": 80,
        "total_tokens": 400 * step + 80,
        "gen_ai.request.model": MODEL,
        "gen_ai.usage.input_tokens": 400 * step,
        "gen_ai.usage.output_tokens": 80,
    }


def _tool() -> dict[str, Any]:
    return {"tool_name": "search", "content_length": 1834, "is_error": False}


def vote(key: str, turn: int) -> dict[str, Any]:
    """The body of a feedback POST."""
    return {
        "rating": -1 if turn % 5 == 0 else 1,
        "trace_id": f"trace_{key}",
        "session_id": f"sess_{key}",
        "comment": "[accuracy] The second charge was explained well.",
        "model_id": MODEL,
        "latency_ms": 1834.5,
        "turn_index": turn % 40,
        "agent_type": AGENT_TYPES[turn % len(AGENT_TYPES)],
    }


def encode(body: dict[str, Any]) -> str:
    """A body as an HTTP client would send it."""
    return json.dumps(body, separators=(",", ":"), ensure_ascii=False)
