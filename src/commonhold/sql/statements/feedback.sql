-- Feedback: thumbs and scores in one table, and what they are counted by.

-- columns score: feedback.feedback_id, feedback.name, feedback.data_type, feedback.created_at, feedback.updated_at, feedback.value_num, feedback.label, feedback.value_json, feedback.rating, feedback.comment, feedback.correction, feedback.source, feedback.source_id, feedback.identifier, feedback.metadata, feedback.environment, feedback.config_id, feedback.error, feedback.trace_id, feedback.span_id, feedback.session_id, feedback.message_id, feedback.turn_index, feedback.response_id, feedback.model_id, feedback.latency_ms, feedback.agent_type, feedback.user_id, feedback.owner_agent, feedback.superseded_by, feedback.state, feedback.turn_session, feedback.turn_no, feedback.turn_message, feedback.turn_trace, feedback.agent, feedback.model, feedback.turn_seq, CASE WHEN feedback.state <> 'pending' AND coalesce(feedback.awaits_trace, feedback.awaits_turn, feedback.awaits_run) IS NULL THEN 0 ELSE 1 END
-- columns narrowed: [AND feedback.rating IS NOT NULL AND 1 = :thumbs] [AND feedback.rating = :rating] [AND feedback.trace_key = :trace_key] [AND feedback.turn_session = :session_id] [AND feedback.user_id = :user_id] [AND feedback.agent = :agent] [AND feedback.agent = :part_of] [AND feedback.user_id = :of_user AND feedback.owner_user = :of_user] [AND feedback.name = :name] [AND feedback.agent_type = :agent_type] [AND feedback.model = :model] [AND feedback.label = :label] [AND feedback.source = :source] [AND feedback.data_type = :data_type] [AND feedback.value_num >= :min_value] [AND feedback.value_num <= :max_value] [AND feedback.comment <> '' AND 1 = :with_comment] [AND coalesce(feedback.comment, '') = '' AND 1 = :without_comment] [AND feedback.correction <> '' AND 1 = :with_correction] [AND coalesce(feedback.correction, '') = '' AND 1 = :without_correction] [AND feedback.created_at >= :since] [AND feedback.created_at < :until] [AND (feedback.created_at, feedback.feedback_id) < (:at, :id)]
-- columns told: [, CAST(:turns AS BIGINT), q.content, a.content, s.name, s.attributes, s.events]
-- columns exchange: [LEFT JOIN message q ON q.tenant = feedback.tenant AND q.session_id = feedback.turn_session AND q.seq = feedback.question_seq LEFT JOIN message a ON a.tenant = feedback.tenant AND a.session_id = feedback.turn_session AND a.seq = feedback.turn_seq LEFT JOIN trace t ON t.tenant = feedback.tenant AND t.trace_id = feedback.turn_trace AND feedback.turn_seq IS NULL LEFT JOIN span s ON s.tenant = feedback.tenant AND s.day = t.day AND s.trace_id = t.trace_id AND 1 = :turns AND s.span_id = (SELECT x.span_id FROM span x WHERE x.tenant = :tenant AND x.day = t.day AND x.trace_id = t.trace_id ORDER BY x.parent_span_id IS NOT NULL, x.start_ns, x.span_id LIMIT 1)]

-- name: create_feedback hot
-- A record, or a change of the vote that it repeats; triggers count it in the same transaction.
-- What a repetition leaves out stays. feedback_by_vote.
INSERT INTO feedback (
    tenant, feedback_id, owner_agent, owner_user, actor, delegation, user_id, trace_id, session_id,
    rating, comment, correction, model_id, latency_ms, turn_index, agent_type, created_at,
    updated_at, span_id, message_id, response_id, name, data_type, value_num, label, value_json,
    source, source_id, identifier, metadata, environment, config_id, error, state, turn_session,
    turn_no, question_seq, turn_seq, turn_message, turn_trace, trace_key, agent, model, vote_key,
    awaits_trace, awaits_turn, awaits_run
) VALUES (
    :tenant, :feedback_id, :owner_agent, :owner_user, :actor, :delegation, :user_id, :trace_id,
    :session_id, :rating, :comment, :correction, :model_id, :latency_ms, :turn_index, :agent_type,
    :now, :now, :span_id, :message_id, :response_id, :name, :data_type, :value_num, :label,
    :value_json, :source, :source_id, :identifier, :metadata, :environment, :config_id, :error,
    :state, :turn_session, :turn_no, :question_seq, :turn_seq, :turn_message, :turn_trace,
    :trace_key, :bound_agent, :bound_model, :vote_key, :awaits_trace, :awaits_turn, :awaits_run
)
ON CONFLICT (tenant, vote_key) WHERE vote_key IS NOT NULL DO UPDATE SET
    updated_at = excluded.updated_at, rating = excluded.rating, data_type = excluded.data_type,
    value_num = excluded.value_num, label = excluded.label, value_json = excluded.value_json,
    comment = coalesce(excluded.comment, feedback.comment),
    correction = coalesce(excluded.correction, feedback.correction),
    model_id = coalesce(excluded.model_id, feedback.model_id),
    latency_ms = coalesce(excluded.latency_ms, feedback.latency_ms),
    agent_type = coalesce(excluded.agent_type, feedback.agent_type),
    source_id = coalesce(excluded.source_id, feedback.source_id),
    metadata = CASE excluded.metadata
        WHEN '{}' THEN feedback.metadata ELSE excluded.metadata END,
    error = excluded.error
