-- The log of a session: its messages, live and superseded.

-- columns stamp: owner_agent, owner_user, actor, delegation
-- columns stamped: :owner_agent, :owner_user, :actor, :delegation
-- columns reached: [AND coalesce(owner_user, '') = :of_user] [AND :held_by IN (coalesce(owner_agent, ''), coalesce(holder, ''))]
-- columns within_reach: [AND 1 = (SELECT count(*) FROM session s WHERE s.tenant = :tenant AND s.session_id = :session_id AND s.owner_user = :of_user)] [AND 1 = (SELECT count(*) FROM session s WHERE s.tenant = :tenant AND s.session_id = :session_id AND (s.owner_agent = :held_by OR s.holder = :held_by))]

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
FROM session s WHERE s.tenant = :tenant AND s.session_id = :session_id {reached};

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
    [AND seq < :before]
    [AND coalesce(superseded_at, 0) = 0 AND seq > :live_after]
    [AND owner_agent = :agent]
    [AND role = :role]
    {within_reach}
ORDER BY seq LIMIT :limit;

-- name: list_messages_back
-- The same from its end. Primary key.
SELECT seq, message_id, owner_agent, role, content, created_at, superseded_at
FROM message
WHERE tenant = :tenant AND session_id = :session_id
    [AND seq < :before]
    [AND coalesce(superseded_at, 0) = 0 AND seq > :live_after]
    [AND owner_agent = :agent]
    [AND role = :role]
    {within_reach}
ORDER BY seq DESC LIMIT :limit;

-- name: get_places
-- The live history in its order, as sequences and lengths, for a stream of it. message_live.
SELECT seq, length(content) FROM message
WHERE tenant = :tenant AND session_id = :session_id AND superseded_at IS NULL
ORDER BY place;

-- name: get_contents
-- A stretch of a history as one text, by sequences; how many there were. Primary key.
SELECT count(*), {join_content} FROM (
    SELECT m.content, m.place FROM message m
    WHERE m.tenant = :tenant AND m.session_id = :session_id AND m.seq {is_one_of}
        {within_reach}
    ORDER BY m.place
) AS live;

-- name: extend_session hot
-- Append to a log that is still as the caller knew it: one round trip, O(appended).
-- Sequences follow head_seq; a place is its sequence times 2^20. Primary key.
-- rows: n BIGINT, message_id TEXT, match_key TEXT, role TEXT, content TEXT, digest BYTEA, tools TEXT, words TEXT
-- dialect: sqlite (no INSERT inside WITH)
UPDATE session SET
    message_count = message_count + :added, head_seq = head_seq + :added,
    version = version + 1, chain = :chain, updated_at = :now
WHERE tenant = :tenant AND session_id = :session_id AND version = :version {reached}
    [AND lease_token = :lease AND lease_until > :now]
    [AND lease_until <= :unleased_at]
    [AND chain = :seen]
    [AND NOT EXISTS (SELECT 1 FROM {messages_with_ids})]
RETURNING version, message_count, head_seq, created_at;
-- then: the messages
INSERT INTO message (
    tenant, session_id, seq, place, message_id, match_key, role, {stamp}, content, digest,
    tools, version, created_at
)
SELECT :tenant, :session_id, :head_seq - :added + r.n, (:head_seq - :added + r.n) * 1048576,
    r.message_id, r.match_key, r.role, {stamped}, r.content, r.digest, r.tools, :version, :now
FROM {rows};
-- then: what they are found by
INSERT INTO message_text (tenant, session_id, seq, words)
SELECT :tenant, :session_id, :head_seq - :added + r.n, r.words
FROM {rows} WHERE r.words IS NOT NULL;
-- then: who took part
INSERT INTO participant (
    tenant, session_id, owner_agent, owner_user, session_at, message_count, first_seq, last_seq,
    first_at, last_at
) VALUES (
    :tenant, :session_id, :owner_agent, :owner_user, :created_at, :added,
    :head_seq - :added + 1, :head_seq, :now, :now
)
ON CONFLICT (tenant, session_id, owner_agent, owner_user) DO UPDATE SET
    message_count = participant.message_count + excluded.message_count,
    last_seq = excluded.last_seq, last_at = excluded.last_at;
