-- Sessions and their logs.

-- columns session: session_id, created_at, updated_at, version, message_count, head_seq, owner_agent, owner_user, title, metadata, parent_session_id, forked_at_message_id
-- columns stamp: owner_agent, owner_user, actor, delegation
-- columns stamped: :owner_agent, :owner_user, :actor, :delegation

-- name: create_session hot
-- A new session, or nothing when the id is taken. Primary key.
INSERT INTO session (
    tenant, session_id, {stamp}, title, metadata, parent_session_id, forked_at_message_id,
    message_count, head_seq, version, chain, cost_data, state, created_at, updated_at
) VALUES (
    :tenant, :session_id, {stamped}, :title, :metadata, :parent_session_id, :forked_at_message_id,
    0, 0, 0, :chain, '{}', :state, :now, :now
)
ON CONFLICT (tenant, session_id) DO NOTHING
RETURNING {session};

-- name: get_session hot
-- One session without its messages. Primary key.
SELECT {session} FROM session WHERE tenant = :tenant AND session_id = :session_id;

-- name: get_head hot
-- What a PUT must know to recognise that it only extends the log. Primary key.
SELECT version, message_count, chain
FROM session WHERE tenant = :tenant AND session_id = :session_id;

-- name: lock_session hot
-- The session's counters, ours until the transaction ends. Primary key.
SELECT version, message_count, head_seq, chain, owner_agent
FROM session WHERE tenant = :tenant AND session_id = :session_id {for_update};

-- name: get_history hot
-- The live messages as one text, assembled here and never parsed; only the count when there are
-- more than asked for. Primary key, message_live.
SELECT s.version, s.message_count, CASE WHEN s.message_count <= :most THEN (
    SELECT {join_content} FROM (
        SELECT m.content, m.place FROM message m
        WHERE m.tenant = :tenant AND m.session_id = :session_id AND m.superseded_at IS NULL
        ORDER BY m.place
    ) AS live
) END AS body
FROM session s WHERE s.tenant = :tenant AND s.session_id = :session_id;

-- name: get_live
-- The live log without contents, for the merge of a PUT. message_live.
SELECT seq, place, match_key, digest, owner_agent
FROM message
WHERE tenant = :tenant AND session_id = :session_id AND superseded_at IS NULL
ORDER BY place;

-- name: list_messages
-- A stretch of the log. Primary key, also for live messages only: message_live is in another order,
-- and a planner that took it would read the whole log for one page.
SELECT seq, message_id, owner_agent, role, content, created_at, superseded_at
FROM message
WHERE tenant = :tenant AND session_id = :session_id AND seq > :after
    [AND coalesce(superseded_at, 0) = 0 AND seq > :live_after]
ORDER BY seq LIMIT :limit;

-- name: extend_session hot
-- Append to a log that is still as the caller knew it: one round trip, O(appended).
-- Sequences follow head_seq; a place is its sequence times 2^20. Primary key.
-- rows: n BIGINT, message_id TEXT, match_key TEXT, role TEXT, content TEXT, digest BYTEA
-- dialect: sqlite (no INSERT inside WITH)
UPDATE session SET
    message_count = message_count + :added, head_seq = head_seq + :added,
    version = version + 1, chain = :chain, updated_at = :now
WHERE tenant = :tenant AND session_id = :session_id AND version = :version
    [AND chain = :seen]
    [AND NOT EXISTS (
        SELECT 1 FROM message m
        WHERE m.tenant = :tenant AND m.session_id = :session_id
            AND m.message_id {is_new_id}
    )]
RETURNING version, message_count, head_seq;
-- then: the messages
INSERT INTO message (
    tenant, session_id, seq, place, message_id, match_key, role, {stamp}, content, digest,
    version, created_at
)
SELECT :tenant, :session_id, :head_seq - :added + r.n, (:head_seq - :added + r.n) * 1048576,
    r.message_id, r.match_key, r.role, {stamped}, r.content, r.digest, :version, :now
