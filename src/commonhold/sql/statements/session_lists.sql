-- Lists of sessions, newest first: one statement for each index that leads to a page.

-- columns session: s.session_id, s.created_at, s.updated_at, s.version, s.message_count, s.head_seq, s.owner_agent, s.owner_user, s.title, s.metadata, s.parent_session_id, s.forked_at_message_id, s.holder, s.lease_holder, s.lease_until, s.is_waiting

-- name: list_sessions
-- By what is in the session itself. session_by_creation, _by_agent, _by_user, _by_parent,
-- _by_holder, session_running or session_waiting.
SELECT {session} FROM session s
WHERE s.tenant = :tenant
    [AND s.owner_agent = :agent]
    [AND s.owner_user = :user]
    [AND s.parent_session_id = :parent]
    [AND s.holder = :holder]
    [AND s.created_at >= :since]
    [AND s.created_at < :until]
    [AND s.lease_holder IS NOT NULL AND s.lease_until > :running]
    [AND s.is_waiting = 1 AND s.lease_until <= :waiting]
    [AND s.is_waiting = 0 AND s.lease_until <= :idle]
    [AND (s.created_at, s.session_id) < (:at, :id)]
ORDER BY s.created_at DESC, s.session_id DESC
LIMIT :limit [OFFSET :offset];

-- name: list_sessions_of
-- By an agent that took part, once for all the users it did so for. participant_by_agent.
SELECT {session}
FROM participant p
{inner_join} session s ON s.tenant = p.tenant AND s.session_id = p.session_id
WHERE p.tenant = :tenant AND p.owner_agent = :participant
    AND NOT EXISTS (
        SELECT 1 FROM participant q
        WHERE q.tenant = p.tenant AND q.session_id = p.session_id
            AND q.owner_agent = p.owner_agent AND q.owner_user < p.owner_user
    )
    [AND p.session_at >= :since]
    [AND p.session_at < :until]
    [AND (p.session_at, p.session_id) < (:at, :id)]
    [AND s.owner_agent = :agent]
    [AND s.owner_user = :user]
    [AND s.parent_session_id = :parent]
    [AND s.holder = :holder]
    [AND s.lease_holder IS NOT NULL AND s.lease_until > :running]
    [AND s.is_waiting = 1 AND s.lease_until <= :waiting]
    [AND s.is_waiting = 0 AND s.lease_until <= :idle]
ORDER BY p.session_at DESC, p.session_id DESC
LIMIT :limit [OFFSET :offset];

-- name: list_sessions_labelled
-- By a value in their metadata, and by others besides. session_label_by_label.
SELECT {session}
FROM session_label l
{inner_join} session s ON s.tenant = l.tenant AND s.session_id = l.session_id
WHERE l.tenant = :tenant AND l.label = :label
    [AND l.session_at >= :since]
    [AND l.session_at < :until]
    [AND (l.session_at, l.session_id) < (:at, :id)]
    [AND NOT EXISTS (
        SELECT 1 FROM {each_label}
        WHERE NOT EXISTS (
            SELECT 1 FROM session_label x
            WHERE x.tenant = :tenant AND x.session_id = s.session_id AND x.label = w.value
        )
    )]
    [AND EXISTS (
        SELECT 1 FROM participant p
        WHERE p.tenant = :tenant AND p.session_id = s.session_id
            AND p.owner_agent = :participant
    )]
    [AND s.owner_agent = :agent]
    [AND s.owner_user = :user]
    [AND s.parent_session_id = :parent]
    [AND s.holder = :holder]
    [AND s.lease_holder IS NOT NULL AND s.lease_until > :running]
    [AND s.is_waiting = 1 AND s.lease_until <= :waiting]
    [AND s.is_waiting = 0 AND s.lease_until <= :idle]
ORDER BY l.session_at DESC, l.session_id DESC
LIMIT :limit [OFFSET :offset];

-- name: search_sessions
-- By the words of a message or of the title: work for each message that has them. message_words.
SELECT {session}
FROM (SELECT DISTINCT t.session_id FROM {text_with_words}) AS k
{inner_join} session s ON s.tenant = :tenant AND s.session_id = k.session_id
WHERE s.tenant = :tenant
    [AND s.created_at >= :since]
    [AND s.created_at < :until]
    [AND (s.created_at, s.session_id) < (:at, :id)]
    [AND NOT EXISTS (
        SELECT 1 FROM {each_label}
        WHERE NOT EXISTS (
            SELECT 1 FROM session_label x
            WHERE x.tenant = :tenant AND x.session_id = s.session_id AND x.label = w.value
        )
    )]
    [AND EXISTS (
        SELECT 1 FROM participant p
        WHERE p.tenant = :tenant AND p.session_id = s.session_id
            AND p.owner_agent = :participant
    )]
    [AND s.owner_agent = :agent]
    [AND s.owner_user = :user]
    [AND s.parent_session_id = :parent]
    [AND s.holder = :holder]
    [AND s.lease_holder IS NOT NULL AND s.lease_until > :running]
    [AND s.is_waiting = 1 AND s.lease_until <= :waiting]
    [AND s.is_waiting = 0 AND s.lease_until <= :idle]
ORDER BY s.created_at DESC, s.session_id DESC
LIMIT :limit [OFFSET :offset];
