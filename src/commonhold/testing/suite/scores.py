"""Scores: of any form, once each, and bound to the turn they are about."""

from __future__ import annotations

from dataclasses import replace

import pytest

from commonhold.contract.stores import Backend
from commonhold.errors import Conflict, InvalidRequest, NotFound
from commonhold.model.clock import Micros
from commonhold.model.feedback import FeedbackPatch, FeedbackQuery, NewFeedback
from commonhold.model.opaque import JsonText
from commonhold.model.scope import Author, Scope
from commonhold.model.score import NewScore, Score, ScorePatch, ScoreQuery
from commonhold.model.score_stats import ScoreStatsQuery
from commonhold.testing.conformance import Actor, StoppedClock
from commonhold.testing.factories import NOON, message, new_feedback, request_spans, trace
from commonhold.testing.suite.reading import all_of, error_of

KEY = "0123456789abcdef0123456789abcdef"
EVERY_FORM = (
    NewScore("accuracy", "numeric", 0.30000000000000004, label="high", source="llm"),
    NewScore("tone", "categorical", label="rude", source="code", source_id="lint"),
    NewScore("remark", "text", comment="Zürich 😀"),
    NewScore("better", "correction", correction="It rains."),
    NewScore(
        "plan", "json", value_json=JsonText('{"a": [1.0, 1e2]}'), metadata=JsonText('{"b":1}')
    ),
    NewScore(
        value_num=0,
        trace_id="t",
        span_id="sp",
        session_id="s",
        message_id="m",
        turn_index=3,
        response_id="r",
        model_id="granite",
        latency_ms=1.5,
        agent_type="weather",
        environment="prod",
        config_id="c",
        error="late",
    ),
)
KEPT = tuple(name for name in NewScore.__slots__ if name != "score_id")


async def talk(backend: Backend, session_id: str, turns: int, start: int = 0) -> None:
    """Append turns: a question `qN`, a call of a tool, and the answer `aN`."""
    for n in range(start, start + turns):
        await backend.sessions.append(
            session_id,
            [
                message(f"q{n}", f"question {n}"),
                message(f"c{n}", "calling", role="assistant"),
                message(f"r{n}", "called", role="tool"),
                message(f"a{n}", f"answer {n}", role="assistant"),
            ],
        )


async def kept(backend: Backend, new: NewScore) -> Score:
    """Keep one score."""
    [score] = await backend.feedback.put_scores([new])
    return score


async def test_a_score_of_any_form_comes_back(backend: Backend) -> None:
    """F1. In the order it was given, with every field as it was sent."""
    made = await backend.feedback.put_scores(EVERY_FORM)
    for new, score in zip(EVERY_FORM, made, strict=True):
        assert [getattr(score, name) for name in KEPT] == [getattr(new, name) for name in KEPT]
        assert await backend.feedback.get_score(score.score_id) == score
        assert await backend.feedback.find_score(score.score_id) == score
    page = await backend.feedback.scores()
    assert {score.score_id for score in page.items} == {score.score_id for score in made}
    assert await backend.feedback.put_scores([]) == ()


async def test_a_score_that_is_not_there_is_not_found(backend: Backend) -> None:
    """F1. Neither read, nor changed, nor removed; what was removed is gone from all counts."""
    score = await kept(backend, EVERY_FORM[0])
    await backend.feedback.delete_score(score.score_id)
    for gone in (score.score_id, "none", "a/b", "stats"):
        assert await backend.feedback.find_score(gone) is None
        assert type(await error_of(backend.feedback.get_score(gone))) is NotFound
        patch = backend.feedback.patch_score(gone, ScorePatch(1.0))
        assert type(await error_of(patch)) is NotFound
        assert type(await error_of(backend.feedback.delete_score(gone))) is NotFound
        assert type(await error_of(backend.feedback.delete(gone))) is NotFound
    assert await backend.feedback.score_stats() == ()