RETURNING {score};

-- name: replace_feedback hot
-- A record that came again with its id: all of it, as it is now. Primary key.
UPDATE feedback SET
    updated_at = :now, trace_id = :trace_id, session_id = :session_id, rating = :rating,
    comment = :comment, correction = :correction, model_id = :model_id, latency_ms = :latency_ms,
    turn_index = :turn_index, agent_type = :agent_type, span_id = :span_id,
    message_id = :message_id, response_id = :response_id, name = :name, data_type = :data_type,
    value_num = :value_num, label = :label, value_json = :value_json, source = :source,
    source_id = :source_id, identifier = :identifier, metadata = :metadata,
    environment = :environment, config_id = :config_id, error = :error
WHERE tenant = :tenant AND feedback_id = :feedback_id
RETURNING {score};

-- name: get_feedback hot
-- One record. Primary key.
SELECT {score} FROM feedback
WHERE tenant = :tenant AND feedback_id = :feedback_id [AND rating IS NOT NULL AND 1 = :thumbs]
    [AND (agent = :part_of OR owner_agent = :part_of)] [AND owner_agent = :owned_by] [AND owner_user = :of_user];

-- name: list_named_scores
-- Some records by their ids. Primary key.
SELECT {score} FROM feedback WHERE tenant = :tenant AND feedback_id {is_listed};

-- name: lock_feedback hot
-- The same, and it stays ours until the transaction ends. Primary key.
SELECT {score} FROM feedback
WHERE tenant = :tenant AND feedback_id = :feedback_id [AND owner_agent = :owned_by] [AND owner_user = :of_user] {for_update};

-- name: read_scores
-- Records that count, by id. Primary key.
SELECT {score} FROM feedback
WHERE tenant = :tenant AND feedback_id {is_listed} AND superseded_by IS NULL;

-- name: patch_feedback hot
-- Change what is given. Primary key.
UPDATE feedback SET updated_at = :now
    [, rating = :rating]
    [, value_num = :value_num]
    [, label = :label]
    [, value_json = :value_json]
    [, comment = :comment]
    [, correction = :correction]
    [, metadata = :metadata]
WHERE tenant = :tenant AND feedback_id = :feedback_id [AND rating IS NOT NULL AND 1 = :thumbs]
    [AND owner_agent = :owned_by] [AND owner_user = :of_user]
RETURNING {score};

-- name: delete_feedback hot
-- Remove a record; triggers take it out of the counts. Primary key.
DELETE FROM feedback
WHERE tenant = :tenant AND feedback_id = :feedback_id [AND rating IS NOT NULL AND 1 = :thumbs]
    [AND owner_agent = :owned_by] [AND owner_user = :of_user];

-- name: list_feedback
-- A page of records, newest first. feedback_by_creation, _thumbs, _by_rating, _by_trace,
-- _by_session, _by_user, _by_agent or _by_name. What each is about, where that is asked for.
SELECT {score} {told} FROM feedback {exchange}
WHERE feedback.tenant = :tenant AND feedback.superseded_by IS NULL
    {narrowed}
ORDER BY feedback.created_at DESC, feedback.feedback_id DESC
LIMIT :limit [OFFSET :offset];

