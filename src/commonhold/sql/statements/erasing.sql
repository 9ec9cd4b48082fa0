-- What an erasure finds, and what it removes or blanks. What it is done with is not found again.

-- name: next_user_session
-- A session of the user. session_by_user.
SELECT session_id FROM session
WHERE tenant = :tenant AND owner_user = :user AND created_at <= :before
ORDER BY created_at, session_id LIMIT 1;

-- name: next_labelled_session
-- A session of nobody, whose metadata say that it is the user's. session_label_by_label.
SELECT l.session_id FROM session_label l
WHERE l.tenant = :tenant AND l.label = :label AND (
    SELECT s.session_id FROM session s
    WHERE s.tenant = :tenant AND s.session_id = l.session_id AND s.owner_user = ''
        AND s.created_at <= :before
) IS NOT NULL
ORDER BY l.session_at, l.session_id LIMIT 1;

-- name: nobodys_session
-- A session of nobody about which no trace names another user; its agent. Primary key,
-- trace_by_session.
SELECT s.owner_agent FROM session s
WHERE s.tenant = :tenant AND s.session_id = :session_id AND s.owner_user = ''
    AND s.created_at <= :before AND NOT EXISTS (
        SELECT 1 FROM trace t
        WHERE t.tenant = :tenant AND t.session_id = :session_id AND t.user_id <> :user
    );

-- name: adopt_session
-- It is the user's from now on, and found by that. Primary key.
UPDATE session SET owner_user = :user
WHERE tenant = :tenant AND session_id = :session_id AND owner_user = '' AND created_at <= :before;

-- name: next_forks
-- Forks of a session that are the user's or nobody's. session_by_parent.
SELECT session_id FROM session
WHERE tenant = :tenant AND parent_session_id = :session_id AND owner_user IN ('', :user)
    AND created_at <= :before
ORDER BY created_at, session_id LIMIT 2;

-- name: next_shared_session
-- A session in which the user took part. participant_by_user.
SELECT session_id FROM participant
WHERE tenant = :tenant AND owner_user = :user AND owner_user <> '' AND first_at <= :before
ORDER BY session_id LIMIT 1;

-- name: user_messages
-- Messages of the user in a session, some of them. Primary key.
SELECT seq, content FROM message
WHERE tenant = :tenant AND session_id = :session_id AND owner_user = :user
ORDER BY seq LIMIT :limit;

-- name: line_of_forks
-- Forks of a session, and forks of these, whosever they are. session_by_parent.
WITH RECURSIVE line (fork_id) AS (
    SELECT session_id FROM session
    WHERE tenant = :tenant AND parent_session_id = :session_id
    UNION
    SELECT s.session_id FROM line
    CROSS JOIN session s
    WHERE s.tenant = :tenant AND s.parent_session_id = line.fork_id
)
SELECT fork_id FROM line WHERE fork_id <> :session_id LIMIT :limit;

-- name: inherited_messages
-- Messages of nobody that a fork has of a session, one by one. Primary key, message_by_id.
SELECT m.seq, m.content FROM message m
WHERE m.tenant = :tenant AND m.session_id = :fork_id AND m.owner_user = ''
    AND m.actor <> 'erased' AND (
        SELECT count(*) FROM message o
        WHERE o.tenant = :tenant AND o.session_id = :session_id AND o.message_id = m.message_id
            AND o.digest = m.digest AND o.owner_user = ''
    ) > 0
ORDER BY m.seq LIMIT :limit;

-- name: blank_messages
-- Messages that say nothing any more, of nobody. Primary key.
-- rows: blank_seq BIGINT, blank_content TEXT, blank_key TEXT, blank_digest BYTEA
UPDATE message SET
    content = r.blank_content, match_key = r.blank_key, digest = r.blank_digest, owner_user = '',
    delegation = 'anonymous', actor = 'erased'
FROM {rows}
WHERE tenant = :tenant AND session_id = :session_id AND seq = r.blank_seq;

-- name: drop_message_words
-- Messages are no longer found by what they said. message_text_by_seq.
-- rows: blank_seq BIGINT
DELETE FROM message_text
WHERE tenant = :tenant AND session_id = :session_id AND seq IN (SELECT r.blank_seq FROM {rows});

-- name: renew_session
-- Its log is another one now: nobody may go on from what it was. Primary key.
UPDATE session SET version = version + 1, chain = NULL, updated_at = :now
WHERE tenant = :tenant AND session_id = :session_id;

-- name: forget_participant
-- What the user did in a session was done by nobody in particular. Primary key.
INSERT INTO participant (
    tenant, session_id, owner_agent, owner_user, session_at, message_count, first_seq, last_seq,
    first_at, last_at
)
SELECT tenant, session_id, owner_agent, '', session_at, message_count, first_seq, last_seq,
    first_at, last_at
FROM participant
WHERE tenant = :tenant AND session_id = :session_id AND owner_user = :user
ON CONFLICT (tenant, session_id, owner_agent, owner_user) DO UPDATE SET
    message_count = participant.message_count + excluded.message_count,
    first_seq = CASE WHEN excluded.first_seq < participant.first_seq
        THEN excluded.first_seq ELSE participant.first_seq END,
    last_seq = CASE WHEN excluded.last_seq > participant.last_seq
        THEN excluded.last_seq ELSE participant.last_seq END,
    first_at = CASE WHEN excluded.first_at < participant.first_at
        THEN excluded.first_at ELSE participant.first_at END,
    last_at = CASE WHEN excluded.last_at > participant.last_at
        THEN excluded.last_at ELSE participant.last_at END;

