-- Keys that the service makes for itself, for all tenants.

-- name: make_service_key
-- A key, unless there is one: of those that start at once, one makes it. Primary key.
INSERT INTO service_key (purpose, secret, created_at) VALUES (:purpose, :secret, :now)
ON CONFLICT (purpose) DO NOTHING;

-- name: get_service_key
-- The key for a purpose. Primary key.
SELECT secret FROM service_key WHERE purpose = :purpose;
