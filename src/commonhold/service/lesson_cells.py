"""The lines of an export as rows: which columns a shape has, and what stands in each. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import msgspec

from commonhold.model.clock import from_rfc3339
from commonhold.model.wire import Wire
from commonhold.service.lessons import Shape

Kind = Literal["text", "number", "count", "time", "json", "chat"]


@dataclass(frozen=True, slots=True)
class Column:
    """A column: what its cells are, and where in a line they are from."""

    name: str
    kind: Kind = "text"
    path: tuple[str, ...] = ()

    def cell(self, line: Wire) -> Any:
        """The value in a line: a time as RFC 3339, JSON as text, a chat as messages."""
        value: Any = line
        for name in self.path or (self.name,):
            value = value.get(name)
        if self.kind == "json":
            return _text(value)
        return value


def _named(*names: str, kind: Kind = "text") -> tuple[Column, ...]:
    return tuple(Column(name, kind) for name in names)


_TURN = (
    *(Column(f"turn_{name}", path=("turn", name)) for name in ("state", "session_id")),
    Column("turn_number", "count", ("turn", "index")),
    Column("turn_message_id", path=("turn", "message_id")),
    Column("turn_seq", "count", ("turn", "seq")),
    *(Column(f"turn_{name}", path=("turn", name)) for name in ("trace_id", "agent", "model")),
)
_RECORD = (
    *_named("score_id", "name", "data_type"),
    *_named("rating", kind="count"),
    *_named("value_num", kind="number"),
    *_named("label"),
    Column("value_json", "json", ("value",)),
    *_named("comment", "correction", "source", "source_id", "identifier", "user_id", "author"),
    *_named("created_at", "updated_at", kind="time"),
    *_TURN,
    *_named("trace_id", "span_id", "session_id", "message_id"),
    *_named("turn_index", kind="count"),
    *_named("response_id", "model_id"),
    *_named("latency_ms", kind="number"),
    *_named("agent_type", "environment", "config_id", "error"),
    *_named("metadata", kind="json"),
)
COLUMNS: Mapping[Shape, tuple[Column, ...]] = {
    "records": _RECORD,
    "turns": (*_RECORD, *_named("question", "answer")),
    "chat": _named("messages", kind="chat"),
    "preference": _named("prompt", "chosen", "rejected", kind="chat"),
}
"""What both CSV and Parquet have; `turn_…` are of the turn that was found, others as sent."""


def micros(text: str) -> int:
    """A cell of a time in microseconds since 1970."""
    return from_rfc3339(text)


def _text(value: Any) -> str | None:
    """JSON as text; of a score's value only that of type `json`, which is still raw."""
    return bytes(value).decode() if isinstance(value, msgspec.Raw) else None
