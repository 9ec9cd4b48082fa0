-- Webhooks, and what is on its way to them.

-- columns webhook: webhook_id, url, conditions, enabled, created_by, created_at, updated_at, disabled_because, fired_at
-- columns delivery: delivery_id, webhook_id, event, score_id, state, attempts, due_at, created_at, updated_at, status, error

-- name: create_webhook
-- A new one. Primary key.
INSERT INTO webhook (
    tenant, webhook_id, url, conditions, secret, enabled, created_by, created_at, updated_at
) VALUES (
    :tenant, :webhook_id, :url, :conditions, :secret, :enabled, :created_by, :now, :now
)
RETURNING {webhook};

-- name: get_webhook hot
-- One of them. Primary key.
SELECT {webhook} FROM webhook WHERE tenant = :tenant AND webhook_id = :webhook_id;

-- name: list_webhooks
-- Those of a tenant, at most a hundred. Primary key.
SELECT {webhook} FROM webhook WHERE tenant = :tenant ORDER BY created_at, webhook_id;

-- name: lock_enabled_webhooks
-- Those that are to be told: none goes away while events are made for it, and a ratio is judged by
-- one process at a time. webhook_enabled.
SELECT {webhook} FROM webhook WHERE tenant = :tenant AND enabled = 1
ORDER BY webhook_id {for_update};

-- name: patch_webhook
-- Change what is given; what is enabled has no reason not to be. Primary key.
UPDATE webhook SET updated_at = :now
    [, url = :url]
    [, conditions = :conditions, fired_at = NULL]
    [, enabled = :enabled, disabled_because = NULL]
WHERE tenant = :tenant AND webhook_id = :webhook_id
RETURNING {webhook};

-- name: delete_webhook
-- Remove it. Primary key.
DELETE FROM webhook WHERE tenant = :tenant AND webhook_id = :webhook_id;

-- name: delete_deliveries
-- Remove what was to be told to it. Primary key.
DELETE FROM webhook_delivery WHERE tenant = :tenant AND webhook_id = :webhook_id;

-- name: list_deliveries
-- A page, newest first, without what was sent. webhook_delivery_by_creation or _by_state.
SELECT {delivery} FROM webhook_delivery
WHERE tenant = :tenant AND webhook_id = :webhook_id [AND state = :state]
    [AND (created_at, delivery_id) < (:at, :id)]
ORDER BY created_at DESC, delivery_id DESC LIMIT :limit;

-- name: retry_delivery
-- All attempts again, from now on. Primary key.
UPDATE webhook_delivery SET state = 'pending', attempts = 0, due_at = :now, updated_at = :now
WHERE tenant = :tenant AND webhook_id = :webhook_id AND delivery_id = :delivery_id
RETURNING {delivery};

-- name: add_deliveries
-- Events to tell; one that was made before is not made again. Primary key.
-- rows: webhook_id TEXT, delivery_id TEXT, event TEXT, score_id TEXT, payload TEXT
INSERT INTO webhook_delivery (
    tenant, webhook_id, delivery_id, event, score_id, state, attempts, due_at, created_at,
    updated_at, payload
)
SELECT :tenant, r.webhook_id, r.delivery_id, r.event, r.score_id, 'pending', 0, :now, :now, :now,
    r.payload
FROM {rows}
{upsert} (tenant, webhook_id, delivery_id) DO NOTHING;

-- name: get_delivery
-- One of them. Primary key.
SELECT {delivery} FROM webhook_delivery
WHERE tenant = :tenant AND webhook_id = :webhook_id AND delivery_id = :delivery_id;

-- name: first_told
-- Whether a score waits to be looked at: asked for before anything is written. Primary key.
SELECT due_id FROM webhook_due WHERE due_id > 0 ORDER BY due_id LIMIT 1;

-- name: take_told
-- The scores that wait longest, ours alone until the transaction ends. Primary key.
SELECT due_id, tenant, feedback_id FROM webhook_due WHERE due_id > 0
ORDER BY due_id LIMIT :limit {skip_locked};

-- name: end_told
-- They were looked at. Primary key.
DELETE FROM webhook_due WHERE due_id {is_one_of};

-- name: fire_webhook hot
-- Its ratio has become bad: nobody else has said so yet. Primary key.
UPDATE webhook SET fired_at = :now
WHERE tenant = :tenant AND webhook_id = :webhook_id AND fired_at IS NULL
RETURNING webhook_id;

-- name: rearm_webhook hot
-- It has become well again. Primary key.
UPDATE webhook SET fired_at = NULL WHERE tenant = :tenant AND webhook_id = :webhook_id;

-- name: list_fired
-- Webhooks of all tenants whose ratio is bad. webhook_fired.
SELECT tenant, webhook_id, conditions FROM webhook WHERE fired_at IS NOT NULL LIMIT 1000;

-- name: list_waiting
-- Webhooks of all tenants that have something to send; who waited longest first. webhook_idle,
-- webhook_delivery_due.
SELECT w.tenant, w.webhook_id FROM webhook w
WHERE w.enabled = 1 AND w.busy_until <= :now AND EXISTS (
    SELECT 1 FROM webhook_delivery d
    WHERE d.tenant = w.tenant AND d.webhook_id = w.webhook_id AND d.state = 'pending'
        AND d.due_at <= :now
)
ORDER BY w.busy_until LIMIT :limit;

-- name: claim_webhook
-- Ours until another time, unless it is somebody's. Primary key.
UPDATE webhook SET busy_until = :until
WHERE tenant = :tenant AND webhook_id = :webhook_id AND enabled = 1 AND busy_until <= :now
RETURNING url, secret;

-- name: release_webhook hot
-- No longer ours; and no longer wanted, where its receiver says so. Primary key.
UPDATE webhook SET busy_until = :now [, enabled = 0, disabled_because = :because]
WHERE tenant = :tenant AND webhook_id = :webhook_id;

-- name: due_deliveries
-- What is to be sent to a receiver now. webhook_delivery_due.
SELECT delivery_id, payload, attempts FROM webhook_delivery
WHERE tenant = :tenant AND webhook_id = :webhook_id AND state = 'pending' AND due_at <= :now
ORDER BY due_at, delivery_id LIMIT :limit;

-- name: end_attempt
-- What came of one. Primary key.
UPDATE webhook_delivery SET state = :state, attempts = attempts + 1, due_at = :due_at,
    updated_at = :now, status = :status, error = :error
WHERE tenant = :tenant AND webhook_id = :webhook_id AND delivery_id = :delivery_id
    AND state = 'pending';

-- name: count_pending
-- How much is under way, of all tenants. webhook_delivery_due.
SELECT count(*) FROM webhook_delivery WHERE state = 'pending' AND tenant > '';

-- name: prune_deliveries
-- Forget what ended before a time. webhook_delivery_ended.
DELETE FROM webhook_delivery WHERE (tenant, webhook_id, delivery_id) IN (
    SELECT tenant, webhook_id, delivery_id FROM webhook_delivery
    WHERE state <> 'pending' AND updated_at < :before LIMIT 1000
);
