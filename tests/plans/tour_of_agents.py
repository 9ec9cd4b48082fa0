"""Every call about registered agents, and what a person reads and writes without one."""

from __future__ import annotations

from commonhold.model.clock import Micros
from commonhold.model.feedback import FeedbackPatch, FeedbackQuery
from commonhold.model.registry import Identity, NewAgent
from commonhold.model.scope import Author, Only, Scope
from commonhold.model.score import ScorePatch, ScoreQuery
from commonhold.model.session import MessageQuery, SessionQuery
from commonhold.model.timeline import TimelineQuery
from commonhold.service.keys import BOOTSTRAP
from commonhold.service.registry import AgentRegistry
from commonhold.sql import SqlBackend
from commonhold.sql.registry import SqlRegistry
from commonhold.testing.factories import messages, new_feedback

USER = "ada"

MANY = """INSERT INTO agent (
    tenant, agent, status, agent_types, created_by, created_at, updated_at
) SELECT 'default', 'many' || n, 'active', '[]', 'me', 1, 1 FROM (
    WITH RECURSIVE counted (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM counted WHERE n < 2400)
    SELECT n FROM counted
) AS numbers;"""


def registry(backend: SqlBackend) -> AgentRegistry:
    """The agents of a database."""
    stored = SqlRegistry(backend.database)
    return AgentRegistry(lambda: stored)


def known_as(n: int) -> Identity:
    """A client of an issuer."""
    return Identity("oidc_client", "kc", f"client-{n}")


async def settle(backend: SqlBackend) -> None:
    """Agents enough that no planner reads all of them for one."""
    agents = registry(backend)
    await backend.database.write(lambda tx: tx.script(MANY))
    for n in range(40):
        await agents.put(BOOTSTRAP, NewAgent(f"bound{n}"))
        await agents.bind(BOOTSTRAP, f"bound{n}", known_as(n))


async def visit(backend: SqlBackend) -> None:
    """Every call about registered agents."""
    agents, stored = registry(backend), SqlRegistry(backend.database)
    await stored.put("default", NewAgent("bound1", "disabled", ("planner",)), "me", Micros(1))
    assert await stored.find("default", "bound1")
    assert await stored.bound(known_as(3))
    bound = await agents.bind(BOOTSTRAP, "bound1", known_as(100))
    await agents.unbind(BOOTSTRAP, "bound1", bound.binding_id)
    assert len(await agents.list(BOOTSTRAP)) > 40
    await agents.delete(BOOTSTRAP, "bound1")


async def visit_as_user(backend: SqlBackend) -> None:
    """What a person does, of whom there are own rows only."""
    mine = backend.bind(Scope(author=Author(user=USER), only=Only(user=USER)))
    sessions, feedback = mine.sessions, mine.feedback
    await sessions.put("hers", messages("a"))
    await sessions.put("hers", messages("a", "b"))
    await sessions.append("hers", messages("c"))
    await sessions.get("hers")
    await sessions.history("hers")
    await sessions.messages("hers", MessageQuery(limit=5))
    await sessions.cost("hers")
    await sessions.state("hers")
    await sessions.revert("hers", to=1)
    await sessions.list(SessionQuery(limit=5))
    await sessions.timeline("hers", TimelineQuery(limit=5))
    made = await feedback.create(new_feedback())
    await feedback.list(FeedbackQuery(limit=5))
    await feedback.scores(ScoreQuery(limit=5))
    await feedback.find(made.feedback_id)
    await feedback.patch(made.feedback_id, FeedbackPatch(comment="c"))
    await feedback.patch_score(made.feedback_id, ScorePatch(comment="d"))
    await feedback.delete(made.feedback_id)
    await sessions.delete("hers")
