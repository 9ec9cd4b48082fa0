-- Erasures: what was asked for, who works on it, and what it has done.

-- columns erasure: erasure_id, erased_user, asked_by, sessions, messages, blanked_messages, feedback, blanked_feedback, traces, spans, logs, started_at, finished_at

-- name: create_erasure
-- A new one; nothing when its id is taken. Primary key.
INSERT INTO erasure (
    tenant, erasure_id, erased_user, asked_by, stage, sessions, messages, blanked_messages,
    feedback, blanked_feedback, traces, spans, logs, started_at, updated_at, busy_until
) VALUES (
    :tenant, :erasure_id, :user, :asked_by, :stage, 0, 0, 0, 0, 0, 0, 0, 0, :now, :now, 0
)
ON CONFLICT (tenant, erasure_id) DO NOTHING
RETURNING {erasure};

-- name: get_erasure hot
-- One of them. Primary key.
SELECT {erasure} FROM erasure WHERE tenant = :tenant AND erasure_id = :erasure_id;

-- name: running_erasure
-- One of a user that is under way. erasure_by_user.
SELECT {erasure} FROM erasure
WHERE tenant = :tenant AND erased_user = :user AND finished_at IS NULL
ORDER BY started_at LIMIT 1;

-- name: list_erasures
-- A page, newest first. erasure_by_start.
SELECT {erasure} FROM erasure
WHERE tenant = :tenant [AND (started_at, erasure_id) < (:at, :id)]
ORDER BY started_at DESC, erasure_id DESC LIMIT :limit;

-- name: claim_erasure
-- One of all tenants that nobody works on, or the one named, ours for a time. erasure_running.
UPDATE erasure SET busy_until = :until WHERE (tenant, erasure_id) IN (
    SELECT tenant, erasure_id FROM erasure
    WHERE finished_at IS NULL AND busy_until <= :now
        [AND tenant = :tenant AND erasure_id = :erasure_id]
    ORDER BY busy_until LIMIT 1 {skip_locked}
)
RETURNING tenant, erasure_id, erased_user, stage, started_at;

-- name: hold_erasure
-- It is still ours, and stays so while this transaction lasts. Primary key.
SELECT erasure_id FROM erasure
WHERE tenant = :tenant AND erasure_id = :erasure_id AND busy_until = :held {for_update};

-- name: advance_erasure
-- What one step did, in the transaction that did it. Primary key.
UPDATE erasure SET
    stage = :stage, sessions = sessions + :sessions, messages = messages + :messages,
    blanked_messages = blanked_messages + :blanked_messages, feedback = feedback + :feedback,
    blanked_feedback = blanked_feedback + :blanked_feedback, traces = traces + :traces,
    spans = spans + :spans, logs = logs + :logs, updated_at = :now, busy_until = :until
    [, finished_at = :finished_at]
WHERE tenant = :tenant AND erasure_id = :erasure_id;

-- name: release_erasure
-- Whoever comes next may go on. Primary key.
UPDATE erasure SET busy_until = 0
WHERE tenant = :tenant AND erasure_id = :erasure_id AND busy_until = :held;

-- name: survey_user
-- What belongs to a user by name, counted. session_by_user, session_label_by_label,
-- participant_by_user, feedback_by_user, trace_by_user.
SELECT
    (
        SELECT count(*) FROM session s
        WHERE s.tenant = :tenant AND s.owner_user = :user AND s.created_at <= :before
    ) + (
        SELECT count(*) FROM session_label l
        JOIN session s ON s.tenant = l.tenant AND s.session_id = l.session_id
        WHERE l.tenant = :tenant AND l.label = :label AND s.owner_user = ''
            AND s.created_at <= :before
    ),
    (
        SELECT CAST(coalesce(sum(p.message_count), 0) AS BIGINT) FROM participant p
        WHERE p.tenant = :tenant AND p.owner_user = :user AND p.owner_user <> ''
            AND p.first_at <= :before
    ),
    (
        SELECT count(*) FROM feedback f
        WHERE f.tenant = :tenant AND f.user_id = :user AND f.created_at <= :before
    ),
    (
        SELECT count(*) FROM trace t
        WHERE t.tenant = :tenant AND t.user_id = :user AND t.created_at <= :before
    ),
    (
        SELECT CAST(coalesce(sum(t.span_count), 0) AS BIGINT) FROM trace t
        WHERE t.tenant = :tenant AND t.user_id = :user AND t.created_at <= :before
    );
