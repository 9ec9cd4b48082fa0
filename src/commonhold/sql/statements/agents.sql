-- Agents: who they are, and what they did in a window.

-- name: see_agents
-- Agents as they are seen. Primary key.
-- rows: agent TEXT, version TEXT, instance TEXT, first_at BIGINT, last_at BIGINT
INSERT INTO agent_instance (tenant, agent, version, instance, first_seen_at, last_seen_at)
SELECT :tenant, r.agent, r.version, r.instance, r.first_at, r.last_at FROM {rows}
{upsert} (tenant, agent, version, instance) DO UPDATE SET
    first_seen_at = CASE WHEN excluded.first_seen_at < agent_instance.first_seen_at
        THEN excluded.first_seen_at ELSE agent_instance.first_seen_at END,
    last_seen_at = CASE WHEN excluded.last_seen_at > agent_instance.last_seen_at
        THEN excluded.last_seen_at ELSE agent_instance.last_seen_at END;

-- name: list_agents
-- Every version and instance that was seen, by agent. Primary key.
SELECT agent, version, instance, first_seen_at, last_seen_at FROM agent_instance
WHERE tenant = :tenant [AND agent = :agent]
ORDER BY agent, last_seen_at DESC, version, instance;

-- name: agent_stats
-- What one agent did in a window: work for each of its traces in it. Primary key of trace_agent.
-- Sums are floats: exact as far as anybody counts, and they have no end to run over.
SELECT count(*), sum(CAST(is_error AS DOUBLE PRECISION)),
    sum(CAST(prompt_tokens AS DOUBLE PRECISION)),
    sum(CAST(completion_tokens AS DOUBLE PRECISION)), sum(CAST(cost_nano AS DOUBLE PRECISION)),
    sum(CAST(thumbs_up AS DOUBLE PRECISION)), sum(CAST(thumbs_down AS DOUBLE PRECISION)),
    min(CASE WHEN place * 2 >= ended THEN duration_ns END),
    min(CASE WHEN place * 20 >= ended * 19 THEN duration_ns END)
FROM (
    SELECT a.is_error, a.prompt_tokens, a.completion_tokens, a.cost_nano, a.duration_ns,
        t.thumbs_up, t.thumbs_down,
        row_number() OVER (ORDER BY a.duration_ns IS NULL, a.duration_ns) AS place,
        count(a.duration_ns) OVER () AS ended
    FROM trace_agent a
    JOIN trace t ON t.tenant = a.tenant AND t.trace_id = a.trace_id
    WHERE a.tenant = :tenant AND a.agent = :agent AND a.started_at >= :since
        AND a.started_at < :until
) AS told;
