"""Erasures: whose data is erased, what was counted, and what is left of a message. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from hashlib import sha256
from typing import Any, Literal

from commonhold.errors import FieldError, InvalidRequest
from commonhold.model import ids, opaque
from commonhold.model.clock import Micros
from commonhold.model.once import check_key
from commonhold.model.opaque import JsonText
from commonhold.model.repair import marks

MAX_USER = 512
NOBODY = frozenset({"anonymous", "anon", "system", "default"})
"""Names that stand for nobody in particular, and so for many."""

_RULE = (
    f"must be the name of one user: 1 to {MAX_USER} characters, no control characters, and none of"
    f" {', '.join(sorted(NOBODY))}"
)

Status = Literal["planned", "running", "done"]


@dataclass(frozen=True, slots=True)
class Counts:
    """What was done.

    `sessions` are removed with their `messages`, and so is `feedback`. Messages in sessions of
    others, feedback of nobody in particular, `traces`, `spans` and `logs` are blanked.
    """

    sessions: int = 0
    messages: int = 0
    blanked_messages: int = 0
    feedback: int = 0
    blanked_feedback: int = 0
    traces: int = 0
    spans: int = 0
    logs: int = 0


COUNTED = tuple(each.name for each in fields(Counts))


@dataclass(frozen=True, slots=True)
class Erasure:
    """The receipt of an erasure. A planned one has counts of what there is, and no id."""

    user: str
    asked_by: str
    counts: Counts
    started_at: Micros
    erasure_id: str | None = None
    finished_at: Micros | None = None

    @property
    def status(self) -> Status:
        """How far it is."""
        if self.erasure_id is None:
            return "planned"
        return "running" if self.finished_at is None else "done"


def check_user(user: str) -> str:
    """Return `user` if it can name one user.

    Raises:
        InvalidRequest: it cannot.
    """
    is_fit = 0 < len(user) <= MAX_USER and user.isprintable() and user.lower() not in NOBODY
    if not is_fit:
        raise InvalidRequest(f"user {_RULE}.", errors=[FieldError(("user",), _RULE)])
    return user


def new_erasure_id(asked_by: str, key: str | None) -> str:
    """The id of an erasure: a new one, or the one that an idempotency key stands for.

    Raises:
        InvalidRequest: the key cannot be one.
    """
    check_key(key)
    if key is None:
        return ids.new_id("er")
    return f"er_{sha256(opaque.dumps([asked_by, key]).encode()).hexdigest()[:32]}"


def label_of(user: str) -> str:
    """What sessions are found by whose metadata name the user."""
    return opaque.dumps(["user_id", user])


_KEPT = ("id", "role", "type", "call_id", "tool_call_id", "status")
_BLOCKS: Mapping[str, tuple[str, Mapping[str, Any]]] = {
    "tool_use": ("id", {"input": {}}),
    "tool_result": ("tool_use_id", {"content": ""}),
}
"""Parts of a message that open a call or answer it: what ties them, and how they look emptied."""


def blanked(content: str) -> JsonText:
    """A message that says nothing, in the place of one: its role and its tool calls stay.

    A history in which a call stands without a result is refused by model APIs.
    """
    value = opaque.loads(content)
    told: dict[str, Any] = {name: value[name] for name in _KEPT if isinstance(value.get(name), str)}
    told["content"] = _blocks(value.get("content")) or ""
    if calls := [_call(call) for call in _objects(value.get("tool_calls"))]:
        told["tool_calls"] = calls
    if marks(value) and isinstance(value.get("name"), str):
        told["name"] = value["name"]
    return opaque.dumps({**told, "erased": True})


def blanked_event(data: str) -> JsonText:
    """The data of an event without what somebody said with it."""
    told = opaque.loads(data)
    return opaque.dumps({k: v for k, v in told.items() if k not in ("reason", "brief", "holder")})


def _call(call: Mapping[str, Any]) -> dict[str, Any]:
    kind = "custom" if "custom" in call else "function"
    inner = call.get(kind)
    name = inner.get("name") if isinstance(inner, Mapping) else None
    emptied = {"name": name, "input" if kind == "custom" else "arguments": "{}"}
    return {"id": call.get("id"), "type": kind, kind: emptied}


def _blocks(content: object) -> list[dict[str, Any]]:
    found = []
    for block in _objects(content):
        kind = block.get("type")
        if isinstance(kind, str) and kind in _BLOCKS:
            tie, empty = _BLOCKS[kind]
            named = {"name": block["name"]} if isinstance(block.get("name"), str) else {}
            found.append({"type": kind, tie: block.get(tie), **named, **empty})
    return found


def _objects(value: object) -> list[Mapping[str, Any]]:
    return [item for item in value if isinstance(item, Mapping)] if isinstance(value, list) else []