async def test_a_changed_score_still_fits_its_type(backend: Backend, clock: StoppedClock) -> None:
    """F1. A patch changes what it names, and leaves all as it was where it cannot be."""
    score = await kept(backend, EVERY_FORM[0])
    later = clock.advance()
    patch = ScorePatch(0.5, comment="near", metadata=JsonText('{"by":"me"}'))
    changed = await backend.feedback.patch_score(score.score_id, patch)
    fields = {"value_num": 0.5, "comment": "near", "metadata": '{"by":"me"}'}
    assert changed == replace(score, **fields, updated_at=later)  # type: ignore[arg-type]
    for wrong in (ScorePatch(1e13), ScorePatch(value_json=JsonText("1"))):
        refused = backend.feedback.patch_score(score.score_id, wrong)
        assert isinstance(await error_of(refused), InvalidRequest)
    assert await backend.feedback.patch_score(score.score_id, ScorePatch()) == changed


async def test_a_thumb_is_a_score(backend: Backend) -> None:
    """F7. It has one id in both lists; other scores are in one, and no thumb to any method."""
    vote = await backend.feedback.create(new_feedback(rating=-1))
    other = await kept(backend, EVERY_FORM[0])
    score = await backend.feedback.get_score(vote.feedback_id)
    assert (score.rating, score.value_num, score.name) == (-1, 0.0, "user_feedback")
    assert [each.feedback_id for each in (await backend.feedback.list()).items] == [score.score_id]
    assert len((await backend.feedback.scores()).items) == 2
    assert await backend.feedback.find(other.score_id) is None
    assert type(await error_of(backend.feedback.delete(other.score_id))) is NotFound
    await backend.feedback.patch(vote.feedback_id, FeedbackPatch(rating=1))
    assert (await backend.feedback.get_score(vote.feedback_id)).value_num == 1
    await backend.feedback.patch_score(vote.feedback_id, ScorePatch(0.0))
    assert (await backend.feedback.get(vote.feedback_id)).rating == -1
    await backend.feedback.delete(vote.feedback_id)
    assert await backend.feedback.find_score(vote.feedback_id) is None


async def test_scores_are_narrowed(backend: Backend, clock: StoppedClock) -> None:
    """F5. By everything that can be asked of one, page by page."""
    for new in EVERY_FORM:
        await kept(backend, new)
        clock.advance()
    queries = {
        ScoreQuery(name="tone"): ["tone"],
        ScoreQuery(data_type="json"): ["plan"],
        ScoreQuery(min_value=0.1, max_value=0.5): ["accuracy"],
        ScoreQuery(max_value=0): ["user_feedback"],
        ScoreQuery(label="high"): ["accuracy"],
        ScoreQuery(source="human"): ["user_feedback", "plan", "better", "remark"],
        ScoreQuery(model="granite", trace_id="t"): ["user_feedback"],
        ScoreQuery(has_comment=True): ["remark"],
        ScoreQuery(has_comment=False, has_correction=False, source="code"): ["tone"],
        ScoreQuery(has_correction=True): ["better"],
        ScoreQuery(q="zürich"): ["remark"],
        ScoreQuery(q="rain*"): ["better"],
        ScoreQuery(q="rain"): [],
        ScoreQuery(rating=-1): ["user_feedback"],
    }
    for query, expected in queries.items():
        for limit in (1, 50):
            found = await all_of(backend.feedback.scores, replace(query, limit=limit))
            assert [score.name for score in found] == expected, query


async def test_a_vote_knows_its_turn(backend: Backend, acting_as: Actor) -> None:
    """F8. By its number or any message in it, it carries the answer's agent, trace and model."""
    await talk(acting_as("router"), "s", 1)
    begun = trace("t1", session_id="s", model="granite", started_at=Micros(NOON + 1))
    await acting_as("weather").traces.put(begun)
    await talk(acting_as("weather"), "s", 1, start=1)
    for named in ({"turn_index": 1}, {"message_id": "q1"}, {"message_id": "r1"}):
        turn = (await kept(backend, NewScore(value_num=1, session_id="s", **named))).turn
        assert (turn.state, turn.session_id, turn.index) == ("bound", "s", 1)
        assert (turn.message_id, turn.seq, turn.agent) == ("a1", 8, "weather")
    [first] = [(await kept(backend, NewScore(value_num=1, session_id="s", turn_index=0))).turn]
    assert (first.message_id, first.agent) == ("a0", "router")