-- dialect: postgres (one round trip instead of four)
WITH head AS (
    UPDATE session SET
        message_count = message_count + CAST(:added AS BIGINT),
        head_seq = head_seq + CAST(:added AS BIGINT),
        version = version + 1, chain = :chain, updated_at = :now
    WHERE tenant = :tenant AND session_id = :session_id AND version = :version {reached}
        [AND lease_token = :lease AND lease_until > :now]
        [AND lease_until <= :unleased_at]
        [AND chain = :seen]
        [AND NOT EXISTS (SELECT 1 FROM {messages_with_ids})]
    RETURNING version, message_count, head_seq, created_at
), fresh AS (
    SELECT h.head_seq - CAST(:added AS BIGINT) + r.n AS seq, h.version, r.message_id, r.match_key, r.role, r.content,
        r.digest, r.tools, r.words
    FROM head h, {rows}
), written AS (
    INSERT INTO message (
        tenant, session_id, seq, place, message_id, match_key, role, {stamp}, content, digest,
        tools, version, created_at
    )
    SELECT :tenant, :session_id, n.seq, n.seq * 1048576, n.message_id, n.match_key, n.role,
        {stamped}, n.content, n.digest, n.tools, n.version, :now
    FROM fresh n
), found_by AS (
    INSERT INTO message_text (tenant, session_id, seq, words)
    SELECT :tenant, :session_id, n.seq, array_to_tsvector(string_to_array(n.words, ' '))
    FROM fresh n WHERE n.words IS NOT NULL
), took_part AS (
    INSERT INTO participant (
        tenant, session_id, owner_agent, owner_user, session_at, message_count, first_seq,
        last_seq, first_at, last_at
    )
    SELECT :tenant, :session_id, :owner_agent, :owner_user, h.created_at, CAST(:added AS BIGINT),
        h.head_seq - CAST(:added AS BIGINT) + 1, h.head_seq, :now, :now
    FROM head h WHERE CAST(:added AS BIGINT) > 0
    ON CONFLICT (tenant, session_id, owner_agent, owner_user) DO UPDATE SET
        message_count = participant.message_count + excluded.message_count,
        last_seq = excluded.last_seq, last_at = excluded.last_at
)
SELECT version, message_count, head_seq, created_at FROM head;

-- name: find_messages
-- Messages by id, for the retry of an append. message_by_id.
SELECT m.message_id, m.seq, m.digest, m.version FROM {messages_with_ids};

-- name: start_session hot
-- A session that begins with its messages, or nothing when the id is taken. Primary key.
-- rows: n BIGINT, message_id TEXT, match_key TEXT, role TEXT, content TEXT, digest BYTEA, tools TEXT, words TEXT
-- dialect: sqlite (no INSERT inside WITH)
INSERT INTO session (
    tenant, session_id, {stamp}, holder, metadata, message_count, head_seq, version, chain,
    cost_data, state, created_at, updated_at
) VALUES (
    :tenant, :session_id, {stamped}, :owner_agent, '{}', :added, :added, 1, :chain, '{}', '{}',
    :now, :now
)
ON CONFLICT (tenant, session_id) DO NOTHING
RETURNING version, message_count, head_seq, created_at;
-- then: the messages
INSERT INTO message (
    tenant, session_id, seq, place, message_id, match_key, role, {stamp}, content, digest,
    tools, version, created_at
)
SELECT :tenant, :session_id, r.n, r.n * 1048576, r.message_id, r.match_key, r.role, {stamped},
    r.content, r.digest, r.tools, 1, :now
