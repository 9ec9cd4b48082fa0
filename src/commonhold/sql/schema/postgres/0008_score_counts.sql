-- Scores are counted by what they are about, and bound as soon as that has come.

-- What was counted by minute (m), hour (h) and UTC day (d), and by user and UTC day (u, the user
-- under label).
-- Sums of values are kept in whole numbers and billionths, so that adding and taking away is exact.
-- Several slots share a key, so that writers on Postgres do not queue for one row; SQLite has one
-- writer and uses slot 0.
CREATE TABLE feedback_count (
    tenant TEXT COLLATE "C" NOT NULL,
    level TEXT COLLATE "C" NOT NULL CHECK (level IN ('m', 'h', 'd', 'u')),
    start BIGINT NOT NULL,
    agent TEXT COLLATE "C" NOT NULL,
    agent_type TEXT COLLATE "C" NOT NULL,
    model TEXT COLLATE "C" NOT NULL,
    name TEXT COLLATE "C" NOT NULL,
    label TEXT COLLATE "C" NOT NULL,
    source TEXT COLLATE "C" NOT NULL,
    slot SMALLINT NOT NULL,
    scores BIGINT NOT NULL,
    thumbs_up BIGINT NOT NULL,
    thumbs_down BIGINT NOT NULL,
    valued BIGINT NOT NULL,
    whole BIGINT NOT NULL,
    billionths BIGINT NOT NULL,
    PRIMARY KEY (tenant, level, start, agent, agent_type, model, name, label, source, slot)
) WITH (fillfactor = 70);

INSERT INTO feedback_count (
    tenant, level, start, agent, agent_type, model, name, label, source, slot, scores, thumbs_up,
    thumbs_down, valued, whole, billionths
)
SELECT f.tenant, l.level, f.created_at - f.created_at % l.width,
    CASE l.level WHEN 'u' THEN '' ELSE f.agent END,
    CASE l.level WHEN 'u' THEN '' ELSE coalesce(f.agent_type, '') END,
    CASE l.level WHEN 'u' THEN '' ELSE coalesce(f.model, '') END, f.name,
    CASE l.level WHEN 'u' THEN f.user_id ELSE '' END,
    CASE l.level WHEN 'u' THEN '' ELSE f.source END, 0, count(*),
    sum(CASE WHEN f.rating = 1 THEN 1 ELSE 0 END), sum(CASE WHEN f.rating = -1 THEN 1 ELSE 0 END),
    count(*), sum(CASE WHEN f.rating = 1 THEN 1 ELSE 0 END), 0
FROM feedback f CROSS JOIN (
    SELECT 'm' AS level, 60000000 AS width UNION ALL SELECT 'h', 3600000000
    UNION ALL SELECT 'd', 86400000000 UNION ALL SELECT 'u', 86400000000
) AS l
GROUP BY 1, 2, 3, 4, 5, 6, 7, 8, 9;

-- A record to be counted (share 1), or no longer (share -1), at every level.
CREATE FUNCTION feedback_share_v1(f feedback, share BIGINT, lane INTEGER) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO feedback_count AS c (
        tenant, level, start, agent, agent_type, model, name, label, source, slot, scores,
        thumbs_up, thumbs_down, valued, whole, billionths
    )
    SELECT f.tenant, l.level, f.created_at - f.created_at % l.width,
        CASE l.level WHEN 'u' THEN '' ELSE f.agent END,
        CASE l.level WHEN 'u' THEN '' ELSE coalesce(f.agent_type, '') END,
        CASE l.level WHEN 'u' THEN '' ELSE coalesce(f.model, '') END,
        f.name, CASE l.level WHEN 'u' THEN f.user_id ELSE coalesce(f.label, '') END,
        CASE l.level WHEN 'u' THEN '' ELSE f.source END, lane, share,
        share * (f.rating IS NOT DISTINCT FROM 1)::int,
        share * (f.rating IS NOT DISTINCT FROM -1)::int,
        share * (f.value_num IS NOT NULL)::int,
        share * coalesce(trunc(f.value_num)::bigint, 0),
        share * coalesce(round((f.value_num - trunc(f.value_num)) * 1000000000)::bigint, 0)
    FROM (VALUES
        ('m', 60000000), ('h', 3600000000), ('d', 86400000000), ('u', 86400000000)
    ) AS l(level, width)
    WHERE f.superseded_by IS NULL
    ON CONFLICT (tenant, level, start, agent, agent_type, model, name, label, source, slot)
    DO UPDATE SET scores = c.scores + excluded.scores,
        thumbs_up = c.thumbs_up + excluded.thumbs_up,
        thumbs_down = c.thumbs_down + excluded.thumbs_down, valued = c.valued + excluded.valued,
        whole = c.whole + excluded.whole, billionths = c.billionths + excluded.billionths;
