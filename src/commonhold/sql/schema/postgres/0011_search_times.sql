-- Words of spans are found by time too, so that a search ends with its page.

ALTER TABLE span_text ADD COLUMN started_at BIGINT NOT NULL DEFAULT 0;

UPDATE span_text SET started_at = trace.started_at FROM trace
WHERE trace.tenant = span_text.tenant AND trace.trace_id = span_text.trace_id;

-- The windows of time a trace begins in, of seven widths: 2^20 microseconds, and each 16 times the
-- last. The width is in the lowest three bits.
CREATE FUNCTION span_times(started_at BIGINT) RETURNS BIGINT[] LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT ARRAY[
        (started_at >> 20) << 3, (started_at >> 24) << 3 | 1, (started_at >> 28) << 3 | 2,
        (started_at >> 32) << 3 | 3, (started_at >> 36) << 3 | 4, (started_at >> 40) << 3 | 5,
        (started_at >> 44) << 3 | 6
    ]
$$;

DROP INDEX span_words;

CREATE INDEX span_words ON span_text USING gin (words, span_times(started_at))
WITH (gin_pending_list_limit = 512);  -- kB, as for message_words
