-- Tenants: who there is, where COMMONHOLD_TENANCY is `required`.

CREATE TABLE tenant (
    tenant TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    status TEXT COLLATE "C" NOT NULL CHECK (status IN ('active', 'disabled')),
    created_at BIGINT NOT NULL
);

-- A parameter of this domain makes the setting that policies compare the tenant of a row with,
-- until the transaction ends. It is made when Postgres takes the parameter: before it executes.
CREATE DOMAIN commonhold_tenant AS TEXT
CHECK (pg_catalog.set_config('commonhold.tenant', VALUE, true) = VALUE);
