-- Traces, their parts and their spans. A trace's day never changes: it leads to its spans.

-- columns stamp: owner_agent, owner_user, actor, delegation
-- columns stamped: :owner_agent, :owner_user, :actor, :delegation
-- columns summary: trace.trace_id, trace.started_at, trace.ended_at, trace.model, trace.session_id, trace.status, trace.duration_ns, trace.span_count, trace.error_count, trace.tool_calls, trace.prompt_tokens, trace.completion_tokens, trace.agents, trace.name, trace.user_id, trace.environment, trace.llm_calls, trace.cached_tokens, trace.reasoning_tokens, trace.cost_nano, trace.models, trace.is_ahead, trace.thumbs_up, trace.thumbs_down
-- columns its_part: [AND (SELECT count(*) FROM trace_label x WHERE x.tenant = :tenant AND x.label = :part_label AND x.started_at = trace.started_at AND x.trace_id = trace.trace_id) = 1]

-- name: lock_traces
-- Which of some traces are there, and they stay ours until the transaction ends. Primary key.
SELECT trace_id, day, started_at, labels, agents FROM trace
WHERE tenant = :tenant AND trace_id {is_listed}
ORDER BY trace_id {for_update};

-- name: begin_traces
-- Traces that nobody wrote to before, with the votes that came first. Primary key.
-- rows: trace_id TEXT, started_at BIGINT, ended_at BIGINT, model TEXT, session_id TEXT, status TEXT, duration_ns BIGINT, span_count BIGINT, error_count BIGINT, tool_calls BIGINT, prompt_tokens BIGINT, completion_tokens BIGINT, agents TEXT, name TEXT, user_id TEXT, environment TEXT, llm_calls BIGINT, cached_tokens BIGINT, reasoning_tokens BIGINT, cost_nano BIGINT, models TEXT, is_ahead BIGINT, labels TEXT
INSERT INTO trace (
    tenant, day, created_at, updated_at, trace_id, started_at, ended_at, model, session_id, status,
    duration_ns, span_count, error_count, tool_calls, prompt_tokens, completion_tokens, agents,
    name, user_id, environment, llm_calls, cached_tokens, reasoning_tokens, cost_nano, models,
    is_ahead, labels, thumbs_up, thumbs_down
)
SELECT :tenant, :day, :now, :now, r.trace_id, r.started_at, r.ended_at, r.model, r.session_id,
    r.status, r.duration_ns, r.span_count, r.error_count, r.tool_calls, r.prompt_tokens,
    r.completion_tokens, r.agents, r.name, r.user_id, r.environment, r.llm_calls, r.cached_tokens,
    r.reasoning_tokens, r.cost_nano, r.models, r.is_ahead, r.labels,
    (
        SELECT count(*) FROM feedback f
        WHERE f.tenant = :tenant AND f.trace_key = r.trace_id AND f.rating = 1
            AND f.superseded_by IS NULL
    ),
    (
        SELECT count(*) FROM feedback f
        WHERE f.tenant = :tenant AND f.trace_key = r.trace_id AND f.rating = -1
            AND f.superseded_by IS NULL
    )
FROM {rows}
{upsert} (tenant, trace_id) DO NOTHING;

-- name: derive_traces
-- Summaries made again out of all that their authors wrote. Primary key.
-- rows: trace_id TEXT, started_at BIGINT, ended_at BIGINT, model TEXT, session_id TEXT, status TEXT, duration_ns BIGINT, span_count BIGINT, error_count BIGINT, tool_calls BIGINT, prompt_tokens BIGINT, completion_tokens BIGINT, agents TEXT, name TEXT, user_id TEXT, environment TEXT, llm_calls BIGINT, cached_tokens BIGINT, reasoning_tokens BIGINT, cost_nano BIGINT, models TEXT, is_ahead BIGINT, labels TEXT
UPDATE trace SET
    updated_at = :now, started_at = r.started_at, ended_at = r.ended_at, model = r.model,
    session_id = r.session_id, status = r.status, duration_ns = r.duration_ns,
    span_count = r.span_count, error_count = r.error_count, tool_calls = r.tool_calls,
    prompt_tokens = r.prompt_tokens, completion_tokens = r.completion_tokens, agents = r.agents,
    name = r.name, user_id = r.user_id, environment = r.environment, llm_calls = r.llm_calls,
    cached_tokens = r.cached_tokens, reasoning_tokens = r.reasoning_tokens,
    cost_nano = r.cost_nano, models = r.models, is_ahead = r.is_ahead, labels = r.labels
FROM {rows}
WHERE trace.tenant = :tenant AND trace.trace_id = r.trace_id;

