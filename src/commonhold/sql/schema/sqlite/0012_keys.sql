-- Keys: what is kept of each, which is never the secret.

CREATE TABLE api_key (
    key_id TEXT NOT NULL PRIMARY KEY,
    tenant TEXT NOT NULL,
    name TEXT NOT NULL,
    preset TEXT NOT NULL,
    agent TEXT NOT NULL,
    last_four TEXT NOT NULL,
    pepper_id TEXT NOT NULL,
    digest BLOB NOT NULL,
    created_by TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    last_used_at INTEGER,
    revoked_at INTEGER,
    replaces TEXT
) STRICT, WITHOUT ROWID;

CREATE INDEX api_key_by_creation ON api_key (tenant, created_at, key_id);
