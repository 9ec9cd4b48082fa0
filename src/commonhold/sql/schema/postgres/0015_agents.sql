-- Agents that may call, and whom issuers know as one of them.

CREATE TABLE agent (
    tenant TEXT COLLATE "C" NOT NULL,
    agent TEXT COLLATE "C" NOT NULL,
    status TEXT NOT NULL CHECK (status IN ('active', 'disabled')),
    agent_types TEXT NOT NULL,
    created_by TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    PRIMARY KEY (tenant, agent)
);

CREATE TABLE agent_binding (
    kind TEXT COLLATE "C" NOT NULL CHECK (kind IN ('oidc_client', 'spiffe', 'k8s_sa')),
    issuer TEXT COLLATE "C" NOT NULL,
    subject TEXT COLLATE "C" NOT NULL,
    binding_id TEXT COLLATE "C" NOT NULL,
    tenant TEXT COLLATE "C" NOT NULL,
    agent TEXT COLLATE "C" NOT NULL,
    created_by TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (kind, issuer, subject)
);

CREATE INDEX agent_binding_by_agent ON agent_binding (tenant, agent, created_at, binding_id);

-- Keys that were made before go on: their agents are registered.
INSERT INTO agent (tenant, agent, status, agent_types, created_by, created_at, updated_at)
SELECT tenant, agent, 'active', '[]', 'sys:migration', min(created_at), min(created_at)
FROM api_key WHERE agent <> '' GROUP BY tenant, agent;
