"""The shapes of answers, for OpenAPI. What is sent is made by `commonhold.model.wire`."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from msgspec import UNSET, Meta, Struct, UnsetType

from commonhold.errors import BY_CODE
from commonhold.http.schema_types import Object, Time
from commonhold.http.score_schemas import Binding
from commonhold.http.trace_schemas import TraceSummary
from commonhold.model.turns import event_kinds

Code = Annotated[str, Meta(extra_json_schema={"enum": sorted(BY_CODE)})]
Events = Annotated[str, Meta(description="Server-sent events, until the reader leaves.")]
Metrics = Annotated[str, Meta(description="Prometheus text format 0.0.4.")]


class FieldProblem(Struct):
    """One field that is wrong: the path to it, and what is expected."""

    loc: list[str | int]
    msg: str


class Problem(Struct, kw_only=True):
    """RFC 9457. `code` is stable; `detail` says what to do; `instance` is the request id."""

    type: str
    title: str
    status: int
    code: Code
    detail: str
    instance: str
    errors: list[FieldProblem] | None = None
    retry_after_seconds: int | None = None
    current_version: int | None = None
    holder: str | None = None
    expires_at: Time | None = None


class SessionId(Struct):
    """The id of a session."""

    session_id: str


class Turn(Struct):
    """Who has the turn in a session, and until when."""

    holder: str
    expires_at: Time


class Session(Struct):
    """A session without its messages. `version` is its `ETag`.

    `open_tool_calls`, the calls without a result, are not in lists.
    """

    session_id: str
    title: str | None
    agent: str | None
    user: str | None
    message_count: int
    head_seq: int
    version: int
    holder: str | None
    status: Literal["running", "waiting", "idle"]
    lease: Turn | None
    parent_session_id: str | None
    forked_at_message_id: str | None
    metadata: Object
    created_at: Time
    updated_at: Time
    open_tool_calls: list[str] | None = None


class History(Struct):
    """The live messages of a session, each exactly as it was sent."""

    session_id: str
    messages: list[Object]


class Saved(Struct):
    """The messages are kept."""

    session_id: str
    saved: Literal[True]


class Written(Struct):
    """What a write did to the log of a session."""

    session_id: str
    version: int
    message_count: int
    first_seq: int | None
    last_seq: int | None
    superseded: int
    kept: int


class Appended(Struct):
    """Where appended messages stand in the log, in the order they were given."""

    session_id: str
    version: int
    first_seq: int | None
    last_seq: int | None
    message_ids: list[str]


class Message(Struct):
    """One row of a log; `message` is the content exactly as it was sent."""

    seq: int
    id: str
    agent: str | None
    role: str | None
    created_at: Time
    superseded_at: Time | None
    message: Object


class Cost(Struct):
    """The cost data of a session."""

    session_id: str
    cost_data: Object


class State(Struct):
    """The agent state of a session."""

    session_id: str
    state: Object


class Pricing(Struct):
    """US dollars per thousand tokens, and per request."""

    input_per_1k: float | None
    output_per_1k: float | None
    cached_input_per_1k: float | None
    per_request: float | None


class Usage(Struct):
    """Tokens of a session and what they cost; null where the model has no known price."""

    session_id: str
    model: str | None
    input_tokens: int
    output_tokens: int
    cached_tokens: int
    turn_count: int
    cost_usd: float | None
    pricing: Pricing | None


class Forked(Struct):
    """A new session that begins with messages of another."""

    session_id: str
    parent_session_id: str
    message_count: int


class Lease(Struct):
    """The turn of one runner. `token` goes into `Lease-Token` of what it writes."""

    session_id: str
    token: int
    holder: str
    expires_at: Time


class Released(Struct):
    """The turn was given back."""

    released: Literal[True]


class Handoff(Struct):
    """The conversation moved to another agent; `seq` is where the log says so."""

    session_id: str
    seq: int
    from_agent: str | None
    to_agent: str
    reason: str | None
    brief: str | None
    created_at: Time


class Event(Struct):
    """A fact of a conversation that is not a message; `data` is by kind."""

    seq: int
    kind: Annotated[str, Meta(extra_json_schema={"enum": list(event_kinds())})]
    agent: str | None
    created_at: Time
    data: Object


class Closing(Struct):
    """A tool call that was closed, and the message that now answers it."""

    call_id: str
    name: str | None
    seq: int
    message_id: str


class Repaired(Struct):
    """The calls that were closed, and those for which no valid result can be made."""

    session_id: str
    version: int
    message_count: int
    closed: list[Closing]
    open_tool_calls: list[str]


class Participant(Struct):
    """One agent, on behalf of one user: its messages, superseded ones too, first and last."""

    agent: str | None
    user: str | None
    message_count: int
    first_seq: int
    last_seq: int
    first_at: Time
    last_at: Time


class RemovedRows(Struct):
    """What went with a session, in rows; whether a lease was held, and a state kept."""

    messages: int
    events: int
    participants: int
    lease: bool
    state: bool


class Removed(Struct):
    """The session is gone, and everything in it."""

    deleted: Literal[True]
    removed: RemovedRows


class RpcStatus(Struct):
    """A google.rpc.Status: how a sender of OTLP is told what is wrong."""

    code: int
    message: str
    detail: Any = None


class Gone(Struct):
    """It is gone."""

    deleted: Literal[True]


class TurnState(Struct):
    """The turn that a vote is about is not there yet."""

    state: Literal["pending"]


class FeedbackId(Struct):
    """The id of a feedback record; its turn, as long as that is not there."""

    feedback_id: str
    turn: TurnState | UnsetType = UNSET


class VoteToken(Struct):
    """Leave to give one vote, the record of which will have this id."""

    token: str
    expires_at: Time
    feedback_id: str


class Feedback(Struct):
    """A vote and what was said. `trace_id` is `trace_none_...` where the author named no trace."""

    feedback_id: str
    trace_id: str
    session_id: str | None
    rating: Literal[1, -1]
    comment: str | None
    correction: str | None
    model_id: str | None
    latency_ms: float | None
    turn_index: int | None
    agent_type: str | None
    created_at: Time
    user_id: str
    agent: str | None
    updated_at: Time
    turn: Binding


class FeedbackOnTurn(Feedback):
    """A vote with what it is about: messages as they were sent, or texts of a trace; or null."""

    question: Any
    answer: Any


class FeedbackStats(Struct):
    """Votes on one agent type in one window of UTC time."""

    window_start: Time
    window_end: Time
    agent_type: str | None
    thumbs_up: int
    thumbs_down: int
    total: int


class Moment(Struct):
    """One thing that happened; what it was is under its kind, the other kinds are absent."""

    kind: Literal["message", "event", "trace", "feedback"]
    at: Time
    message: Message | UnsetType = UNSET
    event: Event | UnsetType = UNSET
    trace: TraceSummary | UnsetType = UNSET
    feedback: Feedback | UnsetType = UNSET


class Alive(Struct):
    """The process answers."""

    status: Literal["ok"]


class Ready(Struct):
    """The service can do its work."""

    status: Literal["ready"]
