"""Webhooks checked before they are kept, and events brought to their receivers."""

from __future__ import annotations

import asyncio
import base64
import hmac
import logging
import random
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

from commonhold._version import __version__
from commonhold.contract.webhooks import Outbox, Webhooks
from commonhold.errors import InvalidRequest, Unavailable
from commonhold.model import clock
from commonhold.model.clock import Clock, Micros
from commonhold.model.page import Page
from commonhold.model.webhook import (
    Address,
    Batch,
    Delivery,
    DeliveryQuery,
    DeliveryState,
    Letter,
    NewWebhook,
    Outcome,
    Webhook,
    WebhookPatch,
)
from commonhold.service.webhook_targets import Targets

TIMEOUT_S = 10.0
CLAIM_US = 30_000_000
"""How long one attempt may take, in seconds; how long a claim holds if its owner crashed."""

RECEIVERS = 64
"""Receivers that are sent to side by side: a slow one takes one place, and no other's."""

_log = logging.getLogger("commonhold.service")
_SECRET_PREFIX = "whsec_"  # noqa: S105  (what says that a text is a secret)

Post = Callable[[str, str, Mapping[str, str], bytes], Awaitable[tuple[int, str]]]
"""POST to a URL at an address, with headers and a body: the status, and how the answer begins.

Raises `Unavailable` where there is no answer.
"""


class CheckedWebhooks:
    """`contract.webhooks.Webhooks` that lets no URL in which leads where none may."""

    def __init__(self, kept: Webhooks, targets: Targets) -> None:
        self._kept = kept
        self._targets = targets

    async def create(self, new: NewWebhook, /) -> Webhook:
        await self._targets.find(new.url)
        return await self._kept.create(new)

    async def list(self) -> tuple[Webhook, ...]:
        return await self._kept.list()

    async def get(self, webhook_id: str, /) -> Webhook:
        return await self._kept.get(webhook_id)

    async def patch(self, webhook_id: str, patch: WebhookPatch, /) -> Webhook:
        if patch.url is not None:
            await self._targets.find(patch.url)
        return await self._kept.patch(webhook_id, patch)

    async def delete(self, webhook_id: str, /) -> None:
        await self._kept.delete(webhook_id)

    async def deliveries(
        self, webhook_id: str, query: DeliveryQuery = DeliveryQuery(), /
    ) -> Page[Delivery]:
        return await self._kept.deliveries(webhook_id, query)

    async def retry(self, webhook_id: str, delivery_id: str, /) -> Delivery:
        return await self._kept.retry(webhook_id, delivery_id)

    async def test(self, webhook_id: str, /) -> Delivery:
        return await self._kept.test(webhook_id)


@dataclass(frozen=True, slots=True)
class Backoff:
    """When what failed is tried again: from `first_s` to `last_s`, then given up.

    Each pause is `factor` times the one before, and up to a fifth longer or shorter, so that what
    failed together does not come back together.
    """

    first_s: float = 5.0
    last_s: float = 6 * 3600.0
    factor: float = 2.31
    attempts: int = 12

    def next_at(self, now: Micros, attempts: int) -> Micros | None:
        """When to try again after so many attempts; None when it is given up."""
        if attempts >= self.attempts:
            return None
        pause_s = min(self.first_s * self.factor ** (attempts - 1), self.last_s)
        spread = random.uniform(0.8, 1.2)  # noqa: S311  (not a secret)
        return Micros(now + int(pause_s * spread * 1_000_000))


