-- Webhooks: who is told of scores, and the outbox from which that is done.

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
