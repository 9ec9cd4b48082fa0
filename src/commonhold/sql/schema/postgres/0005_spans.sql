-- Traces of any OpenTelemetry exporter: spans by day, and what traces are found by.

ALTER TABLE trace ADD COLUMN day BIGINT NOT NULL DEFAULT 0;
ALTER TABLE trace ADD COLUMN name TEXT NOT NULL DEFAULT '';
ALTER TABLE trace ADD COLUMN user_id TEXT COLLATE "C";
ALTER TABLE trace ADD COLUMN environment TEXT;
ALTER TABLE trace ADD COLUMN llm_calls BIGINT NOT NULL DEFAULT 0;
ALTER TABLE trace ADD COLUMN cached_tokens BIGINT;
ALTER TABLE trace ADD COLUMN reasoning_tokens BIGINT;
ALTER TABLE trace ADD COLUMN cost_nano BIGINT;
ALTER TABLE trace ADD COLUMN models TEXT NOT NULL DEFAULT '[]';
ALTER TABLE trace ADD COLUMN labels TEXT NOT NULL DEFAULT '[]';
ALTER TABLE trace ADD COLUMN is_ahead BIGINT NOT NULL DEFAULT 0;
ALTER TABLE trace ADD COLUMN thumbs_up BIGINT NOT NULL DEFAULT 0;
ALTER TABLE trace ADD COLUMN thumbs_down BIGINT NOT NULL DEFAULT 0;

UPDATE trace SET day = created_at / 86400000000, agents = CASE
    WHEN agents = '' THEN '[]' ELSE '["' || replace(agents, ',', '","') || '"]' END,
    thumbs_up = (
        SELECT count(*) FROM feedback f
        WHERE f.tenant = trace.tenant AND f.trace_id = trace.trace_id AND f.rating = 1
    ),
    thumbs_down = (
        SELECT count(*) FROM feedback f
        WHERE f.tenant = trace.tenant AND f.trace_id = trace.trace_id AND f.rating = -1
    );

CREATE INDEX trace_by_user ON trace (tenant, user_id, started_at, trace_id)
WHERE user_id IS NOT NULL;

CREATE INDEX trace_failed ON trace (tenant, started_at, trace_id) WHERE status = 'error';

CREATE INDEX trace_by_duration ON trace (tenant, duration_ns, trace_id)
WHERE duration_ns IS NOT NULL;

CREATE INDEX trace_by_cost ON trace (tenant, cost_nano, trace_id) WHERE cost_nano IS NOT NULL;

CREATE INDEX trace_thumbed_up ON trace (tenant, started_at, trace_id) WHERE thumbs_up > 0;

CREATE INDEX trace_thumbed_down ON trace (tenant, started_at, trace_id) WHERE thumbs_down > 0;

-- One partition for each day on which a trace was first heard of, made ahead (sql/partitions.py);
-- the default one takes what has none.
ALTER TABLE span RENAME TO span_before;
ALTER INDEX span_pkey RENAME TO span_before_pkey;
ALTER TABLE span_before
RENAME CONSTRAINT span_delegation_check TO span_before_delegation_check;

CREATE TABLE span (
    tenant TEXT COLLATE "C" NOT NULL,
    day BIGINT NOT NULL,
    trace_id TEXT COLLATE "C" NOT NULL,
    span_id TEXT COLLATE "C" NOT NULL,
    parent_span_id TEXT COLLATE "C",
    owner_agent TEXT COLLATE "C" NOT NULL,
    owner_user TEXT COLLATE "C" NOT NULL,
    actor TEXT NOT NULL,
    delegation TEXT NOT NULL CHECK (delegation IN ('self', 'verified', 'asserted', 'anonymous')),
    name TEXT NOT NULL,
    status TEXT NOT NULL,
    start_ns BIGINT NOT NULL,
    end_ns BIGINT,
    native_start DOUBLE PRECISION,
    native_end DOUBLE PRECISION,
    gist TEXT NOT NULL,
    emitter TEXT COLLATE "C",
    otel TEXT,
    attributes TEXT NOT NULL,
    events TEXT NOT NULL,
    PRIMARY KEY (tenant, day, trace_id, span_id)
) PARTITION BY RANGE (day);

CREATE TABLE span_other PARTITION OF span DEFAULT;

INSERT INTO span
SELECT s.tenant, t.day, s.trace_id, s.span_id, s.parent_span_id, s.owner_agent, s.owner_user,
    s.actor, s.delegation, s.name, s.status, s.start_ns, s.end_ns, s.native_start, s.native_end,
    '["' || s.kind || '",' || coalesce(CAST(s.prompt_tokens AS TEXT), 'null') || ','
        || coalesce(CAST(s.completion_tokens AS TEXT), 'null') || ']',
    NULL, NULL, s.attributes, s.events
