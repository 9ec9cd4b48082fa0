-- Sessions: a log of messages and events with many writers, and what is counted beside it.

CREATE TABLE session (
    tenant TEXT NOT NULL,
    session_id TEXT NOT NULL,
    owner_agent TEXT NOT NULL,
    owner_user TEXT NOT NULL,
    actor TEXT NOT NULL,
    delegation TEXT NOT NULL CHECK (delegation IN ('self', 'verified', 'asserted', 'anonymous')),
    title TEXT,
    metadata TEXT NOT NULL,
    parent_session_id TEXT,
    forked_at_message_id TEXT,
    message_count INTEGER NOT NULL,
    head_seq INTEGER NOT NULL,
    version INTEGER NOT NULL,
    chain BLOB,
    cost_data TEXT NOT NULL,
    state TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    PRIMARY KEY (tenant, session_id)
) STRICT, WITHOUT ROWID;

CREATE INDEX session_by_creation ON session (tenant, created_at, session_id);

CREATE INDEX session_by_agent ON session (tenant, owner_agent, created_at, session_id);

CREATE INDEX session_by_user ON session (tenant, owner_user, created_at, session_id);

CREATE INDEX session_by_parent ON session (tenant, parent_session_id, created_at, session_id)
WHERE parent_session_id IS NOT NULL;

CREATE TABLE message (
    tenant TEXT NOT NULL,
    session_id TEXT NOT NULL,
    seq INTEGER NOT NULL,
    place INTEGER NOT NULL,
    message_id TEXT NOT NULL,
    match_key TEXT NOT NULL,
    role TEXT,
    owner_agent TEXT NOT NULL,
    owner_user TEXT NOT NULL,
    actor TEXT NOT NULL,
    delegation TEXT NOT NULL CHECK (delegation IN ('self', 'verified', 'asserted', 'anonymous')),
    content TEXT NOT NULL,
    digest BLOB NOT NULL,
    version INTEGER NOT NULL,
    superseded_version INTEGER,
    created_at INTEGER NOT NULL,
    superseded_at INTEGER,
    PRIMARY KEY (tenant, session_id, seq)
) STRICT, WITHOUT ROWID;

CREATE INDEX message_live ON message (tenant, session_id, place) WHERE superseded_at IS NULL;

CREATE INDEX message_by_id ON message (tenant, session_id, message_id);

CREATE TABLE session_event (
    tenant TEXT NOT NULL,
    session_id TEXT NOT NULL,
    seq INTEGER NOT NULL,
    kind TEXT NOT NULL,
    owner_agent TEXT NOT NULL,
    owner_user TEXT NOT NULL,
    actor TEXT NOT NULL,
    delegation TEXT NOT NULL CHECK (delegation IN ('self', 'verified', 'asserted', 'anonymous')),
    data TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    PRIMARY KEY (tenant, session_id, seq)
) STRICT, WITHOUT ROWID;
