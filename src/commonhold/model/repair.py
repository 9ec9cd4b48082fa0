"""Tool calls that never got a result: which they are, and messages that close them. Pure.

A model API refuses a whole history in which one call stands without a result. Messages come in
three shapes, which one conversation may mix: OpenAI Chat Completions (`tool_calls`, role `tool`),
Anthropic Messages (`tool_use`, `tool_result`) and OpenAI Responses items (`function_call`,
`function_call_output` and their kin). Calls that a vendor answers itself, within the same message
(`server_tool_use`) or without a call id, are none of ours.

A message opens an id once, however often it names it: the APIs ask for one result per id behind
each message (Anthropic refuses a second). Another message that opens the same id asks for another
result, because some models count their calls anew in every turn.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from operator import itemgetter
from typing import Any, Literal, TypeGuard

from commonhold.model import opaque
from commonhold.model.opaque import JsonText

REASON = "No result was recorded because the agent stopped before the tool finished."
"""What a result says that stands in for one that never came."""

_KINDS: dict[str, str | None] = {
    "function_call": None,
    "custom_tool_call": None,
    "local_shell_call": "local_shell",
    "shell_call": "shell",
    "apply_patch_call": "apply_patch",
    "computer_call": "computer",
}
"""Responses items that open a call, with the name of the tool where the item has none."""

_OUTPUTS = frozenset(f"{kind}_output" for kind in _KINDS)


@dataclass(frozen=True, slots=True)
class ClosedCall:
    """A tool call that a message opens; `name` is None when the message does not say it."""

    call_id: str
    name: str | None
    shape: Literal["chat", "anthropic", "responses"]


def marks(message: Mapping[str, Any]) -> tuple[str, ...]:
    """`+id` for each call a JSON object opens, `-id` for each it answers, in order, each once.

    Never raises, whatever the JSON is; an id that is no string, or an empty one, is ignored.
    """
    opened = [f"+{call.call_id}" for call in _calls(message)]
    answered = [f"-{call_id}" for call_id in _answered(message)]
    return tuple(dict.fromkeys(opened + answered)) if opened or answered else ()


def open_calls(marks_in_order: Iterable[Sequence[str]]) -> tuple[str, ...]:
    """The ids opened and not answered afterwards, in order of opening.

    An id that is open in two messages is there twice.
    """
    found = open_by_message(marks_in_order)
    return tuple(call_id for ids in found.values() for call_id in ids)


def open_by_message(marks_in_order: Iterable[Sequence[str]]) -> dict[int, tuple[str, ...]]:
    """For the index of each message with calls left open, their ids in order of opening.

    A result belongs to the nearest call before it that has its id and no result yet; one without
    such a call does not count.
    """
    opened: dict[tuple[int, str], None] = {}
    waiting: dict[str, list[int]] = {}
    for index, found in enumerate(marks_in_order):
        for mark in found:
            call_id = mark[1:]
            openers = waiting.setdefault(call_id, [])
            if mark.startswith("-") and openers:
                del opened[openers.pop(), call_id]
            elif mark.startswith("+") and (index, call_id) not in opened:
                opened[index, call_id] = None
                openers.append(index)
    groups = groupby(opened, key=itemgetter(0))
    return {index: tuple(call_id for _, call_id in group) for index, group in groups}


def close(
    message: Mapping[str, Any], call_ids: Collection[str], text: str
) -> tuple[tuple[JsonText, tuple[ClosedCall, ...]], ...]:
    """The messages to put directly behind `message`, each with the calls of `call_ids` it closes.

    Each result says `text`, or `REASON` where that is blank, which Anthropic refuses. A call whose
    result cannot be a text (`computer_call` wants a screenshot) is left out.

    Raises:
        InvalidRequest: `text` has no JSON form.
    """
    wanted, said = frozenset(call_ids), text if text.strip() else REASON
    calls = [call for call in _calls(message) if call.call_id in wanted]
    made: list[tuple[dict[str, Any], tuple[ClosedCall, ...]]] = [
        (answer, (call,)) for call in calls if (answer := _answer(message, call, said)) is not None
    ]
    # All results of one assistant message have to stand in the one message that follows it.
    blocks = tuple(call for call in calls if call.shape == "anthropic")
    if blocks:
        made.append((_tool_results(blocks, said), blocks))
    return tuple((opaque.dumps(answer), closed) for answer, closed in made)


def _calls(message: Mapping[str, Any]) -> list[ClosedCall]:
    """The calls a message opens, in order, one per id."""
    kind = message.get("type")
    if isinstance(kind, str) and kind in _KINDS:
        call_id = message.get("call_id")
        name = _text(message.get("name")) or _KINDS[kind]
        return [ClosedCall(call_id, name, "responses")] if _is_id(call_id) else []
    if message.get("role") != "assistant":
        return []
    found = [*_chat_calls(message.get("tool_calls")), *_tool_uses(message.get("content"))]
    calls: dict[str, ClosedCall] = {}
    for call in found:
        # Some frameworks write the same call in both shapes; the first found gets the result.
        calls.setdefault(call.call_id, call)
    return list(calls.values())


def _chat_calls(calls: object) -> list[ClosedCall]:
    return [
        ClosedCall(call_id, _chat_name(call), "chat")
        for call in _objects(calls)
        if _is_id(call_id := call.get("id"))
    ]


def _chat_name(call: Mapping[str, Any]) -> str | None:
    """The name in a call of type `function` or `custom`, which differ in their key alone."""
    for key in ("function", "custom"):
        inner = call.get(key)
        if isinstance(inner, Mapping):
            return _text(inner.get("name"))
    return None


def _tool_uses(content: object) -> list[ClosedCall]:
    return [
        ClosedCall(call_id, _text(block.get("name")), "anthropic")
        for block in _objects(content)
        if block.get("type") == "tool_use" and _is_id(call_id := block.get("id"))
    ]


def _answered(message: Mapping[str, Any]) -> list[str]:
    """The ids of the calls a message answers, in order."""
    kind, role = message.get("type"), message.get("role")
    found: list[Any] = []
    if isinstance(kind, str) and kind in _OUTPUTS:
        found = [_answered_id(message, kind)]
    elif role == "tool":
        found = [message.get("tool_call_id")]
    elif role == "user":
        blocks = _objects(message.get("content"))
        found = [each.get("tool_use_id") for each in blocks if each.get("type") == "tool_result"]
    return [call_id for call_id in found if _is_id(call_id)]


def _answered_id(item: Mapping[str, Any], kind: str) -> Any:
    """The call id of an output item.

    The API goes by `call_id`, but the types of OpenAI's own SDK put it into `id` for a local shell.
    """
    call_id = item.get("call_id")
    return item.get("id") if call_id is None and kind == "local_shell_call_output" else call_id


def _answer(message: Mapping[str, Any], call: ClosedCall, text: str) -> dict[str, Any] | None:
    """The message that answers one call; None when it takes another shape, or cannot be made."""
    if call.shape == "chat":
        return {"role": "tool", "tool_call_id": call.call_id, "content": text}
    if call.shape == "anthropic" or message["type"] == "computer_call":
        return None
    answer = {"type": f"{message['type']}_output", "call_id": call.call_id}
    return answer | _output(message, text) | _caller(message)


def _output(item: Mapping[str, Any], text: str) -> dict[str, Any]:
    """What an output item says, and that it is an error where its kind has a word for that."""
    if item["type"] == "apply_patch_call":
        return {"status": "failed", "output": text}
    if item["type"] == "shell_call":
        outcome = {"type": "exit", "exit_code": 1}
        said = {"output": [{"stdout": "", "stderr": text, "outcome": outcome}]}
        return said | _output_limit(item.get("action"))
    return {"output": text}


def _output_limit(action: object) -> dict[str, Any]:
    """The limit of a shell call, which the API wants back with the output."""
    limit = action.get("max_output_length") if isinstance(action, Mapping) else None
    return {"max_output_length": limit} if type(limit) is int else {}


def _caller(item: Mapping[str, Any]) -> dict[str, Any]:
    """The caller of a call, a program say: its result goes back to where the call came from."""
    caller = item.get("caller")
    return {"caller": caller} if isinstance(caller, Mapping) else {}


def _tool_results(calls: Iterable[ClosedCall], text: str) -> dict[str, Any]:
    result = {"type": "tool_result", "content": text, "is_error": True}
    return {"role": "user", "content": [{**result, "tool_use_id": c.call_id} for c in calls]}


def _objects(value: object) -> list[Mapping[str, Any]]:
    """The JSON objects in a JSON array; nothing of any other value."""
    return [item for item in value if isinstance(item, Mapping)] if isinstance(value, list) else []


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None


def _is_id(value: object) -> TypeGuard[str]:
    return isinstance(value, str) and value != ""