@pytest.mark.parametrize("spelling", [KEY, f"tr-{KEY}", f"trace_{KEY.upper()}"])
async def test_a_vote_on_a_trace_is_of_the_turn_that_it_wrote(
    backend: Backend, acting_as: Actor, clock: StoppedClock, spelling: str
) -> None:
    """F8. In whichever spelling of its id, and it is found by each."""
    await talk(acting_as("weather"), "s", 1)
    began = clock.advance()
    spans = request_spans(KEY, prefix="p")
    await acting_as("weather").traces.put(
        trace(KEY, session_id="s", model="granite", started_at=began, spans=spans)
    )
    clock.advance()
    await talk(acting_as("weather"), "s", 2, start=1)
    vote = await backend.feedback.create(NewFeedback(-1, trace_id=spelling))
    assert vote.trace_id == spelling
    turn = vote.turn
    assert (turn.state, turn.index, turn.message_id, turn.trace_id) == ("bound", 1, "a1", KEY)
    assert (turn.agent, turn.model) == ("weather", "granite")
    for query in (
        FeedbackQuery(trace_id=f"tr-{KEY}"),
        FeedbackQuery(session_id="s"),
        FeedbackQuery(agent="weather", model="granite"),
    ):
        assert [each.turn for each in (await backend.feedback.list(query)).items] == [turn]
    [summary] = (await backend.traces.list()).items
    assert summary.thumbs_down == 1


async def test_what_comes_late_is_bound_when_it_is_there(
    backend: Backend, acting_as: Actor, clock: StoppedClock
) -> None:
    """F8. A vote for a turn that does not exist stays pending; a read sees what came meanwhile."""
    by_index = await backend.feedback.create(NewFeedback(1, session_id="s", turn_index=1))
    by_message = await kept(backend, NewScore(value_num=0, session_id="s", message_id="a0"))
    by_trace = await backend.feedback.create(NewFeedback(-1, trace_id=f"tr-{KEY}"))
    states = {by_index.turn.state, by_message.turn.state, by_trace.turn.state}
    assert states == {"pending"}
    await talk(acting_as("weather"), "s", 1)
    assert (await backend.feedback.get(by_index.feedback_id)).turn.state == "pending"
    began = clock.advance()
    await acting_as("weather").traces.put(
        trace(KEY, session_id="s", model="granite", started_at=began)
    )
    found = (await backend.feedback.get(by_trace.feedback_id)).turn
    assert (found.state, found.trace_id, found.model, found.index) == (
        "bound",
        KEY,
        "granite",
        None,
    )
    await talk(acting_as("billing"), "s", 1, start=1)
    page = await backend.feedback.list(FeedbackQuery(agent="billing"))
    assert {each.feedback_id for each in page.items} == {
        by_index.feedback_id,
        by_trace.feedback_id,
    }
    assert {each.turn.message_id for each in page.items} == {"a1"}
    score = await backend.feedback.get_score(by_message.score_id)
    assert (score.turn.message_id, score.turn.agent) == ("a0", "weather")
    counted = await backend.feedback.score_stats(ScoreStatsQuery(group_by="agent"))
    assert {each.group: each.tally.count for each in counted} == {"weather": 1, "billing": 2}


