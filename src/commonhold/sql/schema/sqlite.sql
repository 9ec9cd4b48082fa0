-- The whole current schema: what a new install ends up with. The migrations add up to it.

-- Sessions: a log of messages and events with many writers, and what is counted beside it.

CREATE TABLE session (
    tenant TEXT NOT NULL,
    session_id TEXT NOT NULL,
    owner_agent TEXT NOT NULL,
    owner_user TEXT NOT NULL,
    actor TEXT NOT NULL,
    delegation TEXT NOT NULL CHECK (delegation IN ('self', 'verified', 'asserted', 'anonymous')),
    title TEXT,
    metadata TEXT NOT NULL,
    parent_session_id TEXT,
    forked_at_message_id TEXT,
    message_count INTEGER NOT NULL,
    head_seq INTEGER NOT NULL,
    version INTEGER NOT NULL,
    chain BLOB,
    cost_data TEXT NOT NULL,
    state TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    holder TEXT NOT NULL DEFAULT '',
    lease_token INTEGER NOT NULL DEFAULT 0,
    lease_holder TEXT,
    lease_until INTEGER NOT NULL DEFAULT 0,
    is_waiting INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (tenant, session_id)
) STRICT, WITHOUT ROWID;

CREATE INDEX session_by_creation ON session (tenant, created_at, session_id);

CREATE INDEX session_by_agent ON session (tenant, owner_agent, created_at, session_id);

CREATE INDEX session_by_user ON session (tenant, owner_user, created_at, session_id);

CREATE INDEX session_by_parent ON session (tenant, parent_session_id, created_at, session_id)
WHERE parent_session_id IS NOT NULL;

CREATE TABLE message (
    tenant TEXT NOT NULL,
    session_id TEXT NOT NULL,
    seq INTEGER NOT NULL,
    place INTEGER NOT NULL,
    message_id TEXT NOT NULL,
    match_key TEXT NOT NULL,
    role TEXT,
    owner_agent TEXT NOT NULL,
    owner_user TEXT NOT NULL,
    actor TEXT NOT NULL,
    delegation TEXT NOT NULL CHECK (delegation IN ('self', 'verified', 'asserted', 'anonymous')),
    content TEXT NOT NULL,
    digest BLOB NOT NULL,
    version INTEGER NOT NULL,
    superseded_version INTEGER,
    created_at INTEGER NOT NULL,
    superseded_at INTEGER,
    tools TEXT,
    PRIMARY KEY (tenant, session_id, seq)
) STRICT, WITHOUT ROWID;

CREATE INDEX message_live ON message (tenant, session_id, place) WHERE superseded_at IS NULL;

CREATE INDEX message_by_id ON message (tenant, session_id, message_id);

CREATE TABLE session_event (
    tenant TEXT NOT NULL,
    session_id TEXT NOT NULL,
    seq INTEGER NOT NULL,
    kind TEXT NOT NULL,
    owner_agent TEXT NOT NULL,
    owner_user TEXT NOT NULL,
    actor TEXT NOT NULL,
    delegation TEXT NOT NULL CHECK (delegation IN ('self', 'verified', 'asserted', 'anonymous')),
    data TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    PRIMARY KEY (tenant, session_id, seq)
) STRICT, WITHOUT ROWID;

-- Keys that the service made for itself: every replica signs with the same, after a restart too.

CREATE TABLE service_key (
    purpose TEXT NOT NULL,
    secret TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    PRIMARY KEY (purpose)
) STRICT, WITHOUT ROWID;

-- Requests with an idempotency key: what a repeated one was answered the first time.

CREATE TABLE session_request (
    tenant TEXT NOT NULL,
    session_id TEXT NOT NULL,
    mark TEXT NOT NULL,
    asked TEXT NOT NULL,
    answer TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    PRIMARY KEY (tenant, session_id, mark)
) STRICT, WITHOUT ROWID;

-- Traces: one summary row each, one part per author of a native post, one row per span.

