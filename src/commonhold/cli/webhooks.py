"""`commonhold webhooks`: who is told of scores, and what became of it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Annotated, Any, TypeVar

import typer
from rich.text import Text

from commonhold.cli.columns import Cells, print_table, print_whole, right
from commonhold.cli.console import err, out, print_json
from commonhold.cli.plain import quoted
from commonhold.cli.reaching import WebhooksUrl, webhooks_at
from commonhold.cli.times import ago
from commonhold.contract.webhooks import Webhooks
from commonhold.errors import InvalidRequest
from commonhold.model import wire_webhooks
from commonhold.model.webhook import (
    Conditions,
    Delivery,
    DeliveryQuery,
    NewWebhook,
    Ratio,
    Webhook,
)

T = TypeVar("T")

app = typer.Typer(
    help="Tell others of scores, and see what became of it.",
    no_args_is_help=True,
    context_settings={"help_option_names": ["-h", "--help"]},
)

Id = Annotated[str, typer.Argument(metavar="ID", help="The id of the webhook.")]
AsJson = Annotated[bool, typer.Option("--json", help="One JSON object per line.")]
_STYLES = {"pending": "yellow", "delivered": "green", "dead": "red"}


def _text(name: str, doc: str) -> Any:
    return typer.Option(name, metavar="TEXT", help=doc)


def _number(name: str, doc: str) -> Any:
    return typer.Option(name, metavar="N", help=doc)


@app.command("list")
def list_webhooks(*, as_json: AsJson = False, url: WebhooksUrl = None) -> None:
    """List webhooks, the oldest first."""
    found = _ask(url, lambda webhooks: webhooks.list())
    if as_json:
        for each in found:
            print_json(wire_webhooks.webhook_out(each))
    elif found:
        _print(_webhook_cells(found), "url")
    else:
        err.print("There are no webhooks.")


@app.command()
def create(
    receiver: Annotated[str, typer.Argument(metavar="RECEIVER", help="The https URL to send to.")],
    *,
    rating: Annotated[str | None, _text("--rating", "Of thumbs: up or down.")] = None,
    ratio: Annotated[
        str | None,
        typer.Option(
            "--ratio",
            metavar="BELOW/OVER/WINDOW",
            help="When the share of thumbs up falls: 0.8/20/hour is below 80 % of at least 20.",
        ),
    ] = None,
    name: Annotated[str | None, _text("--name", "Of scores of this name.")] = None,
    label: Annotated[str | None, _text("--label", "With this label.")] = None,
    below: Annotated[float | None, _number("--below", "With a value below this.")] = None,
    above: Annotated[float | None, _number("--above", "With a value above this.")] = None,
    agent: Annotated[str | None, _text("--agent", "On answers of this agent.")] = None,
    agent_type: Annotated[str | None, _text("--agent-type", "On this type of agent.")] = None,
    model: Annotated[str | None, _text("--model", "On answers of this model.")] = None,
    source: Annotated[str | None, _text("--source", "From human, llm or code.")] = None,
    as_json: AsJson = False,
    url: WebhooksUrl = None,
) -> None:
    """Make a webhook, and print its secret: it is shown this once."""
    try:
        conditions = Conditions(
            *(rating, _ratio(ratio), name, label, below, above),  # type: ignore[arg-type]
            *(agent, agent_type, model, source),
        )
        new = NewWebhook(receiver, conditions)
    except InvalidRequest as error:
        raise typer.BadParameter(error.detail) from None
    made = _ask(url, lambda webhooks: webhooks.create(new))
    if as_json:
        print_json(wire_webhooks.webhook_out(made))
        return
    out.print(Text.assemble(("id      ", "dim"), made.webhook_id))
    out.print(Text.assemble(("secret  ", "dim"), made.secret or ""))
    err.print("Keep the secret: it is not shown again.")


@app.command()
def show(webhook: Id, *, url: WebhooksUrl = None) -> None:
    """Show a webhook, as JSON."""
    print_json(wire_webhooks.webhook_out(_ask(url, lambda webhooks: webhooks.get(webhook))))


@app.command()
def delete(webhook: Id, *, url: WebhooksUrl = None) -> None:
    """Remove a webhook, and what was to be sent to it."""
    _ask(url, lambda webhooks: webhooks.delete(webhook))


@app.command()
def deliveries(
    webhook: Id,
    *,
    state: Annotated[
        str | None, _text("--state", "Only those: pending, delivered or dead.")
    ] = None,
    limit: Annotated[int, typer.Option(min=1, max=1000, help="At most so many.")] = 20,
    as_json: AsJson = False,
    url: WebhooksUrl = None,
) -> None:
    """List what was sent, or is to be, the newest first."""
    try:
        query = DeliveryQuery(state, limit)
    except InvalidRequest as error:
        raise typer.BadParameter(error.detail) from None
    found = _ask(url, lambda webhooks: webhooks.deliveries(webhook, query)).items
    if as_json:
        for each in found:
            print_json(wire_webhooks.delivery_out(each))
    elif found:
        _print(_delivery_cells(found), "error")
    else:
        err.print("There are no deliveries.")


@app.command()
def retry(
    webhook: Id,
    delivery: Annotated[str, typer.Argument(metavar="DELIVERY", help="What to send again.")],
    *,
    url: WebhooksUrl = None,
) -> None:
    """Send once more what is dead, or waits."""
    _ask(url, lambda webhooks: webhooks.retry(webhook, delivery))


def _ask(url: str | None, call: Callable[[Webhooks], Awaitable[T]]) -> T:
    async def ask() -> T:
        async with webhooks_at(url) as webhooks:
            return await call(webhooks)

    return asyncio.run(ask())


def _ratio(told: str | None) -> Ratio | None:
    """A ratio out of an option.

    Raises:
        InvalidRequest: it is none.
    """
    if told is None:
        return None
    below, _, rest = told.partition("/")
    over, _, window = rest.partition("/")
    try:
        return Ratio(float(below), int(over), window)  # type: ignore[arg-type]
    except ValueError:
        raise InvalidRequest("--ratio must be such as 0.8/20/hour.") from None


def _print(cells: Cells, spoken: str) -> None:
    if out.is_terminal:
        print_table(cells, spoken, out)
    else:
        print_whole(cells, spoken, out)


def _webhook_cells(found: Sequence[Webhook]) -> Cells:
    return {
        "id": [Text(each.webhook_id) for each in found],
        "made": [Text(ago(each.created_at), "dim") for each in found],
        "state": [_state(each) for each in found],
        "when": [_when(each.conditions) for each in found],
        "url": [quoted(each.url) for each in found],
    }


def _state(webhook: Webhook) -> Text:
    if not webhook.enabled:
        return Text("gone" if webhook.disabled_because else "off", "red")
    return Text("fired", "yellow") if webhook.fired_at else Text("on", "green")


def _when(conditions: Conditions) -> Text:
    told = wire_webhooks.conditions_out(conditions)
    ratio = told.pop("ratio", None)
    parts = [f"{name}={value}" for name, value in told.items()]
    if ratio:
        parts.insert(0, f"ratio<{ratio['below']:g}/{ratio['over']}/{ratio['window']}")
    return quoted(" ".join(parts))


def _delivery_cells(found: Sequence[Delivery]) -> Cells:
    return {
        "id": [Text(each.delivery_id) for each in found],
        "made": [Text(ago(each.created_at), "dim") for each in found],
        "state": [Text(each.state, _STYLES[each.state]) for each in found],
        "event": [Text(each.event) for each in found],
        "attempts": [right(str(each.attempts)) for each in found],
        "status": [right("" if each.status is None else str(each.status)) for each in found],
        "error": [quoted(each.error or "") for each in found],
    }
