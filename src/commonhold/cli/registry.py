"""`commonhold agents register` and its kin: which agents may call, on the database itself."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Annotated

import typer
from rich.markup import escape
from rich.text import Text

from commonhold import compose
from commonhold.auth.issuers import SERVICE_ACCOUNT
from commonhold.auth.principal import Principal
from commonhold.cli import agents
from commonhold.cli.columns import Cells, fitting, print_stacked, print_table, print_whole
from commonhold.cli.console import err, option, out, print_json
from commonhold.cli.plain import quoted
from commonhold.cli.whose import Tenant
from commonhold.model.registry import Binding, BindingKind, Identity, NewAgent
from commonhold.model.wire_registry import binding_out, registered_out
from commonhold.service.registry import AgentRegistry, Entry
from commonhold.settings import Settings

app = typer.Typer(
    help="List the agents that were seen and what each did; say which may call.",
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.callback(invoke_without_command=True)(agents.agents)

Database = Annotated[str | None, option("database", "Options", "URL")]
Name = Annotated[str, typer.Argument(metavar="AGENT", help="The agent.")]
AsJson = Annotated[bool, typer.Option("--json", help="JSON instead, for programs.")]
Issuer = Annotated[str, typer.Option("--issuer", metavar="ALIAS", help="The issuer that knows it.")]

_STYLES = {"active": "green", "disabled": "red"}
_TOLD = ("types", "bound to")


@app.command()
def register(
    agent: Name,
    types: Annotated[
        list[str] | None,
        typer.Option("--type", metavar="NAME", help="A type it may say to be of; repeat it."),
    ] = None,
    *,
    any_type: Annotated[
        bool, typer.Option("--any-type", help="It may say to be of any type.")
    ] = False,
    tenant: Tenant = None,
    as_json: AsJson = False,
    database: Database = None,
) -> None:
    """Register an agent, or say of which types one may be. A key that is made registers its agent."""
    if types and any_type:
        raise typer.BadParameter("--any-type excludes --type.")
    chosen = () if any_type else tuple(types) if types else None
    entry = asyncio.run(_put(_settings(database), tenant, NewAgent(agent, None, chosen)))
    _print_one(entry, "registered", as_json=as_json)


@app.command("list")
def list_(*, tenant: Tenant = None, as_json: AsJson = False, database: Database = None) -> None:
    """List the registered agents, and what is bound to each."""
    found = asyncio.run(_list(_settings(database), tenant))
    if as_json:
        for each in found:
            print_json(registered_out(each.agent, each.bindings))
    elif found:
        _print(found)
    else:
        err.print("No agent is registered. `commonhold agents register` does that.")


@app.command()
def disable(
    agent: Name, *, tenant: Tenant = None, as_json: AsJson = False, database: Database = None
) -> None:
    """Let an agent call no more. Every process of the service heeds it within two seconds."""
    _print_one(_set(database, tenant, NewAgent(agent, "disabled")), "disabled", as_json=as_json)


@app.command()
def enable(
    agent: Name, *, tenant: Tenant = None, as_json: AsJson = False, database: Database = None
) -> None:
    """Let an agent call again."""
    _print_one(_set(database, tenant, NewAgent(agent, "active")), "enabled", as_json=as_json)


@app.command()
def unregister(agent: Name, tenant: Tenant = None, database: Database = None) -> None:
    """Forget an agent and its bindings. Its keys open nothing any more; what it wrote stays."""
    asyncio.run(_unregister(_settings(database), tenant, agent))
    out.print(f"[yellow]forgotten[/]  {escape(agent)}")


@app.command()
def bind(
    agent: Name,
    issuer: Issuer,
    client: Annotated[
        str, typer.Option("--client", metavar="ID", help="A client of the issuer, as `azp` has it.")
    ] = "",
    service_account: Annotated[
        str, typer.Option("--service-account", metavar="NAMESPACE/NAME", help="Of Kubernetes.")
    ] = "",
    spiffe: Annotated[
        str, typer.Option("--spiffe", metavar="ID", help="A SPIFFE id, with its scheme.")
    ] = "",
    *,
    tenant: Tenant = None,
    as_json: AsJson = False,
    database: Database = None,
) -> None:
    """Let whoever an issuer knows by a name be this agent."""
    identity = _identity(issuer, client=client, service_account=service_account, spiffe=spiffe)
    bound = asyncio.run(_bind(_settings(database), tenant, agent, identity))
    if as_json:
        print_json(binding_out(bound))
    else:
        out.print(f"[green]bound[/]  {escape(_told(bound))}  {bound.binding_id}")


@app.command()
def unbind(
    agent: Name,
    binding_id: Annotated[
        str,
        typer.Argument(metavar="BINDING_ID", help="As `commonhold agents list --json` shows it."),
    ],
    tenant: Tenant = None,
    database: Database = None,
) -> None:
    """Let an identity be this agent no more."""
    gone = asyncio.run(_unbind(_settings(database), tenant, agent, binding_id))
    out.print(f"[yellow]unbound[/]  {escape(_told(gone))}")


def _identity(issuer: str, *, client: str, service_account: str, spiffe: str) -> Identity:
    given: list[tuple[BindingKind, str]] = []
    if client:
        given.append(("oidc_client", client))
    if service_account:
        given.append(("k8s_sa", _account(service_account)))
    if spiffe:
        given.append(("spiffe", spiffe))
    if len(given) != 1:
        raise typer.BadParameter("Give one of --client, --service-account and --spiffe.")
    ((kind, subject),) = given
    return Identity(kind, issuer, subject)


def _account(text: str) -> str:
    namespace, slash, name = text.partition("/")
    if not (namespace and slash and name) or not set(":/").isdisjoint(namespace + name):
        raise typer.BadParameter(
            f"{text!r} is no NAMESPACE/NAME, such as fleet/weather.", param_hint="--service-account"
        )
    return f"{SERVICE_ACCOUNT}{namespace}:{name}"


def _settings(database: str | None) -> Settings:
    settings = Settings.load({"database": database})
    compose.check_database_url(settings)
    return settings


def _set(database: str | None, tenant: str | None, new: NewAgent) -> Entry:
    return asyncio.run(_change(_settings(database), tenant, new))


@asynccontextmanager
async def _agents(
    settings: Settings, tenant: str | None
) -> AsyncIterator[tuple[AgentRegistry, Principal]]:
    """The registry, and who asks it: for a tenant."""
    caller = await compose.caller_of(settings, tenant)
    async with compose.open_registry(settings) as registry:
        yield registry, caller


async def _put(settings: Settings, tenant: str | None, new: NewAgent) -> Entry:
    async with _agents(settings, tenant) as (registry, caller):
        return await registry.put(caller, new)


async def _change(settings: Settings, tenant: str | None, new: NewAgent) -> Entry:
    async with _agents(settings, tenant) as (registry, caller):
        await registry.get(caller, new.agent)  # a mistyped name registers nobody
        return await registry.put(caller, new)


async def _list(settings: Settings, tenant: str | None) -> Sequence[Entry]:
    async with _agents(settings, tenant) as (registry, caller):
        return await registry.list(caller)


async def _unregister(settings: Settings, tenant: str | None, agent: str) -> None:
    async with _agents(settings, tenant) as (registry, caller):
        await registry.delete(caller, agent)


async def _bind(settings: Settings, tenant: str | None, agent: str, identity: Identity) -> Binding:
    async with _agents(settings, tenant) as (registry, caller):
        return await registry.bind(caller, agent, identity)


async def _unbind(settings: Settings, tenant: str | None, agent: str, binding_id: str) -> Binding:
    async with _agents(settings, tenant) as (registry, caller):
        return await registry.unbind(caller, agent, binding_id)


def _print_one(entry: Entry, done: str, *, as_json: bool) -> None:
    if as_json:
        print_json(registered_out(entry.agent, entry.bindings))
        return
    types = ", ".join(entry.agent.agent_types) or "any"
    style = _STYLES[entry.agent.status]
    out.print(f"[{style}]{done}[/]  {escape(entry.agent.agent)}, types: {escape(types)}")


def _print(found: Sequence[Entry]) -> None:
    cells = _cells(found)
    if not out.is_terminal:
        print_whole(cells, "bound to", out)
    elif shown := fitting(cells, "bound to", ("types",), out.width, names=("agent",)):
        print_table(shown, "bound to", out)
    else:
        heads = [
            Text("  ").join(pair) for pair in zip(cells["agent"], cells["status"], strict=True)
        ]
        rest = [[cells[name][at] for name in _TOLD] for at in range(len(found))]
        print_stacked(heads, rest, out)


def _cells(found: Sequence[Entry]) -> Cells:
    return {
        "agent": [quoted(each.agent.agent) for each in found],
        "status": [Text(each.agent.status, _STYLES[each.agent.status]) for each in found],
        "types": [quoted(", ".join(each.agent.agent_types) or "any") for each in found],
        "bound to": [quoted("; ".join(map(_told, each.bindings))) for each in found],
    }


def _told(binding: Binding) -> str:
    identity = binding.identity
    return f"{identity.kind} {identity.subject} of {identity.issuer}"