CREATE TABLE trace (
    tenant TEXT NOT NULL,
    trace_id TEXT NOT NULL,
    session_id TEXT,
    started_at INTEGER NOT NULL,
    ended_at INTEGER,
    model TEXT,
    status TEXT NOT NULL,
    duration_ns INTEGER,
    span_count INTEGER NOT NULL,
    error_count INTEGER NOT NULL,
    tool_calls INTEGER NOT NULL,
    prompt_tokens INTEGER,
    completion_tokens INTEGER,
    agents TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    day INTEGER NOT NULL DEFAULT 0,
    name TEXT NOT NULL DEFAULT '',
    user_id TEXT,
    environment TEXT,
    llm_calls INTEGER NOT NULL DEFAULT 0,
    cached_tokens INTEGER,
    reasoning_tokens INTEGER,
    cost_nano INTEGER,
    models TEXT NOT NULL DEFAULT '[]',
    labels TEXT NOT NULL DEFAULT '[]',
    is_ahead INTEGER NOT NULL DEFAULT 0,
    thumbs_up INTEGER NOT NULL DEFAULT 0,
    thumbs_down INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (tenant, trace_id)
) STRICT, WITHOUT ROWID;

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
    tenant TEXT NOT NULL,
    trace_id TEXT NOT NULL,
    owner_agent TEXT NOT NULL,
    owner_user TEXT NOT NULL,
    actor TEXT NOT NULL,
    delegation TEXT NOT NULL CHECK (delegation IN ('self', 'verified', 'asserted', 'anonymous')),
    started_at INTEGER NOT NULL,
    ended_at INTEGER,
    model TEXT,
    session_id TEXT,
    status TEXT NOT NULL,
    updated_at INTEGER NOT NULL,
    PRIMARY KEY (tenant, trace_id, owner_agent)
) STRICT, WITHOUT ROWID;

-- With a rowid: large rows are appended, and only their keys are kept in order.
CREATE TABLE span (
    tenant TEXT NOT NULL,
    day INTEGER NOT NULL,
    trace_id TEXT NOT NULL,
    span_id TEXT NOT NULL,
    parent_span_id TEXT,
    owner_agent TEXT NOT NULL,
    owner_user TEXT NOT NULL,
    actor TEXT NOT NULL,
    delegation TEXT NOT NULL CHECK (delegation IN ('self', 'verified', 'asserted', 'anonymous')),
    name TEXT NOT NULL,
    status TEXT NOT NULL,
    start_ns INTEGER NOT NULL,
    end_ns INTEGER,
    native_start REAL,
    native_end REAL,
    gist TEXT NOT NULL,
    emitter TEXT,
    otel TEXT,
    attributes TEXT NOT NULL,
    events TEXT NOT NULL,
    PRIMARY KEY (tenant, day, trace_id, span_id)
) STRICT;

CREATE TABLE span_emitter (
    tenant TEXT NOT NULL,
    emitter TEXT NOT NULL,
    content TEXT NOT NULL,
    PRIMARY KEY (tenant, emitter)
) STRICT, WITHOUT ROWID;

CREATE TABLE span_log (
    tenant TEXT NOT NULL,
    trace_id TEXT NOT NULL,
    log_id TEXT NOT NULL,
    span_id TEXT,
    owner_agent TEXT NOT NULL,
    owner_user TEXT NOT NULL,
    actor TEXT NOT NULL,
    delegation TEXT NOT NULL CHECK (delegation IN ('self', 'verified', 'asserted', 'anonymous')),
    name TEXT NOT NULL,
    time_ns INTEGER NOT NULL,
    gist TEXT NOT NULL,
    emitter TEXT,
    attributes TEXT NOT NULL,
    body TEXT NOT NULL,
    PRIMARY KEY (tenant, trace_id, log_id)
) STRICT;

CREATE TABLE trace_label (
    tenant TEXT NOT NULL,
    label TEXT NOT NULL,
    started_at INTEGER NOT NULL,
    trace_id TEXT NOT NULL,
    PRIMARY KEY (tenant, label, started_at, trace_id)
) STRICT, WITHOUT ROWID;

