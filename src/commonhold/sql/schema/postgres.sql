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

-- Keys that the service made for itself: every replica signs with the same, after a restart too.

CREATE TABLE service_key (
    purpose TEXT COLLATE "C" NOT NULL,
    secret TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (purpose)
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
    started_at BIGINT NOT NULL DEFAULT 0,
    PRIMARY KEY (tenant, day, trace_id, span_id)
) PARTITION BY RANGE (day);

CREATE TABLE span_text_other PARTITION OF span_text DEFAULT;

-- The windows of time a trace begins in, of seven widths: 2^20 microseconds, and each 16 times the
-- last. The width is in the lowest three bits.
CREATE FUNCTION span_times(started_at BIGINT) RETURNS BIGINT[] LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT ARRAY[
        (started_at >> 20) << 3, (started_at >> 24) << 3 | 1, (started_at >> 28) << 3 | 2,
        (started_at >> 32) << 3 | 3, (started_at >> 36) << 3 | 4, (started_at >> 40) << 3 | 5,
        (started_at >> 44) << 3 | 6
    ]
$$;

CREATE INDEX span_words ON span_text USING gin (words, span_times(started_at))
WITH (gin_pending_list_limit = 512);  -- kB, as for message_words

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

-- Feedback: thumbs and scores, bound to the turn they are about. What is counted is kept by
-- triggers, so that no write can forget it.

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
    rating SMALLINT CHECK (rating IN (1, -1)),
    comment TEXT,
    correction TEXT,
    model_id TEXT,
    latency_ms DOUBLE PRECISION,
    turn_index BIGINT,
    agent_type TEXT COLLATE "C",
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    span_id TEXT,
    message_id TEXT,
    response_id TEXT,
    name TEXT COLLATE "C" NOT NULL DEFAULT 'user_feedback',
    data_type TEXT NOT NULL DEFAULT 'boolean',
    value_num DOUBLE PRECISION,
    label TEXT COLLATE "C",
    value_json TEXT,
    source TEXT COLLATE "C" NOT NULL DEFAULT 'human',
    source_id TEXT,
    identifier TEXT,
    metadata TEXT NOT NULL DEFAULT '{}',
    environment TEXT,
    config_id TEXT,
    error TEXT,
    state TEXT NOT NULL DEFAULT 'none' CHECK (state IN ('none', 'pending', 'bound')),
    turn_session TEXT COLLATE "C",
    turn_no BIGINT,
    question_seq BIGINT,
    turn_seq BIGINT,
    turn_message TEXT,
    turn_trace TEXT COLLATE "C",
    trace_key TEXT COLLATE "C",
    agent TEXT COLLATE "C" NOT NULL DEFAULT '',
    model TEXT COLLATE "C",
    vote_key TEXT COLLATE "C",
    superseded_by TEXT,
    awaits_trace TEXT COLLATE "C",
    awaits_turn TEXT COLLATE "C",
    awaits_run TEXT COLLATE "C",
    PRIMARY KEY (tenant, feedback_id)
);

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
    due_at BIGINT NOT NULL,
    tenant TEXT COLLATE "C" NOT NULL,
    feedback_id TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (due_at, tenant, feedback_id)
);

-- What comments and corrections are found by.
CREATE TABLE feedback_text (
    tenant TEXT COLLATE "C" NOT NULL,
    feedback_id TEXT COLLATE "C" NOT NULL,
    words TSVECTOR NOT NULL,
    PRIMARY KEY (tenant, feedback_id)
);

CREATE INDEX feedback_words ON feedback_text USING gin (words)
WITH (gin_pending_list_limit = 512);  -- kB, as for message_words

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

-- The one form of the spellings of a trace id, as `model.binding.trace_key` has it.
CREATE FUNCTION trace_key_v1(trace_id TEXT) RETURNS TEXT LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE WHEN trace_id ~ '^(trace_|tr-)?[0-9a-fA-F]{32}$'
        THEN lower(right(trace_id, 32)) ELSE trace_id END
$$;

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

