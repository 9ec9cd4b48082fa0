"""Feedback: kept, changed, and listed."""

from __future__ import annotations

from dataclasses import replace

import pytest

from commonhold.contract.stores import Backend
from commonhold.errors import InvalidRequest, NotFound
from commonhold.model.feedback import ANONYMOUS, FeedbackPatch, FeedbackQuery, NewFeedback
from commonhold.model.scope import Author, Scope
from commonhold.testing.conformance import Actor, StoppedClock
from commonhold.testing.factories import new_feedback
from commonhold.testing.suite.reading import all_of, error_of


async def test_a_vote_is_there(backend: Backend) -> None:
    """F1. What `create` returns is what can be read afterwards."""
    new = new_feedback(
        correction="It rains.",
        model_id="granite-4",
        latency_ms=0.30000000000000004,
        turn_index=3,
        agent_type="weather",
    )
    made = await backend.feedback.create(new)
    for name in NewFeedback.__slots__:
        assert getattr(made, name) == getattr(new, name)
    assert await backend.feedback.get(made.feedback_id) == made
    assert await backend.feedback.find(made.feedback_id) == made


async def test_the_store_gives_id_and_time(backend: Backend, clock: StoppedClock) -> None:
    """F2. Two votes with the same words are two records; nobody in particular is anonymous."""
    first = await backend.feedback.create(new_feedback())
    second = await backend.feedback.create(new_feedback())
    assert first.feedback_id != second.feedback_id
    assert (first.created_at, first.updated_at) == (clock.at, clock.at)
    assert first.user_id == ANONYMOUS


async def test_a_vote_names_the_agent_that_brought_it(acting_as: Actor) -> None:
    """F2. It is the writer, whatever `agent_type` says."""
    made = await acting_as("weather").feedback.create(new_feedback(agent_type="billing"))
    assert (made.agent, made.agent_type) == ("weather", "billing")


async def test_a_vote_names_the_user_on_whose_behalf_it_came(backend: Backend) -> None:
    """F2. The user is the one the store was bound to."""
    author = Author(agent="weather", user="ada", actor="user:ada", delegation="verified")
    made = await backend.bind(Scope(author=author)).feedback.create(new_feedback())
    assert made.user_id == "ada"
    page = await backend.feedback.list(FeedbackQuery(user_id="ada"))
    assert [item.feedback_id for item in page.items] == [made.feedback_id]


async def test_a_vote_may_be_about_what_does_not_exist_yet(backend: Backend) -> None:
    """F3. Its ids are kept as given."""
    made = await backend.feedback.create(NewFeedback(1, trace_id="later", session_id="too"))
    found = await backend.feedback.get(made.feedback_id)
    assert (found.trace_id, found.session_id) == ("later", "too")


async def test_no_trace_id_is_made_up(backend: Backend) -> None:
    """F3. A vote about nothing in particular has none, in every answer."""
    made = await backend.feedback.create(NewFeedback(-1))
    assert (made.trace_id, made.session_id) == (None, None)
    assert await backend.feedback.get(made.feedback_id) == made
    assert (await backend.feedback.list()).items == (made,)
    patched = await backend.feedback.patch(made.feedback_id, FeedbackPatch(rating=1))
    assert patched.trace_id is None


@pytest.mark.parametrize("text", ["Zürich 😀 日本", "a\tb\r\nc", '"quoted" \\', "x" * 65_536, ""])
async def test_words_come_back_as_they_were_typed(backend: Backend, text: str) -> None:
    """F1. Comment and correction are the user's."""
    made = await backend.feedback.create(new_feedback(comment=text, correction=text))
    found = await backend.feedback.get(made.feedback_id)
    assert (found.comment, found.correction) == (text, text)


async def test_a_vote_that_is_not_there_is_not_found(backend: Backend) -> None:
    """F1. An id that could not be stored is like any other."""
    for feedback_id in ("fb_nothing", "", "a/b", "a?b", "a\0b", "x" * 129, "\ud800"):
        assert await backend.feedback.find(feedback_id) is None
        assert type(await error_of(backend.feedback.get(feedback_id))) is NotFound
        patch = backend.feedback.patch(feedback_id, FeedbackPatch(rating=1))
        assert type(await error_of(patch)) is NotFound
        patch = backend.feedback.patch(feedback_id, FeedbackPatch())
        assert type(await error_of(patch)) is NotFound


async def test_a_patch_changes_what_it_names(backend: Backend, clock: StoppedClock) -> None:
    """F1. Everything else stays, the time of creation too."""
    made = await backend.feedback.create(new_feedback(correction="kept"))
    later = clock.advance()
    patched = await backend.feedback.patch(made.feedback_id, FeedbackPatch(rating=-1, comment="no"))
    assert patched == replace(made, rating=-1, comment="no", updated_at=later)
    assert await backend.feedback.get(made.feedback_id) == patched


async def test_an_empty_string_clears_a_text(backend: Backend) -> None:
    """F1. A user who takes a comment back leaves none."""
    made = await backend.feedback.create(new_feedback(comment="hasty", correction="kept"))
    patched = await backend.feedback.patch(made.feedback_id, FeedbackPatch(comment=""))
    assert (patched.comment or "", patched.correction) == ("", "kept")
    assert await backend.feedback.get(made.feedback_id) == patched


