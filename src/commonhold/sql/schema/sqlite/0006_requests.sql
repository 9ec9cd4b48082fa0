-- Requests with an idempotency key: what a repeated one was answered the first time.

CREATE TABLE session_request (
    tenant TEXT NOT NULL,
    session_id TEXT NOT NULL,
    mark TEXT NOT NULL,
    asked TEXT NOT NULL,
    answer TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    PRIMARY KEY (tenant, session_id, mark)
) STRICT, WITHOUT ROWID;