-- name: put_parts
-- One author's own fields of traces; a later post of the same author replaces them. Primary key.
-- rows: trace_id TEXT, part_started_at BIGINT, part_ended_at BIGINT, part_model TEXT, part_session_id TEXT, part_status TEXT
INSERT INTO trace_part (
    tenant, trace_id, {stamp}, started_at, ended_at, model, session_id, status, updated_at
)
SELECT :tenant, r.trace_id, {stamped}, r.part_started_at, r.part_ended_at, r.part_model,
    r.part_session_id, r.part_status, :now
FROM {rows}
{upsert} (tenant, trace_id, owner_agent) DO UPDATE SET
    started_at = excluded.started_at, ended_at = excluded.ended_at, model = excluded.model,
    session_id = excluded.session_id, status = excluded.status, updated_at = excluded.updated_at;

-- name: add_spans copied
-- Spans of traces that this transaction began, all of one day.
-- rows: trace_id TEXT, span_id TEXT, parent_span_id TEXT, name TEXT, status TEXT, start_ns BIGINT, end_ns BIGINT, native_start FLOAT8, native_end FLOAT8, gist TEXT, emitter TEXT, otel TEXT, attributes TEXT, events TEXT
INSERT INTO span (
    tenant, {stamp}, day, trace_id, span_id, parent_span_id, name, status, start_ns, end_ns,
    native_start, native_end, gist, emitter, otel, attributes, events
)
SELECT :tenant, {stamped}, :day, r.trace_id, r.span_id, r.parent_span_id, r.name, r.status,
    r.start_ns, r.end_ns, r.native_start, r.native_end, r.gist, r.emitter, r.otel, r.attributes,
    r.events
FROM {rows};

-- name: put_spans
-- Spans by id; one that another author wrote is left as it is. Primary key.
-- rows: day BIGINT, trace_id TEXT, span_id TEXT, parent_span_id TEXT, name TEXT, status TEXT, start_ns BIGINT, end_ns BIGINT, native_start FLOAT8, native_end FLOAT8, gist TEXT, emitter TEXT, otel TEXT, attributes TEXT, events TEXT
INSERT INTO span (
    tenant, {stamp}, day, trace_id, span_id, parent_span_id, name, status, start_ns, end_ns,
    native_start, native_end, gist, emitter, otel, attributes, events
)
SELECT :tenant, {stamped}, r.day, r.trace_id, r.span_id, r.parent_span_id, r.name, r.status,
    r.start_ns, r.end_ns, r.native_start, r.native_end, r.gist, r.emitter, r.otel, r.attributes,
    r.events
FROM {rows}
{upsert} (tenant, day, trace_id, span_id) DO UPDATE SET
    parent_span_id = excluded.parent_span_id, name = excluded.name, status = excluded.status,
    start_ns = excluded.start_ns, end_ns = excluded.end_ns, native_start = excluded.native_start,
    native_end = excluded.native_end, gist = excluded.gist, emitter = excluded.emitter,
    otel = excluded.otel, attributes = excluded.attributes, events = excluded.events
WHERE span.owner_agent = excluded.owner_agent;

-- name: put_logs
-- Log records of traces; one that is sent again is the same. Primary key.
-- rows: trace_id TEXT, log_id TEXT, span_id TEXT, name TEXT, time_ns BIGINT, gist TEXT, emitter TEXT, attributes TEXT, body TEXT
INSERT INTO span_log (
    tenant, {stamp}, trace_id, log_id, span_id, name, time_ns, gist, emitter, attributes, body
)
SELECT :tenant, {stamped}, r.trace_id, r.log_id, r.span_id, r.name, r.time_ns, r.gist, r.emitter,
    r.attributes, r.body
FROM {rows}
{upsert} (tenant, trace_id, log_id) DO NOTHING;

-- name: put_emitters
-- What processes and instrumentations said of themselves, by digest. Primary key.
-- rows: emitter TEXT, content TEXT
INSERT INTO span_emitter (tenant, emitter, content)
SELECT :tenant, r.emitter, r.content FROM {rows}
{upsert} (tenant, emitter) DO NOTHING;

-- name: get_emitters
-- The same, back. Primary key.
SELECT emitter, content FROM span_emitter WHERE tenant = :tenant AND emitter {is_listed};

-- name: read_facts
-- What the spans of some traces of one day add to their summaries. Primary key.
SELECT trace_id, span_id, parent_span_id, name, start_ns, end_ns, status, owner_agent, gist,
    owner_user
FROM span WHERE tenant = :tenant AND day = :day AND trace_id {is_listed};

