-- The audit log, and the links that seal it. Both are only added to.

-- AUTOINCREMENT, so that the place of an event that was taken away is not given to another.
CREATE TABLE audit_event (
    seq INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    at INTEGER NOT NULL,
    operation TEXT NOT NULL,
    decision TEXT NOT NULL,
    tenant TEXT NOT NULL,
    actor TEXT NOT NULL,
    subject TEXT NOT NULL,
    delegation TEXT NOT NULL,
    resource_type TEXT NOT NULL,
    resource_id TEXT NOT NULL,
    reason TEXT NOT NULL,
    status INTEGER NOT NULL,
    credential_id TEXT NOT NULL,
    peer TEXT NOT NULL,
    request_id TEXT NOT NULL,
    trace_id TEXT NOT NULL,
    count INTEGER NOT NULL
) STRICT;

CREATE INDEX audit_event_by_time ON audit_event (tenant, at, seq);

CREATE TABLE audit_seal (
    tenant TEXT NOT NULL,
    n INTEGER NOT NULL,
    seq INTEGER NOT NULL,
    key_id TEXT NOT NULL,
    mac BLOB NOT NULL,
    sealed_at INTEGER NOT NULL,
    PRIMARY KEY (tenant, n)
) STRICT, WITHOUT ROWID;

CREATE UNIQUE INDEX audit_seal_by_event ON audit_seal (seq);

CREATE TRIGGER audit_event_is_not_changed BEFORE UPDATE ON audit_event BEGIN
    SELECT RAISE(ABORT, 'the audit log is only added to');
END;

CREATE TRIGGER audit_event_is_not_removed BEFORE DELETE ON audit_event BEGIN
    SELECT RAISE(ABORT, 'the audit log is only added to');
END;

CREATE TRIGGER audit_seal_is_not_changed BEFORE UPDATE ON audit_seal BEGIN
    SELECT RAISE(ABORT, 'the audit log is only added to');
END;

CREATE TRIGGER audit_seal_is_not_removed BEFORE DELETE ON audit_seal BEGIN
    SELECT RAISE(ABORT, 'the audit log is only added to');
END;
