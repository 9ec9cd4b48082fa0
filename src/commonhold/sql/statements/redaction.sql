-- What each tenant has different from the service in how it is redacted.

-- name: get_redaction hot
-- The policy of a tenant. Primary key.
SELECT capture, rule_groups, updated_at, updated_by FROM redaction_policy WHERE tenant = :tenant;

-- name: put_redaction
-- A policy in the place of the one before. Primary key.
INSERT INTO redaction_policy (tenant, capture, rule_groups, updated_at, updated_by)
VALUES (:tenant, :capture, :rule_groups, :updated_at, :updated_by)
ON CONFLICT (tenant) DO UPDATE SET
    capture = excluded.capture, rule_groups = excluded.rule_groups,
    updated_at = excluded.updated_at, updated_by = excluded.updated_by;
