-- What is done about committed spans later: their words are indexed, and they are sent on.

-- name: add_job
-- Something to do about spans, in the transaction that writes them. Primary key.
INSERT INTO span_job (kind, tenant, day, spans, created_at, due_at)
VALUES (:kind, :tenant, :day, :spans, :now, :now);

-- name: take_jobs
-- The oldest jobs of a kind; others pass over them until this transaction ends. span_job_by_kind.
SELECT job_id, tenant, day, spans FROM span_job WHERE kind = :kind
ORDER BY job_id LIMIT :limit {skip_locked};

-- name: await_jobs
-- The same, but waits for whoever works on them: what they did is seen then. span_job_by_kind.
SELECT job_id, tenant, day, spans FROM span_job WHERE kind = :kind
ORDER BY job_id LIMIT :limit {for_update};

-- name: last_job
-- The youngest job of a kind that was planned, up to one of them. span_job_by_kind.
SELECT max(job_id) FROM span_job WHERE kind = :kind [AND job_id <= :until];

-- name: claim_jobs
-- The oldest jobs of a kind that are due, ours until another time. span_job_by_kind.
UPDATE span_job SET due_at = :until WHERE job_id IN (
    SELECT job_id FROM span_job WHERE kind = :kind AND due_at <= :now
    ORDER BY job_id LIMIT :limit {skip_locked}
)
RETURNING job_id, tenant, day, spans;

-- name: postpone_jobs
-- Not done: they are due again at another time. Primary key.
UPDATE span_job SET due_at = :until WHERE job_id {is_one_of};

-- name: end_jobs
-- Done. Primary key.
DELETE FROM span_job WHERE job_id {is_one_of};

-- name: read_spans
-- Spans by id, of traces of one day. Primary key.
SELECT trace_id, span_id, parent_span_id, name, native_start, native_end, status, attributes,
    events, owner_agent, start_ns, end_ns, gist, otel, emitter
FROM span WHERE tenant = :tenant AND day = :day AND trace_id {is_listed};

-- name: read_starts
-- When traces begin. Primary key.
SELECT trace_id, started_at FROM trace WHERE tenant = :tenant AND trace_id {is_listed};

-- name: index_spans
-- The words of spans, again when a span was sent again. span_words.
-- rows: trace_id TEXT, span_id TEXT, words TEXT, started_at BIGINT
INSERT INTO span_text (tenant, day, trace_id, span_id, words, started_at)
SELECT :tenant, :day, r.trace_id, r.span_id, {as_words}, r.started_at FROM {rows}
{upsert} (tenant, day, trace_id, span_id) DO UPDATE SET
    words = excluded.words, started_at = excluded.started_at;

-- name: time_spans
-- Words are found by when their trace begins, which an earlier span may have changed. Primary key.
UPDATE span_text SET started_at = (
    SELECT t.started_at FROM trace t WHERE t.tenant = :tenant AND t.trace_id = span_text.trace_id
)
WHERE tenant = :tenant AND day = :day AND trace_id {is_listed} AND started_at <> (
    SELECT t.started_at FROM trace t WHERE t.tenant = :tenant AND t.trace_id = span_text.trace_id
);
