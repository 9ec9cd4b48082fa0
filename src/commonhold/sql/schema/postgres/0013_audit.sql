-- The audit log, and the links that seal it. Both are only added to.

CREATE TABLE audit_event (
    seq BIGINT GENERATED ALWAYS AS IDENTITY,
    at BIGINT NOT NULL,
    operation TEXT NOT NULL,
    decision TEXT NOT NULL,
    tenant TEXT COLLATE "C" NOT NULL,
    actor TEXT NOT NULL,
    subject TEXT NOT NULL,
    delegation TEXT NOT NULL,
    resource_type TEXT NOT NULL,
    resource_id TEXT NOT NULL,
    reason TEXT NOT NULL,
    status BIGINT NOT NULL,
    credential_id TEXT NOT NULL,
    peer TEXT NOT NULL,
    request_id TEXT NOT NULL,
    trace_id TEXT NOT NULL,
    count BIGINT NOT NULL,
    PRIMARY KEY (seq)
);

CREATE INDEX audit_event_by_time ON audit_event (tenant, at, seq);

CREATE TABLE audit_seal (
    tenant TEXT COLLATE "C" NOT NULL,
    n BIGINT NOT NULL,
    seq BIGINT NOT NULL,
    key_id TEXT NOT NULL,
    mac BYTEA NOT NULL,
    sealed_at BIGINT NOT NULL,
    PRIMARY KEY (tenant, n)
);

CREATE UNIQUE INDEX audit_seal_by_event ON audit_seal (seq);

CREATE FUNCTION audit_is_kept_v1() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'the audit log is only added to' USING ERRCODE = 'insufficient_privilege';
END
$$;

CREATE TRIGGER audit_event_is_kept BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_event
FOR EACH STATEMENT EXECUTE FUNCTION audit_is_kept_v1();

CREATE TRIGGER audit_seal_is_kept BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_seal
FOR EACH STATEMENT EXECUTE FUNCTION audit_is_kept_v1();

-- Whoever adds events says so before the first of them gets its place, and until all can be seen.
-- Who seals asks whether anybody does: sequences are handed out in order, and commit in any.
CREATE FUNCTION audit_is_added_v1() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_advisory_xact_lock_shared(1096107092);
    RETURN NULL;
END
$$;

CREATE TRIGGER audit_event_is_added BEFORE INSERT ON audit_event
FOR EACH STATEMENT EXECUTE FUNCTION audit_is_added_v1();
