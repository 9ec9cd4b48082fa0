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
    AgentDisabled,
    AgentOwned,
    AgentProofNeeded,
    AgentTypeNotAllowed,
    Closed,
    CommonholdError,
    Conflict,
    FieldError,
    Forbidden,
    IdentityConflict,
    Internal,
    InvalidRequest,
    InvalidToken,
    LeaseEnded,
    LeaseHeld,
    MalformedBody,
    MethodNotAllowed,
    NotFound,
    OutOfRange,
    PayloadTooLarge,
    QuotaExceeded,
    SchemaOutdated,
    StaleVersion,
    StorageFull,
    TenantConflict,
    TenantDisabled,
    TenantRequired,
    TenantUnknown,
    TokenExpired,
    TooManyRequests,
    Unauthenticated,
    Unavailable,
    UnknownAgent,
    Unsupported,
    UnsupportedMediaType,
)
from commonhold.model.acting import acting_for
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
    Appended,
    History,
    HistoryStream,
    Message,
    MessageQuery,
    NewSession,
    Session,
    SessionQuery,
    Written,
)
from commonhold.model.timeline import Moment, TimelineQuery
from commonhold.model.trace import Span, Trace, TraceQuery, TraceSummary
from commonhold.model.turns import (
    Event,
    Handoff,
    Lease,
    Participant,
    Removed,
    Repaired,
)
from commonhold.model.usage import Usage
from commonhold.settings import ClientSettings

__all__ = [
    "AgentDisabled",
    "AgentOwned",
    "AgentProofNeeded",
    "AgentTypeNotAllowed",
    "Appended",
    "Author",
    "ClientSettings",
    "Closed",
    "CommonholdError",
    "Conflict",
    "Connection",
    "Event",
    "Feedback",
    "FeedbackPatch",
    "FeedbackQuery",
    "FeedbackStats",
    "FieldError",
    "Forbidden",
    "Handoff",
    "History",
    "HistoryStream",
    "IdentityConflict",
    "Internal",
    "InvalidRequest",
    "InvalidToken",
    "Lease",
    "LeaseEnded",
    "LeaseHeld",
    "MalformedBody",
    "Message",
    "MessageQuery",
    "MethodNotAllowed",
    "Moment",
    "NewFeedback",
    "NewSession",
    "NotFound",
    "OutOfRange",
    "Page",
    "Participant",
    "PayloadTooLarge",
    "QuotaExceeded",
    "Removed",
    "Repaired",
    "SchemaOutdated",
    "Scope",
    "Session",
    "SessionQuery",
    "Span",
    "StaleVersion",
    "StatsQuery",
    "StorageFull",
    "Stores",
    "TenantConflict",
    "TenantDisabled",
    "TenantRequired",
    "TenantUnknown",
    "TimelineQuery",
    "TokenExpired",
    "TooManyRequests",
    "Trace",
    "TraceQuery",
    "TraceSummary",
    "Unauthenticated",
    "Unavailable",
    "UnknownAgent",
    "Unsupported",
    "UnsupportedMediaType",
    "Usage",
    "Written",
    "__version__",
    "acting_for",
    "connect",
]
