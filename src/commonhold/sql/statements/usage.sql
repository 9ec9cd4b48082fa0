-- How much agents send in a day.

-- name: add_usage hot
-- What a process took since it said so last, and what all took together. Primary key.
INSERT INTO usage_day (tenant, day, agent, spans, bytes)
VALUES (:tenant, :day, :agent, :spans, :bytes)
ON CONFLICT (tenant, day, agent) DO UPDATE SET
    spans = usage_day.spans + excluded.spans, bytes = usage_day.bytes + excluded.bytes
RETURNING spans, bytes;

-- name: get_usage hot
-- The same without adding to it. Primary key.
SELECT spans, bytes FROM usage_day
WHERE tenant = :tenant AND day = :day AND agent = :agent;

-- name: prune_usage
-- Days that are long over. usage_day_by_day.
DELETE FROM usage_day WHERE day < :before;
