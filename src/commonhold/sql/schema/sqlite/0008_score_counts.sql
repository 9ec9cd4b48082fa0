-- Scores are counted by what they are about, and bound as soon as that has come.

-- What was counted by minute (m), hour (h) and UTC day (d), and by user and UTC day (u, the user
-- under label).
-- Sums of values are kept in whole numbers and billionths, so that adding and taking away is exact.
-- Several slots share a key, so that writers on Postgres do not queue for one row; SQLite has one
-- writer and uses slot 0.
CREATE TABLE feedback_count (
    tenant TEXT NOT NULL,
    level TEXT NOT NULL CHECK (level IN ('m', 'h', 'd', 'u')),
    start INTEGER NOT NULL,
    agent TEXT NOT NULL,
    agent_type TEXT NOT NULL,
    model TEXT NOT NULL,
    name TEXT NOT NULL,
    label TEXT NOT NULL,
    source TEXT NOT NULL,
    slot INTEGER NOT NULL,
    scores INTEGER NOT NULL,
    thumbs_up INTEGER NOT NULL,
    thumbs_down INTEGER NOT NULL,
    valued INTEGER NOT NULL,
    whole INTEGER NOT NULL,
    billionths INTEGER NOT NULL,
    PRIMARY KEY (tenant, level, start, agent, agent_type, model, name, label, source, slot)
) STRICT, WITHOUT ROWID;

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
CREATE VIEW feedback_share AS
SELECT tenant, created_at, user_id, agent, agent_type, model, name, label, source, rating,
    value_num, 1 AS share
FROM feedback WHERE superseded_by IS NULL;

CREATE TRIGGER feedback_shared INSTEAD OF INSERT ON feedback_share BEGIN
    INSERT INTO feedback_count (
        tenant, level, start, agent, agent_type, model, name, label, source, slot, scores,
        thumbs_up, thumbs_down, valued, whole, billionths
    )
    SELECT NEW.tenant, l.level, NEW.created_at - NEW.created_at % l.width,
        CASE l.level WHEN 'u' THEN '' ELSE NEW.agent END,
        CASE l.level WHEN 'u' THEN '' ELSE coalesce(NEW.agent_type, '') END,
        CASE l.level WHEN 'u' THEN '' ELSE coalesce(NEW.model, '') END,
        NEW.name, CASE l.level WHEN 'u' THEN NEW.user_id ELSE coalesce(NEW.label, '') END,
        CASE l.level WHEN 'u' THEN '' ELSE NEW.source END, 0, NEW.share,
        NEW.share * (NEW.rating IS 1), NEW.share * (NEW.rating IS -1),
        NEW.share * (NEW.value_num IS NOT NULL),
        NEW.share * coalesce(CAST(NEW.value_num AS INTEGER), 0),
        NEW.share * coalesce(
            CAST(round((NEW.value_num - CAST(NEW.value_num AS INTEGER)) * 1000000000) AS INTEGER), 0
        )
    FROM (
        SELECT 'm' AS level, 60000000 AS width UNION ALL SELECT 'h', 3600000000
        UNION ALL SELECT 'd', 86400000000 UNION ALL SELECT 'u', 86400000000
    ) AS l
    WHERE true
    ON CONFLICT (tenant, level, start, agent, agent_type, model, name, label, source, slot)
    DO UPDATE SET scores = scores + excluded.scores,
        thumbs_up = thumbs_up + excluded.thumbs_up,
        thumbs_down = thumbs_down + excluded.thumbs_down, valued = valued + excluded.valued,
        whole = whole + excluded.whole, billionths = billionths + excluded.billionths;
END;

CREATE TRIGGER feedback_counted AFTER INSERT ON feedback WHEN NEW.superseded_by IS NULL BEGIN
    INSERT INTO feedback_share VALUES (
        NEW.tenant, NEW.created_at, NEW.user_id, NEW.agent, NEW.agent_type, NEW.model, NEW.name,
        NEW.label, NEW.source, NEW.rating, NEW.value_num, 1
    );
END;

CREATE TRIGGER feedback_recounted
AFTER UPDATE OF rating, value_num, agent, agent_type, model, name, label, source, user_id,
    superseded_by ON feedback
WHEN (
    OLD.rating, OLD.value_num, OLD.agent, OLD.agent_type, OLD.model, OLD.name, OLD.label,
    OLD.source, OLD.user_id, OLD.superseded_by
) IS NOT (
    NEW.rating, NEW.value_num, NEW.agent, NEW.agent_type, NEW.model, NEW.name, NEW.label,
    NEW.source, NEW.user_id, NEW.superseded_by
)
BEGIN
    INSERT INTO feedback_share
    SELECT OLD.tenant, OLD.created_at, OLD.user_id, OLD.agent, OLD.agent_type, OLD.model, OLD.name,
        OLD.label, OLD.source, OLD.rating, OLD.value_num, -1
    WHERE OLD.superseded_by IS NULL;
    INSERT INTO feedback_share
    SELECT NEW.tenant, NEW.created_at, NEW.user_id, NEW.agent, NEW.agent_type, NEW.model, NEW.name,
        NEW.label, NEW.source, NEW.rating, NEW.value_num, 1
    WHERE NEW.superseded_by IS NULL;
END;

CREATE TRIGGER feedback_uncounted AFTER DELETE ON feedback WHEN OLD.superseded_by IS NULL BEGIN
    INSERT INTO feedback_share VALUES (
        OLD.tenant, OLD.created_at, OLD.user_id, OLD.agent, OLD.agent_type, OLD.model, OLD.name,
        OLD.label, OLD.source, OLD.rating, OLD.value_num, -1
    );