-- Conditions are JSON. fired_at is set while a ratio is bad; until busy_until a process delivers.
CREATE TABLE webhook (
    tenant TEXT COLLATE "C" NOT NULL,
    webhook_id TEXT COLLATE "C" NOT NULL,
    url TEXT NOT NULL,
    conditions TEXT NOT NULL,
    secret TEXT NOT NULL,
    enabled INTEGER NOT NULL,
    disabled_because TEXT,
    created_by TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    fired_at BIGINT,
    busy_until BIGINT NOT NULL DEFAULT 0,
    PRIMARY KEY (tenant, webhook_id)
);

CREATE INDEX webhook_enabled ON webhook (tenant, webhook_id) WHERE enabled = 1;

CREATE INDEX webhook_idle ON webhook (busy_until) WHERE enabled = 1;

CREATE INDEX webhook_fired ON webhook (fired_at) WHERE fired_at IS NOT NULL;

-- Scores that were written and have not been held against the conditions yet.
CREATE TABLE webhook_due (
    due_id BIGINT GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY,
    tenant TEXT COLLATE "C" NOT NULL,
    feedback_id TEXT COLLATE "C" NOT NULL
);

CREATE TABLE webhook_delivery (
    tenant TEXT COLLATE "C" NOT NULL,
    webhook_id TEXT COLLATE "C" NOT NULL,
    delivery_id TEXT COLLATE "C" NOT NULL,
    event TEXT NOT NULL,
    score_id TEXT,
    state TEXT COLLATE "C" NOT NULL CHECK (state IN ('pending', 'delivered', 'dead')),
    attempts INTEGER NOT NULL,
    due_at BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    status INTEGER,
    error TEXT,
    payload TEXT NOT NULL,
    PRIMARY KEY (tenant, webhook_id, delivery_id)
);

CREATE INDEX webhook_delivery_by_creation
ON webhook_delivery (tenant, webhook_id, created_at, delivery_id);

CREATE INDEX webhook_delivery_by_state
ON webhook_delivery (tenant, webhook_id, state, created_at, delivery_id);

CREATE INDEX webhook_delivery_due ON webhook_delivery (tenant, webhook_id, due_at, delivery_id)
WHERE state = 'pending';

CREATE INDEX webhook_delivery_ended ON webhook_delivery (updated_at) WHERE state <> 'pending';

-- A record is due when it is new, when what it says has changed, and when its answer is found.
CREATE FUNCTION feedback_tells_v1() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT 1 FROM webhook w WHERE w.tenant = NEW.tenant AND w.enabled = 1) THEN
        INSERT INTO webhook_due (tenant, feedback_id) VALUES (NEW.tenant, NEW.feedback_id);
    END IF;
    RETURN NULL;
END
$$;

CREATE TRIGGER feedback_tells AFTER INSERT ON feedback
FOR EACH ROW EXECUTE FUNCTION feedback_tells_v1();

CREATE TRIGGER feedback_tells_again
AFTER UPDATE OF rating, value_num, label, name, agent, agent_type, model, source, superseded_by
ON feedback
FOR EACH ROW WHEN (
    (OLD.rating, OLD.value_num, OLD.label, OLD.name, OLD.agent, OLD.agent_type, OLD.model,
    OLD.source, OLD.superseded_by)
    IS DISTINCT FROM
    (NEW.rating, NEW.value_num, NEW.label, NEW.name, NEW.agent, NEW.agent_type, NEW.model,
    NEW.source, NEW.superseded_by)
) EXECUTE FUNCTION feedback_tells_v1();
-- Keys: what is kept of each, which is never the secret.

CREATE TABLE api_key (
    key_id TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    tenant TEXT COLLATE "C" NOT NULL,
    name TEXT NOT NULL,
    preset TEXT NOT NULL,
    agent TEXT NOT NULL,
    last_four TEXT NOT NULL,
    pepper_id TEXT NOT NULL,
    digest BYTEA NOT NULL,
    created_by TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    last_used_at BIGINT,
    revoked_at BIGINT,
    replaces TEXT
);

