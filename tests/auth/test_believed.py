"""How long what was looked up of the bearer of a token is believed."""

from __future__ import annotations

from dataclasses import dataclass, replace

import pytest

from commonhold.auth.acting import Tokens
from commonhold.auth.issuers import Issuer, Issuers
from commonhold.auth.roster import Roster
from commonhold.auth.tokens import VerifiedToken
from commonhold.errors import AgentDisabled
from commonhold.model.clock import Micros
from commonhold.model.registry import Identity, Registered

SECOND = 1_000_000
START = Micros(0)
ISSUER = Issuer("sso", "https://sso.example/realms/fleet", ("commonhold",))
WEATHER = Registered("default", "weather", "active", (), "sys:test", START, START)


@dataclass
class Desk:
    """The agent that the client of a token is, and the time; it counts how often it is asked."""

    agent: Registered = WEATHER
    now: Micros = START
    asked: int = 0

    async def find(self, _identity: Identity) -> Registered:
        self.asked += 1
        return self.agent

    def tokens(self) -> Tokens:
        """What one process believes."""
        return Tokens(Issuers([ISSUER]), Roster(self.find, lambda: self.now), now=lambda: self.now)


async def test_every_replica_heeds_within_two_seconds_that_the_agent_of_a_token_is_disabled() -> (
    None
):
    """However what was looked up and what was made of it fall together; until then nobody is asked."""
    desk = Desk()
    tokens = desk.tokens()
    first, late = (
        VerifiedToken(ISSUER, f"user{n}", {}, Micros(60 * SECOND), "weather-client")
        for n in range(2)
    )
    assert (await tokens.resolve(first)).agent == "weather"
    desk.agent = replace(WEATHER, status="disabled")
    for at in range(0, SECOND, SECOND // 8):
        desk.now = Micros(at)
        assert {(await tokens.resolve(each)).user for each in (first, late)} == {"user0", "user1"}
    assert desk.asked == 1

    desk.now = Micros(2 * SECOND)
    for each in (first, late):
        with pytest.raises(AgentDisabled):
            await tokens.resolve(each)


async def test_the_process_that_disables_an_agent_heeds_it_at_once() -> None:
    """It forgets what it believes."""
    desk = Desk()
    tokens = desk.tokens()
    token = VerifiedToken(ISSUER, "ada", {}, Micros(60 * SECOND), "weather-client")
    await tokens.resolve(token)
    desk.agent = replace(WEATHER, status="disabled")
    tokens.forget()
    with pytest.raises(AgentDisabled):
        await tokens.resolve(token)
