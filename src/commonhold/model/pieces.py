"""What a message says: text, tool calls, results. Pure, and never raises.

It reads the shapes of three APIs, and of the `parts` that OpenTelemetry writes messages in.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import msgspec

Kind = Literal["text", "thought", "call", "result", "other"]


@dataclass(frozen=True, slots=True)
class Piece:
    """One part of a message. `name` is the tool of a call, `call_id` what ties a result to it.

    `given` are the arguments of a call as JSON text, or as they were sent where they are no JSON.
    """

    kind: Kind
    text: str
    name: str = ""
    call_id: str = ""
    given: str = ""


def pieces(content: str) -> list[Piece]:
    """The parts of a message in the order of reading: OpenAI Chat, Responses, Anthropic."""
    try:
        message = msgspec.json.decode(content)
    except (ValueError, RecursionError):
        return [Piece("other", content)]
    if not isinstance(message, Mapping):
        return [Piece("other", content)]
    found = list(_said(message))
    return found or [Piece("other", "(nothing)")]


def _said(message: Mapping[str, Any]) -> Iterator[Piece]:
    kind = str(message.get("type") or "")
    if kind.endswith("_output"):
        yield _result(message.get("output"), message.get("call_id"))
    elif kind.endswith("_call"):
        yield _call(message, "arguments", "input", "action", "operation")
    elif kind == "reasoning":
        yield from _thought(message.get("summary"))
    elif message.get("role") == "tool":
        yield _result(message.get("content"), message.get("tool_call_id"))
    else:
        yield from _spoken(message)


def _spoken(message: Mapping[str, Any]) -> Iterator[Piece]:
    yield from _thought(message.get("reasoning_content"))
    yield from _parts(message.get("content"))
    yield from _parts(message.get("parts"))
    if isinstance(message.get("refusal"), str):
        yield Piece("text", message["refusal"])
    calls = message.get("tool_calls")
    for call in calls if isinstance(calls, list) else ():
        yield _chat_call(call)
    if not {"content", "parts", "tool_calls", "refusal"} & message.keys():
        rest = {key: value for key, value in message.items() if key not in ("id", "role")}
        if rest:
            yield Piece("other", flat(rest))


def _parts(content: object) -> Iterator[Piece]:
    if isinstance(content, list):
        for part in content:
            yield from _part(part)
    elif content not in (None, ""):
        yield Piece("text" if isinstance(content, str) else "other", flat(content))


def _part(part: object) -> Iterator[Piece]:
    if not isinstance(part, Mapping):
        yield Piece("text" if isinstance(part, str) else "other", flat(part))
        return
    kind = str(part.get("type") or "")
    if kind in ("text", "input_text", "output_text", "refusal"):
        yield Piece("text", flat(_first(part, "text", "refusal", "content") or ""))
    elif kind in ("thinking", "reasoning"):
        yield from _thought(_first(part, "thinking", "text", "summary", "content"))
    elif kind.endswith(("tool_use", "tool_call")):
        yield _call(part, "input", "arguments")
    elif kind.endswith("tool_result"):
        yield _result(part.get("content"), part.get("tool_use_id"))
    elif kind == "tool_call_response":
        yield _result(_first(part, "response", "result"), part.get("id"))
    else:
        yield Piece("other", f"({kind}) {flat(part)}" if kind else flat(part))


def _first(part: Mapping[str, Any], *names: str) -> object:
    """What a part has under the first of these names that says anything."""
    return next((part[name] for name in names if part.get(name)), None)


def _thought(value: object) -> Iterator[Piece]:
    said = _joined(value)
    if said:
        yield Piece("thought", said)


def _chat_call(call: object) -> Piece:
    if not isinstance(call, Mapping):
        return Piece("call", flat(call))
    inner = call.get("function") or call.get("custom")
    body = inner if isinstance(inner, Mapping) else call
    return _call({"id": call.get("id"), **body}, "arguments", "input")


def _call(body: Mapping[str, Any], *names: str) -> Piece:
    """A call, its arguments under the first of these names that it has."""
    given = next((body[name] for name in names if body.get(name) is not None), None)
    name = flat(body.get("name") or body.get("type") or "")
    call_id = flat(body.get("call_id") or body.get("id") or "")
    return Piece("call", arguments(given), name, call_id, "{}" if given is None else flat(given))


def _result(value: object, call_id: object) -> Piece:
    return Piece("result", _joined(value), call_id=flat(call_id or ""))


def _joined(value: object) -> str:
    """The texts of a list of parts, one below the other; whatever else it is, flat."""
    if not isinstance(value, list):
        return "" if value is None else flat(value)
    return "\n".join(
        flat(part["text"]) if isinstance(part, Mapping) and "text" in part else flat(part)
        for part in value
    )


def arguments(given: object) -> str:
    """The arguments of a call as a programmer writes them: `city="Bern", days=3`."""
    if isinstance(given, str):
        try:
            decoded = msgspec.json.decode(given) if given else {}
        except (ValueError, RecursionError):
            return given
        given = decoded if isinstance(decoded, Mapping) else given
    if isinstance(given, Mapping):
        return ", ".join(f"{name}={_compact(value)}" for name, value in given.items())
    return "" if given is None else flat(given)


def flat(value: object) -> str:
    """A text as it is; any other JSON value as compact JSON."""
    return value if isinstance(value, str) else _compact(value)


def _compact(value: object) -> str:
    try:
        return msgspec.json.encode(value).decode()
    except (RecursionError, ValueError, OverflowError):
        return "…"