CREATE INDEX api_key_by_creation ON api_key (tenant, created_at, key_id);

-- The audit log, and the links that seal it. Both are only added to.

-- One partition for each month of `at`, made ahead (sql/partitions.py); the default one takes what
-- has none.
CREATE TABLE audit_event (
    seq BIGINT GENERATED ALWAYS AS IDENTITY,
    at BIGINT NOT NULL,
    operation TEXT NOT NULL,
    decision TEXT NOT NULL,
    tenant TEXT COLLATE "C" NOT NULL,
    actor TEXT NOT NULL,
    subject TEXT NOT NULL,
    delegation TEXT NOT NULL,
    resource_type TEXT NOT NULL,
    resource_id TEXT NOT NULL,
    reason TEXT NOT NULL,
    status BIGINT NOT NULL,
    credential_id TEXT NOT NULL,
    peer TEXT NOT NULL,
    request_id TEXT NOT NULL,
    trace_id TEXT NOT NULL,
    count BIGINT NOT NULL,
    PRIMARY KEY (seq, at)
) PARTITION BY RANGE (at);

CREATE INDEX audit_event_by_time ON audit_event (tenant, at, seq);

CREATE TABLE audit_event_other PARTITION OF audit_event DEFAULT;

CREATE TABLE audit_seal (
    tenant TEXT COLLATE "C" NOT NULL,
    n BIGINT NOT NULL,
    seq BIGINT NOT NULL,
    key_id TEXT NOT NULL,
    mac BYTEA NOT NULL,
    sealed_at BIGINT NOT NULL,
    PRIMARY KEY (tenant, n)
);

CREATE UNIQUE INDEX audit_seal_by_event ON audit_seal (seq);

CREATE FUNCTION audit_is_kept_v1() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'the audit log is only added to' USING ERRCODE = 'insufficient_privilege';
END
$$;

CREATE TRIGGER audit_event_is_kept BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_event
FOR EACH STATEMENT EXECUTE FUNCTION audit_is_kept_v1();

-- A trigger of the table refuses nothing that is done to a partition by its own name.
CREATE TRIGGER audit_event_other_is_kept BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_event_other
FOR EACH STATEMENT EXECUTE FUNCTION audit_is_kept_v1();

CREATE TRIGGER audit_seal_is_kept BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_seal
FOR EACH STATEMENT EXECUTE FUNCTION audit_is_kept_v1();

-- Where the chain of a tenant was cut when old events were pruned.
CREATE TABLE audit_cut (
    tenant TEXT COLLATE "C" NOT NULL,
    n BIGINT NOT NULL,
    seq BIGINT NOT NULL,
    head BYTEA NOT NULL,
    pruned_before BIGINT NOT NULL,
    cut_at BIGINT NOT NULL,
    key_id TEXT NOT NULL,
    mac BYTEA NOT NULL,
    PRIMARY KEY (tenant, n)
);

CREATE TRIGGER audit_cut_is_kept BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_cut
FOR EACH STATEMENT EXECUTE FUNCTION audit_is_kept_v1();

-- Whoever adds events says so before the first of them gets its place, and until all can be seen.
-- Who seals asks whether anybody does: sequences are handed out in order, and commit in any.
CREATE FUNCTION audit_is_added_v1() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_advisory_xact_lock_shared(1096107092);
    RETURN NULL;
END
$$;

CREATE TRIGGER audit_event_is_added BEFORE INSERT ON audit_event
FOR EACH STATEMENT EXECUTE FUNCTION audit_is_added_v1();

CREATE TABLE redaction_policy (
    tenant TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    capture TEXT,
    rule_groups TEXT,
    updated_at BIGINT NOT NULL,
    updated_by TEXT NOT NULL
);

-- Agents that may call, and whom issuers know as one of them.

CREATE TABLE agent (
    tenant TEXT COLLATE "C" NOT NULL,
    agent TEXT COLLATE "C" NOT NULL,
    status TEXT NOT NULL CHECK (status IN ('active', 'disabled')),
    agent_types TEXT NOT NULL,
    created_by TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    PRIMARY KEY (tenant, agent)
);

