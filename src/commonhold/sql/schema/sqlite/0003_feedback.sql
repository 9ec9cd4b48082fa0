-- Feedback, and its hourly counts: kept by triggers, so that no write can forget them.

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
    rating INTEGER NOT NULL CHECK (rating IN (1, -1)),
    comment TEXT,
    correction TEXT,
    model_id TEXT,
    latency_ms REAL,
    turn_index INTEGER,
    agent_type TEXT,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    PRIMARY KEY (tenant, feedback_id)
) STRICT, WITHOUT ROWID;

CREATE INDEX feedback_by_creation ON feedback (tenant, created_at, feedback_id);

CREATE INDEX feedback_by_rating ON feedback (tenant, rating, created_at, feedback_id);

CREATE INDEX feedback_by_trace ON feedback (tenant, trace_id, created_at, feedback_id)
WHERE trace_id IS NOT NULL;

CREATE INDEX feedback_by_session ON feedback (tenant, session_id, created_at, feedback_id)
WHERE session_id IS NOT NULL;

-- One row per hour and agent type. Several slots share an hour, so that writers on Postgres do
-- not queue for one row; SQLite has one writer and uses slot 0.
CREATE TABLE feedback_hour (
    tenant TEXT NOT NULL,
    hour INTEGER NOT NULL,
    agent_type TEXT NOT NULL,
    slot INTEGER NOT NULL,
    thumbs_up INTEGER NOT NULL,
    thumbs_down INTEGER NOT NULL,
    PRIMARY KEY (tenant, hour, agent_type, slot)
) STRICT, WITHOUT ROWID;

CREATE TRIGGER feedback_counted AFTER INSERT ON feedback
BEGIN
    INSERT INTO feedback_hour (tenant, hour, agent_type, slot, thumbs_up, thumbs_down)
    VALUES (
        NEW.tenant, NEW.created_at - NEW.created_at % 3600000000, coalesce(NEW.agent_type, ''), 0,
        NEW.rating = 1, NEW.rating = -1
    )
    ON CONFLICT (tenant, hour, agent_type, slot) DO UPDATE SET
        thumbs_up = thumbs_up + excluded.thumbs_up,
        thumbs_down = thumbs_down + excluded.thumbs_down;
END;

CREATE TRIGGER feedback_recounted AFTER UPDATE OF rating ON feedback
WHEN OLD.rating <> NEW.rating
BEGIN
    UPDATE feedback_hour SET
        thumbs_up = thumbs_up + NEW.rating,
        thumbs_down = thumbs_down - NEW.rating
    WHERE tenant = NEW.tenant AND hour = NEW.created_at - NEW.created_at % 3600000000
        AND agent_type = coalesce(NEW.agent_type, '') AND slot = 0;
END;

CREATE TRIGGER feedback_uncounted AFTER DELETE ON feedback
BEGIN
    UPDATE feedback_hour SET
        thumbs_up = thumbs_up - (OLD.rating = 1),
        thumbs_down = thumbs_down - (OLD.rating = -1)
    WHERE tenant = OLD.tenant AND hour = OLD.created_at - OLD.created_at % 3600000000
        AND agent_type = coalesce(OLD.agent_type, '') AND slot = 0;
END;
