-- Agents that may call, and whom issuers know as one of them.

CREATE TABLE agent (
    tenant TEXT NOT NULL,
    agent TEXT NOT NULL,
    status TEXT NOT NULL CHECK (status IN ('active', 'disabled')),
    agent_types TEXT NOT NULL,
    created_by TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    PRIMARY KEY (tenant, agent)
) STRICT, WITHOUT ROWID;

CREATE TABLE agent_binding (
    kind TEXT NOT NULL CHECK (kind IN ('oidc_client', 'spiffe', 'k8s_sa')),
    issuer TEXT NOT NULL,
    subject TEXT NOT NULL,
    binding_id TEXT NOT NULL,
    tenant TEXT NOT NULL,
    agent TEXT NOT NULL,
    created_by TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    PRIMARY KEY (kind, issuer, subject)
) STRICT, WITHOUT ROWID;

CREATE INDEX agent_binding_by_agent ON agent_binding (tenant, agent, created_at, binding_id);

-- Keys that were made before go on: their agents are registered.
INSERT INTO agent (tenant, agent, status, agent_types, created_by, created_at, updated_at)
SELECT tenant, agent, 'active', '[]', 'sys:migration', min(created_at), min(created_at)
FROM api_key WHERE agent <> '' GROUP BY tenant, agent;