CREATE TABLE agent_binding (
    kind TEXT COLLATE "C" NOT NULL CHECK (kind IN ('oidc_client', 'spiffe', 'k8s_sa')),
    issuer TEXT COLLATE "C" NOT NULL,
    subject TEXT COLLATE "C" NOT NULL,
    binding_id TEXT COLLATE "C" NOT NULL,
    tenant TEXT COLLATE "C" NOT NULL,
    agent TEXT COLLATE "C" NOT NULL,
    created_by TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (kind, issuer, subject)
);

CREATE INDEX agent_binding_by_agent ON agent_binding (tenant, agent, created_at, binding_id);

-- Erasures: whose data was erased, how far that is, and what was counted; what finds it. Daily use.

-- One erasure, and what it did so far. Until busy_until a process works on it.
CREATE TABLE erasure (
    tenant TEXT COLLATE "C" NOT NULL,
    erasure_id TEXT COLLATE "C" NOT NULL,
    erased_user TEXT COLLATE "C" NOT NULL,
    asked_by TEXT NOT NULL,
    stage TEXT NOT NULL,
    sessions BIGINT NOT NULL,
    messages BIGINT NOT NULL,
    blanked_messages BIGINT NOT NULL,
    feedback BIGINT NOT NULL,
    blanked_feedback BIGINT NOT NULL,
    traces BIGINT NOT NULL,
    spans BIGINT NOT NULL,
    logs BIGINT NOT NULL,
    started_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    finished_at BIGINT,
    busy_until BIGINT NOT NULL,
    PRIMARY KEY (tenant, erasure_id)
);

CREATE INDEX erasure_by_start ON erasure (tenant, started_at, erasure_id);

CREATE INDEX erasure_running ON erasure (busy_until) WHERE finished_at IS NULL;

CREATE INDEX erasure_by_user ON erasure (tenant, erased_user) WHERE finished_at IS NULL;

-- What was written on behalf of a user; rows of nobody in particular are not in these.
CREATE INDEX participant_by_user ON participant (tenant, owner_user, session_id)
WHERE owner_user <> '';

CREATE INDEX session_event_by_user ON session_event (tenant, owner_user, session_id, seq)
WHERE owner_user <> '';

CREATE INDEX trace_part_by_user ON trace_part (tenant, owner_user, trace_id)
WHERE owner_user <> '';

CREATE INDEX span_by_user ON span (tenant, owner_user, trace_id) WHERE owner_user <> '';

CREATE INDEX span_log_by_user ON span_log (tenant, owner_user, trace_id) WHERE owner_user <> '';

-- What an agent judged for a user is nobody's vote, and so has another user in it.
CREATE INDEX feedback_judged_for ON feedback (tenant, owner_user, feedback_id)
WHERE owner_user <> '' AND owner_user <> user_id;

CREATE INDEX webhook_delivery_by_score ON webhook_delivery (tenant, score_id)
WHERE score_id IS NOT NULL;

-- Spans and bytes of traces that an agent sent on a UTC day.
CREATE TABLE usage_day (
    tenant TEXT COLLATE "C" NOT NULL,
    day BIGINT NOT NULL,
    agent TEXT COLLATE "C" NOT NULL,
    spans BIGINT NOT NULL,
    bytes BIGINT NOT NULL,
    PRIMARY KEY (tenant, day, agent)
);

CREATE INDEX usage_day_by_day ON usage_day (day);

-- Tenants: who there is, where COMMONHOLD_TENANCY is `required`.

CREATE TABLE tenant (
    tenant TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    status TEXT COLLATE "C" NOT NULL CHECK (status IN ('active', 'disabled')),
    created_at BIGINT NOT NULL
);

-- A parameter of this domain makes the setting that policies compare the tenant of a row with,
-- until the transaction ends. It is made when Postgres takes the parameter: before it executes.
CREATE DOMAIN commonhold_tenant AS TEXT
CHECK (pg_catalog.set_config('commonhold.tenant', VALUE, true) = VALUE);
