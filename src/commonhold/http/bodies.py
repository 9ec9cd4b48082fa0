"""Request bodies, field by field: checked while they are decoded, opaque parts left as text.

Unknown keys are ignored: a newer client may say more.
"""

from __future__ import annotations

from typing import Annotated, Any

from msgspec import UNSET, Meta, Raw, Struct, UnsetType

from commonhold.http.params import NO_NUL
from commonhold.model import ids
from commonhold.model.feedback import MAX_INT, MAX_TEXT
from commonhold.model.session import MAX_TITLE
from commonhold.model.trace import MAX_SESSION_REF
from commonhold.model.turns import MAX_BRIEF, MAX_TTL_S, MAX_WAIT_S, MIN_TTL_S
from commonhold.model.vote import MAX_VOTE_TTL_S

STRICT_ID = "^[A-Za-z0-9_-]{1,128}$"
AGENT = "^[A-Za-z0-9][A-Za-z0-9._:@-]{0,127}$"
KEY = r"^(?!\.{1,2}$)[^\x00-\x1f\x7f/?#\\]{1,128}$"


def described(**schema: Any) -> Meta:
    """What OpenAPI says of a field. The rule itself is the model's, and checked there."""
    return Meta(extra_json_schema=schema)


StrictId = Annotated[str, described(pattern=STRICT_ID)]
Key = Annotated[str, described(pattern=KEY)]
KeyOrEmpty = Annotated[str, described(pattern=f"^$|{KEY}")]
Text = Annotated[str, described(pattern=NO_NUL)]
Name = Annotated[str, described(pattern=NO_NUL, maxLength=ids.MAX_ID)]
ModelName = Annotated[str, described(pattern=NO_NUL, maxLength=2 * ids.MAX_ID)]
Title = Annotated[str, described(pattern=NO_NUL, maxLength=MAX_TITLE)]
LongText = Annotated[str, described(pattern=NO_NUL, maxLength=MAX_TEXT)]
SpanId = Annotated[str, described(pattern=NO_NUL, minLength=1, maxLength=ids.MAX_ID)]
SessionRef = Annotated[str, described(pattern=NO_NUL, maxLength=MAX_SESSION_REF)]
Holder = Annotated[str, described(pattern=r"^[^\x00-\x1f\x7f]{1,128}$")]
Brief = Annotated[str, described(pattern=NO_NUL, maxLength=MAX_BRIEF)]
Time = Annotated[str, described(format="date-time")]
Rating = Annotated[int, described(enum=[1, -1])]
# To JSON Schema, and to JavaScript, 1.0 is an integer: see `decode.whole`.
Index = Annotated[int | float, described(type="integer")]
TurnIndex = Annotated[int | float, described(type="integer", minimum=0, maximum=MAX_INT)]
VoteTtl = Annotated[int | float, described(type="integer", minimum=1, maximum=MAX_VOTE_TTL_S)]
Milliseconds = Annotated[float, described(minimum=0)]
Object = Annotated[Raw, described(type="object")]
ObjectOrNull = Annotated[Raw, described(type=["object", "null"])]
ListOrNull = Annotated[Raw, described(type=["array", "null"])]


class NewSessionBody(Struct):
    """Everything is optional, and so is the body itself."""

    session_id: StrictId | None = None
    title: Title | None = None
    metadata: ObjectOrNull | UnsetType = UNSET
    parent_session_id: Key | None = None
    forked_at_message_id: Text | None = None
    permission_scope_active: Text | None = None


class MessagesBody(Struct):
    """The whole message list of a session, each message a JSON object kept exactly as sent."""

    messages: list[Object] = []


class CostBody(Struct):
    """Keys to merge into `cost_data`; null, or nothing, only asks whether the session exists.

    Numbers under `$inc` are added to what is there: two that add lose nothing.
    """

    cost_data: ObjectOrNull | UnsetType = UNSET


class StateBody(Struct):
    """Keys to merge into the agent state."""

    state: Object


class ForkBody(Struct):
    """How many live messages the new session begins with; all of them when it is not said."""

    from_message_index: Index | None = None


class RevertBody(Struct):
    """How many live messages stay."""

    to_message_index: Index


class LeaseBody(Struct):
    """For how long the turn is wanted, by whom, and how long to wait for it."""

    ttl_s: Annotated[float, described(minimum=MIN_TTL_S, maximum=MAX_TTL_S)]
    holder: Holder | None = None
    wait_s: Annotated[float, described(minimum=0, maximum=MAX_WAIT_S)] = 0.0


class HandoffBody(Struct):
    """To whom the conversation goes, why, and what the next agent should know."""

    to_agent: Annotated[str, described(pattern=AGENT)]
    reason: Brief | None = None
    brief: Brief | None = None


class RepairBody(Struct):
    """What the results say that stand in for those that never came."""

    reason: Brief | None = None


class SpanBody(Struct):
    """One native span: times are seconds of the agent's own clock, returned as they came."""

    span_id: SpanId
    trace_id: Text | None = None
    parent_span_id: Name | None = None
    name: Text | None = None
    start_time: float | None = None
    end_time: float | None = None
    status: Text | None = None
    attributes: ObjectOrNull | UnsetType = UNSET
    events: ListOrNull | UnsetType = UNSET


class TraceBody(Struct):
    """One author's part of a trace."""

    trace_id: Key
    started_at: Time
    ended_at: Time | None = None
    model: Text | None = None
    session_id: SessionRef | None = None
    status: Text | None = None
    spans: list[SpanBody] | None = None


class NewFeedbackBody(Struct):
    """A thumbs up (1) or down (-1), what it is about, and what was said."""

    rating: Rating
    trace_id: KeyOrEmpty | None = None
    session_id: KeyOrEmpty | None = None
    comment: LongText | None = None
    correction: LongText | None = None
    model_id: ModelName | None = None
    latency_ms: Milliseconds | None = None
    turn_index: TurnIndex | None = None
    agent_type: Name | None = None


class VoteTokenBody(Struct):
    """The one vote a token is for: on a turn of a session, by its number or a message, or a trace.

    It is good for `ttl_s` seconds: an hour, when it is not said.
    """

    session_id: Key | None = None
    turn: TurnIndex | None = None
    message_id: Key | None = None
    trace_id: Key | None = None
    ttl_s: VoteTtl | None = None


class FeedbackPatchBody(Struct):
    """What to change; null leaves a field as it is, an empty text clears it."""

    rating: Rating | None = None
    comment: LongText | None = None
    correction: LongText | None = None