FROM {rows};
-- then: what they are found by
INSERT INTO message_text (tenant, session_id, seq, words)
SELECT :tenant, :session_id, r.n, r.words FROM {rows} WHERE r.words IS NOT NULL;
-- then: who took part
INSERT INTO participant (
    tenant, session_id, owner_agent, owner_user, session_at, message_count, first_seq, last_seq,
    first_at, last_at
)
SELECT :tenant, :session_id, :owner_agent, :owner_user, :now, :added, 1, :added, :now, :now
WHERE :added > 0;
-- dialect: postgres (one round trip instead of four)
WITH head AS (
    INSERT INTO session (
        tenant, session_id, {stamp}, holder, metadata, message_count, head_seq, version, chain,
        cost_data, state, created_at, updated_at
    ) VALUES (
        :tenant, :session_id, {stamped}, :owner_agent, '{}', :added, :added, 1, :chain, '{}',
        '{}', :now, :now
    )
    ON CONFLICT (tenant, session_id) DO NOTHING
    RETURNING version, message_count, head_seq, created_at
), fresh AS (
    SELECT h.head_seq - CAST(:added AS BIGINT) + r.n AS seq, h.version, r.message_id, r.match_key, r.role, r.content,
        r.digest, r.tools, r.words
    FROM head h, {rows}
), written AS (
    INSERT INTO message (
        tenant, session_id, seq, place, message_id, match_key, role, {stamp}, content, digest,
        tools, version, created_at
    )
    SELECT :tenant, :session_id, n.seq, n.seq * 1048576, n.message_id, n.match_key, n.role,
        {stamped}, n.content, n.digest, n.tools, n.version, :now
    FROM fresh n
), found_by AS (
    INSERT INTO message_text (tenant, session_id, seq, words)
    SELECT :tenant, :session_id, n.seq, array_to_tsvector(string_to_array(n.words, ' '))
    FROM fresh n WHERE n.words IS NOT NULL
), took_part AS (
    INSERT INTO participant (
        tenant, session_id, owner_agent, owner_user, session_at, message_count, first_seq,
        last_seq, first_at, last_at
    )
    SELECT :tenant, :session_id, :owner_agent, :owner_user, h.created_at, CAST(:added AS BIGINT),
        h.head_seq - CAST(:added AS BIGINT) + 1, h.head_seq, :now, :now
    FROM head h WHERE CAST(:added AS BIGINT) > 0
    ON CONFLICT (tenant, session_id, owner_agent, owner_user) DO UPDATE SET
        message_count = participant.message_count + excluded.message_count,
        last_seq = excluded.last_seq, last_at = excluded.last_at
)
SELECT version, message_count, head_seq, created_at FROM head;

-- name: insert_messages
-- Messages at sequences and places the merge chose.
-- rows: seq BIGINT, place BIGINT, message_id TEXT, match_key TEXT, role TEXT, content TEXT, digest BYTEA, tools TEXT, words TEXT
INSERT INTO message (
    tenant, session_id, seq, place, message_id, match_key, role, {stamp}, content, digest,
    tools, version, created_at
)
SELECT :tenant, :session_id, r.seq, r.place, r.message_id, r.match_key, r.role, {stamped},
    r.content, r.digest, r.tools, :version, :now
FROM {rows};

-- name: index_words
-- What the messages of a merge are found by. message_text_by_seq.
-- rows: seq BIGINT, words TEXT
INSERT INTO message_text (tenant, session_id, seq, words)
SELECT :tenant, :session_id, r.seq, {as_words} FROM {rows};

-- name: note_participant
-- Who took part in a merge. Primary key.
INSERT INTO participant (
    tenant, session_id, owner_agent, owner_user, session_at, message_count, first_seq, last_seq,
    first_at, last_at
) VALUES (
    :tenant, :session_id, :owner_agent, :owner_user, :created_at, :added, :first_seq, :last_seq,
    :now, :now
)
ON CONFLICT (tenant, session_id, owner_agent, owner_user) DO UPDATE SET
    message_count = participant.message_count + excluded.message_count,
    last_seq = excluded.last_seq, last_at = excluded.last_at;

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
