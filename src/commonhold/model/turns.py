"""Whose turn it is in a session, who took part, and what happened that is not a message."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import Literal, get_args

from commonhold.errors import FieldError, InvalidRequest
from commonhold.model import ids
from commonhold.model.clock import Micros
from commonhold.model.opaque import JsonText

EventKind = Literal["handoff", "fork", "revert", "repair", "lease", "supersede"]
"""The facts of a conversation that are not messages."""

MIN_TTL_S = 0.1
MAX_TTL_S = 3600.0
MAX_WAIT_S = 60.0
MAX_BRIEF = 16_384

MAX_TOKEN = 2**63 - 1

_HOLDER = re.compile(r"[^\x00-\x1f\x7f\ud800-\udfff]{1,128}\Z")


@dataclass(frozen=True, slots=True)
class Lease:
    """The turn of one runner in a session, until `expires_at`.

    `token` is the fencing token: it only ever grows in a session, and a write that carries an
    older one is refused for ever (M. Kleppmann, "How to do distributed locking", 2016).
    """

    session_id: str
    token: int
    holder: str
    expires_at: Micros


@dataclass(frozen=True, slots=True)
class Handoff:
    """The conversation moved from one agent to another; `seq` is where the log says so."""

    session_id: str
    seq: int
    from_agent: str
    to_agent: str
    reason: str | None
    brief: str | None
    created_at: Micros


@dataclass(frozen=True, slots=True)
class Event:
    """A fact of a conversation that is not a message. `data` is a JSON object, by kind."""

    seq: int
    kind: str
    agent: str
    data: JsonText
    created_at: Micros


@dataclass(frozen=True, slots=True)
class Participant:
    """One agent, on behalf of one user, in one session: its messages, first and last.

    Empty names stand for nobody in particular. Superseded messages count: they were said.
    """

    agent: str
    user: str
    message_count: int
    first_seq: int
    last_seq: int
    first_at: Micros
    last_at: Micros


@dataclass(frozen=True, slots=True)
class Closing:
    """A tool call that repair closed, and the message that now answers it."""

    call_id: str
    name: str | None
    seq: int
    message_id: str


@dataclass(frozen=True, slots=True)
class Repaired:
    """What repair did: the calls it closed, and those for which no valid result can be made."""

    session_id: str
    version: int
    message_count: int
    closed: tuple[Closing, ...] = ()
    open_tool_calls: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Removed:
    """What went with a deleted session, in rows."""

    messages: int
    events: int
    participants: int
    lease: bool
    state: bool


def check_ttl(ttl_s: float, wait_s: float = 0.0) -> None:
    """Check the times of a lease, in seconds.

    Raises:
        InvalidRequest: `ttl_s` is not 0.1 to 3600, or `wait_s` not 0 to 60.
    """
    _check_seconds("ttl_s", ttl_s, MIN_TTL_S, MAX_TTL_S)
    _check_seconds("wait_s", wait_s, 0.0, MAX_WAIT_S)


def check_holder(holder: str) -> str:
    """Check the name of a runner.

    Raises:
        InvalidRequest: it is empty, too long, or has control characters.
    """
    if not _HOLDER.match(holder):
        rule = f"must be 1 to {ids.MAX_ID} characters, none of them a control character"
        raise InvalidRequest(f"holder {rule}.", errors=[FieldError(("holder",), rule)])
    return holder


def check_handoff(to_agent: str, reason: str | None, brief: str | None) -> None:
    """Check to whom and with what words a session is handed.

    Raises:
        InvalidRequest: the agent's name cannot be one, or a text is too long or holds a NUL.
    """
    if not to_agent:
        rule = "must name an agent"
        raise InvalidRequest(f"to_agent {rule}.", errors=[FieldError(("to_agent",), rule)])
    ids.check_agent(to_agent, "to_agent")
    for name, text in (("reason", reason), ("brief", brief)):
        check_words(text, name)


def check_words(text: str | None, field: str) -> None:
    """Check a text that people wrote.

    Raises:
        InvalidRequest: it is longer than 16,384 characters, or holds a NUL or a lone surrogate.
    """
    if text is None:
        return
    if len(text) > MAX_BRIEF or "\0" in text or not _is_text(text):
        rule = f"must be at most {MAX_BRIEF} characters, without NUL"
        raise InvalidRequest(f"{field} {rule}.", errors=[FieldError((field,), rule)])


def check_token(token: int) -> int:
    """A fencing token as it can be compared: what could not be one is one that no lease has."""
    return token if 0 < token <= MAX_TOKEN else 0


def event_kinds() -> tuple[str, ...]:
    """Every kind of event."""
    return get_args(EventKind)


def _is_text(text: str) -> bool:
    try:
        text.encode()
    except UnicodeError:
        return False
    return True


def _check_seconds(field: str, value: float, least: float, most: float) -> None:
    if not (math.isfinite(value) and least <= value <= most):
        rule = f"must be {least:g} to {most:g} seconds"
        raise InvalidRequest(f"{field} {rule}.", errors=[FieldError((field,), rule)])