CREATE TABLE trace_agent (
    tenant TEXT NOT NULL,
    agent TEXT NOT NULL,
    started_at INTEGER NOT NULL,
    trace_id TEXT NOT NULL,
    version TEXT NOT NULL,
    instance TEXT NOT NULL,
    is_error INTEGER NOT NULL,
    duration_ns INTEGER,
    span_count INTEGER NOT NULL,
    prompt_tokens INTEGER,
    completion_tokens INTEGER,
    cost_nano INTEGER,
    PRIMARY KEY (tenant, agent, started_at, trace_id)
) STRICT, WITHOUT ROWID;

CREATE TABLE agent_instance (
    tenant TEXT NOT NULL,
    agent TEXT NOT NULL,
    version TEXT NOT NULL,
    instance TEXT NOT NULL,
    first_seen_at INTEGER NOT NULL,
    last_seen_at INTEGER NOT NULL,
    PRIMARY KEY (tenant, agent, version, instance)
) STRICT, WITHOUT ROWID;

-- What is still to be done about committed spans: to index their words, to send them on.
CREATE TABLE span_job (
    job_id INTEGER PRIMARY KEY,
    kind TEXT NOT NULL CHECK (kind IN ('index', 'forward')),
    tenant TEXT NOT NULL,
    day INTEGER NOT NULL,
    spans TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    due_at INTEGER NOT NULL
) STRICT;

CREATE INDEX span_job_by_kind ON span_job (kind, job_id);

CREATE TABLE span_text (
    text_id INTEGER PRIMARY KEY,
    tenant TEXT NOT NULL,
    day INTEGER NOT NULL,
    trace_id TEXT NOT NULL,
    span_id TEXT NOT NULL,
    words TEXT NOT NULL
, started_at INTEGER NOT NULL DEFAULT 0, times TEXT GENERATED ALWAYS AS (
    printf(
        '_t%x _t%x _t%x _t%x _t%x _t%x _t%x', (started_at >> 20) << 3,
        (started_at >> 24) << 3 | 1, (started_at >> 28) << 3 | 2, (started_at >> 32) << 3 | 3,
        (started_at >> 36) << 3 | 4, (started_at >> 40) << 3 | 5, (started_at >> 44) << 3 | 6
    )
) VIRTUAL) STRICT;

CREATE UNIQUE INDEX span_text_by_span ON span_text (tenant, day, trace_id, span_id);

CREATE VIRTUAL TABLE span_words USING fts5(
    words, times, content = 'span_text', content_rowid = 'text_id', detail = none, columnsize = 0,
    tokenize = "unicode61 remove_diacritics 0 tokenchars '_'"
);

CREATE TRIGGER span_text_added AFTER INSERT ON span_text BEGIN
    INSERT INTO span_words (rowid, words, times) VALUES (new.text_id, new.words, new.times);
END;

CREATE TRIGGER span_text_changed AFTER UPDATE OF words, started_at ON span_text BEGIN
    INSERT INTO span_words (span_words, rowid, words, times)
    VALUES ('delete', old.text_id, old.words, old.times);
    INSERT INTO span_words (rowid, words, times) VALUES (new.text_id, new.words, new.times);
END;

CREATE TRIGGER span_text_removed AFTER DELETE ON span_text BEGIN
    INSERT INTO span_words (span_words, rowid, words, times)
    VALUES ('delete', old.text_id, old.words, old.times);
END;

-- Turns: who holds a session, who took part, what it can be found by, and which calls are open.

CREATE INDEX session_by_holder ON session (tenant, holder, created_at, session_id);

CREATE INDEX session_running ON session (tenant, created_at, session_id)
WHERE lease_holder IS NOT NULL;

CREATE INDEX session_waiting ON session (tenant, created_at, session_id)
WHERE is_waiting = 1;

CREATE INDEX message_tools ON message (tenant, session_id, place, tools)
WHERE tools IS NOT NULL AND superseded_at IS NULL;

CREATE TABLE participant (
    tenant TEXT NOT NULL,
    session_id TEXT NOT NULL,
    owner_agent TEXT NOT NULL,
    owner_user TEXT NOT NULL,
    session_at INTEGER NOT NULL,
    message_count INTEGER NOT NULL,
    first_seq INTEGER NOT NULL,
    last_seq INTEGER NOT NULL,
    first_at INTEGER NOT NULL,
    last_at INTEGER NOT NULL,
    PRIMARY KEY (tenant, session_id, owner_agent, owner_user)
) STRICT, WITHOUT ROWID;

