"""What each method of the contract asks of a service, as a value. Pure.

What could not be stored is refused here, with the error a local store raises, and not sent.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any
from urllib.parse import quote

import msgspec

from commonhold.client.call import Call
from commonhold.client.call import body_of as _json
from commonhold.client.call import given as _given
from commonhold.client.call import path_of as _path
from commonhold.client.call import target as _query
from commonhold.client.call import time as _time
from commonhold.client.call import window as _window
from commonhold.client.headers import conditions, once
from commonhold.client.score_requests import filters as _filters
from commonhold.model import ids, opaque, wire
from commonhold.model.feedback import FeedbackPatch, FeedbackQuery, NewFeedback, StatsQuery
from commonhold.model.labels import labels_asked
from commonhold.model.page import check_window
from commonhold.model.session import (
    MessageQuery,
    NewSession,
    PutMode,
    SessionQuery,
    check_status,
    parse_append,
    parse_message,
)
from commonhold.model.timeline import KINDS, TimelineQuery
from commonhold.model.timeline import decode as decode_position
from commonhold.model.turns import (
    check_handoff,
    check_holder,
    check_ttl,
    check_words,
)
from commonhold.model.words import search_terms

_encode = msgspec.json.Encoder().encode


# Asked once: whoever asks whether a service is ready wants to know about now.
READY = Call("GET", "/readyz", idempotent=False)


# --- sessions -------------------------------------------------------------------------------


def create_session(new: NewSession, key: str | None) -> Call:
    """A new session. It carries a key, so that a second attempt makes no second one."""
    body = _given({**asdict(new), "metadata": wire.raw(new.metadata)})
    return Call("POST", "/v1/sessions", _json(body), once(key, "create"))


def get_session(session_id: str) -> Call:
    """The session without its messages."""
    return Call("GET", _path("/v1/sessions", session_id, "summary"))


def get_history(session_id: str) -> Call:
    """The live messages."""
    return Call("GET", _path("/v1/sessions", session_id))


def list_messages(session_id: str, query: MessageQuery) -> Call:
    """A stretch of the log."""
    check_window(query.size, query.after)
    target = _query(
        _path("/v1/sessions", session_id, "messages"),
        after=query.after or None,
        before=query.before,
        last=query.last,
        limit=None if query.last is not None else query.limit,
        agent=query.agent,
        role=query.role,
        include="superseded" if query.include_superseded else None,
    )
    return Call("GET", target)


def put_messages(
    session_id: str,
    messages: Sequence[str],
    mode: PutMode,
    if_match: int | None,
    lease: int | None = None,
) -> Call:
    """The whole list, each message as its author spelt it."""
    ids.check_key(session_id, "session_id")
    body = {"messages": [_message(text, index) for index, text in enumerate(messages)]}
    target = _query(_path("/v1/sessions", session_id), mode=None if mode == "merge" else mode)
    return Call("PUT", target, _json(body), conditions(if_match, lease))


def append_messages(
    session_id: str,
    messages: Sequence[str],
    if_match: int | None,
    key: str | None,
    lease: int | None,
    *,
    create: bool,
) -> Call:
    """Messages for the end of the log. It carries a key, so that a second attempt is harmless."""
    ids.check_key(session_id, "session_id")
    given = once(key, "append")
    parse_append(messages)  # ids that a key makes are the service's: it knows the author
    body = {"messages": [_message(text, index) for index, text in enumerate(messages)]}
    path = _path("/v1/sessions", session_id, "messages")
    headers = {**given, **conditions(if_match, lease)}
    return Call("POST", _query(path, create=None if create else "false"), _json(body), headers)


def get_cost(session_id: str) -> Call:
    """The cost data."""
    return Call("GET", _path("/v1/sessions", session_id, "cost_data"))


def patch_cost(session_id: str, patch: Mapping[str, Any] | str) -> Call:
    """Merge into the cost data. A second attempt would add increments a second time."""
    text = opaque.object_text(patch, "cost_data")
    target, counts = _path("/v1/sessions", session_id), opaque.has_increments(text)
    return Call("PATCH", target, _json({"cost_data": wire.raw(text)}), idempotent=not counts)


def get_state(session_id: str) -> Call:
    """The agent state."""
    return Call("GET", _path("/v1/sessions", session_id, "state"))


def patch_state(session_id: str, patch: Mapping[str, Any] | str) -> Call:
    """Merge into the agent state."""
    body = {"state": wire.raw(opaque.object_text(patch, "state"))}
    return Call("PATCH", _path("/v1/sessions", session_id, "state"), _json(body))


def fork(session_id: str, at: int | None, key: str | None) -> Call:
    """A branch. It carries a key, so that a second attempt makes no second one."""
    body = {} if at is None else {"from_message_index": at}
    target = _path("/v1/sessions", session_id, "fork")
    return Call("POST", target, _json(body), once(key, "fork"))


def revert(session_id: str, to: int, lease: int | None, key: str | None) -> Call:
    """Its key keeps a second attempt from superseding what others wrote after the first."""
    target = _path("/v1/sessions", session_id, "revert")
    headers = {**once(key, "revert"), **conditions(None, lease)}
    return Call("POST", target, _json({"to_message_index": to}), headers)


def lease(
    session_id: str, ttl_s: float, holder: str | None, token: int | None, wait_s: float
) -> Call:
    """The turn. Without a token, a second attempt would wait for the turn of the first."""
    ids.check_key(session_id, "session_id")
    check_ttl(ttl_s, wait_s)
    if holder is not None:
        check_holder(holder)
    body = _given({"ttl_s": ttl_s, "holder": holder, "wait_s": wait_s or None})
    headers = conditions(None, token)
    target, renews = _path("/v1/sessions", session_id, "lease"), token is not None
    return Call("PUT", target, _json(body), headers, idempotent=renews, patience_s=wait_s)


def release(session_id: str, token: int) -> Call:
    """The turn is over. A second attempt would find it so, and call that an error."""
    target = _path("/v1/sessions", session_id, "lease")
    return Call("DELETE", target, headers=conditions(None, token), idempotent=False)


def handoff(
    session_id: str,
    to_agent: str,
    reason: str | None,
    brief: str | None,
    lease: int | None,
    key: str | None,
) -> Call:
    """Its key keeps a second attempt from being recorded as a second handoff."""
    check_handoff(to_agent, reason, brief)
    target = _path("/v1/sessions", session_id, "handoff")
    body = _given({"to_agent": to_agent, "reason": reason, "brief": brief})
    headers = {**once(key, "handoff"), **conditions(None, lease)}
    return Call("POST", target, _json(body), headers)


def repair(session_id: str, reason: str | None, lease: int | None, key: str | None) -> Call:
    """What is repaired is not repaired again; with its key, a second attempt also says what was."""
    check_words(reason, "reason")
    target = _path("/v1/sessions", session_id, "repair")
    headers = {**once(key, "repair"), **conditions(None, lease)}
    return Call("POST", target, _json(_given({"reason": reason})), headers)


def participants(session_id: str) -> Call:
    """Who took part."""
    return Call("GET", _path("/v1/sessions", session_id, "participants"))


def usage(session_id: str) -> Call:
    """What a session used."""
    return Call("GET", _path("/v1/sessions", session_id, "usage"))


def timeline(session_id: str, query: TimelineQuery) -> Call:
    """What happened, of every kind."""
    check_window(query.limit, 0)
    decode_position(query.cursor)
    target = _query(
        _path("/v1/sessions", session_id, "timeline"),
        limit=query.limit,
        cursor=query.cursor or None,
        kinds=None if query.kinds == KINDS else ",".join(query.kinds),
    )
    return Call("GET", target)


def events(session_id: str, after: int | None) -> Call:
    """The log as it grows."""
    target = _query(_path("/v1/sessions", session_id, "events"), after=after)
    return Call("GET", target, headers={"Accept": "text/event-stream"})


def list_sessions(query: SessionQuery) -> Call:
    """A page of sessions."""
    check_status(query.status)
    if query.metadata is not None:
        labels_asked(query.metadata)
    if query.q is not None:
        search_terms(query.q)
    target = _query(
        "/v1/sessions",
        **_window(query),
        agent=query.agent,
        user=query.user,
        parent=query.parent,
        participant=query.participant,
        holder=query.holder,
        status=query.status,
        metadata=query.metadata,
        q=query.q,
        since=_time(query.since),
        until=_time(query.until),
    )
    return Call("GET", target)


def delete_session(session_id: str) -> Call:
    """The session with everything in it."""
    return Call("DELETE", _path("/v1/sessions", session_id))


# --- feedback -------------------------------------------------------------------------------


def create_feedback(new: NewFeedback) -> Call:
    """With a key made here, a second attempt is no second vote."""
    return Call("POST", "/v1/feedback", _json(_given(asdict(new))), once(None, "score"))


def get_feedback(feedback_id: str) -> Call:
    """One record."""
    return Call("GET", _path("/v1/feedback", feedback_id))


def patch_feedback(feedback_id: str, patch: FeedbackPatch) -> Call:
    """What is None stays as it is."""
    return Call("PATCH", _path("/v1/feedback", feedback_id), _json(_given(asdict(patch))))


def list_feedback(query: FeedbackQuery) -> Call:
    """A page of records."""
    return Call("GET", _query("/v1/feedback", **_filters(query)))


def delete_feedback(feedback_id: str) -> Call:
    """Remove a record."""
    return Call("DELETE", _path("/v1/feedback", feedback_id))


def feedback_stats(query: StatsQuery) -> Call:
    """Votes per window."""
    target = _query(
        "/v1/feedback/stats",
        window=query.window,
        agent_type=query.agent_type,
        since=_time(query.since),
        until=_time(query.until),
    )
    return Call("GET", target)


# --- pieces ---------------------------------------------------------------------------------


def agent_prefix(agent: str) -> str:
    """The path that names the author of what is written; empty for nobody in particular."""
    return f"/a/{quote(ids.check_agent(agent), safe='')}" if agent else ""


def _message(text: str, index: int) -> Any:
    if not isinstance(opaque.loads(text, f"messages[{index}]"), dict):
        parse_message(text, index)
    return wire.raw(text)
