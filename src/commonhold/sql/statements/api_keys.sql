-- Keys. What comes in is looked up by the key's own id, before the tenant is known.

-- columns key: key_id, tenant, name, preset, agent, last_four, pepper_id, digest, created_by, created_at, expires_at, last_used_at, revoked_at, replaces

-- name: add_key
-- A new key. Primary key.
INSERT INTO api_key ({key})
VALUES (
    :key_id, :tenant, :name, :preset, :agent, :last_four, :pepper_id, :digest, :created_by,
    :created_at, :expires_at, NULL, NULL, :replaces
)
ON CONFLICT (key_id) DO NOTHING
RETURNING key_id;

-- name: get_key hot
-- A key by its id, to check what came in. Primary key.
SELECT {key} FROM api_key WHERE key_id = :key_id;

-- name: list_keys
-- The keys of a tenant, newest first. api_key_by_creation.
SELECT {key} FROM api_key WHERE tenant = :tenant
ORDER BY created_at DESC, key_id DESC;

-- name: revoke_key
-- End a key; when that happened is told once. Primary key.
UPDATE api_key SET revoked_at = coalesce(revoked_at, :now)
WHERE key_id = :key_id AND tenant = :tenant
RETURNING {key};

-- name: end_key
-- Let a key that is still good end earlier. Primary key.
UPDATE api_key SET expires_at = CASE WHEN expires_at < :until THEN expires_at ELSE :until END
WHERE key_id = :key_id AND tenant = :tenant AND revoked_at IS NULL AND expires_at > :now
RETURNING key_id;

-- name: touch_key
-- When a key was used last, noted now and then. Primary key.
UPDATE api_key SET last_used_at = :now
WHERE key_id = :key_id AND (last_used_at IS NULL OR last_used_at <= :before);
