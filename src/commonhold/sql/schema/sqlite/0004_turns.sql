-- Turns: who holds a session, who took part, what it can be found by, and which calls are open.

ALTER TABLE session ADD COLUMN holder TEXT NOT NULL DEFAULT '';
ALTER TABLE session ADD COLUMN lease_token INTEGER NOT NULL DEFAULT 0;
ALTER TABLE session ADD COLUMN lease_holder TEXT;
ALTER TABLE session ADD COLUMN lease_until INTEGER NOT NULL DEFAULT 0;
ALTER TABLE session ADD COLUMN is_waiting INTEGER NOT NULL DEFAULT 0;
UPDATE session SET holder = owner_agent;

CREATE INDEX session_by_holder ON session (tenant, holder, created_at, session_id);

CREATE INDEX session_running ON session (tenant, created_at, session_id)
WHERE lease_holder IS NOT NULL;

CREATE INDEX session_waiting ON session (tenant, created_at, session_id)
WHERE is_waiting = 1;

ALTER TABLE message ADD COLUMN tools TEXT;

CREATE INDEX message_tools ON message (tenant, session_id, place, tools)
WHERE tools IS NOT NULL AND superseded_at IS NULL;

CREATE TABLE participant (
    tenant TEXT NOT NULL,
    session_id TEXT NOT NULL,
    owner_agent TEXT NOT NULL,
    owner_user TEXT NOT NULL,
    session_at INTEGER NOT NULL,
    message_count INTEGER NOT NULL,
    first_seq INTEGER NOT NULL,
    last_seq INTEGER NOT NULL,
    first_at INTEGER NOT NULL,
    last_at INTEGER NOT NULL,
    PRIMARY KEY (tenant, session_id, owner_agent, owner_user)
) STRICT, WITHOUT ROWID;

CREATE INDEX participant_by_agent ON participant (tenant, owner_agent, session_at, session_id);

INSERT INTO participant
SELECT m.tenant, m.session_id, m.owner_agent, m.owner_user, s.created_at, count(*),
    min(m.seq), max(m.seq), min(m.created_at), max(m.created_at)
FROM message m JOIN session s ON s.tenant = m.tenant AND s.session_id = m.session_id
GROUP BY m.tenant, m.session_id, m.owner_agent, m.owner_user, s.created_at;

CREATE TABLE session_label (
    tenant TEXT NOT NULL,
    session_id TEXT NOT NULL,
    label TEXT NOT NULL,
    session_at INTEGER NOT NULL,
    PRIMARY KEY (tenant, session_id, label)
) STRICT, WITHOUT ROWID;

CREATE INDEX session_label_by_label ON session_label (tenant, label, session_at, session_id);

CREATE TABLE message_text (
    text_id INTEGER PRIMARY KEY,
    tenant TEXT NOT NULL,
    session_id TEXT NOT NULL,
    seq INTEGER NOT NULL,
    words TEXT NOT NULL
) STRICT;

CREATE UNIQUE INDEX message_text_by_seq ON message_text (tenant, session_id, seq);

CREATE VIRTUAL TABLE message_words USING fts5(
    words, content = 'message_text', content_rowid = 'text_id', detail = none, columnsize = 0,
    tokenize = "unicode61 remove_diacritics 0 tokenchars '_'"
);

CREATE TRIGGER message_text_added AFTER INSERT ON message_text BEGIN
    INSERT INTO message_words (rowid, words) VALUES (new.text_id, new.words);
END;

CREATE TRIGGER message_text_removed AFTER DELETE ON message_text BEGIN
    INSERT INTO message_words (message_words, rowid, words)
    VALUES ('delete', old.text_id, old.words);
END;