END;

-- The thumbs of a trace are those of the records that are bound to it, or name it.

CREATE TRIGGER trace_voted AFTER INSERT ON feedback
WHEN coalesce(NEW.turn_trace, NEW.trace_id) IS NOT NULL AND NEW.rating IS NOT NULL
BEGIN
    UPDATE trace SET thumbs_up = thumbs_up + (NEW.rating = 1),
        thumbs_down = thumbs_down + (NEW.rating = -1)
    WHERE tenant = NEW.tenant AND trace_id = coalesce(NEW.turn_trace, NEW.trace_id);
END;

CREATE TRIGGER trace_voted_again
AFTER UPDATE OF rating, turn_trace, superseded_by ON feedback
WHEN coalesce(OLD.rating, NEW.rating) IS NOT NULL AND (
    OLD.rating, OLD.turn_trace, OLD.superseded_by
) IS NOT (NEW.rating, NEW.turn_trace, NEW.superseded_by)
BEGIN
    UPDATE trace SET (thumbs_up, thumbs_down) = (
        SELECT count(*) FILTER (WHERE f.rating = 1), count(*) FILTER (WHERE f.rating = -1)
        FROM feedback f
        WHERE f.tenant = trace.tenant AND f.trace_key = NEW.trace_key
            AND coalesce(f.turn_trace, f.trace_id) = trace.trace_id AND f.superseded_by IS NULL
    )
    WHERE tenant = NEW.tenant AND trace_id IN (
        coalesce(OLD.turn_trace, OLD.trace_id), coalesce(NEW.turn_trace, NEW.trace_id)
    );
END;

CREATE TRIGGER trace_unvoted AFTER DELETE ON feedback
WHEN coalesce(OLD.turn_trace, OLD.trace_id) IS NOT NULL AND OLD.rating IS NOT NULL
    AND OLD.superseded_by IS NULL
BEGIN
    UPDATE trace SET thumbs_up = thumbs_up - (OLD.rating = 1),
        thumbs_down = thumbs_down - (OLD.rating = -1)
    WHERE tenant = OLD.tenant AND trace_id = coalesce(OLD.turn_trace, OLD.trace_id);
END;

-- What a record waits for has come: it is due. Each is one look at an index of those that wait.

CREATE TRIGGER feedback_met_message AFTER INSERT ON message BEGIN
    INSERT INTO feedback_due (due_at, tenant, feedback_id)
    SELECT 0, f.tenant, f.feedback_id FROM feedback f
    WHERE f.tenant = NEW.tenant AND f.awaits_turn = NEW.session_id
    ON CONFLICT DO NOTHING;
END;

CREATE TRIGGER feedback_met_trace AFTER INSERT ON trace BEGIN
    INSERT INTO feedback_due (due_at, tenant, feedback_id)
    SELECT 0, f.tenant, f.feedback_id FROM feedback f
    WHERE f.tenant = NEW.tenant AND f.awaits_trace = CASE
        WHEN NEW.trace_id GLOB 'trace_*' AND length(NEW.trace_id) = 38
            AND substr(NEW.trace_id, 7) NOT GLOB '*[^0-9a-fA-F]*'
        THEN lower(substr(NEW.trace_id, 7))
        WHEN NEW.trace_id GLOB 'tr-*' AND length(NEW.trace_id) = 35
            AND substr(NEW.trace_id, 4) NOT GLOB '*[^0-9a-fA-F]*'
        THEN lower(substr(NEW.trace_id, 4))
        WHEN length(NEW.trace_id) = 32 AND NEW.trace_id NOT GLOB '*[^0-9a-fA-F]*'
        THEN lower(NEW.trace_id)
        ELSE NEW.trace_id
    END
    UNION ALL
    SELECT 0, f.tenant, f.feedback_id FROM feedback f
    WHERE f.tenant = NEW.tenant AND f.awaits_run = NEW.session_id
    ON CONFLICT DO NOTHING;
END;

CREATE TRIGGER feedback_met_more AFTER UPDATE OF session_id, model, agents ON trace
WHEN (OLD.session_id, OLD.model, OLD.agents) IS NOT (NEW.session_id, NEW.model, NEW.agents)
BEGIN
    INSERT INTO feedback_due (due_at, tenant, feedback_id)
    SELECT 0, f.tenant, f.feedback_id FROM feedback f
    WHERE f.tenant = NEW.tenant AND f.awaits_trace = CASE
        WHEN NEW.trace_id GLOB 'trace_*' AND length(NEW.trace_id) = 38
            AND substr(NEW.trace_id, 7) NOT GLOB '*[^0-9a-fA-F]*'
        THEN lower(substr(NEW.trace_id, 7))
        WHEN NEW.trace_id GLOB 'tr-*' AND length(NEW.trace_id) = 35
            AND substr(NEW.trace_id, 4) NOT GLOB '*[^0-9a-fA-F]*'
        THEN lower(substr(NEW.trace_id, 4))
        WHEN length(NEW.trace_id) = 32 AND NEW.trace_id NOT GLOB '*[^0-9a-fA-F]*'
        THEN lower(NEW.trace_id)
        ELSE NEW.trace_id
    END
    UNION ALL
    SELECT 0, f.tenant, f.feedback_id FROM feedback f
    WHERE f.tenant = NEW.tenant AND f.awaits_run = NEW.session_id
    ON CONFLICT DO NOTHING;
END;

CREATE TRIGGER feedback_forgotten AFTER DELETE ON feedback BEGIN
    DELETE FROM feedback_text
    WHERE tenant = OLD.tenant AND feedback_id = OLD.feedback_id;
END;
