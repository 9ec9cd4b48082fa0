-- Of a table that nobody analysed SQLite takes it that ten rows have one value of the first column of
-- a key, and looks for something else that is known of a row among all rows of the tenant. It is told
-- that a tenant has a million, by the statistics of ANALYZE: table, index, and how many rows there
-- are, and have the same first column, the same first two, and so on. Real ones are left.

ANALYZE sqlite_schema;

INSERT INTO sqlite_stat1 (tbl, idx, stat)
SELECT k.tbl, k.tbl, k.stat FROM (
    SELECT 'feedback' AS tbl, '1000000 1000000 1' AS stat
    UNION ALL SELECT 'trace', '1000000 1000000 1'
    UNION ALL SELECT 'participant', '1000000 1000000 10 10 1'
    UNION ALL SELECT 'session_event', '1000000 1000000 10 1'
) AS k
WHERE NOT EXISTS (SELECT 1 FROM sqlite_stat1 s WHERE s.tbl = k.tbl);

ANALYZE sqlite_schema;
