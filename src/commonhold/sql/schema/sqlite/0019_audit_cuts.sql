-- Where the chain of a tenant was cut when old events were pruned. Rows are only added.
CREATE TABLE audit_cut (
    tenant TEXT NOT NULL,
    n INTEGER NOT NULL,
    seq INTEGER NOT NULL,
    head BLOB NOT NULL,
    pruned_before INTEGER NOT NULL,
    cut_at INTEGER NOT NULL,
    key_id TEXT NOT NULL,
    mac BLOB NOT NULL,
    PRIMARY KEY (tenant, n)
) STRICT, WITHOUT ROWID;

CREATE TRIGGER audit_cut_is_not_changed BEFORE UPDATE ON audit_cut BEGIN
    SELECT RAISE(ABORT, 'the audit log is only added to');
END;

CREATE TRIGGER audit_cut_is_not_removed BEFORE DELETE ON audit_cut BEGIN
    SELECT RAISE(ABORT, 'the audit log is only added to');
END;
