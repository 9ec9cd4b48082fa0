-- Traces of any OpenTelemetry exporter: spans by day, and what traces are found by.

ALTER TABLE trace ADD COLUMN day INTEGER NOT NULL DEFAULT 0;
ALTER TABLE trace ADD COLUMN name TEXT NOT NULL DEFAULT '';
ALTER TABLE trace ADD COLUMN user_id TEXT;
ALTER TABLE trace ADD COLUMN environment TEXT;
ALTER TABLE trace ADD COLUMN llm_calls INTEGER NOT NULL DEFAULT 0;
ALTER TABLE trace ADD COLUMN cached_tokens INTEGER;
ALTER TABLE trace ADD COLUMN reasoning_tokens INTEGER;
ALTER TABLE trace ADD COLUMN cost_nano INTEGER;
ALTER TABLE trace ADD COLUMN models TEXT NOT NULL DEFAULT '[]';
ALTER TABLE trace ADD COLUMN labels TEXT NOT NULL DEFAULT '[]';
ALTER TABLE trace ADD COLUMN is_ahead INTEGER NOT NULL DEFAULT 0;
ALTER TABLE trace ADD COLUMN thumbs_up INTEGER NOT NULL DEFAULT 0;
ALTER TABLE trace ADD COLUMN thumbs_down INTEGER NOT NULL DEFAULT 0;

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

ALTER TABLE span RENAME TO span_before;

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

INSERT INTO span
SELECT s.tenant, t.day, s.trace_id, s.span_id, s.parent_span_id, s.owner_agent, s.owner_user,
    s.actor, s.delegation, s.name, s.status, s.start_ns, s.end_ns, s.native_start, s.native_end,
    '["' || s.kind || '",' || coalesce(CAST(s.prompt_tokens AS TEXT), 'null') || ','
        || coalesce(CAST(s.completion_tokens AS TEXT), 'null') || ']',
    NULL, NULL, s.attributes, s.events
FROM span_before s JOIN trace t ON t.tenant = s.tenant AND t.trace_id = s.trace_id;

DROP TABLE span_before;

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
) STRICT;

CREATE UNIQUE INDEX span_text_by_span ON span_text (tenant, day, trace_id, span_id);

CREATE VIRTUAL TABLE span_words USING fts5(
    words, content = 'span_text', content_rowid = 'text_id', detail = none, columnsize = 0,
    tokenize = "unicode61 remove_diacritics 0 tokenchars '_'"
);

CREATE TRIGGER span_text_added AFTER INSERT ON span_text BEGIN
    INSERT INTO span_words (rowid, words) VALUES (new.text_id, new.words);
END;

CREATE TRIGGER span_text_changed AFTER UPDATE OF words ON span_text BEGIN
    INSERT INTO span_words (span_words, rowid, words) VALUES ('delete', old.text_id, old.words);
    INSERT INTO span_words (rowid, words) VALUES (new.text_id, new.words);
END;

CREATE TRIGGER span_text_removed AFTER DELETE ON span_text BEGIN
    INSERT INTO span_words (span_words, rowid, words) VALUES ('delete', old.text_id, old.words);
END;

CREATE TRIGGER trace_voted AFTER INSERT ON feedback WHEN NEW.trace_id IS NOT NULL
BEGIN
    UPDATE trace SET thumbs_up = thumbs_up + (NEW.rating = 1),
        thumbs_down = thumbs_down + (NEW.rating = -1)
    WHERE tenant = NEW.tenant AND trace_id = NEW.trace_id;
END;

CREATE TRIGGER trace_voted_again AFTER UPDATE OF rating, trace_id ON feedback
BEGIN
    UPDATE trace SET thumbs_up = thumbs_up - (OLD.rating = 1),
        thumbs_down = thumbs_down - (OLD.rating = -1)
    WHERE tenant = OLD.tenant AND trace_id = OLD.trace_id;
    UPDATE trace SET thumbs_up = thumbs_up + (NEW.rating = 1),
        thumbs_down = thumbs_down + (NEW.rating = -1)
    WHERE tenant = NEW.tenant AND trace_id = NEW.trace_id;
END;

CREATE TRIGGER trace_unvoted AFTER DELETE ON feedback WHEN OLD.trace_id IS NOT NULL
BEGIN
    UPDATE trace SET thumbs_up = thumbs_up - (OLD.rating = 1),
        thumbs_down = thumbs_down - (OLD.rating = -1)
    WHERE tenant = OLD.tenant AND trace_id = OLD.trace_id;
END;
