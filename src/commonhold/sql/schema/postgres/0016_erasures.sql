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