END
$$;

-- A connection keeps to one slot, so that two that count the same things do so in one order.
CREATE FUNCTION feedback_count_v2() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    lane INTEGER := pg_backend_pid() % 4;
BEGIN
    IF TG_OP <> 'INSERT' THEN
        PERFORM feedback_share_v1(OLD, -1, lane);
    END IF;
    IF TG_OP <> 'DELETE' THEN
        PERFORM feedback_share_v1(NEW, 1, lane);
    END IF;
    RETURN NULL;
END
$$;

CREATE TRIGGER feedback_counted AFTER INSERT OR DELETE ON feedback
FOR EACH ROW EXECUTE FUNCTION feedback_count_v2();

CREATE TRIGGER feedback_recounted
AFTER UPDATE OF rating, value_num, agent, agent_type, model, name, label, source, user_id,
    superseded_by ON feedback
FOR EACH ROW WHEN (
    (OLD.rating, OLD.value_num, OLD.agent, OLD.agent_type, OLD.model, OLD.name, OLD.label,
    OLD.source, OLD.user_id, OLD.superseded_by)
    IS DISTINCT FROM
    (NEW.rating, NEW.value_num, NEW.agent, NEW.agent_type, NEW.model, NEW.name, NEW.label,
    NEW.source, NEW.user_id, NEW.superseded_by)
) EXECUTE FUNCTION feedback_count_v2();

-- The thumbs of a trace are those of the records that are bound to it, or name it.
CREATE FUNCTION trace_voted_v2() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    votes_of TEXT := coalesce(NEW.tenant, OLD.tenant);
    voted TEXT;
BEGIN
    IF coalesce(NEW.rating, OLD.rating) IS NULL THEN
        RETURN NULL;
    END IF;
    FOR voted IN
        SELECT DISTINCT v FROM unnest(ARRAY[
            CASE WHEN TG_OP <> 'INSERT' THEN coalesce(OLD.turn_trace, OLD.trace_id) END,
            CASE WHEN TG_OP <> 'DELETE' THEN coalesce(NEW.turn_trace, NEW.trace_id) END
        ]) AS v WHERE v IS NOT NULL
    LOOP
        UPDATE trace SET thumbs_up = f.up, thumbs_down = f.down
        FROM (
            SELECT count(*) FILTER (WHERE rating = 1) AS up,
                count(*) FILTER (WHERE rating = -1) AS down
            FROM feedback
            WHERE tenant = votes_of AND trace_key = trace_key_v1(voted)
                AND coalesce(turn_trace, trace_id) = voted AND superseded_by IS NULL
        ) AS f
        WHERE trace.tenant = votes_of AND trace.trace_id = voted;
    END LOOP;
    RETURN NULL;
END
$$;

CREATE TRIGGER trace_voted
AFTER INSERT OR DELETE OR UPDATE OF rating, turn_trace, superseded_by ON feedback
FOR EACH ROW EXECUTE FUNCTION trace_voted_v2();

