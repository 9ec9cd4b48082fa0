"""Sessions: many agents write to one, and none changes what another wrote."""

from __future__ import annotations

from commonhold.contract.stores import Backend
from commonhold.model.session import NewSession
from commonhold.testing.conformance import Actor
from commonhold.testing.factories import message, messages
from commonhold.testing.suite.reading import live_of, log_of


async def test_a_row_of_the_log_names_the_agent_that_wrote_it(acting_as: Actor) -> None:
    """S2. A session names the agent that created it."""
    billing, weather = acting_as("billing"), acting_as("weather")
    await billing.sessions.put("shared", messages("b1"))
    await weather.sessions.put("shared", messages("b1", "w1"))
    assert [row.agent for row in await log_of(billing.sessions, "shared")] == ["billing", "weather"]
    assert (await weather.sessions.get("shared")).agent == "billing"


async def test_an_agent_that_leaves_out_anothers_message_removes_nothing(
    acting_as: Actor,
) -> None:
    """S2. The message stays where it was, and the answer counts it as kept."""
    billing, weather = acting_as("billing"), acting_as("weather")
    await billing.sessions.put("shared", messages("b1", "b2"))
    await weather.sessions.put("shared", messages("b1", "b2", "w1"))
    written = await weather.sessions.put("shared", messages("b2", "w1", "w2"))
    assert (written.kept, written.superseded) == (1, 0)
    assert await live_of(weather.sessions, "shared") == ["b1", "b2", "w1", "w2"]


async def test_writers_that_never_read_keep_everybodys_messages(acting_as: Actor) -> None:
    """S2. Each agent sends only its own messages, and all of them are there."""
    billing, weather = acting_as("billing"), acting_as("weather")
    await acting_as("router").sessions.create(NewSession("shared"))
    for turn in range(1, 6):
        await billing.sessions.put("shared", messages(*[f"b{n}" for n in range(turn)]))
        await weather.sessions.put("shared", messages(*[f"w{n}" for n in range(turn)]))
    live = await live_of(billing.sessions, "shared")
    assert sorted(live) == sorted(f"{who}{n}" for who in "bw" for n in range(5))
    for who in "bw":
        assert [name for name in live if name[0] == who] == [f"{who}{n}" for n in range(5)]


async def test_an_agent_supersedes_its_own_messages_among_others(acting_as: Actor) -> None:
    """S2. Leaving out one's own is compaction, also in a session of another agent."""
    billing, weather = acting_as("billing"), acting_as("weather")
    await billing.sessions.put("shared", messages("b1"))
    await weather.sessions.put("shared", messages("b1", "w1", "w2", "w3"))
    written = await weather.sessions.put("shared", messages("b1", "w3"))
    assert (written.kept, written.superseded) == (0, 2)
    assert await live_of(weather.sessions, "shared") == ["b1", "w3"]


async def test_an_agent_cannot_edit_what_another_wrote(acting_as: Actor) -> None:
    """S2. Its version of the message is not taken, and that is counted as kept."""
    billing, weather = acting_as("billing"), acting_as("weather")
    await billing.sessions.put("shared", messages("b1", "b2"))
    forged = [message("b1", "forged"), *messages("b2", "w1")]
    written = await weather.sessions.put("shared", forged)
    assert written.kept == 1
    rows = await log_of(weather.sessions, "shared")
    assert [row.content for row in rows] == messages("b1", "b2", "w1")
    assert [row.agent for row in rows] == ["billing", "billing", "weather"]


async def test_replace_keeps_what_others_wrote(acting_as: Actor) -> None:
    """S2. An exact replacement is exact only about messages that are the writer's to remove."""
    billing, weather = acting_as("billing"), acting_as("weather")
    await billing.sessions.put("shared", messages("b1", "b2"))
    await weather.sessions.put("shared", messages("b1", "b2", "w1"))
    written = await weather.sessions.put("shared", messages("x1"), mode="replace")
    assert (written.kept, written.superseded) == (2, 1)
    assert await live_of(weather.sessions, "shared") == ["b1", "b2", "x1"]


