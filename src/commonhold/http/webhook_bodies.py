"""The bodies of webhooks."""

from __future__ import annotations

from typing import Annotated

from msgspec import Struct, structs

from commonhold.errors import FieldError, InvalidRequest
from commonhold.http.bodies import described
from commonhold.http.decode import whole
from commonhold.http.params import NO_NUL
from commonhold.model import ids
from commonhold.model.score import MOST_VALUE, SOURCES
from commonhold.model.webhook import (
    MAX_OVER,
    MAX_URL,
    SPANS,
    THUMB_NAMES,
    Conditions,
    NewWebhook,
    Ratio,
    WebhookPatch,
)

Name = Annotated[str, described(pattern=NO_NUL, minLength=1, maxLength=ids.MAX_ID)]
ModelName = Annotated[str, described(pattern=NO_NUL, minLength=1, maxLength=2 * ids.MAX_ID)]
Value = Annotated[float, described(minimum=-MOST_VALUE, maximum=MOST_VALUE)]
Url = Annotated[str, described(format="uri", maxLength=MAX_URL)]


class RatioBody(Struct):
    """The share of thumbs up falls `below` this, over at least `over` votes of the last `window`."""

    below: Annotated[float, described(exclusiveMinimum=0, maximum=1)]
    over: Annotated[float, described(type="integer", minimum=1, maximum=MAX_OVER)]
    window: Annotated[str, described(enum=list(SPANS))] = "hour"


class ConditionsBody(Struct):
    """What has to hold, all of it. At least `rating`, `ratio` or `name` is needed.

    `label`, `value_below` and `value_above` need a `name`; `ratio` excludes them and `rating`.
    """

    rating: Annotated[str, described(enum=list(THUMB_NAMES))] | None = None
    ratio: RatioBody | None = None
    name: Name | None = None
    label: Name | None = None
    value_below: Value | None = None
    value_above: Value | None = None
    agent: Name | None = None
    agent_type: Name | None = None
    model: ModelName | None = None
    source: Annotated[str, described(enum=list(SOURCES))] | None = None


class NewWebhookBody(Struct):
    """Where to tell, and of what."""

    url: Url
    conditions: ConditionsBody
    enabled: bool = True


class WebhookPatchBody(Struct):
    """What to change; null leaves a field as it is. Conditions are replaced whole."""

    url: Url | None = None
    conditions: ConditionsBody | None = None
    enabled: bool | None = None


def new_webhook(body: NewWebhookBody) -> NewWebhook:
    """The webhook that a body asks for.

    Raises:
        InvalidRequest: naming the field that is wrong.
    """
    return NewWebhook(body.url, _conditions(body.conditions), body.enabled)


def webhook_patch(body: WebhookPatchBody) -> WebhookPatch:
    """The change that a body asks for.

    Raises:
        InvalidRequest: naming the field that is wrong.
    """
    conditions = None if body.conditions is None else _conditions(body.conditions)
    return WebhookPatch(body.url, conditions, body.enabled)


def _conditions(body: ConditionsBody) -> Conditions:
    try:
        ratio = None if body.ratio is None else _ratio(body.ratio)
        return Conditions(**structs.asdict(body) | {"ratio": ratio})
    except InvalidRequest as error:
        fields = [FieldError(_within(each.loc), each.msg) for each in error.errors]
        raise InvalidRequest(error.detail, errors=fields) from None


def _ratio(body: RatioBody) -> Ratio:
    over = whole(body.over, "conditions")
    return Ratio(body.below, over or 0, body.window)  # type: ignore[arg-type]


def _within(loc: tuple[str | int, ...]) -> tuple[str | int, ...]:
    rest = loc[1:] if loc[:1] == ("body",) else loc
    return ("body", *(rest if rest[:1] == ("conditions",) else ("conditions", *rest)))
