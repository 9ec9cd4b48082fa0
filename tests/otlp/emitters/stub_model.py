"""What the stub model answers: first a tool call, then an answer; in three protocols, by rule.

Asked about Atlantis it refuses the request. Usage is the same in all protocols: see `USAGE`.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

ASKED = "gpt-4o-mini"
"""The model that scenarios ask for."""

ANSWERED = "gpt-4o-mini-2024-07-18"
"""The model that answers, which is more precise."""

GEMINI = "gemini-2.5-flash"
"""The same for the protocol of Gemini: it answers as what it was asked for."""

TOOL = "get_weather"
ARGUMENTS = {"city": "Paris"}
CALL_ID = "call_weather1"
ANSWER = "It is 18 degrees and sunny in Paris."
REFUSAL = "Atlantis is not on any map."


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens of one call. `cached` is part of `read`, `reasoned` is part of `written`."""

    read: int
    cached: int
    written: int
    reasoned: int


USAGE = {"call": Usage(52, 32, 17, 6), "answer": Usage(85, 48, 21, 9)}
"""What the turn that calls the tool costs, and what the answer costs."""

Reply = tuple[int, dict[str, Any] | list[dict[str, Any]]]
"""A status, and a body or the events of a stream."""


def chat(asked: dict[str, Any]) -> Reply:
    """`POST /v1/chat/completions` of OpenAI."""
    if _is_refused(asked["messages"]):
        return 400, _refusal()
    turn = _turn(asked["messages"], '"role": "tool"')
    calls = [{"id": CALL_ID, "type": "function", "function": _function(json.dumps(ARGUMENTS))}]
    said: dict[str, Any] = {"role": "assistant", "content": ANSWER}
    if turn == "call":
        said = {"role": "assistant", "content": None, "tool_calls": calls}
    reason = "tool_calls" if turn == "call" else "stop"
    if asked.get("stream"):
        return 200, list(_chunks(turn, said, reason))
    choice = {"index": 0, "message": {**said, "refusal": None}, "finish_reason": reason}
    kind = {"object": "chat.completion"}
    return 200, _head(turn) | kind | {"choices": [choice], "usage": _chat_usage(USAGE[turn])}


def responses(asked: dict[str, Any]) -> Reply:
    """`POST /v1/responses` of OpenAI."""
    if _is_refused(asked["input"]):
        return 400, _refusal()
    turn = _turn(asked["input"], '"type": "function_call_output"')
    text = {"type": "output_text", "text": ANSWER, "annotations": []}
    message = {"type": "message", "id": "msg_1", "status": "completed", "role": "assistant"}
    call = {"type": "function_call", "id": "fc_1", "call_id": CALL_ID, "status": "completed"}
    call |= _function(json.dumps(ARGUMENTS))
    output = call if turn == "call" else {**message, "content": [text]}
    return 200, {
        "id": f"resp_{turn}",
        "object": "response",
        "created_at": 1_700_000_000,
        "status": "completed",
        "model": ANSWERED,
        "output": [output],
        "parallel_tool_calls": True,
        "tool_choice": "auto",
        "tools": asked.get("tools", []),
        "usage": _responses_usage(USAGE[turn]),
    }


def generate_content(asked: dict[str, Any]) -> Reply:
    """`POST /v1beta/models/{model}:generateContent` of Gemini."""
    if _is_refused(asked["contents"]):
        return 400, {"error": {"code": 400, "message": REFUSAL, "status": "INVALID_ARGUMENT"}}
    turn = _turn(asked["contents"], '"functionResponse"')
    call = {"functionCall": {"id": CALL_ID, "name": TOOL, "args": ARGUMENTS}}
    content = {"role": "model", "parts": [call if turn == "call" else {"text": ANSWER}]}
    return 200, {
        "candidates": [{"index": 0, "content": content, "finishReason": "STOP"}],
        "modelVersion": GEMINI,
        "responseId": f"resp_{turn}",
        "usageMetadata": _gemini_usage(USAGE[turn]),
    }


ROUTES: dict[str, Callable[[dict[str, Any]], Reply]] = {
    "/v1/chat/completions": chat,
    "/v1/responses": responses,
    f"/v1beta/models/{GEMINI}:generateContent": generate_content,
}


def _turn(messages: Any, result: str) -> str:
    return "answer" if result in json.dumps(messages) else "call"


def _is_refused(messages: Any) -> bool:
    return "Atlantis" in json.dumps(messages)


def _refusal() -> dict[str, Any]:
    return {"error": {"message": REFUSAL, "type": "invalid_request_error", "code": "no_place"}}


def _function(arguments: str) -> dict[str, Any]:
    return {"name": TOOL, "arguments": arguments}


def _head(turn: str) -> dict[str, Any]:
    return {"id": f"chatcmpl-{turn}", "created": 1_700_000_000, "model": ANSWERED}


def _chunks(turn: str, said: dict[str, Any], reason: str) -> Iterator[dict[str, Any]]:
    head = {**_head(turn), "object": "chat.completion.chunk"}
    calls = [{"index": 0, **call} for call in said.get("tool_calls", ())]
    delta = {**said, "tool_calls": calls} if calls else said
    yield head | {"choices": [{"index": 0, "delta": delta, "finish_reason": None}]}
    yield head | {"choices": [{"index": 0, "delta": {}, "finish_reason": reason}]}
    yield head | {"choices": [], "usage": _chat_usage(USAGE[turn])}


def _chat_usage(used: Usage) -> dict[str, Any]:
    return {
        "prompt_tokens": used.read,
        "completion_tokens": used.written,
        "total_tokens": used.read + used.written,
        "prompt_tokens_details": {"cached_tokens": used.cached},
        "completion_tokens_details": {"reasoning_tokens": used.reasoned},
    }


def _responses_usage(used: Usage) -> dict[str, Any]:
    return {
        "input_tokens": used.read,
        "input_tokens_details": {"cached_tokens": used.cached},
        "output_tokens": used.written,
        "output_tokens_details": {"reasoning_tokens": used.reasoned},
        "total_tokens": used.read + used.written,
    }


def _gemini_usage(used: Usage) -> dict[str, Any]:
    """Gemini counts thoughts beside what it wrote."""
    return {
        "promptTokenCount": used.read,
        "cachedContentTokenCount": used.cached,
        "candidatesTokenCount": used.written - used.reasoned,
        "thoughtsTokenCount": used.reasoned,
        "totalTokenCount": used.read + used.written,
    }