-- name: drop_participant
-- The user took no part. Primary key.
DELETE FROM participant
WHERE tenant = :tenant AND session_id = :session_id AND owner_user = :user;

-- name: user_events
-- Events of the user in sessions of others. session_event_by_user.
SELECT session_id, seq, data FROM session_event
WHERE tenant = :tenant AND owner_user = :user AND owner_user <> '' AND created_at <= :before
ORDER BY session_id, seq LIMIT :limit;

-- name: blank_events
-- Events without what was said with them, of nobody. Primary key.
-- rows: event_session TEXT, event_seq BIGINT, event_data TEXT
UPDATE session_event SET
    data = r.event_data, owner_user = '', delegation = 'anonymous',
    actor = 'erased'
FROM {rows}
WHERE tenant = :tenant AND session_id = r.event_session AND seq = r.event_seq;

-- name: user_feedback
-- Records of the user, the oldest first. feedback_by_user.
SELECT feedback_id, created_at, name FROM feedback
WHERE tenant = :tenant AND user_id = :user AND created_at <= :before
ORDER BY created_at, feedback_id LIMIT :limit;

-- name: remove_feedback
-- Records that go; triggers take them out of the counts. Primary key.
DELETE FROM feedback WHERE tenant = :tenant AND feedback_id {is_listed};

-- name: remove_score_deliveries
-- What was told of scores, or is to be. webhook_delivery_by_score.
DELETE FROM webhook_delivery WHERE tenant = :tenant AND score_id {is_listed};

-- name: hold_user_counts
-- What was counted of the user on some days: nobody counts there while this lasts. Primary key.
-- rows: day_start BIGINT, score_name TEXT
UPDATE feedback_count SET scores = scores
FROM {rows}
WHERE tenant = :tenant AND level = 'u' AND start = r.day_start AND agent = '' AND agent_type = ''
    AND model = '' AND name = r.score_name AND label = :user;

-- name: drop_user_counts
-- Where nothing is left, no row with the name of the user is left. Primary key.
-- rows: day_start BIGINT, score_name TEXT
DELETE FROM feedback_count
WHERE tenant = :tenant AND level = 'u' AND agent = '' AND agent_type = '' AND model = ''
    AND label = :user AND (start, name) IN (SELECT r.day_start, r.score_name FROM {rows})
    AND (
        SELECT sum(c.scores) FROM feedback_count c
        WHERE c.tenant = :tenant AND c.level = 'u' AND c.start = feedback_count.start
            AND c.agent = '' AND c.agent_type = '' AND c.model = ''
            AND c.name = feedback_count.name AND c.label = :user
    ) = 0;

-- name: said_of_session
-- What nobody in particular said about a session. feedback_by_session, feedback_awaits_turn.
SELECT k.feedback_id FROM (
    SELECT * FROM feedback f WHERE f.tenant = :tenant AND f.turn_session = :session_id
    UNION ALL
    SELECT * FROM feedback f WHERE f.tenant = :tenant AND f.awaits_turn = :session_id
) AS k
WHERE k.user_id = :nobody AND (
    coalesce(k.comment, '') <> '' OR coalesce(k.correction, '') <> '' OR k.metadata <> '{}'
    OR coalesce(k.value_json, '{}') <> '{}' OR coalesce(k.error, '') <> ''
)
LIMIT :limit;

-- name: said_of_traces
-- What nobody in particular said about traces. feedback_by_trace.
SELECT feedback_id FROM feedback
WHERE tenant = :tenant AND trace_key {is_listed} AND user_id = :nobody AND (
    coalesce(comment, '') <> '' OR coalesce(correction, '') <> '' OR metadata <> '{}'
    OR coalesce(value_json, '{}') <> '{}' OR coalesce(error, '') <> ''
)
LIMIT :limit;

-- name: blank_feedback
-- Records that keep their value, and say nothing else. Primary key.
UPDATE feedback SET
    comment = CASE WHEN comment IS NULL THEN NULL ELSE '' END,
    correction = CASE WHEN correction IS NULL THEN NULL ELSE '' END, metadata = '{}',
    value_json = CASE WHEN value_json IS NULL THEN NULL ELSE '{}' END,
    error = CASE WHEN error IS NULL THEN NULL ELSE '' END
WHERE tenant = :tenant AND feedback_id {is_listed};

-- name: drop_words_of_feedback
-- Records are no longer found by what they said. feedback_text_by_id.
DELETE FROM feedback_text WHERE tenant = :tenant AND feedback_id {is_listed};

-- name: judged_for_user
-- What agents judged for the user, as nobody's vote. feedback_judged_for; the time is asked of an
-- expression, so that no index of times seems shorter.
SELECT feedback_id FROM feedback
WHERE tenant = :tenant AND owner_user = :user AND owner_user <> '' AND owner_user <> user_id
    AND created_at + 0 <= :before
ORDER BY feedback_id LIMIT :limit;

-- name: disown_feedback
-- Records of nobody in particular. Primary key.
UPDATE feedback SET owner_user = '', delegation = 'anonymous', actor = 'erased'
WHERE tenant = :tenant AND feedback_id {is_listed};
