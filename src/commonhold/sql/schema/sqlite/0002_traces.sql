-- Traces: one summary row each, one part per author of a native post, one row per span.

CREATE TABLE trace (
    tenant TEXT NOT NULL,
    trace_id TEXT NOT NULL,
    session_id TEXT,
    started_at INTEGER NOT NULL,
    ended_at INTEGER,
    model TEXT,
    status TEXT NOT NULL,
    duration_ns INTEGER,
    span_count INTEGER NOT NULL,
    error_count INTEGER NOT NULL,
    tool_calls INTEGER NOT NULL,
    prompt_tokens INTEGER,
    completion_tokens INTEGER,
    agents TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    PRIMARY KEY (tenant, trace_id)
) STRICT, WITHOUT ROWID;

CREATE INDEX trace_by_start ON trace (tenant, started_at, trace_id);

CREATE INDEX trace_by_session ON trace (tenant, session_id, started_at, trace_id)
WHERE session_id IS NOT NULL;

CREATE TABLE trace_part (
    tenant TEXT NOT NULL,
    trace_id TEXT NOT NULL,
    owner_agent TEXT NOT NULL,
    owner_user TEXT NOT NULL,
    actor TEXT NOT NULL,
    delegation TEXT NOT NULL CHECK (delegation IN ('self', 'verified', 'asserted', 'anonymous')),
    started_at INTEGER NOT NULL,
    ended_at INTEGER,
    model TEXT,
    session_id TEXT,
    status TEXT NOT NULL,
    updated_at INTEGER NOT NULL,
    PRIMARY KEY (tenant, trace_id, owner_agent)
) STRICT, WITHOUT ROWID;

CREATE TABLE span (
    tenant TEXT NOT NULL,
    trace_id TEXT NOT NULL,
    span_id TEXT NOT NULL,
    parent_span_id TEXT,
    owner_agent TEXT NOT NULL,
    owner_user TEXT NOT NULL,
    actor TEXT NOT NULL,
    delegation TEXT NOT NULL CHECK (delegation IN ('self', 'verified', 'asserted', 'anonymous')),
    name TEXT NOT NULL,
    kind TEXT NOT NULL,
    status TEXT NOT NULL,
    start_ns INTEGER NOT NULL,
    end_ns INTEGER,
    native_start REAL NOT NULL,
    native_end REAL,
    prompt_tokens INTEGER,
    completion_tokens INTEGER,
    attributes TEXT NOT NULL,
    events TEXT NOT NULL,
    updated_at INTEGER NOT NULL,
    PRIMARY KEY (tenant, trace_id, span_id)
) STRICT, WITHOUT ROWID;
