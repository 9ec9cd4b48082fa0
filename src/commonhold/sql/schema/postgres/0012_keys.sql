-- Keys: what is kept of each, which is never the secret.

CREATE TABLE api_key (
    key_id TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    tenant TEXT COLLATE "C" NOT NULL,
    name TEXT NOT NULL,
    preset TEXT NOT NULL,
    agent TEXT NOT NULL,
    last_four TEXT NOT NULL,
    pepper_id TEXT NOT NULL,
    digest BYTEA NOT NULL,
    created_by TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    last_used_at BIGINT,
    revoked_at BIGINT,
    replaces TEXT
);

CREATE INDEX api_key_by_creation ON api_key (tenant, created_at, key_id);
