-- Sessions: a log of messages and events with many writers, and what is counted beside it.

CREATE TABLE session (
    tenant TEXT COLLATE "C" NOT NULL,
    session_id TEXT COLLATE "C" NOT NULL,
    owner_agent TEXT COLLATE "C" NOT NULL,
    owner_user TEXT COLLATE "C" NOT NULL,
    actor TEXT NOT NULL,
    delegation TEXT NOT NULL CHECK (delegation IN ('self', 'verified', 'asserted', 'anonymous')),
    title TEXT,
    metadata TEXT NOT NULL,
    parent_session_id TEXT COLLATE "C",
    forked_at_message_id TEXT,
    message_count BIGINT NOT NULL,
    head_seq BIGINT NOT NULL,
    version BIGINT NOT NULL,
    chain BYTEA,
    cost_data TEXT NOT NULL,
    state TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    PRIMARY KEY (tenant, session_id)
) WITH (fillfactor = 80);  -- counters change every turn: leave room for HOT updates

CREATE INDEX session_by_creation ON session (tenant, created_at, session_id);

CREATE INDEX session_by_agent ON session (tenant, owner_agent, created_at, session_id);

CREATE INDEX session_by_user ON session (tenant, owner_user, created_at, session_id);

CREATE INDEX session_by_parent ON session (tenant, parent_session_id, created_at, session_id)
WHERE parent_session_id IS NOT NULL;

CREATE TABLE message (
    tenant TEXT COLLATE "C" NOT NULL,
    session_id TEXT COLLATE "C" NOT NULL,
    seq BIGINT NOT NULL,
    place BIGINT NOT NULL,
    message_id TEXT COLLATE "C" NOT NULL,
    match_key TEXT NOT NULL,
    role TEXT,
    owner_agent TEXT COLLATE "C" NOT NULL,
    owner_user TEXT COLLATE "C" NOT NULL,
    actor TEXT NOT NULL,
    delegation TEXT NOT NULL CHECK (delegation IN ('self', 'verified', 'asserted', 'anonymous')),
    content TEXT NOT NULL,
    digest BYTEA NOT NULL,
    version BIGINT NOT NULL,
    superseded_version BIGINT,
    created_at BIGINT NOT NULL,
    superseded_at BIGINT,
    PRIMARY KEY (tenant, session_id, seq)
);

CREATE INDEX message_live ON message (tenant, session_id, place) WHERE superseded_at IS NULL;

CREATE INDEX message_by_id ON message (tenant, session_id, message_id);

CREATE TABLE session_event (
    tenant TEXT COLLATE "C" NOT NULL,
    session_id TEXT COLLATE "C" NOT NULL,
    seq BIGINT NOT NULL,
    kind TEXT NOT NULL,
    owner_agent TEXT COLLATE "C" NOT NULL,
    owner_user TEXT COLLATE "C" NOT NULL,
    actor TEXT NOT NULL,
    delegation TEXT NOT NULL CHECK (delegation IN ('self', 'verified', 'asserted', 'anonymous')),
    data TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (tenant, session_id, seq)
);
