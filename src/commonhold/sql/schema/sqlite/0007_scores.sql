-- Scores: feedback in any form, bound to the turn it is about, and counted by what it is about.

DROP TRIGGER feedback_counted;
DROP TRIGGER feedback_recounted;
DROP TRIGGER feedback_uncounted;
DROP TRIGGER trace_voted;
DROP TRIGGER trace_voted_again;
DROP TRIGGER trace_unvoted;
DROP TABLE feedback_hour;
DROP INDEX feedback_by_creation;
DROP INDEX feedback_by_rating;
DROP INDEX feedback_by_trace;
DROP INDEX feedback_by_session;
ALTER TABLE feedback RENAME TO feedback_before;

CREATE TABLE feedback (
    tenant TEXT NOT NULL,
    feedback_id TEXT NOT NULL,
    owner_agent TEXT NOT NULL,
    owner_user TEXT NOT NULL,
    actor TEXT NOT NULL,
    delegation TEXT NOT NULL CHECK (delegation IN ('self', 'verified', 'asserted', 'anonymous')),
    user_id TEXT NOT NULL,
    trace_id TEXT,
    session_id TEXT,
    rating INTEGER CHECK (rating IN (1, -1)),
    comment TEXT,
    correction TEXT,
    model_id TEXT,
    latency_ms REAL,
    turn_index INTEGER,
    agent_type TEXT,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    span_id TEXT,
    message_id TEXT,
    response_id TEXT,
    name TEXT NOT NULL DEFAULT 'user_feedback',
    data_type TEXT NOT NULL DEFAULT 'boolean',
    value_num REAL,
    label TEXT,
    value_json TEXT,
    source TEXT NOT NULL DEFAULT 'human',
    source_id TEXT,
    identifier TEXT,
    metadata TEXT NOT NULL DEFAULT '{}',
    environment TEXT,
    config_id TEXT,
    error TEXT,
    state TEXT NOT NULL DEFAULT 'none' CHECK (state IN ('none', 'pending', 'bound')),
    turn_session TEXT,
    turn_no INTEGER,
    question_seq INTEGER,
    turn_seq INTEGER,
    turn_message TEXT,
    turn_trace TEXT,
    trace_key TEXT,
    agent TEXT NOT NULL DEFAULT '',
    model TEXT,
    vote_key TEXT,
    superseded_by TEXT,
    awaits_trace TEXT,
    awaits_turn TEXT,
    awaits_run TEXT,
    PRIMARY KEY (tenant, feedback_id)
) STRICT, WITHOUT ROWID;

INSERT INTO feedback (
    tenant, feedback_id, owner_agent, owner_user, actor, delegation, user_id, trace_id, session_id,
    rating, comment, correction, model_id, latency_ms, turn_index, agent_type, created_at,
    updated_at, value_num, turn_session, turn_trace, trace_key, agent, model, state
)
SELECT
    tenant, feedback_id, owner_agent, owner_user, actor, delegation, user_id, trace_id, session_id,
    rating, comment, correction, model_id, latency_ms, turn_index, agent_type, created_at,
    updated_at, CASE rating WHEN 1 THEN 1.0 ELSE 0.0 END, session_id,
    CASE WHEN EXISTS (
        SELECT 1 FROM trace t WHERE t.tenant = b.tenant AND t.trace_id = b.trace_id
    ) THEN trace_id END,
    CASE
        WHEN trace_id GLOB 'trace_*' AND length(trace_id) = 38
            AND substr(trace_id, 7) NOT GLOB '*[^0-9a-fA-F]*'
        THEN lower(substr(trace_id, 7))
        WHEN trace_id GLOB 'tr-*' AND length(trace_id) = 35
            AND substr(trace_id, 4) NOT GLOB '*[^0-9a-fA-F]*'
        THEN lower(substr(trace_id, 4))
        WHEN length(trace_id) = 32 AND trace_id NOT GLOB '*[^0-9a-fA-F]*'
        THEN lower(trace_id)
        ELSE trace_id
    END,
    owner_agent, model_id,
    CASE WHEN trace_id IS NULL AND (session_id IS NULL OR turn_index IS NULL) THEN 'none' ELSE 'pending' END
FROM feedback_before b;

DROP TABLE feedback_before;

CREATE INDEX feedback_by_creation ON feedback (tenant, created_at, feedback_id);

CREATE INDEX feedback_thumbs ON feedback (tenant, created_at, feedback_id)
WHERE rating IS NOT NULL;

CREATE INDEX feedback_by_rating ON feedback (tenant, rating, created_at, feedback_id)
WHERE rating IS NOT NULL;

CREATE INDEX feedback_by_agent ON feedback (tenant, agent, created_at, feedback_id);

CREATE INDEX feedback_by_name ON feedback (tenant, name, created_at, feedback_id);

CREATE INDEX feedback_by_user ON feedback (tenant, user_id, created_at, feedback_id);

CREATE INDEX feedback_by_trace ON feedback (tenant, trace_key, created_at, feedback_id)
WHERE trace_key IS NOT NULL;