CREATE INDEX participant_by_agent ON participant (tenant, owner_agent, session_at, session_id);

CREATE TABLE session_label (
    tenant TEXT NOT NULL,
    session_id TEXT NOT NULL,
    label TEXT NOT NULL,
    session_at INTEGER NOT NULL,
    PRIMARY KEY (tenant, session_id, label)
) STRICT, WITHOUT ROWID;

CREATE INDEX session_label_by_label ON session_label (tenant, label, session_at, session_id);

CREATE TABLE message_text (
    text_id INTEGER PRIMARY KEY,
    tenant TEXT NOT NULL,
    session_id TEXT NOT NULL,
    seq INTEGER NOT NULL,
    words TEXT NOT NULL
) STRICT;

CREATE UNIQUE INDEX message_text_by_seq ON message_text (tenant, session_id, seq);

CREATE VIRTUAL TABLE message_words USING fts5(
    words, content = 'message_text', content_rowid = 'text_id', detail = none, columnsize = 0,
    tokenize = "unicode61 remove_diacritics 0 tokenchars '_'"
);

CREATE TRIGGER message_text_added AFTER INSERT ON message_text BEGIN
    INSERT INTO message_words (rowid, words) VALUES (new.text_id, new.words);
END;

CREATE TRIGGER message_text_removed AFTER DELETE ON message_text BEGIN
    INSERT INTO message_words (message_words, rowid, words)
    VALUES ('delete', old.text_id, old.words);
END;

-- Feedback: thumbs and scores, bound to the turn they are about. What is counted is kept by
-- triggers, so that no write can forget it.

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

-- Conditions are JSON. fired_at is set while a ratio is bad; until busy_until a process delivers.
CREATE TABLE webhook (
    tenant TEXT NOT NULL,
    webhook_id TEXT NOT NULL,
    url TEXT NOT NULL,
    conditions TEXT NOT NULL,
    secret TEXT NOT NULL,
    enabled INTEGER NOT NULL,
    disabled_because TEXT,
    created_by TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    fired_at INTEGER,
    busy_until INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (tenant, webhook_id)
) STRICT, WITHOUT ROWID;

CREATE INDEX webhook_enabled ON webhook (tenant, webhook_id) WHERE enabled = 1;

CREATE INDEX webhook_idle ON webhook (busy_until) WHERE enabled = 1;

CREATE INDEX webhook_fired ON webhook (fired_at) WHERE fired_at IS NOT NULL;

-- Scores that were written and have not been held against the conditions yet.
CREATE TABLE webhook_due (
    due_id INTEGER PRIMARY KEY,
    tenant TEXT NOT NULL,
    feedback_id TEXT NOT NULL
) STRICT;

CREATE TABLE webhook_delivery (
    tenant TEXT NOT NULL,
    webhook_id TEXT NOT NULL,
    delivery_id TEXT NOT NULL,
    event TEXT NOT NULL,
    score_id TEXT,
    state TEXT NOT NULL CHECK (state IN ('pending', 'delivered', 'dead')),
    attempts INTEGER NOT NULL,
    due_at INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    status INTEGER,
    error TEXT,
    payload TEXT NOT NULL,
    PRIMARY KEY (tenant, webhook_id, delivery_id)
) STRICT, WITHOUT ROWID;

CREATE INDEX webhook_delivery_by_creation
ON webhook_delivery (tenant, webhook_id, created_at, delivery_id);

CREATE INDEX webhook_delivery_by_state
ON webhook_delivery (tenant, webhook_id, state, created_at, delivery_id);

CREATE INDEX webhook_delivery_due ON webhook_delivery (tenant, webhook_id, due_at, delivery_id)
WHERE state = 'pending';

CREATE INDEX webhook_delivery_ended ON webhook_delivery (updated_at) WHERE state <> 'pending';

-- A record is due when it is new, when what it says has changed, and when its answer is found.
CREATE TRIGGER feedback_tells AFTER INSERT ON feedback
WHEN EXISTS (SELECT 1 FROM webhook w WHERE w.tenant = NEW.tenant AND w.enabled = 1)
BEGIN
    INSERT INTO webhook_due (tenant, feedback_id) VALUES (NEW.tenant, NEW.feedback_id);