-- A record that found nothing is looked at once more, when whatever was being written beside it
-- has been committed: it may have been there all along, unseen. Longer than any transaction takes.
CREATE FUNCTION feedback_waits_v1() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO feedback_due (due_at, tenant, feedback_id)
    VALUES (NEW.updated_at + 60000000, NEW.tenant, NEW.feedback_id)
    ON CONFLICT DO NOTHING;
    RETURN NULL;
END
$$;

CREATE TRIGGER feedback_waits AFTER INSERT ON feedback
FOR EACH ROW WHEN (NEW.state = 'pending') EXECUTE FUNCTION feedback_waits_v1();

-- What a record waits for has come: it is due. Each is one look at an index of those that wait.

-- A time long ago, another one for each transaction: none waits for another that says the same.
CREATE FUNCTION due_now_v1() RETURNS BIGINT LANGUAGE sql STABLE AS $$
    SELECT CAST(CAST(pg_current_xact_id() AS TEXT) AS BIGINT)
$$;

CREATE FUNCTION feedback_met_message_v1() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO feedback_due (due_at, tenant, feedback_id)
    SELECT due_now_v1(), w.tenant, w.feedback_id
    FROM (SELECT DISTINCT tenant, session_id FROM fresh) AS n
    CROSS JOIN LATERAL (
        SELECT f.tenant, f.feedback_id FROM feedback f
        WHERE f.tenant = n.tenant AND f.awaits_turn = n.session_id
        OFFSET 0
    ) AS w
    ON CONFLICT DO NOTHING;
    RETURN NULL;
END
$$;

CREATE TRIGGER feedback_met_message AFTER INSERT ON message
REFERENCING NEW TABLE AS fresh
FOR EACH STATEMENT EXECUTE FUNCTION feedback_met_message_v1();

CREATE FUNCTION feedback_met_trace_v1() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO feedback_due (due_at, tenant, feedback_id)
    SELECT due_now_v1(), w.tenant, w.feedback_id
    FROM fresh AS n
    CROSS JOIN LATERAL (
        SELECT f.tenant, f.feedback_id FROM feedback f
        WHERE f.tenant = n.tenant AND f.awaits_trace = trace_key_v1(n.trace_id)
        UNION ALL
        SELECT f.tenant, f.feedback_id FROM feedback f
        WHERE f.tenant = n.tenant AND f.awaits_run = n.session_id
        OFFSET 0
    ) AS w
    ON CONFLICT DO NOTHING;
    RETURN NULL;
END
$$;

CREATE TRIGGER feedback_met_trace AFTER INSERT ON trace
REFERENCING NEW TABLE AS fresh
FOR EACH STATEMENT EXECUTE FUNCTION feedback_met_trace_v1();

CREATE FUNCTION feedback_met_more_v1() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO feedback_due (due_at, tenant, feedback_id)
    SELECT due_now_v1(), f.tenant, f.feedback_id FROM feedback f
    WHERE f.tenant = NEW.tenant AND f.awaits_trace = trace_key_v1(NEW.trace_id)
    UNION ALL
    SELECT due_now_v1(), f.tenant, f.feedback_id FROM feedback f
    WHERE f.tenant = NEW.tenant AND f.awaits_run = NEW.session_id
    ON CONFLICT DO NOTHING;
    RETURN NULL;
END
$$;

CREATE TRIGGER feedback_met_more AFTER UPDATE OF session_id, model, agents ON trace
FOR EACH ROW WHEN (
    (OLD.session_id, OLD.model, OLD.agents) IS DISTINCT FROM
    (NEW.session_id, NEW.model, NEW.agents)
) EXECUTE FUNCTION feedback_met_more_v1();

CREATE FUNCTION feedback_forgotten_v1() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    DELETE FROM feedback_text
    WHERE tenant = OLD.tenant AND feedback_id = OLD.feedback_id;
    RETURN NULL;
END
$$;

CREATE TRIGGER feedback_forgotten AFTER DELETE ON feedback
FOR EACH ROW EXECUTE FUNCTION feedback_forgotten_v1();
