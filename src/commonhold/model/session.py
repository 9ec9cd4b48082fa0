"""Sessions and their messages."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, get_args

from commonhold.errors import FieldError, InvalidRequest
from commonhold.model import ids, opaque
from commonhold.model.clock import Micros
from commonhold.model.once import Once
from commonhold.model.opaque import EMPTY_OBJECT, JsonText
from commonhold.model.repair import marks
from commonhold.model.words import words_of

MAX_TITLE = 512
PutMode = Literal["merge", "replace"]
Status = Literal["running", "waiting", "idle"]
"""`running`: a runner holds the lease. `waiting`: the agent asked the user something and its state
says so (`pending_question`). `idle`: neither."""


@dataclass(frozen=True, slots=True)
class NewSession:
    """What a caller may choose when it creates a session. Everything is optional.

    `metadata` is a JSON object as text; `permission_scope_active` becomes part of the state.
    """

    session_id: str | None = None
    title: str | None = None
    metadata: JsonText = EMPTY_OBJECT
    parent_session_id: str | None = None
    forked_at_message_id: str | None = None
    permission_scope_active: str | None = None

    def __post_init__(self) -> None:
        if self.session_id is not None:
            ids.check_strict(self.session_id, "session_id")
        if self.parent_session_id is not None:
            ids.check_key(self.parent_session_id, "parent_session_id")
        if self.title is not None and len(self.title) > MAX_TITLE:
            rule = f"at most {MAX_TITLE} characters"
            raise InvalidRequest(f"title must be {rule}.", errors=[FieldError(("title",), rule)])
        if "\0" in (self.permission_scope_active or ""):
            raise InvalidRequest("permission_scope_active must not hold a NUL character.")
        if self.metadata != EMPTY_OBJECT:
            # Put into answers unparsed: one bad text would spoil every list that shows it.
            text = opaque.object_text(self.metadata, "metadata")
            object.__setattr__(self, "metadata", text)


@dataclass(frozen=True, slots=True)
class Session:
    """A session without its messages: what lists show.

    `message_count` counts live messages, `head_seq` is the highest sequence ever given in its log,
    `version` grows with every change of the messages and is its `ETag`.
    `agent` and `user` are who created it, empty when nobody in particular did. `holder` is the
    agent the conversation is with: its creator until it is handed on. `lease_holder` runs the
    current turn until `lease_expires_at`; both are None when nobody does. `open_tool_calls` are
    the ids of calls without a result, in order; None from `find` and in lists, which do not look for them.
    """

    session_id: str
    created_at: Micros
    updated_at: Micros
    version: int = 0
    message_count: int = 0
    head_seq: int = 0
    agent: str = ""
    user: str = ""
    title: str | None = None
    metadata: JsonText = EMPTY_OBJECT
    parent_session_id: str | None = None
    forked_at_message_id: str | None = None
    holder: str = ""
    status: Status = "idle"
    lease_holder: str | None = None
    lease_expires_at: Micros | None = None
    open_tool_calls: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True)
class Message:
    """One row of a session's log. `content` is the message exactly as its author sent it."""

    seq: int
    message_id: str
    agent: str
    role: str | None
    content: JsonText
    created_at: Micros
    superseded_at: Micros | None = None


@dataclass(frozen=True, slots=True)
class History:
    """The live messages of a session at one version: `body` is a JSON array as text."""

    session_id: str
    version: int
    body: JsonText

    @property
    def messages(self) -> list[Any]:
        """The messages as Python values, parsed now."""
        parsed: list[Any] = opaque.loads(self.body, "messages")
        return parsed


@dataclass(frozen=True, slots=True)
class HistoryStream:
    """The live messages of a session at one version, as they come.

    Each piece is the inside of a JSON array: joined by commas, in brackets, they are the history.
    """

    session_id: str
    version: int
    message_count: int
    pieces: AsyncIterator[str]


@dataclass(frozen=True, slots=True)
class Written:
    """What a write did to a log.

    `first_seq` and `last_seq` frame what was added (None when nothing was), `superseded` counts
    messages that left the live history, `kept` those that were left out but belong to others.
    """

    session_id: str
    version: int
    message_count: int
    first_seq: int | None = None
    last_seq: int | None = None
    superseded: int = 0
    kept: int = 0


@dataclass(frozen=True, slots=True)
class Appended:
    """Where appended messages stand in the log, in the order they were given.

    A retry gets the answer of the first attempt: `version` is the one their write made.
    """

    session_id: str
    version: int
    first_seq: int | None
    last_seq: int | None
    message_ids: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class SessionQuery:
    """Filters of a session list, newest first. `since` is inclusive, `until` exclusive.

    `agent` and `user` created it, `participant` is an agent that wrote in it, `holder` the agent
    it is with now. `metadata` is a JSON object as text whose plain values (text, numbers, true and
    false) it must have. `q` are words that one of its messages, or its title, must have.
    """

    limit: int = 50
    cursor: str | None = None
    offset: int = 0
    agent: str | None = None
    user: str | None = None
    parent: str | None = None
    since: Micros | None = None
    until: Micros | None = None
    participant: str | None = None
    holder: str | None = None
    status: str | None = None
    metadata: JsonText | None = None
    q: str | None = None