CREATE INDEX feedback_by_session ON feedback (tenant, turn_session, created_at, feedback_id)
WHERE turn_session IS NOT NULL;

-- One vote of a user for a turn.
CREATE UNIQUE INDEX feedback_by_vote ON feedback (tenant, vote_key) WHERE vote_key IS NOT NULL;

-- What a record waits for: the trace it names, messages of a session, a trace of a session.
CREATE INDEX feedback_awaits_trace ON feedback (tenant, awaits_trace, feedback_id)
WHERE awaits_trace IS NOT NULL;

CREATE INDEX feedback_awaits_turn ON feedback (tenant, awaits_turn, feedback_id)
WHERE awaits_turn IS NOT NULL;

CREATE INDEX feedback_awaits_run ON feedback (tenant, awaits_run, feedback_id)
WHERE awaits_run IS NOT NULL;

-- Live user messages, which turns are counted by; with the time, so that no message is read.
CREATE INDEX message_asked ON message (tenant, session_id, place, created_at)
WHERE role = 'user' AND superseded_at IS NULL;

-- Records that may have become bound, looked at before feedback is read.
CREATE TABLE feedback_due (
    due_at INTEGER NOT NULL,
    tenant TEXT NOT NULL,
    feedback_id TEXT NOT NULL,
    PRIMARY KEY (due_at, tenant, feedback_id)
) STRICT, WITHOUT ROWID;

-- Old votes are bound like late ones, some at a time.
INSERT INTO feedback_due (due_at, tenant, feedback_id)
SELECT 1, tenant, feedback_id FROM feedback WHERE state = 'pending';

-- What was counted by hour (h) and UTC day (d), and by user and UTC day (u, the user under label).
-- Sums of values are kept in whole numbers and billionths, so that adding and taking away is exact.
-- Several slots share a key, so that writers on Postgres do not queue for one row; SQLite has one
-- writer and uses slot 0.
CREATE TABLE feedback_count (
    tenant TEXT NOT NULL,
    level TEXT NOT NULL CHECK (level IN ('h', 'd', 'u')),
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
    SELECT 'h' AS level, 3600000000 AS width UNION ALL SELECT 'd', 86400000000
    UNION ALL SELECT 'u', 86400000000
) AS l
GROUP BY 1, 2, 3, 4, 5, 6, 7, 8, 9;

-- What comments and corrections are found by.
CREATE TABLE feedback_text (
    text_id INTEGER PRIMARY KEY,
    tenant TEXT NOT NULL,
    feedback_id TEXT NOT NULL,
    words TEXT NOT NULL
) STRICT;

CREATE UNIQUE INDEX feedback_text_by_id ON feedback_text (tenant, feedback_id);

CREATE VIRTUAL TABLE feedback_words USING fts5(
    words, content = 'feedback_text', content_rowid = 'text_id', detail = none, columnsize = 0,
    tokenize = "unicode61 remove_diacritics 0 tokenchars '_'"
);

CREATE TRIGGER feedback_text_added AFTER INSERT ON feedback_text BEGIN
    INSERT INTO feedback_words (rowid, words) VALUES (new.text_id, new.words);
END;

CREATE TRIGGER feedback_text_changed AFTER UPDATE OF words ON feedback_text BEGIN
    INSERT INTO feedback_words (feedback_words, rowid, words)
    VALUES ('delete', old.text_id, old.words);
    INSERT INTO feedback_words (rowid, words) VALUES (new.text_id, new.words);
END;

CREATE TRIGGER feedback_text_removed AFTER DELETE ON feedback_text BEGIN
    INSERT INTO feedback_words (feedback_words, rowid, words)
    VALUES ('delete', old.text_id, old.words);
END;

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
        SELECT 'h' AS level, 3600000000 AS width UNION ALL SELECT 'd', 86400000000
        UNION ALL SELECT 'u', 86400000000
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

-- The thumbs of a trace are those of the records that are bound to it.

CREATE TRIGGER trace_voted AFTER INSERT ON feedback
WHEN NEW.turn_trace IS NOT NULL AND NEW.rating IS NOT NULL
BEGIN
    UPDATE trace SET thumbs_up = thumbs_up + (NEW.rating = 1),
        thumbs_down = thumbs_down + (NEW.rating = -1)
    WHERE tenant = NEW.tenant AND trace_id = NEW.turn_trace;
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
            AND f.turn_trace = trace.trace_id AND f.superseded_by IS NULL
    )
    WHERE tenant = NEW.tenant AND trace_id IN (OLD.turn_trace, NEW.turn_trace);
END;

CREATE TRIGGER trace_unvoted AFTER DELETE ON feedback
WHEN OLD.turn_trace IS NOT NULL AND OLD.rating IS NOT NULL AND OLD.superseded_by IS NULL
BEGIN
    UPDATE trace SET thumbs_up = thumbs_up - (OLD.rating = 1),
        thumbs_down = thumbs_down - (OLD.rating = -1)
    WHERE tenant = OLD.tenant AND trace_id = OLD.turn_trace;
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
