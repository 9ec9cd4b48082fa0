-- The same of traces: their content goes; their structure, times, tokens and cost stay.

-- name: user_traces
-- Traces of the user. trace_by_user.
SELECT trace_id, day, span_count, session_id, agents FROM trace
WHERE tenant = :tenant AND user_id = :user AND created_at <= :before
ORDER BY started_at, trace_id LIMIT :limit;

-- name: traces_of_session
-- Traces of a session that name no other user. trace_by_session.
SELECT trace_id, day, span_count FROM trace
WHERE tenant = :tenant AND session_id = :session_id AND coalesce(user_id, :user) = :user
    AND created_at <= :before
ORDER BY started_at, trace_id LIMIT :limit;

-- name: traces_written_for
-- Traces to which something was written on behalf of the user, and whose they are.
-- span_by_user, span_log_by_user, trace_part_by_user.
SELECT t.trace_id, t.day, t.span_count, coalesce(t.user_id, '')
FROM (
    SELECT trace_id FROM (
        SELECT trace_id FROM span
        WHERE tenant = :tenant AND owner_user = :user AND owner_user <> ''
        ORDER BY trace_id LIMIT :limit
    ) AS spans
    UNION
    SELECT trace_id FROM (
        SELECT trace_id FROM span_log
        WHERE tenant = :tenant AND owner_user = :user AND owner_user <> ''
        ORDER BY trace_id LIMIT :limit
    ) AS logs
    UNION
    SELECT trace_id FROM (
        SELECT trace_id FROM trace_part
        WHERE tenant = :tenant AND owner_user = :user AND owner_user <> ''
        ORDER BY trace_id LIMIT :limit
    ) AS parts
) AS w
JOIN trace t ON t.tenant = :tenant AND t.trace_id = w.trace_id
ORDER BY t.trace_id;

-- name: spans_to_blank
-- The spans of traces of one day, or those of the user among them. Primary key.
SELECT trace_id, span_id, gist, otel, emitter, attributes FROM span
WHERE tenant = :tenant AND day = :day AND trace_id {is_listed} [AND owner_user = :user];

-- name: blank_spans
-- Spans that say nothing any more. Primary key.
-- rows: span_trace TEXT, blank_span TEXT, blank_gist TEXT, blank_otel TEXT, blank_attributes TEXT
UPDATE span SET
    gist = r.blank_gist, otel = r.blank_otel, attributes = r.blank_attributes, events = :events,
    owner_user = '', delegation = CASE owner_user WHEN '' THEN delegation ELSE 'anonymous' END,
    actor = 'erased'
FROM {rows}
WHERE tenant = :tenant AND day = :day AND trace_id = r.span_trace AND span_id = r.blank_span;

-- name: drop_span_words
-- Spans are no longer found by what they said. span_text_by_span.
-- rows: span_trace TEXT, blank_span TEXT
DELETE FROM span_text
WHERE tenant = :tenant AND day = :day AND (trace_id, span_id) IN (
    SELECT r.span_trace, r.blank_span FROM {rows}
);

-- name: logs_to_blank
-- Log records of traces, or those of the user among them. Primary key.
SELECT trace_id, log_id, gist, emitter FROM span_log
WHERE tenant = :tenant AND trace_id {is_listed} [AND owner_user = :user];

-- name: blank_logs
-- Log records that say nothing any more; their ids were made of what they said. Primary key.
-- rows: log_trace TEXT, old_id TEXT, new_id TEXT, blank_gist TEXT
UPDATE span_log SET
    log_id = r.new_id, gist = r.blank_gist, attributes = '{}', body = 'null', owner_user = '',
    delegation = CASE owner_user WHEN '' THEN delegation ELSE 'anonymous' END,
    actor = 'erased'
FROM {rows}
WHERE tenant = :tenant AND trace_id = r.log_trace AND log_id = r.old_id;

-- name: blank_parts
-- What authors said of traces as wholes, without the session. Primary key.
UPDATE trace_part SET
    session_id = NULL, owner_user = '',
    delegation = CASE owner_user WHEN '' THEN delegation ELSE 'anonymous' END,
    actor = 'erased'
WHERE tenant = :tenant AND trace_id {is_listed} [AND owner_user = :user];

-- name: change_emitter
-- What a process said of itself, without the user. Primary key.
UPDATE span_emitter SET content = :content WHERE tenant = :tenant AND emitter = :emitter;