FROM {rows};
-- dialect: postgres (one round trip instead of four)
WITH head AS (
    UPDATE session SET
        message_count = message_count + CAST(:added AS BIGINT),
        head_seq = head_seq + CAST(:added AS BIGINT),
        version = version + 1, chain = :chain, updated_at = :now
    WHERE tenant = :tenant AND session_id = :session_id AND version = :version
        [AND chain = :seen]
        [AND NOT EXISTS (
            SELECT 1 FROM message m
            WHERE m.tenant = :tenant AND m.session_id = :session_id
                AND m.message_id {is_new_id}
        )]
    RETURNING version, message_count, head_seq
), written AS (
    INSERT INTO message (
        tenant, session_id, seq, place, message_id, match_key, role, {stamp}, content, digest,
        version, created_at
    )
    SELECT :tenant, :session_id, h.head_seq - CAST(:added AS BIGINT) + r.n,
        (h.head_seq - CAST(:added AS BIGINT) + r.n) * 1048576,
        r.message_id, r.match_key, r.role, {stamped}, r.content, r.digest, h.version, :now
    FROM head h, {rows}
)
SELECT version, message_count, head_seq FROM head;

-- name: find_messages
-- Messages by id, for the retry of an append. message_by_id.
SELECT message_id, seq, digest, version FROM message
WHERE tenant = :tenant AND session_id = :session_id
    AND message_id {is_new_id}
ORDER BY seq;

-- name: start_session hot
-- A session that begins with its messages, or nothing when the id is taken. Primary key.
-- rows: n BIGINT, message_id TEXT, match_key TEXT, role TEXT, content TEXT, digest BYTEA
-- dialect: sqlite (no INSERT inside WITH)
INSERT INTO session (
    tenant, session_id, {stamp}, metadata, message_count, head_seq, version, chain, cost_data,
    state, created_at, updated_at
) VALUES (
    :tenant, :session_id, {stamped}, '{}', :added, :added, 1, :chain, '{}', '{}', :now, :now
)
ON CONFLICT (tenant, session_id) DO NOTHING
RETURNING version, message_count, head_seq;
-- then: the messages
INSERT INTO message (
    tenant, session_id, seq, place, message_id, match_key, role, {stamp}, content, digest,
    version, created_at
)
SELECT :tenant, :session_id, r.n, r.n * 1048576, r.message_id, r.match_key, r.role, {stamped},
    r.content, r.digest, 1, :now
FROM {rows};
-- dialect: postgres (one round trip instead of four)
WITH head AS (
    INSERT INTO session (
        tenant, session_id, {stamp}, metadata, message_count, head_seq, version, chain, cost_data,
        state, created_at, updated_at
    ) VALUES (
        :tenant, :session_id, {stamped}, '{}', :added, :added, 1, :chain, '{}', '{}', :now, :now
    )
    ON CONFLICT (tenant, session_id) DO NOTHING
    RETURNING version, message_count, head_seq
), written AS (
    INSERT INTO message (
        tenant, session_id, seq, place, message_id, match_key, role, {stamp}, content, digest,
        version, created_at
    )
    SELECT :tenant, :session_id, r.n, r.n * 1048576, r.message_id, r.match_key, r.role, {stamped},
        r.content, r.digest, 1, :now
    FROM head, {rows}
)
SELECT version, message_count, head_seq FROM head;

-- name: insert_messages
-- Messages at sequences and places the merge chose.
-- rows: seq BIGINT, place BIGINT, message_id TEXT, match_key TEXT, role TEXT, content TEXT, digest BYTEA
INSERT INTO message (
    tenant, session_id, seq, place, message_id, match_key, role, {stamp}, content, digest,
    version, created_at
)
SELECT :tenant, :session_id, r.seq, r.place, r.message_id, r.match_key, r.role, {stamped},
    r.content, r.digest, :version, :now
FROM {rows};

-- name: supersede_messages
-- Take messages out of the live history; they stay readable. Primary key.
-- rows: seq BIGINT
UPDATE message SET superseded_at = :now, superseded_version = :version
WHERE tenant = :tenant AND session_id = :session_id AND seq IN (SELECT r.seq FROM {rows});

