"""What the values of attributes say: names, numbers, and what went in and out, as text.

Values may be native or texts of JSON, whatever the vocabulary says (contracts 3.2, rule 1). Nothing
here raises: a value that cannot be what is asked for is None, or empty.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from math import isfinite
from typing import Any

import msgspec

from commonhold.model.otel import Attributes, Operation, SpanEvent
from commonhold.otlp.vocabulary import Reading, Side, vocabulary

MAX_SHORT = 256
"""Characters of a name. A longer name is cut, a longer id is none."""

MAX_TAGS = 64

MAX_COUNT = 2**53
"""Counts stay below what every JSON reader holds exactly."""

MAX_NUMBER = 40
"""Characters of a text that is read as a number."""

MAX_PARTS = 24
"""Parts of a flattened name that are taken apart: `llm.input_messages.0.message.role` has five."""

MAX_DIGITS = 6
"""A longer run of digits in a flattened name is a key and no index."""

_NOTHING = frozenset({"", "null", "{}", "[]", '""'})
"""Texts that say nothing, none longer than four. ADK sends `{}` as the model request of a tool."""

_WRAPPERS = vocabulary().flattened.wrappers
_MESSAGES = vocabulary().message_events
_LABELS = vocabulary().message_labels
_PLACEHOLDERS = vocabulary().agents.placeholders
_OPERATIONS = vocabulary().operations
_PROVIDERS = vocabulary().providers

_encode = msgspec.json.Encoder(enc_hook=str).encode
_decode = msgspec.json.Decoder().decode


def has_content(value: Any) -> bool:
    """Whether a value says anything."""
    if isinstance(value, str):
        # Long texts are not hashed to be compared with short ones.
        return (len(value) > 4 or value not in _NOTHING) and not value.isspace()
    if isinstance(value, list | tuple | Mapping | bytes):
        return len(value) > 0
    return value is not None


def text_of(value: Any) -> str | None:
    """A value as text: as it was sent, or as JSON; None when it has no text at all."""
    if isinstance(value, str):
        return valid(value)
    if isinstance(value, bytes):
        return value.decode(errors="replace")
    try:
        return _encode(value).decode()
    except (TypeError, ValueError, OverflowError, RecursionError):
        return _text_of_the_rest(value)


def decoded(value: Any) -> Any:
    """What the JSON text of an object or a list means; any other value as it is."""
    if isinstance(value, str) and value.lstrip()[:1] in ("{", "["):
        try:
            return _decode(value)
        except (ValueError, RecursionError):
            return value
    return value


def valid(text: str) -> str:
    """A text that has a UTF-8 form: half a surrogate pair has none."""
    if text.isascii():
        return text
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode(errors="replace").decode()
    return text


def with_instructions(messages: Any, instructions: Any) -> Any:
    """Messages with the system prompt in front; the messages alone where they are no list."""
    said = decoded(messages)
    if not isinstance(said, list | tuple):
        return messages
    parts = decoded(instructions)
    key = "parts" if isinstance(parts, list | tuple) else "content"
    return [{"role": "system", key: parts}, *said]


def is_flattened(name: str, prefix: str) -> bool:
    """Whether a name goes on with an index: `gen_ai.prompt.name` is no prompt."""
    return name.startswith(prefix) and name[len(prefix) : len(prefix) + 1].isdecimal()


def unflattened(attributes: Attributes, prefix: str) -> Any:
    """The list, or the object, that was flattened into attributes that begin with `prefix`.

    `llm.input_messages.0.message.tool_calls.0.tool_call.id` (OpenInference) is the id of the first
    call of the first message, and so is `gen_ai.prompt.0.tool_calls.0.id` (OpenLLMetry).
    """
    root: dict[int | str, Any] = {}
    # In order of the names, so that the order they came in decides nothing.
    for name in sorted(name for name in attributes if is_flattened(name, prefix)):
        _put(root, _path(name[len(prefix) :]), attributes[name])
    return _shaped(root)


def of_events(events: Iterable[SpanEvent], side: Side) -> list[dict[str, Any]]:
    """The messages of input or output that events of the older conventions are, in their order.

    Where content is not captured these events are sent all the same: they are left out.
    """
    said = (
        message_of(found.role, event.attributes)
        for event in events
        if (found := _MESSAGES.get(event.name)) is not None and found.field == side
    )
    return [message for message in said if _has_said(message)]


def message_of(role: str, values: Any) -> dict[str, Any]:
    """One message from what an event holds: `content` and more, or a `message` with all of it.

    The event may say another role. Attributes of its own, `gen_ai.system` say, are left out.
    """
    if not isinstance(values, Mapping):
        return {"role": role, "content": values}
    inner = decoded(values.get("message"))
    said = inner if isinstance(inner, Mapping) else {} if inner is None else {"content": inner}
    names = sorted(name for name in values if _is_of_message(name))
    return {"role": role, **{name: decoded(values[name]) for name in names}, **said}


def _has_said(message: Mapping[str, Any]) -> bool:
    said = (value for name, value in message.items() if name not in _LABELS.names)
    return any(has_content(value) and value not in _LABELS.placeholders for value in said)


def _is_of_message(name: Any) -> bool:
    return isinstance(name, str) and name not in ("message", "event.name") and name[:7] != "gen_ai."


def short(value: Any) -> str:
    """A name or an id as text, without NUL; empty where it is none. MLflow sends names as JSON."""
    if type(value) is not str:
        return _other_short(value)
    # Most are plain: neither quoted nor white space, which all begin with no more than a quote.
    if value[:1] > '"' and value.isascii() and "\0" not in value:
        return value
    if value[:1] == '"' and len(value) > 1:
        value = _unquoted(value)
    if "\0" in value:
        value = value.replace("\0", "")
    return "" if value.isspace() else valid(value)


def identifier(value: Any) -> str | None:
    """An id; None when it is too long, as a part of it would be another id."""
    text = short(value)
    return text if 0 < len(text) <= MAX_SHORT else None


def name(value: Any) -> str | None:
    """A name, cut where it is too long."""
    return short(value)[:MAX_SHORT] or None


def agent(value: Any) -> str | None:
    """The name of an agent; what an SDK says when nobody told it is none."""
    text = name(value)
    return None if text is None or text.startswith(_PLACEHOLDERS) else text


def operation(value: Any) -> Operation | None:
    """The kind of work that a word of any vocabulary stands for."""
    known = _OPERATIONS.get(value) if type(value) is str else None
    return known or _OPERATIONS.get(short(value).lower())


def provider(value: Any) -> str | None:
    """The name of a provider, today's where it was renamed; that of a framework is none."""
    text = name(value)
    return None if text is None else _PROVIDERS.get(text.lower(), text) or None