async def test_a_list_has_question_and_answer_when_asked(backend: Backend) -> None:
    """F8. As they were sent; those of a trace that has no session are what its root says."""
    await talk(backend, "s", 2)
    await backend.feedback.create(NewFeedback(1, session_id="s", turn_index=1))
    [vote] = (await backend.feedback.list(FeedbackQuery(turns=True))).items
    assert vote.question == message("q1", "question 1")
    assert vote.answer == message("a1", "answer 1", role="assistant")
    [plain] = (await backend.feedback.list()).items
    assert (plain.question, plain.answer) == (None, None)


async def test_a_score_sent_again_is_kept_once(backend: Backend, acting_as: Actor) -> None:
    """F10. By its id or an idempotency key; the id of another author's is a conflict."""
    new = replace(EVERY_FORM[0], score_id="mine")
    first = await kept(acting_as("judge"), new)
    assert await kept(acting_as("judge"), new) == first
    changed = await kept(acting_as("judge"), replace(new, value_num=0.5))
    assert (changed.score_id, changed.value_num) == ("mine", 0.5)
    refused = acting_as("eve").feedback.put_scores([EVERY_FORM[1], new])
    assert type(await error_of(refused)) is Conflict
    store = acting_as("judge").feedback
    assert await store.put_scores(EVERY_FORM, key="k") == await store.put_scores(
        EVERY_FORM, key="k"
    )
    other = store.put_scores([replace(EVERY_FORM[0], comment="another")], key="k")
    assert type(await error_of(other)) is Conflict
    assert len((await backend.feedback.scores()).items) == 1 + len(EVERY_FORM)
    rated = NewScore("fit", "numeric", 1, trace_id="t", identifier="run")
    for author, value in (("judge", 1.0), ("judge", 0.5), ("critic", 0.25)):
        await kept(acting_as(author), replace(rated, value_num=value))
    found = (await backend.feedback.scores(ScoreQuery(name="fit"))).items
    assert sorted((each.author, each.value_num) for each in found) == [
        ("critic", 0.25),
        ("judge", 0.5),
    ]


async def test_a_score_that_comes_late_again_undoes_no_change(
    backend: Backend, clock: StoppedClock
) -> None:
    """F10. What its key asked for was done, and more was done since."""
    [made] = await backend.feedback.put_scores([NewScore(value_num=1)], key="k")
    clock.advance()
    changed = await backend.feedback.patch_score(made.score_id, ScorePatch(0, comment="no"))
    assert await backend.feedback.put_scores([NewScore(value_num=1)], key="k") == (changed,)


async def test_a_user_has_one_vote_on_a_turn(backend: Backend, clock: StoppedClock) -> None:
    """F9. However the turn is named; two votes that turn out to be one are the later one."""
    author = Author(agent="web", user="ada", actor="user:ada", delegation="verified")
    ada = backend.bind(Scope(author=author))
    await talk(backend, "s", 1)
    first = await ada.feedback.create(NewFeedback(1, session_id="s", turn_index=0, comment="ok"))
    again = await kept(ada, NewScore(value_num=0, session_id="s", message_id="a0"))
    assert (again.score_id, again.rating, again.comment) == (first.feedback_id, -1, "ok")
    early = await ada.feedback.create(NewFeedback(1, session_id="s", turn_index=1))
    clock.advance()
    later = await kept(ada, NewScore(value_num=0, session_id="s", message_id="a1"))
    assert later.score_id != early.feedback_id
    await talk(backend, "s", 1, start=1)
    page = await backend.feedback.list()
    assert {each.feedback_id for each in page.items} == {first.feedback_id, later.score_id}
    assert (await backend.feedback.get_score(early.feedback_id)).superseded_by == later.score_id
    assert [each.thumbs_down for each in await backend.feedback.stats()] == [2]
    assert [each.thumbs_up for each in await backend.feedback.stats()] == [0]


async def test_votes_of_nobody_in_particular_all_stand(backend: Backend) -> None:
    """F9. An anonymous caller is not a user."""
    for _ in range(3):
        await backend.feedback.create(NewFeedback(1, session_id="s", turn_index=0))
    await talk(backend, "s", 1)
    assert len((await backend.feedback.list()).items) == 3
