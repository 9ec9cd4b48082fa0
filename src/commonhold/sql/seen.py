"""What one process remembers of the traces it wrote, so that it need not write it again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from commonhold.model.clock import Micros
from commonhold.sql.recall import Recall
from commonhold.sql.spans import Batch

AGAIN_US = 60_000_000
"""How often it is written that an agent was seen, in microseconds: its row is shared by all."""


class News(NamedTuple):
    """Rows that the database may not have yet: of `put_emitters`, and of `see_agents`."""

    emitters: Sequence[Sequence[Any]]
    agents: Sequence[Sequence[Any]]


class Seen:
    """Emitters and agents that are known to be stored. `jobs` are what is planned for spans."""

    def __init__(self, jobs: Sequence[str]) -> None:
        self.jobs = jobs
        self._emitters: Recall[bool] = Recall()
        self._agents: Recall[int] = Recall()

    def news(self, tenant: str, batch: Batch, now: Micros) -> News:
        """What of a batch is not known yet, or was seen too long ago."""
        emitters = [
            item for item in batch.emitters.items() if not self._emitters.get((tenant, item[0]))
        ]
        agents = [
            (*key, *times)
            for key, times in _agents(batch, now).items()
            if now - (self._agents.get((tenant, "\0".join(key))) or 0) > AGAIN_US
        ]
        return News(sorted(emitters), sorted(agents))

    def keep(self, tenant: str, news: News, now: Micros) -> None:
        """Remember what was committed."""
        for emitter, _ in news.emitters:
            self._emitters.keep((tenant, emitter), True)
        for agent in news.agents:
            self._agents.keep((tenant, "\0".join(agent[:3])), now)


def _agents(batch: Batch, now: Micros) -> Mapping[tuple[str, str, str], tuple[Micros, Micros]]:
    """When each version and instance of an agent began and ended; nobody is seen in the future."""
    found: dict[tuple[str, str, str], tuple[Micros, Micros]] = {}
    for seen in batch.sightings:
        key = (seen.agent, seen.version, seen.instance)
        first, last = found.get(key, (now, Micros(0)))
        found[key] = (min(seen.first_at, first), max(min(seen.last_at, now), last))
    return found
