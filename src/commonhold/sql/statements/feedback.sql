-- Feedback and its hourly counts.

-- columns feedback: feedback_id, rating, created_at, updated_at, trace_id, session_id, comment, correction, model_id, latency_ms, turn_index, agent_type, user_id, owner_agent

-- name: create_feedback hot
-- A vote; triggers count it in the same transaction.
INSERT INTO feedback (
    tenant, feedback_id, owner_agent, owner_user, actor, delegation, user_id, trace_id, session_id,
    rating, comment, correction, model_id, latency_ms, turn_index, agent_type, created_at,
    updated_at
) VALUES (
    :tenant, :feedback_id, :owner_agent, :owner_user, :actor, :delegation, :user_id, :trace_id,
    :session_id, :rating, :comment, :correction, :model_id, :latency_ms, :turn_index, :agent_type,
    :now, :now
)
RETURNING {feedback};

-- name: get_feedback hot
-- One record. Primary key.
SELECT {feedback} FROM feedback WHERE tenant = :tenant AND feedback_id = :feedback_id;

-- name: patch_feedback hot
-- Change what is given. Primary key.
UPDATE feedback SET updated_at = :now
    [, rating = :rating]
    [, comment = :comment]
    [, correction = :correction]
WHERE tenant = :tenant AND feedback_id = :feedback_id
RETURNING {feedback};

-- name: list_feedback
-- A page of records, newest first. feedback_by_creation, _by_rating, _by_trace or _by_session.
SELECT {feedback} FROM feedback
WHERE tenant = :tenant
    [AND trace_id = :trace_id]
    [AND session_id = :session_id]
    [AND user_id = :user_id]
    [AND agent_type = :agent_type]
    [AND rating = :rating]
    [AND created_at >= :since]
    [AND created_at < :until]
    [AND (created_at, feedback_id) < (:at, :id)]
ORDER BY created_at DESC, feedback_id DESC
LIMIT :limit [OFFSET :offset];

-- name: feedback_stats
-- Votes per window: whole hours from the counts, the cut hours at both ends from the records.
-- Primary key of feedback_hour; feedback_by_creation.
SELECT (h.hour + :shift) / :width * :width - :shift AS window_start, h.agent_type,
    CAST(sum(h.thumbs_up) AS BIGINT) AS thumbs_up,
    CAST(sum(h.thumbs_down) AS BIGINT) AS thumbs_down
FROM (
    SELECT hour, agent_type, thumbs_up, thumbs_down FROM feedback_hour
    WHERE tenant = :tenant AND hour >= :from_hour AND hour < :to_hour
    UNION ALL
    SELECT created_at - created_at % 3600000000, coalesce(agent_type, ''),
        CASE WHEN rating = 1 THEN 1 ELSE 0 END, CASE WHEN rating = -1 THEN 1 ELSE 0 END
    FROM feedback
    WHERE tenant = :tenant AND created_at >= :head_from AND created_at < :head_to
    UNION ALL
    SELECT created_at - created_at % 3600000000, coalesce(agent_type, ''),
        CASE WHEN rating = 1 THEN 1 ELSE 0 END, CASE WHEN rating = -1 THEN 1 ELSE 0 END
    FROM feedback
    WHERE tenant = :tenant AND created_at >= :tail_from AND created_at < :tail_to
) AS h
WHERE true
    [AND h.agent_type = :agent_type]
GROUP BY 1, 2
HAVING sum(h.thumbs_up) + sum(h.thumbs_down) > 0
ORDER BY 1, 2;

-- name: list_session_feedback
-- The feedback of a session, oldest first. feedback_by_session.
SELECT {feedback} FROM feedback
WHERE tenant = :tenant AND session_id = :session_id AND (created_at, feedback_id) > (:at, :id)
ORDER BY created_at, feedback_id LIMIT :limit;
