-- What feedback is about, found when it is written, or when what it is about has come.

-- name: find_named_trace
-- The trace that a record names, in any spelling of its id, and whose its root is. Primary key.
SELECT t.trace_id, t.session_id, t.started_at, t.model, t.agents, (
    SELECT s.owner_agent FROM span s
    WHERE s.tenant = t.tenant AND s.day = t.day AND s.trace_id = t.trace_id
    ORDER BY s.parent_span_id IS NOT NULL, s.start_ns, s.span_id LIMIT 1
)
FROM trace t WHERE t.tenant = :tenant AND t.trace_id {is_listed}
ORDER BY t.span_count DESC, t.trace_id LIMIT 1;

-- name: find_turn
-- One turn of a session: its question, its answer, and the trace that wrote it, the last one that
-- began before the answer and after the answer of the turn before.
-- By its number, by a message in it, or as the first that was answered after a time.
-- What bounds a search is found before it begins: row-level security would let no subquery do it.
-- message_asked, message_live, message_by_id, trace_by_session.
WITH q AS (
    SELECT u.seq, u.place FROM message u
    WHERE u.tenant = :tenant AND u.session_id = :session_id
        AND u.role = 'user' AND u.superseded_at IS NULL
        [AND u.place = (
            SELECT b.place FROM message b
            WHERE b.tenant = :tenant AND b.session_id = :session_id
                AND b.role = 'user' AND b.superseded_at IS NULL
                AND b.place <= (
                    SELECT m.place FROM message m
                    WHERE m.tenant = :tenant AND m.session_id = :session_id
                        AND m.message_id = :message_id AND m.superseded_at IS NULL
                    ORDER BY m.seq DESC LIMIT 1
                )
            ORDER BY b.place DESC LIMIT 1
        )]
        [AND u.place >= coalesce((
            SELECT b.place FROM message b
            WHERE b.tenant = :tenant AND b.session_id = :session_id
                AND b.role = 'user' AND b.superseded_at IS NULL
                AND b.place < coalesce((
                    SELECT c.place FROM message c
                    WHERE c.tenant = :tenant AND c.session_id = :session_id
                        AND c.role = 'user' AND c.superseded_at IS NULL AND c.created_at >= :began
                    ORDER BY c.place LIMIT 1
                ), 9223372036854775807)
            ORDER BY b.place DESC LIMIT 1
        ), -9223372036854775807)
        AND EXISTS (
            SELECT 1 FROM message x
            WHERE x.tenant = :tenant AND x.session_id = :session_id
                AND x.role = 'assistant' AND x.superseded_at IS NULL
                AND x.place > u.place AND x.created_at >= :began
                AND x.place < coalesce((
                    SELECT n.place FROM message n
                    WHERE n.tenant = :tenant AND n.session_id = :session_id
                        AND n.role = 'user' AND n.superseded_at IS NULL AND n.place > u.place
                    ORDER BY n.place LIMIT 1
                ), 9223372036854775807)
        )]
    ORDER BY u.place LIMIT 1 [OFFSET :turn_index]
), w AS MATERIALIZED (
    SELECT q.seq, q.place, coalesce((
            SELECT n.place FROM message n
            WHERE n.tenant = :tenant AND n.session_id = :session_id
                AND n.role = 'user' AND n.superseded_at IS NULL AND n.place > q.place
            ORDER BY n.place LIMIT 1
        ), 9223372036854775807) AS until, coalesce((
            SELECT p.created_at FROM message p
            WHERE p.tenant = :tenant AND p.session_id = :session_id
                AND p.superseded_at IS NULL AND p.role = 'assistant' AND p.place < q.place
            ORDER BY p.place DESC LIMIT 1
        ), -1) AS since
    FROM q
), a AS MATERIALIZED (
    SELECT w.seq AS asked, w.place, m.seq, m.message_id, m.owner_agent, (
            SELECT k.trace_id FROM (
                SELECT r.trace_id, r.started_at,
                    CASE WHEN r.agents LIKE '%"' || m.owner_agent || '"%' THEN 0 ELSE 1 END
                        AS is_other
                FROM trace r
                WHERE r.tenant = :tenant AND r.session_id = :session_id
                    AND r.started_at <= m.created_at AND r.started_at > w.since
            ) AS k
            ORDER BY k.is_other, k.started_at DESC, k.trace_id DESC LIMIT 1
        ) AS trace_id
    FROM w
    JOIN message m ON m.tenant = :tenant AND m.session_id = :session_id AND m.seq = (
        SELECT x.seq FROM message x
        WHERE x.tenant = :tenant AND x.session_id = :session_id
            AND x.superseded_at IS NULL AND x.role = 'assistant'
            AND x.place > w.place AND x.place < w.until
        ORDER BY x.place DESC LIMIT 1
    )
)
SELECT a.asked, (
        SELECT count(*) FROM message n
        WHERE n.tenant = :tenant AND n.session_id = :session_id
            AND n.role = 'user' AND n.superseded_at IS NULL AND n.place < a.place
    ),
    a.seq, a.message_id, a.owner_agent, t.trace_id, t.model, t.agents
FROM a
LEFT JOIN trace t ON t.tenant = :tenant AND t.trace_id = a.trace_id;

-- name: first_due
-- Whether a record of a tenant is due. Primary key.
SELECT 1 FROM feedback_due
WHERE due_at >= 0 AND due_at <= :now AND tenant = :tenant LIMIT 1;

-- name: take_due
-- Records that are due, ours until the transaction ends: those of a tenant that a read waits for,
-- or any, of which those from before there were turns come first. Primary key.
SELECT due_at, tenant, feedback_id FROM feedback_due
WHERE due_at <= :now [AND due_at >= 0 AND tenant = :tenant]
ORDER BY due_at, tenant, feedback_id LIMIT :limit {for_update};

-- name: end_due
-- Looked at. Primary key.
-- rows: due_at BIGINT, tenant TEXT, feedback_id TEXT
DELETE FROM feedback_due WHERE (due_at, tenant, feedback_id) IN (
    SELECT r.due_at, r.tenant, r.feedback_id FROM {rows}
);

-- name: get_target hot
-- What a record says that it is about, and whose vote it is. Primary key.
SELECT session_id, turn_index, message_id, trace_id, span_id, response_id, model_id, owner_agent,
    user_id, name, source, identifier, vote_key, superseded_by, updated_at
FROM feedback WHERE tenant = :tenant AND feedback_id = :feedback_id {for_update};

-- name: find_vote
-- The record that holds a vote. feedback_by_vote.
SELECT feedback_id, updated_at FROM feedback
WHERE tenant = :tenant AND vote_key = :vote_key {for_update};

-- name: bind_feedback hot
-- What a record is about, as it is known now. Primary key.
UPDATE feedback SET
    state = :state, turn_session = :turn_session, turn_no = :turn_no,
    question_seq = :question_seq, turn_seq = :turn_seq, turn_message = :turn_message,
    turn_trace = :turn_trace, trace_key = :trace_key, agent = :bound_agent, model = :bound_model,
    vote_key = :vote_key, superseded_by = :superseded_by, awaits_trace = :awaits_trace,
    awaits_turn = :awaits_turn, awaits_run = :awaits_run
WHERE tenant = :tenant AND feedback_id = :feedback_id;

-- name: supersede_feedback hot
-- Another record stands for the same vote. Primary key.
UPDATE feedback SET
    superseded_by = :by, vote_key = NULL, awaits_trace = NULL, awaits_turn = NULL,
    awaits_run = NULL
WHERE tenant = :tenant AND feedback_id = :feedback_id;
