-- What each tenant has different from the service in how what it writes is redacted.

CREATE TABLE redaction_policy (
    tenant TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    capture TEXT,
    rule_groups TEXT,
    updated_at BIGINT NOT NULL,
    updated_by TEXT NOT NULL
);
