"""What feedback is about: the turn of a session, found from whatever its author named."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

State = Literal["none", "pending", "bound"]
"""Whether the turn is known: nothing names one, it is not there yet, or it is."""

_HEX = re.compile(r"(?:trace_|tr-)?([0-9a-fA-F]{32})\Z")


@dataclass(frozen=True, slots=True)
class Binding:
    """The turn that a record is about, as the platform found it.

    `index` counts turns of the session from 0; `message_id` and `seq` are the answer's, the latter
    its place in the log. `agent` is who wrote the answer, else whose trace it is, else who brought
    the record. What is not known is None; no id is ever made up.
    """

    state: State = "none"
    session_id: str | None = None
    index: int | None = None
    message_id: str | None = None
    trace_id: str | None = None
    agent: str = ""
    model: str | None = None
    seq: int | None = None


UNBOUND = Binding()


def trace_key(trace_id: str) -> str:
    """One form for the spellings of a trace id: 32 hex, alone or after `trace_` or `tr-`.

    Any other id is its own form.
    """
    found = _HEX.match(trace_id)
    return found[1].lower() if found else trace_id


def spellings(trace_id: str) -> tuple[str, ...]:
    """The ids under which the trace may be kept, the given one first."""
    key = trace_key(trace_id)
    if key == trace_id and not _HEX.match(trace_id):
        return (trace_id,)
    return tuple(dict.fromkeys((trace_id, key, f"trace_{key}", f"tr-{key}")))
