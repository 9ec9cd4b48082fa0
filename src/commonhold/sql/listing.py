"""Lists of sessions: each by the index that leads to its page."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from commonhold.model import clock, opaque
from commonhold.model.labels import labels_asked
from commonhold.model.page import Page, check_window, decode_cursor, page_of
from commonhold.model.session import Session, SessionQuery, check_status
from commonhold.model.words import search_terms
from commonhold.sql import rows
from commonhold.sql.database import FEW
from commonhold.sql.logs import SessionLogs
from commonhold.sql.statement import Statement, statement

LIST = statement("list_sessions")
HELD = statement("list_sessions_held")
LIST_OF = statement("list_sessions_of")
LABELLED = statement("list_sessions_labelled")
SEARCH = statement("search_sessions")


class SessionLists(SessionLogs):
    """`list`."""

    async def list(self, query: SessionQuery = SessionQuery(), /) -> Page[Session]:
        check_window(query.limit, query.offset)
        check_status(query.status)
        only = self._scope.only.user
        if only is not None and query.user not in {None, only}:
            return Page(())
        at, last = decode_cursor(query.cursor) if query.cursor else (None, None)
        source, by = self._source(query)
        is_small = query.limit < FEW and not query.offset and source is LIST
        found = await (self._db.few if is_small else self._db.all)(
            source,
            tenant=self._tenant,
            agent=query.agent,
            user=query.user if only is None else only,
            parent=query.parent,
            holder=query.holder,
            since=query.since,
            until=query.until,
            at=at,
            id=last,
            limit=query.limit + 1,
            offset=query.offset or None,
            of_user=self._scope.only.of_user,
            held_by=self._scope.only.held_by,
            **_status(query.status),
            **by,
        )
        sessions = [rows.session(row) for row in found]
        return page_of(sessions, query.limit, lambda item: (item.created_at, item.session_id))

    def _source(self, query: SessionQuery) -> tuple[Statement, dict[str, Any]]:
        source, by = _source(query)
        if source is LIST and self._scope.only.held_by is not None:
            return HELD, {"most": query.offset + query.limit + 1}
        return source, by


def _source(query: SessionQuery) -> tuple[Statement, dict[str, Any]]:
    """The statement whose index leads to the page, and what it wants to know."""
    labels = labels_asked(query.metadata) if query.metadata is not None else ()
    if query.q is not None:
        terms = search_terms(query.q)
        return SEARCH, {"q": terms, "participant": query.participant, **_labels(labels)}
    if labels:
        first, *rest = labels
        return LABELLED, {"label": first, "participant": query.participant, **_labels(rest)}
    if query.participant is not None:
        return LIST_OF, {"participant": query.participant}
    return LIST, {}


def _labels(labels: Sequence[str]) -> dict[str, Any]:
    """All of which a session must have, besides what leads to it."""
    if not labels:
        return {"listed": None, "label_count": None}
    return {"listed": opaque.dumps(labels), "label_count": len(labels)}


def _status(status: str | None) -> dict[str, int | None]:
    now = clock.now()
    return {each: now if each == status else None for each in ("running", "waiting", "idle")}