async def test_an_empty_patch_of_a_vote_only_reads(backend: Backend, clock: StoppedClock) -> None:
    """F1. Not even the time of the last change moves."""
    made = await backend.feedback.create(new_feedback())
    clock.advance()
    assert await backend.feedback.patch(made.feedback_id, FeedbackPatch()) == made
    assert await backend.feedback.get(made.feedback_id) == made


@pytest.mark.parametrize("text", ["a\0b", "\ud800"], ids=["nul", "surrogate"])
@pytest.mark.parametrize("name", ["comment", "correction", "model_id", "agent_type"])
async def test_a_text_that_cannot_be_kept_is_refused(
    backend: Backend, name: str, text: str
) -> None:
    """F1. The same on every store, and nothing is kept of it."""

    async def create() -> None:
        await backend.feedback.create(new_feedback(**{name: text}))

    assert isinstance(await error_of(create()), InvalidRequest)
    assert (await backend.feedback.list()).items == ()


async def test_a_store_with_no_feedback_lists_none(backend: Backend) -> None:
    """F5. The page is empty and the last."""
    page = await backend.feedback.list()
    assert (page.items, page.cursor) == ((), None)


async def test_votes_are_listed_newest_first(backend: Backend, clock: StoppedClock) -> None:
    """F5. By creation: a patch does not move a vote."""
    made = []
    for _ in range(5):
        made.append((await backend.feedback.create(new_feedback())).feedback_id)
        clock.advance()
    await backend.feedback.patch(made[0], FeedbackPatch(rating=-1))
    page = await backend.feedback.list()
    assert [item.feedback_id for item in page.items] == made[::-1]
    assert page.items[-1] == await backend.feedback.get(made[0])


async def test_votes_of_one_instant_are_listed_by_id(backend: Backend, clock: StoppedClock) -> None:
    """F5. The order is total, so that a page of one finds each once."""
    made = [(await backend.feedback.create(new_feedback())).feedback_id for _ in range(7)]
    whole = [item.feedback_id for item in (await backend.feedback.list()).items]
    assert whole in (sorted(made), sorted(made, reverse=True))
    single = await all_of(backend.feedback.list, FeedbackQuery(limit=1))
    assert [item.feedback_id for item in single] == whole


async def test_a_cursor_goes_on_while_votes_arrive(backend: Backend, clock: StoppedClock) -> None:
    """F5. No repeat and no gap, though all of them are of one instant."""
    made = {(await backend.feedback.create(new_feedback())).feedback_id for _ in range(6)}
    first = await backend.feedback.list(FeedbackQuery(limit=3))
    clock.advance()
    for _ in range(3):
        await backend.feedback.create(new_feedback())
    second = await backend.feedback.list(FeedbackQuery(limit=3, cursor=first.cursor))
    seen = [item.feedback_id for item in first.items + second.items]
    assert len(seen) == 6
    assert set(seen) == made


async def test_every_vote_is_found_page_by_page(backend: Backend) -> None:
    """F5. Deep into a list nothing is skipped or shown twice; `offset` counts from the newest."""
    made = {(await backend.feedback.create(new_feedback())).feedback_id for _ in range(45)}
    found = await all_of(backend.feedback.list, FeedbackQuery(limit=7))
    assert len(found) == 45
    assert {item.feedback_id for item in found} == made
    page = await backend.feedback.list(FeedbackQuery(limit=5, offset=20))
    assert list(page.items) == found[20:25]


async def test_votes_are_narrowed(backend: Backend, clock: StoppedClock) -> None:
    """F5. By what they are about, their rating and their time; filters hold on every page."""
    start = clock.at
    for n in range(8):
        await backend.feedback.create(
            NewFeedback(
                rating=1 if n % 2 else -1,
                trace_id=f"t{n // 4}",
                session_id=f"s{n % 3}",
                agent_type="weather" if n < 6 else None,
                turn_index=n,
            )
        )
        clock.advance()
    second = 1_000_000
    queries = {
        FeedbackQuery(rating=-1): [6, 4, 2, 0],
        FeedbackQuery(trace_id="t1"): [7, 6, 5, 4],
        FeedbackQuery(session_id="s0"): [6, 3, 0],
        FeedbackQuery(agent_type="weather", rating=1): [5, 3, 1],
        FeedbackQuery(user_id=ANONYMOUS, trace_id="t0"): [3, 2, 1, 0],
        FeedbackQuery(user_id="nobody"): [],
        FeedbackQuery(
            since=type(start)(start + 2 * second), until=type(start)(start + 5 * second)
        ): [4, 3, 2],
    }
    for query, expected in queries.items():
        for limit in (1, 50):
            found = await all_of(backend.feedback.list, replace(query, limit=limit))
            assert [item.turn_index for item in found] == expected


@pytest.mark.parametrize(
    "query",
    [
        FeedbackQuery(cursor="not a cursor"),
        FeedbackQuery(cursor="Wzk5OTk5OTk5OTk5OTk5OTk5OTk5OTksICJ4Il0"),
        FeedbackQuery(cursor="WzEsICJcdTAwMDAiXQ"),
    ],
    ids=lambda query: query.cursor,
)
async def test_a_cursor_that_is_none_is_refused(backend: Backend, query: FeedbackQuery) -> None:
    """F5. It was not made by an earlier page."""
    assert isinstance(await error_of(backend.feedback.list(query)), InvalidRequest)
