-- Turns: leases, handoffs, events, and who took part.

-- columns stamp: owner_agent, owner_user, actor, delegation
-- columns stamped: :owner_agent, :owner_user, :actor, :delegation
-- columns reached: [AND coalesce(owner_user, '') = :of_user] [AND :held_by IN (coalesce(owner_agent, ''), coalesce(holder, ''))]

-- name: record_event
-- A fact of the conversation that is not a message.
INSERT INTO session_event (tenant, session_id, seq, kind, {stamp}, data, created_at)
VALUES (:tenant, :session_id, :seq, :kind, {stamped}, :data, :now);

-- name: take_lease
-- The turn, when it is free. Its token is greater than any before, also of a session with this id
-- that was deleted: it is no less than the time in microseconds. Primary key.
UPDATE session SET
    lease_token = CASE WHEN lease_token < :now THEN :now ELSE lease_token + 1 END, lease_holder = :holder, lease_until = :until,
    head_seq = head_seq + 1
WHERE tenant = :tenant AND session_id = :session_id {reached} AND lease_until <= :now
RETURNING lease_token, head_seq;

-- name: renew_lease
-- More time for a turn that is not over. Primary key.
UPDATE session SET lease_until = :until
WHERE tenant = :tenant AND session_id = :session_id {reached}
    AND lease_token = :token AND lease_until > :now
RETURNING lease_token, lease_holder;

-- name: end_lease
-- The turn is over. Primary key.
UPDATE session SET lease_until = 0, lease_holder = NULL
WHERE tenant = :tenant AND session_id = :session_id {reached}
    AND lease_token = :token AND lease_until > :now;

-- name: hand_over
-- Another agent holds the session; the lease ends, and its token is spent. Primary key.
UPDATE session SET
    holder = :to_agent, lease_token = lease_token + 1, lease_holder = NULL, lease_until = 0,
    head_seq = :seq, updated_at = :now
WHERE tenant = :tenant AND session_id = :session_id {reached}
    [AND (holder = :owned_by OR owner_agent = :owned_by)];

-- name: list_participants
-- Who took part. Primary key.
SELECT owner_agent, owner_user, message_count, first_seq, last_seq, first_at, last_at
FROM participant
WHERE tenant = :tenant AND session_id = :session_id
ORDER BY first_seq, owner_agent, owner_user;

-- name: list_events
-- A stretch of what happened beside the messages. Primary key.
SELECT seq, kind, owner_agent, data, created_at
FROM session_event
WHERE tenant = :tenant AND session_id = :session_id AND seq > :after
ORDER BY seq LIMIT :limit;

-- name: follow_messages
-- The next messages of a log, live or not: as many as fit, and one at least. Primary key.
SELECT seq, message_id, owner_agent, role, content, created_at, superseded_at
FROM (
    SELECT seq, message_id, owner_agent, role, content, created_at, superseded_at,
        sum(length(content)) OVER (ORDER BY seq) - length(content) AS ahead
    FROM (
        SELECT * FROM message
        WHERE tenant = :tenant AND session_id = :session_id AND seq > :after
        ORDER BY seq LIMIT :limit
    ) AS next
) AS measured
WHERE ahead < :most
ORDER BY seq;

-- name: get_heads
-- How far the logs of some sessions go, and until when their turns last. Primary key.
SELECT session_id, head_seq, lease_until FROM session
WHERE tenant = :tenant AND session_id {is_listed};

-- name: find_request
-- What a request with a key asked for, and was answered. Primary key.
SELECT asked, answer FROM session_request
WHERE tenant = :tenant AND session_id = :session_id AND mark = :mark;

-- name: remember_request
-- The answer to a request with a key.
INSERT INTO session_request (tenant, session_id, mark, asked, answer, created_at)
VALUES (:tenant, :session_id, :mark, :asked, :answer, :now);
