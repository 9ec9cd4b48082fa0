-- Branches: forks, and what a revert keeps.

-- columns stamp: owner_agent, owner_user, actor, delegation
-- columns stamped: :owner_agent, :owner_user, :actor, :delegation

-- name: place_of
-- Where the n-th live message stands, and its id. message_live.
SELECT place, message_id FROM message
WHERE tenant = :tenant AND session_id = :session_id AND superseded_at IS NULL
ORDER BY place LIMIT 1 OFFSET :skip;

-- name: copy_messages
-- The first live messages of a session into another, inside the database. message_live.
INSERT INTO message (
    tenant, session_id, seq, place, message_id, match_key, role, {stamp}, content, digest,
    tools, version, created_at
)
SELECT tenant, :into_id, row_number() OVER (ORDER BY place),
    1048576 * row_number() OVER (ORDER BY place), message_id, match_key, role, {stamp}, content,
    digest, tools, 1, created_at
FROM message
WHERE tenant = :tenant AND session_id = :session_id AND superseded_at IS NULL AND place <= :place;

-- name: copy_words
-- What the copied messages are found by. message_live, message_text_by_seq.
INSERT INTO message_text (tenant, session_id, seq, words)
SELECT :tenant, :into_id, o.copy_seq, t.words
FROM (
    SELECT m.seq, row_number() OVER (ORDER BY m.place) AS copy_seq FROM message m
    WHERE m.tenant = :tenant AND m.session_id = :session_id AND m.superseded_at IS NULL
        AND m.place <= :place
) AS o
JOIN message_text t ON t.tenant = :tenant AND t.session_id = :session_id AND t.seq = o.seq;

-- name: copy_participants
-- Who wrote what was copied. Primary key.
INSERT INTO participant (
    tenant, session_id, owner_agent, owner_user, session_at, message_count, first_seq, last_seq,
    first_at, last_at
)
SELECT tenant, session_id, owner_agent, owner_user, :now, count(*), min(seq), max(seq),
    min(created_at), max(created_at)
FROM message WHERE tenant = :tenant AND session_id = :into_id
GROUP BY tenant, session_id, owner_agent, owner_user;

-- name: get_marked
-- Live messages that make tool calls or answer them, in order. message_tools.
SELECT seq, tools, content FROM message
WHERE tenant = :tenant AND session_id = :session_id AND tools IS NOT NULL
    AND superseded_at IS NULL
ORDER BY place;