class Courier:
    """Brings what is in the outbox to its receivers, one task for each of them.

    `delivered`, `failed` and `dead` count since the start: deliveries, attempts, deliveries.
    """

    def __init__(
        self,
        outbox: Outbox,
        targets: Targets,
        post: Post,
        *,
        backoff: Backoff | None = None,
        now: Clock = clock.now,
    ) -> None:
        self._outbox = outbox
        self._targets = targets
        self._post = post
        self._backoff = backoff or Backoff()
        self._now = now
        self._tasks: dict[Address, asyncio.Task[None]] = {}
        self.delivered = self.failed = self.dead = 0

    async def start(self) -> int:
        """Begin with every receiver that waits and has a place; how many those are."""
        self._reap()
        begun = 0
        for address in await self._outbox.waiting(RECEIVERS):
            if address not in self._tasks and len(self._tasks) < RECEIVERS:
                self._tasks[address] = asyncio.create_task(self._serve(address))
                begun += 1
        return begun

    async def finish(self) -> None:
        """Return when nothing that was begun goes on."""
        await asyncio.gather(*self._tasks.values())
        self._reap()

    async def aclose(self) -> None:
        """Stop; what was under way is sent again by whoever comes next."""
        for task in self._tasks.values():
            task.cancel()
        await asyncio.gather(*self._tasks.values(), return_exceptions=True)

    def _reap(self) -> None:
        """Let go of tasks that have ended.

        Raises:
            CommonholdError: one of them could not reach the database.
        """
        ended = [self._tasks.pop(key) for key, task in [*self._tasks.items()] if task.done()]
        for task in ended:
            task.result()

    async def _serve(self, address: Address) -> None:
        """Send to one receiver whatever is due, some at a time."""
        while batch := await self._outbox.claim(address, Micros(self._now() + CLAIM_US)):
            sent = [self._send(batch, letter) for letter in batch.letters]
            await self._outbox.settle(address, await asyncio.gather(*sent))

    async def _send(self, batch: Batch, letter: Letter) -> Outcome:
        try:
            async with asyncio.timeout(TIMEOUT_S):
                target = await self._targets.find(batch.url)
                headers, body = signed(letter, batch.secret)
                status, told = await self._post(target.url, target.address, headers, body)
        except TimeoutError:
            return self._failed(letter, None, f"No answer within {TIMEOUT_S:g} s.")
        except (InvalidRequest, Unavailable) as error:
            return self._failed(letter, None, error.detail)
        except Exception as error:  # noqa: BLE001  (one letter must not stop the others)
            _log.error("A webhook could not be sent to.", exc_info=error)
            return self._failed(letter, None, f"{type(error).__name__}, which the log explains.")
        if 200 <= status < 300:
            self.delivered += 1
            return Outcome(letter.delivery_id, "delivered", self._now(), status)
        return self._failed(letter, status, told)

    def _failed(self, letter: Letter, status: int | None, error: str) -> Outcome:
        self.failed += 1
        now, is_gone = self._now(), status == 410
        again = None if is_gone else self._backoff.next_at(now, letter.attempts + 1)
        if again is None:
            self.dead += 1
        state: DeliveryState = "dead" if again is None else "pending"
        return Outcome(letter.delivery_id, state, again or now, status, error, is_gone)


def signed(letter: Letter, secret: str) -> tuple[Mapping[str, str], bytes]:
    """Headers and body as Standard Webhooks has them (https://www.standardwebhooks.com).

    The time is that of the attempt, so that a receiver can refuse what is old.
    """
    body = letter.payload.encode()
    at = str(clock.now() // 1_000_000)
    headers = {
        "Content-Type": "application/json",
        "User-Agent": f"commonhold/{__version__}",
        "Webhook-Id": letter.delivery_id,
        "Webhook-Timestamp": at,
        "Webhook-Signature": signature(secret, letter.delivery_id, at, body),
    }
    return headers, body


def signature(secret: str, event_id: str, at: str, body: bytes) -> str:
    """`v1,` and the HMAC-SHA-256 of `id.timestamp.body`, keyed with the bytes of the secret."""
    key = base64.b64decode(secret.removeprefix(_SECRET_PREFIX))
    content = b".".join((event_id.encode(), at.encode(), body))
    made = hmac.digest(key, content, "sha256")
    return f"v1,{base64.b64encode(made).decode()}"
