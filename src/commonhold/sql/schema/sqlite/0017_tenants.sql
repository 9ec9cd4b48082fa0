-- Tenants: who there is, where COMMONHOLD_TENANCY is `required`.

CREATE TABLE tenant (
    tenant TEXT NOT NULL PRIMARY KEY,
    status TEXT NOT NULL CHECK (status IN ('active', 'disabled')),
    created_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
