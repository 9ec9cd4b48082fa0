-- The whole current schema: what a new install ends up with. The migrations add up to it.

-- Sessions: a log of messages and events with many writers, and what is counted beside it.

CREATE TABLE session (
    tenant TEXT COLLATE "C" NOT NULL,
    session_id TEXT COLLATE "C" NOT NULL,
    owner_agent TEXT COLLATE "C" NOT NULL,
    owner_user TEXT COLLATE "C" NOT NULL,
    actor TEXT NOT NULL,
    delegation TEXT NOT NULL CHECK (delegation IN ('self', 'verified', 'asserted', 'anonymous')),
    title TEXT,
    metadata TEXT NOT NULL,
    parent_session_id TEXT COLLATE "C",
    forked_at_message_id TEXT,
    message_count BIGINT NOT NULL,
    head_seq BIGINT NOT NULL,
    version BIGINT NOT NULL,
    chain BYTEA,
    cost_data TEXT NOT NULL,
    state TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    holder TEXT COLLATE "C" NOT NULL DEFAULT '',
    lease_token BIGINT NOT NULL DEFAULT 0,
    lease_holder TEXT,
    lease_until BIGINT NOT NULL DEFAULT 0,
    is_waiting BIGINT NOT NULL DEFAULT 0,
    PRIMARY KEY (tenant, session_id)
) WITH (fillfactor = 80);  -- counters change every turn: leave room for HOT updates

CREATE INDEX session_by_creation ON session (tenant, created_at, session_id);

CREATE INDEX session_by_agent ON session (tenant, owner_agent, created_at, session_id);

CREATE INDEX session_by_user ON session (tenant, owner_user, created_at, session_id);

CREATE INDEX session_by_parent ON session (tenant, parent_session_id, created_at, session_id)
WHERE parent_session_id IS NOT NULL;

CREATE TABLE message (
    tenant TEXT COLLATE "C" NOT NULL,
    session_id TEXT COLLATE "C" NOT NULL,
    seq BIGINT NOT NULL,
    place BIGINT NOT NULL,
    message_id TEXT COLLATE "C" NOT NULL,
    match_key TEXT NOT NULL,
    role TEXT,
    owner_agent TEXT COLLATE "C" NOT NULL,
    owner_user TEXT COLLATE "C" NOT NULL,
    actor TEXT NOT NULL,
    delegation TEXT NOT NULL CHECK (delegation IN ('self', 'verified', 'asserted', 'anonymous')),
    content TEXT NOT NULL,
    digest BYTEA NOT NULL,
    version BIGINT NOT NULL,
    superseded_version BIGINT,
    created_at BIGINT NOT NULL,
    superseded_at BIGINT,
    tools TEXT,
    PRIMARY KEY (tenant, session_id, seq)
);

CREATE INDEX message_live ON message (tenant, session_id, place) WHERE superseded_at IS NULL;

CREATE INDEX message_by_id ON message (tenant, session_id, message_id);

CREATE TABLE session_event (
    tenant TEXT COLLATE "C" NOT NULL,
    session_id TEXT COLLATE "C" NOT NULL,
    seq BIGINT NOT NULL,
    kind TEXT NOT NULL,
    owner_agent TEXT COLLATE "C" NOT NULL,
    owner_user TEXT COLLATE "C" NOT NULL,
    actor TEXT NOT NULL,
    delegation TEXT NOT NULL CHECK (delegation IN ('self', 'verified', 'asserted', 'anonymous')),
    data TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (tenant, session_id, seq)
);

-- Requests with an idempotency key: what a repeated one was answered the first time.

CREATE TABLE session_request (
    tenant TEXT COLLATE "C" NOT NULL,
    session_id TEXT COLLATE "C" NOT NULL,
    mark TEXT COLLATE "C" NOT NULL,
    asked TEXT NOT NULL,
    answer TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (tenant, session_id, mark)
);

-- Traces: one summary row each, one part per author of a native post, one row per span.

CREATE TABLE trace (
    tenant TEXT COLLATE "C" NOT NULL,
    trace_id TEXT COLLATE "C" NOT NULL,
    session_id TEXT COLLATE "C",
    started_at BIGINT NOT NULL,
    ended_at BIGINT,
    model TEXT,
    status TEXT NOT NULL,
    duration_ns BIGINT,
    span_count BIGINT NOT NULL,
    error_count BIGINT NOT NULL,
    tool_calls BIGINT NOT NULL,
    prompt_tokens BIGINT,
    completion_tokens BIGINT,
    agents TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    day BIGINT NOT NULL DEFAULT 0,
    name TEXT NOT NULL DEFAULT '',
    user_id TEXT COLLATE "C",
    environment TEXT,
    llm_calls BIGINT NOT NULL DEFAULT 0,
    cached_tokens BIGINT,
    reasoning_tokens BIGINT,
    cost_nano BIGINT,
    models TEXT NOT NULL DEFAULT '[]',
    labels TEXT NOT NULL DEFAULT '[]',
    is_ahead BIGINT NOT NULL DEFAULT 0,
    thumbs_up BIGINT NOT NULL DEFAULT 0,
    thumbs_down BIGINT NOT NULL DEFAULT 0,
    PRIMARY KEY (tenant, trace_id)
);