-- name: search_feedback
-- The same by words of the comment and the correction: work for each that has them.
-- What they are about is looked up for the page alone. feedback_words.
SELECT {score} {told}
FROM (
    SELECT feedback.*
    FROM (SELECT t.tenant, t.feedback_id FROM {feedback_with_words}) AS k {its_feedback}
    WHERE feedback.tenant = :tenant AND feedback.superseded_by IS NULL
        {narrowed}
    ORDER BY feedback.created_at DESC, feedback.feedback_id DESC
    LIMIT :limit [OFFSET :offset]
) AS feedback {exchange}
ORDER BY feedback.created_at DESC, feedback.feedback_id DESC;

-- name: list_session_feedback
-- The votes on a session, oldest first. feedback_by_session.
SELECT {score} FROM feedback
WHERE tenant = :tenant AND turn_session = :session_id
    AND (created_at, feedback_id) > (:at, :id)
    AND rating IS NOT NULL AND superseded_by IS NULL
    [AND (agent = :part_of OR owner_agent = :part_of)] [AND owner_user = :of_user]
ORDER BY created_at, feedback_id LIMIT :limit;

-- name: index_feedback
-- What a comment and a correction are found by. feedback_words.
-- rows: feedback_id TEXT, words TEXT
INSERT INTO feedback_text (tenant, feedback_id, words)
SELECT :tenant, r.feedback_id, {as_words} FROM {rows}
{upsert} (tenant, feedback_id) DO UPDATE SET words = excluded.words;

-- name: drop_feedback_words
-- Nothing is said any more. feedback_text_by_id.
DELETE FROM feedback_text WHERE tenant = :tenant AND feedback_id = :feedback_id;

-- name: feedback_reach
-- When the oldest and the newest record were made. feedback_by_creation.
SELECT
    (
        SELECT created_at FROM feedback WHERE tenant = :tenant
        ORDER BY created_at, feedback_id LIMIT 1
    ),
    (
        SELECT created_at FROM feedback WHERE tenant = :tenant
        ORDER BY created_at DESC, feedback_id DESC LIMIT 1
    );

-- name: count_feedback
-- Scores by window and group: whole minutes, hours and UTC days from the counts, the rest from the
-- records.
-- A piece without a window of its own is cut into windows of one width.
-- Primary key of feedback_count; feedback_by_creation.
SELECT k.span, k.part, CAST(sum(k.scores) AS BIGINT), CAST(sum(k.thumbs_up) AS BIGINT),
    CAST(sum(k.thumbs_down) AS BIGINT), CAST(sum(k.valued) AS BIGINT),
    CAST(sum(CAST(k.whole AS DOUBLE PRECISION)) AS DOUBLE PRECISION),
    CAST(sum(CAST(k.billionths AS DOUBLE PRECISION)) AS DOUBLE PRECISION)
FROM (
    SELECT coalesce(r.span, (c.start + :shift) / :width * :width - :shift) AS span,
        CASE :group_by WHEN 'agent' THEN c.agent WHEN 'agent_type' THEN c.agent_type
            WHEN 'model' THEN c.model WHEN 'name' THEN c.name WHEN 'label' THEN c.label
            WHEN 'source' THEN c.source WHEN 'user' THEN c.label ELSE '' END AS part,
        c.scores, c.thumbs_up, c.thumbs_down, c.valued, c.whole, c.billionths
    FROM {pieces} {its_counts}
    WHERE true
        [AND c.agent = :agent] [AND c.agent_type = :agent_type] [AND c.model = :model]
        [AND c.name = :name] [AND c.label = :label] [AND c.source = :source]
    UNION ALL
    SELECT coalesce(r.span, (f.created_at + :shift) / :width * :width - :shift),
        CASE :group_by WHEN 'agent' THEN f.agent WHEN 'agent_type' THEN coalesce(f.agent_type, '')
            WHEN 'model' THEN coalesce(f.model, '') WHEN 'name' THEN f.name
            WHEN 'label' THEN coalesce(f.label, '') WHEN 'source' THEN f.source
            WHEN 'user' THEN f.user_id ELSE '' END,
        1, CASE WHEN f.rating = 1 THEN 1 ELSE 0 END, CASE WHEN f.rating = -1 THEN 1 ELSE 0 END,
        CASE WHEN f.value_num IS NULL THEN 0 ELSE 1 END,
        coalesce(f.value_num, 0), 0
    FROM {pieces} {its_records}
    WHERE f.superseded_by IS NULL
        [AND f.agent = :agent] [AND f.agent_type = :agent_type] [AND f.model = :model]
        [AND f.name = :name] [AND f.label = :label] [AND f.source = :source]
) AS k
GROUP BY k.span, k.part HAVING sum(k.scores) > 0
ORDER BY k.span, k.part;