-- name: read_parts
-- What authors say of some traces as wholes. Primary key.
SELECT trace_id, owner_agent, started_at, ended_at, model, session_id, status, owner_user
FROM trace_part WHERE tenant = :tenant AND trace_id {is_listed};

-- name: read_log_gists
-- What the log records of some traces add to their summaries. Primary key.
SELECT trace_id, time_ns, gist FROM span_log WHERE tenant = :tenant AND trace_id {is_listed};

-- name: add_labels copied
-- What traces are found by that this transaction began.
-- rows: label TEXT, started_at BIGINT, trace_id TEXT
INSERT INTO trace_label (tenant, label, started_at, trace_id)
SELECT :tenant, r.label, r.started_at, r.trace_id FROM {rows};

-- name: put_labels
-- What traces are found by. Primary key.
-- rows: label TEXT, started_at BIGINT, trace_id TEXT
INSERT INTO trace_label (tenant, label, started_at, trace_id)
SELECT :tenant, r.label, r.started_at, r.trace_id FROM {rows}
{upsert} (tenant, label, started_at, trace_id) DO NOTHING;

-- name: drop_labels
-- What traces are no longer found by. Primary key.
-- rows: label TEXT, started_at BIGINT, trace_id TEXT
DELETE FROM trace_label
WHERE tenant = :tenant AND (label, started_at, trace_id) IN (
    SELECT r.label, r.started_at, r.trace_id FROM {rows}
);

-- name: add_shares copied
-- The shares of agents in traces that this transaction began.
-- rows: agent TEXT, started_at BIGINT, trace_id TEXT, version TEXT, instance TEXT, is_error BIGINT, duration_ns BIGINT, span_count BIGINT, prompt_tokens BIGINT, completion_tokens BIGINT, cost_nano BIGINT
INSERT INTO trace_agent (
    tenant, agent, started_at, trace_id, version, instance, is_error, duration_ns, span_count,
    prompt_tokens, completion_tokens, cost_nano
)
SELECT :tenant, r.agent, r.started_at, r.trace_id, r.version, r.instance, r.is_error,
    r.duration_ns, r.span_count, r.prompt_tokens, r.completion_tokens, r.cost_nano
FROM {rows};

-- name: put_shares
-- The shares of agents in traces. Primary key.
-- rows: agent TEXT, started_at BIGINT, trace_id TEXT, version TEXT, instance TEXT, is_error BIGINT, duration_ns BIGINT, span_count BIGINT, prompt_tokens BIGINT, completion_tokens BIGINT, cost_nano BIGINT
INSERT INTO trace_agent (
    tenant, agent, started_at, trace_id, version, instance, is_error, duration_ns, span_count,
    prompt_tokens, completion_tokens, cost_nano
)
SELECT :tenant, r.agent, r.started_at, r.trace_id, r.version, r.instance, r.is_error,
    r.duration_ns, r.span_count, r.prompt_tokens, r.completion_tokens, r.cost_nano
FROM {rows}
{upsert} (tenant, agent, started_at, trace_id) DO UPDATE SET
    version = excluded.version, instance = excluded.instance, is_error = excluded.is_error,
    duration_ns = excluded.duration_ns, span_count = excluded.span_count,
    prompt_tokens = excluded.prompt_tokens, completion_tokens = excluded.completion_tokens,
    cost_nano = excluded.cost_nano;

-- name: drop_shares
-- Shares that stand at another time, or are none any more. Primary key.
-- rows: agent TEXT, started_at BIGINT, trace_id TEXT
DELETE FROM trace_agent
WHERE tenant = :tenant AND (agent, started_at, trace_id) IN (
    SELECT r.agent, r.started_at, r.trace_id FROM {rows}
);

-- name: get_trace hot
-- One trace's summary, and the day that leads to its spans. Primary key.
SELECT {summary}, trace.day FROM trace WHERE tenant = :tenant AND trace_id = :trace_id {its_part};

-- name: get_spans
-- The spans of a trace in wall-clock order. Primary key.
SELECT trace_id, span_id, parent_span_id, name, native_start, native_end, status, attributes,
    events, owner_agent, start_ns, end_ns, gist, otel, emitter
FROM span WHERE tenant = :tenant AND day = :day AND trace_id = :trace_id
ORDER BY start_ns, span_id;

-- name: get_logs
-- The log records of a trace in wall-clock order. Primary key.
SELECT span_id, name, time_ns, attributes, body, emitter, log_id
FROM span_log WHERE tenant = :tenant AND trace_id = :trace_id
ORDER BY time_ns, log_id;
