"""Webhooks: who is told, under what conditions, and what became of each telling."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, get_args
from urllib.parse import SplitResult, urlsplit

from commonhold.errors import FieldError, InvalidRequest
from commonhold.model import ids
from commonhold.model.clock import Micros
from commonhold.model.opaque import JsonText
from commonhold.model.page import DEFAULT_LIMIT
from commonhold.model.score import MOST_VALUE, SOURCES, Score

Thumb = Literal["up", "down"]
Span = Literal["minute", "hour", "day", "week"]
Event = Literal["score.matched", "ratio.crossed", "webhook.test"]
DeliveryState = Literal["pending", "delivered", "dead"]
THUMB_NAMES: tuple[Thumb, ...] = get_args(Thumb)
SPANS: tuple[Span, ...] = get_args(Span)
EVENTS: tuple[Event, ...] = get_args(Event)
DELIVERY_STATES: tuple[DeliveryState, ...] = get_args(DeliveryState)

SPAN_US: Mapping[str, int] = {
    "minute": 60_000_000,
    "hour": 3_600_000_000,
    "day": 86_400_000_000,
    "week": 604_800_000_000,
}
"""The widths of windows, in microseconds."""

MAX_URL = 2048
MAX_WEBHOOKS = 100
"""Webhooks of one tenant: each is looked at for every score."""

MAX_OVER = 1_000_000

_RATINGS: Mapping[Thumb, int] = {"up": 1, "down": -1}
_URL = re.compile(r"[!-~]{1,2048}")
_NARROWING = ("agent", "agent_type", "model", "source")
_OF_A_VALUE = ("label", "value_below", "value_above")


@dataclass(frozen=True, slots=True)
class Ratio:
    """A share of thumbs up `below` this, over at least `over` thumbs of the last `window`."""

    below: float
    over: int
    window: Span = "hour"

    def __post_init__(self) -> None:
        if not 0 < self.below <= 1:
            raise _bad("ratio", "below must be above 0 and at most 1")
        if not 1 <= self.over <= MAX_OVER:
            raise _bad("ratio", f"over must be from 1 to {MAX_OVER} votes")
        _check_choice("ratio", self.window, SPANS, "window ")

    def is_bad(self, up: int, down: int) -> bool:
        """Whether so many thumbs are below it."""
        return up + down >= self.over and up / (up + down) < self.below

    def is_well(self, up: int, down: int) -> bool:
        """Whether they are not, however few: what is neither bad nor well changes nothing."""
        return not up + down or up / (up + down) >= self.below


@dataclass(frozen=True, slots=True)
class Conditions:
    """When a webhook is told: everything that is given has to hold.

    `agent`, `agent_type` and `model` are those of the answer that a score is about. A `ratio`
    counts the thumbs that the rest narrows it to, and tells when it falls and not of every vote.
    """

    rating: Thumb | None = None
    ratio: Ratio | None = None
    name: str | None = None
    label: str | None = None
    value_below: float | None = None
    value_above: float | None = None
    agent: str | None = None
    agent_type: str | None = None
    model: str | None = None
    source: str | None = None

    def __post_init__(self) -> None:
        if self.rating is not None:
            _check_choice("rating", self.rating, THUMB_NAMES)
        if self.source is not None:
            _check_choice("source", self.source, SOURCES)
        self._check_texts()
        self._check_what_is_asked()

    def _check_texts(self) -> None:
        for name in ("name", "label", "agent", "agent_type", "model"):
            value = getattr(self, name)
            most = 2 * ids.MAX_ID if name == "model" else ids.MAX_ID
            if value is not None and not 1 <= len(value) <= most:
                raise _bad(name, f"must be 1 to {most} characters")
        for name in ("value_below", "value_above"):
            value = getattr(self, name)
            if value is not None and not (math.isfinite(value) and abs(value) <= MOST_VALUE):
                raise _bad(name, "must be a number from -10^12 to 10^12")

    def _check_what_is_asked(self) -> None:
        of_a_value = [name for name in _OF_A_VALUE if getattr(self, name) is not None]
        if of_a_value and self.name is None:
            raise _bad(of_a_value[0], "needs a name, which says of which scores")
        if self.rating is None and self.ratio is None and self.name is None:
            raise _bad("conditions", "must have rating, ratio or name")
        if self.ratio is not None and (self.rating is not None or of_a_value):
            raise _bad("ratio", "goes with name, agent, agent_type, model and source only")

    @property
    def narrowed(self) -> Mapping[str, str | None]:
        """What the votes of a ratio are narrowed to."""
        return {name: getattr(self, name) for name in ("name", *_NARROWING)} | {"label": None}

    def match(self, score: Score) -> bool:
        """Whether a score is one to tell of. A ratio is no matter of a single score."""
        return self.ratio is None and self._is_about(score) and self._has_value(score)

    def _is_about(self, score: Score) -> bool:
        found = (score.turn.agent, score.agent_type, score.turn.model, score.source)
        asked = [getattr(self, name) for name in _NARROWING]
        return all(one is None or one == other for one, other in zip(asked, found, strict=True))

    def _has_value(self, score: Score) -> bool:
        value = score.value_num
        return (
            (self.rating is None or score.rating == _RATINGS[self.rating])
            and self.name in (None, score.name)
            and self.label in (None, score.label)
            and (self.value_below is None or (value is not None and value < self.value_below))
            and (self.value_above is None or (value is not None and value > self.value_above))
        )


@dataclass(frozen=True, slots=True)
class NewWebhook:
    """Where to tell, and of what."""

    url: str
    conditions: Conditions
    enabled: bool = True

    def __post_init__(self) -> None:
        parse_url(self.url)


@dataclass(frozen=True, slots=True)
class WebhookPatch:
    """What to change; None leaves it as it is. New conditions forget what an old ratio saw."""

    url: str | None = None
    conditions: Conditions | None = None
    enabled: bool | None = None

    def __post_init__(self) -> None:
        if self.url is not None:
            parse_url(self.url)


@dataclass(frozen=True, slots=True)
class Webhook:
    """A webhook. `secret` is there once: in the answer that made it.

    `fired_at` says since when its ratio has been bad; `disabled_because` why it was switched off,
    when its receiver asked for that.
    """

    webhook_id: str
    url: str
    conditions: Conditions
    enabled: bool
    created_by: str
    created_at: Micros
    updated_at: Micros
    disabled_because: str | None = None
    fired_at: Micros | None = None
    secret: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Delivery:
    """An event on its way to a receiver. `status` and `error` are of the last attempt."""

    delivery_id: str
    webhook_id: str
    event: Event
    score_id: str | None
    state: DeliveryState
    attempts: int
    due_at: Micros
    created_at: Micros
    updated_at: Micros
    status: int | None = None
    error: str | None = None


@dataclass(frozen=True, slots=True)
class DeliveryQuery:
    """A page of the deliveries of a webhook, newest first."""

    state: str | None = None
    limit: int = DEFAULT_LIMIT
    cursor: str | None = None

    def __post_init__(self) -> None:
        if self.state is not None:
            _check_choice("state", self.state, DELIVERY_STATES)


@dataclass(frozen=True, slots=True)
class Address:
    """A webhook that has something to send: its tenant and its id."""

    tenant: str
    webhook_id: str


@dataclass(frozen=True, slots=True)
class Letter:
    """What is to be sent; `attempts` have been made before."""

    delivery_id: str
    payload: JsonText
    attempts: int


@dataclass(frozen=True, slots=True)
class Batch:
    """What is to be sent to one receiver now."""

    address: Address
    url: str
    secret: str = field(repr=False)
    letters: Sequence[Letter]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of one attempt. One that stays pending is `due_at` again.

    `is_gone` says that the receiver wants no more, ever.
    """

    delivery_id: str
    state: DeliveryState
    due_at: Micros
    status: int | None = None
    error: str | None = None
    is_gone: bool = False


def parse_url(url: str) -> SplitResult:
    """The parts of a URL that something could be sent to.

    Raises:
        InvalidRequest: it is none, and what it must be.
    """
    rule = f"must be an https URL of at most {MAX_URL} characters, without user, password or #"
    try:
        parts = urlsplit(url)
        is_usable = bool(parts.hostname) and parts.port != 0
    except ValueError:
        raise _bad("url", rule) from None
    has_login = "@" in parts.netloc or "\\" in url or "#" in url
    if not _URL.fullmatch(url) or has_login or not is_usable:
        raise _bad("url", rule)
    if parts.scheme not in ("http", "https"):
        raise _bad("url", rule)
    return parts


def _check_choice(name: str, value: str, allowed: tuple[str, ...], what: str = "") -> None:
    if value not in allowed:
        raise _bad(name, f"{what}must be one of {', '.join(allowed)}")


def _bad(name: str, rule: str) -> InvalidRequest:
    return InvalidRequest(f"{name} {rule}.", errors=[FieldError((name,), rule)])
