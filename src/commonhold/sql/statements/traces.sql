-- Traces, their parts and their spans.

-- columns stamp: owner_agent, owner_user, actor, delegation
-- columns stamped: :owner_agent, :owner_user, :actor, :delegation
-- columns summary: trace_id, started_at, ended_at, model, session_id, status, duration_ns, span_count, error_count, tool_calls, prompt_tokens, completion_tokens, agents

-- name: start_trace hot
-- A trace that begins with this part, or nothing when somebody already posted to it. Primary key.
-- rows: span_id TEXT, parent_span_id TEXT, name TEXT, kind TEXT, span_status TEXT, start_ns BIGINT, end_ns BIGINT, native_start FLOAT8, native_end FLOAT8, tokens_in BIGINT, tokens_out BIGINT, attributes TEXT, events TEXT
-- dialect: sqlite (no INSERT inside WITH)
INSERT INTO trace (
    tenant, trace_id, session_id, started_at, ended_at, model, status, duration_ns, span_count,
    error_count, tool_calls, prompt_tokens, completion_tokens, agents, created_at, updated_at
) VALUES (
    :tenant, :trace_id, :session_id, :started_at, :ended_at, :model, :status, :duration_ns,
    :span_count, :error_count, :tool_calls, :prompt_tokens, :completion_tokens, :owner_agent,
    :now, :now
)
ON CONFLICT (tenant, trace_id) DO NOTHING
RETURNING trace_id AS begun;
-- then: its first part
INSERT INTO trace_part (
    tenant, trace_id, {stamp}, started_at, ended_at, model, session_id, status, updated_at
) VALUES (
    :tenant, :trace_id, {stamped}, :part_started_at, :part_ended_at, :model, :session_id,
    :part_status, :now
);
-- then: its spans
INSERT INTO span (
    tenant, trace_id, span_id, parent_span_id, {stamp}, name, kind, status, start_ns, end_ns,
    native_start, native_end, prompt_tokens, completion_tokens, attributes, events, updated_at
)
SELECT :tenant, :trace_id, r.span_id, r.parent_span_id, {stamped}, r.name, r.kind, r.span_status,
    r.start_ns, r.end_ns, r.native_start, r.native_end, r.tokens_in, r.tokens_out, r.attributes,
    r.events, :now
FROM {rows};
-- dialect: postgres (one round trip instead of six)
WITH begun AS (
    INSERT INTO trace (
        tenant, trace_id, session_id, started_at, ended_at, model, status, duration_ns, span_count,
        error_count, tool_calls, prompt_tokens, completion_tokens, agents, created_at, updated_at
    ) VALUES (
        :tenant, :trace_id, :session_id, :started_at, :ended_at, :model, :status, :duration_ns,
        :span_count, :error_count, :tool_calls, :prompt_tokens, :completion_tokens, :owner_agent,
        :now, :now
    )
    ON CONFLICT (tenant, trace_id) DO NOTHING
    RETURNING trace_id
), part AS (
    INSERT INTO trace_part (
        tenant, trace_id, {stamp}, started_at, ended_at, model, session_id, status, updated_at
    )
    SELECT :tenant, :trace_id, {stamped}, :part_started_at, :part_ended_at, :model, :session_id,
        :part_status, :now
    FROM begun
), spans AS (
    INSERT INTO span (
        tenant, trace_id, span_id, parent_span_id, {stamp}, name, kind, status, start_ns, end_ns,
        native_start, native_end, prompt_tokens, completion_tokens, attributes, events, updated_at
    )
    SELECT :tenant, :trace_id, r.span_id, r.parent_span_id, {stamped}, r.name, r.kind,
        r.span_status, r.start_ns, r.end_ns, r.native_start, r.native_end, r.tokens_in,
        r.tokens_out, r.attributes, r.events, :now
    FROM begun, {rows}
)
SELECT trace_id AS begun FROM begun;

-- name: touch_trace
-- Make sure the trace exists and is ours until the transaction ends. Primary key.
INSERT INTO trace (
    tenant, trace_id, started_at, status, span_count, error_count, tool_calls, agents,
    created_at, updated_at
) VALUES (:tenant, :trace_id, :started_at, 'ok', 0, 0, 0, '', :now, :now)
ON CONFLICT (tenant, trace_id) DO UPDATE SET updated_at = excluded.updated_at;

-- name: put_part
-- One author's own fields of a trace; a later post of the same author replaces them. Primary key.
INSERT INTO trace_part (
    tenant, trace_id, {stamp}, started_at, ended_at, model, session_id, status, updated_at
) VALUES (
    :tenant, :trace_id, {stamped}, :part_started_at, :part_ended_at, :model, :session_id,
    :part_status, :now
)
ON CONFLICT (tenant, trace_id, owner_agent) DO UPDATE SET
    started_at = excluded.started_at, ended_at = excluded.ended_at, model = excluded.model,
    session_id = excluded.session_id, status = excluded.status, updated_at = excluded.updated_at;