async def test_if_match_keeps_what_others_wrote(acting_as: Actor) -> None:
    """S2. Having seen a message does not make it one's own."""
    billing, weather = acting_as("billing"), acting_as("weather")
    seen = await billing.sessions.put("shared", messages("b1"))
    written = await weather.sessions.put("shared", messages("w1"), if_match=seen.version)
    assert written.kept == 1
    assert set(await live_of(weather.sessions, "shared")) == {"b1", "w1"}


async def test_the_holder_may_supersede_what_others_wrote(acting_as: Actor) -> None:
    """S2. Who created a session may compact all of it; it stays readable."""
    billing, weather = acting_as("billing"), acting_as("weather")
    await billing.sessions.create(NewSession("shared"))
    await billing.sessions.put("shared", messages("b1"))
    await weather.sessions.put("shared", messages("b1", "w1", "w2"))
    written = await billing.sessions.put("shared", messages("summary", "w2"))
    assert (written.kept, written.superseded) == (0, 2)
    assert await live_of(billing.sessions, "shared") == ["summary", "w2"]
    rows = await log_of(billing.sessions, "shared")
    assert [row.message_id for row in rows] == ["b1", "w1", "w2", "summary"]


async def test_who_saves_first_holds_the_session(acting_as: Actor) -> None:
    """S2. A session made by a PUT is held like one made by `create`."""
    billing, weather = acting_as("billing"), acting_as("weather")
    await billing.sessions.put("shared", messages("b1"))
    await weather.sessions.put("shared", messages("b1", "w1"))
    written = await billing.sessions.put("shared", messages("b1"), mode="replace")
    assert (written.kept, written.superseded) == (0, 1)


async def test_a_list_that_shares_nothing_leaves_others_messages_alone(acting_as: Actor) -> None:
    """S3. A first save by an agent that had seen nothing is added to what is there."""
    billing, weather = acting_as("billing"), acting_as("weather")
    await billing.sessions.put("shared", messages("b1", "b2"))
    await weather.sessions.put("shared", messages("w1"))
    assert await live_of(weather.sessions, "shared") == ["b1", "b2", "w1"]


async def test_a_revert_keeps_what_others_wrote(acting_as: Actor) -> None:
    """S2. It supersedes the reverting agent's messages only, unless it holds the session."""
    billing, weather = acting_as("billing"), acting_as("weather")
    await billing.sessions.put("shared", messages("b1"))
    await weather.sessions.put("shared", messages("b1", "w1"))
    await billing.sessions.put("shared", messages("b1", "w1", "b2"))
    written = await weather.sessions.revert("shared", to=0)
    assert (written.kept, written.superseded) == (2, 1)
    assert await live_of(weather.sessions, "shared") == ["b1", "b2"]


async def test_a_fork_belongs_to_who_made_it(acting_as: Actor) -> None:
    """S2. Its messages keep their authors, and its maker may compact them."""
    billing, weather = acting_as("billing"), acting_as("weather")
    await billing.sessions.put("shared", messages("b1", "b2"))
    fork = await weather.sessions.fork("shared")
    rows = await log_of(weather.sessions, fork.session_id)
    assert fork.agent == "weather"
    assert [row.agent for row in rows] == ["billing", "billing"]
    written = await weather.sessions.put(fork.session_id, messages("summary", "b2"))
    assert (written.kept, written.superseded) == (0, 1)
    assert await live_of(billing.sessions, "shared") == ["b1", "b2"]


async def test_the_same_id_from_two_agents_stays_the_first_ones(
    backend: Backend, acting_as: Actor
) -> None:
    """S2. A message id is not a way to replace what another wrote."""
    billing, weather = acting_as("billing"), acting_as("weather")
    await billing.sessions.put("shared", [message("m1", "from billing")])
    await weather.sessions.put("shared", [message("m1", "from weather")])
    rows = await log_of(backend.sessions, "shared")
    assert rows[0].content == message("m1", "from billing")
    assert (rows[0].superseded_at, rows[0].agent) == (None, "billing")