CREATE INDEX trace_by_start ON trace (tenant, started_at, trace_id);

CREATE INDEX trace_by_session ON trace (tenant, session_id, started_at, trace_id)
WHERE session_id IS NOT NULL;

CREATE INDEX trace_by_user ON trace (tenant, user_id, started_at, trace_id)
WHERE user_id IS NOT NULL;

CREATE INDEX trace_failed ON trace (tenant, started_at, trace_id) WHERE status = 'error';

CREATE INDEX trace_by_duration ON trace (tenant, duration_ns, trace_id)
WHERE duration_ns IS NOT NULL;

CREATE INDEX trace_by_cost ON trace (tenant, cost_nano, trace_id) WHERE cost_nano IS NOT NULL;

CREATE INDEX trace_thumbed_up ON trace (tenant, started_at, trace_id) WHERE thumbs_up > 0;

CREATE INDEX trace_thumbed_down ON trace (tenant, started_at, trace_id) WHERE thumbs_down > 0;

CREATE TABLE trace_part (
    tenant TEXT COLLATE "C" NOT NULL,
    trace_id TEXT COLLATE "C" NOT NULL,
    owner_agent TEXT COLLATE "C" NOT NULL,
    owner_user TEXT COLLATE "C" NOT NULL,
    actor TEXT NOT NULL,
    delegation TEXT NOT NULL CHECK (delegation IN ('self', 'verified', 'asserted', 'anonymous')),
    started_at BIGINT NOT NULL,
    ended_at BIGINT,
    model TEXT,
    session_id TEXT COLLATE "C",
    status TEXT NOT NULL,
    updated_at BIGINT NOT NULL,
    PRIMARY KEY (tenant, trace_id, owner_agent)
);

-- One partition for each day on which a trace was first heard of; the default takes the rest.
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

-- Turns: who holds a session, who took part, what it can be found by, and which calls are open.

CREATE INDEX session_by_holder ON session (tenant, holder, created_at, session_id);

CREATE INDEX session_running ON session (tenant, created_at, session_id)
WHERE lease_holder IS NOT NULL;

CREATE INDEX session_waiting ON session (tenant, created_at, session_id)
WHERE is_waiting = 1;

CREATE INDEX message_tools ON message (tenant, session_id, place)
WHERE tools IS NOT NULL AND superseded_at IS NULL;

CREATE TABLE participant (
    tenant TEXT COLLATE "C" NOT NULL,
    session_id TEXT COLLATE "C" NOT NULL,
    owner_agent TEXT COLLATE "C" NOT NULL,
    owner_user TEXT COLLATE "C" NOT NULL,
    session_at BIGINT NOT NULL,
    message_count BIGINT NOT NULL,
    first_seq BIGINT NOT NULL,
    last_seq BIGINT NOT NULL,
    first_at BIGINT NOT NULL,
    last_at BIGINT NOT NULL,
    PRIMARY KEY (tenant, session_id, owner_agent, owner_user)
) WITH (fillfactor = 80);  -- counted at every turn: leave room for HOT updates

CREATE INDEX participant_by_agent ON participant (tenant, owner_agent, session_at, session_id);

CREATE TABLE session_label (
    tenant TEXT COLLATE "C" NOT NULL,
    session_id TEXT COLLATE "C" NOT NULL,
    label TEXT COLLATE "C" NOT NULL,
    session_at BIGINT NOT NULL,
    PRIMARY KEY (tenant, session_id, label)
);

CREATE INDEX session_label_by_label ON session_label (tenant, label, session_at, session_id);

CREATE TABLE message_text (
    tenant TEXT COLLATE "C" NOT NULL,
    session_id TEXT COLLATE "C" NOT NULL,
    seq BIGINT NOT NULL,
    words TSVECTOR NOT NULL,
    PRIMARY KEY (tenant, session_id, seq)
);

CREATE INDEX message_words ON message_text USING gin (words)
WITH (gin_pending_list_limit = 512);  -- kB: bounds both the wait for a flush and a search without

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
