"""A database of either kind, and what delivers from it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass

import pytest

from commonhold.client.pinned import PinnedPoster
from commonhold.model import clock
from commonhold.model.clock import Micros
from commonhold.model.score import NewScore
from commonhold.model.webhook import Conditions, Delivery, DeliveryQuery, NewWebhook, Webhook
from commonhold.service.webhook_targets import Targets
from commonhold.service.webhooks import Courier
from commonhold.sql import SqlBackend, open_backend
from commonhold.sql.webhook_outbox import SqlOutbox
from tests.webhooks.receiver import Receiver

DOWN = Conditions(rating="down")


@dataclass(slots=True)
class Later:
    """A clock that is so many seconds ahead."""

    ahead_s: float = 0

    def __call__(self) -> Micros:
        return Micros(clock.now() + int(self.ahead_s * 1_000_000))


@dataclass(slots=True)
class Post:
    """A database with webhooks, and a courier whose clock the test puts forward."""

    backend: SqlBackend
    outbox: SqlOutbox
    courier: Courier
    clock: Later

    async def hook(self, receiver: Receiver, conditions: Conditions = DOWN) -> Webhook:
        """A webhook to a receiver."""
        return await self.backend.webhooks.create(NewWebhook(receiver.url, conditions))

    async def vote(self, *values: float, name: str = "user_feedback") -> Sequence[str]:
        """Scores with these values; their ids."""
        kind = "boolean" if name == "user_feedback" else "numeric"
        new = [NewScore(name, kind, value) for value in values]  # type: ignore[arg-type]
        return [each.score_id for each in await self.backend.feedback.put_scores(new)]

    async def round(self, after_s: float = 0) -> None:
        """After a time, evaluate everything, and try once to deliver all that is due."""
        self.clock.ahead_s += after_s
        while await self.outbox.evaluate():
            pass
        await self.courier.start()
        await self.courier.finish()

    async def deliveries(self, hook: Webhook, state: str | None = None) -> Sequence[Delivery]:
        """What is known of a webhook's deliveries."""
        page = await self.backend.webhooks.deliveries(hook.webhook_id, DeliveryQuery(state))
        return page.items


@pytest.fixture(params=["sqlite", "postgres"])
async def post(request: pytest.FixtureRequest) -> AsyncIterator[Post]:
    """On either database."""
    is_sqlite = request.param == "sqlite"
    url = "sqlite:///:memory:" if is_sqlite else request.getfixturevalue("postgres_url")
    async with await open_backend(url) as backend:
        later, poster = Later(), PinnedPoster()
        outbox, targets = SqlOutbox(backend.database, later), Targets(["127.0.0.0/8"])
        courier = Courier(outbox, targets, poster.post, now=later)
        yield Post(backend, outbox, courier, later)
        await courier.aclose()
        targets.close()
        await poster.aclose()


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    """One that is up."""
    async with Receiver() as made:
        yield made
