"""What happened in a session that is not a message, in sentences."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from commonhold.model.pieces import flat
from commonhold.model.turns import Event

Data = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Told:
    """A sentence, and the words that came with what happened."""

    sentence: str
    details: tuple[str, ...] = ()


def told(event: Event) -> Told:
    """An event in words. A kind that is not known here shows what it holds."""
    try:
        data = msgspec.json.decode(event.data)
    except (ValueError, RecursionError):
        data = None
    if not isinstance(data, Mapping) or event.kind not in _SENTENCES:
        return Told(f"{event.kind}: {event.data}")
    return _SENTENCES[event.kind](event.agent or "somebody", data)


def _handoff(_: str, data: Data) -> Told:
    words = [f"{name}: {flat(data[name])}" for name in ("reason", "brief") if data.get(name)]
    giver = flat(data.get("from") or "nobody in particular")
    return Told(f"{giver} handed the conversation to {flat(data.get('to'))}", tuple(words))


def _fork(_: str, data: Data) -> Told:
    return Told(f"forked from {flat(data.get('from'))} with {_count(data.get('at'), 'message')}")


def _revert(agent: str, data: Data) -> Told:
    kept = data.get("kept")
    others = f", kept {flat(kept)} of others" if kept else ""
    first = _count(data.get("to"), "message")
    return Told(f"{agent} went back to the first {first}: {_gone(data)}{others}")


def _repair(agent: str, data: Data) -> Told:
    closed = data.get("closed")
    calls = closed if isinstance(closed, list) else []
    ids = ", ".join(map(flat, calls))
    return Told(f"{agent} closed {_count(len(calls), 'open tool call')}: {ids}")


def _lease(_: str, data: Data) -> Told:
    return Told(f"{flat(data.get('holder'))} took the turn")


def _supersede(agent: str, data: Data) -> Told:
    added = _count(data.get("added"), "message")
    return Told(f"{agent} rewrote what it had said: {_gone(data)}, {added} new")


def _gone(data: Data) -> str:
    return f"{_count(data.get('superseded'), 'message')} superseded"


def _count(number: object, what: str) -> str:
    return f"{flat(number)} {what}" if number == 1 else f"{flat(number)} {what}s"


_SENTENCES: dict[str, Callable[[str, Data], Told]] = {
    "handoff": _handoff,
    "fork": _fork,
    "revert": _revert,
    "repair": _repair,
    "lease": _lease,
    "supersede": _supersede,
}