def count(value: Any) -> int | None:
    """A whole number that is not negative, be it written as a text."""
    if type(value) is int:
        return value if 0 <= value < MAX_COUNT else None
    number = _number(value)
    if number is None or not 0 <= number < MAX_COUNT or number != int(number):
        return None
    return int(number)


def score(value: Any) -> float | None:
    """Any finite number; yes is 1 and no is 0."""
    return float(value) if isinstance(value, bool) else _number(value)


def cost(value: Any) -> float | None:
    """An amount that is not negative: a number, or an object's total, or its sum."""
    parts = decoded(value)
    if not isinstance(parts, Mapping):
        amount = _number(value)
        return amount if amount is not None and amount >= 0 else None
    for key in ("total", "total_cost"):
        if (said := _number(parts.get(key))) is not None and said >= 0:
            return said
    # In one order, so that two spellings of one object have one sum.
    known = sorted(n for n in map(_number, parts.values()) if n is not None and n >= 0)
    total = sum(known)
    return total if known and isfinite(total) else None


def an_object(value: Any) -> Mapping[Any, Any] | None:
    """An object, or what the JSON text of one means."""
    said = decoded(value)
    return said if isinstance(said, Mapping) and said else None


def tags(value: Any) -> tuple[str, ...] | None:
    """Tags, each once: a list, the JSON text of one, or names with commas between."""
    said = decoded(value)
    if isinstance(said, str):
        said = [part.strip() for part in said.split(",", MAX_TAGS)]
    if not isinstance(said, list | tuple):
        return None
    return tuple(dict.fromkeys(tag for each in said if (tag := name(each))))[:MAX_TAGS] or None


def word(value: Any) -> str:
    """A value to compare with a word of the vocabulary."""
    return str(value).lower() if isinstance(value, bool) else short(value).lower()


def something(value: Any) -> Any:
    """A value that says anything, as it is."""
    return value if has_content(value) else None


READERS: Mapping[Reading, Callable[[Any], Any]] = {
    "id": identifier,
    "name": name,
    "agent": agent,
    "operation": operation,
    "provider": provider,
    "count": count,
    "cost": cost,
    "object": an_object,
    "tags": tags,
    "content": something,
}
"""How values are read, by the words of `vocabulary.toml`; None is what a field cannot use."""


def _other_short(value: Any) -> str:
    """A number is a fine id, unless it is longer than any."""
    if isinstance(value, str):
        return short(str(value))
    is_number = isinstance(value, int) and not isinstance(value, bool)
    return str(value) if is_number and abs(value) < 1 << 64 else ""


def _unquoted(text: str) -> str:
    try:
        said = _decode(text)
    except (ValueError, RecursionError):
        return text
    return said if isinstance(said, str) else text


def _number(value: Any) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    if isinstance(value, str) and len(value) > MAX_NUMBER:
        return None
    try:
        number = float(value)
    except (ValueError, OverflowError):
        return None
    return number if isfinite(number) else None


def _text_of_the_rest(value: Any) -> str | None:
    """JSON with escapes, for what the fast encoder refuses: odd keys, half surrogate pairs."""
    try:
        return json.dumps(value, default=str, skipkeys=True)
    except (TypeError, ValueError, OverflowError, RecursionError):
        return None


def _path(name: str) -> list[int | str]:
    """The parts of a flattened name, indexes as numbers, without the words that only wrap."""
    path: list[int | str] = []
    for part in name.split(".", MAX_PARTS):
        if part.isdecimal() and len(part) <= MAX_DIGITS:
            path.append(int(part))
        elif not (part in _WRAPPERS and path and isinstance(path[-1], int)):
            path.append(part)
    return path


def _put(root: dict[int | str, Any], path: list[int | str], value: Any) -> None:
    node = root
    for part in path[:-1]:
        below = node.get(part)
        if type(below) is not _Node:
            below = node[part] = _Node()
        node = below
    if path:
        node[path[-1]] = value


class _Node(dict[int | str, Any]):
    """What is between the root and a value; a value that is a mapping itself is none."""


def _shaped(node: dict[int | str, Any]) -> Any:
    """Nodes whose keys are all numbers become lists, in the order of these."""
    inner = {key: _shaped(each) if type(each) is _Node else each for key, each in node.items()}
    indexes = [key for key in inner if isinstance(key, int)]
    if inner and len(indexes) == len(inner):
        return [inner[index] for index in sorted(indexes)]
    return {str(key): each for key, each in inner.items()}
