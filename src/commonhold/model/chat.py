"""Messages as fine-tuning reads them: the shape of OpenAI Chat Completions, whatever they were.

Pure, and never raises. Texts, tool calls and results are carried over; thoughts, pictures and files
are left out.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec

from commonhold.model.pieces import Piece, flat, pieces

Chat = dict[str, Any]
"""One message: `role` and `content`, or `tool_calls` or `tool_call_id`."""

_SYSTEM = ("system", "developer")

_decode = msgspec.json.Decoder().decode


def chat_of(content: str) -> list[Chat]:
    """A message of any API, as JSON text: none where it says nothing, several where it mixes."""
    found = pieces(content)
    told: list[Chat] = [_result(piece) for piece in found if piece.kind == "result"]
    calls = [_call(piece) for piece in found if piece.kind == "call"]
    text = "\n".join(piece.text for piece in found if piece.kind == "text").strip()
    role = "assistant" if calls else _role(content)
    if role and (text or calls):
        message: Chat = {"role": role}
        message |= {"content": text} if text else {}
        message |= {"tool_calls": calls} if calls else {}
        told.append(message)
    return told


def said(text: str | None, role: str) -> list[Chat]:
    """What a question or an answer holds: a message, or the input or output of a trace.

    Those are texts, which may be messages as JSON, or plain and then said by `role`.
    """
    value = _read(text or "")
    if isinstance(value, str):
        value = _messages(value) or {"role": role, "content": value}
    messages = value if isinstance(value, list) else [value]
    return [chat for each in messages for chat in chat_of(flat(each))]


def last_text(messages: Sequence[Chat], role: str) -> str | None:
    """The last text that somebody of this role said, if any did."""
    texts = (each.get("content") for each in reversed(messages) if each["role"] == role)
    return next((text for text in texts if text), None)


def prompt(messages: Iterable[Chat], most: int) -> list[Chat]:
    """What an answer answers: the end of a conversation, of at most so many characters.

    What the system said stands first. Then a user speaks, every call has its results behind it and
    every result its call, nobody speaks twice in a row, and the assistant not last. Empty where no
    user speaks.
    """
    told = list(messages)
    system = "\n\n".join(dict.fromkeys(each["content"] for each in told if each["role"] in _SYSTEM))
    spoken = _from_user(_within(_paired(told), most))
    while spoken and spoken[-1]["role"] == "assistant":
        spoken.pop()
    first = [{"role": "system", "content": system}] if system else []
    return [*first, *spoken] if spoken else []


def _paired(messages: Iterable[Chat]) -> list[Chat]:
    """Neighbours of one role as one, without calls that have no result, or results without call."""
    spoken = [each for each in messages if each["role"] not in _SYSTEM]
    return _merged(_answered(_merged(spoken)))


def _merged(messages: Iterable[Chat]) -> list[Chat]:
    joined: list[Chat] = []
    for each in messages:
        if joined and joined[-1]["role"] == each["role"] != "tool":
            joined[-1] = _joined(joined[-1], each)
        else:
            joined.append(each)
    return joined


def _answered(messages: Sequence[Chat]) -> list[Chat]:
    kept: list[Chat] = []
    for at, each in enumerate(messages):
        if each["role"] == "tool":
            continue
        results = _results(messages, at)
        calls = [call for call in each.get("tool_calls", ()) if call["id"] in results]
        bare = {name: value for name, value in each.items() if name != "tool_calls"}
        told = {**bare, "tool_calls": calls} if calls else bare
        if "content" in told or calls:
            kept += [told, *(results[call["id"]] for call in calls)]
    return kept


def _results(messages: Sequence[Chat], at: int) -> dict[str, Chat]:
    """The results directly behind a message, by the id of their call."""
    found: dict[str, Chat] = {}
    for each in messages[at + 1 :]:
        if each["role"] != "tool":
            break
        found.setdefault(each["tool_call_id"], each)
    return found


def _joined(one: Chat, other: Chat) -> Chat:
    texts = [each["content"] for each in (one, other) if "content" in each]
    calls = [*one.get("tool_calls", ()), *other.get("tool_calls", ())]
    told: Chat = {"role": one["role"]}
    told |= {"content": "\n\n".join(texts)} if texts else {}
    return told | ({"tool_calls": calls} if calls else {})


def _within(messages: Sequence[Chat], most: int) -> list[Chat]:
    """The end of a conversation; its last message whatever its length."""
    kept: list[Chat] = []
    for each in reversed(messages):
        most -= len(flat(each))
        if most < 0 and kept:
            break
        kept.append(each)
    return kept[::-1]


def _from_user(messages: Sequence[Chat]) -> list[Chat]:
    starts = (at for at, each in enumerate(messages) if each["role"] == "user")
    start = next(starts, None)
    return [] if start is None else list(messages[start:])


def _role(content: str) -> str | None:
    message = _read(content)
    role = message.get("role") if isinstance(message, Mapping) else None
    return role if role in (*_SYSTEM, "user", "assistant") else None


def _messages(text: str) -> list[Any]:
    """The messages that a text is the JSON of; none where it is anything else."""
    value = _read(text) if text.lstrip()[:1] in ("{", "[") else None
    if isinstance(value, Mapping):
        value = value["messages"] if isinstance(value.get("messages"), list) else [value]
    told = value if isinstance(value, list) else []
    return told if all(isinstance(each, Mapping) and "role" in each for each in told) else []


def _call(piece: Piece) -> Chat:
    function = {"name": piece.name, "arguments": piece.given}
    return {"id": piece.call_id, "type": "function", "function": function}


def _result(piece: Piece) -> Chat:
    return {"role": "tool", "tool_call_id": piece.call_id, "content": piece.text}


def _read(text: str) -> Any:
    try:
        return _decode(text)
    except (ValueError, RecursionError):
        return text