-- name: put_spans
-- Spans by id; one that another author wrote is left as it is. Primary key.
-- rows: span_id TEXT, parent_span_id TEXT, name TEXT, kind TEXT, span_status TEXT, start_ns BIGINT, end_ns BIGINT, native_start FLOAT8, native_end FLOAT8, tokens_in BIGINT, tokens_out BIGINT, attributes TEXT, events TEXT
INSERT INTO span (
    tenant, trace_id, span_id, parent_span_id, {stamp}, name, kind, status, start_ns, end_ns,
    native_start, native_end, prompt_tokens, completion_tokens, attributes, events, updated_at
)
SELECT :tenant, :trace_id, r.span_id, r.parent_span_id, {stamped}, r.name, r.kind, r.span_status,
    r.start_ns, r.end_ns, r.native_start, r.native_end, r.tokens_in, r.tokens_out, r.attributes,
    r.events, :now
FROM {rows}
{upsert} (tenant, trace_id, span_id) DO UPDATE SET
    parent_span_id = excluded.parent_span_id, name = excluded.name, kind = excluded.kind,
    status = excluded.status, start_ns = excluded.start_ns, end_ns = excluded.end_ns,
    native_start = excluded.native_start, native_end = excluded.native_end,
    prompt_tokens = excluded.prompt_tokens, completion_tokens = excluded.completion_tokens,
    attributes = excluded.attributes, events = excluded.events, updated_at = excluded.updated_at
WHERE span.owner_agent = excluded.owner_agent;

-- name: derive_trace
-- The summary out of every author's parts and spans (DESIGN 3.2). Primary keys.
UPDATE trace SET
    started_at = CASE
        WHEN s.first_ns IS NULL OR p.started_at <= s.first_ns / 1000 + 1 THEN p.started_at
        ELSE s.first_ns / 1000
    END,
    ended_at = CASE
        WHEN s.last_ns IS NULL OR p.ended_at >= s.last_ns / 1000 THEN p.ended_at
        ELSE s.last_ns / 1000
    END,
    duration_ns = s.last_ns - s.first_ns,
    status = CASE WHEN p.failed > 0 OR s.failed > 0 THEN 'error' ELSE 'ok' END,
    model = (
        SELECT model FROM trace_part
        WHERE tenant = :tenant AND trace_id = :trace_id AND model IS NOT NULL
        ORDER BY started_at, owner_agent LIMIT 1
    ),
    session_id = (
        SELECT session_id FROM trace_part
        WHERE tenant = :tenant AND trace_id = :trace_id AND session_id IS NOT NULL
        ORDER BY started_at, owner_agent LIMIT 1
    ),
    span_count = s.spans,
    error_count = s.failed,
    tool_calls = s.tools,
    prompt_tokens = s.prompt_tokens,
    completion_tokens = s.completion_tokens,
    agents = p.agents
FROM (
    SELECT min(start_ns) AS first_ns, max(end_ns) AS last_ns, count(*) AS spans,
        coalesce(sum(CASE WHEN status = 'error' THEN 1 ELSE 0 END), 0) AS failed,
        coalesce(sum(CASE WHEN kind = 'tool' THEN 1 ELSE 0 END), 0) AS tools,
        sum(prompt_tokens) AS prompt_tokens, sum(completion_tokens) AS completion_tokens
    FROM span WHERE tenant = :tenant AND trace_id = :trace_id
) AS s, (
    SELECT min(started_at) AS started_at, max(ended_at) AS ended_at,
        sum(CASE WHEN status = 'error' THEN 1 ELSE 0 END) AS failed, {join_agents} AS agents
    FROM trace_part WHERE tenant = :tenant AND trace_id = :trace_id
) AS p
WHERE trace.tenant = :tenant AND trace.trace_id = :trace_id;

-- name: get_trace hot
-- One trace's summary. Primary key.
SELECT {summary} FROM trace WHERE tenant = :tenant AND trace_id = :trace_id;

-- name: get_spans
-- The spans of a trace in wall-clock order. Primary key.
SELECT trace_id, span_id, parent_span_id, name, native_start, native_end, status, attributes,
    events, owner_agent, start_ns, end_ns
FROM span WHERE tenant = :tenant AND trace_id = :trace_id
ORDER BY start_ns, span_id;

-- name: list_traces
-- A page of summaries, newest first. trace_by_start; trace_by_session with a session.
SELECT {summary} FROM trace
WHERE tenant = :tenant
    [AND session_id = :session_id]
    [AND status = :status]
    [AND started_at >= :since]
    [AND started_at < :until]
    [AND (started_at, trace_id) < (:at, :id)]
ORDER BY started_at DESC, trace_id DESC
LIMIT :limit [OFFSET :offset];

-- name: list_session_traces
-- Summaries of a session's traces, oldest first. trace_by_session.
SELECT {summary} FROM trace
WHERE tenant = :tenant AND session_id = :session_id AND (started_at, trace_id) > (:at, :id)
ORDER BY started_at, trace_id LIMIT :limit;
