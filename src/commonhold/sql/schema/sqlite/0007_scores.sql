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
    CASE
        WHEN trace_id IS NULL AND (session_id IS NULL OR turn_index IS NULL) THEN 'none'
        ELSE 'pending'
    END
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

-- Old votes are bound like late ones, some at a time; before time began, so that no read waits.
INSERT INTO feedback_due (due_at, tenant, feedback_id)
SELECT -1, tenant, feedback_id FROM feedback WHERE state = 'pending';

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
