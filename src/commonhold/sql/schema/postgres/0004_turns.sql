-- Turns: who holds a session, who took part, what it can be found by, and which calls are open.

ALTER TABLE session ADD COLUMN holder TEXT COLLATE "C" NOT NULL DEFAULT '';
ALTER TABLE session ADD COLUMN lease_token BIGINT NOT NULL DEFAULT 0;
ALTER TABLE session ADD COLUMN lease_holder TEXT;
ALTER TABLE session ADD COLUMN lease_until BIGINT NOT NULL DEFAULT 0;
ALTER TABLE session ADD COLUMN is_waiting BIGINT NOT NULL DEFAULT 0;
UPDATE session SET holder = owner_agent;

CREATE INDEX session_by_holder ON session (tenant, holder, created_at, session_id);

CREATE INDEX session_running ON session (tenant, created_at, session_id)
WHERE lease_holder IS NOT NULL;

CREATE INDEX session_waiting ON session (tenant, created_at, session_id)
WHERE is_waiting = 1;

ALTER TABLE message ADD COLUMN tools TEXT;

CREATE INDEX message_tools ON message (tenant, session_id, place)
WHERE tools IS NOT NULL AND superseded_at IS NULL;

CREATE TABLE participant (
    tenant TEXT COLLATE "C" NOT NULL,
    session_id TEXT COLLATE "C" NOT NULL,
    owner_agent TEXT COLLATE "C" NOT NULL,
    owner_user TEXT COLLATE "C" NOT NULL,
    session_at BIGINT NOT NULL,
    message_count BIGINT NOT NULL,
    first_seq BIGINT NOT NULL,
    last_seq BIGINT NOT NULL,
    first_at BIGINT NOT NULL,
    last_at BIGINT NOT NULL,
    PRIMARY KEY (tenant, session_id, owner_agent, owner_user)
) WITH (fillfactor = 80);  -- counted at every turn: leave room for HOT updates

CREATE INDEX participant_by_agent ON participant (tenant, owner_agent, session_at, session_id);

INSERT INTO participant
SELECT m.tenant, m.session_id, m.owner_agent, m.owner_user, s.created_at, count(*),
    min(m.seq), max(m.seq), min(m.created_at), max(m.created_at)
FROM message m JOIN session s ON s.tenant = m.tenant AND s.session_id = m.session_id
GROUP BY m.tenant, m.session_id, m.owner_agent, m.owner_user, s.created_at;

CREATE TABLE session_label (
    tenant TEXT COLLATE "C" NOT NULL,
    session_id TEXT COLLATE "C" NOT NULL,
    label TEXT COLLATE "C" NOT NULL,
    session_at BIGINT NOT NULL,
    PRIMARY KEY (tenant, session_id, label)
);

CREATE INDEX session_label_by_label ON session_label (tenant, label, session_at, session_id);

CREATE TABLE message_text (
    tenant TEXT COLLATE "C" NOT NULL,
    session_id TEXT COLLATE "C" NOT NULL,
    seq BIGINT NOT NULL,
    words TSVECTOR NOT NULL,
    PRIMARY KEY (tenant, session_id, seq)
);

CREATE INDEX message_words ON message_text USING gin (words)
WITH (gin_pending_list_limit = 512);  -- kB: bounds both the wait for a flush and a search without