FROM span_before s JOIN trace t ON t.tenant = s.tenant AND t.trace_id = s.trace_id;

DROP TABLE span_before;

CREATE TABLE span_emitter (
    tenant TEXT COLLATE "C" NOT NULL,
    emitter TEXT COLLATE "C" NOT NULL,
    content TEXT NOT NULL,
    PRIMARY KEY (tenant, emitter)
);

CREATE TABLE span_log (
    tenant TEXT COLLATE "C" NOT NULL,
    trace_id TEXT COLLATE "C" NOT NULL,
    log_id TEXT COLLATE "C" NOT NULL,
    span_id TEXT COLLATE "C",
    owner_agent TEXT COLLATE "C" NOT NULL,
    owner_user TEXT COLLATE "C" NOT NULL,
    actor TEXT NOT NULL,
    delegation TEXT NOT NULL CHECK (delegation IN ('self', 'verified', 'asserted', 'anonymous')),
    name TEXT NOT NULL,
    time_ns BIGINT NOT NULL,
    gist TEXT NOT NULL,
    emitter TEXT COLLATE "C",
    attributes TEXT NOT NULL,
    body TEXT NOT NULL,
    PRIMARY KEY (tenant, trace_id, log_id)
);

CREATE TABLE trace_label (
    tenant TEXT COLLATE "C" NOT NULL,
    label TEXT COLLATE "C" NOT NULL,
    started_at BIGINT NOT NULL,
    trace_id TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (tenant, label, started_at, trace_id)
);

CREATE TABLE trace_agent (
    tenant TEXT COLLATE "C" NOT NULL,
    agent TEXT COLLATE "C" NOT NULL,
    started_at BIGINT NOT NULL,
    trace_id TEXT COLLATE "C" NOT NULL,
    version TEXT NOT NULL,
    instance TEXT NOT NULL,
    is_error BIGINT NOT NULL,
    duration_ns BIGINT,
    span_count BIGINT NOT NULL,
    prompt_tokens BIGINT,
    completion_tokens BIGINT,
    cost_nano BIGINT,
    PRIMARY KEY (tenant, agent, started_at, trace_id)
);

CREATE TABLE agent_instance (
    tenant TEXT COLLATE "C" NOT NULL,
    agent TEXT COLLATE "C" NOT NULL,
    version TEXT COLLATE "C" NOT NULL,
    instance TEXT COLLATE "C" NOT NULL,
    first_seen_at BIGINT NOT NULL,
    last_seen_at BIGINT NOT NULL,
    PRIMARY KEY (tenant, agent, version, instance)
);

-- What is still to be done about committed spans: to index their words, to send them on.
CREATE TABLE span_job (
    job_id BIGINT GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY,
    kind TEXT COLLATE "C" NOT NULL CHECK (kind IN ('index', 'forward')),
    tenant TEXT COLLATE "C" NOT NULL,
    day BIGINT NOT NULL,
    spans TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    due_at BIGINT NOT NULL
);

CREATE INDEX span_job_by_kind ON span_job (kind, job_id);

CREATE TABLE span_text (
    tenant TEXT COLLATE "C" NOT NULL,
    day BIGINT NOT NULL,
    trace_id TEXT COLLATE "C" NOT NULL,
    span_id TEXT COLLATE "C" NOT NULL,
    words TSVECTOR NOT NULL,
    PRIMARY KEY (tenant, day, trace_id, span_id)
) PARTITION BY RANGE (day);

CREATE TABLE span_text_other PARTITION OF span_text DEFAULT;

CREATE INDEX span_words ON span_text USING gin (words)
WITH (gin_pending_list_limit = 512);  -- kB, as for message_words

CREATE FUNCTION trace_voted_v1() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    voted TEXT;
BEGIN
    FOR voted IN
        SELECT DISTINCT v FROM unnest(ARRAY[
            CASE WHEN TG_OP <> 'INSERT' THEN OLD.trace_id END,
            CASE WHEN TG_OP <> 'DELETE' THEN NEW.trace_id END
        ]) AS v WHERE v IS NOT NULL
    LOOP
        UPDATE trace SET thumbs_up = f.up, thumbs_down = f.down
        FROM (
            SELECT count(*) FILTER (WHERE rating = 1) AS up,
                count(*) FILTER (WHERE rating = -1) AS down
            FROM feedback
            WHERE tenant = coalesce(NEW.tenant, OLD.tenant) AND trace_id = voted
        ) AS f
        WHERE trace.tenant = coalesce(NEW.tenant, OLD.tenant) AND trace.trace_id = voted;
    END LOOP;
    RETURN NULL;
END
$$;

CREATE TRIGGER trace_voted AFTER INSERT OR DELETE OR UPDATE OF rating, trace_id ON feedback
FOR EACH ROW EXECUTE FUNCTION trace_voted_v1();
