"""Sessions, traces and feedback of a whole fleet of AI agents, held in common.

    import commonhold

    async with commonhold.connect("sqlite:///agent.db") as stores:
        await stores.sessions.put("s1", ['{"role": "user", "content": "hello"}'])

`connect` says where things are kept; the rest of what is here are the values that go in and come
out, and the errors.
"""

from __future__ import annotations

from commonhold._version import __version__
from commonhold.connect import Connection, connect
from commonhold.contract.stores import Stores
from commonhold.errors import (
    Closed,
    CommonholdError,
    Conflict,
    FieldError,
    Forbidden,
    Internal,
    InvalidRequest,
    LeaseEnded,
    LeaseHeld,
    MalformedBody,
    MethodNotAllowed,
    NotFound,
    OutOfRange,
    PayloadTooLarge,
    SchemaOutdated,
    StaleVersion,
    StorageFull,
    Unauthenticated,
    Unavailable,
    Unsupported,
    UnsupportedMediaType,
)
from commonhold.model.feedback import (
    Feedback,
    FeedbackPatch,
    FeedbackQuery,
    FeedbackStats,
    NewFeedback,
    StatsQuery,
)
from commonhold.model.page import Page
from commonhold.model.scope import Author, Scope
from commonhold.model.session import (
    History,
    Message,
    MessageQuery,
    NewSession,
    Session,
    SessionQuery,
    Written,
)
from commonhold.model.trace import Span, Trace, TraceQuery, TraceSummary
from commonhold.settings import ClientSettings

__all__ = [
    "Author",
    "ClientSettings",
    "Closed",
    "CommonholdError",
    "Conflict",
    "Connection",
    "Feedback",
    "FeedbackPatch",
    "FeedbackQuery",
    "FeedbackStats",
    "FieldError",
    "Forbidden",
    "History",
    "Internal",
    "InvalidRequest",
    "LeaseEnded",
    "LeaseHeld",
    "MalformedBody",
    "Message",
    "MessageQuery",
    "MethodNotAllowed",
    "NewFeedback",
    "NewSession",
    "NotFound",
    "OutOfRange",
    "Page",
    "PayloadTooLarge",
    "SchemaOutdated",
    "Scope",
    "Session",
    "SessionQuery",
    "Span",
    "StaleVersion",
    "StatsQuery",
    "StorageFull",
    "Stores",
    "Trace",
    "TraceQuery",
    "TraceSummary",
    "Unauthenticated",
    "Unavailable",
    "Unsupported",
    "UnsupportedMediaType",
    "Written",
    "__version__",
    "connect",
]
