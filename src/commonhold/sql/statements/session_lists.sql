-- Lists of sessions, newest first: one statement for each index that leads to a page. What else is
-- asked of a session is counted in it, where EXISTS would let a planner join whole tables.

-- columns session: session.session_id, session.created_at, session.updated_at, session.version, session.message_count, session.head_seq, session.owner_agent, session.owner_user, session.title, session.metadata, session.parent_session_id, session.forked_at_message_id, session.holder, session.lease_holder, session.lease_until, session.is_waiting
-- columns reached: [AND session.owner_user = :of_user] [AND (session.owner_agent = :held_by OR session.holder = :held_by)]
-- columns chosen: [AND session.owner_user = :of_user] [AND session.owner_agent = :agent] [AND session.owner_user = :user] [AND session.parent_session_id = :parent] [AND session.holder = :holder] [AND session.created_at >= :since] [AND session.created_at < :until] [AND session.lease_holder IS NOT NULL AND session.lease_until > :running] [AND session.is_waiting = 1 AND session.lease_until <= :waiting] [AND session.is_waiting = 0 AND session.lease_until <= :idle] [AND (session.created_at, session.session_id) < (:at, :id)]

-- name: list_sessions
-- By what is in the session itself. session_by_creation, _by_agent, _by_user, _by_parent,
-- _by_holder, session_running or session_waiting.
SELECT {session} FROM session
WHERE session.tenant = :tenant
    {reached}
    [AND session.owner_agent = :agent]
    [AND session.owner_user = :user]
    [AND session.parent_session_id = :parent]
    [AND session.holder = :holder]
    [AND session.created_at >= :since]
    [AND session.created_at < :until]
    [AND session.lease_holder IS NOT NULL AND session.lease_until > :running]
    [AND session.is_waiting = 1 AND session.lease_until <= :waiting]
    [AND session.is_waiting = 0 AND session.lease_until <= :idle]
    [AND (session.created_at, session.session_id) < (:at, :id)]
ORDER BY session.created_at DESC, session.session_id DESC
LIMIT :limit [OFFSET :offset];

-- name: list_sessions_held
-- Of an agent that created or holds them: of each no more than a page. session_by_agent, _by_holder.
SELECT {session}
FROM (
    SELECT tenant, session_id FROM (
        SELECT session.tenant, session.session_id FROM session
        WHERE session.tenant = :tenant AND session.owner_agent = :held_by {chosen}
        ORDER BY session.created_at DESC, session.session_id DESC LIMIT :most
    ) AS made
    UNION
    SELECT tenant, session_id FROM (
        SELECT session.tenant, session.session_id FROM session
        WHERE session.tenant = :tenant AND session.holder = :held_by {chosen}
        ORDER BY session.created_at DESC, session.session_id DESC LIMIT :most
    ) AS held
) AS k {its_session}
WHERE session.tenant = :tenant
ORDER BY session.created_at DESC, session.session_id DESC
LIMIT :limit [OFFSET :offset];

-- name: list_sessions_of
-- By an agent that took part, once for all the users it did so for. participant_by_agent.
SELECT {session}
FROM participant k {its_session}
WHERE k.tenant = :tenant AND k.owner_agent = :participant
    AND NOT EXISTS (
        SELECT 1 FROM participant q
        WHERE q.tenant = k.tenant AND q.session_id = k.session_id
            AND q.owner_agent = k.owner_agent AND q.owner_user < k.owner_user
    )
    [AND k.session_at >= :since]
    [AND k.session_at < :until]
    [AND (k.session_at, k.session_id) < (:at, :id)]
    {reached}
    [AND session.owner_agent = :agent]
    [AND session.owner_user = :user]
    [AND session.parent_session_id = :parent]
    [AND session.holder = :holder]
    [AND session.lease_holder IS NOT NULL AND session.lease_until > :running]
    [AND session.is_waiting = 1 AND session.lease_until <= :waiting]
    [AND session.is_waiting = 0 AND session.lease_until <= :idle]
ORDER BY k.session_at DESC, k.session_id DESC
LIMIT :limit [OFFSET :offset];

-- name: list_sessions_labelled
-- By a value in their metadata, and by others besides. session_label_by_label.
SELECT {session}
FROM session_label k {its_session}
WHERE k.tenant = :tenant AND k.label = :label
    [AND k.session_at >= :since]
    [AND k.session_at < :until]
    [AND (k.session_at, k.session_id) < (:at, :id)]
    [AND (
        SELECT count(*) FROM session_label x
        WHERE x.tenant = :tenant AND x.session_id = session.session_id AND x.label {is_listed}
    ) = :label_count]
    [AND 0 < (
        SELECT count(*) FROM participant p
        WHERE p.tenant = :tenant AND p.session_id = session.session_id
            AND p.owner_agent = :participant
    )]
    {reached}
    [AND session.owner_agent = :agent]
    [AND session.owner_user = :user]
    [AND session.parent_session_id = :parent]
    [AND session.holder = :holder]
    [AND session.lease_holder IS NOT NULL AND session.lease_until > :running]
    [AND session.is_waiting = 1 AND session.lease_until <= :waiting]
    [AND session.is_waiting = 0 AND session.lease_until <= :idle]
ORDER BY k.session_at DESC, k.session_id DESC
LIMIT :limit [OFFSET :offset];

-- name: search_sessions
-- By the words of a message or of the title: work for each message that has them. message_words.
SELECT {session}
FROM (SELECT DISTINCT t.tenant, t.session_id FROM {text_with_words}) AS k {its_session}
WHERE session.tenant = :tenant
    [AND session.created_at >= :since]
    [AND session.created_at < :until]
    [AND (session.created_at, session.session_id) < (:at, :id)]
    [AND (
        SELECT count(*) FROM session_label x
        WHERE x.tenant = :tenant AND x.session_id = session.session_id AND x.label {is_listed}
    ) = :label_count]
    [AND 0 < (
        SELECT count(*) FROM participant p
        WHERE p.tenant = :tenant AND p.session_id = session.session_id
            AND p.owner_agent = :participant
    )]
    {reached}
    [AND session.owner_agent = :agent]
    [AND session.owner_user = :user]
    [AND session.parent_session_id = :parent]
    [AND session.holder = :holder]
    [AND session.lease_holder IS NOT NULL AND session.lease_until > :running]
    [AND session.is_waiting = 1 AND session.lease_until <= :waiting]
    [AND session.is_waiting = 0 AND session.lease_until <= :idle]
ORDER BY session.created_at DESC, session.session_id DESC
LIMIT :limit [OFFSET :offset];