@dataclass(frozen=True, slots=True)
class MessageQuery:
    """A stretch of a log, always in sequence order.

    The first `limit` messages after `after`; with `before` alone, the last `limit` before it;
    with `last`, that many at the end.
    """

    after: int = 0
    limit: int = 50
    include_superseded: bool = False
    before: int | None = None
    last: int | None = None
    agent: str | None = None
    role: str | None = None

    def __post_init__(self) -> None:
        if self.last is not None and (self.after or self.before is not None):
            rule = "goes with neither after nor before"
            raise InvalidRequest(f"last {rule}.", errors=[FieldError(("last",), rule)])

    @property
    def is_backward(self) -> bool:
        """Whether the page is counted from its end."""
        return self.last is not None or (self.before is not None and not self.after)

    @property
    def cursor_name(self) -> str:
        """Where the cursor of its page goes in the next query."""
        return "before" if self.is_backward else "after"

    @property
    def size(self) -> int:
        """How many messages at most."""
        return self.limit if self.last is None else self.last


@dataclass(frozen=True, slots=True)
class NewMessage:
    """A message on its way in, with what the merge needs to know about it.

    `key` identifies it across writers: its id when it carries one, else its content digest.
    `tools` are its marks (`repair.marks`) as JSON text, `words` what a search finds it by.
    """

    content: JsonText
    message_id: str
    role: str | None
    key: str
    digest: bytes
    is_named: bool = True
    tools: str | None = None
    words: str | None = None


def check_mode(mode: str) -> None:
    """Check the way in which a list is to be saved.

    Raises:
        InvalidRequest: when it is neither `merge` nor `replace`.
    """
    if mode not in get_args(PutMode):
        rule = f"must be one of {', '.join(get_args(PutMode))}"
        raise InvalidRequest(f"mode {rule}.", errors=[FieldError(("mode",), rule)])


def check_status(status: str | None) -> None:
    """Check a status that sessions are filtered by.

    Raises:
        InvalidRequest: it is none of `running`, `waiting`, `idle`.
    """
    if status is not None and status not in get_args(Status):
        rule = f"must be one of {', '.join(get_args(Status))}"
        raise InvalidRequest(f"status {rule}.", errors=[FieldError(("status",), rule)])


def parse_message(text: str, index: int) -> NewMessage:
    """Read one message: a JSON object, of which only `id` and `role` are looked at.

    Raises:
        InvalidRequest: naming the message, when it is not an acceptable JSON object.
    """
    field = f"messages[{index}]"
    value = opaque.loads(text, field)
    if not isinstance(value, dict):
        rule = "expected a JSON object"
        raise InvalidRequest(
            f"{field}: {rule}.", errors=[FieldError(("body", "messages", index), rule)]
        )
    try:
        digest = opaque.canonical_digest(value)
    except (ValueError, RecursionError) as error:
        raise opaque.not_json(field, error) from None
    given, role = value.get("id"), value.get("role")
    named = isinstance(given, str) and 0 < len(given) <= ids.MAX_ID and "\0" not in given
    message_id = str(given) if named else ids.new_message_id()
    return NewMessage(
        content=opaque.trim(text),
        message_id=message_id,
        role=role if isinstance(role, str) and "\0" not in role else None,
        key=f"id:{message_id}" if named else digest.hex(),
        digest=digest,
        is_named=named,
        tools=_tools(value),
        words=words_of(value),
    )


def _tools(value: Mapping[str, Any]) -> str | None:
    found = marks(value)
    return opaque.dumps(found) if found else None


def parse_append(texts: Sequence[str], once: Once | None = None) -> list[NewMessage]:
    """Messages to append; those without an id get the one that the request gives them, if any.

    Raises:
        InvalidRequest: a message is not a JSON object, or an id is there twice.
    """
    messages = [parse_message(text, index) for index, text in enumerate(texts)]
    if once is not None:
        messages = [
            message if message.is_named else _named(message, once.message_id(index))
            for index, message in enumerate(messages)
        ]
    seen: set[str] = set()
    for index, message in enumerate(messages):
        if message.message_id in seen:
            rule = "must have an id of its own"
            loc = ("body", "messages", index, "id")
            raise InvalidRequest(f"messages[{index}] {rule}.", errors=[FieldError(loc, rule)])
        seen.add(message.message_id)
    return messages


def _named(message: NewMessage, message_id: str) -> NewMessage:
    return replace(message, message_id=message_id, is_named=True)
