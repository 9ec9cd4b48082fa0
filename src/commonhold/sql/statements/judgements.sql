-- Judgements that come with spans and log records: scores, many at once.

-- columns stamp: owner_agent, owner_user, actor, delegation
-- columns stamped: :owner_agent, :owner_user, :actor, :delegation

-- name: list_votes
-- The records that hold some votes. feedback_by_vote.
SELECT vote_key, feedback_id FROM feedback WHERE tenant = :tenant AND vote_key {is_listed};

-- name: supersede_votes
-- Others stand for the same votes. Primary key.
-- rows: feedback_id TEXT, superseded_by TEXT
UPDATE feedback SET
    superseded_by = r.superseded_by, vote_key = NULL, awaits_trace = NULL, awaits_turn = NULL,
    awaits_run = NULL
FROM {rows}
WHERE feedback.tenant = :tenant AND feedback.feedback_id = r.feedback_id;

-- name: put_judgements
-- New records; triggers count them in the same transaction. Whoever was faster stands, and is seen
-- by the number of rows. Primary key, feedback_by_vote.
-- rows: feedback_id TEXT, name TEXT, data_type TEXT, value_num FLOAT8, label TEXT, comment TEXT, source TEXT, source_id TEXT, identifier TEXT, metadata TEXT, error TEXT, trace_id TEXT, span_id TEXT, session_id TEXT, response_id TEXT, vote_key TEXT, superseded_by TEXT, state TEXT, turn_session TEXT, turn_no BIGINT, question_seq BIGINT, turn_seq BIGINT, turn_message TEXT, turn_trace TEXT, trace_key TEXT, bound_agent TEXT, bound_model TEXT, awaits_trace TEXT, awaits_turn TEXT, awaits_run TEXT
INSERT INTO feedback (
    tenant, {stamp}, user_id, created_at, updated_at, feedback_id, name, data_type, value_num,
    label, comment, source, source_id, identifier, metadata, error, trace_id, span_id, session_id,
    response_id, vote_key, superseded_by, state, turn_session, turn_no, question_seq, turn_seq,
    turn_message, turn_trace, trace_key, agent, model, awaits_trace, awaits_turn, awaits_run
)
SELECT :tenant, {stamped}, :user_id, :now, :now, r.feedback_id, r.name, r.data_type, r.value_num,
    r.label, r.comment, r.source, r.source_id, r.identifier, r.metadata, r.error, r.trace_id,
    r.span_id, r.session_id, r.response_id, r.vote_key, r.superseded_by, r.state, r.turn_session,
    r.turn_no, r.question_seq, r.turn_seq, r.turn_message, r.turn_trace, r.trace_key,
    r.bound_agent, r.bound_model, r.awaits_trace, r.awaits_turn, r.awaits_run
FROM {rows}
{upsert} DO NOTHING;
