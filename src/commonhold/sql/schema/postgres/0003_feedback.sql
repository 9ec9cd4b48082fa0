-- Feedback, and its hourly counts: kept by triggers, so that no write can forget them.

CREATE TABLE feedback (
    tenant TEXT COLLATE "C" NOT NULL,
    feedback_id TEXT COLLATE "C" NOT NULL,
    owner_agent TEXT COLLATE "C" NOT NULL,
    owner_user TEXT COLLATE "C" NOT NULL,
    actor TEXT NOT NULL,
    delegation TEXT NOT NULL CHECK (delegation IN ('self', 'verified', 'asserted', 'anonymous')),
    user_id TEXT COLLATE "C" NOT NULL,
    trace_id TEXT COLLATE "C",
    session_id TEXT COLLATE "C",
    rating SMALLINT NOT NULL CHECK (rating IN (1, -1)),
    comment TEXT,
    correction TEXT,
    model_id TEXT,
    latency_ms DOUBLE PRECISION,
    turn_index BIGINT,
    agent_type TEXT COLLATE "C",
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    PRIMARY KEY (tenant, feedback_id)
);

CREATE INDEX feedback_by_creation ON feedback (tenant, created_at, feedback_id);

CREATE INDEX feedback_by_rating ON feedback (tenant, rating, created_at, feedback_id);

CREATE INDEX feedback_by_trace ON feedback (tenant, trace_id, created_at, feedback_id)
WHERE trace_id IS NOT NULL;

CREATE INDEX feedback_by_session ON feedback (tenant, session_id, created_at, feedback_id)
WHERE session_id IS NOT NULL;

-- One row per hour and agent type. Several slots share an hour, so that writers on Postgres do
-- not queue for one row; SQLite has one writer and uses slot 0.
CREATE TABLE feedback_hour (
    tenant TEXT COLLATE "C" NOT NULL,
    hour BIGINT NOT NULL,
    agent_type TEXT COLLATE "C" NOT NULL,
    slot SMALLINT NOT NULL,
    thumbs_up BIGINT NOT NULL,
    thumbs_down BIGINT NOT NULL,
    PRIMARY KEY (tenant, hour, agent_type, slot)
) WITH (fillfactor = 70);

CREATE FUNCTION feedback_count_v1() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    up BIGINT := 0;
    down BIGINT := 0;
    record feedback%ROWTYPE;
BEGIN
    IF TG_OP <> 'DELETE' THEN
        record := NEW;
        up := up + (NEW.rating = 1)::int;
        down := down + (NEW.rating = -1)::int;
    END IF;
    IF TG_OP <> 'INSERT' THEN
        record := OLD;
        up := up - (OLD.rating = 1)::int;
        down := down - (OLD.rating = -1)::int;
    END IF;
    INSERT INTO feedback_hour AS h (tenant, hour, agent_type, slot, thumbs_up, thumbs_down)
    VALUES (
        record.tenant, record.created_at - record.created_at % 3600000000,
        coalesce(record.agent_type, ''), floor(random() * 16), up, down
    )
    ON CONFLICT (tenant, hour, agent_type, slot) DO UPDATE SET
        thumbs_up = h.thumbs_up + excluded.thumbs_up,
        thumbs_down = h.thumbs_down + excluded.thumbs_down;
    RETURN NULL;
END
$$;

CREATE TRIGGER feedback_counted AFTER INSERT OR DELETE ON feedback
FOR EACH ROW EXECUTE FUNCTION feedback_count_v1();

CREATE TRIGGER feedback_recounted AFTER UPDATE OF rating ON feedback
FOR EACH ROW WHEN (OLD.rating <> NEW.rating) EXECUTE FUNCTION feedback_count_v1();
