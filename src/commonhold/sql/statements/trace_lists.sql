-- Lists of traces, in the order of an index. What else is asked of a trace is counted in it, where
-- EXISTS would let a planner join whole tables.

-- columns summary: trace.trace_id, trace.started_at, trace.ended_at, trace.model, trace.session_id, trace.status, trace.duration_ns, trace.span_count, trace.error_count, trace.tool_calls, trace.prompt_tokens, trace.completion_tokens, trace.agents, trace.name, trace.user_id, trace.environment, trace.llm_calls, trace.cached_tokens, trace.reasoning_tokens, trace.cost_nano, trace.models, trace.is_ahead, trace.thumbs_up, trace.thumbs_down
-- columns narrowed: [AND trace.session_id = :session_id] [AND trace.user_id = :user] [AND trace.status = :status] [AND trace.status = 'error' AND 1 = :failed] [AND trace.thumbs_up > 0 AND 1 = :voted_up] [AND trace.thumbs_down > 0 AND 1 = :voted_down] [AND trace.thumbs_up = 0 AND trace.thumbs_down = 0 AND 1 = :unvoted] [AND trace.duration_ns >= :min_duration_ns] [AND trace.cost_nano >= :min_cost_nano]
-- columns labelled: [AND (SELECT count(*) FROM trace_label x WHERE x.tenant = :tenant AND x.label {is_listed} AND x.started_at = trace.started_at AND x.trace_id = trace.trace_id) = :label_count]
-- columns its_part: [AND (SELECT count(*) FROM trace_label x WHERE x.tenant = :tenant AND x.label = :part_label AND x.started_at = trace.started_at AND x.trace_id = trace.trace_id) = 1]
-- columns measure: CASE :by WHEN 'cost' THEN trace.cost_nano WHEN 'duration' THEN trace.duration_ns ELSE trace.started_at END

-- name: list_traces
-- Newest first. trace_by_start, _by_session, _by_user, trace_failed, trace_thumbed_up or _down.
SELECT {summary} FROM trace
WHERE trace.tenant = :tenant
    {narrowed}
    [AND trace.started_at >= :since]
    [AND trace.started_at < :until]
    [AND (trace.started_at, trace.trace_id) < (:at, :id)]
ORDER BY trace.started_at DESC, trace.trace_id DESC
LIMIT :limit [OFFSET :offset];

-- name: list_traces_labelled
-- Newest first, by an agent, a model, a tool, a kind, a tag. Primary key of trace_label.
SELECT {summary}
FROM trace_label k {its_trace}
WHERE k.tenant = :tenant AND k.label = :label
    [AND k.started_at >= :since]
    [AND k.started_at < :until]
    [AND (k.started_at, k.trace_id) < (:at, :id)]
    {labelled}
    {narrowed}
ORDER BY k.started_at DESC, k.trace_id DESC
LIMIT :limit [OFFSET :offset];

-- name: list_traces_by_duration
-- Longest first. trace_by_duration.
SELECT {summary} FROM trace
WHERE trace.tenant = :tenant AND trace.duration_ns IS NOT NULL
    [AND (trace.duration_ns, trace.trace_id) < (:at, :id)]
    {narrowed}
    [AND trace.started_at >= :since]
    [AND trace.started_at < :until]
ORDER BY trace.duration_ns DESC, trace.trace_id DESC
LIMIT :limit [OFFSET :offset];

-- name: list_traces_by_cost
-- Dearest first. trace_by_cost.
SELECT {summary} FROM trace
WHERE trace.tenant = :tenant AND trace.cost_nano IS NOT NULL
    [AND (trace.cost_nano, trace.trace_id) < (:at, :id)]
    {narrowed}
    [AND trace.started_at >= :since]
    [AND trace.started_at < :until]
ORDER BY trace.cost_nano DESC, trace.trace_id DESC
LIMIT :limit [OFFSET :offset];

-- name: rank_traces_labelled
-- Longest or dearest first of those that have a label: work for each. Primary key of trace_label.
SELECT {summary}
FROM trace_label k {its_trace}
WHERE k.tenant = :tenant AND k.label = :label AND {measure} IS NOT NULL
    [AND k.started_at >= :since]
    [AND k.started_at < :until]
    [AND ({measure}, trace.trace_id) < (:at, :id)]
    {labelled}
    {narrowed}
ORDER BY {measure} DESC, trace.trace_id DESC
LIMIT :limit [OFFSET :offset];

-- name: search_traces
-- In any order, by the words or attributes of a span: work for each that has them. span_words.
SELECT {summary}
FROM (SELECT DISTINCT t.tenant, t.trace_id FROM {span_with_words}) AS k {its_trace}
WHERE trace.tenant = :tenant AND {measure} IS NOT NULL
    [AND ({measure}, trace.trace_id) < (:at, :id)]
    {labelled}
    {narrowed}
    [AND trace.started_at >= :since]
    [AND trace.started_at < :until]
ORDER BY {measure} DESC, trace.trace_id DESC
LIMIT :limit [OFFSET :offset];

-- name: search_traces_then
-- Newest first, of those that begin in a window of time: work for each in it that has the words.
-- span_words.
SELECT {summary}
FROM (SELECT DISTINCT t.tenant, t.trace_id FROM {span_with_words_then}) AS k {its_trace}
WHERE trace.tenant = :tenant AND trace.started_at >= :since AND trace.started_at < :until
    [AND (trace.started_at, trace.trace_id) < (:at, :id)]
    {labelled}
    {narrowed}
ORDER BY trace.started_at DESC, trace.trace_id DESC
LIMIT :limit;

-- name: pace_traces
-- When the newest trace began, one so many before it, and the oldest. trace_by_start.
SELECT (
    SELECT started_at FROM trace WHERE tenant = :tenant [AND started_at < :until]
    ORDER BY started_at DESC LIMIT 1
), (
    SELECT started_at FROM trace WHERE tenant = :tenant [AND started_at < :until]
    ORDER BY started_at DESC LIMIT 1 OFFSET :near
), (
    SELECT started_at FROM trace WHERE tenant = :tenant ORDER BY started_at LIMIT 1
);

-- name: list_session_traces
-- Summaries of a session's traces, oldest first. trace_by_session.
SELECT {summary} FROM trace
WHERE tenant = :tenant AND session_id = :session_id AND (started_at, trace_id) > (:at, :id)
    {its_part}
ORDER BY started_at, trace_id LIMIT :limit;
