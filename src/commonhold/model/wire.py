"""Model values as they look on the wire, and back. Opaque texts are passed through unparsed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from commonhold.model.binding import UNBOUND, Binding
from commonhold.model.clock import Micros, from_rfc3339, to_rfc3339
from commonhold.model.feedback import ANONYMOUS, Feedback, FeedbackStats
from commonhold.model.opaque import EMPTY_OBJECT, JsonText, dumps
from commonhold.model.session import Appended, Message, Session, Written

Wire = dict[str, Any]


def raw(text: str) -> msgspec.Raw:
    """JSON text that goes into a body as it is."""
    return msgspec.Raw(text.encode())


def time_out(at: Micros | None) -> str | None:
    """A time, or none."""
    return None if at is None else to_rfc3339(at)


def time_in(text: str | None) -> Micros | None:
    """A time out of a body, or none."""
    return None if text is None else from_rfc3339(text)


def text(value: Any, default: JsonText) -> JsonText:
    """The text of an opaque field, `default` where there is none."""
    if isinstance(value, msgspec.Raw):
        return JsonText(bytes(value).decode())
    return default if value is None else dumps(value)


# --- sessions -------------------------------------------------------------------------------


def session_out(session: Session) -> Wire:
    """A session summary; the calls that are open only where somebody looked for them."""
    told = _session_out(session)
    if session.open_tool_calls is not None:
        told["open_tool_calls"] = session.open_tool_calls
    return told


def _session_out(session: Session) -> Wire:
    return {
        "session_id": session.session_id,
        "title": session.title,
        "agent": session.agent or None,
        "user": session.user or None,
        "message_count": session.message_count,
        "head_seq": session.head_seq,
        "version": session.version,
        "holder": session.holder or None,
        "status": session.status,
        "lease": _lease(session),
        "parent_session_id": session.parent_session_id,
        "forked_at_message_id": session.forked_at_message_id,
        "metadata": raw(session.metadata),
        "created_at": to_rfc3339(session.created_at),
        "updated_at": to_rfc3339(session.updated_at),
    }


def _lease(session: Session) -> Wire | None:
    if session.lease_holder is None:
        return None
    return {"holder": session.lease_holder, "expires_at": time_out(session.lease_expires_at)}


def session_in(body: Mapping[str, Any]) -> Session:
    """A session summary out of a body."""
    lease, calls = body.get("lease") or {}, body.get("open_tool_calls")
    return Session(
        session_id=body["session_id"],
        title=body.get("title"),
        agent=body.get("agent") or "",
        user=body.get("user") or "",
        message_count=body.get("message_count", 0),
        head_seq=body.get("head_seq", 0),
        version=body.get("version", 0),
        parent_session_id=body.get("parent_session_id"),
        forked_at_message_id=body.get("forked_at_message_id"),
        metadata=text(body.get("metadata"), EMPTY_OBJECT),
        created_at=from_rfc3339(body["created_at"]),
        updated_at=from_rfc3339(body["updated_at"]),
        holder=body.get("holder") or "",
        status=body.get("status") or "idle",
        lease_holder=lease.get("holder"),
        lease_expires_at=time_in(lease.get("expires_at")),
        open_tool_calls=None if calls is None else tuple(calls),
    )


def message_out(message: Message) -> Wire:
    """A message row with its place in the log; `message` is the content as sent."""
    return {
        "seq": message.seq,
        "id": message.message_id,
        "agent": message.agent or None,
        "role": message.role,
        "created_at": to_rfc3339(message.created_at),
        "superseded_at": time_out(message.superseded_at),
        "message": raw(message.content),
    }


def message_in(body: Mapping[str, Any]) -> Message:
    """A message row out of a body."""
    return Message(
        seq=body["seq"],
        message_id=body["id"],
        agent=body.get("agent") or "",
        role=body.get("role"),
        content=text(body["message"], EMPTY_OBJECT),
        created_at=from_rfc3339(body["created_at"]),
        superseded_at=time_in(body.get("superseded_at")),
    )


def written_out(written: Written) -> Wire:
    """What a write did."""
    return {
        "session_id": written.session_id,
        "version": written.version,
        "message_count": written.message_count,
        "first_seq": written.first_seq,
        "last_seq": written.last_seq,
        "superseded": written.superseded,
        "kept": written.kept,
    }


def written_in(body: Mapping[str, Any]) -> Written:
    """What a write did, out of a body."""
    return Written(**{name: body[name] for name in Written.__slots__})


def appended_out(appended: Appended) -> Wire:
    """Where appended messages stand."""
    return {
        "session_id": appended.session_id,
        "version": appended.version,
        "first_seq": appended.first_seq,
        "last_seq": appended.last_seq,
        "message_ids": appended.message_ids,
    }


def appended_in(body: Mapping[str, Any]) -> Appended:
    """Where appended messages stand, out of a body."""
    return Appended(
        body["session_id"],
        body["version"],
        body["first_seq"],
        body["last_seq"],
        tuple(body["message_ids"]),
    )


# --- feedback -------------------------------------------------------------------------------


def placeholder_trace_id(feedback_id: str) -> str:
    """What old clients read where a record names no trace: derived, never stored.

    They need a string under `trace_id`. It is made of the feedback's own id, so it is stable,
    matches no trace, and says itself that there is none.
    """
    return f"trace_none_{feedback_id}"


def feedback_out(feedback: Feedback, *, turns: bool = False) -> Wire:
    """A feedback record in the native shape; with `turns`, what it is about."""
    told = _feedback_out(feedback)
    return {**told, **exchange_out(feedback.question, feedback.answer)} if turns else told


def _feedback_out(feedback: Feedback) -> Wire:
    return {
        "feedback_id": feedback.feedback_id,
        "trace_id": feedback.trace_id or placeholder_trace_id(feedback.feedback_id),
        "session_id": feedback.session_id,
        "rating": feedback.rating,
        "comment": feedback.comment,
        "correction": feedback.correction,
        "model_id": feedback.model_id,
        "latency_ms": feedback.latency_ms,
        "turn_index": feedback.turn_index,
        "agent_type": feedback.agent_type,
        "created_at": to_rfc3339(feedback.created_at),
        "user_id": feedback.user_id,
        "agent": feedback.agent or None,
        "updated_at": to_rfc3339(feedback.updated_at),
        "turn": binding_out(feedback.turn),
    }


def feedback_in(body: Mapping[str, Any]) -> Feedback:
    """A feedback record out of a body."""
    feedback_id, trace_id = body["feedback_id"], body.get("trace_id")
    return Feedback(
        feedback_id=feedback_id,
        trace_id=None if trace_id == placeholder_trace_id(feedback_id) else trace_id,
        session_id=body.get("session_id"),
        rating=body["rating"],
        comment=body.get("comment"),
        correction=body.get("correction"),
        model_id=body.get("model_id"),
        latency_ms=body.get("latency_ms"),
        turn_index=body.get("turn_index"),
        agent_type=body.get("agent_type"),
        created_at=from_rfc3339(body["created_at"]),
        user_id=body.get("user_id") or ANONYMOUS,
        agent=body.get("agent") or "",
        updated_at=from_rfc3339(body.get("updated_at") or body["created_at"]),
        turn=binding_in(body.get("turn")),
        question=opaque_in(body.get("question")),
        answer=opaque_in(body.get("answer")),
    )


def binding_out(turn: Binding) -> Wire:
    """The turn that a record is about."""
    return {
        "state": turn.state,
        "session_id": turn.session_id,
        "index": turn.index,
        "message_id": turn.message_id,
        "seq": turn.seq,
        "trace_id": turn.trace_id,
        "agent": turn.agent or None,
        "model": turn.model,
    }


def binding_in(body: Mapping[str, Any] | None) -> Binding:
    """The turn that a record is about, out of a body."""
    if body is None:
        return UNBOUND
    given = {name: body.get(name) for name in Binding.__slots__}
    return Binding(**{**given, "state": body["state"], "agent": body.get("agent") or ""})


def exchange_out(question: JsonText | None, answer: JsonText | None) -> Wire:
    """Question and answer, where a list was asked for them."""
    told = {"question": question, "answer": answer}
    return {name: None if value is None else raw(value) for name, value in told.items()}


def opaque_in(value: Any) -> JsonText | None:
    """The text of an opaque field; null is none."""
    told = text(value, JsonText("null"))
    return None if told == "null" else told


def stats_out(stats: FeedbackStats) -> Wire:
    """One window of feedback statistics."""
    return {
        "window_start": to_rfc3339(stats.window_start),
        "window_end": to_rfc3339(stats.window_end),
        "agent_type": stats.agent_type,
        "thumbs_up": stats.thumbs_up,
        "thumbs_down": stats.thumbs_down,
        "total": stats.total,
    }


def stats_in(body: Mapping[str, Any]) -> FeedbackStats:
    """One window of feedback statistics, out of a body."""
    return FeedbackStats(
        window_start=from_rfc3339(body["window_start"]),
        window_end=from_rfc3339(body["window_end"]),
        agent_type=body.get("agent_type"),
        thumbs_up=body["thumbs_up"],
        thumbs_down=body["thumbs_down"],
    )
