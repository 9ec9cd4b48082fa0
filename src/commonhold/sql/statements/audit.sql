-- The audit log. Rows are only added: triggers refuse anything else, but of who owns the tables.

-- columns cut: tenant, n, seq, head, pruned_before, cut_at, key_id, mac

-- columns event: at, operation, decision, tenant, actor, subject, delegation, resource_type, resource_id, reason, status, credential_id, peer, request_id, trace_id, count

-- name: add_audit_events
-- Events, in the order in which they come. Primary key.
-- rows: at BIGINT, operation TEXT, decision TEXT, tenant TEXT, actor TEXT, subject TEXT, delegation TEXT, resource_type TEXT, resource_id TEXT, reason TEXT, status BIGINT, credential_id TEXT, peer TEXT, request_id TEXT, trace_id TEXT, count BIGINT
INSERT INTO audit_event ({event})
SELECT r.at, r.operation, r.decision, r.tenant, r.actor, r.subject, r.delegation, r.resource_type,
    r.resource_id, r.reason, r.status, r.credential_id, r.peer, r.request_id, r.trace_id, r.count
FROM {rows};

-- name: list_audit_events
-- A page, newest first. audit_event_by_time.
SELECT seq, {event} FROM audit_event
WHERE tenant = :tenant
    [AND operation = :operation]
    [AND actor = :actor]
    [AND decision = :decision]
    [AND at >= :since]
    [AND at < :until]
    [AND (at, seq) < (:at, :before)]
ORDER BY at DESC, seq DESC LIMIT :limit;

-- name: read_audit_events
-- Events of all tenants in the order in which they were added. Primary key.
SELECT seq, {event} FROM audit_event WHERE seq > :after [AND seq <= :upto]
ORDER BY seq LIMIT :limit;

-- name: read_audit_horizon
-- The last event, where none before it can still appear; else null. Primary key.
-- dialect: sqlite (there is one writer: what it has not added comes later)
SELECT coalesce(max(seq), 0) FROM audit_event;
-- dialect: postgres (who adds an event holds this lock until it can be seen: `audit_is_added_v1`)
SELECT CASE WHEN (SELECT pg_try_advisory_xact_lock(1096107092)) THEN (
    SELECT coalesce(max(seq), 0) FROM audit_event
) END;

-- name: read_audit_tip
-- The last event that has a link. audit_seal_by_event.
SELECT coalesce(max(seq), 0) FROM audit_seal;

-- name: last_audit_link hot
-- The head of a tenant. Primary key.
SELECT tenant, n, seq, key_id, mac FROM audit_seal WHERE tenant = :tenant
ORDER BY n DESC LIMIT 1;

-- name: read_audit_links
-- Links in the order of their events. audit_seal_by_event.
SELECT tenant, n, seq, key_id, mac FROM audit_seal WHERE seq > :after ORDER BY seq LIMIT :limit;

-- name: add_audit_links
-- New links; of two that seal at once, one fails. Primary key.
-- rows: tenant TEXT, n BIGINT, seq BIGINT, key_id TEXT, mac BYTEA
INSERT INTO audit_seal (tenant, n, seq, key_id, mac, sealed_at)
SELECT r.tenant, r.n, r.seq, r.key_id, r.mac, :now FROM {rows};

-- name: count_audit_events
-- Events behind one, of all tenants. Primary key.
SELECT count(*) FROM audit_event WHERE seq > :after [AND at < :before];

-- name: list_audit_cuts
-- Where chains were cut: a row for each tenant and prune. Primary key.
SELECT {cut} FROM audit_cut ORDER BY tenant, n;

-- name: last_audit_cut hot
-- Where the chain of a tenant goes on. Primary key.
SELECT {cut} FROM audit_cut WHERE tenant = :tenant ORDER BY n DESC LIMIT 1;

-- name: add_audit_cuts
-- New cuts; of two that prune at once, one fails. Primary key.
-- rows: tenant TEXT, n BIGINT, seq BIGINT, head BYTEA, pruned_before BIGINT, cut_at BIGINT, key_id TEXT, mac BYTEA
INSERT INTO audit_cut ({cut})
SELECT r.tenant, r.n, r.seq, r.head, r.pruned_before, r.cut_at, r.key_id, r.mac FROM {rows};

-- name: prune_audit_events
-- Events of a tenant up to its cut: those of before its time, which bounds the index. audit_event_by_time.
DELETE FROM audit_event WHERE tenant = :tenant AND at < :before AND seq <= :upto;

-- name: prune_audit_links
-- Links of a tenant up to its cut. Primary key.
DELETE FROM audit_seal WHERE tenant = :tenant AND n <= :upto;
