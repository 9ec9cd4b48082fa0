-- Registered agents, and the identities that are bound to them.

-- columns registered: agent.tenant, agent.agent, agent.status, agent.agent_types, agent.created_by, agent.created_at, agent.updated_at
-- columns binding: binding_id, kind, issuer, subject, tenant, agent, created_by, created_at

-- name: put_agent
-- Register an agent, or change what is given of one that is. Primary key.
INSERT INTO agent (tenant, agent, status, agent_types, created_by, created_at, updated_at)
VALUES (
    :tenant, :agent, coalesce(CAST(:status AS TEXT), 'active'),
    coalesce(CAST(:agent_types AS TEXT), :any_type), :created_by, :now, :now
)
ON CONFLICT (tenant, agent) DO UPDATE SET
    status = coalesce(CAST(:status AS TEXT), agent.status),
    agent_types = coalesce(CAST(:agent_types AS TEXT), agent.agent_types),
    updated_at = :now
RETURNING {registered};

-- name: know_agent
-- Register the agent of a key, if it is not. Primary key.
INSERT INTO agent (tenant, agent, status, agent_types, created_by, created_at, updated_at)
VALUES (:tenant, :agent, 'active', :any_type, :created_by, :now, :now)
ON CONFLICT (tenant, agent) DO NOTHING;

-- name: get_agent hot
-- An agent, to know whether it may call. Primary key.
SELECT {registered} FROM agent WHERE tenant = :tenant AND agent = :agent;

-- name: list_registered
-- The agents of a tenant, by name. Primary key.
SELECT {registered} FROM agent WHERE tenant = :tenant ORDER BY agent.agent;

-- name: delete_agent
-- Forget an agent. Primary key.
DELETE FROM agent WHERE tenant = :tenant AND agent = :agent RETURNING agent;

-- name: delete_bindings
-- Forget what is bound to an agent. agent_binding_by_agent.
DELETE FROM agent_binding WHERE tenant = :tenant AND agent = :agent;

-- name: bind_agent
-- Bind an identity, unless it is bound. Primary key.
INSERT INTO agent_binding ({binding})
VALUES (
    :binding_id, :kind, :issuer, :subject, :tenant, :agent, :created_by, :now
)
ON CONFLICT (kind, issuer, subject) DO NOTHING
RETURNING binding_id;

-- name: unbind_agent
-- Forget a binding. agent_binding_by_agent.
DELETE FROM agent_binding
WHERE tenant = :tenant AND agent = :agent AND binding_id = :binding_id
RETURNING {binding};

-- name: list_bindings
-- What is bound to one agent of a tenant, or to all. agent_binding_by_agent.
SELECT {binding} FROM agent_binding
WHERE tenant = :tenant [AND agent = :agent]
ORDER BY agent, created_at, binding_id;

-- name: find_bound hot
-- The agent that an identity is. Primary keys.
SELECT {registered} FROM agent_binding
JOIN agent ON agent.tenant = agent_binding.tenant AND agent.agent = agent_binding.agent
WHERE kind = :kind AND issuer = :issuer AND subject = :subject;
