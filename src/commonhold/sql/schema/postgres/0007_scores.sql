-- Scores: feedback in any form, bound to the turn it is about, and counted by what it is about.

DROP TRIGGER feedback_counted ON feedback;
DROP TRIGGER feedback_recounted ON feedback;
DROP TRIGGER trace_voted ON feedback;
DROP FUNCTION feedback_count_v1();
DROP FUNCTION trace_voted_v1();
DROP TABLE feedback_hour;
DROP INDEX feedback_by_rating;
DROP INDEX feedback_by_trace;
DROP INDEX feedback_by_session;

ALTER TABLE feedback
    ALTER COLUMN rating DROP NOT NULL,
    ADD COLUMN span_id TEXT,
    ADD COLUMN message_id TEXT,
    ADD COLUMN response_id TEXT,
    ADD COLUMN name TEXT COLLATE "C" NOT NULL DEFAULT 'user_feedback',
    ADD COLUMN data_type TEXT NOT NULL DEFAULT 'boolean',
    ADD COLUMN value_num DOUBLE PRECISION,
    ADD COLUMN label TEXT COLLATE "C",
    ADD COLUMN value_json TEXT,
    ADD COLUMN source TEXT COLLATE "C" NOT NULL DEFAULT 'human',
    ADD COLUMN source_id TEXT,
    ADD COLUMN identifier TEXT,
    ADD COLUMN metadata TEXT NOT NULL DEFAULT '{}',
    ADD COLUMN environment TEXT,
    ADD COLUMN config_id TEXT,
    ADD COLUMN error TEXT,
    ADD COLUMN state TEXT NOT NULL DEFAULT 'none' CHECK (state IN ('none', 'pending', 'bound')),
    ADD COLUMN turn_session TEXT COLLATE "C",
    ADD COLUMN turn_no BIGINT,
    ADD COLUMN question_seq BIGINT,
    ADD COLUMN turn_seq BIGINT,
    ADD COLUMN turn_message TEXT,
    ADD COLUMN turn_trace TEXT COLLATE "C",
    ADD COLUMN trace_key TEXT COLLATE "C",
    ADD COLUMN agent TEXT COLLATE "C" NOT NULL DEFAULT '',
    ADD COLUMN model TEXT COLLATE "C",
    ADD COLUMN vote_key TEXT COLLATE "C",
    ADD COLUMN superseded_by TEXT,
    ADD COLUMN awaits_trace TEXT COLLATE "C",
    ADD COLUMN awaits_turn TEXT COLLATE "C",
    ADD COLUMN awaits_run TEXT COLLATE "C";

-- The one form of the spellings of a trace id, as `model.binding.trace_key` has it.
CREATE FUNCTION trace_key_v1(trace_id TEXT) RETURNS TEXT LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE WHEN trace_id ~ '^(trace_|tr-)?[0-9a-fA-F]{32}$'
        THEN lower(right(trace_id, 32)) ELSE trace_id END
$$;

UPDATE feedback SET
    value_num = CASE rating WHEN 1 THEN 1.0 ELSE 0.0 END, turn_session = session_id,
    turn_trace = (
        SELECT t.trace_id FROM trace t
        WHERE t.tenant = feedback.tenant AND t.trace_id = feedback.trace_id
    ),
    trace_key = trace_key_v1(trace_id), agent = owner_agent, model = model_id,
    state = CASE
        WHEN trace_id IS NULL AND (session_id IS NULL OR turn_index IS NULL) THEN 'none'
        ELSE 'pending'
    END;

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

-- Old votes are bound like late ones, some at a time; before time began, so that no read waits.
INSERT INTO feedback_due (due_at, tenant, feedback_id)
SELECT -1, tenant, feedback_id FROM feedback WHERE state = 'pending';

-- What comments and corrections are found by.
CREATE TABLE feedback_text (
    tenant TEXT COLLATE "C" NOT NULL,
    feedback_id TEXT COLLATE "C" NOT NULL,
    words TSVECTOR NOT NULL,
    PRIMARY KEY (tenant, feedback_id)
);

CREATE INDEX feedback_words ON feedback_text USING gin (words)
WITH (gin_pending_list_limit = 512);  -- kB, as for message_words
