-- The audit log by month, so that old months can be dropped, and where it was cut when they were.

ALTER TABLE audit_event RENAME TO audit_event_before;
ALTER INDEX audit_event_pkey RENAME TO audit_event_before_pkey;
ALTER INDEX audit_event_by_time RENAME TO audit_event_before_by_time;
ALTER SEQUENCE audit_event_seq_seq RENAME TO audit_event_before_seq_seq;

-- One partition for each month of `at`, made ahead (sql/partitions.py); the default one takes what
-- has none.
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
    PRIMARY KEY (seq, at)
) PARTITION BY RANGE (at);

CREATE INDEX audit_event_by_time ON audit_event (tenant, at, seq);

CREATE TABLE audit_event_other PARTITION OF audit_event DEFAULT;

DO $$
DECLARE
    first TIMESTAMP;
    month TEXT;
BEGIN
    FOR first IN
        SELECT DISTINCT date_trunc('month', to_timestamp(at / 1000000) AT TIME ZONE 'UTC')
        FROM audit_event_before WHERE at >= 0 AND at <= extract(epoch FROM now()) * 1000000
    LOOP
        month := 'audit_event_' || to_char(first, 'YYYYMM');
        EXECUTE format(
            'CREATE TABLE %I PARTITION OF audit_event FOR VALUES FROM (%s) TO (%s)', month,
            (extract(epoch FROM first) * 1000000)::BIGINT,
            (extract(epoch FROM first + interval '1 month') * 1000000)::BIGINT
        );
    END LOOP;
END
$$;

INSERT INTO audit_event OVERRIDING SYSTEM VALUE
SELECT seq, at, operation, decision, tenant, actor, subject, delegation, resource_type,
    resource_id, reason, status, credential_id, peer, request_id, trace_id, count
FROM audit_event_before;

SELECT setval(pg_get_serial_sequence('audit_event', 'seq'), last_value, is_called)
FROM audit_event_before_seq_seq;

DROP TABLE audit_event_before;

CREATE TRIGGER audit_event_is_kept BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_event
FOR EACH STATEMENT EXECUTE FUNCTION audit_is_kept_v1();

CREATE TRIGGER audit_event_is_added BEFORE INSERT ON audit_event
FOR EACH STATEMENT EXECUTE FUNCTION audit_is_added_v1();

-- A trigger of the table refuses nothing that is done to a partition by its own name.
DO $$
DECLARE
    month REGCLASS;
BEGIN
    FOR month IN SELECT inhrelid FROM pg_inherits WHERE inhparent = 'audit_event'::REGCLASS LOOP
        EXECUTE format(
            'CREATE TRIGGER %I BEFORE UPDATE OR DELETE OR TRUNCATE ON %s'
            ' FOR EACH STATEMENT EXECUTE FUNCTION audit_is_kept_v1()', month::TEXT || '_is_kept', month
        );
    END LOOP;
END
$$;

CREATE TABLE audit_cut (
    tenant TEXT COLLATE "C" NOT NULL,
    n BIGINT NOT NULL,
    seq BIGINT NOT NULL,
    head BYTEA NOT NULL,
    pruned_before BIGINT NOT NULL,
    cut_at BIGINT NOT NULL,
    key_id TEXT NOT NULL,
    mac BYTEA NOT NULL,
    PRIMARY KEY (tenant, n)
);

CREATE TRIGGER audit_cut_is_kept BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_cut
FOR EACH STATEMENT EXECUTE FUNCTION audit_is_kept_v1();
