-- Sessions: one row each, their documents, and what is found and removed with them.
-- What of them is within reach is asked in a way that leads to no other index than the key.

-- columns session: session_id, created_at, updated_at, version, message_count, head_seq, owner_agent, owner_user, title, metadata, parent_session_id, forked_at_message_id, holder, lease_holder, lease_until, is_waiting
-- columns stamp: owner_agent, owner_user, actor, delegation
-- columns stamped: :owner_agent, :owner_user, :actor, :delegation
-- columns reached: [AND coalesce(owner_user, '') = :of_user] [AND :held_by IN (coalesce(owner_agent, ''), coalesce(holder, ''))]

-- name: create_session hot
-- A new session, or nothing when the id is taken. Primary key.
INSERT INTO session (
    tenant, session_id, {stamp}, holder, title, metadata, parent_session_id, forked_at_message_id,
    message_count, head_seq, version, chain, cost_data, state, is_waiting, created_at, updated_at
) VALUES (
    :tenant, :session_id, {stamped}, :owner_agent, :title, :metadata, :parent_session_id, :forked_at_message_id,
    0, 0, 0, :chain, '{}', :state, 0, :now, :now
)
ON CONFLICT (tenant, session_id) DO NOTHING
RETURNING {session};

-- name: get_session hot
-- One session without its messages. Primary key.
SELECT {session} FROM session WHERE tenant = :tenant AND session_id = :session_id {reached};

-- name: get_session_whole
-- The same, with the marks of its live tool calls and results in order. Primary key, message_tools.
SELECT {session}, (
    SELECT {join_content} FROM (
        SELECT m.tools AS content, m.place FROM message m
        WHERE m.tenant = :tenant AND m.session_id = :session_id
            AND m.tools IS NOT NULL AND m.superseded_at IS NULL
        ORDER BY m.place
    ) AS live
) AS tools
FROM session WHERE tenant = :tenant AND session_id = :session_id {reached};

-- name: get_head hot
-- What a write must know to recognise that it only extends the log, and whose turn it is.
-- Primary key.
SELECT version, message_count, chain, lease_token, lease_holder, lease_until
FROM session WHERE tenant = :tenant AND session_id = :session_id {reached};

-- name: get_reach hot
-- How far a log goes, and since when it is this one. Primary key.
SELECT head_seq, created_at FROM session WHERE tenant = :tenant AND session_id = :session_id {reached};

-- name: lock_session hot
-- The session's counters, ours until the transaction ends. Primary key.
SELECT version, message_count, head_seq, chain, holder, lease_token, lease_holder, lease_until,
    created_at
FROM session WHERE tenant = :tenant AND session_id = :session_id {reached} {for_update};

-- name: label_session
-- What a new session is found by.
-- rows: label TEXT
INSERT INTO session_label (tenant, session_id, label, session_at)
SELECT :tenant, :session_id, r.label, :now FROM {rows};

-- name: get_cost hot
-- What the agent spent, as it wrote it. Primary key.
SELECT cost_data FROM session WHERE tenant = :tenant AND session_id = :session_id {reached};

-- name: swap_cost hot
-- Replace the cost if nobody else did meanwhile. Primary key.
UPDATE session SET cost_data = :new, updated_at = :now
WHERE tenant = :tenant AND session_id = :session_id {reached} AND cost_data = :old
RETURNING cost_data;

-- name: get_state hot
-- The agent's state fields. Primary key.
SELECT state FROM session WHERE tenant = :tenant AND session_id = :session_id {reached};

-- name: swap_state hot
-- Replace the state if nobody else did meanwhile. Primary key.
UPDATE session SET state = :new, is_waiting = :is_waiting, updated_at = :now
WHERE tenant = :tenant AND session_id = :session_id {reached} AND state = :old
RETURNING state;

-- name: delete_session
-- The session's own row, and what was in it. Primary key.
DELETE FROM session
WHERE tenant = :tenant AND session_id = :session_id {reached} [AND owner_agent = :owned_by]
RETURNING lease_until, state;

-- name: delete_messages
-- Every message of a session. Primary key.
DELETE FROM message WHERE tenant = :tenant AND session_id = :session_id;

-- name: delete_events
-- Every event of a session. Primary key.
DELETE FROM session_event WHERE tenant = :tenant AND session_id = :session_id;

-- name: delete_participants
-- Who took part in a session. Primary key.
DELETE FROM participant WHERE tenant = :tenant AND session_id = :session_id;

-- name: delete_labels
-- What a session is found by. Primary key.
DELETE FROM session_label WHERE tenant = :tenant AND session_id = :session_id;

-- name: delete_requests
-- What requests with a key were answered. Primary key.
DELETE FROM session_request WHERE tenant = :tenant AND session_id = :session_id;

-- name: delete_words
-- What the messages of a session are found by. message_text_by_seq.
DELETE FROM message_text WHERE tenant = :tenant AND session_id = :session_id;
