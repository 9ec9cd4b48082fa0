-- Words of spans are found by time too, so that a search ends with its page.

DROP TRIGGER span_text_added;

DROP TRIGGER span_text_changed;

DROP TRIGGER span_text_removed;

DROP TABLE span_words;

ALTER TABLE span_text ADD COLUMN started_at INTEGER NOT NULL DEFAULT 0;

UPDATE span_text SET started_at = coalesce((
    SELECT started_at FROM trace
    WHERE trace.tenant = span_text.tenant AND trace.trace_id = span_text.trace_id
), 0);

-- The windows of time a trace begins in, of seven widths: 2^20 microseconds, and each 16 times the
-- last. The width is in the lowest three bits.
ALTER TABLE span_text ADD COLUMN times TEXT GENERATED ALWAYS AS (
    printf(
        '_t%x _t%x _t%x _t%x _t%x _t%x _t%x', (started_at >> 20) << 3,
        (started_at >> 24) << 3 | 1, (started_at >> 28) << 3 | 2, (started_at >> 32) << 3 | 3,
        (started_at >> 36) << 3 | 4, (started_at >> 40) << 3 | 5, (started_at >> 44) << 3 | 6
    )
) VIRTUAL;

CREATE VIRTUAL TABLE span_words USING fts5(
    words, times, content = 'span_text', content_rowid = 'text_id', detail = none, columnsize = 0,
    tokenize = "unicode61 remove_diacritics 0 tokenchars '_'"
);

CREATE TRIGGER span_text_added AFTER INSERT ON span_text BEGIN
    INSERT INTO span_words (rowid, words, times) VALUES (new.text_id, new.words, new.times);
END;

CREATE TRIGGER span_text_changed AFTER UPDATE OF words, started_at ON span_text BEGIN
    INSERT INTO span_words (span_words, rowid, words, times)
    VALUES ('delete', old.text_id, old.words, old.times);
    INSERT INTO span_words (rowid, words, times) VALUES (new.text_id, new.words, new.times);
END;

CREATE TRIGGER span_text_removed AFTER DELETE ON span_text BEGIN
    INSERT INTO span_words (span_words, rowid, words, times)
    VALUES ('delete', old.text_id, old.words, old.times);
END;

INSERT INTO span_words (span_words) VALUES ('rebuild');
