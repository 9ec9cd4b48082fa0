-- Traces: one summary row each, one part per author of a native post, one row per span.

CREATE TABLE trace (
    tenant TEXT COLLATE "C" NOT NULL,
    trace_id TEXT COLLATE "C" NOT NULL,
    session_id TEXT COLLATE "C",
    started_at BIGINT NOT NULL,
    ended_at BIGINT,
    model TEXT,
    status TEXT NOT NULL,
    duration_ns BIGINT,
    span_count BIGINT NOT NULL,
    error_count BIGINT NOT NULL,
    tool_calls BIGINT NOT NULL,
    prompt_tokens BIGINT,
    completion_tokens BIGINT,
    agents TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    PRIMARY KEY (tenant, trace_id)
);

CREATE INDEX trace_by_start ON trace (tenant, started_at, trace_id);

CREATE INDEX trace_by_session ON trace (tenant, session_id, started_at, trace_id)
WHERE session_id IS NOT NULL;

CREATE TABLE trace_part (
    tenant TEXT COLLATE "C" NOT NULL,
    trace_id TEXT COLLATE "C" NOT NULL,
    owner_agent TEXT COLLATE "C" NOT NULL,
    owner_user TEXT COLLATE "C" NOT NULL,
    actor TEXT NOT NULL,
    delegation TEXT NOT NULL CHECK (delegation IN ('self', 'verified', 'asserted', 'anonymous')),
    started_at BIGINT NOT NULL,
    ended_at BIGINT,
    model TEXT,
    session_id TEXT COLLATE "C",
    status TEXT NOT NULL,
    updated_at BIGINT NOT NULL,
    PRIMARY KEY (tenant, trace_id, owner_agent)
);

CREATE TABLE span (
    tenant TEXT COLLATE "C" NOT NULL,
    trace_id TEXT COLLATE "C" NOT NULL,
    span_id TEXT COLLATE "C" NOT NULL,
    parent_span_id TEXT COLLATE "C",
    owner_agent TEXT COLLATE "C" NOT NULL,
    owner_user TEXT COLLATE "C" NOT NULL,
    actor TEXT NOT NULL,
    delegation TEXT NOT NULL CHECK (delegation IN ('self', 'verified', 'asserted', 'anonymous')),
    name TEXT NOT NULL,
    kind TEXT NOT NULL,
    status TEXT NOT NULL,
    start_ns BIGINT NOT NULL,
    end_ns BIGINT,
    native_start DOUBLE PRECISION NOT NULL,
    native_end DOUBLE PRECISION,
    prompt_tokens BIGINT,
    completion_tokens BIGINT,
    attributes TEXT NOT NULL,
    events TEXT NOT NULL,
    updated_at BIGINT NOT NULL,
    PRIMARY KEY (tenant, trace_id, span_id)
);
