"""Events reach their receivers: all of them, signed, once if nothing goes wrong."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

from commonhold.model import clock, wire_scores
from commonhold.model.clock import Micros
from commonhold.model.score import ScorePatch
from commonhold.model.webhook import Conditions, DeliveryQuery, Ratio, WebhookPatch
from commonhold.sql.webhook_outbox import SqlOutbox
from tests.docs.reference import ROOT
from tests.webhooks.conftest import DOWN, Post
from tests.webhooks.receiver import Receiver


def recipe() -> Callable[..., bool]:
    """`is_signed` as the documentation shows it."""
    page = (ROOT / "docs" / "howto" / "be-told-of-bad-answers.md").read_text()
    shown: dict[str, Any] = {}
    exec(page.partition("```python\n")[2].partition("```")[0], shown)
    found: Callable[..., bool] = shown["is_signed"]
    return found


async def test_an_event_is_signed_and_has_the_score_as_it_can_be_read(
    post: Post, receiver: Receiver
) -> None:
    """A receiver can check who sent it, and need not ask for anything more."""
    hook = await post.hook(receiver)
    assert hook.secret is not None
    _, down = await post.vote(1, 0)
    await post.round()

    [got] = receiver.got
    is_signed, headers = recipe(), dict(got.headers)
    assert is_signed(hook.secret, headers, got.body)
    assert not is_signed(hook.secret, headers, got.body + b" ")
    assert not is_signed(hook.secret, headers | {"webhook-id": "evt_2"}, got.body)
    assert not is_signed(hook.secret, headers | {"webhook-timestamp": "1777903402"}, got.body)
    assert (got.target, got.headers["host"]) == ("/hook?a=b", f"127.0.0.1:{receiver.port}")
    assert got.event["type"] == "score.matched"
    assert (got.event["id"], got.event["webhook_id"]) == (receiver.ids[0], hook.webhook_id)
    told = wire_scores.score_out(await post.backend.feedback.get_score(down))
    assert got.event["data"]["score"] == {**told, "metadata": {}}
    [kept] = await post.deliveries(hook, "delivered")
    assert (kept.attempts, kept.status, kept.score_id) == (1, 200, down)
    assert (await post.backend.webhooks.get(hook.webhook_id)).secret is None


async def test_a_receiver_that_was_down_gets_everything_once_it_is_back(
    post: Post, receiver: Receiver
) -> None:
    """Whatever the failure was: nobody there, or an answer that is none."""
    hook = await post.hook(receiver)
    votes = await post.vote(*[0.0] * 20)
    await receiver.stop()
    await post.round()
    assert len(await post.deliveries(hook, "pending")) == 20
    await receiver.start()
    receiver.status = 503
    await post.round(after_s=7)
    receiver.status, receiver.got = 204, []
    await post.round(after_s=14)

    assert sorted(each.event["data"]["score"]["score_id"] for each in receiver.got) == sorted(votes)
    assert {each.attempts for each in await post.deliveries(hook, "delivered")} == {3}
    assert (post.courier.delivered, post.courier.failed, post.courier.dead) == (20, 40, 0)


async def test_what_is_given_up_can_be_seen_and_sent_again(post: Post, receiver: Receiver) -> None:
    """After the last attempt an event is dead, with its reason, until somebody asks for it."""
    hook = await post.hook(receiver)
    receiver.status, receiver.answer = 500, b"x" * 10_000
    await post.vote(0)
    for _ in range(14):
        await post.round(after_s=9 * 3600)

    [dead] = await post.deliveries(hook, "dead")
    assert (dead.attempts, dead.status, dead.error) == (12, 500, "x" * 4096)
    assert len(receiver.got) == 12
    receiver.status = 200
    again = await post.backend.webhooks.retry(hook.webhook_id, dead.delivery_id)
    assert (again.state, again.attempts) == ("pending", 0)
    await post.round()
    assert await post.deliveries(hook, "dead") == ()
    assert len(set(receiver.ids)) == 1
    assert len({got.body for got in receiver.got}) == 1


async def test_a_receiver_that_wants_no_more_is_left_alone(post: Post, receiver: Receiver) -> None:
    """410 switches the webhook off and says why; what comes then is not even looked at."""
    hook = await post.hook(receiver)
    receiver.status = 410
    await post.vote(0)
    await post.round()
    await post.vote(0)
    await post.round()

    now = await post.backend.webhooks.get(hook.webhook_id)
    assert (now.enabled, "410" in (now.disabled_because or "")) == (False, True)
    assert [each.state for each in await post.deliveries(hook)] == ["dead"]
    on = await post.backend.webhooks.patch(hook.webhook_id, WebhookPatch(enabled=True))
    assert (on.enabled, on.disabled_because) == (True, None)


async def test_no_redirect_is_followed(post: Post, receiver: Receiver) -> None:
    """It would lead where nobody has looked."""
    async with Receiver() as inside:
        hook = await post.hook(receiver)
        receiver.status, receiver.headers = 307, f"Location: {inside.url}\r\n"
        await post.vote(0)
        await post.round()

        [failed] = await post.deliveries(hook)
        assert (failed.status, inside.got) == (307, [])


async def test_a_slow_receiver_delays_no_other(post: Post, receiver: Receiver) -> None:
    """Each has a task of its own, and scores are written meanwhile."""
    async with Receiver() as slow:
        slow.hold.clear()
        await post.hook(slow)
        await post.hook(receiver)
        await post.vote(*[0.0] * 20)
        await post.outbox.evaluate()
        await post.courier.start()
        await slow.arrived.wait()
        while len(receiver.got) < 20:
            await asyncio.wait_for(receiver.arrived.wait(), 30)
            receiver.arrived.clear()
        await post.vote(0)
        assert await post.outbox.evaluate() == 1
        assert len(slow.got) == 8
        slow.hold.set()
        await post.courier.finish()
        assert len(slow.got) == 21


async def test_a_claim_is_one_couriers_until_it_ends(post: Post, receiver: Receiver) -> None:
    """Two processes send nothing twice, and what a crashed one held is sent by the other."""
    await post.hook(receiver)
    await post.vote(0)
    await post.outbox.evaluate()
    [address] = await post.outbox.waiting(10)
    batch = await post.outbox.claim(address, Micros(clock.now() + 60_000_000))
    assert batch is not None
    assert await post.outbox.claim(address, Micros(clock.now() + 60_000_000)) is None
    assert await post.outbox.waiting(10) == []
    await post.outbox.settle(address, [])

    expired = await post.outbox.claim(address, Micros(clock.now() - 1))
    assert expired is not None
    await post.round()
    assert receiver.ids == [letter.delivery_id for letter in expired.letters]


async def test_a_ratio_tells_when_it_falls_and_again_only_after_it_was_well(
    post: Post, receiver: Receiver
) -> None:
    """Not of every vote, and not of too few."""
    hook = await post.hook(receiver, Conditions(ratio=Ratio(0.5, 4)))
    for values in ([0, 0, 0], [0], [0, 0]):
        await post.vote(*map(float, values))
        await post.round()
    assert len(receiver.got) == 1
    assert receiver.got[0].event["data"] == {
        **receiver.got[0].event["data"],
        "ratio": 0.0,
        "thumbs_up": 0,
        "thumbs_down": 4,
        "below": 0.5,
        "window": "hour",
    }
    assert (await post.backend.webhooks.get(hook.webhook_id)).fired_at is not None

    await post.outbox.rearm()
    assert (await post.backend.webhooks.get(hook.webhook_id)).fired_at is not None
    await post.vote(*[1.0] * 6)
    await post.round()
    assert (await post.backend.webhooks.get(hook.webhook_id)).fired_at is None
    await post.vote(0)
    await post.round()
    assert [got.event["type"] for got in receiver.got] == ["ratio.crossed"] * 2
    for each in (await post.backend.feedback.list()).items:
        await post.backend.feedback.delete(each.feedback_id)
    await post.outbox.rearm()
    assert (await post.backend.webhooks.get(hook.webhook_id)).fired_at is None


async def test_processes_that_look_at_once_tell_once(post: Post, receiver: Receiver) -> None:
    """Each score and the ratio of them all make one event, whoever takes which scores."""
    bad = await post.hook(receiver, Conditions(ratio=Ratio(0.5, 1)))
    down = await post.hook(receiver, DOWN)
    votes = await post.vote(*[0.0] * 300)

    async def look() -> int:
        outbox = SqlOutbox(post.backend.database)
        return sum([seen async for seen in _looks(outbox)])

    assert sum(await asyncio.gather(*[look() for _ in range(4)])) == len(votes)
    assert [each.event for each in await post.deliveries(bad)] == ["ratio.crossed"]
    page = await post.backend.webhooks.deliveries(down.webhook_id, DeliveryQuery(limit=1000))
    assert sorted(str(each.score_id) for each in page.items) == sorted(votes)


async def _looks(outbox: SqlOutbox) -> AsyncIterator[int]:
    while seen := await outbox.evaluate():
        yield seen


async def test_a_change_tells_once_and_only_where_it_matches(
    post: Post, receiver: Receiver
) -> None:
    """A value that is changed is told of; a comment that is added changes no value."""
    await post.hook(receiver, Conditions(name="tone", value_below=0.5))
    [score] = await post.vote(0.9, name="tone")
    await post.vote(0.1, name="other")
    await post.round()
    assert receiver.got == []
    for patch in (ScorePatch(0.4), ScorePatch(comment="rude"), ScorePatch(0.9), ScorePatch(0.3)):
        await post.backend.feedback.patch_score(score, patch)
        await post.round()

    values = [got.event["data"]["score"]["value"] for got in receiver.got]
    assert values == [0.4, 0.3]


async def test_what_is_old_is_forgotten_and_what_is_pending_is_not(
    post: Post, receiver: Receiver
) -> None:
    """The outbox does not grow for ever."""
    hook = await post.hook(receiver)
    await post.vote(0)
    await post.round()
    await post.backend.webhooks.test(hook.webhook_id)

    assert await post.outbox.pending() == 1
    assert await post.outbox.prune(Micros(clock.now() + 1)) == 1
    assert [each.event for each in await post.deliveries(hook)] == ["webhook.test"]
    await post.backend.webhooks.delete(hook.webhook_id)
    assert await post.outbox.pending() == 0