-- name: supersede_after
-- Take what is after a place out of the live history: all of it, or one agent's. message_live.
UPDATE message SET superseded_at = :now, superseded_version = :version
WHERE tenant = :tenant AND session_id = :session_id AND superseded_at IS NULL AND place > :place
    [AND owner_agent = :only_of];

-- name: move_messages
-- New places for old messages, when the room between two ran out. Primary key.
-- rows: moved_seq BIGINT, new_place BIGINT
UPDATE message SET place = r.new_place
FROM {rows}
WHERE tenant = :tenant AND session_id = :session_id AND seq = r.moved_seq;

-- name: advance_session
-- The counters after a change of the log. Primary key.
UPDATE session SET
    message_count = :message_count, head_seq = :head_seq, version = :version, chain = :chain,
    updated_at = :now
WHERE tenant = :tenant AND session_id = :session_id;

-- name: remember_chain
-- The link of a live history that a PUT repeated in full. Primary key.
UPDATE session SET chain = :chain
WHERE tenant = :tenant AND session_id = :session_id AND version = :version;

-- name: place_of
-- Where the n-th live message stands, and its id. message_live.
SELECT place, message_id FROM message
WHERE tenant = :tenant AND session_id = :session_id AND superseded_at IS NULL
ORDER BY place LIMIT 1 OFFSET :skip;

-- name: copy_messages
-- The first live messages of a session into another, inside the database. message_live.
INSERT INTO message (
    tenant, session_id, seq, place, message_id, match_key, role, {stamp}, content, digest,
    version, created_at
)
SELECT tenant, :into_id, row_number() OVER (ORDER BY place),
    1048576 * row_number() OVER (ORDER BY place), message_id, match_key, role, {stamp}, content,
    digest, 1, created_at
FROM message
WHERE tenant = :tenant AND session_id = :session_id AND superseded_at IS NULL AND place <= :place;

-- name: record_event
-- A fact of the conversation that is not a message.
INSERT INTO session_event (tenant, session_id, seq, kind, {stamp}, data, created_at)
VALUES (:tenant, :session_id, :seq, :kind, {stamped}, :data, :now);

-- name: get_cost hot
-- What the agent spent, as it wrote it. Primary key.
SELECT cost_data FROM session WHERE tenant = :tenant AND session_id = :session_id;

-- name: swap_cost hot
-- Replace the cost if nobody else did meanwhile. Primary key.
UPDATE session SET cost_data = :new, updated_at = :now
WHERE tenant = :tenant AND session_id = :session_id AND cost_data = :old
RETURNING cost_data;

-- name: get_state hot
-- The agent's state fields. Primary key.
SELECT state FROM session WHERE tenant = :tenant AND session_id = :session_id;

-- name: swap_state hot
-- Replace the state if nobody else did meanwhile. Primary key.
UPDATE session SET state = :new, updated_at = :now
WHERE tenant = :tenant AND session_id = :session_id AND state = :old
RETURNING state;

-- name: list_sessions
-- A page of sessions, newest first. session_by_creation, _by_agent, _by_user or _by_parent.
SELECT {session} FROM session
WHERE tenant = :tenant
    [AND owner_agent = :agent]
    [AND owner_user = :user]
    [AND parent_session_id = :parent]
    [AND created_at >= :since]
    [AND created_at < :until]
    [AND (created_at, session_id) < (:at, :id)]
ORDER BY created_at DESC, session_id DESC
LIMIT :limit [OFFSET :offset];

-- name: delete_session
-- The session's own row. Primary key.
DELETE FROM session WHERE tenant = :tenant AND session_id = :session_id;

-- name: delete_messages
-- Every message of a session. Primary key.
DELETE FROM message WHERE tenant = :tenant AND session_id = :session_id;

-- name: delete_events
-- Every event of a session. Primary key.
DELETE FROM session_event WHERE tenant = :tenant AND session_id = :session_id;
