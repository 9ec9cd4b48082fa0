-- Keys that the service made for itself: every replica signs with the same, after a restart too.

CREATE TABLE service_key (
    purpose TEXT NOT NULL,
    secret TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    PRIMARY KEY (purpose)
) STRICT, WITHOUT ROWID;
