-- Tenants: looked up before anything of theirs is.

-- columns tenant: tenant, status, created_at

-- name: add_tenant
-- A new tenant, unless there is one of that name. Primary key.
INSERT INTO tenant ({tenant}) VALUES (:tenant, 'active', :now)
ON CONFLICT (tenant) DO NOTHING
RETURNING {tenant};

-- name: get_tenant hot
-- A tenant by its name. Primary key.
SELECT {tenant} FROM tenant WHERE tenant = :tenant;

-- name: list_tenants
-- Every tenant by name. Primary key.
SELECT {tenant} FROM tenant ORDER BY tenant;

-- name: set_tenant_status
-- Let a tenant in, or keep it out. Primary key.
UPDATE tenant SET status = :status WHERE tenant = :tenant RETURNING {tenant};