END;

CREATE TRIGGER feedback_tells_again
AFTER UPDATE OF rating, value_num, label, name, agent, agent_type, model, source, superseded_by
ON feedback
WHEN (
    OLD.rating, OLD.value_num, OLD.label, OLD.name, OLD.agent, OLD.agent_type, OLD.model,
    OLD.source, OLD.superseded_by
) IS NOT (
    NEW.rating, NEW.value_num, NEW.label, NEW.name, NEW.agent, NEW.agent_type, NEW.model,
    NEW.source, NEW.superseded_by
) AND EXISTS (SELECT 1 FROM webhook w WHERE w.tenant = NEW.tenant AND w.enabled = 1)
BEGIN
    INSERT INTO webhook_due (tenant, feedback_id) VALUES (NEW.tenant, NEW.feedback_id);
END;
-- Keys: what is kept of each, which is never the secret.

CREATE TABLE api_key (
    key_id TEXT NOT NULL PRIMARY KEY,
    tenant TEXT NOT NULL,
    name TEXT NOT NULL,
    preset TEXT NOT NULL,
    agent TEXT NOT NULL,
    last_four TEXT NOT NULL,
    pepper_id TEXT NOT NULL,
    digest BLOB NOT NULL,
    created_by TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    last_used_at INTEGER,
    revoked_at INTEGER,
    replaces TEXT
) STRICT, WITHOUT ROWID;

CREATE INDEX api_key_by_creation ON api_key (tenant, created_at, key_id);

-- The audit log, and the links that seal it. Both are only added to.

-- AUTOINCREMENT, so that the place of an event that was taken away is not given to another.
CREATE TABLE audit_event (
    seq INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    at INTEGER NOT NULL,
    operation TEXT NOT NULL,
    decision TEXT NOT NULL,
    tenant TEXT NOT NULL,
    actor TEXT NOT NULL,
    subject TEXT NOT NULL,
    delegation TEXT NOT NULL,
    resource_type TEXT NOT NULL,
    resource_id TEXT NOT NULL,
    reason TEXT NOT NULL,
    status INTEGER NOT NULL,
    credential_id TEXT NOT NULL,
    peer TEXT NOT NULL,
    request_id TEXT NOT NULL,
    trace_id TEXT NOT NULL,
    count INTEGER NOT NULL
) STRICT;

CREATE INDEX audit_event_by_time ON audit_event (tenant, at, seq);

CREATE TABLE audit_seal (
    tenant TEXT NOT NULL,
    n INTEGER NOT NULL,
    seq INTEGER NOT NULL,
    key_id TEXT NOT NULL,
    mac BLOB NOT NULL,
    sealed_at INTEGER NOT NULL,
    PRIMARY KEY (tenant, n)
) STRICT, WITHOUT ROWID;

CREATE UNIQUE INDEX audit_seal_by_event ON audit_seal (seq);

CREATE TRIGGER audit_event_is_not_changed BEFORE UPDATE ON audit_event BEGIN
    SELECT RAISE(ABORT, 'the audit log is only added to');
END;

CREATE TRIGGER audit_event_is_not_removed BEFORE DELETE ON audit_event BEGIN
    SELECT RAISE(ABORT, 'the audit log is only added to');
END;

CREATE TRIGGER audit_seal_is_not_changed BEFORE UPDATE ON audit_seal BEGIN
    SELECT RAISE(ABORT, 'the audit log is only added to');
END;

CREATE TRIGGER audit_seal_is_not_removed BEFORE DELETE ON audit_seal BEGIN
    SELECT RAISE(ABORT, 'the audit log is only added to');
END;

-- Where the chain of a tenant was cut when old events were pruned. Rows are only added.
CREATE TABLE audit_cut (
    tenant TEXT NOT NULL,
    n INTEGER NOT NULL,
    seq INTEGER NOT NULL,
    head BLOB NOT NULL,
    pruned_before INTEGER NOT NULL,
    cut_at INTEGER NOT NULL,
    key_id TEXT NOT NULL,
    mac BLOB NOT NULL,
    PRIMARY KEY (tenant, n)
) STRICT, WITHOUT ROWID;

CREATE TRIGGER audit_cut_is_not_changed BEFORE UPDATE ON audit_cut BEGIN
    SELECT RAISE(ABORT, 'the audit log is only added to');
END;

CREATE TRIGGER audit_cut_is_not_removed BEFORE DELETE ON audit_cut BEGIN
    SELECT RAISE(ABORT, 'the audit log is only added to');
END;

CREATE TABLE redaction_policy (
    tenant TEXT NOT NULL PRIMARY KEY,
    capture TEXT,
    rule_groups TEXT,
    updated_at INTEGER NOT NULL,
    updated_by TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- Agents that may call, and whom issuers know as one of them.

CREATE TABLE agent (
    tenant TEXT NOT NULL,
    agent TEXT NOT NULL,
    status TEXT NOT NULL CHECK (status IN ('active', 'disabled')),
    agent_types TEXT NOT NULL,
    created_by TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    PRIMARY KEY (tenant, agent)
) STRICT, WITHOUT ROWID;

CREATE TABLE agent_binding (
    kind TEXT NOT NULL CHECK (kind IN ('oidc_client', 'spiffe', 'k8s_sa')),
    issuer TEXT NOT NULL,
    subject TEXT NOT NULL,
    binding_id TEXT NOT NULL,
    tenant TEXT NOT NULL,
    agent TEXT NOT NULL,
    created_by TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    PRIMARY KEY (kind, issuer, subject)
) STRICT, WITHOUT ROWID;

CREATE INDEX agent_binding_by_agent ON agent_binding (tenant, agent, created_at, binding_id);

-- Erasures: whose data was erased, how far that is, and what was counted; what finds it. Daily use.

-- One erasure, and what it did so far. Until busy_until a process works on it.
CREATE TABLE erasure (
    tenant TEXT NOT NULL,
    erasure_id TEXT NOT NULL,
    erased_user TEXT NOT NULL,
    asked_by TEXT NOT NULL,
    stage TEXT NOT NULL,
    sessions INTEGER NOT NULL,
    messages INTEGER NOT NULL,
    blanked_messages INTEGER NOT NULL,
    feedback INTEGER NOT NULL,
    blanked_feedback INTEGER NOT NULL,
    traces INTEGER NOT NULL,
    spans INTEGER NOT NULL,
    logs INTEGER NOT NULL,
    started_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    finished_at INTEGER,
    busy_until INTEGER NOT NULL,
    PRIMARY KEY (tenant, erasure_id)
) STRICT, WITHOUT ROWID;

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
    tenant TEXT NOT NULL,
    day INTEGER NOT NULL,
    agent TEXT NOT NULL,
    spans INTEGER NOT NULL,
    bytes INTEGER NOT NULL,
    PRIMARY KEY (tenant, day, agent)
) STRICT, WITHOUT ROWID;

CREATE INDEX usage_day_by_day ON usage_day (day);

-- Tenants: who there is, where COMMONHOLD_TENANCY is `required`.

CREATE TABLE tenant (
    tenant TEXT NOT NULL PRIMARY KEY,
    status TEXT NOT NULL CHECK (status IN ('active', 'disabled')),
    created_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- Of a table that nobody analysed SQLite takes it that ten rows have one value of the first column of
-- a key, and looks for something else that is known of a row among all rows of the tenant. It is told
-- that a tenant has a million, by the statistics of ANALYZE: table, index, and how many rows there
-- are, and have the same first column, the same first two, and so on. Real ones are left.

ANALYZE sqlite_schema;

INSERT INTO sqlite_stat1 (tbl, idx, stat)
SELECT k.tbl, k.tbl, k.stat FROM (
    SELECT 'feedback' AS tbl, '1000000 1000000 1' AS stat
    UNION ALL SELECT 'trace', '1000000 1000000 1'
    UNION ALL SELECT 'participant', '1000000 1000000 10 10 1'
    UNION ALL SELECT 'session_event', '1000000 1000000 10 1'
) AS k
WHERE NOT EXISTS (SELECT 1 FROM sqlite_stat1 s WHERE s.tbl = k.tbl);

ANALYZE sqlite_schema;
